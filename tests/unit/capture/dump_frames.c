/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what a capture source delivers, one line a frame, for tests that compare it with tshark's
 * view or with what was sent: time in ns, captured and wire octets, link type, interface, VLAN tag,
 * segment size, bits, CRC-32 of the octets. Messages and, last, the counters go to standard error.
 *
 *   dump_frames [-k KIND] [-s SNAPLEN] [-B BUFFER] [-c COUNT] [-t SECONDS] [-l] [-q] NAME...
 *
 * -l: names are interfaces; "ready" is printed once they are open.
 * -q: frames are only counted. SIGTERM ends it as -t does.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "capture/capture.h"

struct dump {
	const struct capture_kind *kind;
	struct capture_settings settings;
	uint64_t frames_max, seconds;
	bool live, quiet;
};

static volatile sig_atomic_t ended;

static void end(int number)
{
	ended = 1;
}

static const struct capture_kind *kind_named(const char *name)
{
	for (unsigned i = 0; capture_kinds[i]; i++)
		if (strcmp(capture_kinds[i]->name, name) == 0)
			return capture_kinds[i];
	fprintf(stderr, "dump_frames: no capture kind %s\n", name);
	exit(2);
}

static void parse_arguments(struct dump *d, int argc, char **argv)
{
	for (int option; (option = getopt(argc, argv, "k:s:B:c:t:lq")) != -1;) {
		switch (option) {
		case 'k': d->kind = kind_named(optarg); break;
		case 's': d->settings.snaplen_bytes = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'B': d->settings.buffer_bytes = strtoull(optarg, NULL, 10); break;
		case 'c': d->frames_max = strtoull(optarg, NULL, 10); break;
		case 't': d->seconds = strtoull(optarg, NULL, 10); break;
		case 'l': d->live = true; break;
		case 'q': d->quiet = true; break;
		default: exit(2);
		}
	}
	d->settings.names = (const char *const *)(argv + optind);
	d->settings.name_count = (unsigned)(argc - optind);
	if (!d->kind)
		d->kind = d->live ? capture_kind_live() : capture_kind_files();
}

static void print_batch(const struct frame_batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct frame *f = &batch->frame[i];
		printf("%" PRIu64 " %u %u %u %u %04x %u %u %u %08lx\n", f->time_ns,
		        f->captured_bytes,
		       f->wire_bytes, f->link_type, f->interface, f->vlan_tpid, f->vlan_tci,
		       f->gso_bytes, f->bits, crc32(0, f->data, f->captured_bytes));
	}
}

static void print_counters(const struct dump *d, struct capture *c)
{
	struct capture_counters n;
	const struct capture_interface *interfaces;
	d->kind->counters(c, &n);
	fprintf(stderr, "counters frames=%" PRIu64 " octets=%" PRIu64 " kernel_drops=%" PRIu64
	        " interface_drops=%" PRIu64 " drops_known=%d read=%" PRIu64 " total=%" PRIu64 "\n",
	        n.frames, n.octets, n.kernel_drops, n.interface_drops, n.drops_known,
	        n.file_bytes_read, n.file_bytes_total);
	unsigned count = d->kind->interfaces(c, &interfaces);
	for (unsigned i = 0; i < count; i++)
		fprintf(stderr, "interface %u name=%s index=%u mac=%02x\n", i, interfaces[i].name,
		        interfaces[i].index, interfaces[i].mac[5]);
}

static int run(const struct dump *d, struct capture *c)
{
	static struct frame_batch batch;
	struct error err;
	uint64_t frames = 0;
	int status = 0;
	time_t until = d->seconds ? time(NULL) + (time_t)d->seconds : 0;
	while (!ended && (!d->frames_max || frames < d->frames_max) &&
	       (!until || time(NULL) < until)) {
		int r = d->kind->read(c, 100000000, &batch, &err);
		if (r == -ENODATA)
			break;
		if (r < 0) {
			fprintf(stderr, "error %s\n", err.text);
			status = 1;
		}
		if (r <= 0)
			continue;
		frames += (unsigned)r;
		if (!d->quiet)
			print_batch(&batch);
		if (d->live)
			fflush(stdout);
		d->kind->release(c, batch.hold);
	}
	return status;
}

int main(int argc, char **argv)
{
	struct dump d = { .kind = NULL };
	struct capture *c;
	struct error err;
	parse_arguments(&d, argc, argv);
	if (d.kind->open(&d.settings, &c, &err)) {
		fprintf(stderr, "error %s\n", err.text);
		return 2;
	}
	signal(SIGTERM, end);
	if (d.live)
		fprintf(stderr, "ready\n");
	int status = run(&d, c);
	print_counters(&d, c);
	d.kind->close(c);
	return status;
}

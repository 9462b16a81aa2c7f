/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live interfaces through libpcap, for systems where there is no ring of our own: a thread for each
 * interface copies frames into a bounded queue. What the queue cannot take is counted as a drop.
 * libpcap is used in its buffered mode; a poll for each packet would cost ten times as much.
 * On Linux af_packet.c is the better choice; this one can be asked for by name.
 * Neighbours: frame_queue.c, link.c (messages).
 */
#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/compiler.h"
#include "capture/frame_queue.h"
#include "capture/link.h"
#include "capture/source.h"

enum {
	TIMEOUT_MS = 20,
	SNAPLEN_BYTES = 262144,
	DISPATCH_COUNT = 1024,                  /* frames between two looks at the stop flag */
	STATS_ROUNDS = 64,                      /* libpcap opens files to tell its drops */
	LINKTYPE_RAW = 101, LINKTYPE_ATM_RFC1483 = 100,
};
#define QUEUE_BYTES  (UINT64_C(32) << 20)
#define QUIET_LAG_NS (UINT64_C(5) * TIMEOUT_MS * 1000000)

struct lane {                           /* one interface and its thread */
	struct libpcap *source;
	pcap_t *pcap;
	pthread_t thread;
	bool started;
	uint32_t fraction_ns;           /* unit of libpcap's second time field */
	uint16_t link_type, interface;
	struct frame_writer writer;
	atomic_uint_fast64_t kernel_drops, interface_drops;     /* written by the thread */
	atomic_bool ended;              /* the thread gave up; failure says why */
	bool told;
	struct error failure;           /* written before ended is set */
};

/* The source: a thread for each lane, and the queue that they all write. */
struct libpcap {
	struct capture capture;
	unsigned count;
	struct lane *lanes;             /* one an interface, owned */
	struct capture_interface *interfaces;   /* by lane, owned */
	struct frame_queue queue;       /* between the lanes and the reader */
	atomic_bool stop;               /* the lanes are to end */
	uint64_t clock_ns;              /* that the whole source has reached */
	atomic_uint_fast64_t frames, octets;
};

static struct libpcap *source_of(struct capture *c)
{
	return container_of(c, struct libpcap, capture);
}

static void libpcap_close(struct capture *c)
{
	if (!c)
		return;
	struct libpcap *s = source_of(c);
	atomic_store(&s->stop, true);
	for (unsigned i = 0; i < s->count; i++) {
		if (s->lanes[i].started)
			pthread_join(s->lanes[i].thread, NULL);
		if (s->lanes[i].pcap)
			pcap_close(s->lanes[i].pcap);
	}
	frame_queue_fini(&s->queue);
	free(s->lanes);
	free(s->interfaces);
	free(s);
}

/* libpcap's numbers in memory differ from those in files for a few old link types. */
static uint16_t link_type_of(int dlt)
{
	switch (dlt) {
	case DLT_RAW:
		return LINKTYPE_RAW;
	case DLT_ATM_RFC1483:
		return LINKTYPE_ATM_RFC1483;
	default:
		return (uint16_t)dlt;
	}
}

/* The causes that users meet have messages of their own, the same as those of the kernel's ring. */
static int activate_failed(pcap_t *pcap, const char *name, int code, struct error *err)
{
	if (code == PCAP_ERROR_NO_SUCH_DEVICE)
		return link_not_found(name, err);
	if (code == PCAP_ERROR_PERM_DENIED || code == PCAP_ERROR_PROMISC_PERM_DENIED)
		return link_not_permitted(name, err);
	const char *text = pcap_geterr(pcap);
	return error_set(err, -EIO, "%s: cannot be captured from: %s", name,
	                 *text ? text : pcap_statustostr(code));
}

/* Non-blocking, so that the thread can hand over what it has when nothing more comes; the timeout
 * is how long the kernel may keep a buffer that is not full. */
static int open_pcap(struct lane *lane, const char *name, const struct capture_settings *settings,
                     struct error *err)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_create(name, text);
	if (!pcap)
		return error_set(err, -EIO, "%s: cannot be captured from: %s", name, text);
	uint64_t buffer = settings->buffer_bytes > INT32_MAX ? INT32_MAX : settings->buffer_bytes;
	uint32_t snaplen = settings->snaplen_bytes ? settings->snaplen_bytes : SNAPLEN_BYTES;
	pcap_set_snaplen(pcap, snaplen > INT32_MAX ? INT32_MAX : (int)snaplen);
	pcap_set_promisc(pcap, settings->promiscuous);
	pcap_set_timeout(pcap, TIMEOUT_MS);
	if (buffer)
		pcap_set_buffer_size(pcap, (int)buffer);
	bool ns = pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO) == 0;
	int r = pcap_activate(pcap);
	if (r >= 0 && pcap_setnonblock(pcap, 1, text) < 0)
		r = PCAP_ERROR;
	if (r < 0) {
		r = activate_failed(pcap, name, r, err);
		pcap_close(pcap);
		return r;
	}
	lane->pcap = pcap;
	lane->fraction_ns = ns ? 1 : 1000;
	lane->link_type = link_type_of(pcap_datalink(pcap));
	return 0;
}

/* The wire cannot have had fewer octets than were captured, whatever the header says. */
static void take_frame(u_char *context, const struct pcap_pkthdr *header, const u_char *octets)
{
	struct lane *lane = (struct lane *)(void *)context;
	frame_writer_put(&lane->writer, &(struct frame){
		.data = octets,
		.time_ns = (uint64_t)header->ts.tv_sec * 1000000000 +
		           (uint64_t)header->ts.tv_usec * lane->fraction_ns,
		.captured_bytes = header->caplen,
		.wire_bytes = header->len > header->caplen ? header->len : header->caplen,
		.link_type = lane->link_type,
		.interface = lane->interface,
	});
}

static void note_drops(struct lane *lane)
{
	struct pcap_stat stat;
	if (pcap_stats(lane->pcap, &stat))
		return;
	atomic_store_explicit(&lane->kernel_drops, stat.ps_drop, memory_order_relaxed);
	atomic_store_explicit(&lane->interface_drops, stat.ps_ifdrop, memory_order_relaxed);
}

static void wait_for_frames(struct lane *lane)
{
	struct pollfd pollfd = { .fd = pcap_get_selectable_fd(lane->pcap), .events = POLLIN };
	poll(&pollfd, pollfd.fd >= 0, TIMEOUT_MS);
}

/* What was copied is handed over in any case when nothing more came. Drops are read only now and
 * then: each time is a system call. */
static void *lane_run(void *context)
{
	struct lane *lane = context;
	struct libpcap *s = lane->source;
	unsigned rounds = 0;
	while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		int n = pcap_dispatch(lane->pcap, DISPATCH_COUNT, take_frame, (u_char *)lane);
		if (n < 0) {
			error_set(&lane->failure, -EIO, "%s: capturing ended: %s",
			          s->interfaces[lane->interface].name, pcap_geterr(lane->pcap));
			break;
		}
		frame_writer_flush(&lane->writer, n == 0);
		if (n == 0 || ++rounds % STATS_ROUNDS == 0)
			note_drops(lane);
		if (n < DISPATCH_COUNT)
			wait_for_frames(lane);
	}
	note_drops(lane);
	frame_writer_fini(&lane->writer);
	atomic_store(&lane->ended, true);
	return NULL;
}

/* Signals are for the threads of the caller. */
static int start_lane(struct lane *lane, struct error *err)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&lane->thread, NULL, lane_run, lane);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	lane->started = r == 0;
	return r ? error_set(err, -r, "no capture thread: %s", strerror(r)) : 0;
}

/* The lane counts as soon as it is begun, so that close() cleans up what an error leaves. */
static int open_lane(struct libpcap *s, const char *name, const struct capture_settings *settings,
                     struct error *err)
{
	struct lane *lane = &s->lanes[s->count];
	struct capture_interface *interface = &s->interfaces[s->count];
	lane->source = s;
	lane->interface = (uint16_t)s->count;
	lane->writer.queue = &s->queue;
	s->count++;
	int r = open_pcap(lane, name, settings, err);
	if (r)
		return r;
	snprintf(interface->name, sizeof interface->name, "%s", name);
	interface->index = if_nametoindex(name);
	return start_lane(lane, err);
}

static int libpcap_open(const struct capture_settings *settings, struct capture **ret,
                        struct error *err)
{
	unsigned count = settings->name_count;
	if (!count || count > UINT16_MAX)
		return error_set(err, -EINVAL, "%u interfaces named; expected 1 to %d", count,
		                 UINT16_MAX);
	struct libpcap *s = calloc(1, sizeof *s);
	if (!s)
		return error_set(err, -ENOMEM, "out of memory");
	s->capture.kind = &capture_libpcap;
	s->lanes = calloc(count, sizeof *s->lanes);
	s->interfaces = calloc(count, sizeof *s->interfaces);
	uint64_t limit = settings->buffer_bytes ? settings->buffer_bytes : QUEUE_BYTES;
	int r = frame_queue_init(&s->queue, limit);
	if (r || !s->lanes || !s->interfaces)
		r = error_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; !r && i < count; i++)
		r = open_lane(s, settings->names[i], settings, err);
	if (r) {
		libpcap_close(&s->capture);
		return r;
	}
	*ret = &s->capture;
	return 0;
}

/* As in af_packet.c, with one queue in the place of the rings. */
static void advance_clock(struct libpcap *s)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t reached = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec - QUIET_LAG_NS;
	uint64_t oldest = frame_queue_oldest_ns(&s->queue);
	if (oldest && oldest < reached)
		reached = oldest;
	if (reached > s->clock_ns)
		s->clock_ns = reached;
}

/* The queue is empty: tells lanes that have ended, one a call. */
static int check_lanes(struct libpcap *s, struct error *err)
{
	unsigned ended = 0;
	for (unsigned i = 0; i < s->count; i++) {
		struct lane *lane = &s->lanes[i];
		if (!atomic_load(&lane->ended))
			continue;
		if (frame_queue_oldest_ns(&s->queue))
			return 0;               /* its last frames came meanwhile */
		ended++;
		if (!lane->told) {
			lane->told = true;
			return error_set(err, -EIO, "%s", lane->failure.text);
		}
	}
	return ended == s->count ? -ENODATA : 0;
}

static int libpcap_read(struct capture *c, uint64_t wait_ns, struct frame_batch *ret,
                        struct error *err)
{
	struct libpcap *s = source_of(c);
	int r = (int)frame_queue_read(&s->queue, wait_ns, ret);
	if (r == 0)
		r = check_lanes(s, err);
	uint64_t octets = 0;
	for (uint32_t i = 0; i < ret->count; i++)
		octets += frame_octets(&ret->frame[i]);
	counter_add(&s->frames, ret->count);
	counter_add(&s->octets, octets);
	advance_clock(s);
	ret->clock_ns = s->clock_ns;
	return r;
}

static void libpcap_release(struct capture *c, void *hold)
{
	block_release(hold);
}

static void libpcap_counters(struct capture *c, struct capture_counters *ret)
{
	struct libpcap *s = source_of(c);
	struct capture_counters n = {
		.frames = atomic_load_explicit(&s->frames, memory_order_relaxed),
		.octets = atomic_load_explicit(&s->octets, memory_order_relaxed),
		.kernel_drops = atomic_load_explicit(&s->queue.drops, memory_order_relaxed),
		.drops_known = true,
	};
	for (unsigned i = 0; i < s->count; i++) {
		struct lane *lane = &s->lanes[i];
		n.kernel_drops += atomic_load_explicit(&lane->kernel_drops, memory_order_relaxed);
		n.interface_drops += atomic_load_explicit(&lane->interface_drops,
		                                          memory_order_relaxed);
	}
	*ret = n;
}

static unsigned libpcap_interfaces(struct capture *c, const struct capture_interface **ret)
{
	struct libpcap *s = source_of(c);
	*ret = s->interfaces;
	return s->count;
}

const struct capture_kind capture_libpcap = {
	.name = "libpcap",
	.help = "interfaces through libpcap, on any system",
	.live = true,
	.open = libpcap_open,
	.read = libpcap_read,
	.release = libpcap_release,
	.counters = libpcap_counters,
	.interfaces = libpcap_interfaces,
	.close = libpcap_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a long workload of a short capture: its packets again and again, cut to 128 octets, with
 * new times, one packet a microsecond.
 *
 *   bench_repeat CAPTURE FILE PACKETS COPIES
 *
 * COPIES 1: one copy after the other, always the same flows. More: so many copies side by side
 * (packet 0 of each, packet 1 of each, ...), each with addresses of its own, which change when the
 * whole was written eight times: flows come, live a while and are replaced by others.
 * Ends with the line packets=N octets=N flows=N. Packets whose flow the bench cannot tell are left
 * out, and said so. Neighbours: truth.h, capture.h.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "frames.h"
#include "truth.h"

enum { SNAP_BYTES = 128, ROUNDS_PER_ADDRESS = 8, COPIES_MAX = 4096 };

struct sample {
	uint8_t octets[SNAP_BYTES];
	uint32_t captured, length;
	struct layout layout;
};

struct samples {
	struct sample *all;
	size_t count, room;
	size_t left_out;
};

static void *grow(void *memory, size_t bytes)
{
	void *grown = realloc(memory, bytes);
	if (!grown)
		abort();
	return grown;
}

static void take(struct samples *samples, const uint8_t *octets, uint32_t captured, uint32_t length)
{
	struct sample sample = { .captured = captured > SNAP_BYTES ? SNAP_BYTES : captured,
		                 .length = length };

	if (samples->count == samples->room) {
		samples->room = samples->room ? 2 * samples->room : 4096;
		samples->all = grow(samples->all, samples->room * sizeof *samples->all);
	}
	memcpy(sample.octets, octets, sample.captured);
	if (!layout_read(sample.octets, sample.captured, &sample.layout))
		samples->left_out++;
	else
		samples->all[samples->count++] = sample;
}

/* Plain pcap of this machine's byte order, Ethernet; microseconds or nanoseconds are all one. */
static void load(const char *path, struct samples *samples)
{
	static uint8_t octets[1 << 18];
	uint32_t head[6], packet[4];
	FILE *file = fopen(path, "rb");

	bool good = file && fread(head, sizeof head, 1, file) == 1 && head[5] == 1 &&
		(head[0] == 0xa1b2c3d4 || head[0] == 0xa1b23c4d);
	if (!good) {
		fprintf(stderr, "bench_repeat: %s is no plain pcap file of Ethernet\n", path);
		exit(1);
	}
	while (fread(packet, sizeof packet, 1, file) == 1 && packet[2] <= sizeof octets &&
	       fread(octets, packet[2], 1, file) == 1)
		take(samples, octets, packet[2], packet[3]);
	fclose(file);
	if (samples->count == 0) {
		fprintf(stderr, "bench_repeat: %s has no packet of use\n", path);
		exit(1);
	}
	if (samples->left_out)
		fprintf(stderr, "bench_repeat: %zu packets of %s left out\n", samples->left_out, path);
}

/* Changes the lower 24 bits of both addresses; `change` 0 leaves them. */
static void readdress(uint8_t *frame, const struct layout *layout, uint32_t change)
{
	for (unsigned end = 1; end <= 2; end++) {
		uint8_t *tail = frame + layout->addresses + end * layout->address_bytes - 3;
		tail[0] ^= (uint8_t)(change >> 16);
		tail[1] ^= (uint8_t)(change >> 8);
		tail[2] ^= (uint8_t)change;
	}
}

static void write_one(struct capture *capture, struct truth *truth, const struct sample *sample,
                      uint32_t change)
{
	uint8_t octets[SNAP_BYTES];
	struct capture_frame frame = { octets, sample->captured, sample->length,
		sample->layout.ip_octets, capture->packets };

	memcpy(octets, sample->octets, sample->captured);
	readdress(octets, &sample->layout, change);
	truth_add(truth, octets, &sample->layout);
	capture_write(capture, &frame);
}

static void write_all(struct capture *capture, struct truth *truth, const struct samples *samples,
                      uint64_t packets, uint32_t copies)
{
	for (uint64_t round = 0;; round++) {
		uint64_t generation = round / ROUNDS_PER_ADDRESS;
		for (size_t i = 0; i < samples->count; i++) {
			for (uint32_t copy = 0; copy < copies; copy++) {
				uint64_t name = generation * copies + copy;
				uint32_t change = copies == 1 ? 0 : frame_scatter(name) & 0xffffff;
				if (capture->packets == packets)
					return;
				write_one(capture, truth, &samples->all[i], change);
			}
		}
	}
}

int main(int argc, char **argv)
{
	struct samples samples = { 0 };
	struct capture capture;

	if (argc != 5) {
		fprintf(stderr, "usage: bench_repeat CAPTURE FILE PACKETS COPIES\n");
		return 2;
	}
	uint64_t packets = number_argument("PACKETS", argv[3], UINT32_MAX);
	uint32_t copies = (uint32_t)number_argument("COPIES", argv[4], COPIES_MAX);
	load(argv[1], &samples);
	uint64_t rounds = packets / (samples.count * copies) + 1;
	uint64_t addresses = copies == 1 ? 1 : copies * (rounds / ROUNDS_PER_ADDRESS + 1);
	struct truth *truth = truth_new(samples.count * addresses);
	if (!truth)
		abort();
	capture_open(&capture, argv[2]);
	write_all(&capture, truth, &samples, packets, copies);
	capture_close(&capture, truth_flows(truth));
	truth_free(truth);
	free(samples.all);
	return 0;
}

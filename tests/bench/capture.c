/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the frames of the bench into a capture file.
 *
 *   bench_capture FILE PACKETS FLOWS
 *
 * One microsecond from frame to frame. Ends with one line: packets=N octets=N flows=N, where flows
 * are those that truly occur.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"

static uint64_t write_frames(FILE *out, uint64_t packets, uint32_t flows, uint8_t *seen)
{
	uint64_t distinct = 0;
	uint8_t frame[FRAME_BYTES];

	for (uint64_t i = 0; i < packets; i++) {
		uint32_t flow = frame_flow(i, flows);
		uint32_t head[4] = { 1700000000u + (uint32_t)(i / 1000000), (uint32_t)(i % 1000000),
			FRAME_BYTES, FRAME_BYTES };
		frame_fill(frame, flow);
		distinct += !seen[flow];
		seen[flow] = 1;
		fwrite(head, sizeof(head), 1, out);
		fwrite(frame, sizeof(frame), 1, out);
	}
	return distinct;
}

int main(int argc, char **argv)
{
	static const uint32_t head[6] = { 0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1 };

	if (argc != 4) {
		fprintf(stderr, "usage: bench_capture FILE PACKETS FLOWS\n");
		return 2;
	}
	uint64_t packets = strtoull(argv[2], NULL, 10);
	uint32_t flows = (uint32_t)strtoul(argv[3], NULL, 10);
	uint8_t *seen = calloc(flows ? flows : 1, 1);
	FILE *out = fopen(argv[1], "wb");
	if (!out || !seen || flows == 0) {
		fprintf(stderr, "bench_capture: cannot write %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	fwrite(head, sizeof(head), 1, out);
	uint64_t distinct = write_frames(out, packets, flows, seen);
	free(seen);
	if (fclose(out) != 0) {
		fprintf(stderr, "bench_capture: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	printf("packets=%" PRIu64 " octets=%" PRIu64 " flows=%" PRIu64 "\n", packets,
	       packets * FRAME_IP_BYTES, distinct);
	return 0;
}

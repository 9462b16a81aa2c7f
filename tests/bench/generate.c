/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the crafted workloads of the bench into a capture file.
 *
 *   bench_generate uniform4|uniform6|churn|flood FILE PACKETS FLOWS PER_SECOND SEED
 *
 * uniform: each packet draws its flow evenly out of FLOWS: no locality, the worst case.
 * churn:   every flow has two packets 100 ms apart, and those of TCP end in FIN.
 * flood:   every packet is a flow of its own.
 * FLOWS is read by uniform only, SEED too. Ends with the line packets=N octets=N flows=N: what was
 * written, and the flows that truly occur. Neighbours: frames.h, capture.h.
 */
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "frames.h"

enum { CHURN_GAP_US = 100000 };

struct plan {
	unsigned family;
	uint64_t packets;
	uint32_t flows;
	uint64_t per_second;
	uint64_t seed;
};

static void write_packet(struct capture *capture, const struct plan *plan, uint32_t flow,
                         uint8_t flags, uint64_t time_us)
{
	uint8_t octets[FRAME_BYTES_MAX];
	unsigned bytes = frame_make(octets, plan->family, flow, flags);
	struct capture_frame frame = { octets, bytes, bytes, bytes - FRAME_ETHERNET_BYTES, time_us };
	capture_write(capture, &frame);
}

static uint64_t time_of(const struct plan *plan, uint64_t packet)
{
	return packet * 1000000 / plan->per_second;
}

static uint64_t write_uniform(struct capture *capture, const struct plan *plan)
{
	uint8_t *seen = calloc(plan->flows, 1);
	uint64_t distinct = 0;

	if (!seen)
		abort();
	for (uint64_t i = 0; i < plan->packets; i++) {
		uint32_t flow = frame_draw(plan->seed, i, plan->flows);
		distinct += !seen[flow];
		seen[flow] = 1;
		write_packet(capture, plan, flow, FRAME_ACK, time_of(plan, i));
	}
	free(seen);
	return distinct;
}

/* First packets come at half the rate, in even slots of time; second packets in odd ones. */
static uint64_t write_churn(struct capture *capture, const struct plan *plan)
{
	uint64_t flows = plan->packets / 2, first = 0, second = 0;

	while (second < flows) {
		uint64_t next_first = time_of(plan, 2 * first);
		uint64_t next_second = time_of(plan, 2 * second + 1) + CHURN_GAP_US;
		if (first < flows && next_first <= next_second)
			write_packet(capture, plan, (uint32_t)first++, FRAME_SYN, next_first);
		else
			write_packet(capture, plan, (uint32_t)second++, FRAME_FIN | FRAME_ACK, next_second);
	}
	return flows;
}

static uint64_t write_flood(struct capture *capture, const struct plan *plan)
{
	for (uint64_t i = 0; i < plan->packets; i++)
		write_packet(capture, plan, (uint32_t)i, FRAME_SYN, time_of(plan, i));
	return plan->packets;
}

static const struct kind {
	const char *name;
	unsigned family;
	uint64_t packets_max;   /* so that no flow's number is used twice */
	uint64_t (*write)(struct capture *capture, const struct plan *plan);
} kinds[] = {
	{ "uniform4", 4, UINT32_MAX, write_uniform },
	{ "uniform6", 6, UINT32_MAX, write_uniform },
	{ "churn", 4, 2 * (uint64_t)FRAME_FLOWS_MAX, write_churn },
	{ "flood", 4, FRAME_FLOWS_MAX, write_flood },
};

static const struct kind *kind_named(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	fprintf(stderr, "bench_generate: no kind \"%s\"; expected uniform4, uniform6, churn or flood\n",
	        name);
	exit(2);
}

int main(int argc, char **argv)
{
	struct capture capture;

	if (argc != 7) {
		fprintf(stderr, "usage: bench_generate KIND FILE PACKETS FLOWS PER_SECOND SEED\n");
		return 2;
	}
	const struct kind *kind = kind_named(argv[1]);
	struct plan plan = {
		.family = kind->family,
		.packets = number_argument("PACKETS", argv[3], kind->packets_max),
		.flows = (uint32_t)number_argument("FLOWS", argv[4], FRAME_FLOWS_MAX),
		.per_second = number_argument("PER_SECOND", argv[5], UINT32_MAX),
		.seed = number_argument("SEED", argv[6], UINT32_MAX >> 8),
	};
	capture_open(&capture, argv[2]);
	uint64_t flows = kind->write(&capture, &plan);
	capture_close(&capture, flows);
	return 0;
}

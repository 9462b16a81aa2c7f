/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How payload is spread over the packets that have any, each way: least, greatest, deviation, small
 * and large ones. Neighbour: sizes.c, which has its sum. Formulas: docs/measures.md.
 */
#include "base/compiler.h"
#include "measure/measure.h"
#include "measure/moments.h"
#include "measure/segments.h"

enum { SMALL_BELOW = 60, LARGE_ABOVE = 225 };   /* octets of payload; the bounds of YAF */

struct side {                           /* what is full stays at its largest value */
	uint64_t packets, octets, squares;
	uint32_t shortest;              /* ~ of the length, so that zero is none yet */
	uint32_t longest;
	uint32_t small, large;          /* packets */
	uint64_t reserved[3];           /* a line for each side: a packet touches one */
};

struct data {
	struct side side[2];            /* by key endpoint */
};

/* Packets without payload leave everything as it is, by masks rather than by a branch. */
static inline void count(struct side *s, uint32_t payload)
{
	uint32_t some = payload != 0;
	s->packets += some;
	s->octets += payload;
	s->squares = add_up_to_most(s->squares, (uint64_t)payload * payload);
	s->shortest = larger_32(s->shortest, ~payload & -some);
	s->longest = larger_32(s->longest, payload);
	s->small += (payload - 1 < SMALL_BELOW - 1) & (s->small != UINT32_MAX);
	s->large += (payload > LARGE_ABOVE) & (s->large != UINT32_MAX);
}

/* A super-frame is taken apart into the packets that it was on the wire. */
static void data_update(const struct hook_call *call)
{
	for (unsigned i = 0; i < call->count; i++) {
		const struct packet *p = call->touch[i]->packet;
		struct side *s = &((struct data *)touch_space(call, i))->side[call->touch[i]->sender];
		if (likely(p->wire_packets == 1))
			count(s, p->payload_bytes);
		else
			for (struct segment left = segment_first(p); left.bytes; segment_next(&left, p))
				count(s, left.payload);
	}
}

/* ---- writing --------------------------------------------------------------------------------- */

static struct moments moments_of(const struct flow_view *view, unsigned side)
{
	const struct side *s = &((const struct data *)view->space)->side[side];
	return (struct moments){
		.count = s->packets, .sum = s->octets,
		.squares = { s->squares, moments_high_half(s->squares) },
		.shortest = s->shortest ? ~(uint64_t)~s->shortest : 0, .longest = s->longest,
	};
}

enum field_of_data {
	MINIMUM, MAXIMUM, DEVIATION, SQUARES, SMALL_PACKETS, LARGE_PACKETS,
	/* of both directions, in the order of enum moment */
	BIFLOW_MINIMUM, BIFLOW_MAXIMUM, BIFLOW_MEAN, BIFLOW_DEVIATION,
};

static const char *const data_fields[] = {
	"minimumPayloadLength", "maxPacketSize", "payloadLengthStandardDeviation",
	"payloadSumOfSquares", "smallPacketCount", "largePacketCount",
	"biflowMinimumPayloadLength", "biflowMaximumPayloadLength", "biflowPayloadLengthMean",
	"biflowPayloadLengthStandardDeviation", NULL
};

static void data_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct side *s = &((const struct data *)view->space)->side[view->side];
	struct moments m = moments_of(view, view->side);
	if (field >= BIFLOW_MINIMUM) {
		struct moments other = moments_of(view, !view->side);
		moments_merge(&m, &other);
		moments_write(&m, field - BIFLOW_MINIMUM, w);
	} else if (field <= DEVIATION) {
		moments_write(&m, field == DEVIATION ? MOMENT_DEVIATION : field, w);
	} else {
		value_write_unsigned(w, field == SQUARES ? s->squares
		                     : field == SMALL_PACKETS ? s->small : s->large);
	}
}

/* Side by side by role: the sum has the initiator as endpoint 0. */
static void data_merge(void *into, const struct flow_view *from)
{
	for (unsigned i = 0; i < 2; i++) {
		struct side *sum = &((struct data *)into)->side[i];
		const struct side *s = &((const struct data *)from->space)->side[from->side ^ i];
		sum->packets += s->packets;
		sum->octets += s->octets;
		sum->squares = add_up_to_most(sum->squares, s->squares);
		sum->shortest = larger_32(sum->shortest, s->shortest);
		sum->longest = larger_32(sum->longest, s->longest);
		sum->small += s->small;
		sum->large += s->large;
	}
}

const struct flow_hook measure_data = {
	.name = "data", .help = "how payload is spread over packets", .fields = data_fields,
	.space_bytes = sizeof(struct data), .side_bytes = sizeof(struct side), .wants = HOOK_PACKET,
	.scope = HOOK_SCOPE_RECORD, .update = data_update, .write = data_write, .merge = data_merge,
};

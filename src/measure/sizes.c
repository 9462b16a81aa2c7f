/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lengths of IP packets, each way, and what they carry in all. Packets and octets themselves are
 * the flow's (flow.h); here is what it takes to know how they are spread. How payload is spread is
 * another measure (data.c), so that this one needs one cache line for both directions.
 *
 * No branch on data: data and acknowledgements alternate as they please. Formulas:
 * docs/measures.md.
 */
#include "base/compiler.h"
#include "measure/measure.h"
#include "measure/moments.h"
#include "measure/segments.h"

struct side {                           /* what is full stays at its largest value */
	uint64_t ip_squares;
	uint64_t payload_octets;
	uint32_t ip_shortest;           /* ~ of the length, so that zero is none yet */
	uint32_t ip_longest;
	uint32_t payload_packets;
	uint32_t payload_first;         /* of the first packet that has any */
};

struct sizes {
	struct side side[2];            /* by key endpoint */
};
static_assert(sizeof(struct sizes) == 64, "one cache line");

/* One packet as it is on the wire. */
static inline void count(struct side *s, uint32_t ip_bytes, uint32_t payload)
{
	s->ip_squares = add_up_to_most(s->ip_squares, (uint64_t)ip_bytes * ip_bytes);
	s->ip_shortest = larger_32(s->ip_shortest, ~ip_bytes);
	s->ip_longest = larger_32(s->ip_longest, ip_bytes);
	s->payload_octets += payload;
	s->payload_packets += (payload != 0) & (s->payload_packets != UINT32_MAX);
	s->payload_first = s->payload_first ? s->payload_first : payload;
}

/* A super-frame is taken apart into the packets that it was on the wire. */
static void sizes_update(const struct hook_call *call)
{
	for (unsigned i = 0; i < call->count; i++) {
		const struct packet *p = call->touch[i]->packet;
		struct side *s = &((struct sizes *)touch_space(call, i))->side[call->touch[i]->sender];
		if (likely(p->wire_packets == 1))
			count(s, p->ip_bytes, p->payload_bytes);
		else
			for (struct segment left = segment_first(p); left.bytes; segment_next(&left, p))
				count(s, left.bytes, left.payload);
	}
}

/* ---- writing --------------------------------------------------------------------------------- */

static struct moments ip_moments(const struct flow_view *view, unsigned side)
{
	const struct side *s = &((const struct sizes *)view->space)->side[side];
	return (struct moments){
		.count = flow_packets(view, side), .sum = view->flow->octets[side],
		.squares = { s->ip_squares, moments_high_half(s->ip_squares) },
		.shortest = s->ip_shortest ? ~(uint64_t)~s->ip_shortest : 0, .longest = s->ip_longest,
	};
}

enum field_of_sizes {                   /* the moments of either in the order of enum moment */
	IP_MINIMUM, IP_MAXIMUM, IP_MEAN, IP_DEVIATION, IP_SQUARES,
	PAYLOAD_SUM, PAYLOAD_PACKETS, PAYLOAD_FIRST, PAYLOAD_MEAN,
	/* of both directions */
	BIFLOW_IP_MINIMUM, BIFLOW_IP_MAXIMUM, BIFLOW_IP_MEAN, BIFLOW_IP_DEVIATION,
};

static const char *const sizes_fields[] = {
	"minimumIpTotalLength", "maximumIpTotalLength", "ipTotalLengthMean",
	"ipTotalLengthStandardDeviation", "octetDeltaSumOfSquares",
	"dataByteCount", "nonEmptyPacketCount", "firstNonEmptyPacketSize", "payloadLengthMean",
	"biflowMinimumIpTotalLength", "biflowMaximumIpTotalLength", "biflowIpTotalLengthMean",
	"biflowIpTotalLengthStandardDeviation", NULL
};

static void write_payload(const struct side *s, unsigned field, struct value_writer *w)
{
	if (field == PAYLOAD_SUM)
		value_write_unsigned(w, s->payload_octets);
	else if (field == PAYLOAD_PACKETS)
		value_write_unsigned(w, s->payload_packets);
	else if (field == PAYLOAD_FIRST && s->payload_first)
		value_write_unsigned(w, s->payload_first);
	else if (field == PAYLOAD_MEAN && s->payload_packets && s->payload_packets != UINT32_MAX)
		value_write_double(w, (double)s->payload_octets / s->payload_packets);
}

static struct moments moments_of_both(const struct flow_view *view)
{
	struct moments m = ip_moments(view, 0), other = ip_moments(view, 1);
	moments_merge(&m, &other);
	return m;
}

/* Least and greatest need no moments, which are 48 octets to put together. */
static void write_ip(const struct flow_view *view, enum moment which, bool both,
                     struct value_writer *w)
{
	const struct side *side = ((const struct sizes *)view->space)->side;
	const struct side *s = &side[view->side], *other = &side[both ? !view->side : view->side];
	uint32_t shortest = larger_32(s->ip_shortest, other->ip_shortest);
	if (which == MOMENT_MINIMUM && shortest) {
		value_write_unsigned(w, ~shortest);
	} else if (which == MOMENT_MAXIMUM && shortest) {
		value_write_unsigned(w, larger_32(s->ip_longest, other->ip_longest));
	} else if (which != MOMENT_MINIMUM && which != MOMENT_MAXIMUM) {
		struct moments m = both ? moments_of_both(view) : ip_moments(view, view->side);
		moments_write(&m, which, w);
	}
}

static void sizes_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct side *s = &((const struct sizes *)view->space)->side[view->side];
	if (field == IP_SQUARES)
		value_write_unsigned(w, s->ip_squares);
	else if (field >= BIFLOW_IP_MINIMUM)
		write_ip(view, field - BIFLOW_IP_MINIMUM, true, w);
	else if (field > IP_SQUARES)
		write_payload(s, field, w);
	else
		write_ip(view, field - IP_MINIMUM, false, w);
}

/* Flows of a flood, of one packet each: the first payload of which of them would say nothing. */
static void sizes_merge(void *into, const struct flow_view *from)
{
	for (unsigned i = 0; i < 2; i++) {
		struct side *sum = &((struct sizes *)into)->side[i];
		const struct side *s = &((const struct sizes *)from->space)->side[from->side ^ i];
		sum->ip_squares = add_up_to_most(sum->ip_squares, s->ip_squares);
		sum->payload_octets += s->payload_octets;
		sum->ip_shortest = larger_32(sum->ip_shortest, s->ip_shortest);
		sum->ip_longest = larger_32(sum->ip_longest, s->ip_longest);
		sum->payload_packets += s->payload_packets;
	}
}

const struct flow_hook measure_sizes = {
	.name = "sizes", .help = "lengths of packets, octets that they carry", .fields = sizes_fields,
	.space_bytes = sizeof(struct sizes), .hot_bytes = sizeof(struct sizes), .wants = HOOK_PACKET,
	.scope = HOOK_SCOPE_RECORD, .standard = true, .update = sizes_update, .write = sizes_write,
	.merge = sizes_merge,
};

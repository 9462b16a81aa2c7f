/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lengths of packets, each way: of the whole IP packet, and of what its transport carries. Packets
 * and octets themselves are the flow's (flow.h); here is what it takes to know how they are spread.
 *
 * Cost: one cache line of a direction's own; no branch on data, since data and acknowledgements
 * alternate as they please. Formulas: docs/measures.md.
 */
#include "base/compiler.h"
#include "measure/measure.h"
#include "measure/moments.h"

enum { SMALL_BELOW = 60, LARGE_ABOVE = 225 };   /* octets of payload; the bounds of YAF */

struct side {                           /* sums stay at their largest value rather than wrap */
	uint64_t ip_squares;
	uint64_t payload_octets, payload_squares, payload_packets;
	uint32_t ip_shortest;           /* ~ of the length, so that zero is none yet */
	uint32_t ip_longest;
	uint32_t payload_shortest;      /* of packets that have payload; ~ as above */
	uint32_t payload_longest;
	uint32_t small, large;          /* packets, by their payload */
	uint32_t payload_first;         /* of the first packet that has any */
	uint32_t reserved;
};
static_assert(sizeof(struct side) == 64, "one cache line");

struct sizes {
	struct side side[2];            /* by key endpoint */
};

static inline uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static inline uint64_t add_up_to_most(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;
	return sum | -(uint64_t)(sum < b);
}

/* One packet as it is on the wire. */
static inline void count(struct side *s, uint32_t ip_bytes, uint32_t payload)
{
	uint32_t some = payload != 0;
	s->ip_squares = add_up_to_most(s->ip_squares, (uint64_t)ip_bytes * ip_bytes);
	s->ip_shortest = larger(s->ip_shortest, ~ip_bytes);
	s->ip_longest = larger(s->ip_longest, ip_bytes);
	s->payload_octets += payload;
	s->payload_squares = add_up_to_most(s->payload_squares, (uint64_t)payload * payload);
	s->payload_packets += some;
	s->payload_shortest = larger(s->payload_shortest, ~payload & -some);
	s->payload_longest = larger(s->payload_longest, payload);
	s->small += (payload - 1 < SMALL_BELOW - 1) & (s->small != UINT32_MAX);
	s->large += (payload > LARGE_ABOVE) & (s->large != UINT32_MAX);
	s->payload_first = s->payload_first ? s->payload_first : payload;
}

/* A super-frame leaves as full segments and a last one, each with headers of its own. */
static void count_segments(struct side *s, const struct packet *p)
{
	uint32_t headers = (p->ip_bytes - p->payload_bytes) / p->wire_packets;
	uint32_t full = p->frame->gso_bytes, left = p->payload_bytes;
	for (uint32_t i = 0; i < p->wire_packets; i++) {
		uint32_t payload = left < full ? left : full;
		count(s, headers + payload, payload);
		left -= payload;
	}
}

static void sizes_update(const struct hook_call *call)
{
	for (unsigned i = 0; i < call->count; i++) {
		const struct packet *p = call->touch[i]->packet;
		struct sizes *space = touch_space(call, i);
		struct side *s = &space->side[call->touch[i]->sender];
		if (likely(p->wire_packets == 1))
			count(s, p->ip_bytes, p->payload_bytes);
		else
			count_segments(s, p);
	}
}

/* ---- writing --------------------------------------------------------------------------------- */

static struct moments ip_moments(const struct flow_view *view, unsigned side)
{
	const struct side *s = &((const struct sizes *)view->space)->side[side];
	return (struct moments){
		.count = view->flow->packets[side] + ((uint64_t)view->cold->packets_high[side] << 32),
		.sum = view->flow->octets[side], .squares = { s->ip_squares },
		.shortest = s->ip_shortest ? ~(uint64_t)~s->ip_shortest : 0, .longest = s->ip_longest,
	};
}

static struct moments payload_moments(const struct flow_view *view, unsigned side)
{
	const struct side *s = &((const struct sizes *)view->space)->side[side];
	return (struct moments){
		.count = s->payload_packets, .sum = s->payload_octets, .squares = { s->payload_squares },
		.shortest = s->payload_shortest ? ~(uint64_t)~s->payload_shortest : 0,
		.longest = s->payload_longest,
	};
}

/* Squares that have reached the end of their 64 bits are a lower bound: no deviation then. */
static void write_moment(const struct moments *m, enum moment which, struct value_writer *w)
{
	if (which != MOMENT_DEVIATION || (m->squares[0] != UINT64_MAX && !m->squares[1]))
		moments_write(m, which, w);
}

static void write_of_both(const struct flow_view *view, unsigned field, struct value_writer *w);

enum field_of_sizes {
	IP_MINIMUM, IP_MAXIMUM, IP_MEAN, IP_DEVIATION, IP_SQUARES,
	PAYLOAD_MINIMUM, PAYLOAD_MAXIMUM, PAYLOAD_MEAN, PAYLOAD_DEVIATION, PAYLOAD_SUM,
	PAYLOAD_SQUARES, PAYLOAD_PACKETS, PAYLOAD_FIRST, SMALL_PACKETS, LARGE_PACKETS,
	/* of both directions */
	BIFLOW_IP_MINIMUM, BIFLOW_IP_MAXIMUM, BIFLOW_IP_MEAN, BIFLOW_IP_DEVIATION,
	BIFLOW_PAYLOAD_MINIMUM, BIFLOW_PAYLOAD_MAXIMUM, BIFLOW_PAYLOAD_MEAN, BIFLOW_PAYLOAD_DEVIATION,
};

static const char *const sizes_fields[] = {
	"minimumIpTotalLength", "maximumIpTotalLength", "ipTotalLengthMean",
	"ipTotalLengthStandardDeviation", "octetDeltaSumOfSquares",
	"minimumPayloadLength", "maxPacketSize", "payloadLengthMean",
	"payloadLengthStandardDeviation", "dataByteCount",
	"payloadSumOfSquares", "nonEmptyPacketCount", "firstNonEmptyPacketSize", "smallPacketCount",
	"largePacketCount",
	"biflowMinimumIpTotalLength", "biflowMaximumIpTotalLength", "biflowIpTotalLengthMean",
	"biflowIpTotalLengthStandardDeviation",
	"biflowMinimumPayloadLength", "biflowMaximumPayloadLength", "biflowPayloadLengthMean",
	"biflowPayloadLengthStandardDeviation", NULL
};

static void sizes_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct side *s = &((const struct sizes *)view->space)->side[view->side];
	struct moments m;
	switch ((enum field_of_sizes)field) {
	case IP_MINIMUM: case IP_MAXIMUM: case IP_MEAN: case IP_DEVIATION:
		m = ip_moments(view, view->side);
		write_moment(&m, field - IP_MINIMUM + MOMENT_MINIMUM, w);
		break;
	case PAYLOAD_MINIMUM: case PAYLOAD_MAXIMUM: case PAYLOAD_MEAN: case PAYLOAD_DEVIATION:
		m = payload_moments(view, view->side);
		write_moment(&m, field - PAYLOAD_MINIMUM + MOMENT_MINIMUM, w);
		break;
	case IP_SQUARES:
		value_write_unsigned(w, s->ip_squares);
		break;
	case PAYLOAD_SUM:
		value_write_unsigned(w, s->payload_octets);
		break;
	case PAYLOAD_SQUARES:
		value_write_unsigned(w, s->payload_squares);
		break;
	case PAYLOAD_PACKETS:
		value_write_unsigned(w, s->payload_packets);
		break;
	case PAYLOAD_FIRST:
		if (s->payload_first)
			value_write_unsigned(w, s->payload_first);
		break;
	case SMALL_PACKETS:
		value_write_unsigned(w, s->small);
		break;
	case LARGE_PACKETS:
		value_write_unsigned(w, s->large);
		break;
	default:
		write_of_both(view, field, w);
	}
}

static void write_of_both(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	bool payload = field >= BIFLOW_PAYLOAD_MINIMUM;
	struct moments (*of)(const struct flow_view *, unsigned)
		= payload ? payload_moments : ip_moments;
	struct moments sum = of(view, 0), other = of(view, 1);
	moments_merge(&sum, &other);
	write_moment(&sum, field - (payload ? BIFLOW_PAYLOAD_MINIMUM : BIFLOW_IP_MINIMUM), w);
}

/* Flows of a flood, of one packet each: the first payload of which of them would say nothing. */
static void sizes_merge(void *into, const struct flow_view *from)
{
	for (unsigned i = 0; i < 2; i++) {
		struct side *sum = &((struct sizes *)into)->side[i];
		const struct side *s = &((const struct sizes *)from->space)->side[from->side ^ i];
		sum->ip_squares = add_up_to_most(sum->ip_squares, s->ip_squares);
		sum->payload_octets += s->payload_octets;
		sum->payload_squares = add_up_to_most(sum->payload_squares, s->payload_squares);
		sum->payload_packets += s->payload_packets;
		sum->ip_shortest = larger(sum->ip_shortest, s->ip_shortest);
		sum->ip_longest = larger(sum->ip_longest, s->ip_longest);
		sum->payload_shortest = larger(sum->payload_shortest, s->payload_shortest);
		sum->payload_longest = larger(sum->payload_longest, s->payload_longest);
		sum->small += s->small;
		sum->large += s->large;
	}
}

const struct flow_hook measure_sizes = {
	.name = "sizes", .help = "lengths of packets and of what they carry", .fields = sizes_fields,
	.space_bytes = sizeof(struct sizes), .wants = HOOK_PACKET, .scope = HOOK_SCOPE_RECORD,
	.standard = true, .update = sizes_update, .write = sizes_write, .merge = sizes_merge,
};

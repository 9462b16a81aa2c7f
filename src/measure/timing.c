/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times between packets of a flow, whoever sent them; from first to last of each direction; how
 * long the first answer took. What it takes to know more of a direction is in gaps.c, so that this
 * measure needs one cache line.
 *
 * A gap is how far a packet moves the clock of its sequence on: the clock is the largest time so
 * far, and a packet that is not later than it moves it by nothing. So gaps are never negative and
 * add up to the time from the first packet to the largest: only their squares have to be summed.
 * Their number is that of packets less one. Formulas: docs/measures.md.
 */
#include "base/compiler.h"
#include "flow/direction.h"
#include "measure/measure.h"
#include "measure/moments.h"

struct timing {
	uint64_t first_ns[2];           /* of each endpoint's first packet */
	uint64_t clock_ns[2];           /* of each endpoint, and 1 more; 0: has sent nothing */
	uint64_t squares[2];            /* of the gaps of both as one sequence, as struct moments */
	uint64_t shortest;
	uint64_t longest : 63;
	uint64_t opened : 1;            /* whose packet was the record's first */
};
static_assert(sizeof(struct timing) == 64, "one cache line");

/* Gaps are of the flow, whoever sends: so the clock is the later of both ends'. */
static inline void count(struct timing *t, const struct packet *p, unsigned sender, bool opens)
{
	uint64_t now = p->time_ns + 1;
	uint64_t clock = opens ? now : larger_64(t->clock_ns[0], t->clock_ns[1]);
	uint64_t gap = larger_64(now, clock) - clock;
	uint64_t together = -(uint64_t)(p->wire_packets > 1);   /* a super-frame's: gaps of 0 */
	if (unlikely(!t->clock_ns[sender]))
		t->first_ns[sender] = now;
	t->clock_ns[sender] = larger_64(t->clock_ns[sender], now);
	if (unlikely(opens)) {
		t->opened = sender & 1;
		t->shortest = together;
		return;
	}
	squares_add(t->squares, gap);
	t->shortest = larger_64(t->shortest, ~gap | together);
	t->longest = larger_64(t->longest, gap) & INT64_MAX;
}

static void timing_update(const struct hook_call *call)
{
	for (unsigned i = 0; i < call->count; i++) {
		const struct flow_touch *touch = call->touch[i];
		count(touch_space(call, i), touch->packet, touch->sender,
		      touch->events & FLOW_RECORD_OPENED);
	}
}

/* ---- writing --------------------------------------------------------------------------------- */

enum field_of_timing {
	GAP_MEAN, GAP_SUM,
	/* of both directions, in the order of enum moment */
	BIFLOW_GAP_MINIMUM, BIFLOW_GAP_MAXIMUM, BIFLOW_GAP_MEAN, BIFLOW_GAP_DEVIATION,
	BIFLOW_GAP_SUM, FIRST_RESPONSE,
};

static const char *const timing_fields[] = {
	"interArrivalTimeMean", "interArrivalTimeTotal",
	"biflowInterArrivalTimeMinimum", "biflowInterArrivalTimeMaximum",
	"biflowInterArrivalTimeMean", "biflowInterArrivalTimeStandardDeviation",
	"biflowInterArrivalTimeTotal", "firstResponseTime", NULL
};

static struct moments moments_of(const struct flow_view *view, unsigned side)
{
	const struct timing *t = view->space;
	uint64_t packets = flow_packets(view, side);
	return (struct moments){ .count = packets ? packets - 1 : 0,
	                         .sum = t->clock_ns[side] - t->first_ns[side] };
}

/* Count and sum follow from what is known anyway: packets less one, and the time between first and
 * last. */
static struct moments moments_of_both(const struct flow_view *view)
{
	const struct timing *t = view->space;
	return (struct moments){
		.count = flow_packets(view, 0) + flow_packets(view, 1) - 1,
		.sum = larger_64(t->clock_ns[0], t->clock_ns[1]) - t->first_ns[t->opened],
		.squares = { t->squares[0], t->squares[1] },
		.shortest = t->shortest, .longest = t->longest,
	};
}

/* From the first packet of the source to the first that came back, if that is the later one. */
static void write_response(const struct flow_view *view, struct value_writer *w)
{
	const struct timing *t = view->space;
	unsigned source = direction_initiator(view->flow);
	if (t->clock_ns[0] && t->clock_ns[1] && t->opened == source
	    && t->first_ns[!source] >= t->first_ns[source])
		value_write_unsigned(w, t->first_ns[!source] - t->first_ns[source]);
}

static void timing_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	if (field == FIRST_RESPONSE) {
		write_response(view, w);
	} else if (field <= GAP_SUM) {
		struct moments m = moments_of(view, view->side);
		moments_write(&m, field == GAP_MEAN ? MOMENT_MEAN : MOMENT_SUM, w);
	} else {
		struct moments m = moments_of_both(view);
		moments_write(&m, field - BIFLOW_GAP_MINIMUM, w);
	}
}

const struct flow_hook measure_timing = {
	.name = "timing", .help = "times between packets, time to the first answer",
	.fields = timing_fields, .space_bytes = sizeof(struct timing),
	.hot_bytes = sizeof(struct timing), .wants = HOOK_PACKET, .scope = HOOK_SCOPE_RECORD,
	.update = timing_update, .write = timing_write,
};

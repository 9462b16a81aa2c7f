/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times between packets, of each direction and of both together, and how long the first answer
 * took.
 *
 * A gap is how far a packet moves the clock of its direction (or of the flow) on: the clock is the
 * largest time so far, and a packet that is not later than it moves it by nothing. So gaps are
 * never negative and add up to the time from the first packet to the largest. Cost: the line of a
 * direction and one and a half that are shared, two multiplications. Formulas: docs/measures.md.
 */
#include "base/compiler.h"
#include "measure/measure.h"
#include "measure/moments.h"

struct side {
	uint64_t first_ns, last_ns;     /* of its first packet; its clock */
	struct moments gaps;
};
static_assert(sizeof(struct side) == 64, "one cache line");

enum seen { SENT = 1, SENT_DATA = 4, OPENED = 16 };     /* by endpoint 0; shifted by one: 1 */

struct timing {
	struct side side[2];            /* by key endpoint */
	struct moments gaps;            /* of both directions as one sequence */
	uint64_t data_ns[2];            /* of the first packet with payload */
	uint32_t seen;                  /* enum seen; OPENED: whose packet was the record's first */
	uint32_t reserved;
};

static inline uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The first packet of a direction, or its first with payload. */
static void note_first(struct timing *t, const struct packet *p, unsigned sender)
{
	if (!t->seen)
		t->seen |= (uint32_t)OPENED << sender;
	if (!(t->seen & SENT << sender))
		t->side[sender].first_ns = t->side[sender].last_ns = p->time_ns;
	if (p->payload_bytes && !(t->seen & SENT_DATA << sender)) {
		t->data_ns[sender] = p->time_ns;
		t->seen |= (uint32_t)SENT_DATA << sender;
	}
	t->seen |= (uint32_t)SENT << sender;
}

static inline void count(struct timing *t, const struct packet *p, unsigned sender)
{
	struct side *s = &t->side[sender];
	uint64_t now = p->time_ns, clock = later(s->last_ns, t->side[!sender].last_ns);
	uint32_t before = t->seen;
	unsigned wanted = (SENT | (p->payload_bytes ? SENT_DATA : 0u)) << sender;
	if (unlikely(wanted & ~before))
		note_first(t, p, sender);
	if (likely(before))
		moments_add(&t->gaps, later(now, clock) - clock);
	if (likely(before & SENT << sender)) {
		moments_add(&s->gaps, later(now, s->last_ns) - s->last_ns);
		s->last_ns = later(now, s->last_ns);
	}
}

static void timing_update(const struct hook_call *call)
{
	for (unsigned i = 0; i < call->count; i++)
		count(touch_space(call, i), call->touch[i]->packet, call->touch[i]->sender);
}

/* ---- writing --------------------------------------------------------------------------------- */

enum field_of_timing {                  /* the first five as enum moment */
	GAP_MINIMUM, GAP_MAXIMUM, GAP_MEAN, GAP_DEVIATION, GAP_SUM,
	/* of both directions */
	BIFLOW_GAP_MINIMUM, BIFLOW_GAP_MAXIMUM, BIFLOW_GAP_MEAN, BIFLOW_GAP_DEVIATION,
	BIFLOW_GAP_SUM, FIRST_RESPONSE, FIRST_DATA_RESPONSE,
};

static const char *const timing_fields[] = {
	"interArrivalTimeMinimum", "interArrivalTimeMaximum", "interArrivalTimeMean",
	"interArrivalTimeStandardDeviation", "interArrivalTimeTotal",
	"biflowInterArrivalTimeMinimum", "biflowInterArrivalTimeMaximum",
	"biflowInterArrivalTimeMean", "biflowInterArrivalTimeStandardDeviation",
	"biflowInterArrivalTimeTotal", "firstResponseTime", "firstDataResponseTime", NULL
};

/* From what the initiator sent first to what came back first, where it came back later. */
static void write_response(const uint64_t times[2], unsigned initiator, struct value_writer *w)
{
	if (times[!initiator] >= times[initiator])
		value_write_unsigned(w, times[!initiator] - times[initiator]);
}

static void timing_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct timing *t = view->space;
	unsigned initiator = (view->flow->state & FLOW_INITIATOR_1) != 0;
	const uint64_t first_ns[2] = { t->side[0].first_ns, t->side[1].first_ns };
	const uint32_t both_sent = SENT | SENT << 1, both_sent_data = SENT_DATA | SENT_DATA << 1;
	if (field <= GAP_SUM)
		moments_write(&t->side[view->side].gaps, field, w);
	else if (field <= BIFLOW_GAP_SUM)
		moments_write(&t->gaps, field - BIFLOW_GAP_MINIMUM, w);
	else if (field == FIRST_RESPONSE) {
		if ((t->seen & both_sent) == both_sent && (t->seen & OPENED << initiator))
			write_response(first_ns, initiator, w);
	} else if ((t->seen & both_sent_data) == both_sent_data)
		write_response(t->data_ns, initiator, w);
}

const struct flow_hook measure_timing = {
	.name = "timing", .help = "times between packets, time to the first answer",
	.fields = timing_fields, .space_bytes = sizeof(struct timing), .wants = HOOK_PACKET,
	.scope = HOOK_SCOPE_RECORD, .standard = true, .update = timing_update, .write = timing_write,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times between the packets of each direction by itself, and to the first answer that carries
 * something. Gaps and clocks are as in timing.c. Cost: one cache line of a direction's own.
 */
#include "base/compiler.h"
#include "flow/direction.h"
#include "measure/measure.h"
#include "measure/moments.h"

struct side {
	uint64_t first_ns;              /* of its first packet */
	uint64_t clock_ns;              /* and 1 more; 0: has sent nothing */
	uint64_t squares[2];            /* of its gaps, and so on, as struct moments */
	uint64_t shortest, longest;
	uint64_t data_ns;               /* of the first packet with payload, and 1 more; 0: none */
	uint64_t reserved;
};
static_assert(sizeof(struct side) == 64, "one cache line");

struct gaps {
	struct side side[2];            /* by key endpoint */
};

/* Times are kept plus one, so that zero means none yet. */
static inline void count(struct side *s, const struct packet *p)
{
	uint64_t now = p->time_ns + 1, clock = s->clock_ns ? s->clock_ns : now;
	uint64_t gap = larger_64(now, clock) - clock;
	uint64_t together = -(uint64_t)(p->wire_packets > 1);   /* a super-frame's: gaps of 0 */
	uint64_t is_gap = -(uint64_t)(s->clock_ns != 0);
	s->first_ns = s->clock_ns ? s->first_ns : now;
	s->clock_ns = clock + gap;
	s->data_ns = s->data_ns || !p->payload_bytes ? s->data_ns : now;
	squares_add(s->squares, gap);
	s->shortest = larger_64(s->shortest, (~gap & is_gap) | together);
	s->longest = larger_64(s->longest, gap);
}

static void gaps_update(const struct hook_call *call)
{
	for (unsigned i = 0; i < call->count; i++)
		count(&((struct gaps *)touch_space(call, i))->side[call->touch[i]->sender],
		      call->touch[i]->packet);
}

/* ---- writing --------------------------------------------------------------------------------- */

enum field_of_gaps { MINIMUM, MAXIMUM, DEVIATION, FIRST_DATA_RESPONSE };

static const char *const gaps_fields[] = {
	"interArrivalTimeMinimum", "interArrivalTimeMaximum", "interArrivalTimeStandardDeviation",
	"firstDataResponseTime", NULL
};

/* The first payload of each side counts: a responder that spoke first has answered nothing. */
static void gaps_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct gaps *space = view->space;
	const struct side *s = &space->side[view->side];
	unsigned source = direction_initiator(view->flow);
	uint64_t request = space->side[source].data_ns, answer = space->side[!source].data_ns;
	uint64_t packets = flow_packets(view, view->side);
	const struct moments m = {
		.count = packets ? packets - 1 : 0, .sum = s->clock_ns - s->first_ns,
		.squares = { s->squares[0], s->squares[1] },
		.shortest = s->shortest, .longest = s->longest,
	};
	if (field != FIRST_DATA_RESPONSE)
		moments_write(&m, field == DEVIATION ? MOMENT_DEVIATION : field, w);
	else if (request && answer >= request)
		value_write_unsigned(w, answer - request);
}

const struct flow_hook measure_gaps = {
	.name = "gaps", .help = "times between packets of each direction", .fields = gaps_fields,
	.space_bytes = sizeof(struct gaps), .side_bytes = sizeof(struct side), .wants = HOOK_PACKET,
	.scope = HOOK_SCOPE_RECORD, .update = gaps_update, .write = gaps_write,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a flow was active and when idle, in which bursts each side sent data, and how often it
 * changed between bulk transfer and transactions. All of it is streaming: a period, burst or bulk
 * is known to be over when a packet comes that does not belong to it, or when the record is
 * written. Definitions: docs/measures.md.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "measure/measure.h"
#include "measure/moments.h"

#define BURST_GAP_NS 1000000000u
enum { BURST_PACKETS_MIN = 3, BULK_PACKETS_MIN = 4 };

struct run {                            /* of packets with payload that belong together */
	uint64_t start_ns, clock_ns;
	uint64_t packets, octets;       /* packets 0: none yet */
};

struct bursts {                         /* of one direction */
	struct run run;                 /* the last, which may become a burst or be one */
	uint64_t count, packets, octets, time_ns;
	uint64_t packets_max, octets_max;
};

struct activity {
	uint64_t start_ns, clock_ns;    /* of the active period at hand */
	struct run bulk;                /* data packets of one side without any of the other */
	uint64_t bulk_ns;               /* in those that were bulk */
	uint32_t transitions;
	uint32_t bulk_sender;
	struct bursts bursts[2];        /* by key endpoint */
	struct moments active, idle;    /* periods that are over */
};

struct worker {
	uint64_t idle_ns;
};

static int activity_open(const void *argument, void **ret_worker, struct error *err)
{
	const struct measure_settings *settings = argument;
	struct worker *w = malloc(sizeof *w);
	if (!w)
		return error_set(err, -ENOMEM, "no memory for the measure activity");
	w->idle_ns = settings->idle_gap_ns;
	*ret_worker = w;
	return 0;
}

static void end_period(struct activity *a, uint64_t now)
{
	moments_add(&a->active, a->clock_ns - a->start_ns);
	moments_add(&a->idle, now - a->clock_ns);
	a->start_ns = now;
}

/* Adds a run to the bursts if it is one. */
static void end_run(struct bursts *b)
{
	const struct run *r = &b->run;
	if (r->packets < BURST_PACKETS_MIN)
		return;
	b->count++;
	b->packets += r->packets;
	b->octets += r->octets;
	b->time_ns += r->clock_ns - r->start_ns;
	b->packets_max = larger_64(b->packets_max, r->packets);
	b->octets_max = larger_64(b->octets_max, r->octets);
}

static void start_run(struct run *r, uint64_t now)
{
	*r = (struct run){ .start_ns = now, .clock_ns = now };
}

static void add_to_run(struct run *r, const struct packet *p)
{
	r->clock_ns = larger_64(r->clock_ns, p->time_ns);
	r->packets += p->wire_packets;
	r->octets += p->payload_bytes;
}

static void end_bulk(struct activity *a)
{
	if (a->bulk.packets < BULK_PACKETS_MIN)
		return;
	a->bulk_ns += a->bulk.clock_ns - a->bulk.start_ns;
	a->transitions++;
}

static void count_data(struct activity *a, const struct packet *p, unsigned sender)
{
	struct bursts *b = &a->bursts[sender];
	uint64_t gap = larger_64(p->time_ns, b->run.clock_ns) - b->run.clock_ns;
	if (!b->run.packets || gap >= BURST_GAP_NS) {
		end_run(b);
		start_run(&b->run, p->time_ns);
	}
	add_to_run(&b->run, p);
	if (!a->bulk.packets || a->bulk_sender != sender) {
		end_bulk(a);
		start_run(&a->bulk, p->time_ns);
		a->bulk_sender = sender;
	}
	bool before = a->bulk.packets >= BULK_PACKETS_MIN;
	add_to_run(&a->bulk, p);
	a->transitions += !before && a->bulk.packets >= BULK_PACKETS_MIN;
}

static void activity_update(const struct hook_call *call)
{
	const struct worker *w = call->worker;
	for (unsigned i = 0; i < call->count; i++) {
		const struct flow_touch *touch = call->touch[i];
		struct activity *a = touch_space(call, i);
		uint64_t now = touch->packet->time_ns;
		if (unlikely(touch->events & FLOW_RECORD_OPENED))
			a->start_ns = a->clock_ns = now;
		if (unlikely(larger_64(now, a->clock_ns) - a->clock_ns >= w->idle_ns))
			end_period(a, now);
		a->clock_ns = larger_64(a->clock_ns, now);
		if (touch->packet->payload_bytes)
			count_data(a, touch->packet, touch->sender);
	}
}

/* ---- writing --------------------------------------------------------------------------------- */

enum field_of_activity {
	BURSTS, BURST_PACKETS, BURST_OCTETS, BURST_TIME, BURST_PACKETS_MAX, BURST_OCTETS_MAX,
	/* of the flow; periods in the order of enum moment */
	ACTIVE_COUNT, ACTIVE_MINIMUM, ACTIVE_MAXIMUM, ACTIVE_MEAN, ACTIVE_DEVIATION, ACTIVE_TOTAL,
	IDLE_COUNT, IDLE_MINIMUM, IDLE_MAXIMUM, IDLE_MEAN, IDLE_DEVIATION, IDLE_TOTAL,
	BULK_TRANSITIONS, BULK_TIME,
};

static const char *const activity_fields[] = {
	"burstCount", "burstPacketCount", "burstOctetCount", "burstTimeTotal",
	"burstMaximumPacketCount", "burstMaximumOctetCount",
	"activePeriodCount", "activeTimeMinimum", "activeTimeMaximum", "activeTimeMean",
	"activeTimeStandardDeviation", "activeTimeTotal",
	"idlePeriodCount", "idleTimeMinimum", "idleTimeMaximum", "idleTimeMean",
	"idleTimeStandardDeviation", "idleTimeTotal",
	"bulkTransitionCount", "bulkTimeTotal", NULL
};

static void write_bursts(struct bursts b, unsigned field, struct value_writer *w)
{
	end_run(&b);
	const uint64_t values[] = { b.count, b.packets, b.octets, b.time_ns, b.packets_max,
	                            b.octets_max };
	if (b.count || field < BURST_PACKETS_MAX)
		value_write_unsigned(w, values[field]);
}

static void write_periods(const struct moments *m, unsigned field, struct value_writer *w)
{
	if (field == 0)
		value_write_unsigned(w, m->count);
	else
		moments_write(m, field - 1, w);
}

static void activity_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct activity *a = view->space;
	bool in_bulk = a->bulk.packets >= BULK_PACKETS_MIN;
	struct moments active = a->active;
	if (field < ACTIVE_COUNT) {
		write_bursts(a->bursts[view->side], field, w);
	} else if (field < IDLE_COUNT) {
		moments_add(&active, a->clock_ns - a->start_ns);
		write_periods(&active, field - ACTIVE_COUNT, w);
	} else if (field < BULK_TRANSITIONS) {
		write_periods(&a->idle, field - IDLE_COUNT, w);
	} else if (field == BULK_TRANSITIONS) {
		value_write_unsigned(w, a->transitions);
	} else {
		value_write_unsigned(w, a->bulk_ns
		                     + (in_bulk ? a->bulk.clock_ns - a->bulk.start_ns : 0));
	}
}

const struct flow_hook measure_activity = {
	.name = "activity", .help = "active and idle periods, bursts, bulk transfer",
	.fields = activity_fields, .space_bytes = sizeof(struct activity), .wants = HOOK_PACKET,
	.scope = HOOK_SCOPE_RECORD, .open = activity_open, .update = activity_update,
	.write = activity_write, .close = free,
};

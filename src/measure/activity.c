/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a flow was active and when idle, in which bursts each side sent data, and how often it
 * changed between bulk transfer and transactions. All of it is streaming: a period, burst or bulk
 * is known to be over when a packet comes that does not belong to it, or when the record is
 * written. Definitions: docs/measures.md.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "measure/measure.h"
#include "measure/moments.h"

#define BURST_GAP_NS 1000000000u
enum { BURST_PACKETS_MIN = 3, BULK_PACKETS_MIN = 4 };

struct span {
	uint64_t start_ns, clock_ns;    /* of its first packet; the largest time in it */
};

/* Of one direction. A run is packets with payload that belong together: the last one may become a
 * burst or be one. Counts of packets stay at their largest value. */
struct bursts {
	struct span run;
	uint64_t run_octets;
	uint64_t octets, octets_max, time_ns;
	uint32_t run_packets;           /* 0: no run yet */
	uint32_t count, packets, packets_max;
};
static_assert(sizeof(struct bursts) == 64, "one cache line");

/* A packet touches the first 64 octets and, with payload, its sender's bursts. */
struct activity {
	struct span period;             /* the active one at hand */
	struct span bulk;               /* data packets of one side without any of the other */
	uint64_t bulk_ns;               /* in those that were bulk */
	uint32_t bulk_packets, bulk_sender;
	uint32_t transitions;
	uint32_t reserved[3];
	struct bursts bursts[2];        /* by key endpoint */
	struct moments active, idle;    /* periods that are over */
};
static_assert(offsetof(struct activity, bursts) == 64, "one cache line");

struct worker {
	uint64_t idle_ns;
};

/* The gap is the only setting; it is read for every packet, so it is kept at hand. */
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

static inline struct span span_from(uint64_t now)
{
	return (struct span){ now, now };
}

static inline uint64_t span_length(const struct span *s)
{
	return s->clock_ns - s->start_ns;
}

/* From its last packet to `now`; 0 where time goes back. */
static inline uint64_t span_silence(const struct span *s, uint64_t now)
{
	return larger_64(now, s->clock_ns) - s->clock_ns;
}

static inline void span_extend(struct span *s, uint64_t now)
{
	s->clock_ns = larger_64(s->clock_ns, now);
}

static void end_period(struct activity *a, uint64_t now)
{
	moments_add(&a->active, span_length(&a->period));
	moments_add(&a->idle, now - a->period.clock_ns);
	a->period.start_ns = now;
}

/* Adds a run to the bursts if it is one. */
static void end_run(struct bursts *b)
{
	if (b->run_packets < BURST_PACKETS_MIN)
		return;
	b->count++;
	b->packets = add_up_to_most_32(b->packets, b->run_packets);
	b->octets += b->run_octets;
	b->time_ns += span_length(&b->run);
	b->packets_max = larger_32(b->packets_max, b->run_packets);
	b->octets_max = larger_64(b->octets_max, b->run_octets);
}

/* A silence ends the run; whether it was a burst is judged then, by what it had. */
static void add_to_run(struct bursts *b, const struct packet *p)
{
	if (!b->run_packets || span_silence(&b->run, p->time_ns) >= BURST_GAP_NS) {
		end_run(b);
		b->run = span_from(p->time_ns);
		b->run_packets = 0;
		b->run_octets = 0;
	}
	span_extend(&b->run, p->time_ns);
	b->run_packets = add_up_to_most_32(b->run_packets, p->wire_packets);
	b->run_octets += p->payload_bytes;
}

static void end_bulk(struct activity *a)
{
	if (a->bulk_packets < BULK_PACKETS_MIN)
		return;
	a->bulk_ns += span_length(&a->bulk);
	a->transitions++;
}

/* A packet of the other side with payload ends the bulk. A run becomes bulk with the packet that
 * makes it long enough: that is one transition, and its end another. */
static void add_to_bulk(struct activity *a, const struct packet *p, unsigned sender)
{
	if (!a->bulk_packets || a->bulk_sender != sender) {
		end_bulk(a);
		a->bulk = span_from(p->time_ns);
		a->bulk_packets = 0;
		a->bulk_sender = sender;
	}
	bool before = a->bulk_packets >= BULK_PACKETS_MIN;
	span_extend(&a->bulk, p->time_ns);
	a->bulk_packets = add_up_to_most_32(a->bulk_packets, p->wire_packets);
	a->transitions += !before && a->bulk_packets >= BULK_PACKETS_MIN;
}

/* The period counts every packet, bursts and bulk only those with payload. */
static void activity_update(const struct hook_call *call)
{
	const struct worker *w = call->worker;
	for (unsigned i = 0; i < call->count; i++) {
		const struct flow_touch *touch = call->touch[i];
		const struct packet *p = touch->packet;
		struct activity *a = touch_space(call, i);
		if (unlikely(touch->events & FLOW_RECORD_OPENED))
			a->period = span_from(p->time_ns);
		if (unlikely(span_silence(&a->period, p->time_ns) >= w->idle_ns))
			end_period(a, p->time_ns);
		span_extend(&a->period, p->time_ns);
		if (p->payload_bytes) {
			add_to_run(&a->bursts[touch->sender], p);
			add_to_bulk(a, p, touch->sender);
		}
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

/* What is still open counts as if it ended with its last packet; the space stays as it is, since
 * further columns ask for it. */
static void activity_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct activity *a = view->space;
	bool in_bulk = a->bulk_packets >= BULK_PACKETS_MIN;
	struct moments active = a->active;
	if (field < ACTIVE_COUNT) {
		write_bursts(a->bursts[view->side], field, w);
	} else if (field < IDLE_COUNT) {
		moments_add(&active, span_length(&a->period));
		write_periods(&active, field - ACTIVE_COUNT, w);
	} else if (field < BULK_TRANSITIONS) {
		write_periods(&a->idle, field - IDLE_COUNT, w);
	} else if (field == BULK_TRANSITIONS) {
		value_write_unsigned(w, a->transitions);
	} else {
		value_write_unsigned(w, a->bulk_ns
		                     + (in_bulk ? span_length(&a->bulk) : 0));
	}
}

const struct flow_hook measure_activity = {
	.name = "activity", .help = "active and idle periods, bursts, bulk transfer",
	.fields = activity_fields, .space_bytes = sizeof(struct activity),
	.hot_bytes = offsetof(struct activity, bursts), .side_bytes = sizeof(struct bursts),
	.wants = HOOK_PACKET, .scope = HOOK_SCOPE_RECORD, .open = activity_open,
	.update = activity_update, .write = activity_write, .close = free,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A meter: a key plan, timers, tables and hooks. It groups packets into flows and says when a
 * record ends, by the rules of docs/semantics.md. One worker owns it; several meters can share a
 * worker. Neighbours: table.h (memory and lookup), direction.h (who is the initiator), hook.h,
 * rows.h (flow to record). Packets come in from engine/, finished records go out through `emit`.
 */
#ifndef FLOW_METER_H
#define FLOW_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/option.h"
#include "flow/direction.h"
#include "flow/flood.h"
#include "flow/flow.h"
#include "flow/hook.h"
#include "flow/key.h"
#include "flow/record.h"
#include "flow/spaces.h"
#include "flow/table.h"
#include "flow/victim.h"

enum { METER_HOOKS_MAX = 32 };

/* Copied by meter_new(); what it points to is borrowed until meter_free(). */
struct meter_settings {
	uint64_t idle_ns, active_ns;    /* DURATION_OFF: never */
	uint64_t linger_ns;             /* DURATION_OFF: a TCP end closes nothing */
	uint64_t max_flows;             /* bound on flows at a time, both families together */
	uint64_t flood_records;         /* single flows that give way and are records of their own, a
	                                 * second; 0: all */
	struct key_plan plan;
	bool evidence;                  /* direction may be corrected by evidence */
	uint64_t first_flow_id;         /* ids count from here: workers start apart */
	const struct hook_choice *hooks;/* up to one without a hook, or NULL; run in this order */
	void (*emit)(void *context, const struct flow_record *record);
	void *context;                  /* of emit */
};

/* Of one meter in one worker. created = active + the sum of ended; what is taken in is what is in
 * records plus what active flows hold: the engine compares them at the end. */
struct meter_counters {
	uint64_t created, active, active_max;   /* flows */
	uint64_t ended[6];                      /* flows gone, by enum flow_end_reason */
	uint64_t records[6];                    /* records, by the same */
	uint64_t packets, octets;               /* wire packets and IP octets taken in */
	uint64_t record_packets, record_octets; /* the same, summed over records emitted */
	uint64_t merged_flows, merged_records;  /* flood.h: flows in records of many, and those */
};

enum { METER_COUNTING_HOOKS_MAX = 8 };  /* a meter with more is not opened */

struct hook_counts {                    /* of one hook of a meter: its `counters` */
	const struct flow_hook *hook;
	uint64_t value[HOOK_COUNTERS_MAX];
};

struct meter_hook_counts {              /* of those that count, in the order they run */
	unsigned count;
	struct hook_counts hook[METER_COUNTING_HOOKS_MAX];
};

/* A hook that was opened for this meter. */
struct meter_hook_slot {
	const struct flow_hook *hook;
	void *worker;
	uint32_t offset;                /* of its space */
	struct space_lines lines[2];    /* by sender */
};

/* One thread's. The files of meter_parts.h change it; others read settings and counters. */
struct meter {
	struct meter_settings settings; /* timers may change while it runs */
	struct flow_table table[2];     /* standard plan: IPv4, IPv6; else wide keys in [0] */
	struct victims victims[2];      /* of the same tables */
	struct flood flood;
	struct direction direction;     /* evidence about initiators */
	bool started;                   /* the wheel knows the first packet's time */
	bool finishing;                 /* meter_finish: flows go, their index stays */
	uint64_t idle_limit, active_limit;      /* as unsigned bounds that off and time
	                                         * going back fall out of */
	uint8_t closing_states;         /* bit i: with these FINs and RST (enum flow_state) seen, it is
	                                 * over; 0 when a TCP end closes nothing */
	bool slow_states[2][256];       /* by sender and flow.state: packets need the slow path, since
	                                 * the flow is gone or closing or its side is new */
	uint16_t tcp_mask[2];             /* flags that need the slow path: 0 when
	                                 * the key has no TCP state */
	uint64_t next_flow_id;
	struct meter_counters counters; /* the worker's own: read them between batches */
	struct hash_secret secret;      /* of keys; drawn for this meter */
	unsigned hook_count;
	struct meter_hook_slot hook[METER_HOOKS_MAX];   /* in the order they run */
	uint32_t space_bytes;           /* of a flow, for all hooks */
	bool wants_touches;             /* some hook looks at packets */
	unsigned touch_count;
	struct flow_touch touches[BATCH_MAX];   /* remembered for the hooks, touch_count of them */
	struct flow_touch *touch_at[BATCH_MAX]; /* of each of them: what most hooks want is all */
	struct key_wide wide[BATCH_MAX];/* keys of the batch at hand, when the plan is not
	                                 * the standard one */
};

/* Opens the hooks and reserves address space for max_flows; memory is taken as flows come. What
 * settings point to is borrowed until meter_free(). -E2BIG, -ENOMEM or what a hook's open() said,
 * with a message. */
int meter_new(const struct meter_settings *settings, struct meter **ret, struct error *err);
void meter_free(struct meter *meter);

/* Takes up to BATCH_MAX packets, in order. They, their frames and the array are borrowed for the
 * call. Records that they end are emitted before it returns. */
void meter_update(struct meter *meter, const struct packet *const *packets, unsigned count);

/* New timers, from the next packet on; flows that are alive are judged by them too. */
void meter_set_timers(struct meter *meter, uint64_t idle_ns, uint64_t active_ns,
                      uint64_t linger_ns);

/* Emits what has come due by the source's clock, which never goes back. Cheap when nothing has. */
void meter_advance(struct meter *meter, uint64_t clock_ns);

/* A record as one hook sees it, from the initiator's side. */
static inline struct flow_view meter_hook_view(const struct meter *m,
                                               const struct meter_hook_slot *slot,
                                               const struct flow_record *r)
{
	return (struct flow_view){ .flow = r->flow, .cold = r->cold, .worker = slot->worker,
		.space = slot->hook->space_bytes ? r->spaces + slot->offset : NULL,
		.side = direction_initiator(r->flow), .key_bytes = r->key_bytes,
		.plan = &m->settings.plan };
}

/* As they stand, by the meter's own thread. */
void meter_count_hooks(const struct meter *meter, struct meter_hook_counts *ret);

/* Runs timers to `last_ns`, then ends every flow (reason 4). Only meter_free may follow. */
void meter_finish(struct meter *meter, uint64_t last_ns);

#endif

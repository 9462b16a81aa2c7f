/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the three files of a meter share: meter.c (opening, hooks, records and flows that end),
 * expiry.c (deadlines and the wheel), update.c (the path of a packet). Nobody else includes it.
 */
#ifndef FLOW_METER_PARTS_H
#define FLOW_METER_PARTS_H

#include "flow/meter.h"

enum { CLOSING = FLOW_FIN_0 | FLOW_FIN_1 | FLOW_RST };
static_assert(CLOSING == 7, "meter.closing_states has a bit for each set of these");

/* ---- meter.c ---- */

/* Works out from the timers what the fast path compares with. */
void meter_set_limits(struct meter *m);
/* Hands the remembered packets to the hooks. */
void meter_flush_touches(struct meter *m);
/* Cuts a record; the flow goes on with an empty one. first_ns 0 sends its next packet the slow
 * way. */
void meter_cut_record(struct meter *m, struct flow_table *t, uint32_t handle, uint8_t reason);
/* All of a flow's end but its removal from the table. */
void meter_close_flow(struct meter *m, struct flow_table *t, uint32_t handle, uint8_t reason);
/* All of it. hash: of its key; of no matter while the meter is finishing. */
void meter_end_flow(struct meter *m, struct flow_table *t, uint32_t handle, uint8_t reason,
                    uint64_t hash);
/* Hands on what was merged of a flood. */
void meter_flush_flood(struct meter *m);

/* No packet since the last record was cut. */
static inline bool record_is_empty(const struct flow *f, const struct flow_cold *c)
{
	return !(f->packets[0] | f->packets[1] | c->packets_high[0] | c->packets_high[1]);
}

/* ---- expiry.c ---- */

/* Its TCP connection is over (both FINs or a RST), and the linger time runs. */
static inline bool flow_is_closing(const struct meter *m, const struct flow *f)
{
	return m->closing_states >> (f->state & CLOSING) & 1;
}
/* Carries out every deadline up to and at `time_ns`. False when the flow is gone. */
bool meter_run_deadlines(struct meter *m, struct flow_table *t, uint32_t handle, uint64_t time_ns,
                         uint64_t hash);
/* Sees to it that the wheel looks at a flow no later than its deadline. */
void meter_schedule(struct meter *m, struct flow_table *t, uint32_t handle);

#endif

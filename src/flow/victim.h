/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which flow gives way when the table is full. A hand goes round the table in the order of
 * handles, so it sees flows about as old as they come, and chooses a few ahead of need: their
 * cold lines and index buckets are on their way into the cache when they are evicted.
 *
 * It looks at windows of sixteen flows. Those with a single packet and no answer are chosen, the
 * oldest first. A window without any is passed over on credit: each look costs one, each flow
 * chosen earns sixteen, and the debt may be as large as the table. So while one flow in sixteen is
 * such a one, be the others all in one place, nothing else gives way. When the credit is used up a
 * window gives its oldest flow. Cost: sixteen looks at neighbouring lines a victim, on average, at
 * most. Neighbours: table.h, meter.c.
 */
#ifndef FLOW_VICTIM_H
#define FLOW_VICTIM_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/table.h"

enum { VICTIM_WINDOW = 16, VICTIMS_WANTED = 32, VICTIMS_MAX = VICTIMS_WANTED + VICTIM_WINDOW };

/* A flow that was chosen, and by what it is recognised later. */
struct victim {
	uint64_t hash;                  /* of its key */
	uint64_t last_ns;               /* as it was when it was chosen */
	uint32_t handle;
	bool single;                    /* one packet in all, no answer */
};

struct victims {                        /* of one table; zeroed to begin with */
	uint32_t hand;                  /* the handle that was looked at last */
	uint32_t count, next;           /* chosen; the first that has not been taken */
	uint64_t debt;                  /* looks that have not been earned yet */
	struct victim chosen[VICTIMS_MAX];
};

/* The next flow to give up, which stays next until it changes or is removed; NULL only when the
 * table is empty. */
const struct victim *victims_next(struct victims *v, struct flow_table *table);

/* One packet in all, not one since the last record left. */
static inline bool flow_is_single(const struct flow *f)
{
	return f->packets[0] + f->packets[1] == 1 && !(f->state & FLOW_EXPORTED);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is exported about a flood. Flows of one packet that give way are records of their own, up to
 * a number each second of the source's clock. Those beyond it are merged, by protocol and
 * destination, into records of which there are at most FLOOD_SLOTS for each family and second:
 * counters are added up, times span all of them, and whatever they do not have in common is
 * absent. So sums over records stay exact and the export stays bounded, whatever comes in.
 *
 * A merged record looks like any other: a flow with the initiator as its endpoint 0, cold part and
 * hooks' space. Hooks that cannot merge give no fields. Neighbours: meter.c, victim.h, record.h.
 */
#ifndef FLOW_FLOOD_H
#define FLOW_FLOOD_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/key.h"
#include "flow/record.h"

enum { FLOOD_SLOTS = 64 };

/* A merged record in the making: as large as a flow of the widest key. */
struct flood_slot {
	uint64_t flows;                 /* merged so far; 0: the slot is empty */
	uint32_t varies;                /* enum record_varies */
	uint8_t key_bytes;              /* 16, 40 or 56 */
	struct flow_cold cold;          /* endpoint 0 is the initiator here and in the flow */
	uint8_t hot[sizeof(struct flow) + sizeof(struct key_wide)] __attribute__((aligned(8)));
};

/* Of one meter. Slots of IPv4 and IPv6 stand apart. */
struct flood {
	uint64_t limit;                 /* records of single flows each second; 0: as many as come */
	uint64_t second_ns;             /* when the second at hand began; 0: no clock yet */
	uint64_t singles;               /* single flows that gave way in it */
	uint32_t space_bytes;           /* of all hooks together, a slot */
	uint8_t *spaces;
	unsigned taken;                 /* slots before it have been emptied */
	bool any;                       /* a slot is not empty */
	struct flood_slot slots[2 * FLOOD_SLOTS];       /* IPv4 and what has no family; IPv6 */
};

/* 0 or -ENOMEM. The rest of `flood` is zero already. */
int flood_init(struct flood *flood, uint64_t limit, uint32_t space_bytes);
void flood_fini(struct flood *flood);

/* Whether a single flow that gives way now is to be merged. */
static inline bool flood_is_on(struct flood *f)
{
	return ++f->singles > f->limit && f->limit;
}

/* Adds the record of a single flow. Returns the hooks' space that goes with it, NULL without. */
uint8_t *flood_merge(struct flood *flood, const struct flow_record *record);

/* Follows the clock. True when a second is over: the merged records are to be taken. */
bool flood_next_second(struct flood *flood, uint64_t clock_ns);
static inline bool flood_advance(struct flood *f, uint64_t clock_ns)
{
	return unlikely(clock_ns - f->second_ns >= UINT64_C(1000000000))
		&& flood_next_second(f, clock_ns);
}

/* Takes a merged record out, valid until more are merged; false when there is none left. */
bool flood_take(struct flood *flood, struct flow_record *ret);

#endif

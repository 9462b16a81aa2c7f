/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to look at a flow again. A wheel of ticks, each a chain of chunks of handles. Packets
 * never touch it: a flow whose tick comes is looked at, and goes back in at its next due time
 * if it is still alive. An entry is stale, and ignored, when the flow's due_tick says that it
 * is to be found elsewhere.
 */
#ifndef FLOW_WHEEL_H
#define FLOW_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

enum {
	WHEEL_TICK_LOG2 = 27,           /* 134 ms */
	WHEEL_SLOTS = 4096,             /* 9 minutes; what is due later is looked at in between */
	WHEEL_NEVER = 0,                /* due_tick of a flow that is in no slot */
	WHEEL_CHUNK = 62,
};

/* As many handles as fill four cache lines; chunks are linked by index, since the region they lie
 * in is the wheel's own. */
struct wheel_chunk {
	uint32_t next;                  /* in the chain; 0: none */
	uint32_t count;
	uint32_t handle[WHEEL_CHUNK];   /* `count` of them */
};

/* One table's. Ticks count from origin_ns on, in steps of 134 ms. */
struct wheel {
	uint64_t origin_ns;             /* time of tick 0; ticks in use start at 1 */
	uint32_t now;                   /* the last tick that is done */
	uint32_t slot[WHEEL_SLOTS];     /* first chunk of the chain */
	uint32_t used, free, bound;     /* chunks: high-water mark, free list, limit */
	uint64_t entries;               /* in all slots, stale ones included */
	struct wheel_chunk *chunks;
	struct region region;           /* of the chunks */
};

/* Room for the entries of max_count flows, stale ones included. 0 or -ENOMEM. */
int wheel_init(struct wheel *wheel, uint64_t max_count);
void wheel_fini(struct wheel *wheel);

/* Sets the time of the first tick, before any other use, or anew: then the owner rebuilds it. */
void wheel_start(struct wheel *wheel, uint64_t time_ns);

/* True when the clock has turned out to be where the ticks cannot follow: an hour before what the
 * wheel was started by (a first packet with a wrong time), or beyond 32 bits of ticks. */
bool wheel_is_lost(const struct wheel *wheel, uint64_t clock_ns);

/* The first tick that begins at or after a time, but not one that is done, nor past the horizon. */
uint32_t wheel_tick_at(const struct wheel *wheel, uint64_t time_ns);

/* Puts a handle into a tick. False when the bound on chunks is reached. */
bool wheel_add(struct wheel *wheel, uint32_t tick, uint32_t handle);

/* The next tick that has begun by `clock_ns`: takes its chain out and returns it (0: an empty one);
 * *ret_tick is the tick. False when there is none left to do. */
bool wheel_next(struct wheel *wheel, uint64_t clock_ns, uint32_t *ret_tick, uint32_t *ret_chain);

/* Is an entry found in `tick` the one that the flow's due_tick means? (After a jump of the clock a
 * slot is found at a later tick than the one it was filled for.) */
static inline bool wheel_entry_is_due(uint32_t due_tick, uint32_t tick)
{
	return due_tick != WHEEL_NEVER && due_tick <= tick && (tick - due_tick) % WHEEL_SLOTS == 0;
}

/* Empties every slot: the owner adds its live flows again. */
void wheel_clear(struct wheel *wheel);

/* Gives the first chunk of a chain back; returns the next one. */
uint32_t wheel_chunk_done(struct wheel *wheel, uint32_t chunk);

#endif

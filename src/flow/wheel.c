/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timing wheel: see wheel.h. Chunks come from a region by index and go back to a free list;
 * nothing is searched for or moved. Cost: an entry is written once and read once, four octets
 * each.
 */
#include "flow/wheel.h"

#include <errno.h>
#include <string.h>

static const uint64_t hour_ns = UINT64_C(3600) * 1000000000;
static const uint64_t tick_last = UINT32_MAX - 2 * WHEEL_SLOTS;  /* 18 years */

int wheel_init(struct wheel *wheel, uint64_t max_count)
{
	memset(wheel, 0, sizeof *wheel);
	/* A flow can leave stale entries behind; half as much again, and one chunk a slot. */
	uint64_t bound = (max_count + max_count / 2) / WHEEL_CHUNK + 2 * WHEEL_SLOTS;
	wheel->bound = bound < UINT32_MAX ? (uint32_t)bound : UINT32_MAX;
	int r = region_init(&wheel->region, wheel->bound * sizeof(struct wheel_chunk));
	wheel->chunks = (struct wheel_chunk *)(void *)wheel->region.start;
	wheel->used = 1;
	return r;
}

void wheel_fini(struct wheel *wheel) { region_fini(&wheel->region); }

void wheel_start(struct wheel *wheel, uint64_t time_ns)
{
	/* An hour before, so that a later packet with an earlier time has a tick too. */
	wheel->origin_ns = time_ns > hour_ns ? time_ns - hour_ns : 0;
	wheel->now = (uint32_t)((time_ns - wheel->origin_ns) >> WHEEL_TICK_LOG2);
}

bool wheel_is_lost(const struct wheel *wheel, uint64_t clock_ns)
{
	uint64_t now_ns = wheel->origin_ns + ((uint64_t)wheel->now << WHEEL_TICK_LOG2);
	if (clock_ns == 0)              /* no time is known yet */
		return false;
	return clock_ns + hour_ns < now_ns
		|| (clock_ns > wheel->origin_ns
		    && (clock_ns - wheel->origin_ns) >> WHEEL_TICK_LOG2 > tick_last);
}

uint32_t wheel_tick_at(const struct wheel *wheel, uint64_t time_ns)
{
	uint64_t tick = 0;
	if (time_ns > wheel->origin_ns)
		tick = (time_ns - wheel->origin_ns + (1ull << WHEEL_TICK_LOG2) - 1) >> WHEEL_TICK_LOG2;
	if (tick <= wheel->now)
		return wheel->now + 1;
	uint32_t horizon = wheel->now + WHEEL_SLOTS - 1;
	return tick < horizon ? (uint32_t)tick : horizon;
}

void wheel_clear(struct wheel *wheel)
{
	memset(wheel->slot, 0, sizeof wheel->slot);
	wheel->used = 1;
	wheel->free = 0;
	wheel->entries = 0;
}

/* 0: the bound is reached, and the wheel has to be rebuilt. */
static uint32_t chunk_take(struct wheel *wheel)
{
	uint32_t c = wheel->free;
	if (c)
		wheel->free = wheel->chunks[c].next;
	else if (wheel->used < wheel->bound)
		c = wheel->used++;
	return c;
}

/* Into the first chunk of the tick's chain, which is the one not full. */
bool wheel_add(struct wheel *wheel, uint32_t tick, uint32_t handle)
{
	uint32_t *head = &wheel->slot[tick % WHEEL_SLOTS];
	struct wheel_chunk *chunk = &wheel->chunks[*head];
	if (!*head || chunk->count == WHEEL_CHUNK) {
		uint32_t c = chunk_take(wheel);
		if (!c)
			return false;
		chunk = &wheel->chunks[c];
		chunk->next = *head;
		chunk->count = 0;
		*head = c;
	}
	chunk->handle[chunk->count++] = handle;
	wheel->entries++;
	return true;
}

/* One tick a call, so that the owner can put flows into later ticks in between. */
bool wheel_next(struct wheel *wheel, uint64_t clock_ns, uint32_t *ret_tick, uint32_t *ret_chain)
{
	if (clock_ns < wheel->origin_ns)
		return false;
	uint64_t reached = (clock_ns - wheel->origin_ns) >> WHEEL_TICK_LOG2;
	if (reached > tick_last)        /* the owner asks wheel_is_lost() before */
		reached = tick_last;
	if (wheel->now >= reached)
		return false;
	/* After a long silence every slot is due: walking each once is enough. */
	if (reached - wheel->now > WHEEL_SLOTS)
		wheel->now = (uint32_t)reached - WHEEL_SLOTS;
	wheel->now++;
	uint32_t *head = &wheel->slot[wheel->now % WHEEL_SLOTS];
	*ret_tick = wheel->now;
	*ret_chain = *head;
	*head = 0;
	return true;
}

uint32_t wheel_chunk_done(struct wheel *wheel, uint32_t chunk)
{
	uint32_t next = wheel->chunks[chunk].next;
	wheel->entries -= wheel->chunks[chunk].count;
	wheel->chunks[chunk].next = wheel->free;
	wheel->free = chunk;
	return next;
}

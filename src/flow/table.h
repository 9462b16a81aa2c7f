/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table: hot, cold and hook parts of flows in parallel arrays under one 32-bit handle, an
 * index from keys to handles, and a wheel of when to look again. It knows keys and memory, nothing
 * of timers' meaning, direction or records: that is the meter (update.c, expiry.c, meter.c).
 */
#ifndef FLOW_TABLE_H
#define FLOW_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/memory.h"
#include "flow/flow.h"
#include "flow/index.h"
#include "flow/wheel.h"

/* One key length, one thread. Handles count from 1; 0 is none. */
struct flow_table {
	uint32_t key_bytes;             /* 16, 40 or 56 */
	uint32_t stride;                /* octets of the hot part: flow_stride() */
	uint32_t space_bytes;           /* of all hooks together, a flow */
	uint8_t *hot;
	struct flow_cold *cold;         /* by handle */
	uint8_t *spaces;                /* by handle, space_bytes each; NULL: no hook has any */
	uint32_t used;                  /* high-water mark of handles, from 1 */
	uint32_t free[4];               /* handles to be given next, the first one first; 0: none */
	uint64_t active, bound;
	bool advancing;                 /* chains of the wheel are being walked */
	bool rebuild_wanted;            /* as soon as they are not */
	hash_many_function *hash_many;
	const struct hash_secret *secret;       /* borrowed from the meter */
	struct index index;             /* from hash to handle */
	struct wheel wheel;             /* when to look at a flow again */
	struct region hot_region, cold_region, space_region;
};

/* 0 or -ENOMEM. The secret is borrowed. */
int flow_table_init(struct flow_table *table, uint32_t key_bytes, uint32_t space_bytes,
                    uint64_t bound, const struct hash_secret *secret);
void flow_table_fini(struct flow_table *table);

/* The hot part, so that it lies in as few cache lines as it can: 64, 96 or 128 octets. */
static inline uint32_t flow_stride(uint32_t key_bytes)
{
	return ((uint32_t)sizeof(struct flow) + key_bytes + 31) / 32 * 32;
}

/* The parts of a flow by its handle, which is not checked. */
static inline struct flow *flow_table_at(const struct flow_table *t, uint32_t handle)
{
	return (struct flow *)(void *)(t->hot + (size_t)handle * t->stride);
}
static inline struct flow_cold *flow_table_cold(const struct flow_table *t, uint32_t handle)
{
	return &t->cold[handle];
}
static inline void *flow_table_space(const struct flow_table *t, uint32_t handle)
{
	return t->space_bytes ? t->spaces + (size_t)handle * t->space_bytes : NULL;
}

/* 0 if two keys are the same; they compare as 64-bit words. */
static inline uint64_t key_differs(const void *a, const void *b, unsigned bytes)
{
	uint64_t differ = 0;
	for (unsigned i = 0; i < bytes; i += 8)
		differ |= load_64((const uint8_t *)a + i) ^ load_64((const uint8_t *)b + i);
	return differ;
}
static inline bool key_equal(const void *a, const void *b, unsigned bytes)
{
	return key_differs(a, b, bytes) == 0;
}

/* The flow of a key, by every slot and overflow; HANDLE_NONE if there is none. */
uint32_t flow_table_find(struct flow_table *table, const void *key, uint64_t hash);

/* A new flow with this key, all else zero; its due_tick is kept from the handle's last user, whose
 * wheel entry may still be there. HANDLE_NONE when the table is full. */
uint32_t flow_table_insert(struct flow_table *table, const void *key, uint64_t hash);

/* Takes a flow out and gives its handle back. hash: of its key; a wrong one only costs time. */
void flow_table_remove(struct flow_table *table, uint32_t handle, uint64_t hash);

#endif

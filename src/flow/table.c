/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows in parallel arrays: see table.h. Handles are given anew from a free list, the last one
 * first: its memory is the likeliest to be in a cache. What a handle's last user has left in the
 * wheel is recognised by due_tick, which therefore survives.
 */
#include "flow/table.h"

#include <errno.h>
#include <string.h>

/* Two flows more than the bound: handle 0 is none, and prefetches may look one beyond the last. */
int flow_table_init(struct flow_table *t, uint32_t key_bytes, uint32_t space_bytes, uint64_t bound,
                    const struct hash_secret *secret)
{
	memset(t, 0, sizeof *t);
	t->key_bytes = key_bytes;
	t->stride = flow_stride(key_bytes);
	t->space_bytes = (space_bytes + 7) / 8 * 8;
	t->bound = bound < UINT32_MAX / 2 ? bound : UINT32_MAX / 2;
	t->secret = secret;
	t->hash_many = key_bytes == 16 ? secret->many_16
		: key_bytes == 40 ? secret->many_40 : secret->many_56;
	t->used = 1;
	int r = region_init(&t->hot_region, (t->bound + 2) * t->stride);
	if (!r)
		r = region_init(&t->cold_region, (t->bound + 2) * sizeof(struct flow_cold));
	if (!r && t->space_bytes)
		r = region_init(&t->space_region, (t->bound + 2) * t->space_bytes);
	if (!r)
		r = index_init(&t->index, t->bound);
	if (!r)
		r = wheel_init(&t->wheel, t->bound);
	if (r) {
		flow_table_fini(t);
		return r;
	}
	t->hot = t->hot_region.start;
	t->cold = (struct flow_cold *)(void *)t->cold_region.start;
	t->spaces = t->space_region.start;
	return 0;
}

void flow_table_fini(struct flow_table *t)
{
	region_fini(&t->hot_region);
	region_fini(&t->cold_region);
	region_fini(&t->space_region);
	index_fini(&t->index);
	wheel_fini(&t->wheel);
}

uint32_t flow_table_find(struct flow_table *t, const void *key, uint64_t hash)
{
	struct index_walk walk = index_walk_start(&t->index, hash);
	for (;;) {
		uint32_t handle = index_walk_next(&t->index, &walk, hash);
		if (handle == HANDLE_NONE || key_equal(flow_table_at(t, handle)->key, key, t->key_bytes))
			return handle;
	}
}

enum { FREE_AHEAD = array_count(((struct flow_table *)0)->free) };

/* The free list is a stack whose first handles are in the table. The first word of a flow in it
 * says which handle comes so many behind it: so what will be needed is known before what is in
 * between has come from memory. */
static void handle_give(struct flow_table *t, uint32_t handle)
{
	flow_table_at(t, handle)->octets[0] = t->free[FREE_AHEAD - 1];
	memmove(t->free + 1, t->free, sizeof t->free - sizeof t->free[0]);
	t->free[0] = handle;
}

static uint32_t handle_take(struct flow_table *t)
{
	uint32_t handle = t->free[0];
	if (!handle)
		return t->used <= t->bound ? t->used++ : HANDLE_NONE;
	memmove(t->free, t->free + 1, sizeof t->free - sizeof t->free[0]);
	t->free[FREE_AHEAD - 1] = (uint32_t)flow_table_at(t, handle)->octets[0];
	return handle;
}

/* Where a flow will be made soon: so many behind this one, from the free list or anew. */
static void prefetch_ahead(const struct flow_table *t)
{
	uint32_t ahead = t->free[FREE_AHEAD - 1];
	if (!ahead)
		ahead = t->used + FREE_AHEAD <= t->bound ? t->used + FREE_AHEAD : HANDLE_NONE;
	prefetch_write(flow_table_at(t, ahead));
	prefetch_write(flow_table_cold(t, ahead));
}

uint32_t flow_table_insert(struct flow_table *t, const void *key, uint64_t hash)
{
	uint32_t fresh = t->used, handle = handle_take(t);
	if (handle == HANDLE_NONE)
		return HANDLE_NONE;
	struct flow *f = flow_table_at(t, handle);
	/* Memory that is new is zero, and is not read before it is written: that is two page faults. */
	uint32_t due_tick = handle != fresh ? f->due_tick : 0;
	prefetch_ahead(t);
	memset(f, 0, sizeof *f);
	f->due_tick = due_tick;
	if (index_insert(&t->index, hash, handle)) {
		handle_give(t, handle);
		return HANDLE_NONE;
	}
	memcpy(f->key, key, t->key_bytes);
	f->state = FLOW_IN_USE;
	memset(flow_table_cold(t, handle), 0, sizeof(struct flow_cold));
	if (t->space_bytes && handle != fresh)  /* memory that is new is zero */
		memset(flow_table_space(t, handle), 0, t->space_bytes);
	t->active++;
	return handle;
}

/* For the rare caller who has not got it: a removal by a wrong hash. */
static uint64_t hash_of(const struct flow_table *t, uint32_t handle)
{
	const void *key = flow_table_at(t, handle)->key;
	uint64_t hash;
	t->hash_many(t->secret, &key, 1, &hash);
	return hash;
}

void flow_table_remove(struct flow_table *t, uint32_t handle, uint64_t hash)
{
	struct flow *f = flow_table_at(t, handle);
	if (unlikely(!index_remove(&t->index, hash, handle)))
		index_remove(&t->index, hash_of(t, handle), handle);
	f->state = 0;
	handle_give(t, handle);
	t->active--;
}

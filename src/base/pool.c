/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items in a region: see pool.h. Items that were never in use are zeros still; those given back
 * are cleared when they are taken again, by whoever is about to write them anyway.
 */
#include "base/pool.h"

#include <string.h>

int pool_init(struct pool *pool, size_t item_bytes, uint64_t most)
{
	size_t unit = item_bytes < 64 ? 8 : 64;
	memset(pool, 0, sizeof *pool);
	pool->item_bytes = (item_bytes + unit - 1) / unit * unit;
	pool->most = most;
	return region_init(&pool->region, pool->item_bytes * most);
}

void pool_fini(struct pool *pool)
{
	region_fini(&pool->region);
	memset(pool, 0, sizeof *pool);
}

void *pool_take(struct pool *pool)
{
	void *item = pool->free;
	if (item) {
		memcpy(&pool->free, item, sizeof pool->free);
		memset(item, 0, pool->item_bytes);
	} else if (pool->used < pool->most) {
		item = pool->region.start + pool->used++ * pool->item_bytes;    /* zeros, still */
	} else {
		pool->refused++;
		return NULL;
	}
	pool->taken++;
	return item;
}

void pool_give(struct pool *pool, void *item)
{
	if (!item)
		return;
	memcpy(item, &pool->free, sizeof pool->free);
	pool->free = item;
	pool->taken--;
}

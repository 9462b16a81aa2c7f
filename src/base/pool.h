/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded pool of items of one size, for state that only some flows have, or only for a while.
 * Address space is reserved for all of them at once, memory is taken from the system as items are
 * first used, and what is given back is used again first. One thread.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

/* One thread's. Counters are for statistics and tests. */
struct pool {
	struct region region;           /* of `most` items */
	size_t item_bytes;              /* rounded up to the alignment */
	uint64_t most, used;            /* items there may be, and that have ever been in use */
	uint64_t taken;                 /* items in use */
	uint64_t refused;               /* times that none was left */
	void *free;                     /* the list of those given back, through their first word */
};

/* 0 or -ENOMEM. Items are aligned to 8 octets, from 64 octets on to cache lines. */
int pool_init(struct pool *pool, size_t item_bytes, uint64_t most);
void pool_fini(struct pool *pool);      /* a zeroed pool is fine */

/* A zeroed item; NULL when all are in use, which is counted in `refused`. */
void *pool_take(struct pool *pool);
void pool_give(struct pool *pool, void *item);  /* NULL is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of octets that frames point into, and the bounded pool that they come from.
 * The reading thread takes blocks and holds one reference while it fills and walks one; every batch
 * holds another. Whoever drops the last reference, from whatever thread, gives the block back.
 * Neighbours: file.c, libpcap.c.
 */
#ifndef CAPTURE_BLOCK_H
#define CAPTURE_BLOCK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct block_pool;

/* Octets that several threads may look at, and whoever holds them. */
struct block {
	void (*drop)(struct block *);   /* when nobody holds it any more */
	struct block_pool *pool;        /* that it goes back to; NULL: it is no pool's (mapping.h) */
	struct block *next;             /* in the pool's list of free blocks */
	size_t size;                    /* octets at data */
	atomic_uint references;
	uint8_t *data;                  /* owned by whoever made the block */
};

/* Blocks are of block_bytes, or larger on demand; all together stay below limit_bytes, except
 * that one block beside the reader's own is always granted. */
int block_pool_new(size_t block_bytes, size_t limit_bytes, struct block_pool **ret);

/* All blocks must have been given back. NULL is fine. */
void block_pool_free(struct block_pool *pool);

/* A block of at least `bytes`, with one reference. Waits up to wait_ns for others to give blocks
 * back. 0, -EAGAIN when the bound is reached, -ENOMEM. */
int block_take(struct block_pool *pool, size_t bytes, uint64_t wait_ns, struct block **ret);

/* One more reference, for whoever has one already. */
static inline void block_hold(struct block *block)
{
	atomic_fetch_add_explicit(&block->references, 1, memory_order_relaxed);
}

/* Drops one reference. Any thread; NULL is fine. */
void block_release(struct block *block);

/* True when the caller's reference is the only one: the octets may be overwritten. */
static inline int block_is_sole(struct block *block)
{
	return atomic_load_explicit(&block->references, memory_order_acquire) == 1;
}

#endif

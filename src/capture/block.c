/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of blocks: see block.h. Its lock is taken once a block, not once a batch.
 * Blocks of the usual size are kept for reuse, last returned first (still in the cache); larger
 * ones, which only giant frames need, go back to the system at once.
 */
#include "capture/block.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { PAGE_BYTES = 4096 };

/* Everything is under the lock. */
struct block_pool {
	pthread_mutex_t lock;
	pthread_cond_t returned;        /* a block has come back */
	struct block *free;             /* of the usual size, last returned first */
	size_t block_bytes, limit_bytes;
	size_t taken_bytes;             /* in blocks that somebody holds */
	unsigned taken_count;
};

int block_pool_new(size_t block_bytes, size_t limit_bytes, struct block_pool **ret)
{
	struct block_pool *pool = calloc(1, sizeof *pool);
	if (!pool)
		return -ENOMEM;
	pool->block_bytes = block_bytes;
	pool->limit_bytes = limit_bytes;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->returned, &attributes);
	pthread_condattr_destroy(&attributes);
	*ret = pool;
	return 0;
}

static void block_free(struct block *block)
{
	free(block->data);
	free(block);
}

void block_pool_free(struct block_pool *pool)
{
	if (!pool)
		return;
	while (pool->free) {
		struct block *block = pool->free;
		pool->free = block->next;
		block_free(block);
	}
	pthread_cond_destroy(&pool->returned);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/* Larger ones than usual were made for one giant record and go; a page more or less is no
 * difference. */
static void give_back(struct block *block)
{
	struct block_pool *pool = block->pool;
	pthread_mutex_lock(&pool->lock);
	pool->taken_bytes -= block->size;
	pool->taken_count--;
	if (block->size > pool->block_bytes + PAGE_BYTES) {
		block_free(block);
	} else {
		block->next = pool->free;
		pool->free = block;
	}
	pthread_cond_signal(&pool->returned);
	pthread_mutex_unlock(&pool->lock);
}

static int block_new(struct block_pool *pool, size_t size, struct block **ret)
{
	struct block *block = calloc(1, sizeof *block);
	if (!block)
		return -ENOMEM;
	size = (size + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
	block->data = aligned_alloc(PAGE_BYTES, size);
	if (!block->data) {
		free(block);
		return -ENOMEM;
	}
	block->drop = give_back;
	block->pool = pool;
	block->size = size;
	*ret = block;
	return 0;
}

/* Waits until the bound has room for `size` more octets. Called with the lock held. */
static int wait_for_room(struct block_pool *pool, size_t size, uint64_t wait_ns)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	uint64_t seconds = wait_ns / 1000000000;
	until.tv_sec += seconds > 86400 ? 86400 : (time_t)seconds;
	until.tv_nsec += (long)(wait_ns % 1000000000);
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (pool->taken_count > 1 && pool->taken_bytes + size > pool->limit_bytes)
		if (!wait_ns || pthread_cond_timedwait(&pool->returned, &pool->lock, &until))
			return -EAGAIN;
	return 0;
}

int block_take(struct block_pool *pool, size_t bytes, uint64_t wait_ns, struct block **ret)
{
	size_t size = bytes > pool->block_bytes ? bytes : pool->block_bytes;
	struct block *block = NULL;
	pthread_mutex_lock(&pool->lock);
	int r = wait_for_room(pool, size, wait_ns);
	if (!r && bytes <= pool->block_bytes && pool->free) {
		block = pool->free;
		pool->free = block->next;
	} else if (!r) {
		r = block_new(pool, size, &block);
	}
	if (!r) {
		atomic_store_explicit(&block->references, 1, memory_order_relaxed);
		pool->taken_bytes += block->size;
		pool->taken_count++;
		*ret = block;
	}
	pthread_mutex_unlock(&pool->lock);
	return r;
}

void block_release(struct block *block)
{
	if (block && atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) == 1)
		block->drop(block);
}

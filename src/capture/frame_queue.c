/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue of copied frames: see frame_queue.h. In a block, each struct frame is followed
 * by its octets, padded to 8; the head of the block counts them. */
#include "capture/frame_queue.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { BLOCK_BYTES = 128 * 1024, LIMIT_MIN_BYTES = 1024 * 1024, ALIGN = 8 };

/* What a block begins with. */
struct head {
	uint32_t bytes;                 /* used, this head included */
	uint32_t count;
};

static struct head *head_of(struct block *block)
{
	return (struct head *)(void *)block->data;
}

static uint32_t slot_bytes(uint32_t captured_bytes)
{
	uint32_t padded = (captured_bytes + ALIGN - 1) & ~(uint32_t)(ALIGN - 1);
	return (uint32_t)sizeof(struct frame) + padded;
}

int frame_queue_init(struct frame_queue *q, uint64_t limit_bytes)
{
	*q = (struct frame_queue){ .empty = true };
	size_t limit = limit_bytes < LIMIT_MIN_BYTES ? LIMIT_MIN_BYTES : (size_t)limit_bytes;
	int r = block_pool_new(BLOCK_BYTES, limit, &q->pool);
	if (r)
		return r;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&q->filled, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&q->lock, NULL);
	return 0;
}

void frame_queue_fini(struct frame_queue *q)
{
	if (!q->pool)
		return;
	block_release(q->current);
	while (q->first) {
		struct block *block = q->first;
		q->first = block->next;
		block_release(block);
	}
	block_pool_free(q->pool);
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
}

/* The reader may be asleep: the signal is under the lock, so it cannot be lost between its look and
 * its sleep. */
static void hand_over(struct frame_writer *w)
{
	struct frame_queue *q = w->queue;
	pthread_mutex_lock(&q->lock);
	w->block->next = NULL;
	if (q->first)
		q->last->next = w->block;
	else
		q->first = w->block;
	q->last = w->block;
	atomic_store(&q->empty, false);
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
	w->block = NULL;
}

/* A block with room for `bytes` more. */
static bool writer_room(struct frame_writer *w, size_t bytes)
{
	if (w->block && w->block->size - head_of(w->block)->bytes < bytes)
		hand_over(w);
	if (w->block)
		return true;
	if (block_take(w->queue->pool, sizeof(struct head) + bytes, 0, &w->block))
		return false;
	*head_of(w->block) = (struct head){ .bytes = sizeof(struct head) };
	return true;
}

void frame_writer_put(struct frame_writer *w, const struct frame *frame)
{
	uint32_t bytes = slot_bytes(frame->captured_bytes);
	if (!writer_room(w, bytes)) {
		atomic_fetch_add_explicit(&w->queue->drops, 1, memory_order_relaxed);
		return;
	}
	struct head *head = head_of(w->block);
	uint8_t *slot = w->block->data + head->bytes;
	memcpy(slot, frame, sizeof *frame);
	memcpy(slot + sizeof *frame, frame->data, frame->captured_bytes);
	head->bytes += bytes;
	head->count++;
}

void frame_writer_flush(struct frame_writer *w, bool always)
{
	if (w->block && head_of(w->block)->count && (always || atomic_load(&w->queue->empty)))
		hand_over(w);
}

void frame_writer_fini(struct frame_writer *w)
{
	frame_writer_flush(w, true);
	block_release(w->block);
	w->block = NULL;
}

/* Takes the next block, waiting for one. */
static bool next_block(struct frame_queue *q, uint64_t wait_ns)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	uint64_t ns = (uint64_t)until.tv_nsec + wait_ns % 1000000000;
	uint64_t seconds = wait_ns / 1000000000;
	until.tv_sec += (time_t)(seconds > 86400 ? 86400 : seconds) + (time_t)(ns / 1000000000);
	until.tv_nsec = (long)(ns % 1000000000);

	pthread_mutex_lock(&q->lock);
	while (!q->first && wait_ns)
		if (pthread_cond_timedwait(&q->filled, &q->lock, &until))
			break;
	struct block *block = q->first;
	if (block) {
		q->first = block->next;
		atomic_store(&q->empty, q->first == NULL);
		q->at = sizeof(struct head);
		q->left = head_of(block)->count;
	}
	pthread_mutex_unlock(&q->lock);
	q->current = block;
	return block != NULL;
}

/* Frames were copied with their struct before their octets, so a batch is made of them without a
 * look at the wire. */
uint32_t frame_queue_read(struct frame_queue *q, uint64_t wait_ns, struct frame_batch *ret)
{
	ret->count = 0;
	ret->hold = NULL;
	if (!q->current && !next_block(q, wait_ns))
		return 0;
	uint32_t count = 0;
	for (; q->left && count < BATCH_MAX; q->left--) {
		const uint8_t *slot = q->current->data + q->at;
		struct frame *f = &ret->frame[count++];
		memcpy(f, slot, sizeof *f);
		f->data = slot + sizeof *f;
		q->at += slot_bytes(f->captured_bytes);
	}
	ret->count = count;
	ret->hold = q->current;
	if (q->left)
		block_hold(q->current);
	else
		q->current = NULL;      /* the reader's reference becomes the batch's */
	return count;
}

uint64_t frame_queue_oldest_ns(struct frame_queue *q)
{
	struct frame f = { .time_ns = 0 };
	if (q->current) {
		memcpy(&f, q->current->data + q->at, sizeof f);
		return f.time_ns;
	}
	pthread_mutex_lock(&q->lock);
	if (q->first)
		memcpy(&f, q->first->data + sizeof(struct head), sizeof f);
	pthread_mutex_unlock(&q->lock);
	return f.time_ns;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue of copied frames between capture threads and the reader, for sources without a
 * ring of their own. Frames are copied into blocks; whole blocks travel, so the lock is taken once
 * for many frames when it matters: a block is handed over when it is full, or when the reader has
 * nothing. Neighbours: libpcap.c (its user), block.h.
 */
#ifndef CAPTURE_FRAME_QUEUE_H
#define CAPTURE_FRAME_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/block.h"
#include "capture/frame.h"

/* Any number of writers, one reader. */
struct frame_queue {
	struct block_pool *pool;        /* owned; its bound is the queue's */
	pthread_mutex_t lock;           /* of first and last */
	pthread_cond_t filled;          /* first is there */
	struct block *first, *last;     /* handed over, oldest first */
	atomic_bool empty;              /* first == NULL, readable without the lock */
	struct block *current;          /* being walked by the reader */
	uint32_t at, left;              /* place in it; frames left in it */
	atomic_uint_fast64_t drops;     /* frames for which there was no room */
};

struct frame_writer {                   /* of one capture thread */
	struct frame_queue *queue;
	struct block *block;            /* being filled; NULL: none */
};

/* limit_bytes: what frames not yet read and batches not yet released hold together; a small one is
 * raised to a few blocks. 0 or -ENOMEM. */
int frame_queue_init(struct frame_queue *q, uint64_t limit_bytes);
void frame_queue_fini(struct frame_queue *q);   /* writers finished, batches released */

/* Copies a frame (all members, and its octets) or counts a drop. Never waits. */
void frame_writer_put(struct frame_writer *w, const struct frame *frame);
/* Hands over what was copied if the reader has nothing, or in any case. */
void frame_writer_flush(struct frame_writer *w, bool always);
void frame_writer_fini(struct frame_writer *w);         /* hands over the rest */

/* Fills a batch (with its hold: a block) within wait_ns; returns the count. */
uint32_t frame_queue_read(struct frame_queue *q, uint64_t wait_ns, struct frame_batch *ret);

/* Time of the oldest frame in the queue; 0 when it is empty. Reader only. */
uint64_t frame_queue_oldest_ns(struct frame_queue *q);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Batches given back by other threads, in any order; blocks and the bounded pool behind them. */
#include "craft.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/block.h"
#include "capture/frame_queue.h"

enum { US = 0xa1b2c3d4, FRAMES = 60000, THREADS = 3, QUEUE = 64 };

static int teardown(void **state)
{
	remove_folder();
	return 0;
}

struct exchange {                       /* batches on their way to the threads that check them */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct frame_batch *batches[QUEUE];
	unsigned count, seed;
	bool ended;
	struct capture *capture;
	atomic_uint checked, wrong;
};

/* Takes any of the batches that wait, so that they come back out of order. */
static struct frame_batch *take_any(struct exchange *x)
{
	struct frame_batch *batch = NULL;
	pthread_mutex_lock(&x->lock);
	while (!x->count && !x->ended)
		pthread_cond_wait(&x->changed, &x->lock);
	if (x->count) {
		x->seed = x->seed * 1103515245 + 12345;
		unsigned i = (x->seed >> 16) % x->count;
		batch = x->batches[i];
		x->batches[i] = x->batches[--x->count];
		pthread_cond_broadcast(&x->changed);
	}
	pthread_mutex_unlock(&x->lock);
	return batch;
}

static void *check_batches(void *context)
{
	struct exchange *x = context;
	for (struct frame_batch *batch; (batch = take_any(x)); free(batch)) {
		for (uint32_t i = 0; i < batch->count; i++) {
			const struct frame *f = &batch->frame[i];
			unsigned seed = (unsigned)(f->time_ns / 1000);
			if (!is_pattern(f->data, f->captured_bytes, seed))
				atomic_fetch_add(&x->wrong, 1);
		}
		atomic_fetch_add(&x->checked, batch->count);
		capture_kind_files()->release(x->capture, batch->hold);
	}
	return NULL;
}

static void pass_on(struct exchange *x, const struct frame_batch *batch)
{
	struct frame_batch *copy = malloc(sizeof *copy);
	assert_non_null(copy);
	memcpy(copy, batch, sizeof *copy);
	pthread_mutex_lock(&x->lock);
	while (x->count == QUEUE)
		pthread_cond_wait(&x->changed, &x->lock);
	x->batches[x->count++] = copy;
	pthread_cond_broadcast(&x->changed);
	pthread_mutex_unlock(&x->lock);
}

static void any_thread_may_give_batches_back(void **state)
{
	struct octets o = { 0 };
	put_pcap_header(&o, US, 65535, 1);
	for (unsigned i = 0; i < FRAMES; i++)
		put_pcap_record(&o, 0, i, 40 + i % 300, 1500, i);
	const char *path = save("a.pcap", &o);
	octets_free(&o);

	const struct capture_kind *kind = capture_kind_files();
	struct exchange x = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER,
	};
	struct capture_settings settings = { .names = &path, .name_count = 1 };
	static struct frame_batch batch;
	struct error err;
	pthread_t threads[THREADS];
	assert_int_equal(kind->open(&settings, &x.capture, &err), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, check_batches, &x), 0);
	for (int r; (r = kind->read(x.capture, 1000000000, &batch, &err)) != -ENODATA;) {
		assert_true(r >= 0);
		if (r)
			pass_on(&x, &batch);
	}
	pthread_mutex_lock(&x.lock);
	x.ended = true;
	pthread_cond_broadcast(&x.changed);
	pthread_mutex_unlock(&x.lock);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&x.checked), FRAMES);
	assert_int_equal(atomic_load(&x.wrong), 0);
	kind->close(x.capture);
}

/* Batches that nobody gives back: reading stops at the bound with "none", and goes on when they
 * are. */
static void memory_is_bounded_by_batches_held(void **state)
{
	enum { COPIES = 130, HELD_MAX = 4000 };
	struct octets o = { 0 };
	put_pcap_header(&o, US, 65535, 1);
	for (unsigned i = 0; i < 16; i++)
		put_pcap_record(&o, 0, i, 64000, 64000, i);
	const char *path = save("a.pcap", &o);
	octets_free(&o);
	const char *names[COPIES];
	for (unsigned i = 0; i < COPIES; i++)
		names[i] = path;

	const struct capture_kind *kind = capture_kind_files();
	struct capture_settings settings = { .names = names, .name_count = COPIES };
	static struct frame_batch batch;
	static void *holds[HELD_MAX];
	unsigned held = 0, frames = 0, stops = 0;
	struct capture *capture;
	struct error err;
	assert_int_equal(kind->open(&settings, &capture, &err), 0);
	for (int r; (r = kind->read(capture, 0, &batch, &err)) != -ENODATA;) {
		assert_true(r >= 0);
		if (r == 0) {
			stops++;
			assert_true((uint64_t)frames * 64000 < UINT64_C(110) << 20);
			while (held)
				kind->release(capture, holds[--held]);
			continue;
		}
		frames += batch.count;
		assert_true(held < HELD_MAX);
		holds[held++] = batch.hold;
	}
	while (held)
		kind->release(capture, holds[--held]);
	assert_int_equal(frames, 16 * COPIES);
	assert_true(stops >= 1);
	kind->close(capture);
}

static void pool_grants_two_and_then_keeps_its_bound(void **state)
{
	struct block_pool *pool;
	struct block *blocks[4];
	assert_int_equal(block_pool_new(4096, 3 * 4096, &pool), 0);
	assert_int_equal(block_take(pool, 1, 0, &blocks[0]), 0);
	/* giant, beside the reader's own */
	assert_int_equal(block_take(pool, 100000, 0, &blocks[1]), 0);
	assert_true(blocks[1]->size >= 100000);
	assert_int_equal(block_take(pool, 1, 0, &blocks[2]), -EAGAIN);
	assert_int_equal(block_take(pool, 1, 1000000, &blocks[2]), -EAGAIN);
	block_release(blocks[1]);
	assert_int_equal(block_take(pool, 1, 0, &blocks[1]), 0);
	assert_int_equal(block_take(pool, 1, 0, &blocks[2]), 0);
	assert_int_equal(block_take(pool, 1, 0, &blocks[3]), -EAGAIN);
	block_hold(blocks[0]);
	assert_false(block_is_sole(blocks[0]));
	block_release(blocks[0]);
	assert_true(block_is_sole(blocks[0]));
	for (unsigned i = 0; i < 3; i++)
		block_release(blocks[i]);
	block_release(NULL);
	block_pool_free(pool);
	block_pool_free(NULL);
}

static void *release_later(void *block)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	block_release(block);
	return NULL;
}

static void pool_waits_for_blocks_to_come_back(void **state)
{
	struct block_pool *pool;
	struct block *blocks[3];
	pthread_t thread;
	assert_int_equal(block_pool_new(4096, 2 * 4096, &pool), 0);
	assert_int_equal(block_take(pool, 1, 0, &blocks[0]), 0);
	assert_int_equal(block_take(pool, 1, 0, &blocks[1]), 0);
	assert_int_equal(pthread_create(&thread, NULL, release_later, blocks[1]), 0);
	assert_int_equal(block_take(pool, 1, UINT64_C(60000000000), &blocks[2]), 0);
	pthread_join(thread, NULL);
	block_release(blocks[0]);
	block_release(blocks[2]);
	block_pool_free(pool);
}

struct producer {
	struct frame_queue *queue;
	uint16_t interface;
};

static void *produce(void *context)
{
	const struct producer *p = context;
	struct frame_writer writer = { .queue = p->queue };
	uint8_t octets[64];
	for (unsigned i = 0; i < FRAMES; i++) {
		memset(octets, (int)(i & 0xff), sizeof octets);
		frame_writer_put(&writer,
		                 &(struct frame){ .data = octets, .time_ns = i, .wire_bytes = 100,
		                 .captured_bytes = i % 65, .interface = p->interface });
		if (i % 100 == 0)
			frame_writer_flush(&writer, false);
	}
	frame_writer_fini(&writer);
	return NULL;
}

/* Two writers, one reader: each writer's frames stay in order, and what is missing is counted. */
static void frame_queue_keeps_order_and_counts_drops(void **state)
{
	struct frame_queue queue;
	struct producer producers[2] = { { &queue, 0 }, { &queue, 1 } };
	pthread_t threads[2];
	static struct frame_batch batch;
	uint64_t seen = 0, next[2] = { 0, 0 };
	assert_int_equal(frame_queue_init(&queue, 1), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
	while (frame_queue_read(&queue, 500000000, &batch)) {
		for (uint32_t i = 0; i < batch.count; i++) {
			const struct frame *f = &batch.frame[i];
			assert_true(f->time_ns >= next[f->interface]);
			assert_int_equal(f->captured_bytes, f->time_ns % 65);
			assert_true(!f->captured_bytes ||
			            f->data[f->captured_bytes - 1] == (f->time_ns & 0xff));
			next[f->interface] = f->time_ns + 1;
		}
		seen += batch.count;
		block_release(batch.hold);
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	while (frame_queue_read(&queue, 0, &batch)) {
		seen += batch.count;
		block_release(batch.hold);
	}
	assert_int_equal(seen + atomic_load(&queue.drops), 2 * FRAMES);
	assert_true(seen > 0);
	frame_queue_fini(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_thread_may_give_batches_back),
		cmocka_unit_test(memory_is_bounded_by_batches_held),
		cmocka_unit_test(pool_grants_two_and_then_keeps_its_bound),
		cmocka_unit_test(pool_waits_for_blocks_to_come_back),
		cmocka_unit_test(frame_queue_keeps_order_and_counts_drops),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}

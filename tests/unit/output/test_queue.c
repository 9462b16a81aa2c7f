/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue under outputs that are slow, stalled, failing or lying: nothing is lost without being
 * counted, the one who must not wait never waits, and a lying output is caught by the balance.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "fake.h"
#include "output/callback.h"
#include "output/queue.h"

struct bench {
	struct fake fake;               /* first: fake_open finds it by env->context */
	struct queue *queue;
	struct schema *schema;
	pthread_mutex_t lock;
	unsigned messages;
	char last[600];
};

static void note_message(void *context, const char *text)
{
	struct bench *b = context;
	pthread_mutex_lock(&b->lock);
	b->messages++;
	snprintf(b->last, sizeof b->last, "%s", text);
	pthread_mutex_unlock(&b->lock);
}

static int open_address(struct bench *b, const char *text, uint64_t bound_records,
                        struct error *err)
{
	memset(b, 0, sizeof *b);
	pthread_mutex_init(&b->lock, NULL);
	fake_init(&b->fake);
	struct output_env env = { .live = true, .message = note_message, .context = b };
	struct address address;
	assert_int_equal(address_parse(text, &address, err), 0);
	struct queue_setup setup = { .kind = &fake_kind, .address = &address, .env = &env,
	                             .bound_records = bound_records };
	int r = queue_open(&setup, &b->queue, err);
	address_fini(&address);
	if (r == 0)
		b->schema = fake_schema();
	return r;
}

static void bench_open(struct bench *b, uint64_t bound_records)
{
	struct error err = { "" };
	assert_int_equal(open_address(b, "fake:", bound_records, &err), 0);
	assert_non_null(b->schema);
}

static void bench_start(struct bench *b)
{
	struct error err = { "" };
	assert_int_equal(queue_schema(b->queue, b->schema, &err), 0);
	assert_int_equal(queue_start(b->queue, &err), 0);
}

static void bench_close(struct bench *b)
{
	queue_close(b->queue);
	assert_int_equal(atomic_load(&b->fake.closes), 1);
	schema_free(b->schema);
}

static bool put(struct bench *b, unsigned count, uint64_t first, bool wait)
{
	struct record_batch *batch = fake_batch(b->schema, count, first);
	bool taken = queue_put(b->queue, batch, QUEUE_NOW | (wait ? QUEUE_WAIT : 0));
	record_batch_release(batch);
	return taken;
}

static struct output_counters counters_of(struct bench *b)
{
	struct output_counters c;
	queue_counters(b->queue, &c);
	return c;
}

static uint64_t in_ms(unsigned ms)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec + (uint64_t)ms * 1000000;
}

static void test_all_arrive_in_order(void **state)
{
	struct bench b;
	bench_open(&b, 100);
	bench_start(&b);
	for (unsigned i = 0; i < 500; i++)
		assert_true(put(&b, 7, 1 + 7 * i, true));
	assert_int_equal(queue_finish(b.queue, UINT64_MAX), 0);
	struct output_counters c = counters_of(&b);
	assert_int_equal(c.accepted, 3500);
	assert_int_equal(c.acknowledged, 3500);
	assert_int_equal(c.queued, 0);
	assert_true(output_counters_balanced(&c));
	assert_true(b.fake.in_order);
	assert_int_equal(atomic_load(&b.fake.schemas), 1);
	assert_int_equal(atomic_load(&b.fake.finishes), 1);
	assert_false(queue_failed(b.queue));
	assert_int_equal(b.messages, 0);
	bench_close(&b);
}

/* 60,000 rows of a number take about one megabyte. */
static void test_the_address_says_how_much_waits(void **state)
{
	static const struct { const char *text; unsigned least, most; } cases[] = {
		{ "fake:?queue=1M", 1, 2 }, { "fake:?queue=5M", 4, 7 }, { "fake:", 20, 20 },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct bench b;
		struct error err = { "" };
		assert_int_equal(open_address(&b, cases[i].text, 20 * 60000, &err), 0);
		atomic_store(&b.fake.stalled, true);
		bench_start(&b);
		put(&b, 1, 1, false);           /* the output holds this one, it waits no more */
		while (counters_of(&b).queued > 0 && atomic_load(&b.fake.writes) == 0)
			sched_yield();
		unsigned taken = 0;
		while (taken < 30 && put(&b, 60000, 1, false))
			taken++;
		if (taken < cases[i].least || taken > cases[i].most)
			fail_msg("%s: %u batches", cases[i].text, taken);
		struct output_counters c = counters_of(&b);
		assert_int_equal(c.dropped[DROP_QUEUE_FULL], 60000);
		assert_true(output_counters_balanced(&c));
		bench_close(&b);
	}
}

static void test_parameters_of_every_address(void **state)
{
	struct bench b;
	struct error err = { "" };
	assert_int_equal(open_address(&b, "fake:?fields=%2Ba,-b", 0, &err), 0);
	assert_string_equal(queue_fields(b.queue), "+a,-b");
	assert_string_equal(queue_name(b.queue), "fake:?fields=%2Ba,-b");
	bench_close(&b);
	assert_int_equal(open_address(&b, "fake:", 0, &err), 0);
	assert_null(queue_fields(b.queue));
	bench_close(&b);
	assert_int_equal(open_address(&b, "fake:?queue=1000", 0, &err), -EINVAL);
	assert_non_null(strstr(err.text, "expected a size of 1M or more"));
	assert_int_equal(open_address(&b, "fake:?queue=many", 0, &err), -EINVAL);
}

static void test_live_never_waits(void **state)
{
	struct bench b;
	bench_open(&b, 20);
	atomic_store(&b.fake.stalled, true);
	bench_start(&b);
	unsigned taken = 0, missed_octets = 0;
	for (unsigned i = 0; i < 100; i++) {
		if (put(&b, 5, 1 + 5 * i, false))
			taken++;
		else
			missed_octets += 5 * (5 * i + 3);
	}
	struct output_counters c = counters_of(&b);
	assert_int_equal(c.accepted, 500);
	assert_int_equal(c.queued, 5 * taken);
	assert_int_equal(c.dropped[DROP_QUEUE_FULL], 500 - 5 * taken);
	assert_true(taken >= 4 && taken <= 5);  /* four wait, and one may be in flight */
	assert_true(output_counters_balanced(&c));
	assert_int_equal(b.messages, 1);
	assert_non_null(strstr(b.last, "too slow"));
	atomic_store(&b.fake.stalled, false);
	assert_int_equal(queue_finish(b.queue, in_ms(60000)), 0);
	c = counters_of(&b);
	assert_int_equal(b.fake.missed.amount.records, c.dropped[DROP_QUEUE_FULL]);
	assert_int_equal(b.fake.missed.amount.octets, missed_octets);
	assert_true(b.fake.missed.first_ns && b.fake.missed.first_ns <= b.fake.missed.last_ns);
	assert_int_equal(c.acknowledged, 5 * taken);
	assert_int_equal(c.queued, 0);
	assert_true(output_counters_balanced(&c));
	assert_false(queue_failed(b.queue));
	bench_close(&b);
}

/* What an output that keeps the newest gets is the end of what was put, whole and in order, and it
 * is told of the gap before what stands behind it. */
static void test_live_may_keep_the_newest(void **state)
{
	struct bench b;
	struct output_kind newest = fake_kind;
	newest.keeps_newest = true;
	bench_open(&b, 20);
	b.fake.output.kind = &newest;
	atomic_store(&b.fake.stalled, true);
	bench_start(&b);
	put(&b, 5, 1, false);
	while (atomic_load(&b.fake.writes) == 0)        /* in flight: the ring fills behind it */
		usleep(1000);
	for (unsigned i = 1; i < 100; i++)
		assert_true(put(&b, 5, 1 + 5 * i, false));
	struct output_counters c = counters_of(&b);
	assert_int_equal(c.accepted, 500);
	assert_int_equal(c.queued, 5 + 20);
	assert_int_equal(c.dropped[DROP_QUEUE_FULL], 475);
	assert_true(output_counters_balanced(&c));
	assert_int_equal(b.messages, 1);
	struct output_missed elsewhere = { .amount = { .records = 7, .octets = 70 } };
	queue_missed(b.queue, &elsewhere);
	atomic_store(&b.fake.stalled, false);
	assert_int_equal(queue_finish(b.queue, in_ms(60000)), 0);
	c = counters_of(&b);
	assert_int_equal(c.acknowledged, 25);
	assert_int_equal(b.fake.last_first_value, 500);
	assert_int_equal(b.fake.missed.amount.records, 475 + 7);
	assert_int_equal(c.dropped[DROP_QUEUE_FULL], 475);      /* the seven were never here */
	assert_true(output_counters_balanced(&c));
	bench_close(&b);
}

static void test_tells_once_when_full_and_once_when_well(void **state)
{
	struct bench b;
	bench_open(&b, 10);
	atomic_store(&b.fake.stalled, true);
	bench_start(&b);
	put(&b, 10, 1, false);
	while (atomic_load(&b.fake.writes) == 0)       /* in flight: the ring fills behind it */
		usleep(1000);
	for (unsigned i = 1; i < 10; i++)
		put(&b, 10, 1 + 10 * i, false);
	assert_int_equal(b.messages, 1);
	atomic_store(&b.fake.stalled, false);
	while (counters_of(&b).queued)
		usleep(1000);
	put(&b, 1, 1000, false);
	assert_int_equal(queue_finish(b.queue, UINT64_MAX), 0);
	assert_int_equal(b.messages, 2);
	assert_non_null(strstr(b.last, "takes records again"));
	bench_close(&b);
}

static void test_failing_output_goes_on(void **state)
{
	struct bench b;
	bench_open(&b, 0);
	atomic_store(&b.fake.failing, true);
	bench_start(&b);
	for (unsigned i = 0; i < 20; i++)
		put(&b, 5, 1 + 5 * i, true);
	while (counters_of(&b).queued)
		usleep(1000);
	assert_true(queue_failed(b.queue));
	assert_int_equal(b.messages, 1);
	assert_non_null(strstr(b.last, "no more paper"));
	atomic_store(&b.fake.failing, false);
	put(&b, 5, 1000, true);
	assert_int_equal(queue_finish(b.queue, UINT64_MAX), 0);
	struct output_counters c = counters_of(&b);
	assert_int_equal(c.acknowledged, 5);
	assert_int_equal(c.dropped[DROP_WRITE_FAILED], 100);
	assert_true(output_counters_balanced(&c));
	assert_int_equal(b.messages, 2);
	assert_true(queue_failed(b.queue));     /* it has failed: the exit status stays 1 */
	bench_close(&b);
}

static void test_planted_loss_is_caught(void **state)
{
	struct bench b;
	bench_open(&b, 0);
	bench_start(&b);
	put(&b, 5, 1, true);
	while (counters_of(&b).queued)
		usleep(1000);
	struct output_counters c = counters_of(&b);
	assert_true(output_counters_balanced(&c));
	atomic_store(&b.fake.losing, true);
	put(&b, 5, 6, true);
	queue_finish(b.queue, UINT64_MAX);
	c = counters_of(&b);
	assert_false(output_counters_balanced(&c));
	assert_int_equal(c.acknowledged, c.accepted - 1);
	bench_close(&b);
}

static struct bench hung;      /* outlives its test: the abandoned thread ends when it likes */

static void test_output_that_hangs_is_abandoned(void **state)
{
	bench_open(&hung, 0);
	atomic_store(&hung.fake.hanging, true);
	bench_start(&hung);
	for (unsigned i = 0; i < 10; i++)
		put(&hung, 10, 1 + 10 * i, false);
	while (atomic_load(&hung.fake.writes) == 0)
		usleep(1000);
	assert_int_equal(queue_finish(hung.queue, in_ms(30)), -ETIMEDOUT);
	struct output_counters c = counters_of(&hung);
	assert_int_equal(c.accepted, 100);
	assert_true(output_counters_balanced(&c));
	assert_true(c.queued == 10 && c.dropped[DROP_QUEUE_FULL] == 90);
	assert_true(queue_failed(hung.queue));
	assert_non_null(strstr(hung.last, "did not finish in time"));
	queue_close(hung.queue);
	assert_int_equal(atomic_load(&hung.fake.closes), 0);
	atomic_store(&hung.fake.hanging, false);
}

static void test_give_up_reaches_the_output(void **state)
{
	struct bench b;
	bench_open(&b, 0);
	atomic_store(&b.fake.stalled, true);
	bench_start(&b);
	for (unsigned i = 0; i < 10; i++)
		put(&b, 10, 1 + 10 * i, false);
	while (atomic_load(&b.fake.writes) == 0)
		usleep(1000);
	assert_int_equal(queue_finish(b.queue, in_ms(30)), -ETIMEDOUT);
	struct output_counters c = counters_of(&b);
	assert_int_equal(c.acknowledged, 10);
	assert_int_equal(c.dropped[DROP_QUEUE_FULL], 90);
	assert_int_equal(c.queued, 0);
	assert_true(output_counters_balanced(&c));
	queue_close(b.queue);
	schema_free(b.schema);
}

static void test_refused_schema(void **state)
{
	struct bench b;
	bench_open(&b, 0);
	atomic_store(&b.fake.refusing, true);
	struct error err = { "" };
	assert_true(queue_schema(b.queue, b.schema, &err) < 0);
	assert_non_null(strstr(err.text, "not this schema"));
	assert_int_equal(queue_start(b.queue, &err), 0);
	put(&b, 3, 1, true);
	put(&b, 3, 4, true);
	queue_finish(b.queue, UINT64_MAX);
	struct output_counters c = counters_of(&b);
	assert_int_equal(c.dropped[DROP_UNENCODABLE], 6);
	assert_true(output_counters_balanced(&c));
	assert_int_equal(atomic_load(&b.fake.schemas), 1);
	assert_int_equal(atomic_load(&b.fake.writes), 0);
	bench_close(&b);
}

static void test_ticks_and_reopens_when_idle(void **state)
{
	struct bench b;
	bench_open(&b, 0);
	bench_start(&b);
	queue_reopen(b.queue);
	while (atomic_load(&b.fake.ticks) < 5 || atomic_load(&b.fake.reopens) < 1)
		usleep(1000);
	assert_int_equal(queue_finish(b.queue, UINT64_MAX), 0);
	assert_int_equal(queue_finish(b.queue, UINT64_MAX), 0);
	assert_int_equal(atomic_load(&b.fake.finishes), 1);
	assert_false(put(&b, 2, 1, true));      /* too late, but counted */
	struct output_counters c = counters_of(&b);
	assert_int_equal(c.dropped[DROP_QUEUE_FULL], 2);
	assert_true(output_counters_balanced(&c));
	bench_close(&b);
}

static void test_batch_larger_than_the_bound_passes(void **state)
{
	struct bench b;
	bench_open(&b, 10);
	bench_start(&b);
	assert_true(put(&b, 100, 1, true));
	assert_true(put(&b, 100, 101, true));
	assert_int_equal(queue_finish(b.queue, UINT64_MAX), 0);
	struct output_counters c = counters_of(&b);
	assert_int_equal(c.acknowledged, 200);
	bench_close(&b);
}

static void test_works_without_a_thread(void **state)
{
	struct bench b;
	bench_open(&b, 0);
	put(&b, 4, 1, false);
	assert_int_equal(queue_finish(b.queue, UINT64_MAX), 0);
	struct output_counters c = counters_of(&b);
	assert_int_equal(c.acknowledged, 4);
	assert_int_equal(atomic_load(&b.fake.schemas), 1);
	bench_close(&b);
}

static void test_close_without_finish(void **state)
{
	struct bench b;
	bench_open(&b, 0);
	bench_start(&b);
	put(&b, 4, 1, false);
	bench_close(&b);
	assert_int_equal(atomic_load(&b.fake.finishes), 0);
}

static void *wait_for_room(void *context)
{
	struct bench *b = context;
	return put(b, 10, 100, true) ? context : NULL;
}

static void test_stop_waiting(void **state)
{
	struct bench b;
	pthread_t waiter;
	void *result = &b;
	bench_open(&b, 10);
	atomic_store(&b.fake.stalled, true);
	bench_start(&b);
	put(&b, 10, 1, false);
	while (atomic_load(&b.fake.writes) == 0)
		usleep(1000);
	put(&b, 10, 11, false);
	pthread_create(&waiter, NULL, wait_for_room, &b);
	usleep(5000);
	queue_stop_waiting(b.queue);
	pthread_join(waiter, &result);
	assert_null(result);
	atomic_store(&b.fake.stalled, false);
	assert_int_equal(queue_finish(b.queue, UINT64_MAX), 0);
	struct output_counters c = counters_of(&b);
	assert_int_equal(c.acknowledged, 20);
	assert_int_equal(c.dropped[DROP_QUEUE_FULL], 10);
	assert_true(output_counters_balanced(&c));
	bench_close(&b);
}

static void *put_many(void *context)
{
	for (unsigned i = 0; i < 2000; i++)
		put(context, 3, 1, i % 2);
	return NULL;
}

static void test_every_snapshot_balances(void **state)
{
	struct bench b;
	pthread_t putters[3];
	bench_open(&b, 60);
	bench_start(&b);
	for (unsigned i = 0; i < array_count(putters); i++)
		pthread_create(&putters[i], NULL, put_many, &b);
	for (unsigned i = 0; i < 2000; i++) {
		struct output_counters c = counters_of(&b);
		assert_true(output_counters_balanced(&c));
		if (i % 50 == 0)
			queue_reopen(b.queue);
	}
	for (unsigned i = 0; i < array_count(putters); i++)
		pthread_join(putters[i], NULL);
	assert_int_equal(queue_finish(b.queue, UINT64_MAX), 0);
	struct output_counters c = counters_of(&b);
	assert_int_equal(c.accepted, 3 * 2000 * array_count(putters));
	assert_int_equal(c.acknowledged, atomic_load(&b.fake.rows));
	assert_true(output_counters_balanced(&c));
	bench_close(&b);
}

static void count_rows(void *context, const struct record_batch *batch)
{
	*(unsigned *)context += batch->count;
}

static void test_callback_output(void **state)
{
	unsigned rows = 0;
	struct output *o;
	assert_int_equal(callback_output_new(count_rows, &rows, &o), 0);
	struct queue_setup setup = { .opened = o };
	struct queue *q;
	struct error err = { "" };
	assert_int_equal(queue_open(&setup, &q, &err), 0);
	assert_string_equal(queue_name(q), "callback");
	assert_int_equal(queue_start(q, &err), 0);
	struct schema *schema = fake_schema();
	struct record_batch *batch = fake_batch(schema, 9, 1);
	assert_true(queue_put(q, batch, QUEUE_WAIT | QUEUE_NOW));
	record_batch_release(batch);
	assert_int_equal(queue_finish(q, UINT64_MAX), 0);
	assert_int_equal(rows, 9);
	struct output_counters c;
	queue_counters(q, &c);
	assert_true(output_counters_balanced(&c) && c.acknowledged == 9);
	queue_close(q);
	schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_arrive_in_order),
		cmocka_unit_test(test_the_address_says_how_much_waits),
		cmocka_unit_test(test_parameters_of_every_address),
		cmocka_unit_test(test_live_never_waits),
		cmocka_unit_test(test_live_may_keep_the_newest),
		cmocka_unit_test(test_tells_once_when_full_and_once_when_well),
		cmocka_unit_test(test_failing_output_goes_on),
		cmocka_unit_test(test_planted_loss_is_caught),
		cmocka_unit_test(test_output_that_hangs_is_abandoned),
		cmocka_unit_test(test_give_up_reaches_the_output),
		cmocka_unit_test(test_refused_schema),
		cmocka_unit_test(test_ticks_and_reopens_when_idle),
		cmocka_unit_test(test_batch_larger_than_the_bound_passes),
		cmocka_unit_test(test_works_without_a_thread),
		cmocka_unit_test(test_close_without_finish),
		cmocka_unit_test(test_stop_waiting),
		cmocka_unit_test(test_every_snapshot_balances),
		cmocka_unit_test(test_callback_output),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The file clock: reorder window, jumps that need a witness, the end. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "capture/clock.h"

#define SECOND UINT64_C(1000000000)
#define HOUR   (3600 * SECOND)
#define START  (1700000000 * SECOND)

static struct capture_clock started(void)
{
	struct capture_clock clock = { 0 };
	capture_clock_see(&clock, START);
	capture_clock_see(&clock, START + 1);
	return clock;
}

static void follows_the_largest_time_less_the_window(void **state)
{
	struct capture_clock clock = started();
	capture_clock_see(&clock, START + 10 * SECOND);
	assert_int_equal(capture_clock_now(&clock), START + 9 * SECOND);
	capture_clock_see(&clock, START + 5 * SECOND);
	assert_int_equal(capture_clock_now(&clock), START + 9 * SECOND);
	assert_int_equal(capture_clock_end(&clock), START + 10 * SECOND);
}

static void believes_a_jump_of_an_hour_at_once(void **state)
{
	struct capture_clock clock = started();
	capture_clock_see(&clock, START + 1 + HOUR);
	assert_int_equal(capture_clock_end(&clock), START + 1 + HOUR);
}

static void wants_a_witness_for_more(void **state)
{
	struct capture_clock clock = started();
	capture_clock_see(&clock, START + 2 + HOUR);
	assert_int_equal(capture_clock_end(&clock), START + 1);
	capture_clock_see(&clock, START + 3);           /* time goes on where it was */
	assert_int_equal(capture_clock_end(&clock), START + 3);
	capture_clock_see(&clock, START + 100 * HOUR);  /* another wild one, far from the first */
	capture_clock_see(&clock, START + 4);
	assert_int_equal(capture_clock_end(&clock), START + 4);
	/* an hour from the last wild one: believed */
	capture_clock_see(&clock, START + 101 * HOUR);
	assert_int_equal(capture_clock_end(&clock), START + 101 * HOUR);
}

static void believes_the_later_of_suspect_and_witness(void **state)
{
	struct capture_clock clock = started();
	capture_clock_see(&clock, START + 10 * HOUR);
	capture_clock_see(&clock, START + 10 * HOUR - SECOND);
	assert_int_equal(capture_clock_end(&clock), START + 10 * HOUR);
}

static void follows_a_sparse_capture(void **state)
{
	struct capture_clock clock = { 0 };
	for (unsigned i = 0; i < 10; i++)
		capture_clock_see(&clock, START + i * 5 * HOUR);
	assert_int_equal(capture_clock_end(&clock), START + 8 * 5 * HOUR);
}

static void first_packet_is_a_suspect_too(void **state)
{
	struct capture_clock clock = { 0 };
	capture_clock_see(&clock, START + 1000 * HOUR);
	assert_int_equal(capture_clock_now(&clock), 0);
	/* nothing better is known */
	assert_int_equal(capture_clock_end(&clock), START + 1000 * HOUR);
	capture_clock_see(&clock, START);
	capture_clock_see(&clock, START + SECOND);
	assert_int_equal(capture_clock_end(&clock), START + SECOND);
}

static void near_1970_is_a_time_like_any_other(void **state)
{
	struct capture_clock clock = { 0 };
	capture_clock_see(&clock, 5 * SECOND);
	assert_int_equal(capture_clock_now(&clock), 4 * SECOND);
	capture_clock_see(&clock, UINT64_MAX);
	assert_int_equal(capture_clock_now(&clock), 4 * SECOND);
}

static void batches_mean_the_same_as_single_packets(void **state)
{
	static const uint64_t times[] = {
		START, START + 1, START + 9 * HOUR, START + 2, START + 3 * SECOND,
		START + 50 * HOUR, START + 51 * HOUR, START + 60 * HOUR,
	};
	enum { COUNT = sizeof times / sizeof times[0] };
	for (unsigned cut = 1; cut <= COUNT; cut++) {
		struct capture_clock single = { 0 }, batched = { 0 };
		static struct frame_batch batch;
		uint64_t latest = 0;
		batch.count = 0;
		for (unsigned i = 0; i < COUNT; i++) {
			capture_clock_see(&single, times[i]);
			batch.frame[batch.count++] = (struct frame){ .time_ns = times[i] };
			latest = times[i] > latest ? times[i] : latest;
			if (batch.count < cut && i + 1 < COUNT)
				continue;
			capture_clock_see_batch(&batched, &batch, latest);
			batch.count = 0;
			latest = 0;
		}
		assert_int_equal(capture_clock_end(&batched), capture_clock_end(&single));
	}
}

static void damaged_times_bear_no_witness(void **state)
{
	struct capture_clock clock = started();
	static struct frame_batch batch = { .count = 3 };
	for (unsigned i = 0; i < 3; i++)
		batch.frame[i] = (struct frame){
			.time_ns = START + 900 * HOUR, .bits = FRAME_DAMAGED_TIME,
		};
	batch.frame[0].bits = 0;
	capture_clock_see_batch(&clock, &batch, START + 900 * HOUR);
	assert_int_equal(capture_clock_end(&clock), START + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_largest_time_less_the_window),
		cmocka_unit_test(believes_a_jump_of_an_hour_at_once),
		cmocka_unit_test(wants_a_witness_for_more),
		cmocka_unit_test(believes_the_later_of_suspect_and_witness),
		cmocka_unit_test(follows_a_sparse_capture),
		cmocka_unit_test(first_packet_is_a_suspect_too),
		cmocka_unit_test(near_1970_is_a_time_like_any_other),
		cmocka_unit_test(batches_mean_the_same_as_single_packets),
		cmocka_unit_test(damaged_times_bear_no_witness),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The index against a plain array: every entry is found, through growth, overflow and removal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow/index.h"
#include "flow/wheel.h"

static uint64_t mixed(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdu;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53u;
	return x ^ x >> 33;
}

static bool is_found(struct index *x, uint64_t hash, uint32_t handle)
{
	struct index_walk walk = index_walk_start(x, hash);
	uint32_t h;
	while ((h = index_walk_next(x, &walk, hash)) != HANDLE_NONE)
		if (h == handle)
			return true;
	return false;
}

static void every_entry_is_found_while_it_grows_and_shrinks(void **state)
{
	enum { N = 200000 };
	struct index x;
	assert_int_equal(index_init(&x, N), 0);
	for (uint32_t i = 1; i <= N; i++) {
		assert_int_equal(index_insert(&x, mixed(i), i), 0);
		if (i % 3 == 0)
			assert_true(index_remove(&x, mixed(i / 3), i / 3));
	}
	for (uint32_t i = 1; i <= N; i++)
		assert_int_equal(is_found(&x, mixed(i), i), i > N / 3);
	assert_int_equal(x.count, N - N / 3);
	assert_true(index_fullest(&x) < 40);
	for (uint32_t i = N / 3 + 1; i <= N; i++)
		assert_true(index_remove(&x, mixed(i), i));
	assert_int_equal(x.count, 0);
	assert_int_equal(index_fullest(&x), 0);
	index_fini(&x);
}

static void equal_hashes_chain_and_come_apart_again(void **state)
{
	struct index x;
	assert_int_equal(index_init(&x, 4000), 0);
	for (uint32_t i = 1; i <= 300; i++)
		assert_int_equal(index_insert(&x, 0x123456789abcdef0, i), 0);
	for (uint32_t i = 1; i <= 300; i += 2)
		assert_true(index_remove(&x, 0x123456789abcdef0, i));
	for (uint32_t i = 1; i <= 300; i++)
		assert_int_equal(is_found(&x, 0x123456789abcdef0, i), i % 2 == 0);
	assert_false(index_remove(&x, 0x123456789abcdef0, 999));
	index_fini(&x);
}

static void a_full_index_says_so(void **state)
{
	struct index x;
	int r = 0;
	assert_int_equal(index_init(&x, 16), 0);
	for (uint32_t i = 1; i < 100000 && !r; i++)
		r = index_insert(&x, 7, i);
	assert_int_not_equal(r, 0);
	index_fini(&x);
}

static void the_vector_match_equals_the_scalar_one(void **state)
{
	struct index_bucket b;
	for (uint32_t i = 0; i < 100000; i++) {
		for (unsigned s = 0; s < INDEX_SLOTS; s++)
			b.tag[s] = (uint16_t)(mixed(i * 8u + s) & 3);
		assert_int_equal(index_match(&b, (uint16_t)(i & 3)),
		                 index_match_scalar(&b, (uint16_t)(i & 3)));
	}
}

/* Handles of all sizes: one that is empty in its lower or upper half is not empty. */
static void the_vector_of_empty_slots_equals_the_scalar_one(void **state)
{
	static const uint32_t handles[] = { HANDLE_NONE, 1, 0x8000, 0xffff, 0x10000, 0x80000000,
	                                    0xffff0000, UINT32_MAX };
	struct index_bucket b = { 0 };
	assert_int_equal(index_empty(&b), 0xff);
	for (uint32_t i = 0; i < 100000; i++) {
		unsigned empty = 0;
		for (unsigned s = 0; s < INDEX_SLOTS; s++) {
			b.handle[s] = handles[mixed(i * 8u + s) % array_count(handles)];
			empty |= (unsigned)(b.handle[s] == HANDLE_NONE) << s;
		}
		assert_int_equal(index_empty(&b), empty);
		assert_int_equal(index_empty_scalar(&b), empty);
	}
}

static void the_wheel_gives_every_handle_at_its_tick(void **state)
{
	enum { N = 5000 };
	struct wheel w;
	uint64_t start = UINT64_C(1700000000000000000), second = 1000000000;
	static uint32_t due[N + 1];
	assert_int_equal(wheel_init(&w, N), 0);
	wheel_start(&w, start);
	for (uint32_t i = 1; i <= N; i++) {
		due[i] = wheel_tick_at(&w, start + mixed(i) % (500 * second));
		assert_true(wheel_add(&w, due[i], i));
	}
	unsigned seen = 0;
	for (uint64_t t = 0; t <= 510; t++) {
		uint32_t tick, chain;
		while (wheel_next(&w, start + t * second, &tick, &chain))
			while (chain) {
				struct wheel_chunk c = w.chunks[chain];
				chain = wheel_chunk_done(&w, chain);
				for (uint32_t i = 0; i < c.count; i++, seen++)
					assert_true(wheel_entry_is_due(due[c.handle[i]], tick));
			}
	}
	assert_int_equal(seen, N);
	assert_int_equal(w.entries, 0);
	wheel_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_entry_is_found_while_it_grows_and_shrinks),
		cmocka_unit_test(equal_hashes_chain_and_come_apart_again),
		cmocka_unit_test(a_full_index_says_so),
		cmocka_unit_test(the_vector_match_equals_the_scalar_one),
		cmocka_unit_test(the_vector_of_empty_slots_equals_the_scalar_one),
		cmocka_unit_test(the_wheel_gives_every_handle_at_its_tick),
	};
	return cmocka_run_group_tests_name("flow/index", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: zeroed items, its bound, items used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"

static void test_bound(void **state)
{
	struct pool pool;
	(void)state;
	assert_int_equal(pool_init(&pool, 100, 2), 0);
	uint8_t *a = pool_take(&pool), *b = pool_take(&pool);
	assert_non_null(a);
	assert_non_null(b);
	assert_true(b >= a + 100 || a >= b + 100);
	assert_int_equal((uintptr_t)a % 64, 0);
	assert_null(pool_take(&pool));
	assert_int_equal(pool.refused, 1);
	assert_int_equal(pool.taken, 2);
	pool_fini(&pool);
}

static void test_items_are_used_again_and_zeroed(void **state)
{
	static const uint8_t zeros[40];
	struct pool pool;
	(void)state;
	assert_int_equal(pool_init(&pool, 40, 3), 0);
	for (unsigned round = 0; round < 1000; round++) {
		void *items[3];
		for (unsigned i = 0; i < 3; i++) {
			items[i] = pool_take(&pool);
			assert_memory_equal(items[i], zeros, 40);
			memset(items[i], 0xff, 40);
		}
		for (unsigned i = 0; i < 3; i++)
			pool_give(&pool, items[(i + round) % 3]);
		assert_int_equal(pool.taken, 0);
	}
	assert_int_equal(pool.used, 3);
	assert_int_equal(pool.refused, 0);
	pool_give(&pool, NULL);
	assert_int_equal(pool.taken, 0);
	pool_fini(&pool);
	pool_fini(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_items_are_used_again_and_zeroed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

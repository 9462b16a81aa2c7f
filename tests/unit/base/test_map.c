/* SPDX-License-Identifier: Apache-2.0 */
/* The map against an array: every key of a small range, put, replaced and removed in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"

enum { KEYS = 512, STEPS = 200000 };

static uint64_t key_of(unsigned i)
{
	return i % 3 ? i : (uint64_t)i << 40;
}

static void check_all(const struct map *map, void *const *model)
{
	uint32_t count = 0, walked = 0, position = 0;
	for (unsigned i = 0; i < KEYS; i++) {
		assert_ptr_equal(map_get(map, key_of(i)), model[i]);
		count += model[i] != NULL;
	}
	while (map_next(map, &position))
		walked++;
	assert_int_equal(map->count, count);
	assert_int_equal(walked, count);
}

static void test_against_an_array(void **state)
{
	static char values[KEYS];
	void *model[KEYS] = { NULL };
	struct map map;
	map_init(&map, 0x0123456789abcdef);
	srand(1);
	for (unsigned n = 0; n < STEPS; n++) {
		unsigned i = (unsigned)rand() % KEYS;
		if (rand() % 2) {
			model[i] = &values[rand() % KEYS];
			assert_int_equal(map_put(&map, key_of(i), model[i]), 0);
		} else {
			assert_ptr_equal(map_remove(&map, key_of(i)), model[i]);
			model[i] = NULL;
		}
		if (n % 4096 == 0)
			check_all(&map, model);
	}
	check_all(&map, model);
	map_fini(&map);
}

static void test_empty(void **state)
{
	struct map map;
	uint32_t position = 0;
	map_init(&map, 7);
	assert_null(map_get(&map, 0));
	assert_null(map_remove(&map, 0));
	assert_null(map_next(&map, &position));
	assert_int_equal(map_bytes(&map), 0);
	map_fini(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_an_array),
		cmocka_unit_test(test_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Longest-prefix match against a search through all prefixes, over sets that lie in each other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prefix.h"

enum { MOST = 400, ROUNDS = 300, LOOKUPS = 400 };

static unsigned width_of(unsigned family)
{
	return family == 4 ? 32 : 128;
}

static bool bit_of(const uint8_t *address, unsigned i)
{
	return address[i / 8] >> (7 - i % 8) & 1;
}

static bool lies_in(const uint8_t *address, const struct prefix *p)
{
	for (unsigned i = 0; i < p->bits; i++)
		if (bit_of(address, i) != bit_of(p->address, i))
			return false;
	return true;
}

static uint32_t slow_find(const struct prefix *set, size_t count, unsigned family,
                          const uint8_t *address)
{
	uint32_t found = PREFIX_NONE;
	int bits = -1;
	for (size_t i = 0; i < count; i++)
		if (set[i].family == family && set[i].bits > bits && lies_in(address, &set[i])) {
			found = set[i].value;
			bits = set[i].bits;
		}
	return found;
}

/* Few values for each octet, so that prefixes and addresses meet often. */
static void draw_address(uint8_t *address)
{
	static const uint8_t octets[] = { 0, 1, 0x7f, 0x80, 0xc0, 0xff };
	for (unsigned i = 0; i < 16; i++)
		address[i] = octets[(unsigned)rand() % sizeof octets];
}

static void cut(struct prefix *p)
{
	for (unsigned i = p->bits; i < 128; i++)
		p->address[i / 8] &= (uint8_t)~(0x80 >> i % 8);
}

static bool is_there(const struct prefix *set, size_t count, const struct prefix *p)
{
	for (size_t i = 0; i < count; i++)
		if (set[i].family == p->family && set[i].bits == p->bits
		    && !memcmp(set[i].address, p->address, 16))
			return true;
	return false;
}

static size_t draw_set(struct prefix *set, size_t most)
{
	size_t count = 0;
	for (size_t i = 0; i < most; i++) {
		struct prefix p = { .family = rand() % 2 ? 4 : 6, .value = (uint32_t)rand() % 7 };
		p.bits = (uint8_t)((unsigned)rand() % (width_of(p.family) + 1));
		draw_address(p.address);
		cut(&p);
		if (!is_there(set, count, &p))
			set[count++] = p;
	}
	return count;
}

static void check(const struct prefix_table *table, const struct prefix *set, size_t count,
                  const uint8_t *address)
{
	assert_int_equal(prefix_find4(table, address), slow_find(set, count, 4, address));
	assert_int_equal(prefix_find6(table, address), slow_find(set, count, 6, address));
}

/* The first and the last address of a prefix, and those beside them. */
static void check_edges(const struct prefix_table *table, const struct prefix *set, size_t count,
                        const struct prefix *p)
{
	uint8_t last[16], beside[16];
	unsigned width = width_of(p->family);
	memcpy(last, p->address, 16);
	for (unsigned i = p->bits; i < width; i++)
		last[i / 8] |= (uint8_t)(0x80 >> i % 8);
	check(table, set, count, p->address);
	check(table, set, count, last);
	memcpy(beside, last, 16);
	for (unsigned i = width / 8; i-- > 0 && ++beside[i] == 0;)
		;
	check(table, set, count, beside);
	memcpy(beside, p->address, 16);
	for (unsigned i = width / 8; i-- > 0 && beside[i]-- == 0;)
		;
	check(table, set, count, beside);
}

static void test_against_a_search(void **state)
{
	static struct prefix set[MOST];
	uint8_t address[16];
	srand(1);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct prefix_table *table;
		uint32_t same[2];
		size_t count = draw_set(set, round < ROUNDS / 2 ? round % 12 : (unsigned)rand() % MOST);
		assert_int_equal(prefix_table_new(set, count, &table, same), 0);
		for (unsigned i = 0; i < LOOKUPS / 4; i++) {
			draw_address(address);
			check(table, set, count, address);
		}
		for (size_t i = 0; i < count && i < LOOKUPS / 8; i++)
			check_edges(table, set, count, &set[i]);
		prefix_table_free(table);
	}
}

static void test_empty(void **state)
{
	struct prefix_table *table;
	uint32_t same[2];
	uint8_t address[16] = { 10 };
	assert_int_equal(prefix_table_new(NULL, 0, &table, same), 0);
	assert_int_equal(prefix_find4(table, address), PREFIX_NONE);
	assert_int_equal(prefix_find6(table, address), PREFIX_NONE);
	prefix_table_free(table);
	prefix_table_free(NULL);
}

/* All of a family, and single addresses at both ends of it. */
static void test_ends(void **state)
{
	struct prefix set[] = {
		{ .family = 4, .bits = 0, .value = 1 },
		{ .family = 4, .bits = 32, .value = 2 },
		{ .address = { 255, 255, 255, 255 }, .family = 4, .bits = 32, .value = 3 },
		{ .family = 6, .bits = 0, .value = 4 },
		{ .family = 6, .bits = 128, .value = 5 },
	};
	struct prefix_table *table;
	uint32_t same[2];
	uint8_t zero[16] = { 0 }, ones[16], middle[16] = { 10, 1 };
	memset(ones, 0xff, sizeof ones);
	assert_int_equal(prefix_table_new(set, 5, &table, same), 0);
	assert_int_equal(prefix_find4(table, zero), 2);
	assert_int_equal(prefix_find4(table, middle), 1);
	assert_int_equal(prefix_find4(table, ones), 3);
	assert_int_equal(prefix_find6(table, zero), 5);
	assert_int_equal(prefix_find6(table, middle), 4);
	assert_int_equal(prefix_find6(table, ones), 4);
	prefix_table_free(table);
}

static void test_twice(void **state)
{
	struct prefix set[] = {
		{ .address = { 10, 1 }, .family = 4, .bits = 16, .value = 8 },
		{ .address = { 10 }, .family = 4, .bits = 8, .value = 7 },
		{ .address = { 10, 1 }, .family = 4, .bits = 17, .value = 10 },
		{ .address = { 10, 1 }, .family = 4, .bits = 16, .value = 9 },
	};
	struct prefix_table *table = NULL;
	uint32_t same[2] = { 0, 0 };
	assert_int_equal(prefix_table_new(set, 4, &table, same), -EEXIST);
	assert_null(table);
	assert_int_equal(same[0] + same[1], 8 + 9);
	assert_true(same[0] == 8 || same[0] == 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_a_search),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

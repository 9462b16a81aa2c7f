/* SPDX-License-Identifier: Apache-2.0 */
/* Where spaces of hooks lie, and which of their lines packets are said to touch. */
#include "flow/spaces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { LINE = 64, COUNT = 7 };

/* Small, a line, two sides of a line each, odd ones, none at all, common part and sides. */
static const struct flow_hook hook[COUNT] = {
	{ .space_bytes = 16, .hot_bytes = 16 }, { .space_bytes = 64, .hot_bytes = 64 },
	{ .space_bytes = 128, .side_bytes = 64 }, { .space_bytes = 72, .hot_bytes = 72 },
	{ .space_bytes = 0 }, { .space_bytes = 24, .hot_bytes = 8 },
	{ .space_bytes = 352, .hot_bytes = 64, .side_bytes = 64 },
};

static uint32_t lay_out(uint32_t offset[COUNT])
{
	const struct flow_hook *hooks[COUNT];
	for (unsigned i = 0; i < COUNT; i++)
		hooks[i] = &hook[i];
	return spaces_lay_out(hooks, COUNT, offset);
}

static void spaces_do_not_overlap(void **state)
{
	uint32_t offset[COUNT], bytes = lay_out(offset);
	uint8_t owner[1024] = { 0 };
	(void)state;
	assert_true(bytes <= sizeof owner && bytes % LINE == 0);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(offset[i] % 8, 0);
		assert_true(offset[i] + hook[i].space_bytes <= bytes);
		for (uint32_t at = offset[i]; at < offset[i] + hook[i].space_bytes; at++) {
			assert_int_equal(owner[at], 0);
			owner[at] = (uint8_t)(i + 1);
		}
	}
}

static void spaces_are_in_few_lines(void **state)
{
	uint32_t offset[COUNT];
	(void)state;
	lay_out(offset);
	for (unsigned i = 0; i < COUNT; i++)
		if (hook[i].space_bytes) {
			uint32_t lines = (offset[i] + hook[i].space_bytes - 1) / LINE - offset[i] / LINE + 1;
			assert_int_equal(lines, (hook[i].space_bytes + LINE - 1) / LINE);
		}
	assert_int_equal(offset[0] / LINE, offset[5] / LINE);   /* two small ones share one */
}

static void a_flow_of_one_small_space_is_small(void **state)
{
	const struct flow_hook *one = &hook[5];
	uint32_t offset;
	(void)state;
	assert_int_equal(spaces_lay_out(&one, 1, &offset), 32);
	assert_int_equal(offset, 0);
	assert_int_equal(spaces_lay_out(&one, 0, &offset), 0);
}

static bool has_line(const struct space_lines *lines, uint32_t at)
{
	for (unsigned i = 0; i < lines->count; i++)
		if (lines->at[i] == at / LINE * LINE)
			return true;
	return false;
}

/* Each octet of the common part and of the sender's is in a line, and no line is asked for twice or
 * for nothing. */
static void lines_are_those_of_the_sender(void **state)
{
	uint32_t offset[COUNT];
	(void)state;
	lay_out(offset);
	for (unsigned i = 0; i < COUNT; i++) {
		struct space_lines lines[2];
		spaces_find_lines(&hook[i], offset[i], lines);
		for (unsigned sender = 0; sender < 2; sender++) {
			bool needed[1024 / LINE] = { false };
			unsigned count = 0;
			uint32_t side = offset[i] + hook[i].hot_bytes + sender * hook[i].side_bytes;
			for (uint32_t at = offset[i]; at < offset[i] + hook[i].hot_bytes; at++)
				needed[at / LINE] = true;
			for (uint32_t at = side; at < side + hook[i].side_bytes; at++)
				needed[at / LINE] = true;
			for (unsigned line = 0; line < 1024 / LINE; line++) {
				assert_int_equal(has_line(&lines[sender], line * LINE), needed[line]);
				count += needed[line];
			}
			assert_int_equal(lines[sender].count, count);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spaces_do_not_overlap),
		cmocka_unit_test(spaces_are_in_few_lines),
		cmocka_unit_test(a_flow_of_one_small_space_is_small),
		cmocka_unit_test(lines_are_those_of_the_sender),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

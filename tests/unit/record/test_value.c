/* SPDX-License-Identifier: Apache-2.0 */
/* Writing and reading values in rows: widths, saturation, absence (record/value.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/compiler.h"
#include "rows.h"

static struct one make(uint8_t type, struct field *storage, uint16_t cap_bytes)
{
	*storage = (struct field){ .name = "made", .short_name = "", .type = type, .unit = "" };
	return one_new(storage, cap_bytes);
}

static uint64_t after_unsigned(uint8_t type, uint64_t value)
{
	struct field field;
	struct one one = make(type, &field, 0);
	value_write_unsigned(&one.writer, value);
	assert_true(one_is_present(&one));
	uint64_t back = value_read_unsigned(one.schema, one.writer.row, 0);
	one_free(&one);
	return back;
}

static int64_t after_signed(uint8_t type, int64_t value)
{
	struct field field;
	struct one one = make(type, &field, 0);
	value_write_signed(&one.writer, value);
	assert_true(one_is_present(&one));
	int64_t back = value_read_signed(one.schema, one.writer.row, 0);
	one_free(&one);
	return back;
}

static double after_double(uint8_t type, double value)
{
	struct field field;
	struct one one = make(type, &field, 0);
	value_write_double(&one.writer, value);
	assert_true(one_is_present(&one));
	double back = value_read_double(one.schema, one.writer.row, 0);
	one_free(&one);
	return back;
}

static void unsigned_values(void **state)
{
	assert_true(after_unsigned(TYPE_U8, 255) == 255);
	assert_true(after_unsigned(TYPE_U8, 256) == 255);
	assert_true(after_unsigned(TYPE_U16, 65536) == 65535);
	assert_true(after_unsigned(TYPE_U32, UINT64_C(1) << 32) == UINT32_MAX);
	assert_true(after_unsigned(TYPE_U64, UINT64_MAX) == UINT64_MAX);
	assert_true(after_unsigned(TYPE_S8, 200) == 127);
	assert_true(after_unsigned(TYPE_S64, UINT64_MAX) == INT64_MAX);
	assert_true(after_unsigned(TYPE_BOOLEAN, 7) == 1);
	assert_true(after_unsigned(TYPE_SECONDS, UINT64_MAX) == UINT32_MAX);
	assert_true(after_unsigned(TYPE_NANOSECONDS, UINT64_MAX) == UINT64_MAX);
	assert_true(after_unsigned(TYPE_FLOAT64, 12) == 12);
}

static void signed_values(void **state)
{
	assert_true(after_signed(TYPE_S8, -129) == -128);
	assert_true(after_signed(TYPE_S8, -1) == -1);
	assert_true(after_signed(TYPE_S16, -40000) == INT16_MIN);
	assert_true(after_signed(TYPE_S32, INT64_MIN) == INT32_MIN);
	assert_true(after_signed(TYPE_S64, INT64_MIN) == INT64_MIN);
	assert_true(after_signed(TYPE_U32, -5) == 0);
	assert_true(after_signed(TYPE_U8, 300) == 255);
	assert_true(after_signed(TYPE_FLOAT32, -3) == -3);
}

static void double_values(void **state)
{
	assert_true(after_double(TYPE_FLOAT64, 0.1) == 0.1);
	assert_true(after_double(TYPE_FLOAT32, 0.1) == (double)0.1f);
	assert_true(after_double(TYPE_U8, 254.6) == 255);
	assert_true(after_double(TYPE_U8, 1e300) == 255);
	assert_true(after_double(TYPE_U8, -1) == 0);
	assert_true(after_double(TYPE_S8, -1.6) == -2);
	assert_true(after_double(TYPE_S8, -0.3) == 0);
	assert_true(after_double(TYPE_S64, -1e300) == -0x1p63);
	assert_true(after_double(TYPE_U64, 1e300) == 0x1p64);
	assert_true(after_double(TYPE_U64, INFINITY) == 0x1p64);
}

/* What a type cannot hold leaves the value absent. */
static void refused_values(void **state)
{
	struct field field;
	struct one one = make(TYPE_FLOAT32, &field, 0);
	value_write_double(&one.writer, NAN);
	value_write_double(&one.writer, INFINITY);
	value_write_double(&one.writer, 1e39);
	value_write_octets(&one.writer, "abcd", 4);
	value_write_time(&one.writer, 1);
	assert_false(one_is_present(&one));
	one_free(&one);
	one = make(TYPE_IPV4, &field, 0);
	value_write_unsigned(&one.writer, 1);
	value_write_signed(&one.writer, -1);
	value_write_double(&one.writer, 1);
	value_write_octets(&one.writer, "abcdefgh", 5);
	assert_false(one_is_present(&one));
	one_free(&one);
	one = make(TYPE_U32, &field, 0);
	value_write_double(&one.writer, NAN);
	value_write_octets(&one.writer, "abcd", 4);
	assert_false(one_is_present(&one));
	one_free(&one);
	one = make(TYPE_STRING, &field, 0);
	value_write_unsigned(&one.writer, 1);
	assert_false(one_is_present(&one));
	one_free(&one);
}

static void times(void **state)
{
	static const struct { uint8_t type; uint64_t value; } cases[] = {
		{ TYPE_SECONDS, 1700000000 }, { TYPE_MILLISECONDS, 1700000000123 },
		{ TYPE_MICROSECONDS, 1700000000123456 }, { TYPE_NANOSECONDS, 1700000000123456789 },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct field field;
		struct one one = make(cases[i].type, &field, 0);
		value_write_time(&one.writer, 1700000000123456789);
		assert_true(value_read_unsigned(one.schema, one.writer.row, 0) == cases[i].value);
		one_free(&one);
	}
}

static void octets(void **state)
{
	static const uint8_t address[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	struct field field;
	uint32_t bytes;
	struct one one = make(TYPE_IPV6, &field, 0);
	value_write_octets(&one.writer, address, 16);
	const uint8_t *back = value_read_octets(one.batch, one.writer.row, 0, &bytes);
	assert_int_equal(bytes, 16);
	assert_memory_equal(back, address, 16);
	one_free(&one);
	one = make(TYPE_OCTET_ARRAY, &field, 0);
	value_read_octets(one.batch, one.writer.row, 0, &bytes);
	assert_int_equal(bytes, 0);
	value_write_octets(&one.writer, "", 0);
	assert_true(one_is_present(&one));              /* empty, but there */
	value_write_octets(&one.writer, address, 3);
	back = value_read_octets(one.batch, one.writer.row, 0, &bytes);
	assert_int_equal(bytes, 3);
	assert_memory_equal(back, address, 3);
	one_free(&one);
}

/* A string is cut between characters: the euro sign has three octets, the last smiley four. */
static void caps(void **state)
{
	static const struct { const char *text; uint16_t cap; uint32_t kept; } cases[] = {
		{ "abcdef", 4, 4 }, { "abc", 4, 3 }, { "a\u20ac", 4, 4 }, { "a\u20acx", 4, 4 },
		{ "ab\u20acx", 4, 2 }, { "a\u20ac\u20ac", 6, 4 }, { "ab\U0001f600z", 5, 2 },
		{ "ab\U0001f600z", 6, 6 }, { "\x80\x80\x80\x80\x80\x80", 4, 4 },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct field field;
		uint32_t bytes;
		struct one one = make(TYPE_STRING, &field, cases[i].cap);
		value_write_octets(&one.writer, cases[i].text, (uint32_t)strlen(cases[i].text));
		value_read_octets(one.batch, one.writer.row, 0, &bytes);
		if (bytes != cases[i].kept)
			fail_msg("case %zu: %u octets kept", i, bytes);
		one_free(&one);
	}
}

/* A value touches its own octets and its own bit, nothing beside. */
static void neighbours_are_left_alone(void **state)
{
	const struct column_choice choices[] = {
		{ .field = field_by_id(0, 4) }, { .field = field_by_id(0, 60) },
		{ .field = field_by_id(0, 5) },
	};
	struct schema *schema;
	assert_int_equal(schema_new(choices, 3, 0, 0, &schema), 0);
	struct record_batch *batch = record_batch_new(schema, 1);
	struct value_writer w = { .batch = batch, .row = record_batch_append(batch), .column = 1 };
	value_write_unsigned(&w, 1000);
	assert_int_equal(value_read_unsigned(schema, w.row, 1), 255);
	assert_int_equal(value_read_unsigned(schema, w.row, 0), 0);
	assert_int_equal(value_read_unsigned(schema, w.row, 2), 0);
	assert_false(record_is_present(schema, w.row, 0));
	assert_true(record_is_present(schema, w.row, 1));
	assert_false(record_is_present(schema, w.row, 2));
	record_batch_release(batch);
	schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unsigned_values), cmocka_unit_test(signed_values),
		cmocka_unit_test(double_values), cmocka_unit_test(refused_values),
		cmocka_unit_test(times), cmocka_unit_test(octets), cmocka_unit_test(caps),
		cmocka_unit_test(neighbours_are_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: the octets that RFC 6313, section 4.5.1 asks for, bounds, and what they look like as
 * text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "record/list.h"
#include "record/value_text.h"
#include "rows.h"

static const struct field list_field = { .name = "basicList", .id = 291, .type = TYPE_BASIC_LIST };

static const struct field *named(const char *name)
{
	const struct field *field = field_find(name, strlen(name), NULL);
	assert_non_null(field);
	return field;
}

static void is_list(struct one *one, const void *octets, uint32_t bytes, const char *json)
{
	char text[1024];
	uint32_t found;
	assert_true(one_is_present(one));
	const uint8_t *value = value_read_octets(one->batch, one->writer.row, 0, &found);
	assert_int_equal(found, bytes);
	assert_memory_equal(value, octets, bytes);
	assert_int_equal(value_to_json(one->batch, one->writer.row, 0, text, sizeof text),
	                 strlen(json));
	assert_string_equal(text, json);
	value_to_text(one->batch, one->writer.row, 0, text, sizeof text);
	assert_string_equal(text, json);
}

/* egressInterface (14) in four octets each: exactly one of 2, 4 and 8. */
static void test_interfaces(void **state)
{
	static const uint8_t expected[] = {
		0x01, 0x00, 0x0e, 0x00, 0x04, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 8,
	};
	struct one one = one_new(&list_field, 0);
	struct list_writer l;
	list_begin(&l, &one.writer, named("egressInterface"), LIST_EXACTLY_ONE_OF);
	list_add_unsigned(&l, 2);
	list_add_signed(&l, 4);
	list_add_double(&l, 8.2);
	list_end(&l);
	is_list(&one, expected, sizeof expected, "[2,4,8]");
	one_free(&one);
}

/* An enterprise's element: the bit 0x8000 and four octets more (32473 is 0x7ed9). */
static void test_enterprise(void **state)
{
	static const uint8_t expected[] = {
		0x04, 0x80, 0x01, 0x00, 0x01, 0x00, 0x00, 0x7e, 0xd9, 6, 0, 255,
	};
	struct one one = one_new(&list_field, 0);
	struct list_writer l;
	list_begin(&l, &one.writer, named("flowDirectionBasis"), LIST_ORDERED);
	list_add_unsigned(&l, 6);
	list_add_signed(&l, -1);
	list_add_unsigned(&l, 300);
	list_end(&l);
	is_list(&one, expected, sizeof expected, "[6,0,255]");
	one_free(&one);
}

/* Values of variable length have each their own: 1 octet, or 255 and two. */
static void test_strings(void **state)
{
	uint8_t expected[5 + 3 + 1 + 3 + 255] = { 0x03, 0x00, 0x52, 0xff, 0xff, 2, 'a', '"', 0 };
	uint8_t tail[3] = { 255, 0, 255 };
	char json[300] = "[\"a\\\"\",\"\",\"", longest[256];
	memcpy(expected + 9, tail, sizeof tail);
	memset(expected + 12, 'x', 255);
	memset(longest, 'x', 255);
	memcpy(json + 11, longest, 255);
	memcpy(json + 11 + 255, "\"]", 3);
	struct one one = one_new(&list_field, 0);
	struct list_writer l;
	list_begin(&l, &one.writer, named("interfaceName"), LIST_ALL_OF);
	list_add_octets(&l, "a\"", 2);
	list_add_octets(&l, "", 0);
	list_add_octets(&l, longest, 255);
	list_end(&l);
	is_list(&one, expected, sizeof expected, json);
	one_free(&one);
}

static void test_without_values(void **state)
{
	static const uint8_t expected[] = { 0xff, 0x00, 0x02, 0x00, 0x08 };
	struct one one = one_new(&list_field, 0);
	struct list_writer l;
	list_begin(&l, &one.writer, named("packetDeltaCount"), LIST_UNDEFINED);
	list_end(&l);
	is_list(&one, expected, sizeof expected, "[]");
	one_free(&one);
}

/* 1700000000.5 s: as milliseconds a number, as microseconds an NTP time (0xe8fe6f80.80000000). */
static void test_times(void **state)
{
	static const uint8_t milliseconds[] = {
		0x04, 0x00, 0x98, 0x00, 0x08, 0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x69, 0xf4,
	};
	static const uint8_t microseconds[] = {
		0x04, 0x00, 0x9a, 0x00, 0x08, 0xe8, 0xfe, 0x6f, 0x80, 0x80, 0x00, 0x00, 0x00,
	};
	struct one one = one_new(&list_field, 0);
	struct list_writer l;
	list_begin(&l, &one.writer, named("flowStartMilliseconds"), LIST_ORDERED);
	list_add_time(&l, UINT64_C(1700000000500000000));
	list_end(&l);
	is_list(&one, milliseconds, sizeof milliseconds, "[1700000000500]");
	list_begin(&l, &one.writer, named("flowStartMicroseconds"), LIST_ORDERED);
	list_add_time(&l, UINT64_C(1700000000500000000));
	list_end(&l);
	is_list(&one, microseconds, sizeof microseconds, "[1700000000500000]");
	one_free(&one);
}

/* Types by made-up elements are not in the table, so reading finds none: octets. */
static void test_each_type(void **state)
{
	static const struct { const char *element; const char *octets; unsigned bytes;
	                      const char *json; } cases[] = {
		{ "sourceIPv4Address", "\xc0\x00\x02\x01", 4, "[\"192.0.2.1\"]" },
		{ "sourceIPv6Address", "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16,
		  "[\"2001:db8::1\"]" },
		{ "sourceMacAddress", "\0\0\x5e\0\x53\x01", 6, "[\"00:00:5e:00:53:01\"]" },
		{ "mplsTopLabelStackSection", "\0\xff\x1a", 3, "[\"00ff1a\"]" },
		{ "dataRecordsReliability", "\x01", 1, "[true]" },
		{ "dataRecordsReliability", "\x02", 1, "[false]" },
		{ "samplingProbability", "\x3f\xc0\0\0\0\0\0\0", 8, "[0.125]" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct one one = one_new(&list_field, 0);
		struct list_writer l;
		char text[128];
		list_begin(&l, &one.writer, named(cases[i].element), LIST_ORDERED);
		list_add_octets(&l, cases[i].octets, cases[i].bytes);
		list_end(&l);
		value_to_json(one.batch, one.writer.row, 0, text, sizeof text);
		assert_string_equal(text, cases[i].json);
		one_free(&one);
	}
}

static void test_reduced_and_unknown(void **state)
{
	static const struct { const char *octets; unsigned bytes; const char *json; } cases[] = {
		/* octetDeltaCount in two octets; mibObjectValueInteger (signed32) in one */
		{ "\x04\x00\x01\x00\x02\x05\xdc\x00\x3c", 9, "[1500,60]" },
		{ "\x04\x01\xb2\x00\x01\xfe\x7f", 7, "[-2,127]" },
		/* samplingProbability as float32 */
		{ "\x04\x01\x37\x00\x04\x3e\x00\x00\x00", 9, "[0.125]" },
		/* reverse octetDeltaCount under PEN 29305; an element of an enterprise nobody knows */
		{ "\x04\x80\x01\x00\x02\x00\x00\x72\x79\x01\x00", 11, "[256]" },
		{ "\x04\x80\x01\x00\x02\x00\xff\xff\xff\x01\x00", 11, "[\"0100\"]" },
		/* a list of two lists of protocolIdentifier */
		{ "\x04\x01\x23\xff\xff\x06\xff\x00\x04\x00\x01\x06\x05\xff\x00\x04\x00\x01", 18,
		  "[[6],[]]" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		char text[128];
		assert_int_equal(list_to_json(cases[i].octets, cases[i].bytes, text, sizeof text),
		                 strlen(cases[i].json));
		assert_string_equal(text, cases[i].json);
	}
}

static void test_no_lists(void **state)
{
	static const struct { const char *octets; unsigned bytes; } cases[] = {
		{ "", 0 }, { "\xff\x00\x04\x00", 4 },
		{ "\xff\x80\x04\x00\x01\x00\x00\x00", 8 },      /* no room for the enterprise */
		{ "\xff\x00\x04\x00\x02\x01", 6 },              /* half a value */
		{ "\xff\x00\x04\x00\x00\x01", 6 },              /* values of no octets */
		{ "\xff\x00\x52\xff\xff\x02\x41", 7 },          /* a length beyond the end */
		{ "\xff\x00\x52\xff\xff\xff\x00", 7 },          /* half a length */
	};
	struct list list;
	for (size_t i = 0; i < array_count(cases); i++)
		assert_false(list_read(cases[i].octets, cases[i].bytes, &list));
	/* Each list inside another is one more level; at some depth they are octets. */
	uint8_t deep[128];
	unsigned bytes = 5;
	memcpy(deep, "\xff\x00\x04\x00\x01", bytes);
	for (unsigned i = 0; i < 8; i++, bytes += 6) {
		memmove(deep + 6, deep, bytes);
		memcpy(deep, "\xff\x01\x23\xff\xff", 5);
		deep[5] = (uint8_t)bytes;
	}
	char text[512];
	list_to_json(deep, bytes, text, sizeof text);
	assert_memory_equal(text, "[[[[\"ff0123", 11);
}

/* Values beyond the limit are left out whole; the list stays a list. */
static void test_bounds(void **state)
{
	struct one one = one_new(&list_field, 5 + 3 * 8 + 7);
	struct list_writer l;
	list_begin(&l, &one.writer, named("octetDeltaCount"), LIST_ORDERED);
	for (unsigned i = 0; i < 10; i++)
		list_add_unsigned(&l, i);
	list_end(&l);
	char text[64];
	value_to_json(one.batch, one.writer.row, 0, text, sizeof text);
	assert_string_equal(text, "[0,1,2]");
	one_free(&one);

	one = one_new(&list_field, 0);
	list_begin(&l, &one.writer, named("interfaceName"), LIST_ORDERED);
	for (unsigned i = 0; i < 20000; i++)
		list_add_octets(&l, "ab", 2);
	list_end(&l);
	uint32_t bytes;
	value_read_octets(one.batch, one.writer.row, 0, &bytes);
	assert_int_equal(bytes, 5 + (LIST_BYTES_MAX - 5) / 3 * 3);
	one_free(&one);

	one = one_new(&list_field, 4);          /* not even the head */
	list_begin(&l, &one.writer, named("octetDeltaCount"), LIST_ORDERED);
	list_end(&l);
	assert_false(one_is_present(&one));
	assert_int_equal(one.batch->arena_bytes, 0);
	one_free(&one);
}

/* Every buffer size: the length is that of the whole text, nothing is written behind the end. */
static void test_cut(void **state)
{
	static const uint8_t octets[] = { 4, 0, 82, 255, 255, 2, 'a', 'b', 3, 'c', '\n', 0xff };
	char whole[64], text[65];
	size_t length = list_to_json(octets, sizeof octets, whole, sizeof whole);
	assert_string_equal(whole, "[\"ab\",\"c\\n\\\\xff\"]");
	for (size_t size = 0; size <= length + 1; size++) {
		memset(text, '#', sizeof text);
		assert_int_equal(list_to_json(octets, sizeof octets, text, size), length);
		assert_int_equal(text[size], '#');
		if (size)
			assert_memory_equal(text, whole, strlen(text));
	}
	assert_string_equal(text, whole);
}

/* Random octets: what is read is read to the end, and text keeps its bound. */
static void test_random(void **state)
{
	uint8_t octets[64];
	char text[1024];
	srandom(1);
	for (unsigned i = 0; i < 200000; i++) {
		size_t bytes = (size_t)random() % sizeof octets;
		for (size_t k = 0; k < bytes; k++)
			octets[k] = (uint8_t)random();
		if (bytes > 3 && random() % 2)
			memcpy(octets + 1, i % 3 ? "\x01\x23\xff\xff" : "\x00\x52\xff\xff", 4);
		else if (bytes > 3)
			octets[1] &= 1, octets[3] = 0, octets[4] &= 15;
		size_t length = list_to_json(octets, bytes, text, sizeof text);
		assert_true(length <= LIST_JSON_FACTOR * bytes + 2);
		assert_int_equal(strlen(text), length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interfaces), cmocka_unit_test(test_enterprise),
		cmocka_unit_test(test_strings), cmocka_unit_test(test_without_values),
		cmocka_unit_test(test_times), cmocka_unit_test(test_each_type),
		cmocka_unit_test(test_reduced_and_unknown), cmocka_unit_test(test_no_lists),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_cut), cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

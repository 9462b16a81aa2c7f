/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as text, as JSON and back (record/value_text.h and the four files behind it).
 * Expected texts are from RFC 5952, from the C library's own printing, or worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "record/value_text.h"
#include "rows.h"

static uint64_t random_bits(void)
{
	static uint64_t state = 0x9e3779b97f4a7c15u;
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static struct one make(uint8_t type, struct field *storage, uint16_t cap_bytes)
{
	*storage = (struct field){ .name = "made", .short_name = "", .type = type, .unit = "" };
	return one_new(storage, cap_bytes);
}

static int parse(struct one *one, const char *text, struct error *err)
{
	return value_from_text(&one->writer, text, strlen(text), err);
}

static void integers(void **state)
{
	uint64_t power = 1;
	for (unsigned i = 0; i < 2000; i++) {
		uint64_t value = i < 60 ? power - 1 + i % 3 : random_bits() >> random_bits() % 64;
		char out[21] = "", expected[32];
		out[value_format_unsigned(value, out)] = '\0';
		snprintf(expected, sizeof expected, "%" PRIu64, value);
		assert_string_equal(out, expected);
		out[value_format_signed((int64_t)value, out)] = '\0';
		snprintf(expected, sizeof expected, "%" PRId64, (int64_t)value);
		assert_string_equal(out, expected);
		power *= i % 3 == 2 ? 10 : 1;
	}
	char out[21];
	out[value_format_signed(INT64_MIN, out)] = '\0';
	assert_string_equal(out, "-9223372036854775808");
	out[value_format_unsigned(UINT64_MAX, out)] = '\0';
	assert_string_equal(out, "18446744073709551615");
}

/* The examples of RFC 5952, sections 1, 2, 4 and 5, each in its recommended form. */
static void ipv6_addresses(void **state)
{
	static const struct { const char *from, *to; } cases[] = {
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:db8::1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:db8:0000:0:1::1", "2001:db8::1:0:0:1" },
		{ "2001:DB8:0:0:1::1", "2001:db8::1:0:0:1" },
		{ "2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1" },
		{ "2001:db8:aaaa:bbbb:cccc:dddd:0:1", "2001:db8:aaaa:bbbb:cccc:dddd:0:1" },
		{ "2001:db8:0:0:0:0:2:1", "2001:db8::2:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:db8::aaaa:0:0:1", "2001:db8::aaaa:0:0:1" },
		{ "0:0:0:0:0:ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "::ffff:c000:201", "::ffff:192.0.2.1" },
		{ "::", "::" }, { "::1", "::1" }, { "1::", "1::" },
		{ "fe80:0:0:0:0:0:0:0", "fe80::" },
		{ "0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7" }, { "1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0" },
		{ "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::" }, { "0:0:1:2:3:4:5:6", "::1:2:3:4:5:6" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		uint8_t octets[16];
		char out[46];
		assert_int_equal(inet_pton(AF_INET6, cases[i].from, octets), 1);
		out[value_format_ipv6(octets, out)] = '\0';
		assert_string_equal(out, cases[i].to);
	}
}

/* Whatever groups are zero, the text leads back and no longer run of zeros is left. */
static void ipv6_all_patterns(void **state)
{
	for (unsigned pattern = 0; pattern < 256; pattern++) {
		uint8_t octets[16] = { 0 }, back[16];
		char out[46];
		for (unsigned i = 0; i < 8; i++)
			octets[2 * i + 1] = pattern >> i & 1 ? (uint8_t)(0x10 + i) : 0;
		out[value_format_ipv6(octets, out)] = '\0';
		assert_int_equal(inet_pton(AF_INET6, out, back), 1);
		assert_memory_equal(back, octets, 16);
		assert_null(strstr(out, ":::"));
		if (!strstr(out, "::"))
			assert_null(strstr(out, ":0:0:"));
	}
}

static void other_addresses(void **state)
{
	char out[32];
	out[value_format_ipv4((const uint8_t[]){ 192, 0, 2, 1 }, out)] = '\0';
	assert_string_equal(out, "192.0.2.1");
	out[value_format_ipv4((const uint8_t[]){ 255, 255, 255, 255 }, out)] = '\0';
	assert_string_equal(out, "255.255.255.255");
	out[value_format_mac((const uint8_t[]){ 0, 0, 0x5e, 0, 0x53, 0xaf }, out)] = '\0';
	assert_string_equal(out, "00:00:5e:00:53:af");
}

static void doubles(void **state)
{
	static const struct { double value; const char *text; } cases[] = {
		{ 0, "0" }, { -0.0, "-0" }, { 1, "1" }, { -1.5, "-1.5" }, { 0.1, "0.1" },
		{ 0.3, "0.3" }, { 0.1 + 0.2, "0.30000000000000004" }, { 100, "100" },
		{ 1e21, "1e21" }, { 1e20, "100000000000000000000" }, { 1.5e300, "1.5e300" },
		{ 5e-324, "5e-324" }, { 0.000001, "0.000001" }, { 1e-7, "1e-7" },
		{ 1.25e-9, "1.25e-9" }, { 123456.789, "123456.789" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 9007199254740991, "9007199254740991" },
		{ 1.7976931348623157e308, "1.7976931348623157e308" },
		{ 2.2250738585072014e-308, "2.2250738585072014e-308" }, { 0.000123, "0.000123" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		char out[33];
		out[value_format_double(cases[i].value, out)] = '\0';
		assert_string_equal(out, cases[i].text);
	}
}

static void floats(void **state)
{
	static const struct { float value; const char *text; } cases[] = {
		{ 0.1f, "0.1" }, { 16777216, "16777216" }, { 3.4028235e38f, "3.4028235e38" },
		{ 1e-45f, "1e-45" }, { 0.33333334f, "0.33333334" }, { -2.5f, "-2.5" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		char out[33];
		out[value_format_float(cases[i].value, out)] = '\0';
		assert_string_equal(out, cases[i].text);
	}
}

static size_t significant(const char *text)
{
	char digits[40];
	size_t count = 0;
	for (; *text && *text != 'e'; text++)
		if (*text >= '0' && *text <= '9' && (count || *text != '0'))
			digits[count++] = *text;
	while (count && digits[count - 1] == '0')
		count--;
	return count;
}

/* Reads back, and no shorter %.*g does. */
static void random_doubles(void **state)
{
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t bits = random_bits();
		double value;
		char out[33], shorter[352];
		memcpy(&value, &bits, sizeof value);
		if (i % 2)
			value = (double)(int64_t)(bits >> 24) / (i % 4 == 1 ? 1000.0 : 4096.0);
		if (!isfinite(value))
			continue;
		size_t length = value_format_double(value, out);
		assert_true(length < 32);
		out[length] = '\0';
		assert_true(strtod(out, NULL) == value);
		size_t digits = significant(out);
		snprintf(shorter, sizeof shorter, "%.*g", (int)digits - 1, value);
		if (digits > 1 && strtod(shorter, NULL) == value)
			fail_msg("%s instead of %s", out, shorter);
	}
}

static void random_floats(void **state)
{
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t bits = (uint32_t)random_bits();
		float value;
		char out[33];
		memcpy(&value, &bits, sizeof value);
		if (i % 2)
			value = (float)(bits >> 10) / 1000;
		if (!isfinite(value))
			continue;
		out[value_format_float(value, out)] = '\0';
		assert_true(strtof(out, NULL) == value);
		assert_true(significant(out) <= 9);
	}
}

static void utf8(void **state)
{
	static const struct { const char *octets; unsigned length; } cases[] = {
		{ "a", 1 }, { "\x7f", 1 }, { "\xc2\x80", 2 }, { "\xdf\xbf", 2 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 }, { "\xef\xbf\xbf", 3 }, { "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\x80", 0 }, { "\xbf", 0 }, { "\xc0\x80", 0 }, { "\xc1\xbf", 0 }, { "\xc2", 0 },
		{ "\xc2" "a", 0 }, { "\xe0\x9f\xbf", 0 }, { "\xed\xa0\x80", 0 }, { "\xe2\x82", 0 },
		{ "\xe2\x82" "a", 0 }, { "\xf0\x8f\xbf\xbf", 0 }, { "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 }, { "\xff", 0 }, { "", 0 },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		const char *o = cases[i].octets;
		unsigned length = value_utf8_length((const uint8_t *)o, strlen(o));
		if (length != cases[i].length)
			fail_msg("case %zu: %u", i, length);
	}
}

static void escapes(void **state)
{
	static const struct { const char *octets, *text, *json; } cases[] = {
		{ "plain text", "plain text", "\"plain text\"" },
		{ "", "", "\"\"" },
		{ "say \"hi\"", "say \"hi\"", "\"say \\\"hi\\\"\"" },
		{ "C:\\dir", "C:\\dir", "\"C:\\\\dir\"" },
		{ "C:\\xa", "C:\\xa", "\"C:\\\\xa\"" },
		{ "C:\\xab", "C:\\x5cxab", "\"C:\\\\x5cxab\"" },
		{ "gr\u00fc\u00df", "gr\u00fc\u00df", "\"gr\u00fc\u00df\"" },
		{ "\U0001f600", "\U0001f600", "\"\U0001f600\"" },
		{ "a\xff" "b\xc3", "a\\xffb\\xc3", "\"a\\\\xffb\\\\xc3\"" },
		{ "t\tn\nr\rb\bf\fx\x01", "t\\x09n\\x0ar\\x0db\\x08f\\x0cx\\x01",
		  "\"t\\tn\\nr\\rb\\bf\\fx\\u0001\"" },
		{ "\x7f\xc2\x9b", "\\x7f\\xc2\\x9b", "\"\\u007f\\u009b\"" },
		{ "\x1b[31m", "\\x1b[31m", "\"\\u001b[31m\"" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80", "\"\\\\xed\\\\xa0\\\\x80\"" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		char out[128];
		const char *o = cases[i].octets;
		size_t length = value_escape_text(o, strlen(o), out, sizeof out);
		assert_int_equal(length, strlen(cases[i].text));
		assert_string_equal(out, cases[i].text);
		length = value_escape_json(o, strlen(o), out, sizeof out);
		assert_int_equal(length, strlen(cases[i].json));
		assert_string_equal(out, cases[i].json);
	}
	char out[16];
	value_escape_json("a\0b", 3, out, sizeof out);
	assert_string_equal(out, "\"a\\u0000b\"");
}

/* At every size: the length is that of the whole, what is there is a beginning of it made of whole
 * pieces, terminated, with nothing written beyond; JSON keeps its closing quote. */
static void escapes_are_cut(void **state)
{
	static const char octets[] = "ab\u20ac\xff\n\"\\xabcdefgh\U0001f600";
	char whole[128], out[130];
	size_t length = value_escape_text(octets, sizeof octets - 1, whole, sizeof whole);
	for (size_t size = 0; size <= length + 1; size++) {
		memset(out, '#', sizeof out);
		assert_int_equal(value_escape_text(octets, sizeof octets - 1, out, size), length);
		assert_int_equal(out[size], '#');
		if (size == 0)
			continue;
		assert_true(strlen(out) < size);
		assert_memory_equal(out, whole, strlen(out));
		assert_true(size <= length || strcmp(out, whole) == 0);
	}
	length = value_escape_json(octets, sizeof octets - 1, whole, sizeof whole);
	for (size_t size = 0; size <= length + 1; size++) {
		memset(out, '#', sizeof out);
		assert_int_equal(value_escape_json(octets, sizeof octets - 1, out, size), length);
		assert_int_equal(out[size], '#');
		if (size < 3)
			continue;
		assert_memory_equal(out, whole, strlen(out) - 1);
		assert_int_equal(out[strlen(out) - 1], '"');
	}
}

/* Any octets come back from their text, and the text is well-formed UTF-8 without controls. */
static void strings_come_back(void **state)
{
	static const char some[] = "\\x5cA0f\xc3\xbc\xff\x80\"\n";
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t octets[24];
		char text[128];
		uint32_t bytes = (uint32_t)(random_bits() % sizeof octets), count;
		for (uint32_t k = 0; k < bytes; k++)
			octets[k] = i % 2 ? (uint8_t)random_bits()
			                  : (uint8_t)some[random_bits() % (sizeof some - 1)];
		struct field field;
		struct one one = make(TYPE_STRING, &field, 0);
		value_write_octets(&one.writer, octets, bytes);
		size_t length = value_to_text(one.batch, one.writer.row, 0, text, sizeof text);
		for (size_t at = 0; at < length; ) {
			unsigned n = value_utf8_length((uint8_t *)text + at, length - at);
			assert_true(n > 0 && (uint8_t)text[at] >= 0x20);
			at += n;
		}
		assert_int_equal(parse(&one, text, NULL), 0);
		const uint8_t *back = value_read_octets(one.batch, one.writer.row, 0, &count);
		assert_int_equal(count, bytes);
		assert_memory_equal(back, octets, bytes);
		one_free(&one);
	}
}

static void every_type_there_and_back(void **state)
{
	static const struct { uint8_t type; const char *text, *json; } cases[] = {
		{ TYPE_U8, "255", "255" }, { TYPE_U16, "0", "0" },
		{ TYPE_U32, "4294967295", "4294967295" },
		{ TYPE_U64, "18446744073709551615", "18446744073709551615" },
		{ TYPE_S8, "-128", "-128" }, { TYPE_S16, "-1", "-1" },
		{ TYPE_S32, "2147483647", "2147483647" },
		{ TYPE_S64, "-9223372036854775808", "-9223372036854775808" },
		{ TYPE_FLOAT32, "0.1", "0.1" }, { TYPE_FLOAT64, "-1.5e300", "-1.5e300" },
		{ TYPE_BOOLEAN, "true", "true" }, { TYPE_BOOLEAN, "false", "false" },
		{ TYPE_MAC, "00:00:5e:00:53:01", "\"00:00:5e:00:53:01\"" },
		{ TYPE_IPV4, "192.0.2.1", "\"192.0.2.1\"" },
		{ TYPE_IPV6, "2001:db8::1", "\"2001:db8::1\"" },
		{ TYPE_SECONDS, "1700000000", "1700000000" },
		{ TYPE_MILLISECONDS, "1700000000123", "1700000000123" },
		{ TYPE_MICROSECONDS, "1700000000123456", "1700000000123456" },
		{ TYPE_NANOSECONDS, "1700000000123456789", "1700000000123456789" },
		{ TYPE_STRING, "a\"b", "\"a\\\"b\"" }, { TYPE_STRING, "", "\"\"" },
		{ TYPE_OCTET_ARRAY, "00ff1a", "\"00ff1a\"" }, { TYPE_OCTET_ARRAY, "", "\"\"" },
		{ TYPE_BASIC_LIST, "ff0001", "\"ff0001\"" },
		{ TYPE_SUB_TEMPLATE_LIST, "ff", "\"ff\"" },
		{ TYPE_SUB_TEMPLATE_MULTI_LIST, "03", "\"03\"" },
		{ TYPE_U256, "0x0", "\"0x0\"" }, { TYPE_U256, "0xabc", "\"0xabc\"" },
		{ TYPE_U256, "0x8000000000000000000000000000000000000000000000000000000000000001",
		  "\"0x8000000000000000000000000000000000000000000000000000000000000001\"" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		char out[128];
		struct error err = { "" };
		struct field field;
		struct one one = make(cases[i].type, &field, 0);
		if (parse(&one, cases[i].text, &err) != 0)
			fail_msg("'%s' was refused: %s", cases[i].text, err.text);
		assert_true(one_is_present(&one));
		size_t length = value_to_text(one.batch, one.writer.row, 0, out, sizeof out);
		assert_int_equal(length, strlen(cases[i].text));
		assert_string_equal(out, cases[i].text);
		length = value_to_json(one.batch, one.writer.row, 0, out, sizeof out);
		assert_int_equal(length, strlen(cases[i].json));
		assert_string_equal(out, cases[i].json);
		assert_int_equal(value_is_bare_in_json(cases[i].type), cases[i].json[0] != '"');
		one_free(&one);
	}
}

static void other_spellings(void **state)
{
	static const struct { uint8_t type; const char *from, *to; } cases[] = {
		{ TYPE_U16, "0x1F", "31" }, { TYPE_U16, "007", "7" }, { TYPE_S16, "-0x10", "-16" },
		{ TYPE_BOOLEAN, "1", "true" }, { TYPE_BOOLEAN, "0", "false" },
		{ TYPE_MAC, "00-00-5E-00-53-01", "00:00:5e:00:53:01" },
		{ TYPE_IPV6, "2001:DB8:0::1", "2001:db8::1" }, { TYPE_FLOAT64, "1E3", "1000" },
		{ TYPE_OCTET_ARRAY, "0xABCD", "abcd" }, { TYPE_U256, "0x00F", "0xf" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		char out[128];
		struct field field;
		struct one one = make(cases[i].type, &field, 0);
		assert_int_equal(parse(&one, cases[i].from, NULL), 0);
		value_to_text(one.batch, one.writer.row, 0, out, sizeof out);
		assert_string_equal(out, cases[i].to);
		one_free(&one);
	}
}

static void refused_texts(void **state)
{
	static const struct { uint8_t type; const char *text, *says; } cases[] = {
		{ TYPE_U8, "256", "unsigned8" }, { TYPE_U8, "-1", "unsigned8" },
		{ TYPE_U8, "", "unsigned8" },
		{ TYPE_U8, "1 ", "\"1 \"" }, { TYPE_U8, "0x", "unsigned8" },
		{ TYPE_U8, "0x100", "unsigned8" },
		{ TYPE_U8, "1a", "unsigned8" }, { TYPE_U64, "18446744073709551616", "unsigned64" },
		{ TYPE_U64, "99999999999999999999", "unsigned64" },
		{ TYPE_U32, "1.0", "unsigned32" },
		{ TYPE_S8, "-129", "signed8" }, { TYPE_S8, "128", "signed8" },
		{ TYPE_S8, "--1", "signed8" },
		{ TYPE_S64, "9223372036854775808", "signed64" }, { TYPE_S8, "-", "signed8" },
		{ TYPE_FLOAT64, "nan", "finite" }, { TYPE_FLOAT64, "inf", "finite" },
		{ TYPE_FLOAT64, "1e999", "finite" }, { TYPE_FLOAT64, "0x1p3", "finite" },
		{ TYPE_FLOAT64, "", "finite" }, { TYPE_FLOAT64, "1.5x", "finite" },
		{ TYPE_FLOAT64, " 1", "finite" }, { TYPE_FLOAT32, "1e39", "finite" },
		{ TYPE_BOOLEAN, "yes", "true or false" }, { TYPE_BOOLEAN, "", "true or false" },
		{ TYPE_MAC, "00:00:5e:00:53", "00:00:5e" },
		{ TYPE_MAC, "00:00:5e:00:53:0g", "00:00:5e" },
		{ TYPE_MAC, "00.00.5e.00.53.01", "00:00:5e" },
		{ TYPE_IPV4, "192.0.2", "IPv4" }, { TYPE_IPV4, "192.0.2.256", "IPv4" },
		{ TYPE_IPV4, "::1", "IPv4" }, { TYPE_IPV6, "192.0.2.1", "IPv6" },
		{ TYPE_IPV6, "1:2:3:4:5:6:7:8:9", "IPv6" },
		{ TYPE_OCTET_ARRAY, "abc", "hexadecimal" },
		{ TYPE_OCTET_ARRAY, "zz", "hexadecimal" },
		{ TYPE_U256, "12", "0x" }, { TYPE_U256, "0xg", "0x" },
		{ TYPE_U256, "0x10000000000000000000000000000000000000000000000000000000000000000",
		"0x" },
		{ TYPE_U8, "\x1b[0m", "\\x1b" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct error err = { "" };
		struct field field;
		struct one one = make(cases[i].type, &field, 0);
		if (parse(&one, cases[i].text, &err) != -EINVAL)
			fail_msg("'%s' was not refused", cases[i].text);
		if (!strstr(err.text, cases[i].says) || !strstr(err.text, "made"))
			fail_msg("'%s': %s", cases[i].text, err.text);
		assert_false(one_is_present(&one));
		one_free(&one);
	}
}

static void refused_for_length(void **state)
{
	struct error err = { "" };
	struct field field;
	struct one one = make(TYPE_STRING, &field, 3);
	assert_int_equal(parse(&one, "abcd", &err), -EMSGSIZE);
	assert_non_null(strstr(err.text, "at most 3"));
	assert_false(one_is_present(&one));
	assert_int_equal(parse(&one, "abc", &err), 0);
	one_free(&one);
}

static void absent_values(void **state)
{
	char out[8] = "x";
	struct field field;
	for (uint8_t type = 0; type < TYPE_COUNT; type++) {
		struct one one = make(type, &field, 0);
		assert_int_equal(value_to_text(one.batch, one.writer.row, 0, out, sizeof out), 0);
		assert_string_equal(out, "");
		assert_int_equal(value_to_json(one.batch, one.writer.row, 0, out, sizeof out), 0);
		assert_string_equal(out, "");
		one_free(&one);
	}
}

/* Small buffers: the whole length, a terminated beginning, nothing beyond. */
static void small_buffers(void **state)
{
	static const struct { uint8_t type; const char *text; } cases[] = {
		{ TYPE_U32, "4294967295" }, { TYPE_IPV4, "192.0.2.1" },
		{ TYPE_OCTET_ARRAY, "00ff1a" },
		{ TYPE_STRING, "string" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct field field;
		struct one one = make(cases[i].type, &field, 0);
		size_t whole = strlen(cases[i].text);
		assert_int_equal(parse(&one, cases[i].text, NULL), 0);
		for (size_t size = 0; size <= whole + 4; size++) {
			char out[32];
			memset(out, '#', sizeof out);
			size_t text = value_to_text(one.batch, one.writer.row, 0, out, size);
			assert_int_equal(text, whole);
			assert_int_equal(out[size], '#');
			if (size > 0)
				assert_memory_equal(out, cases[i].text, strlen(out));
			memset(out, '#', sizeof out);
			size_t json = value_to_json(one.batch, one.writer.row, 0, out, size);
			size_t quotes = value_is_bare_in_json(cases[i].type) ? 0 : 2;
			assert_int_equal(json, whole + quotes);
			assert_int_equal(out[size], '#');
			assert_true(size == 0 || strlen(out) < size);
		}
		one_free(&one);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers), cmocka_unit_test(ipv6_addresses),
		cmocka_unit_test(ipv6_all_patterns), cmocka_unit_test(other_addresses),
		cmocka_unit_test(doubles), cmocka_unit_test(floats),
		cmocka_unit_test(random_doubles),
		cmocka_unit_test(random_floats), cmocka_unit_test(utf8), cmocka_unit_test(escapes),
		cmocka_unit_test(escapes_are_cut), cmocka_unit_test(strings_come_back),
		cmocka_unit_test(every_type_there_and_back), cmocka_unit_test(other_spellings),
		cmocka_unit_test(refused_texts), cmocka_unit_test(refused_for_length),
		cmocka_unit_test(absent_values), cmocka_unit_test(small_buffers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

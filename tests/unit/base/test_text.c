/* SPDX-License-Identifier: Apache-2.0 */
/* Values as people write them (base/text.c), and near names. Expected values are worked out by
 * hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/option.h"
#include "base/text.h"

typedef int parse_function(const char *text, uint64_t *ret);

struct good {
	const char *text;
	uint64_t value;
};

struct bad {
	const char *text;
	int code;
};

static void check_good(parse_function *parse, const struct good *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = 0xdead;
		if (parse(cases[i].text, &value) != 0)
			fail_msg("'%s' was refused", cases[i].text);
		if (value != cases[i].value)
			fail_msg("'%s' gave %llu", cases[i].text, (unsigned long long)value);
	}
}

static void check_bad(parse_function *parse, const struct bad *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = 0xdead;
		int r = parse(cases[i].text, &value);
		if (r != cases[i].code)
			fail_msg("'%s' gave %d, expected %d", cases[i].text, r, cases[i].code);
		assert_int_equal(value, 0xdead);        /* written only on success */
	}
}

static void durations(void **state)
{
	static const struct good good[] = {
		{ "90", 90000000000 }, { "0", 0 }, { "1m30s", 90000000000 }, { "2h", 7200000000000 },
		{ "100ms", 100000000 }, { "1d", 86400000000000 }, { "off", DURATION_OFF },
		{ "250us", 250000 }, { "7ns", 7 }, { "1d2h3m4s5ms6us7ns", 93784005006007 },
		{ "0.5s", 500000000 }, { "1.5", 1500000000 }, { "1h0.25s", 3600250000000 },
		{ "9223372036s", 9223372036000000000 }, { "0s", 0 },
	};
	static const struct bad bad[] = {
		{ "", -EINVAL }, { "s", -EINVAL }, { "-1", -EINVAL }, { "+1", -EINVAL }, { " 1", -EINVAL },
		{ "1 s", -EINVAL }, { "1s ", -EINVAL }, { "1m30", -EINVAL }, { "30s1m", -EINVAL },
		{ "1s1s", -EINVAL }, { "1.5h30m", -EINVAL }, { "1x", -EINVAL }, { "1S", -EINVAL },
		{ "1min", -EINVAL }, { "OFF", -EINVAL }, { "offf", -EINVAL }, { "1..5s", -EINVAL },
		{ ".5s", -EINVAL }, { "1.s", -EINVAL }, { "0.5ns", -EINVAL }, { "0x10", -EINVAL },
		{ "1e3", -EINVAL }, { "0.1234567891s", -EINVAL }, { "9223372037s", -ERANGE },
		{ "18446744073709551616", -ERANGE }, { "106752d", -ERANGE },
		{ "99999999999999999999999999d", -ERANGE }, { "100000d99999999999999s", -ERANGE },
	};
	check_good(text_parse_duration, good, array_count(good));
	check_bad(text_parse_duration, bad, array_count(bad));
}

static void counts(void **state)
{
	static const struct good good[] = {
		{ "0", 0 }, { "1000", 1000 }, { "10k", 10000 }, { "10K", 10000 }, { "4M", 4000000 },
		{ "2G", 2000000000 }, { "1T", 1000000000000 }, { "1.5M", 1500000 }, { "0.001k", 1 },
		{ "18446744073709551615", UINT64_MAX }, { "007", 7 },
	};
	static const struct bad bad[] = {
		{ "", -EINVAL }, { "k", -EINVAL }, { "-1", -EINVAL }, { "1.5", -EINVAL }, { "4m", -EINVAL },
		{ "1kk", -EINVAL }, { "1 k", -EINVAL }, { "1.0001k", -EINVAL }, { "many", -EINVAL },
		{ "18446744073709551616", -ERANGE }, { "18446744073709552k", -ERANGE },
		{ "99999999T", -ERANGE },
	};
	check_good(text_parse_count, good, array_count(good));
	check_bad(text_parse_count, bad, array_count(bad));
}

static void bytes(void **state)
{
	static const struct good good[] = {
		{ "1500", 1500 }, { "1500B", 1500 }, { "64KiB", 65536 }, { "64k", 65536 }, { "64kB",
		                                                                             65536 },
		{ "512M", 536870912 }, { "512m", 536870912 }, { "1G", 1073741824 }, { "1GB", 1073741824 },
		{ "1T", 1099511627776 }, { "0.5K", 512 }, { "0", 0 }, { "2P", 2251799813685248 },
	};
	static const struct bad bad[] = {
		{ "", -EINVAL }, { "M", -EINVAL }, { "1iB", -EINVAL }, { "1Kib", -EINVAL }, { "1KB ",
		                                                                              -EINVAL },
		{ "-1", -EINVAL }, { "1Z", -EINVAL }, { "1MM", -EINVAL }, { "0.3K", -EINVAL },
		{ "1b", -EINVAL }, { "16384P", -ERANGE }, { "18446744073709551616", -ERANGE },
	};
	check_good(text_parse_bytes, good, array_count(good));
	check_bad(text_parse_bytes, bad, array_count(bad));
}

static void check_human(size_t (*write)(uint64_t, char *, size_t), const struct good *cases,
                        size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char buffer[32], small[3];
		assert_int_equal(write(cases[i].value, buffer, sizeof buffer), strlen(cases[i].text));
		assert_string_equal(buffer, cases[i].text);
		assert_true(write(cases[i].value, small, sizeof small) <= 2);
		assert_int_equal(strncmp(small, cases[i].text, 2), 0);
	}
}

static void human(void **state)
{
	static const struct good count[] = {
		{ "0", 0 }, { "987", 987 }, { "999", 999 }, { "1.0k", 1000 }, { "1.2k", 1234 },
		{ "12.3k", 12345 }, { "99.9k", 99949 }, { "100k", 99950 }, { "999k", 999499 },
		{ "1.0M", 999500 }, { "1.2M", 1234567 }, { "18.4E", UINT64_MAX }, { "1.0G", 999999999 },
	};
	static const struct good octets[] = {
		{ "987 B", 987 }, { "0 B", 0 }, { "1.2 kB", 1234 }, { "1.2 GB", 1234567890 },
		{ "100 MB", 99999999 },
	};
	static const struct good durations_[] = {
		{ "0s", 0 }, { "15ms", 15000000 }, { "1.5ms", 1500000 }, { "9ms", 9000000 }, { "250us",
		                                                                               250000 },
		{ "7ns", 7 }, { "999ms", 999999999 }, { "1.0s", 1000000000 }, { "120.5s", 120500000000 },
		{ "3m20s", 200000000000 }, { "1h02m", 3720000000000 }, { "3d04h", 273600000000000 },
		{ "off", DURATION_OFF },
	};
	check_human(text_human_count, count, array_count(count));
	check_human(text_human_octets, octets, array_count(octets));
	check_human(text_human_duration, durations_, array_count(durations_));
}

static void distance(void **state)
{
	assert_int_equal(text_distance("", "", 9), 0);
	assert_int_equal(text_distance("abc", "abc", 9), 0);
	assert_int_equal(text_distance("abc", "", 9), 3);
	assert_int_equal(text_distance("kitten", "sitting", 9), 3);
	assert_int_equal(text_distance("josn", "json", 9), 1);
	assert_int_equal(text_distance("active-timeout", "active-timeuot", 9), 1);
	assert_int_equal(text_distance("kitten", "sitting", 2), 2);
	assert_int_equal(text_distance("a", "abcdefgh", 3), 3);
	char longer[200];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(text_distance(longer, longer, 5), 0);
	assert_int_equal(text_distance(longer, "x", 5), 5);
}

static const char *nearest_of(const char *word)
{
	static const char *const names[] = { "json", "csv", "ipfix", "ipfix+udp", "idle-timeout",
	                                     "table" };
	struct text_nearest nearest = { .word = word };
	for (size_t i = 0; i < array_count(names); i++)
		text_nearest_offer(&nearest, names[i]);
	return nearest.best;
}

static void nearest(void **state)
{
	assert_string_equal(nearest_of("josn"), "json");
	assert_string_equal(nearest_of("cvs"), "csv");
	assert_string_equal(nearest_of("ipfx"), "ipfix");
	assert_string_equal(nearest_of("idle"), "idle-timeout");
	assert_string_equal(nearest_of("idel-timeot"), "idle-timeout");
	assert_string_equal(nearest_of("ipfix+tcp"), "ipfix+udp");
	assert_null(nearest_of("kafka"));
	assert_null(nearest_of(""));
	assert_null(nearest_of("x"));
}

static void wrapped(void **state)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	text_print_wrapped(out, "one two  three four", 2, 2, 10);
	text_print_wrapped(out, "averyverylongword x", 0, 1, 8);
	text_print_wrapped(out, "", 0, 0, 8);
	fclose(out);
	assert_string_equal(text, "one two\n  three\n  four\naveryverylongword\n x\n\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations), cmocka_unit_test(counts), cmocka_unit_test(bytes),
		cmocka_unit_test(human), cmocka_unit_test(distance), cmocka_unit_test(nearest),
		cmocka_unit_test(wrapped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

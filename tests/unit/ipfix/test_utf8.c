/* SPDX-License-Identifier: Apache-2.0 */
/* Only well-formed UTF-8 leaves, and no character is cut in two. Cases from RFC 3629, sections
 * 3, 4, 10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "ipfix/utf8.h"

static void check_copy(const char *text, const char *expected)
{
	char copy[64] = "";
	utf8_copy((uint8_t *)copy, (const uint8_t *)text, strlen(text));
	assert_string_equal(copy, expected);
}

static void test_well_formed_is_kept(void **state)
{
	static const char *const texts[] = {
		"", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa9z",
		"eight at a time, then what is left", "plain until here: \xc3\xa9 and on",
	};
	for (unsigned i = 0; i < array_count(texts); i++)
		check_copy(texts[i], texts[i]);
}

static void test_ill_formed_is_replaced(void **state)
{
	static const struct { const char *text, *expected; } cases[] = {
		{ "\x80", "?" },                /* a tail without a lead */
		{ "\xc0\x80", "??" },           /* overlong NUL */
		{ "\xc1\xbf", "??" },
		{ "\xe0\x9f\xbf", "???" },      /* overlong */
		{ "\xed\xa0\x80", "???" },      /* surrogate */
		{ "\xf0\x8f\xbf\xbf", "????" }, /* overlong */
		{ "\xf4\x90\x80\x80", "????" }, /* above U+10FFFF */
		{ "\xf5\x80", "??" },
		{ "a\xc3", "a?" },              /* ends in the middle */
		{ "\xe2\x82z", "??z" },
		{ "\xff\xfe" "ok", "??ok" },
		{ "plain until here: \xff, and on", "plain until here: ?, and on" },
	};
	for (unsigned i = 0; i < array_count(cases); i++)
		check_copy(cases[i].text, cases[i].expected);
}

static size_t cut(const char *text, size_t cap)
{
	return utf8_cut((const uint8_t *)text, strlen(text), cap);
}

static void test_cut_between_characters(void **state)
{
	assert_int_equal(cut("abc", 5), 3);
	assert_int_equal(cut("abc", 2), 2);
	assert_int_equal(cut("a\xc3\xa9z", 2), 1);
	assert_int_equal(cut("a\xc3\xa9z", 3), 3);
	assert_int_equal(cut("\xf0\x9f\x98\x80x", 3), 0);
	assert_int_equal(cut("\xf0\x9f\x98\x80x", 4), 4);
	assert_int_equal(cut("\x80\x80\x80\x80\x80", 4), 4);    /* no character: nothing to spare */
	assert_int_equal(cut("abc", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_well_formed_is_kept),
		cmocka_unit_test(test_ill_formed_is_replaced),
		cmocka_unit_test(test_cut_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

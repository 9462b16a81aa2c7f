/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text for people (base/text_escape.c): what passes, what is shown as octets, what is
 * cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/text.h"

static void check(const char *octets, size_t bytes, const char *expected)
{
	char buffer[256];
	assert_int_equal(text_escape(octets, bytes, buffer, sizeof buffer), strlen(expected));
	assert_string_equal(buffer, expected);
}
#define CHECK(literal, expected) check(literal, sizeof(literal) - 1, expected)

static void passes(void **state)
{
	CHECK("", "");
	CHECK("plain text, 100 %", "plain text, 100 %");
	CHECK("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
	CHECK("\xf4\x8f\xbf\xbd", "\xf4\x8f\xbf\xbd");
}

static void controls(void **state)
{
	CHECK("a\nb\tc\0d", "a\\x0ab\\x09c\\x00d");
	CHECK("\x1b[31mred\x7f", "\\x1b[31mred\\x7f");
	CHECK("\xc2\x9b" "31m", "\\xc2\\x9b31m");               /* CSI as one C1 character */
	CHECK("a\xe2\x80\xaegnp", "a\\xe2\\x80\\xaegnp");       /* right-to-left override */
	CHECK("a\xe2\x80\xa8" "b", "a\\xe2\\x80\\xa8b");        /* line separator */
	CHECK("\xe2\x81\xa6x", "\\xe2\\x81\\xa6x");             /* isolate */
}

static void malformed(void **state)
{
	CHECK("\x80", "\\x80");
	CHECK("\xc0\x80", "\\xc0\\x80");                        /* overlong NUL */
	CHECK("\xe0\x80\xaf", "\\xe0\\x80\\xaf");               /* overlong slash */
	CHECK("\xed\xa0\x80", "\\xed\\xa0\\x80");               /* surrogate */
	CHECK("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");      /* behind U+10FFFF */
	CHECK("\xf5\x80", "\\xf5\\x80");
	CHECK("\xe2\x82", "\\xe2\\x82");                        /* cut short */
	CHECK("\xc3" "a", "\\xc3" "a");
}

static void cut(void **state)
{
	char buffer[8];
	memset(buffer, 'z', sizeof buffer);
	assert_int_equal(text_escape("ab\xe2\x82\xac" "cdef", 9, buffer, 5), 2);
	       /* the euro is whole or absent */
	assert_string_equal(buffer, "ab");
	assert_int_equal(text_escape("ab\xe2\x82\xac" "cdef", 9, buffer, 6), 5);
	assert_int_equal(text_escape("a\n", 2, buffer, 5), 1);
	assert_int_equal(text_escape("abc", 3, buffer, 1), 0);
	assert_int_equal(buffer[0], '\0');
	assert_int_equal(text_escape("abc", 3, buffer, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes), cmocka_unit_test(controls), cmocka_unit_test(malformed),
		cmocka_unit_test(cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

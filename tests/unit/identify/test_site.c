/* SPDX-License-Identifier: Apache-2.0 */
/* The site of a host: names, addresses, ports, and octets that are no name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "identify/site.h"

static void expect(const char *host, const char *site)
{
	char found[SITE_HOST_MAX + 1];
	assert_int_equal(site_of_host(host, (unsigned)strlen(host), found), strlen(site));
	assert_string_equal(found, site);
}

static void test_names(void **state)
{
	static const char *const cases[][2] = {
		{ "www.shop.example.co.uk", "example.co.uk" }, { "example.co.uk", "example.co.uk" },
		{ "WWW.Example.COM", "example.com" }, { "www.example.com.", "example.com" },
		{ "www.example.com...", "example.com" }, { "www.example.com:8443", "example.com" },
		{ "www.example.com.:80", "example.com" },
		{ "a.b.somebody.github.io", "somebody.github.io" },
		/* exceptions, a rule of two labels, and a top that no list has */
		{ "a.b.city.kawasaki.jp", "city.kawasaki.jp" }, { "a.b.c.kawasaki.jp", "b.c.kawasaki.jp" },
		{ "printer.office.internal-only", "office.internal-only" },
		{ "www.example.xn--p1ai", "example.xn--p1ai" },
		{ "www.b\xc3\xbc" "cher.example", "b\xc3\xbc" "cher.example" },
		/* nobody can register these: they stand for themselves */
		{ "co.uk", "co.uk" }, { "com", "com" }, { "localhost", "localhost" },
		{ "LOCALHOST:631", "localhost" }, { "github.io", "github.io" },
	};
	for (unsigned i = 0; i < array_count(cases); i++)
		expect(cases[i][0], cases[i][1]);
}

static void test_addresses(void **state)
{
	expect("192.0.2.1", "192.0.2.1");
	expect("192.0.2.1:8080", "192.0.2.1");
	expect("2001:DB8::1", "2001:db8::1");
	expect("[2001:db8::1]:443", "2001:db8::1");
	expect("[2001:db8::1]", "2001:db8::1");
	expect("[2001", "");
	expect("[", "");
	expect("192.0.2.1.example.com", "example.com");
}

static void test_no_names(void **state)
{
	static const char *const any[] = {
		"..", ".", ":", ":80", "[", "[]", "[]:1", "]", "a..b", ".com", "*", "*.com", "a b.c",
		"\xff\xfe.example.com", "\\xff.example.com", "com.\xff", ":::", "a:b:c", "%00"
	};
	char found[SITE_HOST_MAX + 1];
	for (unsigned i = 0; i < array_count(any); i++) {
		unsigned bytes = site_of_host(any[i], (unsigned)strlen(any[i]), found);
		assert_int_equal(bytes, strlen(found));
		assert_true(bytes <= strlen(any[i]));
	}
	expect("", "");
	expect("...", "");
	assert_int_equal(site_of_host("a\0b.example.com", 15, found), 11);
	assert_string_equal(found, "example.com");
}

static void test_endless(void **state)
{
	char host[4096], found[SITE_HOST_MAX + 1];
	memset(host, 'a', sizeof host);
	assert_int_equal(site_of_host(host, sizeof host, found), SITE_HOST_MAX);
	memset(host, '.', sizeof host);
	assert_int_equal(site_of_host(host, sizeof host, found), 0);
	for (unsigned i = 0; i < sizeof host; i += 2)
		host[i] = 'a';
	memcpy(host + 120 - 12, ".example.com", 12);
	assert_int_equal(site_of_host(host, 120, found), 11);
	assert_string_equal(found, "example.com");
	for (unsigned octet = 0; octet < 256; octet++) {
		memset(host, (int)octet, sizeof host);
		assert_true(site_of_host(host, sizeof host, found) <= SITE_HOST_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names), cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_no_names), cmocka_unit_test(test_endless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Address syntax (net/address.c): every form, and what each wrong form's message says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "net/address.h"

static struct address parsed(const char *text)
{
	struct address a;
	struct error err = { "" };
	if (address_parse(text, &a, &err) != 0)
		fail_msg("'%s': %s", text, err.text);
	assert_string_equal(a.text, text);
	return a;
}

static void paths(void **state)
{
	static const struct {
		const char *text, *scheme, *path;
	} cases[] = {
		{ "json:-", "json", "-" }, { "JSON:-", "json", "-" }, { "table:", "table", NULL },
		{ "csv:flows-%F-%H%M.csv", "csv", "flows-%F-%H%M.csv" }, { "ipfix:/a/b", "ipfix", "/a/b" },
		{ "json:a:b//c", "json", "a:b//c" }, { "x.y-z+1:p", "x.y-z+1", "p" },
		{ "flows.json", "json", "flows.json" }, { "a.jsonl", "json", "a.jsonl" },
		{ "./a.csv", "csv", "./a.csv" }, { "/tmp/x.ipfix", "ipfix", "/tmp/x.ipfix" },
		{ "a.json.gz", "json", "a.json.gz" }, { "b.csv.zst", "csv", "b.csv.zst" },
		{ "b.ipfix.gz", "ipfix", "b.ipfix.gz" }, { "dir/a:b.json", "json", "dir/a:b.json" },
		{ "9:x.csv", "csv", "9:x.csv" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct address a = parsed(cases[i].text);
		assert_string_equal(a.scheme, cases[i].scheme);
		if (cases[i].path)
			assert_string_equal(a.path, cases[i].path);
		else
			assert_null(a.path);
		assert_int_equal(a.host_count, 0);
		address_fini(&a);
		assert_null(a.storage);
	}
}

static void hosts(void **state)
{
	struct address a = parsed("ipfix+udp://[::1]:4739,collector.example.net,10.0.0.1:65535,"
	                          "[fe80::1%25eth0],x:1");
	assert_string_equal(a.scheme, "ipfix+udp");
	assert_null(a.path);
	assert_int_equal(a.host_count, 5);
	assert_string_equal(a.hosts[0].host, "::1");
	assert_int_equal(a.hosts[0].port, 4739);
	assert_string_equal(a.hosts[1].host, "collector.example.net");
	assert_int_equal(a.hosts[1].port, 0);
	assert_string_equal(a.hosts[2].host, "10.0.0.1");
	assert_int_equal(a.hosts[2].port, 65535);
	assert_string_equal(a.hosts[3].host, "fe80::1%eth0");
	assert_int_equal(a.hosts[3].port, 0);
	assert_int_equal(a.hosts[4].port, 1);
	address_fini(&a);
	a = parsed("udp://[::ffff:1.2.3.4%lo]:2?mtu=1400");
	assert_string_equal(a.hosts[0].host, "::ffff:1.2.3.4%lo");
	assert_string_equal(address_parameter(&a, "mtu"), "1400");
	address_fini(&a);
}

static void parameters(void **state)
{
	struct address a = parsed("a.json?rotate=5m&flag&e=&%61b=x%20y%25%3D%26&q=a=b?c");
	assert_string_equal(a.path, "a.json");
	assert_string_equal(a.scheme, "json");
	assert_int_equal(a.parameter_count, 5);
	assert_string_equal(address_parameter(&a, "rotate"), "5m");
	assert_string_equal(address_parameter(&a, "flag"), "");
	assert_string_equal(address_parameter(&a, "e"), "");
	assert_string_equal(address_parameter(&a, "ab"), "x y%=&");
	assert_null(address_parameter(&a, "Rotate"));
	struct error err = { "" };
	assert_int_equal(address_check_used(&a, NULL, &err), -EINVAL);  /* q */
	assert_string_equal(address_parameter(&a, "q"), "a=b?c");
	assert_int_equal(address_check_used(&a, NULL, &err), 0);
	address_fini(&a);
}

static void unused(void **state)
{
	static const char *const known[] = { "rotate", "int64", NULL };
	struct error err = { "" };
	struct address a = parsed("json:-?rotat=5m");
	assert_int_equal(address_check_used(&a, known, &err), -EINVAL);
	assert_string_equal(err.text, "json:-?rotat=5m: unknown parameter 'rotat'; did you mean "
	                              "rotate?; "
	                    "possible: rotate, int64");
	assert_int_equal(address_check_used(&a, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.text, "there are none here"));
	address_fini(&a);
	a = parsed("json:-?rotate=5m");
	assert_int_equal(address_check_used(&a, known, &err), -EINVAL);
	assert_non_null(strstr(err.text, "'rotate' has no effect here"));
	address_parameter(&a, "rotate");
	assert_int_equal(address_check_used(&a, known, NULL), 0);
	address_fini(&a);
}

static void wrong(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "empty" },
		{ "-", "json:-" },
		{ "flows", "expected .json, .csv or .ipfix" },
		{ "flows.txt", "json:flows.txt" },
		{ "flows.pcap", "expected .json" },
		{ "flows.json.bz2", "expected .json" },
		{ ".json", "does not tell" },
		{ "dir/.csv", "does not tell" },
		{ "x.gz", "does not tell" },
		{ "flows.JSON", "does not tell" },
		{ "?a=b", "does not tell" },
		{ "a\nb.json", "0x0a" },
		{ "json:a\x7f", "0x7f" },
		{ "ipfix+udp://", "a host is missing" },
		{ "ipfix+udp://:4739", "a host is missing" },
		{ "ipfix+udp://a,", "a host is missing" },
		{ "ipfix+udp://a,,b", "a host is missing" },
		{ "ipfix+udp://a:", "port ''" },
		{ "ipfix+udp://a:0", "expected 1 to 65535" },
		{ "ipfix+udp://a:65536", "'65536', expected 1 to 65535" },
		{ "ipfix+udp://a:4294967297", "expected 1 to 65535" },
		{ "ipfix+udp://a:99999999999999999999", "expected 1 to 65535" },
		{ "ipfix+udp://a:-1", "'-1'" },
		{ "ipfix+udp://a:+1", "'+1'" },
		{ "ipfix+udp://a:80x", "'80x'" },
		{ "ipfix+udp://a: 80", "' 80'" },
		{ "ipfix+udp://a:http", "'http'" },
		{ "ipfix+udp://[::1]:", "port ''" },
		{ "ipfix+udp://[::1]:70000", "'70000'" },
		{ "ipfix+udp://[::1]4739", "[ADDRESS]:PORT" },
		{ "ipfix+udp://[::1", "[ADDRESS]:PORT" },
		{ "ipfix+udp://[]", "'' is no IPv6 address" },
		{ "ipfix+udp://[1.2.3.4]", "no IPv6 address" },
		{ "ipfix+udp://[::g]", "no IPv6 address" },
		{ "ipfix+udp://[fe80::1%]", "no IPv6 address" },
		{ "ipfix+udp://[fe80::1%a%b]", "no IPv6 address" },
		{ "ipfix+udp://::1", "in brackets: [::1]" },
		{ "ipfix+udp://fe80::1:4739", "in brackets" },
		{ "ipfix+udp://1.2.3", "no IPv4 address" },
		{ "ipfix+udp://1.2.3.256:9", "no IPv4 address" },
		{ "ipfix+udp://a b", "' ' cannot be part" },
		{ "ipfix+udp://user@host", "'@' cannot be part" },
		{ "ipfix+udp://a..b", "no host name" },
		{ "ipfix+udp://-a", "no host name" },
		{ "ipfix+udp://a/b", "'/b' after the host" },
		{ "json:///tmp/x.json", "json:/tmp/x.json" },
		{ "json:-?", "without a name" },
		{ "json:-?=5", "without a name" },
		{ "json:-?a=1&&b=2", "without a name" },
		{ "json:-?a=1&a=2", "'a' is given twice" },
		{ "json:-?a=1&%61=2", "'a' is given twice" },
		{ "json:-?a=%", "'%' in a parameter" },
		{ "json:-?a=%4", "'%4'" },
		{ "json:-?a=%zz", "'%zz'" },
		{ "json:-?a=%00", "'%00'" },
		{ "json:-?%=1", "write %25" },
		{ "averyveryverylongschemethatnobodyhas:x", "scheme before ':' is too long" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct address a = { .text = NULL };
		struct error err = { "" };
		if (address_parse(cases[i].text, &a, &err) >= 0)
			fail_msg("'%s' was taken", cases[i].text);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' says: %s", cases[i].text, err.text);
		assert_null(a.storage);         /* written only on success */
		assert_true(address_parse(cases[i].text, &a, NULL) < 0);
	}
}

/* `count` pieces joined by `between` behind `start`. */
static int parse_many(const char *start, const char *piece, const char *between, unsigned count)
{
	char text[8000];
	size_t length = (size_t)snprintf(text, sizeof text, "%s", start);
	for (unsigned i = 0; i < count; i++) {
		length += (size_t)snprintf(text + length, sizeof text - length, "%s", i ? between : "");
		length += (size_t)snprintf(text + length, sizeof text - length, piece, i);
	}
	struct address a;
	int r = address_parse(text, &a, NULL);
	if (r == 0)
		address_fini(&a);
	return r;
}

static void limits(void **state)
{
	assert_int_equal(parse_many("udp://", "h%u", ",", ADDRESS_HOSTS_MAX), 0);
	assert_int_equal(parse_many("udp://", "h%u", ",", ADDRESS_HOSTS_MAX + 1), -E2BIG);
	assert_int_equal(parse_many("json:-?", "p%u=1", "&", ADDRESS_PARAMETERS_MAX), 0);
	assert_int_equal(parse_many("json:-?", "p%u=1", "&", ADDRESS_PARAMETERS_MAX + 1), -E2BIG);
	assert_int_equal(parse_many("json:", "%03u.", "", 1000), 0);
	assert_int_equal(parse_many("json:", "%03u.", "", 1100), -ENAMETOOLONG);
	assert_int_equal(parse_many("udp://", "%03ux", "", 63), 0);
	assert_int_equal(parse_many("udp://", "%03ux", "", 64), -EINVAL);
}

static void one_of_several_hosts(void **state)
{
	static const char text[] = "ipfix+tcp://a.example,[fe80::1%25eth0]:1,192.0.2.1:4739"
	                           "?distribute=flow&ca=/tmp/a%20b%26c&key=x";
	static const char *const expected[] = {
		"ipfix+tcp://a.example?ca=/tmp/a%20b%26c&key=x",
		"ipfix+tcp://[fe80::1%25eth0]:1?ca=/tmp/a%20b%26c&key=x",
		"ipfix+tcp://192.0.2.1:4739?ca=/tmp/a%20b%26c&key=x",
	};
	struct address all, one;
	assert_int_equal(address_parse(text, &all, NULL), 0);
	assert_int_equal(all.host_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(address_of_host(&all, i, "distribute", &one, NULL), 0);
		assert_string_equal(one.text, expected[i]);
		assert_int_equal(one.host_count, 1);
		assert_string_equal(one.hosts[0].host, all.hosts[i].host);
		assert_int_equal(one.hosts[0].port, all.hosts[i].port);
		assert_string_equal(address_parameter(&one, "ca"), "/tmp/a b&c");
		address_fini(&one);
	}
	address_fini(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths), cmocka_unit_test(hosts), cmocka_unit_test(parameters),
		cmocka_unit_test(unused), cmocka_unit_test(wrong), cmocka_unit_test(limits),
		cmocka_unit_test(one_of_several_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

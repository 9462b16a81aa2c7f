/* SPDX-License-Identifier: Apache-2.0 */
/* Files of networks: what they may say, what is found, and the message for each fault. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "measure/networks.h"

static int read_octets(const char *octets, size_t bytes, struct networks **ret, struct error *err)
{
	FILE *in = tmpfile();
	assert_non_null(in);
	if (bytes)
		assert_int_equal(fwrite(octets, bytes, 1, in), 1);
	rewind(in);
	int r = networks_read(in, "networks", ret, err);
	fclose(in);
	return r;
}

static struct networks *read_text(const char *text)
{
	struct networks *networks = NULL;
	struct error err = { "" };
	if (read_octets(text, strlen(text), &networks, &err))
		fail_msg("%s", err.text);
	return networks;
}

static bool find(const struct networks *networks, const char *address, struct network *ret)
{
	uint8_t octets[16];
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(family, address, octets), 1);
	return networks_find(networks, family == AF_INET ? 4 : 6, octets, ret);
}

static void expect(const struct networks *networks, const char *address, uint32_t as_number,
                   const char *name, const char *site)
{
	struct network found;
	assert_true(find(networks, address, &found));
	assert_int_equal(found.as_number, as_number);
	assert_string_equal(found.name, name);
	assert_string_equal(found.site, site);
}

static const char sample[] =
	"\xef\xbb\xbf# prefix, AS number, name, site\n"
	"\n"
	"10.0.0.0/8, -, inside\r\n"
	"  10.1.0.0/16 ,64500,\tExample Ltd , Berlin  \n"
	"10.1.2.3,AS64501\n"
	"2001:db8::/32,as4294967295,Example Ltd,Z\xc3\xbcrich\n"
	"2001:db8::1,,,lab # not a comment\n"
	"192.0.2.0/24";

static void test_longest_says_all(void **state)
{
	struct networks *n = read_text(sample);
	struct network found;
	expect(n, "10.200.0.1", 0, "inside", "");
	expect(n, "10.1.2.2", 64500, "Example Ltd", "Berlin");
	expect(n, "10.1.2.3", 64501, "", "");
	expect(n, "2001:db8::2", 4294967295, "Example Ltd", "Z\xc3\xbcrich");
	expect(n, "2001:db8::1", 0, "", "lab # not a comment");
	expect(n, "192.0.2.255", 0, "", "");
	assert_false(find(n, "192.0.3.0", &found));
	assert_false(find(n, "2001:db9::", &found));
	assert_true(find(n, "10.1.2.3", &found));
	assert_int_equal(found.bits, 32);
	networks_release(n);
}

static void test_empty(void **state)
{
	struct network found;
	const char *texts[] = { "", "\n\n", "# nothing", "  \t\r\n#\n" };
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct networks *n = read_text(texts[i]);
		assert_false(find(n, "0.0.0.0", &found));
		assert_false(find(n, "::", &found));
		networks_release(n);
	}
	networks_release(NULL);
}

struct fault {
	const char *text, *message;
};

static const struct fault faults[] = {
	{ "x", "networks:1: \"x\" found, expected a prefix such as 192.0.2.0/24 or 2001:db8::/32" },
	{ "\n#\n10.0.0.0/33", "networks:3: \"10.0.0.0/33\" found, expected a prefix" },
	{ "10.0.0.0/", "networks:1: \"10.0.0.0/\" found, expected a prefix" },
	{ "10.0.0.0/-1", "networks:1: \"10.0.0.0/-1\" found, expected a prefix" },
	{ "10.0.0.0/8/8", "networks:1: \"10.0.0.0/8/8\" found, expected a prefix" },
	{ "10.0.0.0/+8", "networks:1: \"10.0.0.0/+8\" found, expected a prefix" },
	{ "10.0.0/8", "networks:1: \"10.0.0/8\" found, expected a prefix" },
	{ "10.0.0.00000000008/8", "networks:1: \"10.0.0.00000000008/8\" found, expected a prefix" },
	{ "::/129", "networks:1: \"::/129\" found, expected a prefix" },
	{ "fe80::1%eth0", "networks:1: \"fe80::1%eth0\" found, expected a prefix" },
	{ ",64500", "networks:1: \"\" found, expected a prefix" },
	{ "10.0.0.1/8", "networks:1: \"10.0.0.1/8\" found, expected no bits of the address behind" },
	{ "2001:db8::1/127", "networks:1: \"2001:db8::1/127\" found, expected no bits" },
	{ "10.0.0.0/8,4294967296", "networks:1: \"4294967296\" found, expected the number of an auto" },
	{ "10.0.0.0/8,99999999999999999999999", "networks:1: \"99999999999999999999999\" found" },
	{ "10.0.0.0/8,AS", "networks:1: \"AS\" found, expected the number" },
	{ "10.0.0.0/8,AS-1", "networks:1: \"AS-1\" found, expected the number" },
	{ "10.0.0.0/8,1.10", "networks:1: \"1.10\" found, expected the number" },
	{ "10.0.0.0/8,,a\tb", "networks:1: \"a\\x09b\" found, expected UTF-8 without control" },
	{ "10.0.0.0/8,,,\xff", "networks:1: \"\\xff\" found, expected UTF-8 without control" },
	{ "10.0.0.0/8,,,\xe2\x80\xae" "a", "expected UTF-8 without control characters" },
	{ "10.0.0.0/8,1,a,b,c", "networks:1: 5 values found, expected at most 4: prefix, AS number" },
	{ "10.0.0.0/8,1,a,b,", "networks:1: 5 values found" },
	{ "10.0.0.0/8\n::/0\n10.0.0.0/8", "networks:3: the prefix of line 1 found again" },
	{ "::/0\n10.0.0.1\n10.0.0.1/32", "networks:3: the prefix of line 2 found again" },
};

static void test_faults(void **state)
{
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		struct networks *n = NULL;
		struct error err = { "" };
		assert_true(read_octets(faults[i].text, strlen(faults[i].text), &n, &err) < 0);
		assert_null(n);
		if (!strstr(err.text, faults[i].message))
			fail_msg("\"%s\" does not say \"%s\"", err.text, faults[i].message);
	}
}

static void expect_fault(const char *octets, size_t bytes, const char *message)
{
	struct networks *n = NULL;
	struct error err = { "" };
	assert_int_equal(read_octets(octets, bytes, &n, &err), -EINVAL);
	assert_non_null(strstr(err.text, message));
}

static void test_odd_lines(void **state)
{
	static char line[3000];
	expect_fault("10.0.0.0/8,1\0,a", 15, "networks:1: a NUL octet found");
	memset(line, '#', sizeof line);
	expect_fault(line, 1024, "networks:1: a line of more than 1023 octets found");
	struct networks *n;
	struct error err = { "" };
	assert_int_equal(read_octets(line, 1023, &n, &err), 0);
	networks_release(n);
	memcpy(line, "::/0,1,", 7);
	expect_fault(line, 7 + 256, "found, expected a text of at most 255 octets");
	assert_int_equal(read_octets(line, 7 + 255, &n, &err), 0);
	networks_release(n);
}

static void test_no_file(void **state)
{
	struct networks *n = NULL;
	struct error err = { "" };
	assert_int_equal(networks_load("/nonexistent/networks", &n, &err), -ENOENT);
	assert_string_equal(err.text, "/nonexistent/networks: cannot open: No such file or directory; "
	                    "expected a file of networks");
	assert_int_equal(networks_load("/", &n, &err), -EIO);
	assert_null(n);
}

/* Names are kept once: as much memory as the prefixes alone need, and a little. */
static void test_names_are_shared(void **state)
{
	enum { COUNT = 20000 };
	char *text = malloc(COUNT * 80), *at = text;
	assert_non_null(text);
	for (unsigned i = 0; i < COUNT; i++)
		at += sprintf(at, "10.%u.%u.0/24,%u,a name of %u that many share,site %u\n", i / 256,
		              i % 256, i, i % 10, i % 7);
	struct networks *n = read_text(text);
	free(text);
	expect(n, "10.3.5.1", 773, "a name of 3 that many share", "site 3");
	assert_in_range(networks_bytes(n), 1, COUNT * 48);
	networks_release(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_longest_says_all),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_odd_lines),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_names_are_shared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* libweir (engine/weir.c) with a configuration file: its meters, and who wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weir/weir.h"

/* A capture of one datagram, 192.0.2.1:1000 to 192.0.2.2:53 with no payload. */
static const uint8_t capture[] = {
	0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0,
	0, 0xf1, 0x53, 0x65, 0, 0, 0, 0, 42, 0, 0, 0, 42, 0, 0, 0,
	2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0,
	0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
	3, 0xe8, 0, 53, 0, 8, 0, 0,
};

struct bench {
	struct weir *weir;
	char capture[32], config[32];
	unsigned records[3];            /* by meteringProcessId; [0]: without one */
};

static void write_file(char *path, const char *pattern, const void *octets, size_t bytes)
{
	strcpy(path, pattern);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, bytes), bytes);
	close(fd);
}

static void count(void *context, const struct weir_record *record)
{
	struct bench *b = context;
	uint64_t meter = 0;
	weir_record_unsigned(record, "meteringProcessId", &meter);
	assert_true(meter < 3);
	b->records[meter]++;
}

static int run(struct bench *b, const char *text, const char *name, const char *value)
{
	memset(b, 0, sizeof *b);
	write_file(b->capture, "test_weir_XXXXXX", capture, sizeof capture);
	write_file(b->config, "test_conf_XXXXXX", text, strlen(text));
	assert_int_equal(weir_open(&b->weir), 0);
	assert_int_equal(weir_set(b->weir, "read", b->capture), 0);
	assert_int_equal(weir_set(b->weir, "config", b->config), 0);
	if (name)
		assert_int_equal(weir_set(b->weir, name, value), 0);
	weir_on_record(b->weir, count, b);
	int r = weir_run(b->weir);
	unlink(b->capture);
	unlink(b->config);
	return r;
}

static void meters_of_a_file(void **state)
{
	struct bench b;
	assert_int_equal(run(&b, "meters: [{name: a}, {name: b, filter: udp}]\n", NULL, NULL), 0);
	assert_int_equal(b.records[1], 1);
	assert_int_equal(b.records[2], 1);
	weir_close(b.weir);
	assert_int_equal(run(&b, "meters: [{name: a}, {name: b, filter: tcp}]\n", NULL, NULL), 0);
	assert_int_equal(b.records[1], 1);
	assert_int_equal(b.records[2], 0);
	weir_close(b.weir);
}

static void what_is_set_wins(void **state)
{
	struct bench b;
	assert_int_equal(run(&b, "filter: tcp\n", NULL, NULL), 0);
	assert_int_equal(b.records[0], 0);
	weir_close(b.weir);
	assert_int_equal(run(&b, "filter: tcp\n", "filter", "udp"), 0);
	assert_int_equal(b.records[0], 1);
	weir_close(b.weir);
}

static void a_wrong_file_is_told(void **state)
{
	struct bench b;
	assert_true(run(&b, "meters:\n- {name: a, filtr: udp}\n", NULL, NULL) < 0);
	assert_non_null(strstr(weir_error(b.weir), b.config));
	assert_non_null(strstr(weir_error(b.weir), ":2:13: unknown option 'filtr'"));
	weir_close(b.weir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meters_of_a_file), cmocka_unit_test(what_is_set_wins),
		cmocka_unit_test(a_wrong_file_is_told),
	};
	return cmocka_run_group_tests_name("engine/weir", tests, NULL, NULL);
}

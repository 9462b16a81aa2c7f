/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of one schema as rows of another: what is the same, what is converted, what is absent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "record/projection.h"

static struct schema *schema_of(const char *names)
{
	struct column_choice choices[COLUMNS_MAX];
	unsigned count;
	struct schema *schema;
	assert_int_equal(column_list_parse(names, NULL, choices, &count, NULL), 0);
	assert_int_equal(schema_new(choices, count, 0, 0, &schema), 0);
	return schema;
}

struct fixture {
	struct schema *from, *to;
	struct record_batch *source, *target;
	struct projection *projection;
};

static void begin_as(struct fixture *f, const char *from, const char *to, bool mirror)
{
	f->from = schema_of(from);
	f->to = schema_of(to);
	f->source = record_batch_new(f->from, 4);
	f->target = record_batch_new(f->to, 4);
	f->projection = projection_new(f->from, f->to, mirror);
	assert_non_null(f->projection);
	record_batch_append(f->source);
}

static void begin(struct fixture *f, const char *from, const char *to)
{
	begin_as(f, from, to, false);
}

static struct value_writer at(const struct fixture *f, unsigned column)
{
	return (struct value_writer){ f->source, record_row(f->source, 0), column };
}

static void run(struct fixture *f)
{
	projection_run(f->projection, f->source, record_row(f->source, 0), f->target);
}

static uint64_t number(const struct fixture *f, unsigned column)
{
	const uint8_t *row = record_row(f->target, f->target->count - 1);
	assert_true(record_is_present(f->to, row, column));
	return value_read_unsigned(f->to, row, column);
}

static bool is_absent(const struct fixture *f, unsigned column)
{
	return !record_is_present(f->to, record_row(f->target, f->target->count - 1), column);
}

static void end(struct fixture *f)
{
	projection_free(f->projection);
	record_batch_release(f->source);
	record_batch_release(f->target);
	schema_free(f->from);
	schema_free(f->to);
}

static void test_same_columns_in_another_order(void **state)
{
	struct fixture f;
	begin(&f, "octetDeltaCount,interfaceName,reverseOctetDeltaCount,sourceIPv4Address",
	      "sourceIPv4Address,packetDeltaCount,reverseOctetDeltaCount,interfaceName,"
	      "octetDeltaCount");
	struct value_writer w = at(&f, 0);
	value_write_unsigned(&w, 7);
	w = at(&f, 1);
	value_write_octets(&w, "eth0", 4);
	w = at(&f, 2);
	value_write_unsigned(&w, 8);
	w = at(&f, 3);
	value_write_octets(&w, "\xc0\0\2\1", 4);
	run(&f);
	const uint8_t *row = record_row(f.target, 0);
	uint32_t bytes;
	assert_memory_equal(value_read_octets(f.target, row, 0, &bytes), "\xc0\0\2\1", 4);
	assert_true(is_absent(&f, 1));
	assert_int_equal(number(&f, 2), 8);
	assert_memory_equal(value_read_octets(f.target, row, 3, &bytes), "eth0", 4);
	assert_int_equal(bytes, 4);
	assert_int_equal(number(&f, 4), 7);
	end(&f);
}

static void test_absent_stays_absent(void **state)
{
	struct fixture f;
	begin(&f, "octetDeltaCount,interfaceName", "interfaceName,octetDeltaCount");
	run(&f);
	assert_true(is_absent(&f, 0) && is_absent(&f, 1));
	end(&f);
}

/* 1700000000123456789 ns in each unit; the finest that is there is taken. */
static void test_times_in_every_unit(void **state)
{
	static const struct { const char *from, *to; uint64_t given, expected; } cases[] = {
		{ "flowStartSeconds", "flowStartMilliseconds", 1700000000, 1700000000000 },
		{ "flowStartMilliseconds", "flowStartMicroseconds", 1700000000123, 1700000000123000 },
		{ "flowStartNanoseconds", "flowStartMicroseconds", 1700000000123456789,
		  1700000000123456 },
		{ "flowEndMicroseconds", "flowEndSeconds", 1700000000123456, 1700000000 },
		{ "flowEndNanoseconds", "flowEndNanoseconds", 1700000000123456789, 1700000000123456789 },
	};
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		begin(&f, cases[i].from, cases[i].to);
		struct value_writer w = at(&f, 0);
		value_write_unsigned(&w, cases[i].given);
		run(&f);
		assert_int_equal(number(&f, 0), cases[i].expected);
		end(&f);
	}
}

static void test_the_finest_unit_is_taken(void **state)
{
	struct fixture f;
	begin(&f, "flowStartSeconds,flowStartMilliseconds", "flowStartMicroseconds,flowStartSeconds");
	struct value_writer w = at(&f, 0);
	value_write_unsigned(&w, 5);
	w = at(&f, 1);
	value_write_unsigned(&w, 5432);
	run(&f);
	assert_int_equal(number(&f, 0), 5432000);
	assert_int_equal(number(&f, 1), 5);
	end(&f);
}

static void test_start_is_not_end(void **state)
{
	struct fixture f;
	begin(&f, "flowStartSeconds", "flowEndSeconds");
	struct value_writer w = at(&f, 0);
	value_write_unsigned(&w, 5);
	run(&f);
	assert_true(is_absent(&f, 0));
	end(&f);
}

static void test_fill_leaves_what_is_there(void **state)
{
	struct fixture f;
	begin(&f, "octetDeltaCount,packetDeltaCount", "packetDeltaCount,octetDeltaCount");
	struct value_writer w = at(&f, 0);
	value_write_unsigned(&w, 1);
	w = at(&f, 1);
	value_write_unsigned(&w, 2);
	struct value_writer into = { f.target, record_batch_append(f.target), 0 };
	value_write_unsigned(&into, 77);
	projection_fill(f.projection, f.source, record_row(f.source, 0), &into);
	assert_int_equal(number(&f, 0), 77);
	assert_int_equal(number(&f, 1), 1);
	end(&f);
}

/* The other direction of a biflow: ends change places, reverse values are forward ones. */
static void test_mirror(void **state)
{
	struct fixture f;
	begin_as(&f, "sourceTransportPort,destinationTransportPort,octetDeltaCount,"
	         "reverseOctetDeltaCount,packetDeltaCount,protocolIdentifier,flowStartSeconds,vlanId",
	         "destinationTransportPort,sourceTransportPort,octetDeltaCount,packetDeltaCount,"
	         "protocolIdentifier,flowStartMilliseconds,reverseOctetDeltaCount", true);
	for (unsigned i = 0; i < 8; i++) {
		struct value_writer w = at(&f, i);
		value_write_unsigned(&w, 10 + i);
	}
	run(&f);
	assert_int_equal(number(&f, 0), 10);
	assert_int_equal(number(&f, 1), 11);
	assert_int_equal(number(&f, 2), 13);
	assert_true(is_absent(&f, 3));          /* its packets are not told */
	assert_int_equal(number(&f, 4), 15);
	assert_int_equal(number(&f, 5), 16000);
	assert_true(is_absent(&f, 6));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_columns_in_another_order),
		cmocka_unit_test(test_absent_stays_absent),
		cmocka_unit_test(test_times_in_every_unit),
		cmocka_unit_test(test_the_finest_unit_is_taken),
		cmocka_unit_test(test_start_is_not_end),
		cmocka_unit_test(test_fill_leaves_what_is_there),
		cmocka_unit_test(test_mirror),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

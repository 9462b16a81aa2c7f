/* SPDX-License-Identifier: Apache-2.0 */
/* csv: header, quoting by RFC 4180, absence, one set of columns a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "rows.h"

struct bench {
	struct rows_file file;
	struct schema *schema;
	struct record_batch *batch;
};

static void bench_open(struct bench *b, const char *names)
{
	struct error err = { "" };
	b->schema = rows_schema(names);
	b->batch = record_batch_new(b->schema, 16);
	rows_open(&b->file, "csv", "");
	assert_int_equal(b->file.output->kind->schema(b->file.output, b->schema, &err), 0);
}

static void bench_close(struct bench *b)
{
	record_batch_release(b->batch);
	schema_free(b->schema);
}

static void put_text(struct bench *b, const char *text)
{
	struct value_writer w = { .batch = b->batch, .row = record_batch_append(b->batch) };
	value_write_octets(&w, text, (uint32_t)strlen(text));
}

static void test_header_and_values(void **state)
{
	struct bench b;
	bench_open(&b, "sourceIPv4Address,sourceIPv6Address,octetDeltaCount,reverseOctetDeltaCount");
	rows_add(b.batch, "192.0.2.1|-|17|0");
	rows_add(b.batch, "-|2001:db8::1|18|-");
	rows_write(&b.file, b.batch);
	assert_string_equal(rows_finish(&b.file),
	                    "sourceIPv4Address,sourceIPv6Address,octetDeltaCount,"
	                    "reverseOctetDeltaCount\n"
	                    "192.0.2.1,,17,0\n"
	                    ",2001:db8::1,18,\n");
	bench_close(&b);
}

static void test_quoting(void **state)
{
	struct bench b;
	bench_open(&b, "interfaceName,vlanId");
	put_text(&b, "plain");
	put_text(&b, "a,b");
	put_text(&b, "say \"no\"");
	put_text(&b, "\"");
	put_text(&b, "");
	rows_write(&b.file, b.batch);
	assert_string_equal(rows_finish(&b.file),
	                    "interfaceName,vlanId\n"
	                    "plain,\n"
	                    "\"a,b\",\n"
	                    "\"say \"\"no\"\"\",\n"
	                    "\"\"\"\",\n"
	                    ",\n");
	bench_close(&b);
}

/* A list is an array in one cell: of protocols 6 and 17, and of the names a and "b" (RFC 6313). */
static void test_lists(void **state)
{
	struct bench b;
	bench_open(&b, "basicList,vlanId");
	rows_add(b.batch, "0400040001" "0611|5");
	rows_add(b.batch, "040052ffff" "0161" "03226222|6");
	rows_add(b.batch, "ff00040001|-");
	rows_write(&b.file, b.batch);
	assert_string_equal(rows_finish(&b.file),
	                    "basicList,vlanId\n"
	                    "\"[6,17]\",5\n"
	                    "\"[\"\"a\"\",\"\"\\\"\"b\\\"\"\"\"]\",6\n"
	                    "[],\n");
	bench_close(&b);
}

/* Where each octet of a list becomes as much text as it can. */
static void test_longest_list(void **state)
{
	struct bench b;
	enum { COUNT = 2000 };
	static uint8_t list[5 + COUNT] = { 4, 0, 82, 0, 1 };
	memset(list + 5, '"', COUNT);
	bench_open(&b, "basicList");
	struct value_writer w = { .batch = b.batch, .row = record_batch_append(b.batch) };
	value_write_octets(&w, list, sizeof list);
	rows_write(&b.file, b.batch);
	const char *text = strchr(rows_finish(&b.file), '\n') + 1;
	/* "[""\""",""\""",...]" and the line's end */
	assert_int_equal(strlen(text), 2 + 2 + COUNT * 7 + COUNT - 1 + 1);
	bench_close(&b);
}

static void test_header_without_records(void **state)
{
	struct bench b;
	bench_open(&b, "vlanId,octetDeltaCount");
	assert_string_equal(rows_finish(&b.file), "vlanId,octetDeltaCount\n");
	bench_close(&b);
}

static void test_other_columns_are_refused(void **state)
{
	struct bench b;
	struct error err = { "" };
	struct schema *same = rows_schema("vlanId"), *other = rows_schema("octetDeltaCount");
	bench_open(&b, "vlanId");
	assert_int_equal(b.file.output->kind->schema(b.file.output, same, &err), 0);
	assert_true(b.file.output->kind->schema(b.file.output, other, &err) < 0);
	assert_non_null(strstr(err.text, "one header"));
	rows_finish(&b.file);
	bench_close(&b);
	schema_free(same);
	schema_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_and_values),
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_longest_list),
		cmocka_unit_test(test_header_without_records),
		cmocka_unit_test(test_other_columns_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

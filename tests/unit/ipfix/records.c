/* SPDX-License-Identifier: Apache-2.0 */
/* See records.h. */
#include "records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct schema *records_schema(const char *names, unsigned scope_count)
{
	struct column_choice choices[COLUMNS_MAX];
	unsigned count = 0;
	struct error err = { "" };
	struct schema *schema;
	if (column_list_parse(names, NULL, choices, &count, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(schema_new(choices, count, scope_count, 0, &schema), 0);
	return schema;
}

void records_row(struct record_batch *batch)
{
	assert_non_null(record_batch_append(batch));
}

static struct value_writer writer(struct record_batch *batch, unsigned column)
{
	return (struct value_writer){ .batch = batch, .row = record_row(batch, batch->count - 1),
	                              .column = column };
}

void records_unsigned(struct record_batch *batch, unsigned column, uint64_t value)
{
	struct value_writer w = writer(batch, column);
	value_write_unsigned(&w, value);
}

void records_octets(struct record_batch *batch, unsigned column, const void *octets, uint32_t bytes)
{
	struct value_writer w = writer(batch, column);
	value_write_octets(&w, octets, bytes);
}

void records_text(struct record_batch *batch, unsigned column, const char *text)
{
	records_octets(batch, column, text, (uint32_t)strlen(text));
}

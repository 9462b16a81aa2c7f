/* SPDX-License-Identifier: Apache-2.0 */
/* Records from texts: see rows.h. */
#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/value_text.h"

struct schema *rows_schema(const char *names)
{
	struct column_choice choices[64];
	unsigned count = 0;
	struct error err = { "" };
	struct schema *schema;
	if (column_list_parse(names, NULL, choices, &count, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(schema_new(choices, count, 0, 0, &schema), 0);
	return schema;
}

void rows_add(struct record_batch *batch, const char *values)
{
	struct value_writer w = { .batch = batch, .row = record_batch_append(batch) };
	struct error err = { "" };
	assert_non_null(w.row);
	for (const char *at = values; w.column < batch->schema->column_count; w.column++) {
		size_t length = strcspn(at, "|");
		bool absent = length == 1 && *at == '-';
		if (!absent && value_from_text(&w, at, length, &err) < 0)
			fail_msg("%s: %s", values, err.text);
		at += length + (at[length] == '|');
	}
}

void rows_open(struct rows_file *f, const char *scheme, const char *parameters)
{
	struct error err = { "" };
	char text[160];
	*f = (struct rows_file){ .folder = "/tmp/weir-print-XXXXXX" };
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof f->path, "%s/out", f->folder);
	snprintf(text, sizeof text, "%s:%s%s", scheme, f->path, parameters);
	assert_int_equal(address_parse(text, &f->address, &err), 0);
	if (output_kind_find(scheme)->open(&f->address, &f->env, &f->output, &err) < 0)
		fail_msg("%s", err.text);
}

void rows_write(struct rows_file *f, const struct record_batch *batch)
{
	struct error err = { "" };
	if (f->output->kind->write(f->output, batch, &err) < 0)
		fail_msg("%s", err.text);
}

const char *rows_finish(struct rows_file *f)
{
	static char text[1 << 20];
	struct error err = { "" };
	struct output_counters c;
	assert_int_equal(f->output->kind->finish(f->output, UINT64_MAX, &err), 0);
	f->output->kind->counters(f->output, &c);
	assert_true(output_counters_balanced(&c));
	assert_int_equal(c.accepted, c.acknowledged);
	f->output->kind->close(f->output);
	FILE *file = fopen(f->path, "rb");
	assert_non_null(file);
	size_t bytes = fread(text, 1, sizeof text - 1, file);
	text[bytes] = '\0';
	fclose(file);
	assert_int_equal(c.octets, bytes);
	unlink(f->path);
	rmdir(f->folder);
	address_fini(&f->address);
	return text;
}

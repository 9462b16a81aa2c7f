/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv: one line a record, one header line a file with the names of the columns. Quoting as in RFC
 * 4180; lines end in a line feed alone, as every tool here writes and reads them. Absent values are
 * empty. One header serves a file, so all records must have the same columns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "print/lines.h"
#include "record/list.h"
#include "record/value_text.h"

extern const struct output_kind output_csv;

enum { COLUMN_NAME_MAX = 256 };

/* A schema, and how long its lines can be. */
struct csv_plan {
	const struct schema *schema;
	size_t fixed_bytes;             /* longest line without variable values */
	bool variable;                  /* some column has a variable length */
};

static void csv_plan_free(void *plan)
{
	free(plan);
}

static int csv_plan_new(struct lines *l, const struct schema *schema, void **ret_plan,
                        struct error *err)
{
	if (l->plan_count) {
		const struct csv_plan *first = l->plans[0].plan;
		if (!schema_equal(first->schema, schema))
			return error_set(err, -EINVAL, "csv has one header a file: it cannot take records "
			                 "of other columns (json can)");
	}
	struct csv_plan *plan = calloc(1, sizeof *plan);
	if (!plan)
		return error_set(err, -ENOMEM, "out of memory for a schema");
	plan->schema = schema;
	for (unsigned i = 0; i < schema->column_count; i++)
		plan->variable |= schema->column[i].variable;
	plan->fixed_bytes = (size_t)schema->column_count * (VALUE_TEXT_FIXED_MAX + 3) + 2;
	*ret_plan = plan;
	return 0;
}

/* An octet of a string becomes at most four ("\xNN"), or two (a quote); of lists
 * each octet of the text may be a quote. */
static size_t csv_bound(struct lines *l, const void *context, const struct record_batch *batch,
                        const uint8_t *row)
{
	const struct csv_plan *plan = context;
	size_t bytes = plan->fixed_bytes;
	if (likely(!plan->variable))
		return bytes;
	for (unsigned i = 0; i < plan->schema->column_count; i++) {
		const struct column *c = &plan->schema->column[i];
		size_t factor = c->field->type == TYPE_BASIC_LIST ? 2 * LIST_JSON_FACTOR : 4;
		uint32_t length;
		if (c->variable && record_is_present(plan->schema, row, i) &&
		    value_read_octets(batch, row, i, &length))
			bytes += factor * length + 3;
	}
	return bytes;
}

/* Puts quotes around a text at `at` that needs them, and doubles those in
 * it; returns the length. */
static size_t quote_in_place(char *at, size_t length)
{
	size_t quotes = 0;
	bool needed = false;
	for (size_t i = 0; i < length; i++) {
		quotes += at[i] == '"';
		needed |= at[i] == '"' || at[i] == ',' || at[i] == '\n' || at[i] == '\r';
	}
	if (!needed)
		return length;
	size_t to = length + quotes + 1;
	at[to] = '"';
	for (size_t i = length; i > 0; i--) {
		at[--to] = at[i - 1];
		if (at[i - 1] == '"')
			at[--to] = '"';
	}
	at[0] = '"';
	return length + quotes + 2;
}

/* Only texts can need quotes; they are put in afterwards, where the value stands. */
static size_t csv_line(struct lines *l, void *context, const struct record_batch *batch,
                       const uint8_t *row, char *start)
{
	const struct csv_plan *plan = context;
	const struct schema *schema = batch->schema;
	const char *end = start + csv_bound(l, plan, batch, row);
	char *at = start;
	for (unsigned i = 0; i < schema->column_count; i++) {
		if (i > 0)
			*at++ = ',';
		if (!record_is_present(schema, row, i))
			continue;
		size_t length = value_to_text(batch, row, i, at, (size_t)(end - at));
		at += schema->column[i].variable ? quote_in_place(at, length) : length;
	}
	*at++ = '\n';
	return (size_t)(at - start);
}

static int csv_head(struct lines *l, const void *context, struct error *err)
{
	const struct csv_plan *plan = context;
	if (!plan)
		return 0;
	size_t bound = (size_t)plan->schema->column_count * (COLUMN_NAME_MAX + 1) + 1;
	char *start = (char *)file_writer_room(l->file, bound, err);
	if (!start)
		return -EIO;
	char *at = start;
	for (unsigned i = 0; i < plan->schema->column_count; i++) {
		const struct column *c = &plan->schema->column[i];
		if (i > 0)
			*at++ = ',';
		at += field_column_name(c->field, c->reverse, at, COLUMN_NAME_MAX);
	}
	*at++ = '\n';
	file_writer_commit(l->file, (size_t)(at - start), 0);
	return 0;
}

static const struct line_format csv_format = {
	.kind = &output_csv,
	.plan_new = csv_plan_new, .plan_free = csv_plan_free, .bound = csv_bound, .line = csv_line,
	.head = csv_head,
};

static int csv_open(const struct address *address, const struct output_env *env,
                    struct output **ret, struct error *err)
{
	struct lines *l = calloc(1, sizeof *l);
	if (!l)
		return error_set(err, -ENOMEM, "%s: out of memory", address->text);
	int rc = lines_open(l, &csv_format, address, env, err);
	if (rc < 0) {
		free(l);
		return rc;
	}
	*ret = &l->output;
	return 0;
}

static void csv_close(struct output *output)
{
	struct lines *l = container_of(output, struct lines, output);
	lines_fini(l);
	free(l);
}

static const char *const csv_parameters[] = { FILE_PARAMETERS, NULL };

const struct output_kind output_csv = {
	.scheme = "csv",
	.help = "comma-separated values with a header line, to a file or - (standard output)",
	.parameters = csv_parameters,
	.fixed_columns = true,
	.open = csv_open,
	.schema = lines_schema,
	.write = lines_write,
	.tick = lines_tick,
	.reopen = lines_reopen,
	.finish = lines_finish,
	.counters = lines_counters,
	.close = csv_close,
};

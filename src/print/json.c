/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: one object a line. A schema is compiled into a plan: each column with its ready-made
 * `,"name":` and the way its value is read; a line is then a sequence of copies and digits, without
 * printf. Absent values are left out; an element that is there several times is an array. Numbers
 * are numbers; with int64=string those of 64 bits are texts, for readers that would lose digits.
 * How each type is spelt is said in record/value_text.h.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "print/lines.h"
#include "record/list.h"
#include "record/value_text.h"

extern const struct output_kind output_json;

enum json_step {                        /* how a value is read and written */
	STEP_U8, STEP_U16, STEP_U32, STEP_U64, STEP_U64_TEXT, STEP_S64_TEXT, STEP_IPV4, STEP_IPV6,
	STEP_FLOAT, STEP_OTHER
};

/* How one column is written. */
struct json_column {
	uint16_t offset;                /* of the value in the row */
	uint16_t presence;              /* octet of the row that has the presence bit */
	uint8_t presence_mask;
	uint8_t step;                   /* enum json_step */
	uint16_t index;                 /* in the schema */
	uint16_t again;                 /* the next column of the same element; 0: none */
	bool later;                     /* not the first: written with that */
	uint32_t name_at, name_bytes;   /* in json_plan.names */
};

/* A schema compiled into copies. */
struct json_plan {
	char *names;                    /* `,"octetDeltaCount":` one after the other */
	size_t fixed_bytes;             /* longest line without variable values */
	bool variable;                  /* some column has a variable length */
	unsigned count;
	struct json_column columns[];
};

/* The output. */
struct json_output {
	struct lines lines;
	bool int64_text;
};

/* The steps are those that occur in most records; the rest goes by value_to_json(), which knows all
 * types. */
static enum json_step step_of(const struct column *c, bool int64_text)
{
	switch ((enum field_type)c->field->type) {
	case TYPE_U8: return STEP_U8;
	case TYPE_U16: return STEP_U16;
	case TYPE_U32: case TYPE_SECONDS: return STEP_U32;
	case TYPE_U64: case TYPE_MILLISECONDS: case TYPE_MICROSECONDS: case TYPE_NANOSECONDS:
		return int64_text ? STEP_U64_TEXT : STEP_U64;
	case TYPE_S64: return int64_text ? STEP_S64_TEXT : STEP_OTHER;
	case TYPE_IPV4: return STEP_IPV4;
	case TYPE_IPV6: return STEP_IPV6;
	case TYPE_FLOAT32: case TYPE_FLOAT64: return STEP_FLOAT;
	default: return STEP_OTHER;
	}
}

/* Names of elements are letters, digits and underscores: nothing to escape. */
static size_t put_name(const struct column *c, char *at)
{
	char name[256];
	size_t length = field_column_name(c->field, c->reverse, name, sizeof name);
	memcpy(at, ",\"", 2);
	memcpy(at + 2, name, length);
	memcpy(at + 2 + length, "\":", 2);
	return length + 4;
}

/* Links the columns of an element that stands in a record several times. */
static void link_repeated(struct json_plan *plan, const struct schema *schema)
{
	for (unsigned i = 1; i < plan->count; i++)
		for (unsigned k = i; k-- > 0;) {
			const struct column *a = &schema->column[i], *b = &schema->column[k];
			if (a->field != b->field || a->reverse != b->reverse)
				continue;
			plan->columns[k].again = (uint16_t)i;
			plan->columns[i].later = true;
			break;
		}
}

static void json_plan_free(void *plan)
{
	struct json_plan *p = plan;
	free(p->names);
	free(p);
}

/* Names lie behind one another in the order of columns, each with its comma, quotes and colon: a
 * member is two copies. */
static int json_plan_new(struct lines *l, const struct schema *schema, void **ret_plan,
                         struct error *err)
{
	const struct json_output *o = container_of(l, struct json_output, lines);
	struct json_plan *plan = calloc(
		1, sizeof *plan + schema->column_count * sizeof plan->columns[0]);
	char *names = malloc((size_t)schema->column_count * 264 + 1);
	if (!plan || !names) {
		free(plan);
		free(names);
		return error_set(err, -ENOMEM, "out of memory for a schema");
	}
	uint32_t at = 0;
	for (unsigned i = 0; i < schema->column_count; i++) {
		const struct column *c = &schema->column[i];
		uint32_t bytes = (uint32_t)put_name(c, names + at);
		plan->columns[i] = (struct json_column){
			.offset = c->offset, .index = (uint16_t)i, .name_at = at, .name_bytes = bytes,
			.presence = (uint16_t)(schema->presence_offset + i / 8),
			.presence_mask = (uint8_t)(1u << i % 8), .step = (uint8_t)step_of(c, o->int64_text),
		};
		at += bytes;
		plan->variable |= c->variable;
	}
	plan->count = schema->column_count;
	plan->names = names;
	link_repeated(plan, schema);
	plan->fixed_bytes = at + (size_t)plan->count * VALUE_TEXT_FIXED_MAX + sizeof "{}\n";
	*ret_plan = plan;
	return 0;
}

/* An octet of a string becomes at most six ("\u00NN"), one in a list of strings nine. */
static size_t json_bound(struct lines *l, const void *context, const struct record_batch *batch,
                         const uint8_t *row)
{
	const struct json_plan *plan = context;
	size_t bytes = plan->fixed_bytes;
	if (likely(!plan->variable))
		return bytes;
	for (unsigned i = 0; i < plan->count; i++) {
		uint32_t length;
		if (batch->schema->column[i].variable && record_is_present(batch->schema, row, i) &&
		    value_read_octets(batch, row, i, &length))
			bytes += LIST_JSON_FACTOR * (size_t)length + 3;
	}
	return bytes;
}

/* Quotes around the text that stands at at + 1. */
static char *put_quotes(char *at, size_t length)
{
	*at = '"';
	at[length + 1] = '"';
	return at + length + 2;
}

struct json_row {                       /* being written */
	const struct json_plan *plan;
	const struct record_batch *batch;
	const uint8_t *row;
	const char *end;                /* of the room for its line */
};

static char *put_value(const struct json_row *r, const struct json_column *c, char *at)
{
	const uint8_t *value = r->row + c->offset;
	uint16_t u16;
	switch ((enum json_step)c->step) {
	case STEP_U8:
		return at + value_format_unsigned(*value, at);
	case STEP_U16:
		memcpy(&u16, value, sizeof u16);
		return at + value_format_unsigned(u16, at);
	case STEP_U32:
		return at + value_format_unsigned(load_32(value), at);
	case STEP_U64:
		return at + value_format_unsigned(load_64(value), at);
	case STEP_U64_TEXT:
		return put_quotes(at, value_format_unsigned(load_64(value), at + 1));
	case STEP_S64_TEXT:
		return put_quotes(at, value_format_signed((int64_t)load_64(value), at + 1));
	case STEP_IPV4:
		return put_quotes(at, value_format_ipv4(value, at + 1));
	case STEP_IPV6:
		return put_quotes(at, value_format_ipv6(value, at + 1));
	case STEP_FLOAT:
	case STEP_OTHER:
		break;
	}
	return at + value_to_json(r->batch, r->row, c->index, at, (size_t)(r->end - at));
}

/* A number without a spelling is left out, as what is absent is. */
static bool is_written(const struct json_row *r, const struct json_column *c)
{
	if (!(r->row[c->presence] & c->presence_mask))
		return false;
	/* JSON has no infinity and no NaN */
	return c->step != STEP_FLOAT ||
	       isfinite(value_read_double(r->batch->schema, r->row, c->index));
}

/* The values of an element that is there several times: [1,2]. */
static char *put_array(const struct json_row *r, const struct json_column *c, char *at)
{
	char *start = at;
	*at++ = '[';
	for (; c; c = c->again ? &r->plan->columns[c->again] : NULL) {
		if (!is_written(r, c))
			continue;
		if (at > start + 1)
			*at++ = ',';
		at = put_value(r, c, at);
	}
	*at++ = ']';
	return at;
}

static bool any_is_written(const struct json_row *r, const struct json_column *c)
{
	while (c->again && !is_written(r, c))
		c = &r->plan->columns[c->again];
	return is_written(r, c);
}

/* Of an element that is there several times the first column writes the array, and the later ones
 * nothing. */
static char *put_column(const struct json_row *r, const struct json_column *c, char *at)
{
	if (unlikely(c->again || c->later) ? c->later || !any_is_written(r, c) : !is_written(r, c))
		return at;
	memcpy(at, r->plan->names + c->name_at, c->name_bytes);
	at += c->name_bytes;
	return c->again ? put_array(r, c, at) : put_value(r, c, at);
}

/* Each member brings its own comma; the first one's place becomes the brace. */
static size_t json_line(struct lines *l, void *context, const struct record_batch *batch,
                        const uint8_t *row, char *start)
{
	const struct json_plan *plan = context;
	const struct json_row r = { plan, batch, row, start + json_bound(l, plan, batch, row) };
	char *at = start;
	for (unsigned i = 0; i < plan->count; i++)
		at = put_column(&r, &plan->columns[i], at);
	if (at == start)
		at++;
	*start = '{';                   /* in the place of the first comma */
	memcpy(at, "}\n", 2);
	return (size_t)(at + 2 - start);
}

static const struct line_format json_format = {
	.kind = &output_json,
	.plan_new = json_plan_new, .plan_free = json_plan_free, .bound = json_bound, .line = json_line,
};

static int json_open(const struct address *address, const struct output_env *env,
                     struct output **ret, struct error *err)
{
	struct json_output *o = calloc(1, sizeof *o);
	if (!o)
		return error_set(err, -ENOMEM, "%s: out of memory", address->text);
	int rc = 0;
	const char *int64 = address_parameter(address, "int64");
	if (int64 && strcmp(int64, "string") != 0 && strcmp(int64, "number") != 0)
		rc = error_set(err, -EINVAL, "%s: int64 is \"%s\", expected number or string",
		               address->text, int64);
	o->int64_text = int64 && strcmp(int64, "string") == 0;
	if (rc == 0)
		rc = lines_open(&o->lines, &json_format, address, env, err);
	if (rc < 0) {
		free(o);
		return rc;
	}
	*ret = &o->lines.output;
	return 0;
}

static void json_close(struct output *output)
{
	struct json_output *o = container_of(output, struct json_output, lines.output);
	lines_fini(&o->lines);
	free(o);
}

static const char *const json_parameters[] = {
	"int64", "number|string",
	"64-bit integers as numbers, or as texts for readers that lose digits",
	FILE_PARAMETERS,
	NULL
};

const struct output_kind output_json = {
	.scheme = "json",
	.help = "one JSON object a line, to a file or - (standard output)",
	.parameters = json_parameters,
	.open = json_open,
	.schema = lines_schema,
	.write = lines_write,
	.tick = lines_tick,
	.reopen = lines_reopen,
	.finish = lines_finish,
	.counters = lines_counters,
	.close = json_close,
};

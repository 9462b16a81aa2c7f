/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table: for people. With the standard fields a record is shown as a flow: two ends with an arrow,
 * human units; further fields follow as columns of their own. With a choice of fields that lacks
 * the ends or the counters, every field is a column under its short name.
 *
 * Records stream, so widths are guesses: IPv4 at first. On a terminal a cell that needs more makes
 * its column wider for the rest, under a new header; columns that do not fit are left out.
 * Elsewhere widths stay and a longer cell pushes its line to the right, so that lines can be
 * compared and cut up.
 * Neighbours: table_cells.c, table_layout.c, lines.c.
 */
#include "print/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/compiler.h"
#include "print/lines.h"

extern const struct output_kind output_table;

enum { STYLE_BYTES = 16, SCREEN_COLUMNS = 80, SCREEN_LINES = 24, SCREEN_COLUMNS_MAX = 4096 };

/* A schema as columns of a table. */
struct table_plan {
	struct flow_columns flow;
	unsigned count;
	struct table_column columns[];
};

/* The output, and the screen that it writes to. */
struct table_output {
	struct lines lines;
	struct table_clock clock;
	const struct table_plan *headed;        /* whose header was printed last; NULL: header is due */
	unsigned since_header;          /* lines */
	unsigned screen_columns, screen_lines;  /* of the terminal; TABLE_UNLIMITED when it is none */
	bool colour;
};

/* What a column of the flow view is like. Widths fit IPv4 and the usual; `keep`
 * orders what goes first. */
static const struct table_column flow_cells[] = {
	{ "START", CELL_START, .keep = 60, .needed = 12, .most = 12, .wanted = true },
	{ "DUR", CELL_DURATION, .keep = 50, .needed = 6, .most = 7, .right = true, .wanted = true },
	{ "PROTO", CELL_PROTOCOL, .keep = 110, .needed = 5, .most = 5, .wanted = true },
	{ "SOURCE", CELL_SOURCE, .keep = 201, .needed = 21, .least = 21, .most = 53, .wanted = true },
	{ "", CELL_ARROW, .keep = 200, .needed = 3, .most = 3, .wanted = true },
	{ "DESTINATION", CELL_DESTINATION, .keep = 201, .needed = 21, .least = 21, .most = 53,
	  .wanted = true },
	{ "VLAN", CELL_VLAN, .keep = 70, .needed = 4, .most = 9 },
	{ "IF", CELL_INTERFACE, .keep = 20, .needed = 3, .most = 10, .right = true },
	{ "PKT->", CELL_PACKETS, .keep = 120, .needed = 5, .most = 5, .right = true, .wanted = true },
	{ "<-PKT", CELL_REVERSE_PACKETS, .keep = 120, .needed = 5, .most = 5, .right = true,
	  .wanted = true },
	{ "OCT->", CELL_OCTETS, .keep = 130, .needed = 5, .most = 5, .right = true, .wanted = true },
	{ "<-OCT", CELL_REVERSE_OCTETS, .keep = 130, .needed = 5, .most = 5, .right = true,
	  .wanted = true },
	{ "END", CELL_END, .keep = 40, .needed = 6, .most = 6, .wanted = true },
	{ "FLAGS", CELL_FLAGS, .keep = 30, .needed = 9, .most = 17, .wanted = true },
};

/* --- plans --- */

/* Characters that most values of a type need. */
static uint8_t usual_width(enum field_type type)
{
	switch (type) {
	case TYPE_U8: case TYPE_S8: return 3;
	case TYPE_U16: case TYPE_S16: case TYPE_BOOLEAN: return 5;
	case TYPE_SECONDS: case TYPE_MILLISECONDS: case TYPE_MICROSECONDS: case TYPE_NANOSECONDS:
		return 12;
	case TYPE_IPV4: return 15;
	case TYPE_IPV6: return 24;
	case TYPE_MAC: return 17;
	case TYPE_STRING: case TYPE_OCTET_ARRAY: return 16;
	default: return 8;
	}
}

static bool is_text(enum field_type type)
{
	return type == TYPE_STRING || type == TYPE_OCTET_ARRAY || type == TYPE_IPV4 ||
	       type == TYPE_IPV6 || type == TYPE_MAC;
}

/* Any column by its short name: as wide as its head and the usual value. */
static void field_cell(struct table_column *cell, const struct column *column, unsigned index)
{
	enum field_type type = (enum field_type)column->field->type;
	const char *name = *column->field->short_name ? column->field->short_name : column->field->name;
	*cell = (struct table_column){
		.kind = CELL_FIELD, .field = (uint16_t)index, .keep = 10, .right = !is_text(type),
		.wanted = true, .most = 60, .needed = usual_width(type),
	};
	int wide = snprintf(cell->head, sizeof cell->head, "%s%.36s",
	                    column->reverse ? "<-" : "", name);
	if (wide > cell->needed)
		cell->needed = (uint8_t)wide;
}

/* A cell is there when the schema has what it is made of. */
static bool schema_has_cell(const struct flow_columns *f, enum cell_kind kind)
{
	switch (kind) {
	case CELL_START: return f->start >= 0;
	case CELL_DURATION: return f->start >= 0 && f->end >= 0;
	case CELL_VLAN: return f->vlan >= 0 || f->inner_vlan >= 0;
	case CELL_INTERFACE: return f->interface >= 0;
	case CELL_REVERSE_PACKETS: return f->reverse_packets >= 0;
	case CELL_REVERSE_OCTETS: return f->reverse_octets >= 0;
	case CELL_END: return f->reason >= 0;
	case CELL_FLAGS: return f->flags >= 0 || f->icmp4 >= 0 || f->icmp6 >= 0;
	default: return true;
	}
}

/* VLANs are shown from the first line on where widths cannot change any more. */
static void add_flow_cells(struct table_plan *plan, bool all)
{
	for (unsigned i = 0; i < array_count(flow_cells); i++) {
		if (!schema_has_cell(&plan->flow, (enum cell_kind)flow_cells[i].kind))
			continue;
		struct table_column *cell = &plan->columns[plan->count++];
		*cell = flow_cells[i];
		if (all && cell->kind == CELL_VLAN) {
			cell->wanted = true;
			cell->needed = cell->most;
		}
	}
}

static int table_plan_new(struct lines *l, const struct schema *schema, void **ret_plan,
                          struct error *err)
{
	const struct table_output *o = container_of(l, struct table_output, lines);
	unsigned most = schema->column_count + array_count(flow_cells);
	struct table_plan *plan = calloc(1, sizeof *plan + most * sizeof plan->columns[0]);
	if (!plan)
		return error_set(err, -ENOMEM, "out of memory for a schema");
	bool flow_view = flow_columns_find(schema, &plan->flow);
	if (flow_view)
		add_flow_cells(plan, o->screen_columns == TABLE_UNLIMITED);
	for (unsigned i = 0; i < schema->column_count; i++)
		if (!flow_view || !flow_columns_cover(&plan->flow, (int)i))
			field_cell(&plan->columns[plan->count++], &schema->column[i], i);
	table_layout(plan->columns, plan->count, o->screen_columns);
	*ret_plan = plan;
	return 0;
}

static void table_plan_free(void *plan)
{
	free(plan);
}

/* --- the terminal --- */

static unsigned number_from_environment(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);
	unsigned long number = text ? strtoul(text, NULL, 10) : 0;
	return number > 0 && number <= SCREEN_COLUMNS_MAX ? (unsigned)number : otherwise;
}

/* The size may change while the table runs, so it is looked at again for each header. NO_COLOR and
 * TERM=dumb are heeded. */
static void look_at_screen(struct table_output *o)
{
	int fd = file_writer_descriptor(o->lines.file);
	struct winsize size = { 0 };
	o->screen_columns = TABLE_UNLIMITED;
	o->colour = false;
	if (fd < 0 || !isatty(fd))
		return;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		size = (struct winsize){ 0 };
	o->screen_columns = size.ws_col ? size.ws_col
		: number_from_environment("COLUMNS", SCREEN_COLUMNS);
	o->screen_lines = size.ws_row ? size.ws_row : number_from_environment("LINES", SCREEN_LINES);
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
	o->colour = !(no_colour && *no_colour) && !(terminal && strcmp(terminal, "dumb") == 0);
}

/* --- lines --- */

static char *put_spaces(char *at, size_t count)
{
	memset(at, ' ', count);
	return at + count;
}

static char *put_text(char *at, const char *text)
{
	size_t length = strlen(text);
	memcpy(at, text, length);
	return at + length;
}

static const char *style_of(const struct table_column *c)
{
	switch ((enum cell_kind)c->kind) {
	case CELL_START: case CELL_DURATION: case CELL_END: case CELL_FLAGS: return "\033[2m";
	case CELL_PROTOCOL: return "\033[36m";
	case CELL_ARROW: return c->text[0] == '<' ? "\033[32m" : "\033[33m";
	default: return "";
	}
}

/* Colours take no width; so blanks are counted by the text, and stand outside of the colour for
 * what is on the left. */
static char *put_cell(const struct table_output *o, const struct table_column *c, bool last,
                      char *at)
{
	const char *style = o->colour ? style_of(c) : "";
	size_t blank = c->wide < c->width ? c->width - c->wide : 0;
	if (c->right)
		at = put_spaces(at, blank);
	at = put_text(at, style);
	if (o->screen_columns == TABLE_UNLIMITED) {
		memcpy(at, c->text, c->bytes);
		at += c->bytes;
	} else {
		at += table_shorten(c, at);
	}
	if (*style)
		at = put_text(at, "\033[0m");
	return c->right || last ? at : put_spaces(at, blank);
}

static char *put_row(const struct table_output *o, const struct table_plan *plan, char *at)
{
	unsigned last = 0;
	for (unsigned i = 0; i < plan->count; i++)
		if (plan->columns[i].shown)
			last = i;
	char *start = at;
	for (unsigned i = 0; i < plan->count; i++) {
		const struct table_column *c = &plan->columns[i];
		if (!c->shown)
			continue;
		if (at != start)
			*at++ = ' ';
		at = put_cell(o, c, i == last, at);
	}
	*at++ = '\n';
	return at;
}

static char *put_header(const struct table_output *o, const struct table_plan *plan, char *at)
{
	char *start = at;
	if (o->colour)
		at = put_text(at, "\033[1m");
	char *first = at;
	for (unsigned i = 0; i < plan->count; i++) {
		const struct table_column *c = &plan->columns[i];
		size_t length = strlen(c->head), blank = length < c->width ? c->width - length : 0;
		if (!c->shown)
			continue;
		if (at != first)
			*at++ = ' ';
		if (c->right)
			at = put_spaces(at, blank);
		at = put_text(at, c->head);
		if (!c->right)
			at = put_spaces(at, blank);
	}
	while (at > start && at[-1] == ' ')
		at--;
	if (o->colour)
		at = put_text(at, "\033[0m");
	*at++ = '\n';
	return at;
}

static size_t table_bound(struct lines *l, const void *context, const struct record_batch *batch,
                          const uint8_t *row)
{
	const struct table_plan *plan = context;
	return 2 * (plan->count * (size_t)(CELL_BYTES + UINT8_MAX + STYLE_BYTES) + STYLE_BYTES);
}

static size_t table_line(struct lines *l, void *context, const struct record_batch *batch,
                         const uint8_t *row, char *start)
{
	struct table_output *o = container_of(l, struct table_output, lines);
	struct table_plan *plan = context;
	bool terminal = o->screen_columns != TABLE_UNLIMITED;
	bool due = o->headed != plan || (terminal && o->since_header + 1 >= o->screen_lines);
	for (unsigned i = 0; i < plan->count; i++)
		table_cell_fill(&plan->columns[i], &plan->flow, &o->clock, batch, row);
	due |= terminal && table_grow(plan->columns, plan->count);
	char *at = start;
	if (due) {
		look_at_screen(o);
		table_layout(plan->columns, plan->count, o->screen_columns);
		at = put_header(o, plan, at);
		o->headed = plan;
		o->since_header = 1;
	}
	o->since_header++;
	at = put_row(o, plan, at);
	return (size_t)(at - start);
}

/* The header comes with the first record, when it is known how wide it must be. */
static int table_head(struct lines *l, const void *plan, struct error *err)
{
	container_of(l, struct table_output, lines)->headed = NULL;
	return 0;
}

static const struct line_format table_format = {
	.kind = &output_table,
	.plan_new = table_plan_new, .plan_free = table_plan_free, .bound = table_bound,
	.line = table_line, .head = table_head,
};

/* --- the kind --- */

static int table_open(const struct address *address, const struct output_env *env,
                      struct output **ret, struct error *err)
{
	struct table_output *o = calloc(1, sizeof *o);
	if (!o)
		return error_set(err, -ENOMEM, "%s: out of memory", address->text);
	int rc = lines_open(&o->lines, &table_format, address, env, err);
	if (rc < 0) {
		free(o);
		return rc;
	}
	look_at_screen(o);
	*ret = &o->lines.output;
	return 0;
}

static void table_close(struct output *output)
{
	struct table_output *o = container_of(output, struct table_output, lines.output);
	lines_fini(&o->lines);
	free(o);
}

static const char *const table_parameters[] = { FILE_PARAMETERS, NULL };

const struct output_kind output_table = {
	.scheme = "table",
	.help = "aligned columns for people, as wide as the terminal",
	.parameters = table_parameters,
	.fixed_columns = true,
	.open = table_open,
	.schema = lines_schema,
	.write = lines_write,
	.tick = lines_tick,
	.reopen = lines_reopen,
	.finish = lines_finish,
	.counters = lines_counters,
	.close = table_close,
};

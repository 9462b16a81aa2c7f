/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir fields [PATTERN]...`: the field table for readers. On a terminal aligned, the meaning
 * wrapped to its width; otherwise one line a field, separated by tabs, for grep and cut.
 */
#include <fnmatch.h>
#include <string.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "record/field.h"

enum { COLUMN_NUMBER, COLUMN_NAME, COLUMN_TYPE, COLUMN_UNIT, COLUMN_COUNT, MEANING_MIN = 20 };

struct view {                           /* how fields are printed */
	bool terminal;
	unsigned screen;                /* columns of the terminal */
	unsigned widths[COLUMN_COUNT];  /* of each column but the last */
};

static bool matches(const char *name, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strpbrk(argv[i], "*?[") ? fnmatch(argv[i], name, FNM_CASEFOLD) == 0
		                            : strcasestr(name, argv[i]) != NULL)
			return true;
	return argc == 0;
}

static const char *cell(const struct field *f, unsigned column, char *buffer, size_t size)
{
	switch (column) {
	case COLUMN_NUMBER:
		snprintf(buffer, size, "%u/%u", (unsigned)f->pen, (unsigned)f->id);
		return buffer;
	case COLUMN_NAME:
		return f->name;
	case COLUMN_TYPE:
		return field_type_name(f->type);
	default:
		return f->unit;
	}
}

static void measure(struct view *view, const struct field *f)
{
	char buffer[32];
	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		unsigned length = (unsigned)strlen(cell(f, i, buffer, sizeof buffer));
		if (length > view->widths[i])
			view->widths[i] = length;
	}
}

static void print_meaning(const struct view *view, const char *text, unsigned at)
{
	if (at + MEANING_MIN <= view->screen) {
		text_print_wrapped(stdout, text, at, at, view->screen);
		return;
	}
	printf("\n    ");
	text_print_wrapped(stdout, text, 4, 4, view->screen);
}

static void print_row(const struct view *view, const struct field *f)
{
	char buffer[32];
	unsigned at = 0;
	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		const char *text = cell(f, i, buffer, sizeof buffer);
		if (view->terminal)
			at += (unsigned)printf("%-*s  ", (int)view->widths[i], text);
		else
			printf("%s\t", text);
	}
	if (view->terminal)
		print_meaning(view, f->text, at);
	else
		printf("%s\n", f->text);
}

static void print_head(const struct view *view)
{
	static const char *const heads[COLUMN_COUNT] = { "NUMBER", "NAME", "TYPE", "UNIT" };
	unsigned at = 0;
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		at += (unsigned)printf("%-*s  ", (int)view->widths[i], heads[i]);
	print_meaning(view, "MEANING", at);
}

/* Nothing matched: a name of the other direction, a misspelt one, or neither. */
static int explain_nothing(const char *pattern)
{
	bool reverse = false;
	const struct field *forward = field_find(pattern, strlen(pattern), &reverse);
	const char *near = field_suggest(pattern);
	if (forward && reverse)
		command_fail("%s is %s of the other direction (RFC 5103); see: weir fields %s", pattern,
		             forward->name, forward->name);
	else
		command_fail("no field matches '%.100s'%s%s%s", pattern, near ? "; did you mean " : "",
		             near ? near : "; `weir fields` lists all", near ? "?" : "");
	return STATUS_FAILED;
}

/* Twice over the table: widths first, when a person reads. */
static int fields_run(int argc, char **argv)
{
	struct view view = {
		.terminal = terminal_is(stdout), .screen = terminal_width(stdout, 200),
		.widths = { 6, 4, 4, 4 },       /* of the heads */
	};
	unsigned count = 0;
	int status = command_check_words("fields", argc, argv, argc);
	if (status != STATUS_FINE)
		return status;
	for (unsigned i = 0; i < field_count; i++)
		if (matches(field_table[i].name, argc, argv)) {
			measure(&view, &field_table[i]);
			count++;
		}
	if (count == 0)
		return explain_nothing(argc > 0 ? argv[0] : "");
	if (view.terminal)
		print_head(&view);
	for (unsigned i = 0; i < field_count; i++)
		if (matches(field_table[i].name, argc, argv))
			print_row(&view, &field_table[i]);
	return STATUS_FINE;
}

static const struct topic topics[] = {
	{ "Columns", "number (enterprise/element; enterprise 0 is IANA's registry), name, type, unit, "
	             "meaning; aligned on a terminal, else separated by tabs. The other direction of a "
	             "field is written with the prefix reverse (RFC 5103): reverseOctetDeltaCount." },
	{ "Exit status", "0 when something matched, 1 when nothing did, 2 for a mistake in the "
	                 "arguments." },
	{ 0 },
};
static const struct example examples[] = {
	{ "weir fields", "all fields" },
	{ "weir fields tcp", "fields with tcp in their name, capitals or not" },
	{ "weir fields 'flow*Microseconds'", "by patterns as the shell has them" },
	{ 0 },
};

const struct command command_fields = {
	.name = "fields",
	.help = "list the fields a record can have: number, name, type, unit, meaning",
	.synopsis = "[PATTERN]...",
	.text = "Lists the fields that records can have, those whose name contains PATTERN or matches "
	        "it as a glob pattern, or all. The names are the ones used by --fields, JSON keys, CSV "
	        "heads and IPFIX.",
	.topics = topics,
	.examples = examples,
	.run = fields_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* A table of options for readers: --help on a terminal and man(7) source. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/option_set.h"
#include "base/text.h"

enum { HELP_COLUMN = 31 };              /* where the meaning starts */

/* Appends to a buffer of `size`; returns the new length, cut at size - 1. */
__attribute__((format(printf, 4, 5)))
static size_t append(char *buffer, size_t length, size_t size, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(buffer + length, size - length, format, ap);
	va_end(ap);
	if (n < 0)
		return length;
	return length + ((size_t)n < size - length ? (size_t)n : size - length - 1);
}

size_t option_argument(const struct option *option, char *buffer, size_t size)
{
	size_t length = 0;
	if (size == 0)
		return 0;
	buffer[0] = '\0';
	if (!option_takes_value(option))
		return 0;
	if (option->argument || option->type != OPTION_CHOICE)
		return append(buffer, 0, size, "%s", option->argument ? option->argument : "VALUE");
	for (unsigned i = 0; option->choices[i]; i++)
		length = append(buffer, length, size, "%s%s", i ? "|" : "", option->choices[i]);
	return length;
}

/* The help line with what the table knows besides: default and repetition. */
static void describe(const struct option *option, char *buffer, size_t size)
{
	size_t length = append(buffer, 0, size, "%s", option->help);
	if (option->type == OPTION_LIST)
		length = append(buffer, length, size, " (repeatable)");
	if (option->default_text && option_takes_value(option))
		append(buffer, length, size, " (default: %s)", option->default_text);
}

const struct option *option_on_line(const struct option *option)
{
	while (option && option->name && option->type == OPTION_ENTRIES)
		option++;
	return option;
}

static void print_left(FILE *out, const char *left, size_t length)
{
	if (length + 2 > HELP_COLUMN)
		fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
	else
		fprintf(out, "%-*s", HELP_COLUMN, left);
}

/* "  - name: NAME    text": as it stands in a file. */
static void print_entry_help(const struct option *entries, FILE *out, unsigned width)
{
	fprintf(out, "\nIn the configuration file only:\n  %s:%*s", entries->name,
	        (int)(HELP_COLUMN - 3 - strlen(entries->name)), "");
	text_print_wrapped(out, entries->help, HELP_COLUMN, HELP_COLUMN, width);
	for (const struct option *o = entries->entry->table; o->name; o++) {
		char argument[200], left[300], text[500];
		option_argument(o, argument, sizeof argument);
		describe(o, text, sizeof text);
		size_t length = append(left, 0, sizeof left, "  %c %s: %s",
		                       o == entries->entry->table ? '-' : ' ', o->name,
		                       *argument ? argument : "true");
		print_left(out, left, length);
		text_print_wrapped(out, text, HELP_COLUMN, HELP_COLUMN, width);
	}
}

void option_print_help(const struct option *table, FILE *out, unsigned width)
{
	const char *group = NULL;
	for (const struct option *o = option_on_line(table); o->name; o = option_on_line(o + 1)) {
		char argument[200], left[300], text[500];
		if (o->group && (!group || strcmp(o->group, group) != 0)) {
			fprintf(out, "%s%s:\n", group ? "\n" : "", o->group);
			group = o->group;
		}
		option_argument(o, argument, sizeof argument);
		describe(o, text, sizeof text);
		const char letter[] = { '-', o->letter, ',', 0 };
		size_t length = append(left, 0, sizeof left, "  %3s --%s%s%s", o->letter ? letter : "",
		                       o->name, *argument ? " " : "", argument);
		print_left(out, left, length);
		text_print_wrapped(out, text, HELP_COLUMN, HELP_COLUMN, width);
	}
	for (const struct option *o = table; o->name; o++)
		if (o->type == OPTION_ENTRIES)
			print_entry_help(o, out, width);
}

void option_print_troff(const char *text, FILE *out)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\n' && (text[1] == '.' || text[1] == '\''))
			fputs("\n\\&", out);
		else
			fputc(*text, out);
	}
}

static void print_meaning(const struct option *option, FILE *out)
{
	char argument[200], text[500];
	option_argument(option, argument, sizeof argument);
	describe(option, text, sizeof text);
	if (*argument) {
		fputs(" \\fI", out);
		option_print_troff(argument, out);
		fputs("\\fR", out);
	}
	fputc('\n', out);
	option_print_troff(text, out);
	fputc('\n', out);
}

static void print_entry_manual(const struct option *entries, FILE *out)
{
	fprintf(out, ".SS In the configuration file only\n.TP\n\\fB%s:\\fR\n", entries->name);
	option_print_troff(entries->help, out);
	fputs("\n.RS\n", out);
	for (const struct option *o = entries->entry->table; o->name; o++) {
		fputs(".TP\n\\fB", out);
		option_print_troff(o->name, out);
		fputs(":\\fR", out);
		print_meaning(o, out);
	}
	fputs(".RE\n", out);
}

void option_print_manual(const struct option *table, FILE *out)
{
	const char *group = NULL;
	for (const struct option *o = option_on_line(table); o->name; o = option_on_line(o + 1)) {
		if (o->group && (!group || strcmp(o->group, group) != 0)) {
			fprintf(out, ".SS %s\n", o->group);
			group = o->group;
		}
		fputs(".TP\n", out);
		if (o->letter)
			fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
		fputs("\\fB\\-\\-", out);
		option_print_troff(o->name, out);
		fputs("\\fR", out);
		print_meaning(o, out);
	}
	for (const struct option *o = table; o->name; o++)
		if (o->type == OPTION_ENTRIES)
			print_entry_manual(o, out);
}

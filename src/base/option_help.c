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

void option_print_help(const struct option *table, FILE *out, unsigned width)
{
	const char *group = NULL;
	for (const struct option *o = table; o->name; o++) {
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
		if (length + 2 > HELP_COLUMN)
			fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
		else
			fprintf(out, "%-*s", HELP_COLUMN, left);
		text_print_wrapped(out, text, HELP_COLUMN, HELP_COLUMN, width);
	}
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

void option_print_manual(const struct option *table, FILE *out)
{
	const char *group = NULL;
	for (const struct option *o = table; o->name; o++) {
		char argument[200], text[500];
		if (o->group && (!group || strcmp(o->group, group) != 0)) {
			fprintf(out, ".SS %s\n", o->group);
			group = o->group;
		}
		option_argument(o, argument, sizeof argument);
		describe(o, text, sizeof text);
		fputs(".TP\n", out);
		if (o->letter)
			fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
		fputs("\\fB\\-\\-", out);
		option_print_troff(o->name, out);
		fputs("\\fR", out);
		if (*argument) {
			fputs(" \\fI", out);
			option_print_troff(argument, out);
			fputs("\\fR", out);
		}
		fputc('\n', out);
		option_print_troff(text, out);
		fputc('\n', out);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir help [COMMAND]` and --help: everything comes from the tables that the program runs by
 * (commands, options, kinds of outputs), so help cannot say what is not so. Messages of commands
 * are here, too.
 */
#include <stdarg.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "output/output.h"

enum { HELP_WIDTH = 100, TEXT_COLUMN = 24 };

int command_fail(const char *format, ...)
{
	const struct log log = { .level = LOG_ERROR };
	char text[1024];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	log_line(&log, LOG_ERROR, "%s", text);
	return STATUS_USER;
}

int command_check_words(const char *name, int argc, char **argv, int most)
{
	for (int i = 0; i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1])
			return command_fail("unknown option %.100s; `weir %s --help` says what there is",
			                    argv[i], name);
	if (argc > most)
		return command_fail("'%.100s' is one word too many; `weir %s --help` says what is expected",
		                    argv[most], name);
	return STATUS_FINE;
}

/* "  name    text", the text wrapped; on a line of its own where the name is long. */
static void print_entry(FILE *out, unsigned indent, const char *name, const char *text,
                        unsigned width)
{
	unsigned at = indent + (unsigned)fprintf(out, "%*s%s", (int)indent, "", name) - indent;
	if (at + 2 > TEXT_COLUMN)
		fprintf(out, "\n%*s", TEXT_COLUMN, "");
	else
		fprintf(out, "%*s", (int)(TEXT_COLUMN - at), "");
	text_print_wrapped(out, text, TEXT_COLUMN, TEXT_COLUMN, width);
}

void help_overview(FILE *out)
{
	unsigned width = terminal_width(out, HELP_WIDTH);
	fputs("Usage: weir COMMAND [ARGUMENT]...\n\n", out);
	text_print_wrapped(out, "weir is a network flow meter: it reads capture files or live "
	                        "interfaces and writes exact bidirectional flow records.", 0, 0, width);
	fputs("\nCommands:\n", out);
	for (unsigned i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			print_entry(out, 2, commands[i]->name, commands[i]->help, width);
	print_entry(out, 2, "--version", "version, and the features this program was built with",
	            width);
	fputs("\nTry:\n  weir meter -r capture.pcap     the flows of a capture file\n"
	      "  weir meter -i eth0             the flows of a live interface\n"
	      "  weir meter --help              everything the meter can be told\n", out);
}

static void print_parameters(FILE *out, unsigned indent, const char *const *parameters,
                             unsigned width)
{
	char name[100];
	for (const char *const *p = parameters; p && p[0]; p += 3) {
		snprintf(name, sizeof name, "%s=%s", p[0], p[1] ? p[1] : "");
		print_entry(out, indent, name, p[2] ? p[2] : "", width);
	}
}

static void print_outputs(FILE *out, unsigned width)
{
	fputs("\nOutputs (-o ADDRESS, parameters as ?name=value&name=value):\n", out);
	for (unsigned i = 0; output_kinds[i]; i++) {
		const struct output_kind *kind = output_kinds[i];
		char name[100];
		snprintf(name, sizeof name, "%s:%s", kind->scheme, strchr(kind->scheme, '+') ? "//" : "");
		print_entry(out, 2, name, kind->help, width);
		print_parameters(out, 6, kind->parameters, width);
	}
	fputs("  each of them:\n", out);
	print_parameters(out, 6, output_common_parameters, width);
}

void help_command(const struct command *command, FILE *out)
{
	unsigned width = terminal_width(out, HELP_WIDTH);
	fprintf(out, "Usage: weir %s %s\n\n", command->name, command->synopsis);
	text_print_wrapped(out, command->text, 0, 0, width);
	if (command->options) {
		fputc('\n', out);
		option_print_help(command->options, out, width);
	}
	if (command->outputs)
		print_outputs(out, width);
	for (const struct topic *t = command->topics; t && t->heading; t++) {
		fprintf(out, "\n%s:\n  ", t->heading);
		text_print_wrapped(out, t->text, 2, 2, width);
	}
	for (const struct example *e = command->examples; e && e->command; e++) {
		fprintf(out, "%s  %s\n      ", e == command->examples ? "\nExamples:\n" : "", e->command);
		text_print_wrapped(out, e->meaning, 6, 6, width);
	}
}

static int help_run(int argc, char **argv)
{
	int status = command_check_words("help", argc, argv, 1);
	if (status != STATUS_FINE)
		return status;
	if (argc == 0) {
		help_overview(stdout);
		return STATUS_FINE;
	}
	const struct command *command = command_find(argv[0]);
	if (!command)
		return STATUS_USER;
	help_command(command, stdout);
	return STATUS_FINE;
}

const struct command command_help = {
	.name = "help",
	.help = "what weir can do, or everything about one command",
	.synopsis = "[COMMAND]",
	.text = "Lists the commands, or explains one of them.",
	.run = help_run,
};

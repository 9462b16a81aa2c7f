/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir manual [COMMAND]`: man(7) source, printed while building for the pages weir(1) and
 * weir-COMMAND(1), from the same tables as --help. For packagers, so it is not in the list of
 * commands.
 */
#include <ctype.h>
#include <string.h>

#include "cli/command.h"
#include "config.h"
#include "output/output.h"

static void heading(const char *text)
{
	printf(".SH ");
	for (; *text; text++)
		putchar(toupper((unsigned char)*text));
	putchar('\n');
}

static void paragraph(const char *text)
{
	option_print_troff(text, stdout);
	putchar('\n');
}

/* .TP with a bold term. */
static void entry(const char *term, const char *text)
{
	printf(".TP\n\\fB");
	option_print_troff(term, stdout);
	printf("\\fR\n");
	paragraph(text);
}

/* "WEIR-METER" 1, with the name line that apropos reads. */
static void print_head(const char *name, const char *help)
{
	char dashed[64], upper[64];
	snprintf(dashed, sizeof dashed, "weir%s%s", *name ? "-" : "", name);
	for (unsigned i = 0; i < sizeof upper; i++)
		upper[i] = (char)toupper((unsigned char)dashed[i]);
	printf(".\\\" Made from the program's own tables; see src/cli/manual.c.\n.TH ");
	option_print_troff(upper, stdout);
	printf(" 1 \"\" \"weir %s\" \"weir manual\"\n.SH NAME\n", WEIR_VERSION);
	option_print_troff(dashed, stdout);
	printf(" \\- ");
	paragraph(help);
}

static void print_parameters(const char *const *parameters)
{
	char term[100];
	for (const char *const *p = parameters; p && p[0]; p += 3) {
		snprintf(term, sizeof term, "%s=%s", p[0], p[1] ? p[1] : "");
		printf("%s", p == parameters ? ".RS\n" : "");
		entry(term, p[2] ? p[2] : "");
		printf("%s", p[3] ? "" : ".RE\n");
	}
}

static void print_outputs(void)
{
	heading("Outputs");
	paragraph("An output is an address; parameters stand behind it as ?name=value&name=value.");
	for (unsigned i = 0; output_kinds[i]; i++) {
		const struct output_kind *kind = output_kinds[i];
		char term[100];
		snprintf(term, sizeof term, "%s:%s", kind->scheme, strchr(kind->scheme, '+') ? "//" : "");
		entry(term, kind->help);
		print_parameters(kind->parameters);
	}
	entry("each of them", "takes these, too:");
	print_parameters(output_common_parameters);
}

static void print_command(const struct command *command)
{
	print_head(command->name, command->help);
	heading("Synopsis");
	printf("\\fBweir %s\\fR ", command->name);
	paragraph(command->synopsis);
	heading("Description");
	paragraph(command->text);
	if (command->options) {
		heading("Options");
		option_print_manual(command->options, stdout);
	}
	if (command->outputs)
		print_outputs();
	for (const struct topic *t = command->topics; t && t->heading; t++) {
		heading(t->heading);
		paragraph(t->text);
	}
	for (const struct example *e = command->examples; e && e->command; e++) {
		if (e == command->examples)
			heading("Examples");
		entry(e->command, e->meaning);
	}
	heading("See also");
	printf("\\fBweir\\fR(1), \\fBpcap\\-filter\\fR(7)\n");
}

static void print_program(void)
{
	print_head("", "network flow meter");
	heading("Synopsis");
	printf("\\fBweir\\fR COMMAND [ARGUMENT]...\n.br\n\\fBweir \\-\\-version\\fR\n");
	heading("Description");
	paragraph("weir reads capture files or live interfaces and writes exact bidirectional flow "
	          "records: to people as tables, to programs as JSON lines or CSV, to collectors as "
	          "IPFIX.");
	heading("Commands");
	for (unsigned i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			entry(commands[i]->name, commands[i]->help);
	heading("Exit status");
	paragraph("0 when all went well, 1 when input was damaged or an output failed, 2 for a mistake "
	          "in options, files or values.");
	heading("See also");
	for (unsigned i = 0; commands[i]; i++)
		if (!commands[i]->hidden && commands[i] != &command_help)
			printf("\\fBweir\\-%s\\fR(1),\n", commands[i]->name);
	printf("\\fBpcap\\-filter\\fR(7)\n");
}

static int manual_run(int argc, char **argv)
{
	int status = command_check_words("manual", argc, argv, 1);
	if (status != STATUS_FINE)
		return status;
	const struct command *command = argc ? command_find(argv[0]) : NULL;
	if (argc && !command)
		return STATUS_USER;
	if (command)
		print_command(command);
	else
		print_program();
	return STATUS_FINE;
}

const struct command command_manual = {
	.name = "manual",
	.help = "print the source of a manual page",
	.synopsis = "[COMMAND]",
	.text = "Prints man(7) source for the page of the program or of one command.",
	.hidden = true,
	.run = manual_run,
};

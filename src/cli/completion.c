/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir completion bash|zsh|fish`: completion scripts made from the tables that the program runs
 * by. What a value may be follows from its argument's word: FILE, INTERFACE, USER, ADDRESS, or the
 * choices.
 */
#include <string.h>

#include "base/text.h"
#include "cli/command.h"
#include "output/output.h"

static void print_bash(void);
static void print_zsh(void);
static void print_fish(void);

static const struct shell {
	const char *name;
	void (*print)(void);
} shells[] = {
	{ "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish }, { 0 },
};

static int completion_run(int argc, char **argv)
{
	int status = command_check_words("completion", argc, argv, 1);
	if (status != STATUS_FINE)
		return status;
	if (argc == 0)
		return command_fail("the name of a shell is missing: expected bash, zsh or fish");
	struct text_nearest nearest = { .word = argv[0] };
	for (const struct shell *s = shells; s->name; s++) {
		if (strcmp(s->name, argv[0]) == 0) {
			s->print();
			return STATUS_FINE;
		}
		text_nearest_offer(&nearest, s->name);
	}
	return command_fail("no completion for '%.100s': expected bash, zsh or fish%s%s%s", argv[0],
	                    nearest.best ? "; did you mean " : "", nearest.best ? nearest.best : "",
	                    nearest.best ? "?" : "");
}

static bool is_argument(const struct option *o, const char *word)
{
	return o->argument && strcmp(o->argument, word) == 0;
}

static void print_choices(const struct option *o)
{
	for (unsigned i = 0; o->choices[i]; i++)
		printf("%s%s", i ? " " : "", o->choices[i]);
}

static void print_schemes(void)
{
	for (unsigned i = 0; output_kinds[i]; i++)
		printf("%s%s:%s", i ? " " : "", output_kinds[i]->scheme,
		       strchr(output_kinds[i]->scheme, '+') ? "//" : "");
}

static void print_names(void)
{
	for (unsigned i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			printf("%s ", commands[i]->name);
}

/* The words that complete an option's value, as bash makes them. */
static void bash_value(const struct option *o)
{
	printf("\t\t\t");
	if (o->letter)
		printf("-%c|", o->letter);
	printf("--%s) ", o->name);
	if (o->choices) {
		printf("words='");
		print_choices(o);
		printf("' ;;\n");
	} else if (is_argument(o, "ADDRESS")) {
		printf("words='");
		print_schemes();
		printf("' files=1 ;;\n");
	} else if (is_argument(o, "INTERFACE")) {
		printf("words=$(command ls /sys/class/net 2>/dev/null) ;;\n");
	} else if (is_argument(o, "USER")) {
		printf("words=$(compgen -u) ;;\n");
	} else {
		printf("%s ;;\n", is_argument(o, "FILE") ? "files=1" : "return");
	}
}

/* Words for each option that takes a value, and all options else. */
static void bash_command(const struct command *command)
{
	printf("\t%s)\n", command->name);
	if (strcmp(command->name, "fields") == 0)
		printf("\t\twords=$(weir fields 2>/dev/null | cut -f2)\n");
	else if (strcmp(command->name, "help") == 0)
		printf("\t\twords=$commands\n");
	if (command->options) {
		printf("\t\tcase $prev in\n");
		for (const struct option *o = option_on_line(command->options); o->name;
		     o = option_on_line(o + 1))
			if (option_takes_value(o))
				bash_value(o);
		printf("\t\t\t*) words='");
		for (const struct option *o = option_on_line(command->options); o->name;
		     o = option_on_line(o + 1))
			printf("--%s ", o->name);
		printf("--help' ;;\n\t\tesac\n");
	}
	printf("\t\t;;\n");
}

static void print_bash(void)
{
	printf("# bash completion for weir, made by: weir completion bash\n"
	       "_weir()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tlocal words='' files='' commands='");
	print_names();
	printf("'\n\tCOMPREPLY=()\n\tcase ${COMP_WORDS[1]} in\n");
	for (unsigned i = 0; commands[i]; i++)
		if (!commands[i]->hidden)
			bash_command(commands[i]);
	printf("\tesac\n"
	       "\t((COMP_CWORD == 1)) && words=\"$commands --help --version\" files=''\n"
	       "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\"; "
	       "[[ $files ]] && compgen -f -- \"$cur\")\n"
	       "\t[[ $files ]] && compopt -o filenames 2>/dev/null\n"
	       "\t[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:/] ]] && compopt -o nospace\n"
	       "\treturn 0\n}\ncomplete -F _weir weir\n");
}

/* Text inside single quotes of zsh or fish; for zsh also inside brackets of _arguments. */
static void print_quoted(const char *text, const char *escaped)
{
	for (; *text; text++) {
		if (*text == '\'')
			printf("'\\''");
		else
			printf("%s%c", strchr(escaped, *text) ? "\\" : "", *text);
	}
}

static void zsh_option(const struct option *o)
{
	const char *many = o->type == OPTION_LIST ? "*" : "";
	char wanted[200];
	if (o->letter && *many)
		printf("\t\t\t'*'{-%c,--%s}'[", o->letter, o->name);
	else if (o->letter)
		printf("\t\t\t'(-%c --%s)'{-%c,--%s}'[", o->letter, o->name, o->letter, o->name);
	else
		printf("\t\t\t'%s--%s[", many, o->name);
	print_quoted(o->help, "[]:\\");
	printf("]");
	if (option_takes_value(o)) {
		option_argument(o, wanted, sizeof wanted);
		printf(":%s:", o->choices ? o->name : wanted);
		if (o->choices) {
			printf("(");
			print_choices(o);
			printf(")");
		} else {
			printf("%s", is_argument(o, "FILE") || is_argument(o, "ADDRESS") ? "_files"
			           : is_argument(o, "INTERFACE") ? "_net_interfaces"
			           : is_argument(o, "USER") ? "_users" : "");
		}
	}
	printf("' \\\n");
}

static void print_zsh(void)
{
	printf("#compdef weir\n# made by: weir completion zsh\n"
	       "_weir()\n{\n\tlocal -a commands=(\n");
	for (unsigned i = 0; commands[i]; i++) {
		if (commands[i]->hidden)
			continue;
		printf("\t\t'%s:", commands[i]->name);
		print_quoted(commands[i]->help, ":\\");
		printf("'\n");
	}
	printf("\t)\n\tif ((CURRENT == 2)); then\n\t\t_describe command commands\n\t\treturn\n\tfi\n"
	       "\tlocal name=$words[2]\n\tshift words\n\t((CURRENT--))\n\tcase $name in\n"
	       "\thelp) _describe command commands ;;\n"
	       "\tfields) compadd -- ${(f)\"$(weir fields 2>/dev/null | cut -f2)\"} ;;\n");
	for (unsigned i = 0; commands[i]; i++) {
		if (commands[i]->hidden || !commands[i]->options)
			continue;
		printf("\t%s)\n\t\t_arguments -s \\\n", commands[i]->name);
		for (const struct option *o = option_on_line(commands[i]->options); o->name;
		     o = option_on_line(o + 1))
			zsh_option(o);
		printf("\t\t\t'--help[explain the command]'\n\t\t;;\n");
	}
	printf("\tesac\n}\n_weir \"$@\"\n");
}

static void fish_option(const struct command *command, const struct option *o)
{
	printf("complete -c weir -n '__fish_seen_subcommand_from %s' -l %s", command->name, o->name);
	if (o->letter)
		printf(" -s %c", o->letter);
	if (option_takes_value(o))
		printf(" -r%s", is_argument(o, "FILE") ? "F" : is_argument(o, "ADDRESS") ? "" : "f");
	if (o->choices || is_argument(o, "ADDRESS")) {
		printf(" -a '");
		if (o->choices)
			print_choices(o);
		else
			print_schemes();
		printf("'");
	} else if (is_argument(o, "INTERFACE")) {
		printf(" -a '(__fish_print_interfaces)'");
	} else if (is_argument(o, "USER")) {
		printf(" -a '(__fish_complete_users)'");
	}
	printf(" -d '");
	print_quoted(o->help, "\\");
	printf("'\n");
}

static void print_fish(void)
{
	printf("# fish completion for weir, made by: weir completion fish\n");
	for (unsigned i = 0; commands[i]; i++) {
		if (commands[i]->hidden)
			continue;
		printf("complete -c weir -f -n __fish_use_subcommand -a %s -d '", commands[i]->name);
		print_quoted(commands[i]->help, "\\");
		printf("'\n");
		for (const struct option *o = option_on_line(commands[i]->options); o && o->name;
		     o = option_on_line(o + 1))
			fish_option(commands[i], o);
	}
	printf("complete -c weir -f -n '__fish_seen_subcommand_from fields' "
	       "-a '(weir fields 2>/dev/null | cut -f2)'\n"
	       "complete -c weir -f -n '__fish_seen_subcommand_from help' -a '");
	print_names();
	printf("'\ncomplete -c weir -f -n __fish_use_subcommand -l version -l help\n");
}

const struct command command_completion = {
	.name = "completion",
	.help = "print a completion script for a shell",
	.synopsis = "bash|zsh|fish",
	.text = "Prints a completion script for bash, zsh or fish.",
	.hidden = true,
	.run = completion_run,
};

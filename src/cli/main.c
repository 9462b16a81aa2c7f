/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir: the program. A table of commands; each has a file of its own and describes itself
 * (command.h). Exit status: 0 fine, 1 damaged input or a failed output at run time, 2 a mistake of
 * the user.
 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "cli/command.h"

const struct command *const commands[] = {
	&command_meter,
	&command_spy,
	&command_collect,
	&command_explain,
	&command_fields,
	&command_help,
	&command_manual,
	&command_completion,
	NULL
};

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* --help counts wherever it stands before "--": who asks for help gets it first. */
static int run(const struct command *command, int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (is_help(argv[i])) {
			help_command(command, stdout);
			return STATUS_FINE;
		}
	return command->run(argc, argv);
}

const struct command *command_find(const char *name)
{
	struct text_nearest nearest = { .word = name };
	for (unsigned i = 0; commands[i]; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
		if (!commands[i]->hidden)
			text_nearest_offer(&nearest, commands[i]->name);
	}
	if (name[0] == '-')
		command_fail("'%.100s' stands where a command is expected, such as: weir meter %.100s",
		             name, name);
	else if (nearest.best)
		command_fail("unknown command '%.100s'; did you mean %s?", name, nearest.best);
	else
		command_fail("unknown command '%.100s'; `weir help` lists them", name);
	return NULL;
}

/* Without a word the overview goes to standard error: nothing was asked for. */
static int dispatch(int argc, char **argv)
{
	if (argc < 2) {
		help_overview(stderr);
		return STATUS_USER;
	}
	if (is_help(argv[1])) {
		help_overview(stdout);
		return STATUS_FINE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return version_print();
	const struct command *command = command_find(argv[1]);
	return command ? run(command, argc - 2, argv + 2) : STATUS_USER;
}

int main(int argc, char **argv)
{
	int status = dispatch(argc, argv);
	errno = 0;
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == STATUS_FINE) {
		command_fail("standard output cannot be written: %s", strerror(errno ? errno : EIO));
		return STATUS_FAILED;
	}
	return status;
}

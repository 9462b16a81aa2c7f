/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command of the program: one file defines one const struct command, main.c lists them. All that
 * help, manual pages and completion say about a command is data here, so a new command is one file,
 * one extern and one line in the list.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "base/option.h"

enum { STATUS_FINE = 0, STATUS_FAILED = 1 /* at run time */,
       STATUS_USER = 2 /* the user's mistake */ };

struct topic {                          /* a section of help and manual */
	const char *heading, *text;     /* heading NULL ends the list */
};

/* An example for help and manual: what to type, and what it does. */
struct example {
	const char *command, *meaning;  /* command NULL ends the list */
};

/* One command. All of it is data; only run() is code. */
struct command {
	const char *name;               /* "meter" */
	const char *help;               /* one line, for the list of commands */
	const char *synopsis;           /* behind the name: "[OPTION]... [FILTER]" */
	const char *text;               /* what it does, a paragraph */
	const struct option *options;   /* NULL: none */
	bool outputs;                   /* takes -o: its help lists the kinds of outputs */
	const struct topic *topics;     /* NULL: none */
	const struct example *examples; /* NULL: none */
	bool hidden;                    /* not in the list of commands */
	int (*run)(int argc, char **argv);      /* what stands behind the name; gives the exit status */
};

extern const struct command *const commands[];          /* NULL-terminated; main.c */
extern const struct command command_meter, command_spy, command_collect, command_explain,
	command_fields, command_help, command_manual, command_completion;

/* NULL with a message on standard error, which suggests a near name. */
const struct command *command_find(const char *name);

/* "weir: error: ..." on standard error; returns STATUS_USER. */
int command_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For commands without options: STATUS_USER with a message when there are more than `most` words or
 * one starts with a dash. */
int command_check_words(const char *name, int argc, char **argv, int most);

void help_overview(FILE *out);                          /* the list of commands */
void help_command(const struct command *command, FILE *out);
int version_print(void);

#endif

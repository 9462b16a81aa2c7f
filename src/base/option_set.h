/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of option.h, for its own files only: option.c binds a table and converts values,
 * option_arguments.c reads command lines, option_yaml.c reads files, option_help.c prints.
 */
#ifndef BASE_OPTION_SET_H
#define BASE_OPTION_SET_H

#include "base/option.h"

enum option_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ARGUMENTS };   /* the higher one wins */

struct given {                          /* a value as it was given, borrowed */
	const char *text;               /* for flags "true", "false" and the like */
	const char *where;              /* starts a message: "--count", "weir.yaml:4:7: count" */
	enum option_source source;
};

struct owned_text {
	struct owned_text *next;
	char text[];
};

struct option_state {
	uint8_t source;                 /* enum option_source of what is stored */
	unsigned capacity;              /* of a list's items */
};

struct option_set {
	const struct option *table;     /* borrowed */
	char *settings;                 /* borrowed */
	unsigned count;                 /* options in the table */
	struct option_state *states;    /* one an option */
	struct owned_text *texts;       /* every string that settings point to */
	const char **rest;              /* items of the last ret_rest */
};

/* The option of that long name. "no-x" finds the flag x, and "x" the inverse "no-x": then
 * *ret_negated. */
const struct option *option_find(const struct option *table, const char *name, size_t length,
                                 bool *ret_negated);
/* A near name, NULL when there is none. */
const char *option_suggest(const struct option *table, const char *name, size_t length);

/* Checks and stores a value, unless one of a stronger source is there. The first value from a
 * stronger source empties a list. */
int option_store(struct option_set *set, const struct option *option, const struct given *given,
                 struct error *err);

#endif

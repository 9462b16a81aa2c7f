/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of option.h, for its own files only: option.c binds a table and converts values,
 * option_arguments.c reads command lines, option_yaml.c reads files, option_entries.c keeps lists
 * of mappings, option_help.c prints.
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

/* A string of the set, in a list so that all go at once; those that a later value has replaced stay
 * until then. */
struct owned_text {
	struct owned_text *next;        /* the one stored before; NULL: the first */
	char text[];                    /* ends in NUL */
};

/* What the set knows of one option beside its value in the settings. */
struct option_state {
	uint8_t source;                 /* enum option_source of what is stored */
	unsigned capacity;              /* of a list's items */
	struct option_set **entries;    /* OPTION_ENTRIES: one for each item */
};

/* A table, the settings that it fills, and who said what. */
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

/* Of the value in the settings; not of lists, whose items are elsewhere. */
size_t option_value_bytes(const struct option *option);

/* Copies a value as it stands: from `from` of one set to the option of the same type in another. */
int option_copy(struct option_set *to, const struct option *option, const struct option_set *from,
                const struct option *original);

/* A copy of a text that lives as long as the set; NULL without memory. */
const char *option_own(struct option_set *set, const char *text);

/* Appends an entry with its defaults; `place` is kept. *ret belongs to the set. */
int option_entry_add(struct option_set *set, const struct option *option, const char *place,
                     struct option_set **ret, struct error *err);
/* The name of the entry is there, and no other entry has it. */
int option_entry_check(const struct option_set *set, const struct option *option,
                       const struct option_set *entry, struct error *err);
void option_entries_free(struct option_set *set, const struct option *option);

/* After a change: gives every entry what it takes from outside. */
int option_entries_settle(struct option_set *set, struct error *err);

#endif

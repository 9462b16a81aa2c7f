/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options as one table: it feeds the command line, the YAML file, --help, the manual and shell
 * completion. An option is stored into a settings struct at `offset`, in the type that its kind
 * says:
 *
 *   OPTION_FLAG      bool                      --promiscuous, --no-promiscuous
 *   OPTION_INVERSE   bool, set to false        --no-vlan-key; --vlan-key takes it back
 *   OPTION_TEXT      const char *              (owned by the option_set)
 *   OPTION_LIST      struct text_list          repeatable
 *   OPTION_COUNT     uint64_t                  1000, 10k, 4M (powers of 1000)
 *   OPTION_BYTES     uint64_t                  512M, 1G, 64KiB (powers of 1024)
 *   OPTION_DURATION  uint64_t ns               90, 1m30s, 2h, 100ms; "off" is DURATION_OFF
 *   OPTION_CHOICE    int                       index into `choices`
 *   OPTION_RATIO     uint64_t                  1:N, stored as N
 *   OPTION_ENTRIES   struct option_entries     a YAML list of mappings, each by a table of its own
 */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define DURATION_OFF UINT64_MAX

/* How the value is written and stored: see the head of this file. */
enum option_type {
	OPTION_FLAG, OPTION_INVERSE, OPTION_TEXT, OPTION_LIST, OPTION_COUNT, OPTION_BYTES,
	OPTION_DURATION, OPTION_CHOICE, OPTION_RATIO, OPTION_ENTRIES
};

/* In the order given; strings borrowed from the set (or from argv). */
struct text_list {
	const char **items;             /* owned by the option_set */
	unsigned count;
};

/* A list of mappings from a file. */
struct option_entries {
	void **items;                   /* a settings struct each, of the kind's size; owned by the
	                                 * option_set */
	unsigned count;
};

/* What the entries of an OPTION_ENTRIES are. An option of an entry whose name and type an option
 * outside has, too, takes its value from there unless the entry says it; the command line wins
 * over both. (Not one that is `own`.) */
struct option_entry_kind {
	const struct option *table;     /* the first option is text that each entry must have, and no
	                                 * two the same: its name */
	size_t bytes;                   /* of a settings struct */
	size_t place_offset;            /* in it: a const char *, "weir.yaml:4:3", for messages */
	unsigned most;                  /* entries in a list */
};

/* One line of a table. Tables are constant and end with a name of NULL; nothing in them is
 * owned. */
struct option {
	const char *name;               /* long name without dashes; key in YAML; NULL ends the table */
	char letter;                    /* short form, or 0 */
	uint8_t type;                   /* enum option_type */
	uint16_t offset;                /* into the settings struct */
	const char *argument;           /* "FILE", "DURATION"; NULL for flags */
	const char *default_text;       /* as a user would write it; NULL: none */
	const char *help;               /* one line */
	const char *const *choices;     /* OPTION_CHOICE, NULL-terminated */
	const char *group;              /* heading in --help, e.g. "Input"; NULL: as the one before */
	const char *minimum, *maximum;  /* bounds of a number, as a user would write them; NULL: none */
	bool command_line_only;         /* makes no sense in a YAML file */
	bool joined;                    /* OPTION_TEXT: may be a list in YAML, its items then joined by
	                                 * commas */
	/* OPTION_TEXT: judges a value, or an item of a list that is joined; NULL: any text will do.
	 * The message gets the place before it. */
	int (*check)(const char *text, struct error *err);
	const struct option_entry_kind *entry;  /* OPTION_ENTRIES */
	bool own;                       /* of an entry: nothing is taken from outside */
};

struct option_set;              /* a table bound to a settings struct; owns strings and lists */

/* Binds and stores the defaults: false for flags, true for inverse ones, NULL, an empty list or 0
 * where the table has none. The table and settings are borrowed; the error is one of the table. */
int option_set_new(const struct option *table, void *settings, struct option_set **ret,
                   struct error *err);
void option_set_free(struct option_set *set);

/* Sets one option by its long name; `where` ("--idle-timeout", "weir.yaml:4:7") starts the
 * message. */
int option_set_value(struct option_set *set, const char *name, const char *value, const char *where,
                     struct error *err);
/* Replaces the default of the table: whatever the user has said or says later wins. */
int option_set_default(struct option_set *set, const char *name, const char *value,
                       struct error *err);
/* True if the user (not a default) has set it. */
bool option_is_set(const struct option_set *set, const char *name);

/* Parses argv (after the command's name): long and short forms, --name=value, bundled flags, "--".
 * A later value replaces an earlier one; lists grow. What is no option, wherever it stands, is left
 * in ret_rest (strings borrowed from argv, the array owned by the set). Messages name the option,
 * what was found, what was expected, and a near name for a misspelt one. */
int option_parse_arguments(struct option_set *set, int argc, char **argv,
                           struct text_list *ret_rest, struct error *err);

/* Reads a YAML file: a mapping of long names to values (lists for OPTION_LIST). Values given on the
 * command line win over it, whatever the order. Messages name file, line and column, and a near
 * name for a misspelt one. */
int option_read_yaml(struct option_set *set, const char *path, struct error *err);

/* True when two settings, both filled by the table, differ in an option that is not one of `but`
 * (names, NULL-terminated). Lists of mappings are compared in their order, by their own table and
 * the same names. */
bool option_settings_differ(const struct option *table, const void *a, const void *b,
                            const char *const *but);

/* Options by group, aligned, wrapped at `width` columns; behind them what stands in files only. */
void option_print_help(const struct option *table, FILE *out, unsigned width);
/* man(7): .SS for each group, .TP for each option. */
void option_print_manual(const struct option *table, FILE *out);
/* Text for man(7): backslashes, hyphens, leading dots and quotes are taken literally. */
void option_print_troff(const char *text, FILE *out);
/* What an option wants, for help and completion: its argument, or its choices joined by "|"; "" for
 * flags. */
size_t option_argument(const struct option *option, char *buffer, size_t size);
bool option_takes_value(const struct option *option);
/* The next one that can stand on a command line, from this one on; its name is NULL at the end. */
const struct option *option_on_line(const struct option *option);

#endif

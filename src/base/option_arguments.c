/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines: the long and short forms of a table's options. Values may start with a dash
 * (`--fields -vlanId`): an option that wants a value takes the next word whatever it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/option_set.h"

/* argv, and how far it is read. */
struct arguments {
	int count, at;
	char **words;
};

static int read_long(struct option_set *set, struct arguments *a, struct error *err);
static int read_letters(struct option_set *set, struct arguments *a, struct error *err);

int option_parse_arguments(struct option_set *set, int argc, char **argv,
                           struct text_list *ret_rest, struct error *err)
{
	const char **rest = calloc((size_t)argc + 1, sizeof *rest);
	if (!rest)
		return error_set(err, -ENOMEM, "out of memory");
	free(set->rest);
	set->rest = rest;
	unsigned count = 0;
	bool options = true;            /* until "--" */
	for (struct arguments a = { argc, 0, argv }; a.at < argc; a.at++) {
		const char *word = argv[a.at];
		int r = 0;
		if (!options || word[0] != '-' || !word[1])
			rest[count++] = word;
		else if (strcmp(word, "--") == 0)
			options = false;
		else if (word[1] == '-')
			r = read_long(set, &a, err);
		else
			r = read_letters(set, &a, err);
		if (r < 0)
			return r;
	}
	*ret_rest = (struct text_list){ rest, count };
	return option_entries_settle(set, err);
}

static int take_value(const struct option *option, struct arguments *a, const char *where,
                      const char **ret, struct error *err)
{
	char wanted[200];
	if (a->at + 1 < a->count) {
		*ret = a->words[++a->at];
		return 0;
	}
	option_argument(option, wanted, sizeof wanted);
	return error_set(err, -EINVAL, "%s wants a value: %s", where, wanted);
}

static int fail_unknown(const struct option_set *set, const char *name, size_t length,
                        struct error *err)
{
	const char *near = option_suggest(set->table, name, length);
	int shown = length < 100 ? (int)length : 100;
	return error_set(err, -EINVAL, "unknown option --%.*s%s%s%s", shown, name,
	                 near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

static int read_long(struct option_set *set, struct arguments *a, struct error *err)
{
	const char *name = a->words[a->at] + 2;
	size_t length = strcspn(name, "=");
	const char *value = name[length] ? name + length + 1 : NULL;
	bool negated;
	const struct option *option = option_find(set->table, name, length, &negated);
	if (!option)
		return fail_unknown(set, name, length, err);
	char where[80];
	snprintf(where, sizeof where, "--%.*s", (int)length, name);
	if (option->type == OPTION_ENTRIES)
		return error_set(err, -EINVAL, "%s stands in a configuration file only", where);
	if (!option_takes_value(option)) {
		if (value)
			return error_set(err, -EINVAL, "%s takes no value, found '%.100s'", where, value);
		value = negated ? "false" : "true";
	} else if (!value) {
		int r = take_value(option, a, where, &value, err);
		if (r < 0)
			return r;
	}
	return option_store(set, option, &(struct given){ value, where, SOURCE_ARGUMENTS }, err);
}

static const struct option *find_letter(const struct option *table, char letter)
{
	for (const struct option *o = table; o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

/* A long name behind one dash is the usual slip. */
static int fail_letter(const struct option_set *set, const char *word, char letter,
                       struct error *err)
{
	bool negated;
	if (word[2] && option_find(set->table, word + 1, strcspn(word + 1, "="), &negated))
		return error_set(err, -EINVAL, "unknown option %.100s; did you mean -%.100s?", word, word);
	return error_set(err, -EINVAL, "unknown option -%c%s%.100s", letter, word[2] ? " in " : "",
	                 word[2] ? word : "");
}

/* "-vq", "-d30", "-d 30": letters of flags up to one that wants a value. */
static int read_letters(struct option_set *set, struct arguments *a, struct error *err)
{
	const char *word = a->words[a->at];
	for (const char *p = word + 1; *p; p++) {
		const struct option *option = find_letter(set->table, *p);
		if (!option)
			return fail_letter(set, word, *p, err);
		const char where[] = { '-', *p, 0 };
		struct given given = { "true", where, SOURCE_ARGUMENTS };
		bool wants = option_takes_value(option);
		if (wants && p[1])
			given.text = p + 1;
		int r = wants && !p[1] ? take_value(option, a, where, &given.text, err) : 0;
		if (r == 0)
			r = option_store(set, option, &given, err);
		if (r < 0 || wants)
			return r;
	}
	return 0;
}

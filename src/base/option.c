/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of options bound to a settings struct: defaults, conversion of one value, ownership of
 * strings. Where values come from is the business of option_arguments.c (command line) and
 * option_yaml.c (file).
 */
#include "base/option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/option_set.h"
#include "base/text.h"

/* A value in the type of its option. */
union value {
	bool flag;
	int choice;
	uint64_t number;
};

static int value_parse(const struct option *option, const char *text, const char *where,
                       union value *ret, struct error *err);
static int value_store(struct option_set *set, const struct option *option,
                       const union value *value, const char *text);

/* Nothing in them yet: so they can be freed. */
static void lists_clear(struct option_set *set)
{
	for (unsigned i = 0; i < set->count; i++) {
		void *place = set->settings + set->table[i].offset;
		if (set->table[i].type == OPTION_LIST)
			*(struct text_list *)place = (struct text_list){ 0 };
		if (set->table[i].type == OPTION_ENTRIES)
			*(struct option_entries *)place = (struct option_entries){ 0 };
	}
}

/* Defaults go the same way as values of users do, so a default that the table has wrong shows at
 * once. */
int option_set_new(const struct option *table, void *settings, struct option_set **ret,
                   struct error *err)
{
	struct option_set *set = calloc(1, sizeof *set);
	if (!set)
		return error_set(err, -ENOMEM, "out of memory");
	set->table = table;
	set->settings = settings;
	while (table[set->count].name)
		set->count++;
	lists_clear(set);
	set->states = calloc(set->count + 1, sizeof *set->states);
	int r = set->states ? 0 : error_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < set->count && r == 0; i++) {
		struct given given = { table[i].default_text, table[i].name, SOURCE_DEFAULT };
		if (!given.text && table[i].type <= OPTION_INVERSE)
			given.text = "false";
		const union value zero = { 0 };
		bool list = table[i].type == OPTION_LIST || table[i].type == OPTION_ENTRIES;
		r = given.text ? option_store(set, &table[i], &given, err)
		  : list ? 0 : value_store(set, &table[i], &zero, NULL);
	}
	if (r < 0) {
		option_set_free(set);
		return r;
	}
	*ret = set;
	return 0;
}

void option_set_free(struct option_set *set)
{
	if (!set)
		return;
	for (unsigned i = 0; set->states && i < set->count; i++) {
		if (set->table[i].type == OPTION_ENTRIES)
			option_entries_free(set, &set->table[i]);
		if (set->table[i].type != OPTION_LIST)
			continue;
		struct text_list *list = (void *)(set->settings + set->table[i].offset);
		free(list->items);
		*list = (struct text_list){ 0 };
	}
	while (set->texts) {
		struct owned_text *next = set->texts->next;
		free(set->texts);
		set->texts = next;
	}
	free(set->rest);
	free(set->states);
	free(set);
}

/* For callers inside the program, who name options by their own name: "no-x" is not taken. */
static int set_value(struct option_set *set, const char *name, const struct given *given,
                     struct error *err)
{
	bool negated = false;
	const struct option *option = option_find(set->table, name, strlen(name), &negated);
	if (!option || negated) {
		const char *near = option_suggest(set->table, name, strlen(name));
		return error_set(err, -EINVAL, "%s: unknown option '%s'%s%s%s", given->where, name,
		                 near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	}
	int r = option_store(set, option, given, err);
	return r < 0 ? r : option_entries_settle(set, err);
}

int option_set_value(struct option_set *set, const char *name, const char *value, const char *where,
                     struct error *err)
{
	return set_value(set, name, &(struct given){ value, where, SOURCE_ARGUMENTS }, err);
}

int option_set_default(struct option_set *set, const char *name, const char *value,
                       struct error *err)
{
	return set_value(set, name, &(struct given){ value, name, SOURCE_DEFAULT }, err);
}

bool option_is_set(const struct option_set *set, const char *name)
{
	const struct option *option = option_find(set->table, name, strlen(name), NULL);
	return option && set->states[option - set->table].source != SOURCE_DEFAULT;
}

bool option_takes_value(const struct option *option)
{
	return option->type != OPTION_FLAG && option->type != OPTION_INVERSE &&
	       option->type != OPTION_ENTRIES;
}

static bool is_name(const char *name, const char *text, size_t length)
{
	return strlen(name) == length && memcmp(name, text, length) == 0;
}

const struct option *option_find(const struct option *table, const char *name, size_t length,
                                 bool *ret_negated)
{
	for (const struct option *o = table; o->name; o++)
		if (is_name(o->name, name, length)) {
			if (ret_negated)
				*ret_negated = false;
			return o;
		}
	for (const struct option *o = table; o->name && ret_negated; o++) {
		bool flag = o->type == OPTION_FLAG && length > 3 && memcmp(name, "no-", 3) == 0 &&
		            is_name(o->name, name + 3, length - 3);
		bool inverse = o->type == OPTION_INVERSE && strncmp(o->name, "no-", 3) == 0 &&
		               is_name(o->name + 3, name, length);
		if (flag || inverse) {
			*ret_negated = true;
			return o;
		}
	}
	return NULL;
}

const char *option_suggest(const struct option *table, const char *name, size_t length)
{
	char word[64];
	if (length >= sizeof word)
		return NULL;
	memcpy(word, name, length);
	word[length] = '\0';
	struct text_nearest nearest = { .word = word };
	for (const struct option *o = table; o->name; o++)
		text_nearest_offer(&nearest, o->name);
	return nearest.best;
}

int option_store(struct option_set *set, const struct option *option, const struct given *given,
                 struct error *err)
{
	union value value = { 0 };
	int r = value_parse(option, given->text, given->where, &value, err);
	if (r < 0)
		return r;
	struct option_state *state = &set->states[option - set->table];
	if (given->source < state->source)
		return 0;
	if (option->type == OPTION_LIST && given->source > state->source) {
		struct text_list *list = (void *)(set->settings + option->offset);
		list->count = 0;
	}
	r = value_store(set, option, &value, given->text);
	if (r < 0)
		return error_set(err, r, "%s: out of memory", given->where);
	state->source = given->source;
	return 0;
}

static int parse_flag(const char *text, bool *ret)
{
	static const char *const yes[] = { "true", "yes", "on" };
	static const char *const no[] = { "false", "no", "off" };
	for (size_t i = 0; i < array_count(yes); i++) {
		if (strcmp(text, yes[i]) != 0 && strcmp(text, no[i]) != 0)
			continue;
		*ret = strcmp(text, yes[i]) == 0;
		return 0;
	}
	return -EINVAL;
}

static int parse_choice(const char *text, const char *const *choices, int *ret)
{
	for (int i = 0; choices[i]; i++)
		if (strcmp(text, choices[i]) == 0) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

static int parse_number(enum option_type type, const char *text, uint64_t *ret)
{
	switch (type) {
	case OPTION_COUNT:
		return text_parse_count(text, ret);
	case OPTION_BYTES:
		return text_parse_bytes(text, ret);
	case OPTION_DURATION:
		return text_parse_duration(text, ret);
	default:
		if (strncmp(text, "1:", 2) != 0)
			return -EINVAL;
		return text_parse_count(text + 2, ret) == 0 && *ret > 0 ? 0 : -EINVAL;
	}
}

static int fail_choice(const struct option *option, const char *text, const char *where,
                       struct error *err)
{
	struct text_nearest nearest = { .word = text };
	char all[200];
	for (int i = 0; option->choices[i]; i++)
		text_nearest_offer(&nearest, option->choices[i]);
	option_argument(option, all, sizeof all);
	return error_set(err, -EINVAL, "%s: found '%.100s', expected one of %s%s%s%s", where, text, all,
	                 nearest.best ? "; did you mean " : "", nearest.best ? nearest.best : "",
	                 nearest.best ? "?" : "");
}

static int fail_value(const struct option *option, const char *text, const char *where,
                      struct error *err)
{
	static const char *const wanted[] = {
		[OPTION_FLAG] = "true or false",
		[OPTION_INVERSE] = "true or false",
		[OPTION_COUNT] = "a number such as 1000, 10k or 4M",
		[OPTION_BYTES] = "a size such as 1500, 64KiB, 512M or 1G",
		[OPTION_DURATION] = "a duration such as 90 (seconds), 1m30s, 2h, 100ms, or off",
		[OPTION_RATIO] = "a ratio 1:N such as 1:100",
		[OPTION_ENTRIES] = "a list in a configuration file",
	};
	if (option->type == OPTION_CHOICE)
		return fail_choice(option, text, where, err);
	return error_set(err, -EINVAL, "%s: found '%.100s', expected %s", where, text,
	                 wanted[option->type]);
}

/* -ERANGE where the number is outside the table's bounds. */
static int check_bounds(const struct option *option, uint64_t number)
{
	uint64_t bound;
	if (option->type == OPTION_DURATION && number == DURATION_OFF)
		return 0;
	if (option->minimum && parse_number(option->type, option->minimum, &bound) == 0
	    && number < bound)
		return -ERANGE;
	if (option->maximum && parse_number(option->type, option->maximum, &bound) == 0
	    && number > bound)
		return -ERANGE;
	return 0;
}

/* Says bounds as the table has them, that is as a user would write them. */
static int fail_range(const struct option *option, const char *text, const char *where,
                      struct error *err)
{
	const char *low = option->minimum ? option->minimum : "0";
	if (option->maximum)
		return error_set(err, -EINVAL, "%s: '%.100s' is out of range, expected %s to %s", where,
		                 text, low, option->maximum);
	if (option->minimum)
		return error_set(err, -EINVAL, "%s: '%.100s' is too small, expected %s or more%s", where,
		                 text, low, option->type == OPTION_DURATION ? ", or off" : "");
	return error_set(err, -EINVAL, "%s: '%.100s' is too large to be counted", where, text);
}

static int check_text(const struct option *option, const char *text, const char *where,
                      struct error *err)
{
	if (!*text)
		return error_set(err, -EINVAL, "%s: the value is empty, expected %s", where,
		                 option->argument ? option->argument : "text");
	int r = option->check ? option->check(text, err) : 0;
	return r < 0 ? error_prefix(err, r, "%s", where) : 0;
}

static int value_parse(const struct option *option, const char *text, const char *where,
                       union value *ret, struct error *err)
{
	int r = 0;
	switch (option->type) {
	case OPTION_FLAG:
	case OPTION_INVERSE:
		r = parse_flag(text, &ret->flag);
		ret->flag ^= option->type == OPTION_INVERSE;
		break;
	case OPTION_CHOICE:
		r = parse_choice(text, option->choices, &ret->choice);
		break;
	case OPTION_TEXT:
	case OPTION_LIST:
		return check_text(option, text, where, err);
	case OPTION_ENTRIES:
		r = -EINVAL;
		break;
	default:
		r = parse_number(option->type, text, &ret->number);
		if (r == 0)
			r = check_bounds(option, ret->number);
		break;
	}
	if (r == -ERANGE)
		return fail_range(option, text, where, err);
	return r < 0 ? fail_value(option, text, where, err) : 0;
}

const char *option_own(struct option_set *set, const char *text)
{
	size_t size = strlen(text) + 1;
	struct owned_text *owned = malloc(sizeof *owned + size);
	if (!owned)
		return NULL;
	memcpy(owned->text, text, size);
	owned->next = set->texts;
	set->texts = owned;
	return owned->text;
}

/* Room for one more. */
static int list_grow(struct option_set *set, const struct option *option)
{
	struct text_list *list = (void *)(set->settings + option->offset);
	struct option_state *state = &set->states[option - set->table];
	if (list->count < state->capacity)
		return 0;
	unsigned capacity = state->capacity ? state->capacity * 2 : 4;
	const char **items = realloc(list->items, capacity * sizeof *items);
	if (!items)
		return -ENOMEM;
	list->items = items;
	state->capacity = capacity;
	return 0;
}

/* The list grows first: a text that was copied and has no place would stay with the set. */
static int list_append(struct option_set *set, const struct option *option, const char *text)
{
	struct text_list *list = (void *)(set->settings + option->offset);
	if (list_grow(set, option) < 0)
		return -ENOMEM;
	const char *copy = option_own(set, text);
	if (!copy)
		return -ENOMEM;
	list->items[list->count++] = copy;
	return 0;
}

/* The type of the place follows from the option's type alone (see the list in option.h): a table
 * whose offset names another type is not noticed here. */
static int value_store(struct option_set *set, const struct option *option,
                       const union value *value, const char *text)
{
	void *place = set->settings + option->offset;
	switch (option->type) {
	case OPTION_FLAG:
	case OPTION_INVERSE:
		*(bool *)place = value->flag;
		return 0;
	case OPTION_CHOICE:
		*(int *)place = value->choice;
		return 0;
	case OPTION_TEXT:
		*(const char **)place = text ? option_own(set, text) : NULL;
		return text && !*(const char **)place ? -ENOMEM : 0;
	case OPTION_LIST:
		return list_append(set, option, text);
	default:
		*(uint64_t *)place = value->number;
		return 0;
	}
}

size_t option_value_bytes(const struct option *option)
{
	static const size_t sizes[] = {
		[OPTION_FLAG] = sizeof(bool), [OPTION_INVERSE] = sizeof(bool),
		[OPTION_CHOICE] = sizeof(int), [OPTION_TEXT] = sizeof(char *),
		[OPTION_COUNT] = 8, [OPTION_BYTES] = 8, [OPTION_DURATION] = 8, [OPTION_RATIO] = 8,
		[OPTION_ENTRIES] = 0,
	};
	return sizes[option->type];
}

/* Texts are borrowed from the other set, which lives at least as long. */
int option_copy(struct option_set *to, const struct option *option, const struct option_set *from,
                const struct option *original)
{
	if (option->type != OPTION_LIST) {
		memcpy(to->settings + option->offset, from->settings + original->offset,
		       option_value_bytes(option));
		return 0;
	}
	const struct text_list *list = (void *)(from->settings + original->offset);
	struct text_list *copy = (void *)(to->settings + option->offset);
	copy->count = 0;
	for (unsigned i = 0; i < list->count; i++) {
		if (list_grow(to, option) < 0)
			return -ENOMEM;
		copy->items[copy->count++] = list->items[i];
	}
	return 0;
}

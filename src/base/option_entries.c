/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that are lists of mappings (`meters:` in YAML): each entry is an option_set of its own,
 * bound to a settings struct that the list owns. What an entry does not say it takes from the
 * option of the same name outside; so the options of the file, and of the command line, are the
 * defaults of every entry. Neighbours: option.c (sets), option_yaml.c (who reads them).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/option_set.h"

static struct option_state *state_of(const struct option_set *set, const struct option *option)
{
	return &set->states[option - set->table];
}

static struct option_entries *entries_of(const struct option_set *set, const struct option *option)
{
	return (void *)(set->settings + option->offset);
}

/* Room for one more in both lists. */
static int grow(struct option_set *set, const struct option *option)
{
	struct option_state *state = state_of(set, option);
	struct option_entries *list = entries_of(set, option);
	void **items = realloc(list->items, (list->count + 1) * sizeof *items);
	if (!items)
		return -ENOMEM;
	list->items = items;
	struct option_set **sets = realloc(state->entries, (list->count + 1) * sizeof *sets);
	if (!sets)
		return -ENOMEM;
	state->entries = sets;
	return 0;
}

/* The place is stored into the entry's settings, since messages about it come long after the file
 * has been read. */
int option_entry_add(struct option_set *set, const struct option *option, const char *place,
                     struct option_set **ret, struct error *err)
{
	const struct option_entry_kind *kind = option->entry;
	struct option_entries *list = entries_of(set, option);
	if (list->count == kind->most)
		return error_set(err, -E2BIG, "%s: %s: more than %u entries", place, option->name,
		                 kind->most);
	char *settings = calloc(1, kind->bytes);
	const char *owned = option_own(set, place);
	if (!settings || !owned || grow(set, option) < 0) {
		free(settings);
		return error_set(err, -ENOMEM, "%s: out of memory", place);
	}
	memcpy(settings + kind->place_offset, &owned, sizeof owned);
	struct option_set *entry;
	int r = option_set_new(kind->table, settings, &entry, err);
	if (r < 0) {
		free(settings);
		return r;
	}
	state_of(set, option)->source = SOURCE_FILE;
	state_of(set, option)->entries[list->count] = entry;
	list->items[list->count++] = settings;
	*ret = entry;
	return 0;
}

static const char *name_of(const struct option_set *entry)
{
	const char *name;
	memcpy(&name, entry->settings + entry->table[0].offset, sizeof name);
	return name;
}

int option_entry_check(const struct option_set *set, const struct option *option,
                       const struct option_set *entry, struct error *err)
{
	const struct option_entry_kind *kind = option->entry;
	const struct option_entries *list = entries_of(set, option);
	struct option_set *const *sets = state_of(set, option)->entries;
	const char *name = name_of(entry), *place;
	memcpy(&place, entry->settings + kind->place_offset, sizeof place);
	if (!name)
		return error_set(err, -EINVAL, "%s: an entry of %s without its %s, expected '%s: %s'",
		                 place, option->name, kind->table[0].name, kind->table[0].name,
		                 kind->table[0].argument);
	for (unsigned i = 0; i < list->count; i++)
		if (sets[i] != entry && name_of(sets[i]) && strcmp(name_of(sets[i]), name) == 0)
			return error_set(err, -EINVAL, "%s: %s: two entries have the %s '%.100s'", place,
			                 option->name, kind->table[0].name, name);
	return 0;
}

void option_entries_free(struct option_set *set, const struct option *option)
{
	struct option_entries *list = entries_of(set, option);
	struct option_state *state = state_of(set, option);
	for (unsigned i = 0; i < list->count; i++) {
		option_set_free(state->entries[i]);
		free(list->items[i]);
	}
	free(state->entries);
	free(list->items);
	state->entries = NULL;
	*list = (struct option_entries){ 0 };
}

/* ---- what entries take from outside ---------------------------------------------------------- */

/* What the command line says outside stands above what the file says inside; else the entry's own
 * word counts, and the outer value fills what it leaves open. */
static int settle_entry(const struct option_set *set, struct option_set *entry)
{
	int r = 0;
	for (const struct option *o = entry->table; o->name && r == 0; o++) {
		const struct option *outer = option_find(set->table, o->name, strlen(o->name), NULL);
		if (o->own || !outer || outer->type != o->type)
			continue;
		bool wins = state_of(set, outer)->source == SOURCE_ARGUMENTS;
		if (wins || state_of(entry, o)->source == SOURCE_DEFAULT)
			r = option_copy(entry, o, set, outer);
	}
	return r;
}

int option_entries_settle(struct option_set *set, struct error *err)
{
	for (const struct option *o = set->table; o->name; o++) {
		if (o->type != OPTION_ENTRIES)
			continue;
		for (unsigned i = 0; i < entries_of(set, o)->count; i++)
			if (settle_entry(set, state_of(set, o)->entries[i]) < 0)
				return error_set(err, -ENOMEM, "%s: out of memory", o->name);
	}
	return 0;
}

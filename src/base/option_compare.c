/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether two settings that one table has filled are the same, told by the table: so an option that
 * is added counts without anybody remembering to compare it. What the values mean is not looked at;
 * 1000 and 1k are one value, two orders of a list are two.
 */
#include <string.h>

#include "base/option.h"
#include "base/option_set.h"

static bool is_named(const char *name, const char *const *names)
{
	for (unsigned i = 0; names[i]; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool texts_differ(const char *a, const char *b)
{
	return a != b && (!a || !b || strcmp(a, b));
}

static bool lists_differ(const struct text_list *a, const struct text_list *b)
{
	bool differ = a->count != b->count;
	for (unsigned i = 0; i < a->count && !differ; i++)
		differ = texts_differ(a->items[i], b->items[i]);
	return differ;
}

static bool entries_differ(const struct option *option, const struct option_entries *a,
                           const struct option_entries *b, const char *const *but)
{
	bool differ = a->count != b->count;
	for (unsigned i = 0; i < a->count && !differ; i++)
		differ = option_settings_differ(option->entry->table, a->items[i], b->items[i], but);
	return differ;
}

static bool values_differ(const struct option *option, const void *a, const void *b,
                          const char *const *but)
{
	switch (option->type) {
	case OPTION_TEXT:
		return texts_differ(*(const char *const *)a, *(const char *const *)b);
	case OPTION_LIST:
		return lists_differ(a, b);
	case OPTION_ENTRIES:
		return entries_differ(option, a, b, but);
	default:
		return memcmp(a, b, option_value_bytes(option)) != 0;
	}
}

bool option_settings_differ(const struct option *table, const void *a, const void *b,
                            const char *const *but)
{
	bool differ = false;
	for (const struct option *o = table; o->name && !differ; o++)
		differ = !is_named(o->name, but)
			&& values_differ(o, (const char *)a + o->offset, (const char *)b + o->offset, but);
	return differ;
}

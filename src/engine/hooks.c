/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that knows hooks of all rooms by name: see hooks.h. To add a room of hooks is a
 * line in hooks_available() and one in hooks_argument(). Neighbours: measure/measure.h,
 * identify/identify.h.
 */
#include "engine/hooks.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "identify/identify.h"
#include "measure/measure.h"

void hooks_available(struct hook_set *ret)
{
	static const struct flow_hook *const identify[] = { &identify_hook, NULL };
	static const struct flow_hook *const *const lists[] = { measures, identify };
	*ret = (struct hook_set){ .count = 0 };
	for (unsigned l = 0; l < array_count(lists); l++)
		for (unsigned i = 0; lists[l][i] && ret->count < METER_HOOKS_MAX; i++)
			ret->hook[ret->count++] = lists[l][i];
}

const struct flow_hook *hooks_find(const struct hook_set *set, const struct field *field)
{
	for (unsigned i = 0; i < set->count; i++)
		for (const char *const *name = set->hook[i]->fields; name && *name; name++)
			if (!strcmp(*name, field->name))
				return set->hook[i];
	return NULL;
}

static bool is_word(const char *word, size_t length, const char *name)
{
	return strlen(name) == length && !memcmp(word, name, length);
}

static int unknown_hook(const struct hook_set *all, const char *word, size_t length,
                        struct error *err)
{
	char names[512] = "";
	for (unsigned i = 0; i < all->count; i++) {
		size_t used = strlen(names);
		snprintf(names + used, sizeof names - used, ", %s", all->hook[i]->name);
	}
	return error_set(err, -EINVAL, "unknown measure \"%.*s\", expected a list of default, all%s",
	                 (int)length, word, names);
}

static bool is_meant(const struct flow_hook *hook, const char *word, size_t length)
{
	return is_word(word, length, hook->name) || (is_word(word, length, "all") && !hook->costly)
		|| (is_word(word, length, "default") && hook->standard);
}

static int mark_word(const struct hook_set *all, const char *word, size_t length,
                     bool wanted[METER_HOOKS_MAX], struct error *err)
{
	bool known = is_word(word, length, "all") || is_word(word, length, "default");
	for (unsigned i = 0; i < all->count; i++)
		if (is_meant(all->hook[i], word, length))
			wanted[i] = known = true;
	return known ? 0 : unknown_hook(all, word, length, err);
}

int hooks_parse(const char *text, struct hook_set *ret, struct error *err)
{
	struct hook_set all;
	bool wanted[METER_HOOKS_MAX] = { false };
	hooks_available(&all);
	for (const char *at = text; at && *at; at += *at == ',') {
		size_t length = strcspn(at, ",");
		int r = mark_word(&all, at, length, wanted, err);
		if (r)
			return r;
		at += length;
	}
	*ret = (struct hook_set){ .count = 0 };
	for (unsigned i = 0; i < all.count; i++)
		if (wanted[i])
			ret->hook[ret->count++] = all.hook[i];
	return 0;
}

const void *hooks_argument(const struct flow_hook *hook, const struct identify_settings *identify,
                           const struct measure_settings *measure)
{
	if (hook == &identify_hook)
		return identify;
	for (unsigned i = 0; measures[i]; i++)
		if (measures[i] == hook)
			return measure;
	return NULL;
}

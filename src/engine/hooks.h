/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hooks that a meter can be asked for, of every room that has some, and what each is opened
 * with. Neighbours: columns.h (which of them a meter runs), settings.h (their options).
 */
#ifndef ENGINE_HOOKS_H
#define ENGINE_HOOKS_H

#include "engine/settings.h"
#include "flow/meter.h"

/* Hooks of a meter; borrowed, since hooks are constants. */
struct hook_set {
	const struct flow_hook *hook[METER_HOOKS_MAX + 1];      /* in the order they run; NULL ends */
	unsigned count;
	bool sessions;                  /* applicationSessionId is among what is asked for: by
	                                 * columns_hooks() */
};

/* All there are. */
void hooks_available(struct hook_set *ret);

/* The hook that gives a field; NULL if none does. */
const struct flow_hook *hooks_find(const struct hook_set *set, const struct field *field);

/* A list such as "tcp,sizes", "default" or "all" (--measure); NULL is none. The error names what is
 * unknown and what there is. */
int hooks_parse(const char *text, struct hook_set *ret, struct error *err);

/* What a hook's open() gets; borrowed. `measure`: the worker's; `identify`: the meter's. */
const void *hooks_argument(const struct flow_hook *hook, const struct identify_settings *identify,
                           const struct measure_settings *measure);

#endif

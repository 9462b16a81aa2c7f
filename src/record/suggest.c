/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Did you mean": the field name nearest to a misspelt one. Apart from field.c because only
 * messages need it. The whole table is compared, some microseconds, once per message.
 */
#include "record/field.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

/* Two edits, or a quarter of a longer name; more than that is another word. */
static unsigned edits_allowed(size_t length)
{
	size_t quarter = length / 4;
	return quarter < 2 ? (unsigned)(length > 2 ? 2 : 1) : (unsigned)(quarter > 6 ? 6 : quarter);
}

/* The number of edits allowed grows with the word: in a short one, three changed letters make any
 * other. */
const char *field_suggest(const char *name)
{
	if (!*name)
		return NULL;
	const char *best = NULL;
	unsigned limit = edits_allowed(strlen(name)), nearest = limit + 1;
	for (unsigned i = 0; i < field_count && nearest > 0; i++) {
		const struct field *f = &field_table[i];
		if (strcasecmp(f->name, name) == 0 || strcmp(f->short_name, name) == 0)
			return f->name;
		unsigned distance = text_distance(name, f->name, limit + 1);
		if (distance < nearest) {
			nearest = distance;
			best = f->name;
		}
	}
	return best;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic fields, chained by (enterprise, number). See elements.h. */
#include "ipfix/elements.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

/* A field made at run time; never moved, since records point at it. */
struct element {
	struct field field;             /* points into the texts below */
	struct element *next;           /* another description of the same element */
	char name[ELEMENT_NAME_MAX + 1], unit[ELEMENT_UNIT_MAX + 1];
};

/* All of them, by enterprise and number. */
struct elements {
	struct map by_id;
	unsigned count, bound;
};

struct elements *elements_new(unsigned bound, uint64_t secret)
{
	struct elements *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->bound = bound;
	map_init(&e->by_id, secret);
	return e;
}

void elements_free(struct elements *e)
{
	uint32_t position = 0;
	struct element *at;
	if (!e)
		return;
	while ((at = map_next(&e->by_id, &position)))
		while (at) {
			struct element *next = at->next;
			free(at);
			at = next;
		}
	map_fini(&e->by_id);
	free(e);
}

static uint64_t key_of(uint32_t pen, uint16_t id)
{
	return (uint64_t)pen << 16 | id;
}

static bool is_same(const struct field *a, const struct field *b)
{
	return a->type == b->type && a->semantics == b->semantics && !strcmp(a->name, b->name)
		&& !strcmp(a->unit, b->unit);
}

/* Texts are copied into the element: descriptions come from messages. */
static struct element *element_new(const struct field *description)
{
	struct element *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	snprintf(e->name, sizeof e->name, "%s", description->name);
	snprintf(e->unit, sizeof e->unit, "%s", description->unit);
	e->field = *description;
	e->field.name = e->name;
	e->field.short_name = "";
	e->field.unit = e->unit;
	e->field.text = "told by an exporter";
	return e;
}

static const struct field *find(const struct elements *es, const struct field *description)
{
	const struct element *at = map_get(&es->by_id, key_of(description->pen, description->id));
	while (at && !is_same(&at->field, description))
		at = at->next;
	return at ? &at->field : NULL;
}

/* Two descriptions of one number that differ are two fields: exporters may use the same private
 * number for different things. */
const struct field *elements_intern(struct elements *es, const struct field *description)
{
	uint64_t key = key_of(description->pen, description->id);
	const struct field *known = find(es, description);
	if (known || es->count >= es->bound)
		return known;
	struct element *e = element_new(description);
	if (!e)
		return NULL;
	e->next = map_get(&es->by_id, key);
	if (map_put(&es->by_id, key, e)) {
		free(e);
		return NULL;
	}
	es->count++;
	return &e->field;
}

unsigned elements_count(const struct elements *es)
{
	return es->count;
}

const struct field *elements_unknown(struct elements *es, uint32_t pen, uint16_t id,
                                     bool only_known)
{
	char name[ELEMENT_NAME_MAX + 1];
	snprintf(name, sizeof name, "e%uid%u", pen, id);
	struct field description = { .name = name, .unit = "", .pen = pen, .id = id,
	                             .type = TYPE_OCTET_ARRAY };
	return only_known ? find(es, &description) : elements_intern(es, &description);
}

/* One name must not stand for two elements: records are told apart by it everywhere. */
static bool is_taken(const struct elements *es, const struct field *description)
{
	uint32_t position = 0;
	const struct element *at;
	while ((at = map_next(&es->by_id, &position)))
		for (; at; at = at->next)
			if (!strcmp(at->name, description->name) &&
			    (at->field.pen != description->pen || at->field.id != description->id))
				return true;
	return false;
}

bool elements_name_is_usable(const struct elements *es, const struct field *description)
{
	const char *name = description->name;
	size_t length = strlen(name);
	if (length > ELEMENT_NAME_MAX || !isalpha((unsigned char)name[0]))
		return false;
	if (name[0] == 'e' && isdigit((unsigned char)name[1]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	bool reverse;
	return !field_find(name, length, &reverse) && !is_taken(es, description);
}

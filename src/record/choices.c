/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of columns as people write it (--fields): names, "name=64" to cap a text, "all", and
 * changes with + and -. Everything happens on a copy, so a list with a mistake in it changes
 * nothing.
 */
#include <errno.h>
#include <string.h>

#include "record/record.h"

/* The list that is being made; the caller's stays as it is until all is well. */
struct choice_list {
	struct column_list available;           /* none: every field of the table */
	bool changes;                           /* the text began with + or - */
	unsigned count;
	struct column_choice choices[COLUMNS_MAX];
};

struct word {                                   /* borrowed from the text */
	const char *at;
	size_t length;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static struct word trimmed(struct word w)
{
	while (w.length && is_blank(*w.at))
		w.at++, w.length--;
	while (w.length && is_blank(w.at[w.length - 1]))
		w.length--;
	return w;
}

/* A column is its field and direction; a cap does not make another one of it. */
static int position_of(const struct column_choice *list, unsigned count,
                       const struct column_choice *c)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i].field == c->field && list[i].reverse == c->reverse)
			return (int)i;
	return -1;
}

int column_choice_add(struct column_choice *choices, unsigned *count,
                      const struct column_choice *choice, struct error *err)
{
	int at = position_of(choices, *count, choice);
	if (at >= 0) {
		if (choice->cap_bytes)
			choices[at].cap_bytes = choice->cap_bytes;
		return 0;
	}
	if (*count == COLUMNS_MAX)
		return error_set(err, -E2BIG, "more than %d fields", COLUMNS_MAX);
	choices[(*count)++] = *choice;
	return 0;
}

static int list_add(struct choice_list *list, const struct column_choice *c, struct error *err)
{
	return column_choice_add(list->choices, &list->count, c, err);
}

static void list_remove(struct choice_list *list, const struct column_choice *c)
{
	int at = position_of(list->choices, list->count, c);
	if (at < 0)
		return;
	list->count--;
	memmove(&list->choices[at], &list->choices[at + 1],
	        (list->count - (unsigned)at) * sizeof list->choices[0]);
}

/* The suggestion keeps "reverse" only as far as the table's own names do. */
static int unknown_field(struct word name, struct error *err)
{
	char text[128];
	size_t length = name.length < sizeof text ? name.length : sizeof text - 1;
	memcpy(text, name.at, length);
	text[length] = '\0';
	const char *near = field_suggest(text);
	if (!near && strncmp(text, "reverse", 7) == 0)
		near = field_suggest(text + 7);
	if (near)
		return error_set(err, -EINVAL, "unknown field \"%s\", did you mean \"%s\"?",
		                 text, near);
	return error_set(err, -EINVAL, "unknown field \"%s\", expected the name of an element "
	                 "(\"weir fields\" lists them)", text);
}

static int parse_cap(struct word name, struct word digits, struct column_choice *c,
                     struct error *err)
{
	unsigned long cap = 0;
	bool number = digits.length > 0;
	for (size_t i = 0; i < digits.length && number; i++) {
		number = digits.at[i] >= '0' && digits.at[i] <= '9' && cap <= UINT16_MAX;
		cap = cap * 10 + (unsigned long)(digits.at[i] - '0');
	}
	if (!number || cap < 1 || cap > UINT16_MAX)
		return error_set(err, -EINVAL, "\"%.*s=%.*s\": expected a length of 1 to 65535",
		                 (int)name.length, name.at, (int)digits.length, digits.at);
	unsigned bytes = field_type_bytes(c->field->type);
	if (bytes != 0 && bytes != cap && !field_type_reduces(c->field->type, (unsigned)cap))
		return error_set(err, -EINVAL, "\"%.*s\" has a fixed length of %u octets and cannot have "
		                 "%lu", (int)name.length, name.at, bytes, cap);
	c->cap_bytes = (uint16_t)cap;
	return 0;
}

static int parse_name(const struct choice_list *list, struct word w, struct column_choice *ret,
                      struct error *err)
{
	const char *equals = memchr(w.at, '=', w.length);
	size_t name_length = equals ? (size_t)(equals - w.at) : w.length;
	struct word name = trimmed((struct word){ w.at, name_length });
	struct column_choice c = { 0 };
	c.field = field_find(name.at, name.length, &c.reverse);
	if (!c.field)
		return unknown_field(name, err);
	int at = position_of(list->available.choices, list->available.count, &c);
	if (at < 0 && list->available.count)
		return error_set(err, -EINVAL, "field \"%.*s\" exists, but nothing here gives it",
		                 (int)name.length, name.at);
	if (at >= 0)
		c.cap_bytes = list->available.choices[at].cap_bytes;
	if (equals) {
		size_t rest = w.length - (size_t)(equals + 1 - w.at);
		int r = parse_cap(name, trimmed((struct word){ equals + 1, rest }), &c, err);
		if (r < 0)
			return r;
	}
	*ret = c;
	return 0;
}

/* "-all" empties the list, for what is added behind it. */
static int apply_all(struct choice_list *list, char sign, struct error *err)
{
	if (sign == '-')
		list->count = 0;
	unsigned all = list->available.all ? list->available.all : list->available.count;
	for (unsigned i = 0; sign != '-' && i < all; i++) {
		int r = list_add(list, &list->available.choices[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int apply_word(struct choice_list *list, struct word w, struct error *err)
{
	char sign = 0;
	struct column_choice c;
	if (w.length && (*w.at == '+' || *w.at == '-')) {
		sign = *w.at;
		w = trimmed((struct word){ w.at + 1, w.length - 1 });
	}
	if (w.length == 0)
		return error_set(err, -EINVAL, "expected the name of a field between the commas");
	if (list->changes && !sign)
		return error_set(err, -EINVAL, "\"%.*s\": expected + or - before each field "
		                 "of a list of changes", (int)w.length, w.at);
	if (w.length == 3 && memcmp(w.at, "all", 3) == 0)
		return apply_all(list, sign, err);
	int r = parse_name(list, w, &c, err);
	if (r < 0)
		return r;
	if (sign != '-')
		return list_add(list, &c, err);
	list_remove(list, &c);
	return 0;
}

int column_list_parse(const char *text, const struct column_list *available,
                      struct column_choice *choices, unsigned *ret_count, struct error *err)
{
	struct choice_list list = { .count = 0 };
	if (available)
		list.available = *available;
	text += strspn(text, " \t\n");
	list.changes = *text == '+' || *text == '-';
	if (list.changes) {
		list.count = *ret_count;
		memcpy(list.choices, choices, list.count * sizeof *choices);
	}
	for (const char *at = text; at; ) {
		const char *comma = strchr(at, ',');
		struct word w = { at, comma ? (size_t)(comma - at) : strlen(at) };
		int r = apply_word(&list, trimmed(w), err);
		if (r < 0)
			return r;
		at = comma ? comma + 1 : NULL;
	}
	if (list.count == 0)
		return error_set(err, -EINVAL, "no field is left");
	memcpy(choices, list.choices, list.count * sizeof *choices);
	*ret_count = list.count;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lays out rows: columns keep the order they were asked for, their values are placed by alignment
 * (widest first), so a row has no holes and every value can be read where it lies. The presence
 * bits come last. How a list of names becomes columns is in choices.c; rows live in batch.c.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "record/record.h"

static atomic_uint last_id;

static_assert(sizeof(struct arena_slice) == 8, "laid out among the 8-aligned values");

/* Addresses are octets, but keep their natural boundaries too: an IPv4 address compares as a word.
 * */
static unsigned alignment_of(const struct column *c)
{
	return c->bytes % 8 == 0 ? 8 : c->bytes % 4 == 0 ? 4 : c->bytes % 2 == 0 ? 2 : 1;
}

/* A cap on what can neither be cut nor shortened is dropped. */
static void columns_init(struct schema *s, const struct column_choice *choices)
{
	for (unsigned i = 0; i < s->column_count; i++) {
		enum field_type type = (enum field_type)choices[i].field->type;
		unsigned bytes = field_type_bytes(type);
		bool capped = bytes == 0 || field_type_reduces(type, choices[i].cap_bytes);
		s->column[i] = (struct column){
			.field = choices[i].field,
			.bytes = (uint16_t)(bytes ? bytes : sizeof(struct arena_slice)),
			.cap_bytes = capped ? choices[i].cap_bytes : 0,
			.reverse = choices[i].reverse,
			.key = choices[i].key,
			.variable = bytes == 0,
		};
	}
}

/* One pass for each alignment, widest first, leaves no holes. Types of odd sizes come last, with
 * the presence bits. */
static int columns_place(struct schema *s)
{
	unsigned offset = 0;
	for (unsigned alignment = 8; alignment > 0; alignment /= 2)
		for (unsigned i = 0; i < s->column_count; i++) {
			struct column *c = &s->column[i];
			if (alignment_of(c) != alignment)
				continue;
			c->offset = (uint16_t)offset;
			offset += c->bytes;
		}
	s->presence_offset = (uint16_t)offset;
	offset = (offset + (s->column_count + 7u) / 8 + 7) & ~7u;
	if (offset > ROW_BYTES_MAX)
		return -E2BIG;
	s->row_bytes = (uint16_t)offset;
	return 0;
}

/* COLUMNS_MAX columns of the widest type stay below 65536, so offsets cannot wrap while placing. */
static_assert(COLUMNS_MAX * 32 + COLUMNS_MAX / 8 + 8 <= UINT16_MAX, "offsets are 16 bits");

/* Ids count on for the life of the process and are never used twice: who remembers something by a
 * schema's id cannot mistake one for another. */
int schema_new(const struct column_choice *choices, unsigned count, unsigned scope_count,
               uint8_t family, struct schema **ret)
{
	if (count > COLUMNS_MAX)
		return -E2BIG;
	if (count == 0 || scope_count > count)
		return -EINVAL;
	struct schema *s = calloc(1, sizeof *s + count * sizeof s->column[0]);
	if (!s)
		return -ENOMEM;
	s->column_count = (uint16_t)count;
	s->scope_count = (uint16_t)scope_count;
	s->family = family;
	columns_init(s, choices);
	int r = columns_place(s);
	if (r < 0) {
		free(s);
		return r;
	}
	s->id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
	*ret = s;
	return 0;
}

void schema_free(struct schema *schema)
{
	free(schema);
}

int schema_find(const struct schema *schema, const struct field *field, bool reverse)
{
	for (unsigned i = 0; i < schema->column_count; i++)
		if (schema->column[i].field == field && schema->column[i].reverse == reverse)
			return (int)i;
	return -1;
}

bool schema_equal(const struct schema *a, const struct schema *b)
{
	if (a->column_count != b->column_count || a->scope_count != b->scope_count ||
	    a->family != b->family)
		return false;
	for (unsigned i = 0; i < a->column_count; i++) {
		const struct column *x = &a->column[i], *y = &b->column[i];
		if (x->field != y->field || x->reverse != y->reverse ||
		    x->key != y->key || x->cap_bytes != y->cap_bytes)
			return false;
	}
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See record_sort.h. Times are read in whichever unit a schema has, once for a row. */
#include "engine/record_sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

enum { BATCH_ROWS = 256 };

/* A row and what it is sorted by. */
struct sort_key {
	uint64_t start_ns, end_ns;
	struct record_batch *batch;     /* held once for each row */
	uint32_t row;
};

/* All rows so far, in the order they came. */
struct record_sort {
	struct sort_key *keys;
	size_t count, room;
};

struct record_sort *record_sort_new(void)
{
	return calloc(1, sizeof(struct record_sort));
}

void record_sort_free(struct record_sort *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		record_batch_release(s->keys[i].batch);
	free(s->keys);
	free(s);
}

/* ---- keeping --------------------------------------------------------------------------------- */

/* The column that tells the time, finest unit first; -1: none. */
static int time_column(const struct schema *schema, const uint16_t elements[4])
{
	for (unsigned i = 0; i < 4; i++) {
		int column = schema_find(schema, field_by_id(PEN_IANA, elements[i]), false);
		if (column >= 0)
			return column;
	}
	return -1;
}

static uint64_t time_ns(const struct schema *schema, const uint8_t *row, int column)
{
	static const uint32_t units[] = { 1000000000, 1000000, 1000, 1 };
	if (column < 0)
		return 0;
	return value_read_unsigned(schema, row, (unsigned)column) *
	       units[schema->column[column].field->type - TYPE_SECONDS];
}

static bool make_room(struct record_sort *s, size_t more)
{
	if (s->count + more <= s->room)
		return true;
	size_t room = s->room * 2 + 65536;
	struct sort_key *keys = realloc(s->keys, room * sizeof *keys);
	if (!keys)
		return false;
	s->keys = keys;
	s->room = room;
	return true;
}

/* Each row holds the batch once, so batches go as their last row leaves. */
bool record_sort_keep(struct record_sort *s, struct record_batch *batch)
{
	static const uint16_t starts[] = { 156, 154, 152, 150 }, ends[] = { 157, 155, 153, 151 };
	int start = time_column(batch->schema, starts), end = time_column(batch->schema, ends);
	if (!make_room(s, batch->count))
		return false;
	for (uint32_t i = 0; i < batch->count; i++) {
		const uint8_t *row = record_row(batch, i);
		s->keys[s->count++] = (struct sort_key){
			.start_ns = time_ns(batch->schema, row, start),
			.end_ns = time_ns(batch->schema, row, end),
			.batch = record_batch_hold(batch), .row = i,
		};
	}
	record_batch_release(batch);
	return true;
}

/* ---- sending --------------------------------------------------------------------------------- */

/* Ties are broken by layout and octets, so that the order depends on the records alone. */
static int compare(const void *a, const void *b)
{
	const struct sort_key *x = a, *y = b;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	if (x->end_ns != y->end_ns)
		return x->end_ns < y->end_ns ? -1 : 1;
	uint32_t ids[2] = { x->batch->schema->id, y->batch->schema->id };
	if (ids[0] != ids[1])
		return ids[0] < ids[1] ? -1 : 1;
	return memcmp(record_row(x->batch, x->row), record_row(y->batch, y->row),
	              x->batch->schema->row_bytes);
}

/* Neighbours of one schema travel together. */
uint64_t record_sort_send(struct record_sort *s,
                          void (*send)(void *context, struct record_batch *batch, bool options),
                          void *context)
{
	struct record_batch *open = NULL;
	uint64_t lost = 0;
	if (s->count)
		qsort(s->keys, s->count, sizeof *s->keys, compare);
	for (size_t i = 0; i < s->count; i++) {
		struct sort_key *key = &s->keys[i];
		if (open && (open->schema != key->batch->schema || open->count == open->capacity)) {
			send(context, open, false);
			open = NULL;
		}
		if (!open)
			open = record_batch_new(key->batch->schema, BATCH_ROWS);
		lost += !open || !record_batch_copy_row(open, key->batch, record_row(key->batch, key->row));
		record_batch_release(key->batch);
	}
	if (open)
		send(context, open, false);
	s->count = 0;
	return lost;
}

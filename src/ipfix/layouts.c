/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See layouts.h. A batch that a message has filled waits in `full` until the message is committed.
 * A rollback cuts batches back to their marks; rows are zeroed again, since appending relies on it.
 */
#include "ipfix/layouts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/map.h"

enum { ROWS_FIRST = 16, ROWS_MOST = 512, BATCH_BYTES_MOST = 64 * 1024, FULL_FIRST = 8 };

/* A batch that the message at hand has filled, and what a rollback needs. */
struct full_batch {
	struct layout *layout;
	struct record_batch *batch;
	bool old;                       /* had rows of earlier messages */
	uint32_t mark_rows, mark_arena;
};

/* All layouts, and the log of the message at hand. */
struct layouts {
	struct layouts_setup setup;
	struct map by_shape;            /* hash of the columns: a chain by next_same */
	unsigned count;
	struct layout *first, **end;    /* as they were made */
	struct layout *touched;         /* by the message being read */
	struct full_batch *full;        /* filled by it */
	unsigned full_count, full_room;
};

struct layouts *layouts_new(const struct layouts_setup *setup)
{
	struct layouts *ls = calloc(1, sizeof *ls);
	if (!ls)
		return NULL;
	ls->setup = *setup;
	ls->end = &ls->first;
	map_init(&ls->by_shape, setup->secret);
	return ls;
}

void layouts_free(struct layouts *ls)
{
	while (ls && ls->first) {
		struct layout *l = ls->first;
		ls->first = l->next;
		record_batch_release(l->batch);
		schema_free(l->schema);
		free(l);
	}
	if (!ls)
		return;
	map_fini(&ls->by_shape);
	free(ls->full);
	free(ls);
}

/* ---- schemas --------------------------------------------------------------------------------- */

/* A hash without a secret over addresses of fields: who could choose those has other ways. */
static uint64_t shape_of(const struct schema *s, bool options)
{
	uint64_t h = s->column_count * 31u + s->scope_count * 7u + s->family + (options ? 1u << 20 : 0);
	for (unsigned i = 0; i < s->column_count; i++) {
		uint64_t field = (uint64_t)(uintptr_t)s->column[i].field + s->column[i].reverse;
		h = (h ^ field) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h;
}

static uint32_t rows_most(const struct schema *s)
{
	uint32_t rows = BATCH_BYTES_MOST / s->row_bytes;
	return rows > ROWS_MOST ? ROWS_MOST : rows < ROWS_FIRST ? ROWS_FIRST : rows;
}

static struct layout *layout_find(const struct layouts *ls, uint64_t shape, const struct schema *s,
                                  bool options)
{
	struct layout *at = map_get(&ls->by_shape, shape);
	while (at && (at->options != options || !schema_equal(at->schema, s)))
		at = at->next_same;
	return at;
}

static int layout_add(struct layouts *ls, uint64_t shape, const struct layout *model,
                      struct layout **ret)
{
	if (ls->count >= ls->setup.bound)
		return -ENOSPC;
	struct layout *l = malloc(sizeof *l);
	if (!l)
		return -ENOMEM;
	*l = *model;
	l->next_same = map_get(&ls->by_shape, shape);
	if (map_put(&ls->by_shape, shape, l)) {
		free(l);
		return -ENOMEM;
	}
	*ls->end = l;
	ls->end = &l->next;
	ls->count++;
	*ret = l;
	return 0;
}

/* The schema is made first, to be compared as it would be laid out, and thrown away when an equal
 * one is there: templates are rare. */
int layouts_intern(struct layouts *ls, const struct layout_request *q, struct layout **ret,
                   bool *ret_new)
{
	struct schema *schema;
	int r = schema_new(q->choices, q->count, q->scope_count, q->family, &schema);
	if (r)
		return r;
	uint64_t shape = shape_of(schema, q->options);
	struct layout *found = layout_find(ls, shape, schema, q->options);
	bool made = !found;
	if (made) {
		struct layout model = { .schema = schema, .options = q->options, .rows = ROWS_FIRST };
		r = q->only_known ? -ENOSPC : layout_add(ls, shape, &model, &found);
	}
	if (!made || r)
		schema_free(schema);
	if (r)
		return r;
	*ret = found;
	*ret_new = made;
	return 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

void layouts_begin(struct layouts *ls)
{
	ls->touched = NULL;
	ls->full_count = 0;
}

/* The first time in a message: this is what a rollback goes back to. */
static void touch(struct layouts *ls, struct layout *l)
{
	l->touched = true;
	l->mark_rows = l->batch ? l->batch->count : 0;
	l->mark_arena = l->batch ? l->batch->arena_bytes : 0;
	l->next_touched = ls->touched;
	ls->touched = l;
}

/* Puts the full batch aside. */
static int put_aside(struct layouts *ls, struct layout *l)
{
	if (ls->full_count == ls->full_room) {
		unsigned room = ls->full_room ? ls->full_room * 2 : FULL_FIRST;
		struct full_batch *more = realloc(ls->full, room * sizeof *more);
		if (!more)
			return -ENOMEM;
		ls->full = more;
		ls->full_room = room;
	}
	ls->full[ls->full_count++] = (struct full_batch){ l, l->batch, l->mark_rows > 0, l->mark_rows,
	                                                  l->mark_arena };
	l->batch = NULL;
	l->mark_rows = l->mark_arena = 0;
	if (l->rows < rows_most(l->schema))
		l->rows = l->rows * 4 < rows_most(l->schema) ? l->rows * 4 : rows_most(l->schema);
	return 0;
}

struct record_batch *layout_room(struct layouts *ls, struct layout *l)
{
	if (!l->touched)
		touch(ls, l);
	if (l->batch && l->batch->count == l->batch->capacity && put_aside(ls, l))
		return NULL;
	if (!l->batch)
		l->batch = record_batch_new(l->schema, l->rows);
	return l->batch;
}

static void forget_touched(struct layouts *ls)
{
	for (struct layout *l = ls->touched; l; l = l->next_touched)
		l->touched = false;
	ls->touched = NULL;
	ls->full_count = 0;
}

/* `idle`: there was time to fill batches, so what is nearly empty shall be smaller next time. */
static void flush_all(struct layouts *ls, bool idle)
{
	for (struct layout *l = ls->first; l; l = l->next) {
		struct record_batch *batch = l->batch;
		if (!batch || !batch->count)
			continue;
		l->batch = NULL;
		if (idle && batch->count < batch->capacity / 4)
			l->rows = batch->count * 2 > ROWS_FIRST ? batch->count * 2 : ROWS_FIRST;
		ls->setup.emit(ls->setup.context, l, batch);
	}
}

void layouts_commit(struct layouts *ls)
{
	bool any = ls->full_count > 0;
	for (unsigned i = 0; i < ls->full_count; i++)
		ls->setup.emit(ls->setup.context, ls->full[i].layout, ls->full[i].batch);
	forget_touched(ls);
	if (any)
		flush_all(ls, false);
}

static void cut_back(struct record_batch *batch, uint32_t rows, uint32_t arena)
{
	memset(record_row(batch, rows), 0,
	       (size_t)(batch->count - rows) * batch->schema->row_bytes);
	batch->count = rows;
	batch->arena_bytes = arena;
}

/* A batch that this message has filled is put back in the place of the one begun after it; one that
 * the message has begun itself goes. */
void layouts_rollback(struct layouts *ls)
{
	for (struct layout *l = ls->touched; l; l = l->next_touched)
		if (l->batch)
			cut_back(l->batch, l->mark_rows, l->mark_arena);
	for (unsigned i = 0; i < ls->full_count; i++) {
		struct full_batch *f = &ls->full[i];
		if (!f->old) {
			record_batch_release(f->batch);
			continue;
		}
		cut_back(f->batch, f->mark_rows, f->mark_arena);
		record_batch_release(f->layout->batch);
		f->layout->batch = f->batch;
	}
	forget_touched(ls);
}

void layouts_flush(struct layouts *ls) { flush_all(ls, true); }

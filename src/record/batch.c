/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Record batches: rows of one schema, an arena for variable-length values, and a count of holders,
 * so that several outputs share one batch without a copy. A batch is written by one thread until it
 * is handed on; from then on it is only read, and whoever lets go last frees it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "record/record.h"

enum { ARENA_BYTES_MIN = 1024 };
#define ARENA_BYTES_MAX ((uint64_t)1 << 31)     /* 2 GiB: more is a fault of whoever fills it */

struct record_batch *record_batch_new(const struct schema *schema, uint32_t capacity)
{
	struct record_batch *batch = calloc(1, sizeof *batch);
	if (!batch)
		return NULL;
	batch->rows = calloc(capacity ? capacity : 1, schema->row_bytes);
	if (!batch->rows) {
		free(batch);
		return NULL;
	}
	batch->schema = schema;
	batch->capacity = capacity;
	atomic_init(&batch->holders, 1);
	return batch;
}

struct record_batch *record_batch_hold(struct record_batch *batch)
{
	atomic_fetch_add_explicit(&batch->holders, 1, memory_order_relaxed);
	return batch;
}

void record_batch_release(struct record_batch *batch)
{
	if (!batch || atomic_fetch_sub_explicit(&batch->holders, 1, memory_order_acq_rel) != 1)
		return;
	free(batch->rows);
	free(batch->arena);
	free(batch);
}

bool record_batch_reuse(struct record_batch *batch)
{
	if (!batch || atomic_load_explicit(&batch->holders, memory_order_acquire) != 1)
		return false;
	memset(batch->rows, 0, (size_t)batch->count * batch->schema->row_bytes);
	batch->count = 0;
	batch->arena_bytes = 0;
	return true;
}

uint8_t *record_batch_append(struct record_batch *batch)
{
	if (batch->count == batch->capacity)
		return NULL;
	return record_row(batch, batch->count++);
}

/* Grows by doubling; the offsets in slices stay valid, pointers into the arena do not. */
static int arena_grow(struct record_batch *batch, uint64_t needed)
{
	uint64_t capacity = batch->arena_capacity ? batch->arena_capacity : ARENA_BYTES_MIN;
	while (capacity < needed)
		capacity *= 2;
	if (capacity > ARENA_BYTES_MAX)
		return -ENOMEM;
	uint8_t *arena = realloc(batch->arena, capacity);
	if (!arena)
		return -ENOMEM;
	batch->arena = arena;
	batch->arena_capacity = (uint32_t)capacity;
	return 0;
}

struct arena_slice record_batch_store(struct record_batch *batch, const void *octets,
                                      uint32_t bytes)
{
	struct arena_slice slice = { .offset = batch->arena_bytes, .bytes = 0 };
	uint64_t end = (uint64_t)batch->arena_bytes + bytes;
	if (bytes == 0)
		return slice;
	if (unlikely(end > batch->arena_capacity) && arena_grow(batch, end) < 0)
		return slice;
	memcpy(batch->arena + slice.offset, octets, bytes);
	slice.bytes = bytes;
	batch->arena_bytes = (uint32_t)end;
	return slice;
}

bool record_batch_copy_row(struct record_batch *batch, const struct record_batch *from,
                           const uint8_t *row)
{
	const struct schema *schema = batch->schema;
	uint8_t *copy = record_batch_append(batch);
	bool whole = copy;
	if (copy)
		memcpy(copy, row, schema->row_bytes);
	for (unsigned i = 0; copy && i < schema->column_count; i++) {
		uint32_t bytes;
		if (!schema->column[i].variable || !record_is_present(schema, row, i))
			continue;
		const uint8_t *octets = value_read_octets(from, row, i, &bytes);
		struct arena_slice slice = record_batch_store(batch, octets, bytes);
		memcpy(copy + schema->column[i].offset, &slice, sizeof slice);
		whole = whole && slice.bytes == bytes;
	}
	return whole;
}

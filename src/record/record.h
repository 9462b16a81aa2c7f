/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record: values of named fields. A schema says which columns a row has and where; a record batch
 * holds rows packed in that order. Metered, collected and queried records are all of this type, and
 * options data are records with scope columns.
 *
 * Row values are in native byte order and naturally aligned, except addresses (network order
 * octets). Times are integers in the unit of the field's type (seconds, ms, us, ns since 1970 UTC).
 * Variable-length values are a struct arena_slice into the batch's arena. A presence bit a column
 * says whether a value is there: absent is not zero. Absent values are zeroed.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/field.h"

enum { COLUMNS_MAX = 1024, ROW_BYTES_MAX = 32768 };

struct column {
	const struct field *field;
	uint16_t offset;                /* in the row */
	uint16_t bytes;                 /* in the row; sizeof(struct arena_slice) when variable */
	uint16_t cap_bytes;             /* longest variable-length value (`name=64`), or octets of
	                                 * a number on the wire (`octetDeltaCount=4`); 0: none */
	bool reverse;                   /* RFC 5103 direction */
	bool variable;
	bool key;                       /* part of the flow key */
};

/* What stands in a row for a value of variable length. The arena moves when it grows: keep slices,
 * not pointers. */
struct arena_slice {
	uint32_t offset, bytes;         /* into record_batch.arena */
};

struct schema {                         /* immutable once built */
	uint32_t id;                    /* unique in the process; no template id */
	uint16_t column_count;
	uint16_t scope_count;           /* the first columns are scope (options data) when > 0 */
	uint16_t row_bytes;             /* multiple of 8 */
	uint16_t presence_offset;       /* bit i of the octets from here: column i is present */
	uint8_t  family;                /* 4 or 6 when the schema serves one family only, else 0 */
	uint16_t template_id;           /* that its templates shall have; 0: any */
	uint32_t process;               /* the metering process whose records these are; 0: none.
	                                 * Set by whoever made the schema, before others see it */
	struct column column[];
};

struct record_batch {                   /* immutable once published; freed by its last holder */
	const struct schema *schema;
	atomic_uint holders;
	uint32_t count, capacity;       /* rows */
	uint32_t arena_bytes, arena_capacity;
	uint8_t *rows, *arena;
};

struct column_choice {                  /* what a schema is built from */
	const struct field *field;
	bool reverse;
	bool key;
	uint16_t cap_bytes;
};

/* Lays out a schema. Fails with -E2BIG when it would exceed COLUMNS_MAX or ROW_BYTES_MAX, -EINVAL
 * without a column or with more scope columns than columns. A field may be there twice. */
int schema_new(const struct column_choice *choices, unsigned count, unsigned scope_count,
               uint8_t family, struct schema **ret);
void schema_free(struct schema *schema);
/* The column, or -1. */
int schema_find(const struct schema *schema, const struct field *field, bool reverse);
bool schema_equal(const struct schema *a, const struct schema *b);      /* same columns in order */

struct column_list {                    /* borrowed */
	const struct column_choice *choices;
	unsigned count;
	unsigned all;                   /* the first so many are what "all" means; 0: all of them */
};

/* Appends a choice to a list with room for COLUMNS_MAX; a column that is there already keeps its
 * place and takes the new cap, if there is one. -E2BIG when the list is full. */
int column_choice_add(struct column_choice *choices, unsigned *count,
                      const struct column_choice *choice, struct error *err);

/* Parses a list such as "sourceIPv4Address,octetDeltaCount=4,applicationName=64" or, when it
 * starts with + or -, changes to the list in `choices` ("+tcpControlBits,-vlanId"); "all" is
 * what `available` says, and a field that is not in it is an error; NULL: any field of the
 * table, and no "all". A plain list starts empty and may use signs after its first word
 * ("all,-vlanId"); a field named twice stays where it was first. Writes at most COLUMNS_MAX
 * choices and their number; on an error the message names the word and suggests a near name, and
 * choices and count are unchanged. */
int column_list_parse(const char *text, const struct column_list *available,
                      struct column_choice *choices, unsigned *ret_count, struct error *err);

/* The schema is borrowed and outlives the batch. Room for `capacity` rows; the arena grows as
 * values come. NULL when there is no memory. */
struct record_batch *record_batch_new(const struct schema *schema, uint32_t capacity);
struct record_batch *record_batch_hold(struct record_batch *batch);     /* one more holder */
void record_batch_release(struct record_batch *batch);                  /* NULL is fine */

/* Empties a batch for its sole holder, who then fills it anew; false (and as it was) when others
 * still hold it, or for NULL. */
bool record_batch_reuse(struct record_batch *batch);

/* Appends a zeroed row (all absent) and returns it; NULL when the batch is full. */
uint8_t *record_batch_append(struct record_batch *batch);

/* Appends a copy of a row of a batch with the same schema. False when the batch is full or there is
 * no memory for all of its values. */
bool record_batch_copy_row(struct record_batch *batch, const struct record_batch *from,
                           const uint8_t *row);

/* Copies octets into the arena (grows it) and returns the slice; bytes 0 with -ENOMEM. */
struct arena_slice record_batch_store(struct record_batch *batch, const void *octets,
                                      uint32_t bytes);

/* A row by its number, below batch->count; the next one is schema->row_bytes further on. */
static inline uint8_t *record_row(const struct record_batch *batch, uint32_t index)
{
	return batch->rows + (size_t)index * batch->schema->row_bytes;
}
static inline bool record_is_present(const struct schema *schema, const uint8_t *row,
                                     unsigned column)
{
	return row[schema->presence_offset + column / 8] >> (column % 8) & 1;
}
static inline void record_set_present(const struct schema *schema, uint8_t *row, unsigned column)
{
	row[schema->presence_offset + column / 8] |= (uint8_t)(1u << (column % 8));
}

/* Where a hook writes one value: into the row of the record being made. */
struct value_writer {
	struct record_batch *batch;
	uint8_t *row;
	unsigned column;
};

/* Each sets the value (converted to the column's width, saturating) and its presence bit. What the
 * column's type cannot hold (a number into an address, octets into a counter or of another length
 * than an address has, NaN, infinity) leaves the value as it was: absent. Strings are cut at the
 * column's cap, between characters. */
void value_write_unsigned(struct value_writer *w, uint64_t value);
void value_write_signed(struct value_writer *w, int64_t value);
void value_write_double(struct value_writer *w, double value);
/* Addresses, strings, octet arrays. */
void value_write_octets(struct value_writer *w, const void *octets, uint32_t bytes);
void value_write_time(struct value_writer *w, uint64_t time_ns);        /* to the column's unit */

/* Reads one value; zeros or no octets when absent. Numbers of another kind are converted,
 * saturating; octets are borrowed from the row or the arena, which the next write may move. */
uint64_t value_read_unsigned(const struct schema *schema, const uint8_t *row, unsigned column);
int64_t value_read_signed(const struct schema *schema, const uint8_t *row, unsigned column);
double value_read_double(const struct schema *schema, const uint8_t *row, unsigned column);
const uint8_t *value_read_octets(const struct record_batch *batch, const uint8_t *row,
                                 unsigned column, uint32_t *ret_bytes);

#endif

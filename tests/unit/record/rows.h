/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of values share: a batch of one row with one column. Included after cmocka.h. */
#ifndef TESTS_UNIT_RECORD_ROWS_H
#define TESTS_UNIT_RECORD_ROWS_H

#include <string.h>

#include "record/record.h"

struct one {
	struct schema *schema;
	struct record_batch *batch;
	struct value_writer writer;     /* of the only column of the only row */
};

/* A column of a made-up field, so that every type has one. The field is borrowed. */
static inline struct one one_new(const struct field *field, uint16_t cap_bytes)
{
	struct one one;
	struct column_choice choice = { .field = field, .cap_bytes = cap_bytes };
	assert_int_equal(schema_new(&choice, 1, 0, 0, &one.schema), 0);
	one.batch = record_batch_new(one.schema, 1);
	assert_non_null(one.batch);
	one.writer = (struct value_writer){ .batch = one.batch };
	one.writer.row = record_batch_append(one.batch);
	return one;
}

static inline void one_free(struct one *one)
{
	record_batch_release(one->batch);
	schema_free(one->schema);
}

static inline bool one_is_present(const struct one *one)
{
	return record_is_present(one->schema, one->writer.row, 0);
}

#endif

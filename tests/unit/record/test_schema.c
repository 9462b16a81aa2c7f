/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are laid out without overlap and on their boundaries; batches hold what was put in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "record/record.h"

static struct column_choice choice(uint16_t id, bool reverse)
{
	return (struct column_choice){ .field = field_by_id(0, id), .reverse = reverse };
}

/* One of each width, narrow ones first. */
static const uint16_t mixed[] = { 4, 58, 10, 1, 56, 27, 8, 96, 311, 276, 520, 150, 154 };

static struct schema *mixed_schema(void)
{
	struct column_choice choices[array_count(mixed)];
	struct schema *schema = NULL;
	for (size_t i = 0; i < array_count(mixed); i++)
		choices[i] = choice(mixed[i], false);
	assert_int_equal(schema_new(choices, array_count(mixed), 0, 0, &schema), 0);
	return schema;
}

static unsigned natural_alignment(const struct column *c)
{
	switch (c->field->type) {
	case TYPE_MAC:
		return 1;
	case TYPE_IPV6: case TYPE_U256:
		return 8;
	default:
		return c->variable ? _Alignof(struct arena_slice) : c->bytes;
	}
}

static void layout(void **state)
{
	struct schema *schema = mixed_schema();
	uint8_t owner[256] = { 0 };
	assert_int_equal(schema->column_count, array_count(mixed));
	assert_int_equal(schema->row_bytes % 8, 0);
	assert_true(schema->presence_offset + (array_count(mixed) + 7) / 8 <= schema->row_bytes);
	for (unsigned i = 0; i < schema->column_count; i++) {
		const struct column *c = &schema->column[i];
		assert_int_equal(c->field->id, mixed[i]);
		assert_int_equal(c->offset % natural_alignment(c), 0);
		assert_true(c->offset + c->bytes <= schema->presence_offset);
		for (unsigned at = c->offset; at < c->offset + (unsigned)c->bytes; at++)
			assert_int_equal(owner[at]++, 0);
	}
	/* 1+2+4+8+6+16+4+8+8+1+32+4+8 octets of values, no hole among them */
	assert_int_equal(schema->presence_offset, 102);
	schema_free(schema);
}

static void presence_bits(void **state)
{
	struct schema *schema = mixed_schema();
	struct record_batch *batch = record_batch_new(schema, 2);
	uint8_t *row = record_batch_append(batch);
	for (unsigned i = 0; i < schema->column_count; i++) {
		assert_false(record_is_present(schema, row, i));
		record_set_present(schema, row, i);
		assert_true(record_is_present(schema, row, i));
	}
	uint8_t *next = record_batch_append(batch);
	assert_ptr_equal(next, record_row(batch, 1));
	for (unsigned i = 0; i < schema->row_bytes; i++)
		assert_int_equal(next[i], 0);
	assert_null(record_batch_append(batch));
	record_batch_release(batch);
	schema_free(schema);
}

static void bounds(void **state)
{
	static struct column_choice many[COLUMNS_MAX + 1];
	struct schema *schema = NULL;
	for (size_t i = 0; i < array_count(many); i++)
		many[i] = choice(1, false);
	assert_int_equal(schema_new(many, COLUMNS_MAX + 1, 0, 0, &schema), -E2BIG);
	assert_int_equal(schema_new(many, 0, 0, 0, &schema), -EINVAL);
	assert_int_equal(schema_new(many, 1, 2, 0, &schema), -EINVAL);
	assert_null(schema);
	assert_int_equal(schema_new(many, COLUMNS_MAX, 1, 6, &schema), 0);
	assert_int_equal(schema->scope_count, 1);
	assert_int_equal(schema->family, 6);
	assert_true(schema->row_bytes <= ROW_BYTES_MAX);
	schema_free(schema);
	schema_free(NULL);
}

static void find_and_equal(void **state)
{
	const struct column_choice choices[] = {
		choice(1, false), choice(2, false), choice(1, true)
	};
	const struct column_choice other[] = {
		choice(2, false), choice(1, false), choice(1, true)
	};
	struct schema *a, *b, *c;
	assert_int_equal(schema_new(choices, 3, 0, 0, &a), 0);
	assert_int_equal(schema_new(choices, 3, 0, 0, &b), 0);
	assert_int_equal(schema_new(other, 3, 0, 0, &c), 0);
	assert_int_equal(schema_find(a, field_by_id(0, 1), false), 0);
	assert_int_equal(schema_find(a, field_by_id(0, 1), true), 2);
	assert_int_equal(schema_find(a, field_by_id(0, 2), true), -1);
	assert_true(schema_equal(a, b));
	assert_false(schema_equal(a, c));
	assert_int_not_equal(a->id, b->id);
	schema_free(a);
	schema_free(b);
	schema_free(c);
}

static void arena_grows(void **state)
{
	struct schema *schema = mixed_schema();
	struct record_batch *batch = record_batch_new(schema, 1);
	struct arena_slice slices[300];
	uint8_t octets[299];
	for (unsigned i = 0; i < array_count(slices); i++) {
		memset(octets, (int)i, sizeof octets);
		slices[i] = record_batch_store(batch, octets, i);
		assert_int_equal(slices[i].bytes, i);
	}
	for (unsigned i = 0; i < array_count(slices); i++)
		for (unsigned k = 0; k < slices[i].bytes; k++)
			assert_int_equal(batch->arena[slices[i].offset + k], (uint8_t)i);
	assert_int_equal(batch->arena_bytes, 299 * 300 / 2);
	record_batch_release(batch);
	schema_free(schema);
}

static void *hold_and_release(void *batch)
{
	for (unsigned i = 0; i < 10000; i++)
		record_batch_release(record_batch_hold(batch));
	record_batch_release(batch);
	return NULL;
}

/* Under a sanitizer this shows that the last holder, and no other, frees. */
static void holders(void **state)
{
	struct schema *schema = mixed_schema();
	struct record_batch *batch = record_batch_new(schema, 4);
	pthread_t other;
	record_batch_hold(batch);
	assert_int_equal(pthread_create(&other, NULL, hold_and_release, batch), 0);
	hold_and_release(batch);
	assert_int_equal(pthread_join(other, NULL), 0);
	record_batch_release(NULL);
	schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout), cmocka_unit_test(presence_bits), cmocka_unit_test(bounds),
		cmocka_unit_test(find_and_equal), cmocka_unit_test(arena_grows),
		cmocka_unit_test(holders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

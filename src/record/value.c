/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values in rows: written from what a measure or a decoder has (a number, octets, a time), read
 * back as what a consumer wants. A number that does not fit its column is the nearest that does, so
 * a counter never wraps. What the column's type cannot hold at all (octets into a counter, a number
 * into an address, NaN) leaves the value absent.
 */
#include <math.h>
#include <string.h>

#include "base/compiler.h"
#include "record/record.h"

struct limits {                         /* of an integer type; low is 0 for the unsigned ones */
	int64_t low;
	uint64_t high;
};

static const struct limits integer_limits[TYPE_COUNT] = {
	[TYPE_U8] = { 0, UINT8_MAX }, [TYPE_U16] = { 0, UINT16_MAX },
	[TYPE_U32] = { 0, UINT32_MAX }, [TYPE_U64] = { 0, UINT64_MAX }, [TYPE_BOOLEAN] = { 0, 1 },
	[TYPE_S8] = { INT8_MIN, INT8_MAX }, [TYPE_S16] = { INT16_MIN, INT16_MAX },
	[TYPE_S32] = { INT32_MIN, INT32_MAX }, [TYPE_S64] = { INT64_MIN, INT64_MAX },
	[TYPE_SECONDS] = { 0, UINT32_MAX }, [TYPE_MILLISECONDS] = { 0, UINT64_MAX },
	[TYPE_MICROSECONDS] = { 0, UINT64_MAX }, [TYPE_NANOSECONDS] = { 0, UINT64_MAX },
};

static bool is_integer(unsigned type)
{
	return integer_limits[type].high != 0;
}

static bool is_float(unsigned type)
{
	return type == TYPE_FLOAT32 || type == TYPE_FLOAT64;
}

static const struct column *column_of(const struct value_writer *w)
{
	return &w->batch->schema->column[w->column];
}

/* The low octets of a two's complement number are the number in any width (little-endian). */
static void put_bits(struct value_writer *w, const struct column *c, uint64_t bits)
{
	uint8_t *at = w->row + c->offset;
	switch (c->bytes) {             /* a copy whose length is known is no call */
	case 1:
		*at = (uint8_t)bits;
		break;
	case 2:
		memcpy(at, &bits, 2);
		break;
	case 4:
		memcpy(at, &bits, 4);
		break;
	case 8:
		memcpy(at, &bits, 8);
		break;
	default:
		memcpy(at, &bits, c->bytes);
	}
	record_set_present(w->batch->schema, w->row, w->column);
}

/* What the column cannot hold as a finite number is absent. */
static void put_float(struct value_writer *w, const struct column *c, double value)
{
	float narrow = (float)value;
	if (!isfinite(c->bytes == sizeof narrow ? (double)narrow : value))
		return;
	if (c->bytes == sizeof narrow)
		memcpy(w->row + c->offset, &narrow, sizeof narrow);
	else
		memcpy(w->row + c->offset, &value, sizeof value);
	record_set_present(w->batch->schema, w->row, w->column);
}

void value_write_unsigned(struct value_writer *w, uint64_t value)
{
	const struct column *c = column_of(w);
	uint64_t high = integer_limits[c->field->type].high;
	if (likely(high))
		put_bits(w, c, value < high ? value : high);
	else if (is_float(c->field->type))
		put_float(w, c, (double)value);
}

void value_write_signed(struct value_writer *w, int64_t value)
{
	const struct column *c = column_of(w);
	const struct limits *limits = &integer_limits[c->field->type];
	if (value >= 0)
		value_write_unsigned(w, (uint64_t)value);
	else if (is_integer(c->field->type))
		put_bits(w, c, (uint64_t)(value > limits->low ? value : limits->low));
	else if (is_float(c->field->type))
		put_float(w, c, (double)value);
}

/* To the nearest integer where the column holds integers. */
void value_write_double(struct value_writer *w, double value)
{
	const struct column *c = column_of(w);
	if (is_float(c->field->type)) {
		put_float(w, c, value);
		return;
	}
	if (!is_integer(c->field->type) || isnan(value))
		return;
	if (value < 0)
		value_write_signed(w, value <= -0x1p63 ? INT64_MIN : (int64_t)round(value));
	else
		value_write_unsigned(w, value >= 0x1p64 ? UINT64_MAX : (uint64_t)round(value));
}

/* A text is never cut inside a character: back to the last octet that begins one. */
static uint32_t cut_text(const uint8_t *octets, uint32_t bytes)
{
	uint32_t cut = bytes;
	while (cut > 0 && bytes - cut < 3 && (octets[cut] & 0xc0) == 0x80)
		cut--;
	return (octets[cut] & 0xc0) == 0x80 ? bytes : cut;
}

/* Texts are cut between characters, other octets anywhere; without memory the value is absent. */
static void put_slice(struct value_writer *w, const struct column *c, const void *octets,
                      uint32_t bytes)
{
	uint32_t cap = c->cap_bytes ? c->cap_bytes : UINT32_MAX;
	if (bytes > cap)
		bytes = c->field->type == TYPE_STRING ? cut_text(octets, cap) : cap;
	struct arena_slice slice = record_batch_store(w->batch, octets, bytes);
	if (slice.bytes != bytes)
		return;
	memcpy(w->row + c->offset, &slice, sizeof slice);
	record_set_present(w->batch->schema, w->row, w->column);
}

void value_write_octets(struct value_writer *w, const void *octets, uint32_t bytes)
{
	const struct column *c = column_of(w);
	if (c->variable) {
		put_slice(w, c, octets, bytes);
	} else if (bytes == c->bytes && !is_integer(c->field->type) && !is_float(c->field->type)) {
		memcpy(w->row + c->offset, octets, bytes);
		record_set_present(w->batch->schema, w->row, w->column);
	}
}

/* Cut, not rounded: a time is not moved into the next unit before it has come. */
void value_write_time(struct value_writer *w, uint64_t time_ns)
{
	switch (column_of(w)->field->type) {
	case TYPE_SECONDS:
		value_write_unsigned(w, time_ns / 1000000000);
		break;
	case TYPE_MILLISECONDS:
		value_write_unsigned(w, time_ns / 1000000);
		break;
	case TYPE_MICROSECONDS:
		value_write_unsigned(w, time_ns / 1000);
		break;
	case TYPE_NANOSECONDS:
		value_write_unsigned(w, time_ns);
		break;
	default:
		break;
	}
}

static double read_float(const struct column *c, const uint8_t *at)
{
	if (c->field->type == TYPE_FLOAT32) {
		float narrow;
		memcpy(&narrow, at, sizeof narrow);
		return (double)narrow;
	}
	double wide;
	memcpy(&wide, at, sizeof wide);
	return wide;
}

/* What an unsigned number cannot say is 0 (negatives, NaN) or the largest (beyond 64 bits). */
uint64_t value_read_unsigned(const struct schema *schema, const uint8_t *row, unsigned column)
{
	const struct column *c = &schema->column[column];
	uint64_t bits = 0;
	if (is_float(c->field->type)) {
		double value = read_float(c, row + c->offset);
		return !(value > 0) ? 0 : value >= 0x1p64 ? UINT64_MAX : (uint64_t)value;
	}
	if (!is_integer(c->field->type))
		return 0;
	memcpy(&bits, row + c->offset, c->bytes);
	if (integer_limits[c->field->type].low < 0 && bits > integer_limits[c->field->type].high)
		return 0;
	return bits;
}

/* Saturates both ways; shorter columns are extended by their sign. */
int64_t value_read_signed(const struct schema *schema, const uint8_t *row, unsigned column)
{
	const struct column *c = &schema->column[column];
	if (is_float(c->field->type)) {
		double value = read_float(c, row + c->offset);
		return value <= -0x1p63 ? INT64_MIN : value >= 0x1p63 ? INT64_MAX : (int64_t)value;
	}
	if (integer_limits[c->field->type].low == 0) {
		uint64_t bits = value_read_unsigned(schema, row, column);
		return bits > INT64_MAX ? INT64_MAX : (int64_t)bits;
	}
	uint64_t bits = 0;
	memcpy(&bits, row + c->offset, c->bytes);
	unsigned spare = 64 - 8u * c->bytes;
	return (int64_t)(bits << spare) >> spare;
}

double value_read_double(const struct schema *schema, const uint8_t *row, unsigned column)
{
	const struct column *c = &schema->column[column];
	if (is_float(c->field->type))
		return read_float(c, row + c->offset);
	if (integer_limits[c->field->type].low < 0)
		return (double)value_read_signed(schema, row, column);
	return (double)value_read_unsigned(schema, row, column);
}

const uint8_t *value_read_octets(const struct record_batch *batch, const uint8_t *row,
                                 unsigned column, uint32_t *ret_bytes)
{
	const struct column *c = &batch->schema->column[column];
	if (!c->variable) {
		*ret_bytes = c->bytes;
		return row + c->offset;
	}
	struct arena_slice slice;
	memcpy(&slice, row + c->offset, sizeof slice);
	*ret_bytes = slice.bytes;
	return batch->arena ? batch->arena + slice.offset : (const uint8_t *)"";
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists in the arena: written value by value behind their head, read back with bounds checked once
 * in list_read(). list.h has the form, list_text.c the way to text.
 */
#include "record/list.h"

#include <math.h>

#include "base/ntp.h"

enum { ENTERPRISE_BIT = 0x8000, LENGTH_LONG = 255 };

/* --- reading --- */

/* The field of a reverse element is that of the forward one, as everywhere. */
static const struct field *element_find(uint32_t pen, uint16_t id)
{
	if (pen == PEN_REVERSE)
		return field_by_id(PEN_IANA, id);
	const struct field *f = field_by_id(pen, id);
	return f || !field_reverses_by_bit(pen) ? f
		: field_by_id(pen, id & (uint16_t)~FIELD_REVERSE_BIT);
}

static size_t value_length(struct wire_reader *r, uint16_t element_bytes)
{
	if (element_bytes != LIST_VARIABLE)
		return element_bytes;
	size_t bytes = wire_u8(r);
	return bytes < LENGTH_LONG ? bytes : wire_u16(r);
}

/* Whether values fill what is left to the last octet. */
static bool are_values(struct wire_reader values, uint16_t element_bytes)
{
	if (element_bytes == 0)
		return wire_left(&values) == 0;
	if (element_bytes != LIST_VARIABLE)
		return wire_left(&values) % element_bytes == 0;
	while (!values.failed && wire_left(&values))
		wire_take(&values, value_length(&values, element_bytes));
	return !values.failed;
}

bool list_read(const void *octets, size_t bytes, struct list *ret)
{
	struct wire_reader r = wire_reader_of(octets, bytes);
	struct list l = { .semantic = wire_u8(&r), .id = wire_u16(&r), .element_bytes = wire_u16(&r) };
	if (l.id & ENTERPRISE_BIT)
		l.pen = wire_u32(&r);
	l.id &= (uint16_t)~ENTERPRISE_BIT;
	if (r.failed || !are_values(r, l.element_bytes))
		return false;
	l.field = element_find(l.pen, l.id);
	l.values = r;
	*ret = l;
	return true;
}

bool list_next(struct list *l, const uint8_t **ret_octets, size_t *ret_bytes)
{
	if (!wire_left(&l->values))
		return false;
	size_t bytes = value_length(&l->values, l->element_bytes);
	*ret_octets = wire_take(&l->values, bytes);
	*ret_bytes = bytes;
	return *ret_octets != NULL;
}

/* --- writing --- */

static uint32_t list_bytes(const struct list_writer *l)
{
	return l->to->batch->arena_bytes - l->start;
}

/* All of it, or nothing and no more from here on. */
static void put(struct list_writer *l, const void *octets, size_t bytes)
{
	if (l->full)
		return;
	if (bytes > l->limit - list_bytes(l)) {
		l->full = true;
		return;
	}
	struct arena_slice slice = record_batch_store(l->to->batch, octets, (uint32_t)bytes);
	l->full = slice.bytes != bytes;
}

/* The head goes in before any value; its length field is the element's own, so a reader needs no
 * table to walk the values. */
void list_begin(struct list_writer *l, struct value_writer *to, const struct field *element,
                enum list_semantic semantic)
{
	const struct column *column = &to->batch->schema->column[to->column];
	unsigned width = field_type_bytes((enum field_type)element->type);
	*l = (struct list_writer){
		.to = to, .start = to->batch->arena_bytes, .type = element->type,
		.element_bytes = (uint16_t)(width ? width : LIST_VARIABLE),
		.limit = column->cap_bytes && column->cap_bytes < LIST_BYTES_MAX ? column->cap_bytes
		                                                                 : LIST_BYTES_MAX,
	};
	uint8_t head[LIST_HEAD_BYTES + 4];
	struct wire_writer w = wire_writer_of(head, sizeof head);
	wire_put_u8(&w, (uint8_t)semantic);
	wire_put_u16(&w, (uint16_t)(element->id | (element->pen ? ENTERPRISE_BIT : 0)));
	wire_put_u16(&w, l->element_bytes);
	if (element->pen)
		wire_put_u32(&w, element->pen);
	put(l, head, wire_written(&w));
}

static void put_number(struct list_writer *l, uint64_t bits)
{
	bits = __builtin_bswap64(bits);
	if (l->element_bytes <= sizeof bits)
		put(l, (const uint8_t *)&bits + sizeof bits - l->element_bytes, l->element_bytes);
}

static bool is_signed(unsigned type)
{
	return type >= TYPE_S8 && type <= TYPE_S64;
}

static bool is_float(unsigned type)
{
	return type == TYPE_FLOAT32 || type == TYPE_FLOAT64;
}

static bool is_unsigned(unsigned type)
{
	return (type >= TYPE_U8 && type <= TYPE_U64) ||
	       (type >= TYPE_SECONDS && type <= TYPE_NANOSECONDS);
}

void list_add_unsigned(struct list_writer *l, uint64_t value)
{
	unsigned bits = 8u * l->element_bytes - is_signed(l->type);
	if (is_float(l->type)) {
		list_add_double(l, (double)value);
	} else if (l->type == TYPE_BOOLEAN) {
		put_number(l, value ? 1 : 2);
	} else if (is_unsigned(l->type) || is_signed(l->type)) {
		uint64_t high = UINT64_MAX >> (64 - bits);
		put_number(l, value < high ? value : high);
	}
}

void list_add_signed(struct list_writer *l, int64_t value)
{
	if (value >= 0) {
		list_add_unsigned(l, (uint64_t)value);
	} else if (is_float(l->type)) {
		list_add_double(l, (double)value);
	} else if (is_signed(l->type)) {
		int64_t low = -1 - (int64_t)(UINT64_MAX >> (65 - 8 * l->element_bytes));
		put_number(l, (uint64_t)(value > low ? value : low));
	} else if (is_unsigned(l->type)) {
		put_number(l, 0);
	}
}

/* NaN is no value of an integer and is left out; others are rounded and saturate. */
void list_add_double(struct list_writer *l, double value)
{
	uint64_t bits = 0;
	float narrow = (float)value;
	if (l->type == TYPE_FLOAT32)
		memcpy(&bits, &narrow, sizeof narrow);
	else if (l->type == TYPE_FLOAT64)
		memcpy(&bits, &value, sizeof value);
	else if (!isnan(value) && value < 0)
		list_add_signed(l, value <= -0x1p63 ? INT64_MIN : (int64_t)round(value));
	else if (!isnan(value))
		list_add_unsigned(l, value >= 0x1p64 ? UINT64_MAX : (uint64_t)round(value));
	if (is_float(l->type))
		put_number(l, bits);
}

/* Lists hold times as the wire does: NTP timestamps for microseconds and nanoseconds. */
void list_add_time(struct list_writer *l, uint64_t time_ns)
{
	switch (l->type) {
	case TYPE_SECONDS:
		list_add_unsigned(l, time_ns / 1000000000);
		break;
	case TYPE_MILLISECONDS:
		put_number(l, time_ns / 1000000);
		break;
	case TYPE_MICROSECONDS:
		put_number(l, ntp_of_microseconds(time_ns / 1000));
		break;
	case TYPE_NANOSECONDS:
		put_number(l, ntp_of_nanoseconds(time_ns));
		break;
	default:
		break;
	}
}

void list_add_octets(struct list_writer *l, const void *octets, size_t bytes)
{
	uint8_t head[3] = { LENGTH_LONG, (uint8_t)(bytes >> 8), (uint8_t)bytes };
	if (l->element_bytes != LIST_VARIABLE) {
		if (bytes == l->element_bytes)
			put(l, octets, bytes);
		return;
	}
	size_t head_bytes = bytes < LENGTH_LONG ? 1 : 3;
	if (head_bytes + bytes > l->limit - list_bytes(l))
		l->full = true;
	put(l, head_bytes == 1 ? head + 2 : head, head_bytes);
	put(l, octets, bytes);
}

void list_end(struct list_writer *l)
{
	struct record_batch *batch = l->to->batch;
	struct list check;
	struct arena_slice slice = { .offset = l->start, .bytes = list_bytes(l) };
	if (!slice.bytes || !list_read(batch->arena + slice.offset, slice.bytes, &check)) {
		batch->arena_bytes = l->start;          /* not even the head, or half a value */
		return;
	}
	memcpy(l->to->row + batch->schema->column[l->to->column].offset, &slice, sizeof slice);
	record_set_present(batch->schema, l->to->row, l->to->column);
}

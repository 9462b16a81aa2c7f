/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan and the loop over it; encoder.h says what it promises.
 *
 * Rows are encoded in blocks of up to 64, column by column: the operation is chosen once for a
 * column and a block, and the loop inside is load, swap, store. Each row of the block has a cursor
 * into the message. A step writes at a fixed distance from the cursor; only variable-length fields
 * move it, so records of fixed length never do. Source and destination of a block stay in the
 * first-level cache (64 rows of about 200 octets). A value costs about a nanosecond, whatever its
 * type.
 */
#include "ipfix/encoder.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "ipfix/format.h"
#include "base/ntp.h"
#include "ipfix/template.h"
#include "ipfix/utf8.h"

struct block {                          /* rows on their way */
	const struct record_batch *batch;
	const uint8_t *rows;            /* the first of them */
	size_t row_bytes;
	uint32_t count;
	uint8_t *cursor[IPFIX_BLOCK_ROWS];
};

static int plan_make(struct ipfix_encoder *e);
static void step_add(struct ipfix_encoder *e, unsigned column);
static void note_add(struct ipfix_encoder *e, const struct column *column, const char *reason);

int ipfix_encoder_new(const struct schema *schema, uint16_t template_id, struct ipfix_encoder **ret,
                      struct error *err)
{
	struct ipfix_encoder *e = calloc(1, sizeof *e);
	if (!e)
		return error_set(err, -ENOMEM, "out of memory for a template");
	e->schema = schema;
	e->template_id = template_id;
	int rc = plan_make(e);
	if (rc == -EINVAL)
		error_set(err, rc, "none of the fields can be carried by IPFIX: %s", e->note);
	else if (rc < 0)
		error_set(err, rc, "out of memory for a template");
	if (rc < 0) {
		ipfix_encoder_free(e);
		return rc;
	}
	*ret = e;
	return 0;
}

void ipfix_encoder_free(struct ipfix_encoder *e)
{
	if (!e)
		return;
	free(e->steps);
	free(e->variable);
	free(e->template_record);
	free(e);
}

/* --- the plan --- */

static enum ipfix_operation integer_operation(unsigned bytes)
{
	return bytes == 1 ? IPFIX_COPY_1 : bytes == 2 ? IPFIX_SWAP_16 :
	       bytes == 4 ? IPFIX_SWAP_32 : IPFIX_SWAP_64;
}

static enum ipfix_operation operation_of(const struct column *column)
{
	switch (column->field->type) {
	case TYPE_STRING:       return IPFIX_TEXT;
	case TYPE_OCTET_ARRAY:  return IPFIX_OCTETS;
	case TYPE_BASIC_LIST:   return IPFIX_LIST;
	case TYPE_BOOLEAN:      return IPFIX_BOOLEAN;
	case TYPE_MAC:          return IPFIX_COPY_6;
	case TYPE_IPV4:         return IPFIX_COPY_4;
	case TYPE_IPV6:         return IPFIX_COPY_16;
	case TYPE_U256:         return IPFIX_COPY_32;
	case TYPE_MICROSECONDS: return IPFIX_NTP_MICROSECONDS;
	case TYPE_NANOSECONDS:  return IPFIX_NTP_NANOSECONDS;
	default:                return integer_operation(column->bytes);
	}
}

/* The template record: id, number of fields, for options the number of scope fields, the fields. */
static size_t template_head(struct ipfix_encoder *e)
{
	uint16_t words[3] = { __builtin_bswap16(e->template_id), __builtin_bswap16(e->step_count),
	                      __builtin_bswap16(e->scope_count) };
	size_t bytes = e->schema->scope_count ? 6 : 4;
	memcpy(e->template_record, words, bytes);
	return bytes;
}

static int plan_make(struct ipfix_encoder *e)
{
	const struct schema *schema = e->schema;
	e->steps = calloc(schema->column_count, sizeof *e->steps);
	e->variable = calloc(schema->column_count, sizeof *e->variable);
	e->template_record = malloc(6 + 8 * (size_t)schema->column_count);
	if (!e->steps || !e->variable || !e->template_record)
		return -ENOMEM;
	bool directional = ipfix_has_directional_key(schema);
	uint8_t *at = e->template_record + (schema->scope_count ? 6 : 4);
	uint16_t segment = 0;
	for (unsigned i = 0; i < schema->column_count; i++) {
		const struct column *column = &schema->column[i];
		struct ipfix_field_specifier specifier;
		const char *reason = "no field names an endpoint";
		if ((column->reverse && !directional) || !ipfix_specify(column, &specifier, &reason)) {
			note_add(e, column, reason);
			continue;
		}
		at = ipfix_specifier_write(&specifier, at);
		e->steps[e->step_count].at = segment;
		segment = (uint16_t)(column->variable ? 0 : segment + column->bytes);
		step_add(e, i);
	}
	if (e->step_count == e->scope_count)
		return -EINVAL;
	e->template_bytes = (uint16_t)(at - e->template_record);
	template_head(e);
	return 0;
}

static_assert(6 + 8 * COLUMNS_MAX <= UINT16_MAX, "template_bytes is 16 bits");
static_assert(COLUMNS_MAX * 32 <= UINT16_MAX, "fixed_bytes is 16 bits");

static void step_add(struct ipfix_encoder *e, unsigned i)
{
	const struct column *column = &e->schema->column[i];
	struct ipfix_step *step = &e->steps[e->step_count++];
	step->column = (uint16_t)i;
	step->offset = column->offset;
	step->operation = (uint8_t)operation_of(column);
	step->cap_bytes = column->cap_bytes ? column->cap_bytes : UINT16_MAX;
	if (column->variable)
		e->variable[e->variable_count++] = *step;
	else
		e->fixed_bytes = (uint16_t)(e->fixed_bytes + column->bytes);
	if (i < e->schema->scope_count)
		e->scope_count++;
}

static void note_add(struct ipfix_encoder *e, const struct column *column, const char *reason)
{
	char name[128];
	field_column_name(column->field, column->reverse, name, sizeof name);
	size_t length = strlen(e->note);
	snprintf(e->note + length, sizeof e->note - length, "%s%s (%s)", length ? ", " : "", name,
	         reason);
}

/* --- measuring: only variable-length fields need a look at the rows --- */

/* A list has its head even when nobody knows what would be in it (RFC 6313, section 4.5): undefined
 * semantic, no values of one octet of padding. */
static const uint8_t empty_list[] = { 255, 0, 210, 0, 1 };

static const uint8_t *slice_octets(const struct record_batch *batch, const uint8_t *value,
                                   const struct ipfix_step *step, size_t *ret_bytes)
{
	struct arena_slice slice;
	memcpy(&slice, value, sizeof slice);
	if (step->operation == IPFIX_LIST && (slice.bytes == 0 || slice.bytes > UINT16_MAX)) {
		*ret_bytes = sizeof empty_list;
		return empty_list;
	}
	if (slice.bytes == 0) {
		*ret_bytes = 0;
		return NULL;
	}
	const uint8_t *octets = batch->arena + slice.offset;
	if (slice.bytes <= step->cap_bytes || step->operation == IPFIX_LIST)
		*ret_bytes = slice.bytes;
	else if (step->operation == IPFIX_TEXT)
		*ret_bytes = utf8_cut(octets, slice.bytes, step->cap_bytes);
	else
		*ret_bytes = step->cap_bytes;
	return octets;
}

static size_t length_bytes(size_t bytes)
{
	return bytes < IPFIX_LENGTH_LONG ? 1 : 3;
}

static size_t row_wire_bytes(const struct ipfix_encoder *e, const struct record_batch *batch,
                             const uint8_t *row)
{
	size_t total = e->fixed_bytes;
	for (unsigned i = 0; i < e->variable_count; i++) {
		const struct ipfix_step *step = &e->variable[i];
		size_t bytes;
		slice_octets(batch, row + step->offset, step, &bytes);
		total += length_bytes(bytes) + bytes;
	}
	return total;
}

uint32_t ipfix_encoder_measure(const struct ipfix_encoder *e, const struct ipfix_rows *rows,
                               size_t room, size_t *ret_bytes)
{
	uint32_t count = rows->count < IPFIX_BLOCK_ROWS ? rows->count : IPFIX_BLOCK_ROWS;
	if (e->variable_count == 0) {
		size_t fit = room / e->fixed_bytes;
		count = fit < count ? (uint32_t)fit : count;
		*ret_bytes = (size_t)count * e->fixed_bytes;
		return count;
	}
	size_t total = 0;
	uint32_t taken = 0;
	for (; taken < count; taken++) {
		const uint8_t *row = record_row(rows->batch, rows->first + taken);
		size_t bytes = row_wire_bytes(e, rows->batch, row);
		if (bytes > room - total)
			break;
		total += bytes;
	}
	*ret_bytes = total;
	return taken;
}

/* --- the operations: one column of a block each --- */

static void put_copy_1(const struct ipfix_step *step, struct block *b)
{
	const uint8_t *from = b->rows + step->offset;
	size_t at = step->at, row_bytes = b->row_bytes;
	for (uint32_t i = 0, n = b->count; i < n; i++, from += row_bytes)
		b->cursor[i][at] = *from;
}

/* Always inlined, so that the length is a constant in each caller. */
static inline __attribute__((always_inline))
void copy_octets(const struct ipfix_step *step, struct block *b, size_t bytes)
{
	const uint8_t *from = b->rows + step->offset;
	size_t at = step->at, row_bytes = b->row_bytes;
	for (uint32_t i = 0, n = b->count; i < n; i++, from += row_bytes)
		memcpy(b->cursor[i] + at, from, bytes);
}

static void put_copy_4(const struct ipfix_step *step, struct block *b)
{
	copy_octets(step, b, 4);
}

static void put_copy_6(const struct ipfix_step *step, struct block *b)
{
	copy_octets(step, b, 6);
}

static void put_copy_16(const struct ipfix_step *step, struct block *b)
{
	copy_octets(step, b, 16);
}

static void put_copy_32(const struct ipfix_step *step, struct block *b)
{
	copy_octets(step, b, 32);
}

static void put_swap_16(const struct ipfix_step *step, struct block *b)
{
	const uint8_t *from = b->rows + step->offset;
	size_t at = step->at, row_bytes = b->row_bytes;
	for (uint32_t i = 0, n = b->count; i < n; i++, from += row_bytes) {
		uint16_t value = load_be16(from);
		memcpy(b->cursor[i] + at, &value, sizeof value);
	}
}

static void put_swap_32(const struct ipfix_step *step, struct block *b)
{
	const uint8_t *from = b->rows + step->offset;
	size_t at = step->at, row_bytes = b->row_bytes;
	for (uint32_t i = 0, n = b->count; i < n; i++, from += row_bytes) {
		uint32_t value = load_be32(from);
		memcpy(b->cursor[i] + at, &value, sizeof value);
	}
}

static void put_swap_64(const struct ipfix_step *step, struct block *b)
{
	const uint8_t *from = b->rows + step->offset;
	size_t at = step->at, row_bytes = b->row_bytes;
	for (uint32_t i = 0, n = b->count; i < n; i++, from += row_bytes) {
		uint64_t value = load_be64(from);
		memcpy(b->cursor[i] + at, &value, sizeof value);
	}
}

static void put_boolean(const struct ipfix_step *step, struct block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes)
		b->cursor[i][step->at] = *from ? 1 : 2;
}

/* An absent time is zero on the wire as well, not the first second of 1970. */
static void put_ntp_microseconds(const struct ipfix_step *step, struct block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		uint64_t time = load_64(from);
		time = time ? __builtin_bswap64(ntp_of_microseconds(time)) : 0;
		memcpy(b->cursor[i] + step->at, &time, sizeof time);
	}
}

static void put_ntp_nanoseconds(const struct ipfix_step *step, struct block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		uint64_t time = load_64(from);
		time = time ? __builtin_bswap64(ntp_of_nanoseconds(time)) : 0;
		memcpy(b->cursor[i] + step->at, &time, sizeof time);
	}
}

static uint8_t *put_length(uint8_t *to, size_t bytes)
{
	if (length_bytes(bytes) == 1) {
		*to = (uint8_t)bytes;
		return to + 1;
	}
	*to++ = IPFIX_LENGTH_LONG;
	*to++ = (uint8_t)(bytes >> 8);
	*to++ = (uint8_t)bytes;
	return to;
}

static void put_variable(const struct ipfix_step *step, struct block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		size_t bytes;
		const uint8_t *octets = slice_octets(b->batch, from, step, &bytes);
		uint8_t *to = put_length(b->cursor[i] + step->at, bytes);
		if (bytes && step->operation == IPFIX_TEXT)
			utf8_copy(to, octets, bytes);
		else if (bytes)
			memcpy(to, octets, bytes);
		b->cursor[i] = to + bytes;
	}
}

static void (*const operations[])(const struct ipfix_step *, struct block *) = {
	[IPFIX_COPY_1] = put_copy_1,
	[IPFIX_COPY_4] = put_copy_4,
	[IPFIX_COPY_6] = put_copy_6,
	[IPFIX_COPY_16] = put_copy_16,
	[IPFIX_COPY_32] = put_copy_32,
	[IPFIX_SWAP_16] = put_swap_16,
	[IPFIX_SWAP_32] = put_swap_32,
	[IPFIX_SWAP_64] = put_swap_64,
	[IPFIX_BOOLEAN] = put_boolean,
	[IPFIX_NTP_MICROSECONDS] = put_ntp_microseconds,
	[IPFIX_NTP_NANOSECONDS] = put_ntp_nanoseconds,
	[IPFIX_OCTETS] = put_variable,
	[IPFIX_TEXT] = put_variable,
	[IPFIX_LIST] = put_variable,
};
static_assert(array_count(operations) == IPFIX_OPERATION_COUNT, "every operation has a function");

static void cursors_init(const struct ipfix_encoder *e, struct block *b, uint8_t *to)
{
	for (uint32_t i = 0; i < b->count; i++) {
		b->cursor[i] = to;
		to += e->variable_count == 0 ? e->fixed_bytes :
		      row_wire_bytes(e, b->batch, b->rows + i * b->row_bytes);
	}
}

void ipfix_encoder_rows(const struct ipfix_encoder *e, const struct ipfix_rows *rows, uint8_t *to)
{
	struct block b;         /* the cursors are set below: no need to clear 512 octets */
	b.batch = rows->batch;
	b.rows = record_row(rows->batch, rows->first);
	b.row_bytes = rows->batch->schema->row_bytes;
	b.count = rows->count;
	cursors_init(e, &b, to);
	for (unsigned i = 0; i < e->step_count; i++)
		operations[e->steps[i].operation](&e->steps[i], &b);
}

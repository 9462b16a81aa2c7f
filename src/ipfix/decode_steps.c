/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops over one column of a block: load, turn round, store; about a nanosecond a value. The
 * operation is chosen outside of the loop. Lengths have been checked by whoever set the cursors.
 * Presence of what is always there is set for the whole row by decode_plan.c.
 */
#include "ipfix/decode_steps.h"

#include "base/compiler.h"
#include "base/ntp.h"
#include "ipfix/format.h"

/* ---- which ----------------------------------------------------------------------------------- */

/* The lengths that most exporters use have loops of their own, any other one that loads octet by
 * octet. */
static bool operation_of_unsigned(unsigned row_bytes, uint16_t length, uint8_t *ret)
{
	if (length == 0 || length > 8)
		return false;
	if (length == row_bytes)
		*ret = length == 1 ? DECODE_COPY_1 : length == 2 ? DECODE_SWAP_2 :
		       length == 4 ? DECODE_SWAP_4 : DECODE_SWAP_8;
	else if (length == 1 && row_bytes == 2)
		*ret = DECODE_WIDEN_1_2;
	else if (length == 4 && row_bytes == 8)
		*ret = DECODE_WIDEN_4_8;
	else
		*ret = DECODE_UNSIGNED;
	return true;
}

static bool operation_of_length(uint16_t length, uint16_t expected, uint8_t operation, uint8_t *ret)
{
	if (length != expected)
		return false;
	*ret = operation;
	return true;
}

/* Integers may come shorter than their type (RFC 7011, section 6.2), other types in their own
 * length only; false sends the value to a column of octets. */
bool decode_operation_of(const struct field *field, uint16_t length, uint8_t *ret)
{
	unsigned row_bytes = field_type_bytes(field->type);
	switch ((enum field_type)field->type) {
	case TYPE_U8: case TYPE_U16: case TYPE_U32: case TYPE_U64:
		return operation_of_unsigned(row_bytes, length, ret);
	case TYPE_S8: case TYPE_S16: case TYPE_S32: case TYPE_S64:
		*ret = DECODE_SIGNED;
		return length >= 1 && length <= 8;
	case TYPE_FLOAT32:
		return operation_of_length(length, 4, DECODE_SWAP_4, ret);
	case TYPE_FLOAT64:
		*ret = length == 4 ? DECODE_FLOAT_4_8 : DECODE_SWAP_8;
		return length == 4 || length == 8;
	case TYPE_BOOLEAN:
		return operation_of_length(length, 1, DECODE_BOOLEAN, ret);
	case TYPE_SECONDS:
		return operation_of_length(length, 4, DECODE_SWAP_4, ret);
	case TYPE_MILLISECONDS:
		return operation_of_length(length, 8, DECODE_SWAP_8, ret);
	case TYPE_MICROSECONDS:
		return operation_of_length(length, 8, DECODE_NTP_MICROSECONDS, ret);
	case TYPE_NANOSECONDS:
		return operation_of_length(length, 8, DECODE_NTP_NANOSECONDS, ret);
	case TYPE_MAC:
		return operation_of_length(length, 6, DECODE_COPY, ret);
	case TYPE_IPV4:
		return operation_of_length(length, 4, DECODE_COPY_4, ret);
	case TYPE_IPV6:
		return operation_of_length(length, 16, DECODE_COPY_16, ret);
	case TYPE_U256:
		return operation_of_length(length, 32, DECODE_COPY, ret);
	case TYPE_STRING:
		*ret = length == IPFIX_LENGTH_VARIABLE ? DECODE_VARIABLE : DECODE_TEXT;
		return true;
	default:
		*ret = length == IPFIX_LENGTH_VARIABLE ? DECODE_VARIABLE : DECODE_OCTETS;
		return true;
	}
}

/* ---- one value ------------------------------------------------------------------------------- */

/* `from` is the value on the wire, `to` its place in the row. */
typedef void put_value(const struct decode_step *s, const struct decode_context *c,
                       const uint8_t *from, uint8_t *to);

static inline uint64_t load_any(const uint8_t *from, unsigned bytes)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | from[i];
	return v;
}

static inline void put_copy_1(const struct decode_step *s, const struct decode_context *c,
                              const uint8_t *from, uint8_t *to)
{
	*to = *from;
}

static inline void put_copy_4(const struct decode_step *s, const struct decode_context *c,
                              const uint8_t *from, uint8_t *to)
{
	memcpy(to, from, 4);
}

static inline void put_copy_16(const struct decode_step *s, const struct decode_context *c,
                               const uint8_t *from, uint8_t *to)
{
	memcpy(to, from, 16);
}

static inline void put_copy(const struct decode_step *s, const struct decode_context *c,
                            const uint8_t *from, uint8_t *to)
{
	memcpy(to, from, s->row_bytes);
}

static inline void put_swap_2(const struct decode_step *s, const struct decode_context *c,
                              const uint8_t *from, uint8_t *to)
{
	uint16_t v = load_be16(from);
	memcpy(to, &v, sizeof v);
}

static inline void put_swap_4(const struct decode_step *s, const struct decode_context *c,
                              const uint8_t *from, uint8_t *to)
{
	uint32_t v = load_be32(from);
	memcpy(to, &v, sizeof v);
}

static inline void put_swap_8(const struct decode_step *s, const struct decode_context *c,
                              const uint8_t *from, uint8_t *to)
{
	uint64_t v = load_be64(from);
	memcpy(to, &v, sizeof v);
}

static inline void put_widen_1_2(const struct decode_step *s, const struct decode_context *c,
                                 const uint8_t *from, uint8_t *to)
{
	uint16_t v = *from;
	memcpy(to, &v, sizeof v);
}

static inline void put_widen_4_8(const struct decode_step *s, const struct decode_context *c,
                                 const uint8_t *from, uint8_t *to)
{
	uint64_t v = load_be32(from);
	memcpy(to, &v, sizeof v);
}

/* Little-endian: the low octets are the number in any width. */
static void put_unsigned(const struct decode_step *s, const struct decode_context *c,
                         const uint8_t *from, uint8_t *to)
{
	uint64_t v = load_any(from, s->wire_bytes);
	if (s->row_bytes < 8 && v >> (8 * s->row_bytes))
		v = (UINT64_C(1) << (8 * s->row_bytes)) - 1;
	memcpy(to, &v, s->row_bytes);
}

/* Extended by its sign from any length; a wider one than the row's saturates. */
static void put_signed(const struct decode_step *s, const struct decode_context *c,
                       const uint8_t *from, uint8_t *to)
{
	unsigned spare = 64 - 8u * s->wire_bytes;
	int64_t v = (int64_t)(load_any(from, s->wire_bytes) << spare) >> spare;
	int64_t most = s->row_bytes < 8 ? (INT64_C(1) << (8 * s->row_bytes - 1)) - 1 : INT64_MAX;
	v = v > most ? most : v < -most - 1 ? -most - 1 : v;
	memcpy(to, &v, s->row_bytes);
}

static void put_float(const struct decode_step *s, const struct decode_context *c,
                      const uint8_t *from, uint8_t *to)
{
	uint32_t bits = load_be32(from);
	float narrow;
	memcpy(&narrow, &bits, sizeof narrow);
	double wide = (double)narrow;
	memcpy(to, &wide, sizeof wide);
}

/* The header's time belongs to the header's uptime; a flow may end a little after it. */
static void put_uptime(const struct decode_step *s, const struct decode_context *c,
                       const uint8_t *from, uint8_t *to)
{
	int32_t ago = (int32_t)(c->uptime_ms - load_be32(from));
	uint64_t v = c->export_ms - (uint64_t)(int64_t)ago;
	memcpy(to, &v, sizeof v);
}

static void put_before_export(const struct decode_step *s, const struct decode_context *c,
                              const uint8_t *from, uint8_t *to)
{
	uint64_t v = c->export_ms * 1000 - load_any(from, s->wire_bytes);
	memcpy(to, &v, sizeof v);
}

/* ---- values that may be absent --------------------------------------------------------------- */

typedef void put_maybe(const struct decode_step *s, struct decode_block *b, uint8_t *row,
                       const uint8_t *from);

/* Without memory the value stays absent: the row is still a row. */
static void put_slice(const struct decode_step *s, struct decode_block *b, uint8_t *row,
                      const struct decode_set *value)
{
	struct arena_slice slice = record_batch_store(b->batch, value->octets, value->bytes);
	if (!slice.bytes)
		return;                 /* nothing there, or no memory */
	memcpy(row + s->offset, &slice, sizeof slice);
	record_set_present(b->batch->schema, row, s->column);
}

static void put_octets(const struct decode_step *s, struct decode_block *b, uint8_t *row,
                       const uint8_t *from)
{
	put_slice(s, b, row, &(struct decode_set){ from, s->wire_bytes });
}

/* Fixed lengths are filled up with zeros, which are no part of the text. */
static void put_text(const struct decode_step *s, struct decode_block *b, uint8_t *row,
                     const uint8_t *from)
{
	uint32_t bytes = s->wire_bytes;
	while (bytes > 0 && from[bytes - 1] == 0)
		bytes--;
	put_slice(s, b, row, &(struct decode_set){ from, bytes });
}

/* 1 true, 2 false (RFC 7011, section 6.1.5); anything else says nothing. */
static void put_boolean(const struct decode_step *s, struct decode_block *b, uint8_t *row,
                        const uint8_t *from)
{
	if (*from != 1 && *from != 2)
		return;
	row[s->offset] = *from == 1;
	record_set_present(b->batch->schema, row, s->column);
}

/* Zero says that there is no time: NTP has no other way (RFC 5905, section 6). */
static void put_ntp(const struct decode_step *s, struct decode_block *b, uint8_t *row,
                    const uint8_t *from)
{
	uint64_t v = load_be64(from);
	if (v == 0)
		return;
	v = s->operation == DECODE_NTP_MICROSECONDS ? ntp_to_microseconds(v) : ntp_to_nanoseconds(v);
	memcpy(row + s->offset, &v, sizeof v);
	record_set_present(b->batch->schema, row, s->column);
}

/* ---- a column -------------------------------------------------------------------------------- */

/* Always inlined, so that each caller has a loop of its own around its value. */
static inline __attribute__((always_inline))
void each(const struct decode_step *s, struct decode_block *b, put_value *put)
{
	uint8_t *to = b->rows + s->offset;
	size_t at = s->at, row_bytes = b->row_bytes;
	for (uint32_t i = 0, n = b->count; i < n; i++, to += row_bytes)
		put(s, b->context, b->cursor[i] + at, to);
}

static inline __attribute__((always_inline))
void each_maybe(const struct decode_step *s, struct decode_block *b, put_maybe *put)
{
	for (uint32_t i = 0; i < b->count; i++)
		put(s, b, b->rows + i * b->row_bytes, b->cursor[i] + s->at);
}

static struct decode_set variable_at(const uint8_t *from)
{
	if (*from < IPFIX_LENGTH_LONG)
		return (struct decode_set){ from + 1, *from };
	return (struct decode_set){ from + 3, load_be16(from + 1) };
}

/* Moves each record's cursor behind its value: the steps that follow count from there. */
static void each_variable(const struct decode_step *s, struct decode_block *b)
{
	for (uint32_t i = 0; i < b->count; i++) {
		struct decode_set value = variable_at(b->cursor[i] + s->at);
		if (s->operation == DECODE_VARIABLE && value.bytes)
			put_slice(s, b, b->rows + i * b->row_bytes, &value);
		b->cursor[i] = value.octets + value.bytes;
	}
}

bool decode_operation_may_be_absent(uint8_t operation)
{
	return operation >= DECODE_BOOLEAN;
}

void decode_step_run(const struct decode_step *s, struct decode_block *b)
{
	switch ((enum decode_operation)s->operation) {
	case DECODE_COPY_1: each(s, b, put_copy_1); break;
	case DECODE_COPY_4: each(s, b, put_copy_4); break;
	case DECODE_COPY_16: each(s, b, put_copy_16); break;
	case DECODE_COPY: each(s, b, put_copy); break;
	case DECODE_SWAP_2: each(s, b, put_swap_2); break;
	case DECODE_SWAP_4: each(s, b, put_swap_4); break;
	case DECODE_SWAP_8: each(s, b, put_swap_8); break;
	case DECODE_WIDEN_1_2: each(s, b, put_widen_1_2); break;
	case DECODE_WIDEN_4_8: each(s, b, put_widen_4_8); break;
	case DECODE_UNSIGNED: each(s, b, put_unsigned); break;
	case DECODE_SIGNED: each(s, b, put_signed); break;
	case DECODE_FLOAT_4_8: each(s, b, put_float); break;
	case DECODE_UPTIME: each(s, b, put_uptime); break;
	case DECODE_BEFORE_EXPORT: each(s, b, put_before_export); break;
	case DECODE_BOOLEAN: each_maybe(s, b, put_boolean); break;
	case DECODE_NTP_MICROSECONDS: case DECODE_NTP_NANOSECONDS: each_maybe(s, b, put_ntp); break;
	case DECODE_OCTETS: each_maybe(s, b, put_octets); break;
	case DECODE_TEXT: each_maybe(s, b, put_text); break;
	case DECODE_VARIABLE: case DECODE_SKIP: each_variable(s, b); break;
	}
}

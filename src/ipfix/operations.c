/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What puts values onto the wire: one function for each operation, each for one column of a block
 * of rows. To add a type: a function, a line in the table at the end, and a line in
 * ipfix_operation_of().
 */
#include <assert.h>
#include <string.h>

#include "base/compiler.h"
#include "base/ntp.h"
#include "ipfix/plan.h"
#include "ipfix/utf8.h"
#include "record/list.h"

/* --- which one --- */

static enum ipfix_operation integer_operation(unsigned bytes)
{
	return bytes == 1 ? IPFIX_COPY_1 : bytes == 2 ? IPFIX_SWAP_16 :
	       bytes == 4 ? IPFIX_SWAP_32 : IPFIX_SWAP_64;
}

static enum ipfix_operation reduced_operation(const struct field *field)
{
	if (field->semantics == SEMANTICS_FLAGS)
		return IPFIX_REDUCED_FLAGS;
	return field->type == TYPE_FLOAT64 ? IPFIX_REDUCED_FLOAT :
	       field->type >= TYPE_S8 && field->type <= TYPE_S64 ? IPFIX_REDUCED_SIGNED : IPFIX_REDUCED;
}

enum ipfix_operation ipfix_operation_of(const struct column *column, unsigned wire_bytes)
{
	if (column->variable && wire_bytes)
		return IPFIX_FIXED_TEXT;
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
	default:
		return wire_bytes < column->bytes ? reduced_operation(column->field)
		                                  : integer_operation(column->bytes);
	}
}

/* --- fixed length --- */

static void put_copy_1(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	size_t at = step->at, row_bytes = b->row_bytes;
	for (uint32_t i = 0, n = b->count; i < n; i++, from += row_bytes)
		b->cursor[i][at] = *from;
}

/* Always inlined, so that the length is a constant in each caller. */
static inline __attribute__((always_inline))
void copy_octets(const struct ipfix_step *step, struct ipfix_block *b, size_t bytes)
{
	const uint8_t *from = b->rows + step->offset;
	size_t at = step->at, row_bytes = b->row_bytes;
	for (uint32_t i = 0, n = b->count; i < n; i++, from += row_bytes)
		memcpy(b->cursor[i] + at, from, bytes);
}

static void put_copy_4(const struct ipfix_step *step, struct ipfix_block *b)
{
	copy_octets(step, b, 4);
}

static void put_copy_6(const struct ipfix_step *step, struct ipfix_block *b)
{
	copy_octets(step, b, 6);
}

static void put_copy_16(const struct ipfix_step *step, struct ipfix_block *b)
{
	copy_octets(step, b, 16);
}

static void put_copy_32(const struct ipfix_step *step, struct ipfix_block *b)
{
	copy_octets(step, b, 32);
}

static void put_swap_16(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	size_t at = step->at, row_bytes = b->row_bytes;
	for (uint32_t i = 0, n = b->count; i < n; i++, from += row_bytes) {
		uint16_t value = load_be16(from);
		memcpy(b->cursor[i] + at, &value, sizeof value);
	}
}

static void put_swap_32(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	size_t at = step->at, row_bytes = b->row_bytes;
	for (uint32_t i = 0, n = b->count; i < n; i++, from += row_bytes) {
		uint32_t value = load_be32(from);
		memcpy(b->cursor[i] + at, &value, sizeof value);
	}
}

/* Counters are added up on the way: what messages stand for costs no second walk. What is no
 * counter is added into a sum that nobody reads. */
static void put_swap_64(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	size_t at = step->at, row_bytes = b->row_bytes;
	uint64_t sum = 0;
	for (uint32_t i = 0, n = b->count; i < n; i++, from += row_bytes) {
		uint64_t value = load_64(from);
		sum += value;
		value = __builtin_bswap64(value);
		memcpy(b->cursor[i] + at, &value, sizeof value);
	}
	b->sums[step->counts] += sum;
}

static void put_boolean(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes)
		b->cursor[i][step->at] = *from ? 1 : 2;
}

/* An absent time is zero on the wire as well, not the first second of 1970. */
static void put_ntp_microseconds(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		uint64_t time = load_64(from);
		time = time ? __builtin_bswap64(ntp_of_microseconds(time)) : 0;
		memcpy(b->cursor[i] + step->at, &time, sizeof time);
	}
}

static void put_ntp_nanoseconds(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		uint64_t time = load_64(from);
		time = time ? __builtin_bswap64(ntp_of_nanoseconds(time)) : 0;
		memcpy(b->cursor[i] + step->at, &time, sizeof time);
	}
}

/* Values of fewer octets than their type has (RFC 7011, section 6.2). */

static uint64_t load_bits(const uint8_t *from, unsigned bytes)
{
	uint64_t bits = 0;
	memcpy(&bits, from, bytes);             /* little-endian */
	return bits;
}

static void store_bits(uint8_t *to, uint64_t bits, unsigned bytes)
{
	bits = __builtin_bswap64(bits);
	memcpy(to, (const uint8_t *)&bits + sizeof bits - bytes, bytes);
}

/* The account adds up the whole value, though the wire may get less. */
static void put_reduced(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	uint64_t most = UINT64_MAX >> (64 - 8 * step->wire_bytes), sum = 0;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		uint64_t value = load_bits(from, step->row_bytes);
		sum += value;
		store_bits(b->cursor[i] + step->at, value < most ? value : most, step->wire_bytes);
	}
	b->sums[step->counts] += sum;
}

static void put_reduced_signed(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	int64_t most = (int64_t)(UINT64_MAX >> (65 - 8 * step->wire_bytes));
	unsigned spare = 64 - 8u * step->row_bytes;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		int64_t value = (int64_t)(load_bits(from, step->row_bytes) << spare) >> spare;
		value = value > most ? most : value < -most - 1 ? -most - 1 : value;
		store_bits(b->cursor[i] + step->at, (uint64_t)value, step->wire_bytes);
	}
}

/* The low octets: a saturated set of flags would claim what nobody saw. */
static void put_reduced_flags(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes)
		store_bits(b->cursor[i] + step->at, load_bits(from, step->row_bytes), step->wire_bytes);
}

static void put_reduced_float(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		double wide;
		memcpy(&wide, from, sizeof wide);
		float narrow = (float)wide;
		uint32_t bits;
		memcpy(&bits, &narrow, sizeof bits);
		store_bits(b->cursor[i] + step->at, bits, sizeof bits);
	}
}

/* An absent time is 0, and so is one before the boot. */
static void put_uptime(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		uint64_t ms = load_64(from), since_ms = ms > b->boot_ms ? ms - b->boot_ms : 0;
		store_bits(b->cursor[i] + step->at, since_ms < UINT32_MAX ? since_ms : UINT32_MAX, 4);
	}
}

static void put_or_16(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		b->cursor[i][step->at] |= from[1];
		b->cursor[i][step->at + 1] |= from[0];
	}
}

static void put_zero(const struct ipfix_step *step, struct ipfix_block *b)
{
	for (uint32_t i = 0; i < b->count; i++)
		memset(b->cursor[i] + step->at, 0, step->wire_bytes);
}

/* NetFlow v9 has no variable lengths. */
static void put_fixed_text(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		size_t bytes;
		const uint8_t *octets = ipfix_slice(b->batch, from, step, &bytes);
		uint8_t *to = b->cursor[i] + step->at;
		memset(to, 0, step->wire_bytes);
		if (bytes)
			utf8_copy(to, octets, bytes);
	}
}

/* --- variable length --- */

/* A list has its head even when nobody knows what would be in it (RFC 6313, section 4.5): undefined
 * semantic, no values of one octet of padding. */
static const uint8_t empty_list[] = { 255, 0, 210, 0, 1 };

/* A list is never cut: it is whole or an empty one. Texts are cut between characters. */
const uint8_t *ipfix_slice(const struct record_batch *batch, const uint8_t *value,
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
	else if (step->operation == IPFIX_OCTETS)
		*ret_bytes = step->cap_bytes;
	else
		*ret_bytes = utf8_cut(octets, slice.bytes, step->cap_bytes);
	return octets;
}

static uint8_t *put_length(uint8_t *to, size_t bytes)
{
	if (ipfix_length_bytes(bytes) == 1) {
		*to = (uint8_t)bytes;
		return to + 1;
	}
	*to++ = IPFIX_LENGTH_LONG;
	*to++ = (uint8_t)(bytes >> 8);
	*to++ = (uint8_t)bytes;
	return to;
}

static void put_variable(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		size_t bytes;
		const uint8_t *octets = ipfix_slice(b->batch, from, step, &bytes);
		uint8_t *to = put_length(b->cursor[i] + step->at, bytes);
		if (bytes && step->operation == IPFIX_TEXT)
			utf8_copy(to, octets, bytes);
		else if (bytes)
			memcpy(to, octets, bytes);
		b->cursor[i] = to + bytes;
	}
}

/* In a row our own elements stand under the default enterprise; on the wire under the user's. */
static void set_enterprise(const struct ipfix_encoder *e, uint8_t *list, size_t bytes)
{
	uint32_t pen = __builtin_bswap32(e->settings.pen);
	if (bytes >= LIST_HEAD_BYTES + sizeof pen && list[1] & IPFIX_ENTERPRISE_BIT >> 8 &&
	    load_be32(list + LIST_HEAD_BYTES) == PEN_WEIR_DEFAULT)
		memcpy(list + LIST_HEAD_BYTES, &pen, sizeof pen);
}

/* Elements of our own stand under the configured enterprise on the wire, inside of lists too. */
static void put_list(const struct ipfix_step *step, struct ipfix_block *b)
{
	const uint8_t *from = b->rows + step->offset;
	for (uint32_t i = 0; i < b->count; i++, from += b->row_bytes) {
		size_t bytes;
		const uint8_t *octets = ipfix_slice(b->batch, from, step, &bytes);
		uint8_t *to = put_length(b->cursor[i] + step->at, bytes);
		memcpy(to, octets, bytes);
		if (b->encoder->settings.pen)
			set_enterprise(b->encoder, to, bytes);
		b->cursor[i] = to + bytes;
	}
}

ipfix_operation_run *const ipfix_operations[] = {
	[IPFIX_COPY_1] = put_copy_1,
	[IPFIX_COPY_4] = put_copy_4,
	[IPFIX_COPY_6] = put_copy_6,
	[IPFIX_COPY_16] = put_copy_16,
	[IPFIX_COPY_32] = put_copy_32,
	[IPFIX_SWAP_16] = put_swap_16,
	[IPFIX_SWAP_32] = put_swap_32,
	[IPFIX_SWAP_64] = put_swap_64,
	[IPFIX_REDUCED] = put_reduced,
	[IPFIX_REDUCED_SIGNED] = put_reduced_signed,
	[IPFIX_REDUCED_FLAGS] = put_reduced_flags,
	[IPFIX_REDUCED_FLOAT] = put_reduced_float,
	[IPFIX_BOOLEAN] = put_boolean,
	[IPFIX_NTP_MICROSECONDS] = put_ntp_microseconds,
	[IPFIX_NTP_NANOSECONDS] = put_ntp_nanoseconds,
	[IPFIX_UPTIME] = put_uptime,
	[IPFIX_OR_16] = put_or_16,
	[IPFIX_ZERO] = put_zero,
	[IPFIX_FIXED_TEXT] = put_fixed_text,
	[IPFIX_OCTETS] = put_variable,
	[IPFIX_TEXT] = put_variable,
	[IPFIX_LIST] = put_list,
};
static_assert(array_count(ipfix_operations) == IPFIX_OPERATION_COUNT,
              "every operation has a function");

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Value → text: a switch over the field's type, and the pieces for integers and addresses. Floats
 * are in value_float.c, strings in value_escape.c, the way back in value_parse.c. Nothing here
 * calls printf: a record has some twenty values, and at a million records a second each nanosecond
 * shows.
 */
#include "record/value_text.h"

#include <string.h>

#include "base/compiler.h"
#include "record/list.h"

static const char hex_digits[16] = "0123456789abcdef";

static const char digit_pairs[201] =
	"00010203040506070809101112131415161718192021222324"
	"25262728293031323334353637383940414243444546474849"
	"50515253545556575859606162636465666768697071727374"
	"75767778798081828384858687888990919293949596979899";

size_t value_format_unsigned(uint64_t value, char out[20])
{
	char digits[20], *at = digits + sizeof digits;
	while (value >= 100) {
		at -= 2;
		memcpy(at, digit_pairs + value % 100 * 2, 2);
		value /= 100;
	}
	if (value >= 10) {
		at -= 2;
		memcpy(at, digit_pairs + value * 2, 2);
	} else {
		*--at = (char)('0' + value);
	}
	size_t length = (size_t)(digits + sizeof digits - at);
	memcpy(out, at, length);
	return length;
}

size_t value_format_signed(int64_t value, char out[20])
{
	if (value >= 0)
		return value_format_unsigned((uint64_t)value, out);
	char digits[20];
	size_t length = value_format_unsigned(0 - (uint64_t)value, digits);
	*out = '-';
	memcpy(out + 1, digits, length);        /* at most 19: |INT64_MIN| has no more */
	return length + 1;
}

size_t value_format_hex(const uint8_t *octets, size_t bytes, char *out)
{
	for (size_t i = 0; i < bytes; i++) {
		out[2 * i] = hex_digits[octets[i] >> 4];
		out[2 * i + 1] = hex_digits[octets[i] & 15];
	}
	return 2 * bytes;
}

size_t value_format_mac(const uint8_t octets[6], char out[17])
{
	for (unsigned i = 0; i < 6; i++) {
		value_format_hex(&octets[i], 1, out + 3 * i);
		if (i < 5)
			out[3 * i + 2] = ':';
	}
	return 17;
}

size_t value_format_ipv4(const uint8_t octets[4], char out[15])
{
	size_t at = 0;
	for (unsigned i = 0; i < 4; i++) {
		char digits[20];
		size_t length = value_format_unsigned(octets[i], digits);
		if (i > 0)
			out[at++] = '.';
		memcpy(out + at, digits, length);
		at += length;
	}
	return at;
}

/* RFC 5952, section 4.2: the first of the longest runs of two or more zero groups becomes "::". */
static unsigned longest_zero_run(const uint8_t octets[16], unsigned *ret_start)
{
	unsigned best = 1, run = 0;
	*ret_start = 8;
	for (unsigned i = 0; i < 8; i++) {
		run = load_be16(octets + 2 * i) == 0 ? run + 1 : 0;
		if (run > best) {
			best = run;
			*ret_start = i + 1 - run;
		}
	}
	return *ret_start < 8 ? best : 0;
}

static size_t format_group(uint16_t group, char *out)
{
	size_t length = 0;
	for (int shift = 12; shift >= 0; shift -= 4)
		if (group >> shift || shift == 0)
			out[length++] = hex_digits[group >> shift & 15];
	return length;
}

size_t value_format_ipv6(const uint8_t octets[16], char out[45])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (memcmp(octets, mapped, sizeof mapped) == 0) {       /* RFC 5952, section 5 */
		memcpy(out, "::ffff:", 7);
		return 7 + value_format_ipv4(octets + 12, out + 7);
	}
	unsigned start, run = longest_zero_run(octets, &start);
	size_t at = 0;
	for (unsigned i = 0; i < 8; i++) {
		if (i == start) {
			out[at++] = ':';
			out[at++] = ':';
			i += run - 1;
			continue;
		}
		if (i > 0 && i != start + run)
			out[at++] = ':';
		at += format_group(load_be16(octets + 2 * i), out + at);
	}
	return at;
}

/* 0x and the digits from the first that counts; 0x0 for zero. */
static size_t format_u256(const uint8_t octets[32], char *out)
{
	char digits[64];
	value_format_hex(octets, 32, digits);
	size_t skip = 0;
	while (skip < sizeof digits - 1 && digits[skip] == '0')
		skip++;
	memcpy(out, "0x", 2);
	memcpy(out + 2, digits + skip, sizeof digits - skip);
	return 2 + sizeof digits - skip;
}

/* Every type of fixed length; `out` holds VALUE_TEXT_FIXED_MAX. */
static size_t format_fixed(const struct schema *schema, const uint8_t *row, unsigned column,
                           char *out)
{
	const struct column *c = &schema->column[column];
	const uint8_t *at = row + c->offset;
	switch ((enum field_type)c->field->type) {
	case TYPE_S8: case TYPE_S16: case TYPE_S32: case TYPE_S64:
		return value_format_signed(value_read_signed(schema, row, column), out);
	case TYPE_FLOAT32:
		return value_format_float((float)value_read_double(schema, row, column), out);
	case TYPE_FLOAT64:
		return value_format_double(value_read_double(schema, row, column), out);
	case TYPE_BOOLEAN:
		memcpy(out, *at ? "true" : "false", 5);
		return *at ? 4 : 5;
	case TYPE_MAC:
		return value_format_mac(at, out);
	case TYPE_IPV4:
		return value_format_ipv4(at, out);
	case TYPE_IPV6:
		return value_format_ipv6(at, out);
	case TYPE_U256:
		return format_u256(at, out);
	default:
		return value_format_unsigned(value_read_unsigned(schema, row, column), out);
	}
}

/* Cut to size, terminated. */
static size_t copy_out(const char *text, size_t length, char *buffer, size_t size)
{
	if (size > 0) {
		size_t fits = length < size ? length : size - 1;
		memcpy(buffer, text, fits);
		buffer[fits] = '\0';
	}
	return length;
}

static size_t hex_out(const uint8_t *octets, size_t bytes, char *buffer, size_t size)
{
	if (size > 0) {
		size_t fits = 2 * bytes < size ? bytes : (size - 1) / 2;
		buffer[value_format_hex(octets, fits, buffer)] = '\0';
	}
	return 2 * bytes;
}

static size_t quoted_hex_out(const uint8_t *octets, size_t bytes, char *buffer, size_t size)
{
	if (size < 3)
		return copy_out("", 0, buffer, size) + 2 * bytes + 2;
	buffer[0] = '"';
	hex_out(octets, bytes, buffer + 1, size - 2);
	size_t end = 1 + strlen(buffer + 1);
	buffer[end] = '"';
	buffer[end + 1] = '\0';
	return 2 * bytes + 2;
}

bool value_is_bare_in_json(enum field_type type)
{
	switch (type) {
	case TYPE_OCTET_ARRAY: case TYPE_MAC: case TYPE_STRING: case TYPE_IPV4: case TYPE_IPV6:
	case TYPE_BASIC_LIST: case TYPE_SUB_TEMPLATE_LIST: case TYPE_SUB_TEMPLATE_MULTI_LIST:
	case TYPE_U256:
		return false;
	default:
		return true;
	}
}

static bool is_list(const struct column *c, const uint8_t *octets, uint32_t bytes)
{
	struct list list;
	return c->field->type == TYPE_BASIC_LIST && list_read(octets, bytes, &list);
}

size_t value_to_text(const struct record_batch *batch, const uint8_t *row, unsigned column,
                     char *buffer, size_t size)
{
	const struct column *c = &batch->schema->column[column];
	if (!record_is_present(batch->schema, row, column))
		return copy_out("", 0, buffer, size);
	if (c->variable) {
		uint32_t bytes;
		const uint8_t *octets = value_read_octets(batch, row, column, &bytes);
		if (c->field->type == TYPE_STRING)
			return value_escape_text(octets, bytes, buffer, size);
		if (is_list(c, octets, bytes))
			return list_to_json(octets, bytes, buffer, size);
		return hex_out(octets, bytes, buffer, size);
	}
	if (likely(size >= VALUE_TEXT_FIXED_MAX)) {
		size_t length = format_fixed(batch->schema, row, column, buffer);
		buffer[length] = '\0';
		return length;
	}
	char text[VALUE_TEXT_FIXED_MAX];
	return copy_out(text, format_fixed(batch->schema, row, column, text), buffer, size);
}

size_t value_to_json(const struct record_batch *batch, const uint8_t *row, unsigned column,
                     char *buffer, size_t size)
{
	const struct column *c = &batch->schema->column[column];
	if (!record_is_present(batch->schema, row, column) || value_is_bare_in_json(c->field->type))
		return value_to_text(batch, row, column, buffer, size);
	if (c->variable) {
		uint32_t bytes;
		const uint8_t *octets = value_read_octets(batch, row, column, &bytes);
		if (c->field->type == TYPE_STRING)
			return value_escape_json(octets, bytes, buffer, size);
		if (is_list(c, octets, bytes))
			return list_to_json(octets, bytes, buffer, size);
		return quoted_hex_out(octets, bytes, buffer, size);
	}
	char text[VALUE_TEXT_FIXED_MAX];
	size_t length = format_fixed(batch->schema, row, column, text + 1);
	text[0] = text[length + 1] = '"';
	return copy_out(text, length + 2, buffer, size);
}

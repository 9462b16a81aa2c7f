/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text → value, by the column's type: the inverse of value_text.c, for tests, filters and queries.
 * A value that the type cannot hold is refused here, not saturated: a person wrote it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "record/value_text.h"

struct span {                           /* borrowed */
	const char *at;
	size_t length;
};

static int refuse(struct span text, const struct column *c, const char *expected, struct error *err)
{
	char shown[64];
	value_escape_text(text.at, text.length, shown, sizeof shown);
	return error_set(err, -EINVAL, "%s: \"%s\" found, expected %s", c->field->name, shown,
	                 expected);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool has_hex_prefix(struct span t)
{
	return t.length > 2 && t.at[0] == '0' && (t.at[1] | 0x20) == 'x';
}

static bool parse_unsigned(struct span t, uint64_t *ret)
{
	unsigned base = 10;
	uint64_t value = 0;
	if (has_hex_prefix(t)) {
		base = 16;
		t = (struct span){ t.at + 2, t.length - 2 };
	}
	if (t.length == 0)
		return false;
	for (size_t i = 0; i < t.length; i++) {
		int digit = hex_value(t.at[i]);
		if (digit < 0 || (unsigned)digit >= base ||
		    __builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (unsigned)digit, &value))
			return false;
	}
	*ret = value;
	return true;
}

static int from_unsigned(struct value_writer *w, struct span t, const struct column *c,
                         struct error *err)
{
	uint64_t value, high = c->bytes == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * c->bytes) - 1;
	if (!parse_unsigned(t, &value) || value > high)
		return refuse(t, c, field_type_name(c->field->type), err);
	value_write_unsigned(w, value);
	return 0;
}

/* There is one negative number more than there are positive ones. */
static int from_signed(struct value_writer *w, struct span t, const struct column *c,
                       struct error *err)
{
	bool negative = t.length > 0 && *t.at == '-';
	uint64_t value, high = (UINT64_C(1) << (8 * c->bytes - 1)) - 1;
	struct span digits = { t.at + negative, t.length - negative };
	if (!parse_unsigned(digits, &value) || value > high + negative)
		return refuse(t, c, field_type_name(c->field->type), err);
	if (negative)
		value_write_signed(w, (int64_t)(0 - value));
	else
		value_write_unsigned(w, value);
	return 0;
}

static int from_float(struct value_writer *w, struct span t, const struct column *c,
                      struct error *err)
{
	char text[352], *end = text;    /* DBL_MAX written out has 309 digits */
	double value = 0;
	if (t.length < sizeof text) {
		memcpy(text, t.at, t.length);
		text[t.length] = '\0';
	}
	if (t.length < sizeof text && strspn(text, "0123456789+-.eE") == t.length) {
		value = c->bytes == sizeof(float) ? (double)strtof(text, &end) : strtod(text, &end);
	}
	if (end == text || *end != '\0' || !isfinite(value))
		return refuse(t, c, "a finite number", err);
	value_write_double(w, value);
	return 0;
}

static bool is_word(struct span t, const char *word)
{
	return t.length == strlen(word) && memcmp(t.at, word, t.length) == 0;
}

static int from_boolean(struct value_writer *w, struct span t, const struct column *c,
                        struct error *err)
{
	bool yes = is_word(t, "true") || is_word(t, "1");
	if (!yes && !is_word(t, "false") && !is_word(t, "0"))
		return refuse(t, c, "true or false", err);
	value_write_unsigned(w, yes);
	return 0;
}

static int from_mac(struct value_writer *w, struct span t, const struct column *c,
                    struct error *err)
{
	uint8_t octets[6];
	bool fine = t.length == 17;
	for (unsigned i = 0; i < 6 && fine; i++) {
		int high = hex_value(t.at[3 * i]), low = hex_value(t.at[3 * i + 1]);
		char between = i < 5 ? t.at[3 * i + 2] : ':';
		fine = high >= 0 && low >= 0 && (between == ':' || between == '-');
		if (fine)
			octets[i] = (uint8_t)(high << 4 | low);
	}
	if (!fine)
		return refuse(t, c, "an address such as 00:00:5e:00:53:01", err);
	value_write_octets(w, octets, sizeof octets);
	return 0;
}

static int from_ip(struct value_writer *w, struct span t, const struct column *c,
                   struct error *err)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t octets[16];
	bool v4 = c->field->type == TYPE_IPV4;
	bool fine = t.length < sizeof text && !memchr(t.at, '\0', t.length);
	if (fine) {
		memcpy(text, t.at, t.length);
		text[t.length] = '\0';
		fine = inet_pton(v4 ? AF_INET : AF_INET6, text, octets) == 1;
	}
	if (!fine)
		return refuse(t, c, v4 ? "an IPv4 address" : "an IPv6 address", err);
	value_write_octets(w, octets, c->bytes);
	return 0;
}

/* From the last digit on: leading zeros may be left out. */
static int from_u256(struct value_writer *w, struct span t, const struct column *c,
                     struct error *err)
{
	uint8_t octets[32] = { 0 };
	bool fine = has_hex_prefix(t) && t.length <= 2 + 64;
	for (size_t i = 0; fine && i + 2 < t.length; i++) {
		int digit = hex_value(t.at[t.length - 1 - i]);
		fine = digit >= 0;
		if (fine)
			octets[31 - i / 2] |= (uint8_t)(digit << 4 * (i % 2));
	}
	if (!fine)
		return refuse(t, c, "0x and up to 64 hexadecimal digits", err);
	value_write_octets(w, octets, sizeof octets);
	return 0;
}

/* Hexadecimal digits to octets at ret, which holds half of them. */
static bool parse_hex(struct span t, uint8_t *ret)
{
	if (t.length % 2)
		return false;
	for (size_t i = 0; i < t.length; i += 2) {
		int high = hex_value(t.at[i]), low = hex_value(t.at[i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The counterpart of text_escape(): \xNN is an octet, all else is itself. */
static size_t unescape(struct span t, uint8_t *ret)
{
	size_t bytes = 0;
	for (size_t i = 0; i < t.length; ) {
		struct span hex = { t.at + i + 2, 2 };
		if (t.length - i >= 4 && t.at[i] == '\\' && t.at[i + 1] == 'x' &&
		    parse_hex(hex, &ret[bytes])) {
			bytes++;
			i += 4;
		} else {
			ret[bytes++] = (uint8_t)t.at[i++];
		}
	}
	return bytes;
}

static int write_whole(struct value_writer *w, const uint8_t *octets, size_t bytes,
                       const struct column *c, struct error *err)
{
	size_t cap = c->cap_bytes ? c->cap_bytes : UINT16_MAX;
	if (bytes > cap)
		return error_set(err, -EMSGSIZE, "%s: %zu octets found, expected at most %zu",
		                 c->field->name, bytes, cap);
	value_write_octets(w, octets, (uint32_t)bytes);
	return record_is_present(w->batch->schema, w->row, w->column) ? 0 : -ENOMEM;
}

static int from_variable(struct value_writer *w, struct span t, const struct column *c,
                         struct error *err)
{
	struct span hex = has_hex_prefix(t) ? (struct span){ t.at + 2, t.length - 2 } : t;
	uint8_t *octets = malloc(t.length + 1);
	int r;
	if (!octets)
		return -ENOMEM;
	if (c->field->type == TYPE_STRING)
		r = write_whole(w, octets, unescape(t, octets), c, err);
	else if (parse_hex(hex, octets))
		r = write_whole(w, octets, hex.length / 2, c, err);
	else
		r = refuse(t, c, "hexadecimal digits, two an octet", err);
	free(octets);
	return r;
}

int value_from_text(struct value_writer *w, const char *text, size_t length, struct error *err)
{
	const struct column *c = &w->batch->schema->column[w->column];
	struct span t = { text, length };
	switch ((enum field_type)c->field->type) {
	case TYPE_S8: case TYPE_S16: case TYPE_S32: case TYPE_S64:
		return from_signed(w, t, c, err);
	case TYPE_FLOAT32: case TYPE_FLOAT64:
		return from_float(w, t, c, err);
	case TYPE_BOOLEAN:
		return from_boolean(w, t, c, err);
	case TYPE_MAC:
		return from_mac(w, t, c, err);
	case TYPE_IPV4: case TYPE_IPV6:
		return from_ip(w, t, c, err);
	case TYPE_U256:
		return from_u256(w, t, c, err);
	default:
		return c->variable ? from_variable(w, t, c, err) : from_unsigned(w, t, c, err);
	}
}

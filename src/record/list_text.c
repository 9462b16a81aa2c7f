/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists as JSON arrays; see list.h. Each value is spelt as value_text.h spells one of the element's
 * type, from its octets in network order; integers and floats may be shorter than their type
 * (RFC 7011, section 6.2). What its type does not explain is hexadecimal digits.
 */
#include <math.h>

#include "base/ntp.h"
#include "record/list.h"
#include "record/text_sink.h"
#include "record/value_text.h"

static void put_list(struct text_sink *sink, const uint8_t *octets, size_t bytes, unsigned depth);

static void put_hex(struct text_sink *sink, const uint8_t *octets, size_t bytes)
{
	char pair[2];
	text_sink_put(sink, "\"", 1);
	for (size_t i = 0; i < bytes; i++)
		text_sink_put(sink, pair, value_format_hex(octets + i, 1, pair));
	text_sink_put(sink, "\"", 1);
}

/* The escaped text is written straight into what room there is. */
static void put_string(struct text_sink *sink, const uint8_t *octets, size_t bytes)
{
	size_t room = (size_t)(sink->end - sink->at);
	size_t length = value_escape_json(octets, bytes, sink->at, room + 1);
	sink->length += length;
	if (length <= room)
		sink->at += length;
	else
		sink->end = sink->at;
}

static void put_quoted(struct text_sink *sink, const char *text, size_t length)
{
	text_sink_put(sink, "\"", 1);
	text_sink_put(sink, text, length);
	text_sink_put(sink, "\"", 1);
}

static uint64_t load_number(const uint8_t *octets, size_t bytes)
{
	uint64_t bits = 0;
	for (size_t i = 0; i < bytes; i++)
		bits = bits << 8 | octets[i];
	return bits;
}

/* JSON has no infinity and no NaN. */
static void put_double(struct text_sink *sink, double value, bool narrow)
{
	char text[32];
	if (!isfinite(value))
		text_sink_put(sink, "null", 4);
	else if (narrow)
		text_sink_put(sink, text, value_format_float((float)value, text));
	else
		text_sink_put(sink, text, value_format_double(value, text));
}

/* Four octets are a float32, whatever the element's type: that is how a float64 is sent reduced
 * (RFC 7011, section 6.2). */
static bool put_float(struct text_sink *sink, const uint8_t *octets, size_t bytes)
{
	uint64_t bits = load_number(octets, bytes);
	float narrow;
	double wide;
	memcpy(&narrow, &bits, sizeof narrow);
	memcpy(&wide, &bits, sizeof wide);
	if (bytes == sizeof narrow)
		put_double(sink, (double)narrow, true);
	else if (bytes == sizeof wide)
		put_double(sink, wide, false);
	return bytes == sizeof narrow || bytes == sizeof wide;
}

static bool put_address(struct text_sink *sink, enum field_type type, const uint8_t *octets,
                        size_t bytes)
{
	char text[48];
	if (type == TYPE_IPV4 && bytes == 4)
		put_quoted(sink, text, value_format_ipv4(octets, text));
	else if (type == TYPE_IPV6 && bytes == 16)
		put_quoted(sink, text, value_format_ipv6(octets, text));
	else if (type == TYPE_MAC && bytes == 6)
		put_quoted(sink, text, value_format_mac(octets, text));
	else
		return false;
	return true;
}

/* The sign of a shortened number is in its own first bit, so it is moved to the top and back. */
static bool put_integer(struct text_sink *sink, enum field_type type, const uint8_t *octets,
                        size_t bytes)
{
	char text[20];
	bool ntp = type == TYPE_MICROSECONDS || type == TYPE_NANOSECONDS;
	if (bytes == 0 || bytes > 8 || (ntp && bytes < 8))
		return false;
	uint64_t bits = load_number(octets, bytes);
	unsigned spare = 64 - 8 * (unsigned)bytes;
	if (type == TYPE_BOOLEAN)
		text_sink_put(sink, bits == 1 ? "true" : "false", bits == 1 ? 4 : 5);
	else if (type >= TYPE_S8 && type <= TYPE_S64)
		text_sink_put(sink, text, value_format_signed((int64_t)(bits << spare) >> spare, text));
	else
		text_sink_put(sink, text, value_format_unsigned(
			type == TYPE_MICROSECONDS ? ntp_to_microseconds(bits) :
			type == TYPE_NANOSECONDS ? ntp_to_nanoseconds(bits) : bits, text));
	return true;
}

static bool put_value(struct text_sink *sink, enum field_type type, const uint8_t *octets,
                      size_t bytes)
{
	switch (type) {
	case TYPE_STRING:
		put_string(sink, octets, bytes);
		return true;
	case TYPE_FLOAT32: case TYPE_FLOAT64:
		return put_float(sink, octets, bytes);
	case TYPE_MAC: case TYPE_IPV4: case TYPE_IPV6:
		return put_address(sink, type, octets, bytes);
	case TYPE_OCTET_ARRAY: case TYPE_U256: case TYPE_BASIC_LIST:
	case TYPE_SUB_TEMPLATE_LIST: case TYPE_SUB_TEMPLATE_MULTI_LIST:
		return false;
	default:
		return put_integer(sink, type, octets, bytes);
	}
}

/* The depth is bounded: what a stranger has nested is read on the stack. */
static void put_list(struct text_sink *sink, const uint8_t *octets, size_t bytes, unsigned depth)
{
	struct list list;
	const uint8_t *value;
	size_t value_bytes;
	if (depth == LIST_DEPTH_MAX || !list_read(octets, bytes, &list)) {
		put_hex(sink, octets, bytes);
		return;
	}
	enum field_type type = list.field ? (enum field_type)list.field->type : TYPE_OCTET_ARRAY;
	text_sink_put(sink, "[", 1);
	for (bool first = true; list_next(&list, &value, &value_bytes); first = false) {
		if (!first)
			text_sink_put(sink, ",", 1);
		if (type == TYPE_BASIC_LIST)
			put_list(sink, value, value_bytes, depth + 1);
		else if (!put_value(sink, type, value, value_bytes))
			put_hex(sink, value, value_bytes);
	}
	text_sink_put(sink, "]", 1);
}

size_t list_to_json(const void *octets, size_t bytes, char *buffer, size_t size)
{
	char nothing[1];
	struct text_sink sink = size ? text_sink_of(buffer, size) : text_sink_of(nothing, 1);
	put_list(&sink, octets, bytes, 0);
	*sink.at = '\0';
	return sink.length;
}

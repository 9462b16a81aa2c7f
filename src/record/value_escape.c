/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings out: what is well-formed UTF-8 goes through, everything else is spelt out so that neither
 * a terminal nor a JSON reader can be misled by what came from the wire. See value_text.h for the
 * rules.
 */
#include <string.h>

#include "record/text_sink.h"
#include "record/value_text.h"

/* RFC 3629, section 4: shortest form only, no surrogates, nothing above U+10FFFF. */
unsigned value_utf8_length(const uint8_t *octets, size_t bytes)
{
	uint8_t lead = bytes ? octets[0] : 0xff;
	if (lead < 0x80)
		return 1;
	unsigned length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
	if (length == 0 || length > bytes)
		return 0;
	uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (octets[1] < low || octets[1] > high)
		return 0;
	for (unsigned i = 2; i < length; i++)
		if ((octets[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* Printable ASCII without quote and backslash: what needs no second look. */
static size_t plain_run(const uint8_t *octets, size_t bytes)
{
	size_t run = 0;
	while (run < bytes && octets[run] >= 0x20 && octets[run] < 0x7f && octets[run] != '"' &&
	       octets[run] != '\\')
		run++;
	return run;
}

static void put_octet_escape(struct text_sink *sink, uint8_t octet, bool json)
{
	char piece[5] = "\\\\x";
	value_format_hex(&octet, 1, piece + 3);
	text_sink_put(sink, json ? piece : piece + 1, json ? 5 : 4);
}

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Would the text after this backslash be read as an escape? */
static bool looks_escaped(const uint8_t *backslash, size_t bytes)
{
	return bytes >= 4 && backslash[1] == 'x' && is_hex(backslash[2]) && is_hex(backslash[3]);
}

/* C0, DEL and C1 (which some terminals obey even as UTF-8). */
static bool is_control(const uint8_t *octets, unsigned length)
{
	return (length == 1 && (*octets < 0x20 || *octets == 0x7f)) ||
	       (length == 2 && octets[0] == 0xc2 && octets[1] < 0xa0);
}

static void put_control_json(struct text_sink *sink, uint8_t code)
{
	static const char letters[] = "\bb\ff\nn\rr\tt";
	char piece[6] = "\\u00";
	for (const char *l = letters; *l; l += 2)
		if ((uint8_t)*l == code) {
			piece[1] = l[1];
			text_sink_put(sink, piece, 2);
			return;
		}
	value_format_hex(&code, 1, piece + 4);
	text_sink_put(sink, piece, 6);
}

/* Writes one character or one octet that is none; returns how many octets it took. */
static unsigned put_one(struct text_sink *sink, const uint8_t *at, size_t left, bool json)
{
	unsigned length = value_utf8_length(at, left);
	if (length == 0 || (*at == '\\' && looks_escaped(at, left))) {
		put_octet_escape(sink, *at, json);
		return 1;
	}
	if (is_control(at, length) && json) {
		put_control_json(sink, at[length - 1]);
	} else if (is_control(at, length)) {
		for (unsigned i = 0; i < length; i++)
			put_octet_escape(sink, at[i], false);
	} else if (json && (*at == '\\' || *at == '"')) {
		text_sink_put(sink, *at == '"' ? "\\\"" : "\\\\", 2);
	} else {
		text_sink_put(sink, at, length);
	}
	return length;
}

/* Runs of plain text are copied whole: most texts are one. */
static void put_all(struct text_sink *sink, const uint8_t *octets, size_t bytes, bool json)
{
	for (size_t at = 0; at < bytes; ) {
		size_t run = plain_run(octets + at, bytes - at);
		size_t room = (size_t)(sink->end - sink->at);
		if (run > room) {               /* of plain text a part may stay */
			text_sink_put(sink, octets + at, room);
			text_sink_put(sink, octets + at + room, run - room);
		} else if (run) {
			text_sink_put(sink, octets + at, run);
		} else {
			at += put_one(sink, octets + at, bytes - at, json);
		}
		at += run;
	}
}

size_t value_escape_text(const void *octets, size_t bytes, char *buffer, size_t size)
{
	struct text_sink sink = text_sink_of(buffer, size);
	put_all(&sink, octets, bytes, false);
	if (size)
		*sink.at = '\0';
	return sink.length;
}

/* What is cut still ends with its quote, so it stays well-formed JSON. */
size_t value_escape_json(const void *octets, size_t bytes, char *buffer, size_t size)
{
	if (size < 3) {
		size_t length = value_escape_json(octets, bytes, (char[3]){ 0 }, 3);
		if (size)
			*buffer = '\0';
		return length;
	}
	struct text_sink sink = { .at = buffer + 1, .end = buffer + size - 2 };
	*buffer = '"';
	put_all(&sink, octets, bytes, true);
	memcpy(sink.at, "\"", 2);
	return sink.length + 2;
}

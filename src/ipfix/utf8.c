/* SPDX-License-Identifier: Apache-2.0 */
/* Well-formed UTF-8 by the table of RFC 3629, section 4: no surrogates, no overlong forms. See
 * utf8.h. */
#include "ipfix/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool is_tail(uint8_t octet)
{
	return (octet & 0xc0) == 0x80;
}

/* The first continuation octet is narrower after E0, ED, F0 and F4. */
static bool is_second(uint8_t lead, uint8_t second)
{
	uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	return second >= low && second <= high;
}

/* 0: no character begins with this octet. */
static size_t declared_bytes(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Octets of the character at the start; 0 where there is none. */
static size_t character_bytes(const uint8_t *text, size_t bytes)
{
	size_t need = declared_bytes(text[0]);
	if (need == 0 || need > bytes)
		return 0;
	if (need > 1 && !is_second(text[0], text[1]))
		return 0;
	for (size_t i = 2; i < need; i++)
		if (!is_tail(text[i]))
			return 0;
	return need;
}

size_t utf8_cut(const uint8_t *text, size_t bytes, size_t cap)
{
	if (bytes <= cap)
		return bytes;
	for (size_t back = 1; back <= 3 && back <= cap; back++) {
		const uint8_t *lead = text + cap - back;
		if (!is_tail(*lead))
			return character_bytes(lead, bytes - (cap - back)) > back ? cap - back : cap;
	}
	return cap;
}

/* Plain ASCII goes eight octets at a time; returns how many were copied. */
static size_t copy_ascii(uint8_t *to, const uint8_t *text, size_t bytes)
{
	size_t at = 0;
	for (uint64_t word; at + sizeof word <= bytes; at += sizeof word) {
		memcpy(&word, text + at, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			break;
		memcpy(to + at, &word, sizeof word);
	}
	for (; at < bytes && text[at] < 0x80; at++)
		to[at] = text[at];
	return at;
}

void utf8_copy(uint8_t *to, const uint8_t *text, size_t bytes)
{
	for (size_t at = copy_ascii(to, text, bytes); at < bytes;) {
		size_t n = character_bytes(text + at, bytes - at);
		if (n == 0)
			to[at++] = '?';
		for (; n > 0; n--, at++)
			to[at] = text[at];
	}
}

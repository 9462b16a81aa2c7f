/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign text made safe for a terminal and for one line: names from packets, file names, values
 * from options. Valid UTF-8 passes; everything that could move the cursor, break the line or turn
 * the direction of writing is shown as octets.
 */
#include <string.h>

#include "base/text.h"

/* The octets of the well-formed character at p (Unicode table 3-7), 0 when there is none. */
static unsigned character(const uint8_t *p, size_t left, uint32_t *ret_code)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3
	                : p[0] < 0xf5 ? 4 : 0;
	if (length == 0 || length > left)
		return 0;
	uint32_t code = length == 1 ? p[0] : p[0] & (0x7fu >> length);
	for (unsigned i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < smallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return length;
}

static bool is_plain(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return false;
	return !(code >= 0x2028 && code <= 0x202e)      /* line separators, direction overrides */
	       && !(code >= 0x2066 && code <= 0x2069)   /* direction isolates */
	       && code != 0x200e && code != 0x200f && code != 0x61c && code != 0xfeff;
}

size_t text_escape(const void *octets, size_t bytes, char *buffer, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *p = octets;
	size_t length = 0;
	if (size == 0)
		return 0;
	for (size_t i = 0; i < bytes;) {
		uint32_t code = 0;
		unsigned taken = character(p + i, bytes - i, &code);
		bool plain = taken && is_plain(code);
		unsigned in = taken ? taken : 1, out = plain ? taken : 4 * in;
		if (length + out >= size)
			break;
		for (unsigned k = 0; k < in; k++) {
			if (plain) {
				buffer[length++] = (char)p[i + k];
				continue;
			}
			memcpy(buffer + length, "\\x", 2);
			buffer[length + 2] = hex[p[i + k] >> 4];
			buffer[length + 3] = hex[p[i + k] & 15];
			length += 4;
		}
		i += in;
	}
	buffer[length] = '\0';
	return length;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See attributes.h. Numbers are packed without leading zeros, most significant octet first. */
#include "identify/attributes.h"

#include <string.h>

#include "base/text.h"

enum { HEAD_BYTES = 2 };                /* tag and length */

void attribute_add_octets(struct attribute_list *list, enum attribute tag, const void *octets,
                          size_t bytes)
{
	if (!bytes || bytes > ATTRIBUTE_TEXT_MAX || list->bytes + HEAD_BYTES + bytes > ATTRIBUTES_MAX)
		return;
	uint8_t *at = list->octets + list->bytes;
	at[0] = (uint8_t)tag;
	at[1] = (uint8_t)bytes;
	memcpy(at + HEAD_BYTES, octets, bytes);
	list->bytes = (uint16_t)(list->bytes + HEAD_BYTES + bytes);
}

void attribute_add_text(struct attribute_list *list, enum attribute tag, const char *text,
                        size_t bytes)
{
	char safe[ATTRIBUTE_TEXT_MAX + 1];
	size_t room = ATTRIBUTES_MAX - list->bytes;
	if (room <= HEAD_BYTES)
		return;
	room = room - HEAD_BYTES < ATTRIBUTE_TEXT_MAX ? room - HEAD_BYTES : ATTRIBUTE_TEXT_MAX;
	attribute_add_octets(list, tag, safe, text_escape(text, bytes, safe, room + 1));
}

void attribute_add_number(struct attribute_list *list, enum attribute tag, uint64_t value)
{
	uint8_t octets[8];
	unsigned count = 0;
	for (int shift = 56; shift >= 0; shift -= 8)
		if (count || value >> shift & 0xff || shift == 0)
			octets[count++] = (uint8_t)(value >> shift);
	attribute_add_octets(list, tag, octets, count);
}

const uint8_t *attribute_find(const struct attribute_list *list, enum attribute tag,
                              unsigned *ret_bytes)
{
	const uint8_t *octets = list->octets;
	for (size_t at = 0; at + HEAD_BYTES <= list->bytes; at += HEAD_BYTES + octets[at + 1])
		if (octets[at] == tag) {
			*ret_bytes = octets[at + 1];
			return octets + at + HEAD_BYTES;
		}
	return NULL;
}

uint64_t attribute_number(const uint8_t *value, unsigned bytes)
{
	uint64_t number = 0;
	for (unsigned i = 0; i < bytes; i++)
		number = number << 8 | value[i];
	return number;
}

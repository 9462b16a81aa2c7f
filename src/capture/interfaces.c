/* SPDX-License-Identifier: Apache-2.0 */
/* The list of interfaces of a capture: see interfaces.h. */
#include "capture/interfaces.h"

#include <string.h>

/* FNV-1a: short names, nothing secret. */
static uint32_t hash_of(const char *name, uint16_t link_type)
{
	uint32_t hash = (2166136261u ^ link_type) * 16777619u;
	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return hash;
}

static void copy_printable(char *to, size_t size, const char *from, size_t bytes)
{
	size_t n = 0;
	for (; n < bytes && n + 1 < size && from[n]; n++)
		to[n] = (uint8_t)from[n] < 0x20 || from[n] == 0x7f ? '_' : from[n];
	to[n] = '\0';
}

uint16_t interface_list_add(struct interface_list *list, const char *name, size_t name_bytes,
                            uint16_t link_type)
{
	char text[sizeof list->items[0].name];
	copy_printable(text, sizeof text, name, name_bytes);
	uint32_t hash = hash_of(text, link_type);
	for (unsigned i = 0; i < list->count; i++)
		if (list->hash[i] == hash && list->link_type[i] == link_type &&
		    strcmp(list->items[i].name, text) == 0)
			return (uint16_t)i;
	if (list->count == INTERFACES_MAX) {
		strcpy(list->items[INTERFACES_MAX - 1].name, "(others)");
		list->hash[INTERFACES_MAX - 1] = 0;
		return INTERFACES_MAX - 1;
	}
	unsigned i = list->count++;
	list->hash[i] = hash;
	list->link_type[i] = link_type;
	memcpy(list->items[i].name, text, sizeof text);
	return (uint16_t)i;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Linear probing, at most three quarters full; removal closes the gap, so there are no tombstones.
 * See map.h. */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>

#include "base/compiler.h"

enum { SLOTS_FIRST = 8 };

void map_init(struct map *map, uint64_t secret)
{
	*map = (struct map){ .secret = secret | 1 };
}

void map_fini(struct map *map)
{
	free(map->slots);
	map->slots = NULL;
	map->count = map->mask = 0;
}

static uint32_t home_of(const struct map *map, uint64_t key)
{
	uint64_t h = (key ^ map->secret >> 7) * map->secret;
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32) & map->mask;
}

/* The slot of the key, or the free one where it would stand. */
static struct map_slot *slot_of(const struct map *map, uint64_t key)
{
	uint32_t at = home_of(map, key);
	while (map->slots[at].value && map->slots[at].key != key)
		at = (at + 1) & map->mask;
	return &map->slots[at];
}

void *map_get(const struct map *map, uint64_t key)
{
	return map->slots ? slot_of(map, key)->value : NULL;
}

/* Doubles. All slots are placed anew, so a put costs time by the size once in so many puts: nothing
 * that is done for each packet uses a map. */
static int grow(struct map *map)
{
	struct map old = *map;
	uint32_t size = old.slots ? (old.mask + 1) * 2 : SLOTS_FIRST;
	struct map_slot *slots = calloc(size, sizeof *slots);
	if (!slots)
		return -ENOMEM;
	map->slots = slots;
	map->mask = size - 1;
	for (uint32_t i = 0; old.slots && i <= old.mask; i++)
		if (old.slots[i].value)
			*slot_of(map, old.slots[i].key) = old.slots[i];
	free(old.slots);
	return 0;
}

int map_put(struct map *map, uint64_t key, void *value)
{
	if (!map->slots || (uint64_t)(map->count + 1) * 4 > ((uint64_t)map->mask + 1) * 3) {
		int r = grow(map);
		if (r)
			return r;
	}
	struct map_slot *slot = slot_of(map, key);
	map->count += !slot->value;
	*slot = (struct map_slot){ key, value };
	return 0;
}

void *map_remove(struct map *map, uint64_t key)
{
	struct map_slot *slot = map->slots ? slot_of(map, key) : NULL;
	void *value = slot ? slot->value : NULL;
	if (!value)
		return NULL;
	uint32_t gap = (uint32_t)(slot - map->slots), at = gap;
	for (;;) {
		at = (at + 1) & map->mask;
		if (!map->slots[at].value)
			break;
		/* What may move back: its home does not lie behind the gap. */
		uint32_t home = home_of(map, map->slots[at].key);
		if (((at - home) & map->mask) >= ((at - gap) & map->mask)) {
			map->slots[gap] = map->slots[at];
			gap = at;
		}
	}
	map->slots[gap].value = NULL;
	map->count--;
	return value;
}

void *map_next(const struct map *map, uint32_t *position)
{
	while (map->slots && *position <= map->mask) {
		void *value = map->slots[(*position)++].value;
		if (value)
			return value;
	}
	return NULL;
}

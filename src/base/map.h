/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A map from 64-bit keys to pointers, for what strangers name by number (templates, domains,
 * interfaces): open addressing under a secret, so nobody outside can choose keys that collide.
 * Look-ups cost a multiplication and about one cache line. Whoever fills it bounds it.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdint.h>

/* A place of the table: four to a cache line. */
struct map_slot {
	uint64_t key;                   /* as the caller gave it */
	void *value;                    /* NULL: free */
};

/* Zeroed and with a secret it is an empty one. */
struct map {
	struct map_slot *slots;         /* `mask + 1` of them; NULL while empty */
	uint32_t count, mask;
	uint64_t secret;                /* keys are mixed with it, see map.c */
};

/* Takes no memory before the first put. The secret may be any random number. */
void map_init(struct map *map, uint64_t secret);
void map_fini(struct map *map);                         /* values are the caller's */

void *map_get(const struct map *map, uint64_t key);     /* NULL when there is none */
/* Puts or replaces; value is not NULL. 0 or -ENOMEM. */
int map_put(struct map *map, uint64_t key, void *value);
/* Takes out and returns what was there, or NULL. */
void *map_remove(struct map *map, uint64_t key);

/* Walks: start with *position 0; returns NULL at the end. Nothing may be put or removed on the
 * way. */
void *map_next(const struct map *map, uint32_t *position);

/* Memory that it holds. */
static inline uint64_t map_bytes(const struct map *map)
{
	return map->slots ? ((uint64_t)map->mask + 1) * sizeof map->slots[0] : 0;
}

#endif

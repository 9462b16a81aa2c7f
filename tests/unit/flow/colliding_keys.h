/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of flow keys that somebody who wants to slow a flow table down would send: each collides
 * under a well-known hash without a secret. They are crafted, not searched for, where the hash can
 * be run backwards (CRC-32, Jenkins, xor, sum); for FNV-1a and for our own hash under a secret
 * that is known they collide in the bits that choose a bucket. Neighbour: test_collisions.c.
 */
#ifndef TESTS_COLLIDING_KEYS_H
#define TESTS_COLLIDING_KEYS_H

#include <stdint.h>

#include "base/hash.h"
#include "packet/packet.h"

enum { OWN_MASK_BITS = 5 };

/* Fills `count` keys that are all different; key_bytes is 16 or 40, a key takes so much. */
typedef void craft_function(uint8_t *keys, unsigned count, unsigned key_bytes);

craft_function craft_random;            /* no collisions: what others are compared with */
craft_function craft_counting;          /* addresses and ports that count up */
craft_function craft_crc32, craft_jenkins, craft_fnv1a, craft_xor, craft_sum;

/* Keys that share OWN_MASK_BITS of the bits that choose bucket and tag, under this secret. */
void craft_own(uint8_t *keys, unsigned count, unsigned key_bytes, const struct hash_secret *secret);

/* The hashes themselves, in the form of a table's; they do without the secret. */
hash_many_function unkeyed_crc32_16, unkeyed_crc32_40, unkeyed_jenkins_16, unkeyed_jenkins_40,
	unkeyed_fnv1a_16, unkeyed_fnv1a_40, unkeyed_xor_16, unkeyed_xor_40, unkeyed_sum_16,
	unkeyed_sum_40;

#endif

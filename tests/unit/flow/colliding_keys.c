/* SPDX-License-Identifier: Apache-2.0 */
#include "colliding_keys.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { UDP = 17, FNV_BITS = 20, FNV_COUNT = 1 << FNV_BITS };

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void random_octets(uint64_t *state, uint8_t *to, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i += 4) {
		uint32_t four = (uint32_t)(next_random(state) >> 32);
		memcpy(to + i, &four, 4);
	}
}

static struct key *key_at(uint8_t *keys, unsigned i, unsigned key_bytes)
{
	return (struct key *)(void *)(keys + (size_t)i * key_bytes);
}
static uint8_t *address_of(struct key *k, unsigned end, unsigned key_bytes)
{
	return key_bytes == 16 ? k->address.v4[end] : k->address.v6[end];
}
static unsigned address_bytes(unsigned key_bytes) { return key_bytes == 16 ? 4 : 16; }

/* UDP between two random ends. */
static struct key *fill(uint8_t *keys, unsigned i, unsigned key_bytes, uint64_t *state)
{
	struct key *k = key_at(keys, i, key_bytes);
	memset(k, 0, key_bytes);
	k->protocol = UDP;
	random_octets(state, (uint8_t *)k->port, 4);
	random_octets(state, address_of(k, 0, key_bytes), 2 * address_bytes(key_bytes));
	return k;
}

void craft_random(uint8_t *keys, unsigned count, unsigned key_bytes)
{
	uint64_t state = 1;
	for (unsigned i = 0; i < count; i++)
		fill(keys, i, key_bytes, &state);
}

void craft_counting(uint8_t *keys, unsigned count, unsigned key_bytes)
{
	for (unsigned i = 0; i < count; i++) {
		struct key *k = key_at(keys, i, key_bytes);
		memset(k, 0, key_bytes);
		k->protocol = UDP;
		k->port[0] = (uint16_t)(1024 + i / 4096);
		k->port[1] = 53;
		uint8_t *a = address_of(k, 0, key_bytes);
		a[0] = 10;
		a[address_bytes(key_bytes) - 1] = (uint8_t)i;
		a[address_bytes(key_bytes) - 2] = (uint8_t)(i >> 8 & 15);
		address_of(k, 1, key_bytes)[0] = 11;
	}
}

/* ---- CRC-32: linear, so the last four octets can make up for all before them ----------------- */

static uint32_t crc_step(uint32_t crc, uint8_t octet)
{
	crc ^= octet;
	for (unsigned bit = 0; bit < 8; bit++)
		crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	return crc;
}

/* The state before an octet, when it was 0. */
static uint32_t crc_back(uint32_t crc)
{
	for (unsigned bit = 0; bit < 8; bit++)
		crc = crc & 0x80000000 ? (crc ^ 0xedb88320) << 1 | 1 : crc << 1;
	return crc;
}

static uint32_t crc32(const uint8_t *octets, unsigned bytes)
{
	uint32_t crc = UINT32_MAX;
	for (unsigned i = 0; i < bytes; i++)
		crc = crc_step(crc, octets[i]);
	return ~crc;
}

void craft_crc32(uint8_t *keys, unsigned count, unsigned key_bytes)
{
	uint64_t state = 2;
	uint32_t wanted = 0x12345678;
	for (unsigned i = 0; i < 4; i++)
		wanted = crc_back(wanted);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *octets = (uint8_t *)fill(keys, i, key_bytes, &state);
		uint32_t crc = ~crc32(octets, key_bytes - 4) ^ wanted;
		memcpy(octets + key_bytes - 4, &crc, 4);
	}
}

/* ---- Jenkins' lookup3: each block is mixed by steps that can be undone ----------------------- */

struct abc { uint32_t a, b, c; };

static uint32_t rotate(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }

static void jenkins_mix(struct abc *s)
{
	s->a -= s->c; s->a ^= rotate(s->c, 4);  s->c += s->b;
	s->b -= s->a; s->b ^= rotate(s->a, 6);  s->a += s->c;
	s->c -= s->b; s->c ^= rotate(s->b, 8);  s->b += s->a;
	s->a -= s->c; s->a ^= rotate(s->c, 16); s->c += s->b;
	s->b -= s->a; s->b ^= rotate(s->a, 19); s->a += s->c;
	s->c -= s->b; s->c ^= rotate(s->b, 4);  s->b += s->a;
}

static void jenkins_final(struct abc *s)
{
	s->c ^= s->b; s->c -= rotate(s->b, 14);
	s->a ^= s->c; s->a -= rotate(s->c, 11);
	s->b ^= s->a; s->b -= rotate(s->a, 25);
	s->c ^= s->b; s->c -= rotate(s->b, 16);
	s->a ^= s->c; s->a -= rotate(s->c, 4);
	s->b ^= s->a; s->b -= rotate(s->a, 14);
	s->c ^= s->b; s->c -= rotate(s->b, 24);
}

static void jenkins_undo_final(struct abc *s)
{
	s->c += rotate(s->b, 24); s->c ^= s->b;
	s->b += rotate(s->a, 14); s->b ^= s->a;
	s->a += rotate(s->c, 4);  s->a ^= s->c;
	s->c += rotate(s->b, 16); s->c ^= s->b;
	s->b += rotate(s->a, 25); s->b ^= s->a;
	s->a += rotate(s->c, 11); s->a ^= s->c;
	s->c += rotate(s->b, 14); s->c ^= s->b;
}

/* Addresses, then ports, in words: 3 or 9. Returns their number. */
static unsigned words_of(const struct key *k, unsigned key_bytes, uint32_t words[9])
{
	unsigned count = key_bytes / 4 - 2;
	memcpy(words, &k->address, count * 4);
	memcpy(&words[count], k->port, 4);
	return count + 1;
}

/* The state before the last three words are added. */
static struct abc jenkins_begin(const uint32_t *words, unsigned count)
{
	uint32_t start = 0xdeadbeef + count * 4;
	struct abc s = { start, start, start };
	for (unsigned i = 0; i + 3 < count; i += 3) {
		s = (struct abc){ s.a + words[i], s.b + words[i + 1], s.c + words[i + 2] };
		jenkins_mix(&s);
	}
	return s;
}

static uint32_t jenkins(const struct key *k, unsigned key_bytes)
{
	uint32_t words[9];
	unsigned count = words_of(k, key_bytes, words);
	struct abc s = jenkins_begin(words, count);
	const uint32_t *w = &words[count - 3];
	s = (struct abc){ s.a + w[0], s.b + w[1], s.c + w[2] };
	jenkins_final(&s);
	return s.c;
}

void craft_jenkins(uint8_t *keys, unsigned count, unsigned key_bytes)
{
	uint64_t state = 3;
	for (unsigned i = 0; i < count; i++) {
		struct key *k = fill(keys, i, key_bytes, &state);
		uint32_t words[9];
		unsigned n = words_of(k, key_bytes, words);
		struct abc from = jenkins_begin(words, n);
		uint64_t free_words = next_random(&state);
		struct abc to = { (uint32_t)free_words, (uint32_t)(free_words >> 32), 0x12345678 };
		jenkins_undo_final(&to);
		uint32_t last[3] = { to.a - from.a, to.b - from.b, to.c - from.c };
		memcpy((uint8_t *)k + key_bytes - 8, last, 8);
		memcpy(k->port, &last[2], 4);
	}
}

/* ---- FNV-1a: its low bits depend on low bits only; two halves meet in the middle ------------- */

static const uint32_t fnv_prime = 16777619, fnv_inverse = 0x359c449b, fnv_start = 2166136261u;

static uint32_t fnv1a(uint32_t h, const uint8_t *octets, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		h = (h ^ octets[i]) * fnv_prime;
	return h;
}

static uint32_t fnv1a_back(uint32_t h, const uint8_t *octets, unsigned bytes)
{
	for (unsigned i = bytes; i--;)
		h = h * fnv_inverse ^ octets[i];
	return h;
}

/* All sources by the state they lead to (a chain for each), then every target runs backwards. */
void craft_fnv1a(uint8_t *keys, unsigned count, unsigned key_bytes)
{
	uint32_t *head = calloc(FNV_COUNT, sizeof *head), *next = calloc(FNV_COUNT + 1, sizeof *next);
	uint64_t state = 4;
	unsigned made = 0;
	uint8_t one[40] __attribute__((aligned(8)));
	struct key *k = fill(one, 0, key_bytes, &state);
	for (uint32_t source = 1; source <= FNV_COUNT; source++) {
		memcpy(address_of(k, 0, key_bytes), &source, 4);
		uint32_t h = fnv1a(fnv_start, one, key_bytes - 4) % FNV_COUNT;
		next[source] = head[h];
		head[h] = source;
	}
	for (uint32_t target = 0; made < count; target++) {
		memcpy(one + key_bytes - 4, &target, 4);
		uint32_t h = fnv1a_back(0x12345678, one + key_bytes - 4, 4) % FNV_COUNT;
		for (uint32_t source = head[h]; source && made < count; source = next[source]) {
			memcpy(address_of(k, 0, key_bytes), &source, 4);
			memcpy(keys + (size_t)made++ * key_bytes, one, key_bytes);
		}
	}
	free(head);
	free(next);
}

/* ---- the ends, combined ---------------------------------------------------------------------- */

static void end_words(const struct key *k, unsigned key_bytes, unsigned end, uint64_t words[3])
{
	const uint8_t *a = key_bytes == 16 ? k->address.v4[end] : k->address.v6[end];
	words[0] = key_bytes == 16 ? load_32(a) : load_64(a);
	words[1] = key_bytes == 16 ? 0 : load_64(a + 8);
	words[2] = k->port[end];
}

static void set_end_1(struct key *k, unsigned key_bytes, const uint64_t words[3])
{
	uint8_t *a = address_of(k, 1, key_bytes);
	memcpy(a, &words[0], key_bytes == 16 ? 4 : 8);
	if (key_bytes == 40)
		memcpy(a + 8, &words[1], 8);
	k->port[1] = (uint16_t)words[2];
}

static uint64_t combine(const struct key *k, unsigned key_bytes, bool add)
{
	uint64_t a[3], b[3], h = 0;
	end_words(k, key_bytes, 0, a);
	end_words(k, key_bytes, 1, b);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t both = add ? a[i] + b[i] : a[i] ^ b[i];
		if (i == 2)
			both &= 0xffff;
		else if (key_bytes == 16)
			both &= UINT32_MAX;
		h = (h ^ both) * 0x9e3779b97f4a7c15;
		h ^= h >> 32;
	}
	return h;
}

static void craft_ends(uint8_t *keys, unsigned count, unsigned key_bytes, bool add)
{
	uint64_t state = 5 + add;
	const uint64_t whole[3] = { 0x123456789abcdef0, 0x0fedcba987654321, 0x4321 };
	for (unsigned i = 0; i < count; i++) {
		struct key *k = fill(keys, i, key_bytes, &state);
		uint64_t a[3];
		end_words(k, key_bytes, 0, a);
		for (unsigned w = 0; w < 3; w++)
			a[w] = add ? whole[w] - a[w] : whole[w] ^ a[w];
		set_end_1(k, key_bytes, a);
	}
}

void craft_xor(uint8_t *keys, unsigned count, unsigned key_bytes)
{
	craft_ends(keys, count, key_bytes, false);
}
void craft_sum(uint8_t *keys, unsigned count, unsigned key_bytes)
{
	craft_ends(keys, count, key_bytes, true);
}

/* ---- our own, with a secret that is known: by trying ----------------------------------------- */

void craft_own(uint8_t *keys, unsigned count, unsigned key_bytes, const struct hash_secret *secret)
{
	const uint64_t mask = 0x8000000f;       /* of the bucket's bits, and of the tag's */
	hash_many_function *many = key_bytes == 16 ? secret->many_16 : secret->many_40;
	uint8_t tried[64 * 40] __attribute__((aligned(8)));
	const void *pointers[64];
	uint64_t hashes[64], state = 7;
	for (unsigned i = 0; i < 64; i++)
		pointers[i] = fill(tried, i, key_bytes, &state);
	for (unsigned made = 0; made < count;) {
		uint64_t number = next_random(&state);  /* makes all the keys new */
		for (unsigned i = 0; i < 64; i++, number += 0x100000001)
			memcpy(tried + i * key_bytes + 8, &number, 8);
		many(secret, pointers, 64, hashes);
		for (unsigned i = 0; i < 64 && made < count; i++)
			if (!(hashes[i] & mask))
				memcpy(keys + (size_t)made++ * key_bytes, tried + i * key_bytes, key_bytes);
	}
}

/* ---- as a table's hash ----------------------------------------------------------------------- */

static uint64_t crc32_of(const void *key, unsigned bytes) { return crc32(key, bytes); }
static uint64_t jenkins_of(const void *key, unsigned bytes) { return jenkins(key, bytes); }
static uint64_t fnv1a_of(const void *key, unsigned bytes) { return fnv1a(fnv_start, key, bytes); }
static uint64_t xor_of(const void *key, unsigned bytes) { return combine(key, bytes, false); }
static uint64_t sum_of(const void *key, unsigned bytes) { return combine(key, bytes, true); }

#define UNKEYED(name, bytes) \
	void unkeyed_##name##_##bytes(const struct hash_secret *secret, const void *const *keys, \
	                              unsigned count, uint64_t *ret) \
	{ \
		for (unsigned i = 0; i < count; i++) \
			ret[i] = name##_of(keys[i], bytes); \
	}

UNKEYED(crc32, 16)
UNKEYED(crc32, 40)
UNKEYED(jenkins, 16)
UNKEYED(jenkins, 40)
UNKEYED(fnv1a, 16)
UNKEYED(fnv1a, 40)
UNKEYED(xor, 16)
UNKEYED(xor, 40)
UNKEYED(sum, 16)
UNKEYED(sum, 40)

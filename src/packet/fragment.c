/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of fragments. An entry holds no addresses, only the 64-bit keyed hash of all that
 * tells datagrams apart: two datagrams are taken for one with a chance of 2^-64 per comparison.
 * Cost: one SipHash-1-3 of 48 octets and at most two cache lines, for fragments alone.
 */
#include "packet/fragment.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/compiler.h"

enum { WAYS = 4, ENTRIES_DEFAULT = 65536, ENTRIES_MAX = 1 << 24 };
#define GOOD_FOR_NS 30000000000ull

/* What is remembered of one datagram. */
struct entry {
	uint64_t hash;                  /* of all that tells it apart; 0: free */
	uint64_t time_ns;               /* of the first fragment */
	struct fragment_ports ports;
};
static_assert(sizeof(struct entry) == 24, "four entries in two cache lines at most");
static_assert(sizeof(struct fragment_datagram) == 48, "hashed as six words");

/* One allocation, sets behind the head. */
struct fragment_memory {
	uint64_t secret[2];
	uint64_t set_mask;
	struct entry entries[];         /* sets of WAYS; hash 0: never used */
};

static uint64_t datagram_hash(const struct fragment_memory *memory,
                              const struct fragment_datagram *datagram);

/* calloc() leaves the memory untouched, so that a meter which never sees a fragment pays nothing
 * for it. */
int fragment_memory_new(uint32_t entries, struct fragment_memory **ret)
{
	uint64_t sets = 1;

	if (entries == 0)
		entries = ENTRIES_DEFAULT;
	if (entries > ENTRIES_MAX)
		entries = ENTRIES_MAX;
	while (sets * WAYS < entries)
		sets *= 2;
	struct fragment_memory *memory = calloc(1, sizeof *memory + sets * WAYS * sizeof(struct entry));
	if (!memory)
		return -ENOMEM;
	memory->set_mask = sets - 1;
	if (getrandom(memory->secret, sizeof memory->secret, 0) != (ssize_t)sizeof memory->secret) {
		free(memory);
		return -EIO;
	}
	*ret = memory;
	return 0;
}

void fragment_memory_free(struct fragment_memory *memory)
{
	free(memory);
}

static bool is_good(const struct entry *e, uint64_t now_ns)
{
	uint64_t age = now_ns >= e->time_ns ? now_ns - e->time_ns : e->time_ns - now_ns;
	return age <= GOOD_FOR_NS;
}

/* A time that goes back makes no difference: the entry with the smallest time is the oldest. */
void fragment_remember(struct fragment_memory *memory, const struct fragment_datagram *datagram,
                       uint64_t now_ns, const struct fragment_ports *ports)
{
	uint64_t hash = datagram_hash(memory, datagram);
	struct entry *set = memory->entries + (hash & memory->set_mask) * WAYS;
	struct entry *victim = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].hash == hash || set[i].hash == 0) {  /* ways fill in order */
			victim = set + i;
			break;
		}
		if (set[i].time_ns < victim->time_ns)
			victim = set + i;
	}
	*victim = (struct entry){ .hash = hash, .time_ns = now_ns, .ports = *ports };
}

bool fragment_recall(const struct fragment_memory *memory, const struct fragment_datagram *datagram,
                     uint64_t now_ns, struct fragment_ports *ret)
{
	uint64_t hash = datagram_hash(memory, datagram);
	const struct entry *set = memory->entries + (hash & memory->set_mask) * WAYS;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].hash == hash && is_good(set + i, now_ns)) {
			*ret = set[i].ports;
			return true;
		}
	}
	return false;
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

/* SipHash's permutation; two words of secret are the parser's own. */
static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 of exactly 48 octets; the last word holds the length as the definition wants it. */
static uint64_t datagram_hash(const struct fragment_memory *memory,
                              const struct fragment_datagram *datagram)
{
	const uint8_t *octets = (const uint8_t *)datagram;
	uint64_t v[4] = {
		memory->secret[0] ^ 0x736f6d6570736575ull, memory->secret[1] ^ 0x646f72616e646f6dull,
		memory->secret[0] ^ 0x6c7967656e657261ull, memory->secret[1] ^ 0x7465646279746573ull,
	};

	for (unsigned i = 0; i <= sizeof *datagram; i += 8) {
		uint64_t word = (uint64_t)sizeof *datagram << 56;
		if (i < sizeof *datagram)
			word = load_64(octets + i);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 3; i++)
		sip_round(v);
	uint64_t hash = v[0] ^ v[1] ^ v[2] ^ v[3];
	return hash ? hash : 1;                 /* 0 marks an entry that was never used */
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES hash: each 16-octet block is mixed into the state by xor and two rounds under secret round
 * keys, and two more rounds close it; a 128-bit permutation under a secret, of which 64 bits are
 * kept. Three to five nanoseconds less a key than SipHash-1-3 at these lengths.
 */
#include "base/hash.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_AES_ROUNDS 1
#endif

/* ---- SipHash-1-3 ------------------------------------------------------------------------- */

static inline uint64_t rotate_left(uint64_t x, unsigned n) { return x << n | x >> (64 - n); }

struct sip { uint64_t v0, v1, v2, v3; };

/* The permutation of SipHash as its authors give it; 1-3 is one round a word and three at the end:
 * enough for tables, where nobody sees the hashes. */
static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1; s->v2 += s->v3;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v1; s->v0 += s->v3;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 = rotate_left(s->v2, 32);
}

uint64_t hash_siphash13(const struct hash_secret *secret, const void *octets, size_t bytes)
{
	uint64_t k0 = load_64(secret->octets), k1 = load_64(secret->octets + 8);
	struct sip s = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
	                 k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	const uint8_t *p = octets;
	size_t left = bytes;
	for (; left >= 8; left -= 8, p += 8) {
		uint64_t m = load_64(p);
		s.v3 ^= m;
		sip_round(&s);
		s.v0 ^= m;
	}
	uint64_t last = (uint64_t)bytes << 56;
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	s.v3 ^= last;
	sip_round(&s);
	s.v0 ^= last;
	s.v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static inline void sip_many(const struct hash_secret *secret, const void *const *keys,
                            unsigned count, size_t bytes, uint64_t *ret)
{
	for (unsigned i = 0; i < count; i++)
		ret[i] = hash_siphash13(secret, keys[i], bytes);
}
static void sip_many_16(const struct hash_secret *s, const void *const *k, unsigned n,
                        uint64_t *ret)
{
	sip_many(s, k, n, 16, ret);
}
static void sip_many_40(const struct hash_secret *s, const void *const *k, unsigned n,
                        uint64_t *ret)
{
	sip_many(s, k, n, 40, ret);
}
static void sip_many_56(const struct hash_secret *s, const void *const *k, unsigned n,
                        uint64_t *ret)
{
	sip_many(s, k, n, 56, ret);
}

/* ---- AES rounds -------------------------------------------------------------------------- */

#ifdef HAVE_AES_ROUNDS

#define AES __attribute__((target("aes,sse4.1")))

static inline AES __m128i secret_at(const struct hash_secret *s, unsigned i)
{
	return _mm_load_si128((const __m128i *)(const void *)(s->octets + 16 * i));
}
static inline AES __m128i load_block(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}
static inline AES uint64_t aes_close(const struct hash_secret *s, __m128i x)
{
	x = _mm_aesenc_si128(x, secret_at(s, 3));
	x = _mm_aesenc_si128(x, secret_at(s, 4));
	return (uint64_t)_mm_cvtsi128_si64(x);
}
static inline AES __m128i aes_mix(const struct hash_secret *s, __m128i x, __m128i block)
{
	x = _mm_xor_si128(x, block);
	x = _mm_aesenc_si128(x, secret_at(s, 1));
	return _mm_aesenc_si128(x, secret_at(s, 2));
}

static AES void aes_many_16(const struct hash_secret *s, const void *const *keys, unsigned count,
                            uint64_t *ret)
{
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *p = keys[i];
		__m128i x = _mm_aesenc_si128(_mm_xor_si128(secret_at(s, 0), load_block(p)),
		                             secret_at(s, 1));
		ret[i] = aes_close(s, x);
	}
}

/* IPv6 flow keys: two blocks and a half; the half is filled with zeros, which is no weakness since
 * all keys of a call have one length. */
static AES void aes_many_40(const struct hash_secret *s, const void *const *keys, unsigned count,
                            uint64_t *ret)
{
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *p = keys[i];
		__m128i x = aes_mix(s, secret_at(s, 0), load_block(p));
		x = aes_mix(s, x, load_block(p + 16));
		__m128i last = _mm_loadl_epi64((const __m128i *)(const void *)(p + 32));
		ret[i] = aes_close(s, aes_mix(s, x, last));
	}
}

static AES void aes_many_56(const struct hash_secret *s, const void *const *keys, unsigned count,
                            uint64_t *ret)
{
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *p = keys[i];
		__m128i x = aes_mix(s, secret_at(s, 0), load_block(p));
		x = aes_mix(s, x, load_block(p + 16));
		x = aes_mix(s, x, load_block(p + 32));
		__m128i last = _mm_loadl_epi64((const __m128i *)(const void *)(p + 48));
		ret[i] = aes_close(s, aes_mix(s, x, last));
	}
}

#endif

/* ---- choice ------------------------------------------------------------------------------- */

/* The twins give different hashes, so one run keeps to one of them; nothing outside a run depends
 * on a hash. */
static void choose(struct hash_secret *secret, bool use_siphash)
{
#ifdef HAVE_AES_ROUNDS
	if (!use_siphash && __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1")) {
		secret->many_16 = aes_many_16;
		secret->many_40 = aes_many_40;
		secret->many_56 = aes_many_56;
		secret->name = "aes";
		return;
	}
#endif
	secret->many_16 = sip_many_16;
	secret->many_40 = sip_many_40;
	secret->many_56 = sip_many_56;
	secret->name = "siphash-1-3";
}

void hash_secret_init(struct hash_secret *secret)
{
	size_t have = 0;
	while (have < sizeof secret->octets) {
		ssize_t n = getrandom(secret->octets + have, sizeof secret->octets - have, 0);
		if (n > 0) {
			have += (size_t)n;
		} else if (n < 0 && errno != EINTR) {
			/* No random source at all: the time and the process are better than a constant. */
			hash_secret_init_fixed(secret, (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid(), false);
			return;
		}
	}
	choose(secret, false);
}

void hash_secret_init_fixed(struct hash_secret *secret, uint64_t seed, bool use_siphash)
{
	uint64_t x = seed;
	for (size_t i = 0; i < sizeof secret->octets; i += 8) {
		x += 0x9e3779b97f4a7c15;        /* a counter through a 64-bit finalizer */
		uint64_t z = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		z ^= z >> 31;
		memcpy(secret->octets + i, &z, 8);
	}
	choose(secret, use_siphash);
}

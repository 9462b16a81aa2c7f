/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keyed hashing of flow keys. The secret is drawn once a run, so nobody outside can build keys that
 * collide. AES rounds where the processor has them, SipHash-1-3 elsewhere, chosen when the secret
 * is made. The functions take many keys at once: the caller prefetches by the results.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_secret;
/* Hashes `count` keys of one length into ret[0..count). Keys may be unaligned. */
typedef void hash_many_function(const struct hash_secret *secret, const void *const *keys,
                                unsigned count, uint64_t *ret);

/* Shared by all threads once it is made; copies are fine. */
struct hash_secret {
	uint8_t octets[96] __attribute__((aligned(16))); /* round keys of AES; the first 16 are
	                                                  * SipHash's key */
	hash_many_function *many_16, *many_40, *many_56;  /* by key length in octets */
	const char *name;               /* "aes" or "siphash-1-3" */
};

/* Fills the secret from the system's random source. */
void hash_secret_init(struct hash_secret *secret);
/* A known secret, and a choice of the slow twin: for tests. */
void hash_secret_init_fixed(struct hash_secret *secret, uint64_t seed, bool use_siphash);

/* SipHash-1-3 of any octets under the first 16 octets of the secret. */
uint64_t hash_siphash13(const struct hash_secret *secret, const void *octets, size_t bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A million flows whose keys were made to collide lie in the table as random ones do. What is
 * counted: overflow buckets that lookups walk through, keys compared in vain, and the
 * fullest bucket; never time. What random keys give is computed: entries a bucket are Poisson
 * distributed, so sums over buckets have a mean and a deviation, of which six are allowed.
 *
 * That the check would see collisions is shown with hashes that have no secret, and with the
 * secret that an attacker knew.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "colliding_keys.h"
#include "flow/index.h"

enum { MILLION = 1000000, FEW = 4000 };

struct seen {                           /* how keys lie in an index; what looking all up costs */
	double further;                 /* buckets looked at beyond the first, in all */
	double compared;                /* keys compared in vain, in all */
	unsigned fullest;               /* entries in the fullest bucket with its overflows */
};

static uint8_t *keys;

static int start(void **state)
{
	keys = malloc((size_t)MILLION * 40);
	return keys ? 0 : -1;
}

static int stop(void **state)
{
	free(keys);
	return 0;
}

/* ---- what is seen ---------------------------------------------------------------------------- */

struct keyed {                          /* an index of the first `count` keys; handle 1 is key 0 */
	struct index index;
	unsigned count, key_bytes;
	const struct hash_secret *secret;
	hash_many_function *hash;
};

static const uint8_t *key_at(const struct keyed *k, unsigned number)
{
	return keys + (size_t)number * k->key_bytes;
}

static void hash_64(const struct keyed *k, unsigned from, unsigned count, uint64_t *ret)
{
	const void *some[64];
	for (unsigned i = 0; i < count; i++)
		some[i] = key_at(k, from + i);
	k->hash(k->secret, some, count, ret);
}

static void insert_64(struct keyed *k, unsigned from, unsigned count, const uint64_t *hashes)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(index_insert(&k->index, hashes[i], from + i + 1), 0);
}

/* What is compared in vain has another key: all keys are different. */
static void look_up(struct keyed *k, unsigned number, uint64_t hash, struct seen *seen)
{
	struct index_walk walk = index_walk_start(&k->index, hash);
	for (;;) {
		uint32_t handle = index_walk_next(&k->index, &walk, hash);
		assert_int_not_equal(handle, HANDLE_NONE);
		if (handle == number + 1)
			return;
		assert_true(memcmp(key_at(k, handle - 1), key_at(k, number), k->key_bytes));
		seen->compared++;
	}
}

static struct seen look_at(struct keyed *k)
{
	struct seen seen = { 0 };
	uint64_t hashes[64];
	for (unsigned round = 0; round < 2; round++)
		for (unsigned from = 0; from < k->count; from += 64) {
			unsigned some = k->count - from < 64 ? k->count - from : 64;
			hash_64(k, from, some, hashes);
			if (round == 0)
				insert_64(k, from, some, hashes);
			for (unsigned i = 0; i < some && round == 1; i++)
				look_up(k, from + i, hashes[i], &seen);
		}
	seen.further = (double)k->index.probes;
	seen.fullest = index_fullest(&k->index);
	return seen;
}

/* ---- what random keys would give ------------------------------------------------------------- */

struct expected {
	double mean, variance;          /* of the further buckets */
	double compared;                /* mean, and variance: such meetings are rare */
	unsigned fullest;               /* a bucket with more is there once in 10^9 runs */
};

/* Buckets of one kind: `number` of them with `load` entries on average, and `tag_bits` of the tag
 * that the bucket's number does not hold already. */
static void expect_kind(struct expected *e, double number, double load, unsigned tag_bits)
{
	double p = exp(-load), tail = 1, mean = 0, square = 0;
	for (unsigned n = 0; n < 400; n++, p *= load / n) {
		double further = 0;
		for (unsigned entry = 0; entry < n; entry++)
			further += entry / INDEX_SLOTS;
		mean += p * further;
		square += p * further * further;
		if (number * tail > 1e-9 && e->fullest < n)
			e->fullest = n;
		tail -= p;
	}
	e->mean += number * mean;
	e->variance += number * (square - mean * mean);
	e->compared += number * load * load / 2 / (1 << tag_bits);
}

static struct expected expect_random(const struct index *x)
{
	struct expected e = { 0 };
	double level = (double)x->level_mask + 1, split = x->split;
	unsigned bits = (unsigned)__builtin_ctz(x->level_mask + 1);
	expect_kind(&e, 2 * split, (double)x->count / level / 2, bits < 15 ? 16 : 31 - bits);
	expect_kind(&e, level - split, (double)x->count / level, bits < 16 ? 16 : 32 - bits);
	return e;
}

static bool lies_within(double value, double mean, double variance)
{
	return fabs(value - mean) <= 6 * sqrt(variance) + 1;
}

static bool is_like_random(const struct index *x, const struct seen *seen)
{
	struct expected e = expect_random(x);
	bool fine = lies_within(seen->further, e.mean, e.variance)
		&& lies_within(seen->compared, e.compared, e.compared + 1) && seen->fullest <= e.fullest;
	if (!fine)
		print_message("further %.0f (%.0f), compared %.0f (%.0f), fullest %u (%u)\n",
		              seen->further, e.mean, seen->compared, e.compared, seen->fullest, e.fullest);
	return fine;
}

/* Puts the first `count` keys into an index. `hash`: instead of the secret's own. */
static bool behaves(unsigned count, unsigned key_bytes, const struct hash_secret *secret,
                    hash_many_function *hash)
{
	struct keyed k = { .count = count, .key_bytes = key_bytes, .secret = secret, .hash = hash };
	if (!hash)
		k.hash = key_bytes == 16 ? secret->many_16 : secret->many_40;
	assert_int_equal(index_init(&k.index, count), 0);
	struct seen seen = look_at(&k);
	bool fine = is_like_random(&k.index, &seen);
	index_fini(&k.index);
	return fine;
}

/* ---- the tests ------------------------------------------------------------------------------- */

struct attack {
	craft_function *craft;
	hash_many_function *hash_16, *hash_40;  /* that it collides under; NULL: none */
};

static struct hash_secret secret_of(uint64_t seed, bool use_siphash)
{
	struct hash_secret secret;
	hash_secret_init_fixed(&secret, seed, use_siphash);
	return secret;
}

/* Under the hash that they were made for the first few are enough to see the collisions. */
static void run(const struct attack *attack, unsigned key_bytes)
{
	const struct hash_secret aes = secret_of(2, false), siphash = secret_of(3, true);
	hash_many_function *hash = key_bytes == 16 ? attack->hash_16 : attack->hash_40;
	attack->craft(keys, MILLION, key_bytes);
	assert_true(behaves(MILLION, key_bytes, &aes, NULL));
	assert_true(behaves(MILLION, key_bytes, &siphash, NULL));
	if (hash)
		assert_false(behaves(FEW, key_bytes, &aes, hash));
}

static void run_both(void **state)
{
	run(*state, 16);
	run(*state, 40);
}

/* The attacker knew one secret; the run has another. */
static void run_own(bool use_siphash, unsigned key_bytes)
{
	const struct hash_secret known = secret_of(1, use_siphash), other = secret_of(2, use_siphash);
	craft_own(keys, MILLION, key_bytes, &known);
	assert_true(behaves(MILLION, key_bytes, &other, NULL));
	assert_false(behaves(MILLION, key_bytes, &known, NULL));
}

static void a_secret_that_was_known_elsewhere_is_of_no_use(void **state)
{
	for (unsigned key_bytes = 16; key_bytes <= 40; key_bytes += 24) {
		run_own(false, key_bytes);
		run_own(true, key_bytes);
	}
}

/* The bounds are tight: it is enough that one key in ten collides with others. */
static void some_collisions_among_random_keys_are_seen(void **state)
{
	const struct hash_secret known = secret_of(1, false);
	craft_own(keys, MILLION, 16, &known);
	craft_random(keys, MILLION - MILLION / 10, 16);
	assert_false(behaves(MILLION, 16, &known, NULL));
	assert_true(behaves(MILLION - MILLION / 10, 16, &known, NULL));
}

#define ATTACK(name) { "keys_made_for_" #name, run_both, NULL, NULL, \
	&(struct attack){ craft_##name, unkeyed_##name##_16, unkeyed_##name##_40 } }

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "random_keys", run_both, NULL, NULL, &(struct attack){ .craft = craft_random } },
		{ "keys_that_count_up", run_both, NULL, NULL, &(struct attack){ .craft = craft_counting } },
		ATTACK(crc32),
		ATTACK(jenkins),
		ATTACK(fnv1a),
		ATTACK(xor),
		ATTACK(sum),
		cmocka_unit_test(a_secret_that_was_known_elsewhere_is_of_no_use),
		cmocka_unit_test(some_collisions_among_random_keys_are_seen),
	};
	return cmocka_run_group_tests_name("flow/collisions", tests, start, stop);
}

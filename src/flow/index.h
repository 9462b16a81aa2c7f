/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From hash to handle: linear hashing over buckets of one cache line with eight slots. It
 * grows by splitting one bucket every few inserts, so nothing is ever rehashed at once, and
 * it does not shrink (its high-water mark is bounded by the table's). Costs: one line a
 * lookup, 14 to 16 octets a flow.
 */
#ifndef FLOW_INDEX_H
#define FLOW_INDEX_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/memory.h"

enum { INDEX_SLOTS = 8, INDEX_FIRST_LOG2 = 8, HANDLE_NONE = 0 };

/* Slots are parallel arrays, so that all eight tags are compared at once. */
struct index_bucket {
	uint16_t tag[INDEX_SLOTS];      /* bits 16 to 31 of the hash */
	uint32_t handle[INDEX_SLOTS];   /* HANDLE_NONE: empty */
	uint8_t  low[INDEX_SLOTS];      /* bits 8 to 15 of the hash: with the tag,
	                                 * where a split sends it */
	uint32_t overflow;              /* index of a further bucket in the overflow region; 0: none */
	uint32_t reserved;
};
static_assert(sizeof(struct index_bucket) == 64, "one cache line");

/* Grows with use, bucket by bucket, up to its bounds. */
struct index {
	struct index_bucket *buckets;   /* level_mask + 1 + split of them are in use */
	struct index_bucket *overflows; /* from 1 on; 0 means none */
	uint32_t level_mask;            /* buckets at this level - 1 */
	uint32_t split;                 /* next bucket to split; those below are split already */
	uint32_t overflow_used, overflow_free;  /* high-water mark; head of the free list */
	uint64_t count, grow_at;        /* entries; split when count reaches this */
	uint32_t bucket_bound, overflow_bound;
	uint64_t probes, lookups;       /* buckets looked at beyond the first,
	                                 * slow lookups: for tests */
	struct region bucket_region, overflow_region;
};

/* Sized (as address space) for max_count entries. 0 or -ENOMEM. */
int index_init(struct index *x, uint64_t max_count);
void index_fini(struct index *x);

/* The bucket of a hash as the table stands: buckets below `split` have been split at this level, so
 * one more bit decides. */
static inline uint32_t index_bucket_of(const struct index *x, uint64_t hash)
{
	uint32_t b = (uint32_t)hash & x->level_mask;
	return b < x->split ? (uint32_t)hash & (x->level_mask << 1 | 1) : b;
}

/* Bit i set: slot i has this hash's tag (it may be empty or another key's). */
unsigned index_match_scalar(const struct index_bucket *b, uint16_t tag);
/* Bit i set: slot i is empty. */
unsigned index_empty_scalar(const struct index_bucket *b);

#if defined(__SSE2__)
#include <emmintrin.h>
static inline unsigned index_match(const struct index_bucket *b, uint16_t tag)
{
	__m128i tags = _mm_load_si128((const __m128i *)(const void *)b->tag);
	__m128i same = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag));
	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128()));
}
static inline unsigned index_empty(const struct index_bucket *b)
{
	const __m128i *handles = (const __m128i *)(const void *)b->handle, none = _mm_setzero_si128();
	__m128i low = _mm_cmpeq_epi32(_mm_load_si128(handles), none);
	__m128i high = _mm_cmpeq_epi32(_mm_load_si128(handles + 1), none);
	__m128i empty = _mm_packs_epi16(_mm_packs_epi32(low, high), none);
	return (unsigned)_mm_movemask_epi8(empty);
}
#else
#define index_match index_match_scalar
#define index_empty index_empty_scalar
#endif

/* Bits that the choice of the bucket has not used up in small tables; see struct index_bucket. */
static inline uint16_t index_tag(uint64_t hash) { return (uint16_t)(hash >> 16); }

/* The likely handle by the first bucket alone; HANDLE_NONE: look with index_walk_start, whose next
 * bucket is then on its way into the cache. */
static inline uint32_t index_guess(const struct index *x, uint32_t bucket, uint64_t hash)
{
	const struct index_bucket *b = &x->buckets[bucket];
	unsigned match = index_match(b, index_tag(hash));
	if (likely(match))
		return b->handle[__builtin_ctz(match)];
	prefetch_read(&x->overflows[b->overflow]);
	return HANDLE_NONE;
}

/* The same by the first overflow of that bucket; HANDLE_NONE also when it has none. */
static inline uint32_t index_guess_overflow(const struct index *x, uint32_t bucket, uint64_t hash)
{
	const struct index_bucket *b = &x->overflows[x->buckets[bucket].overflow];
	unsigned match = index_match(b, index_tag(hash));
	return match ? b->handle[__builtin_ctz(match)] : HANDLE_NONE;
}

/* Every handle under this hash, one after another: start with *state = 0 until HANDLE_NONE. */
struct index_walk {
	const struct index_bucket *bucket;      /* being looked at */
	unsigned match;                 /* slots in it that are still to be looked at, a bit each */
};
struct index_walk index_walk_start(struct index *x, uint64_t hash);
uint32_t index_walk_next(struct index *x, struct index_walk *walk, uint64_t hash);

/* Inserts without looking for an equal key. May split a bucket. -ENOSPC beyond the bound. */
int index_insert(struct index *x, uint64_t hash, uint32_t handle);
/* Removes the entry of this handle; false if it is not there. */
bool index_remove(struct index *x, uint64_t hash, uint32_t handle);

/* Brings what the removal of an entry touches into the cache: first its bucket, later, when that is
 * there, what follows it. */
static inline void index_prefetch(const struct index *x, uint64_t hash)
{
	prefetch_write(&x->buckets[index_bucket_of(x, hash)]);
}
static inline void index_prefetch_overflow(const struct index *x, uint64_t hash)
{
	prefetch_write(&x->overflows[x->buckets[index_bucket_of(x, hash)].overflow]);
}

/* Entries in the fullest bucket with its overflows: for tests. */
unsigned index_fullest(const struct index *x);

#endif

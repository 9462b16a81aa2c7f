/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear hashing. Buckets 0..split-1 and their images above level_mask + 1 use one more bit of the
 * hash than the rest. An insert that takes the load past 4.5 entries a bucket splits bucket
 * `split`: each of its entries stays or moves to split + level size by the next bit of its hash,
 * which the slot itself holds (`low` has bits 8..15, `tag` bits 16..31; the first level has 2^8
 * buckets), so a split touches no flow.
 */
#include "flow/index.h"

#include <errno.h>
#include <string.h>

enum { LOAD_NUMERATOR = 9, LOAD_DENOMINATOR = 2 };     /* entries per bucket: 4.5 */
enum { SPLIT_AHEAD = 2 };               /* splits for which the cache is warmed */

/* Room for the bound and a little more; overflow buckets for a quarter of the entries, far more
 * than a keyed hash ever asks for. What of it is used depends on the flows that come. */
int index_init(struct index *x, uint64_t max_count)
{
	memset(x, 0, sizeof *x);
	uint64_t buckets = max_count * LOAD_DENOMINATOR / LOAD_NUMERATOR + (2u << INDEX_FIRST_LOG2);
	uint64_t overflows = max_count / 4 + 1024;
	if (buckets > UINT32_MAX / 2)
		return -ENOMEM;
	int r = region_init(&x->bucket_region, buckets * sizeof(struct index_bucket));
	if (!r)
		r = region_init(&x->overflow_region, overflows * sizeof(struct index_bucket));
	if (r) {
		index_fini(x);
		return r;
	}
	x->buckets = (struct index_bucket *)(void *)x->bucket_region.start;
	x->overflows = (struct index_bucket *)(void *)x->overflow_region.start;
	x->bucket_bound = (uint32_t)buckets;
	x->overflow_bound = (uint32_t)overflows;
	x->level_mask = (1u << INDEX_FIRST_LOG2) - 1;
	x->grow_at = ((uint64_t)x->level_mask + 1) * LOAD_NUMERATOR / LOAD_DENOMINATOR;
	x->overflow_used = 1;           /* 0 means none */
	return 0;
}

void index_fini(struct index *x)
{
	region_fini(&x->bucket_region);
	region_fini(&x->overflow_region);
}

unsigned index_match_scalar(const struct index_bucket *b, uint16_t tag)
{
	unsigned match = 0;
	for (unsigned i = 0; i < INDEX_SLOTS; i++)
		match |= (unsigned)(b->tag[i] == tag) << i;
	return match;
}

unsigned index_empty_scalar(const struct index_bucket *b)
{
	unsigned empty = 0;
	for (unsigned i = 0; i < INDEX_SLOTS; i++)
		empty |= (unsigned)(b->handle[i] == HANDLE_NONE) << i;
	return empty;
}

struct index_walk index_walk_start(struct index *x, uint64_t hash)
{
	const struct index_bucket *b = &x->buckets[index_bucket_of(x, hash)];
	x->lookups++;
	return (struct index_walk){ .bucket = b, .match = index_match(b, index_tag(hash)) };
}

/* Empty slots keep old tags, so a match may be one: its handle says so. */
uint32_t index_walk_next(struct index *x, struct index_walk *walk, uint64_t hash)
{
	for (;;) {
		while (walk->match) {
			unsigned slot = (unsigned)__builtin_ctz(walk->match);
			walk->match &= walk->match - 1;
			if (walk->bucket->handle[slot] != HANDLE_NONE)
				return walk->bucket->handle[slot];
		}
		if (!walk->bucket->overflow)
			return HANDLE_NONE;
		x->probes++;
		walk->bucket = &x->overflows[walk->bucket->overflow];
		walk->match = index_match(walk->bucket, index_tag(hash));
	}
}

/* New ones are zero, but are cleared all the same: reading a new page before it is written takes
 * two page faults. */
static uint32_t overflow_take(struct index *x)
{
	uint32_t o = x->overflow_free;
	if (o)
		x->overflow_free = x->overflows[o].overflow;
	else if (x->overflow_used < x->overflow_bound)
		o = x->overflow_used++;
	if (o)
		memset(&x->overflows[o], 0, sizeof x->overflows[o]);
	return o;
}

static void overflow_give(struct index *x, uint32_t o)
{
	x->overflows[o].overflow = x->overflow_free;
	x->overflow_free = o;
}

static inline void slot_set(struct index_bucket *b, unsigned slot, uint16_t tag, uint8_t low,
                     uint32_t handle)
{
	b->tag[slot] = tag;
	b->low[slot] = low;
	b->handle[slot] = handle;
}

/* The first empty slot of a bucket or its overflows; makes an overflow when all are full. */
static int bucket_add(struct index *x, struct index_bucket *b, uint16_t tag, uint8_t low,
                      uint32_t handle)
{
	for (;;) {
		unsigned empty = index_empty(b);
		if (likely(empty)) {
			slot_set(b, (unsigned)__builtin_ctz(empty), tag, low, handle);
			return 0;
		}
		if (!b->overflow) {
			uint32_t o = overflow_take(x);
			if (!o)
				return -ENOSPC;
			b->overflow = o;
		}
		b = &x->overflows[b->overflow];
	}
}

/* 1 when a split sends an entry to the image. */
static inline unsigned moves(const struct index *x, uint16_t tag, uint8_t low)
{
	uint32_t hash = (uint32_t)tag << 16 | (uint32_t)low << 8;
	return (hash & (x->level_mask + 1)) != 0;
}

/* Deals the entries of one bucket without overflow out, without a branch on where they go: an
 * empty slot, or one written a second time, is zeros. */
static void split_plain(struct index *x, struct index_bucket *from, struct index_bucket *to)
{
	struct index_bucket part[2] = { { .overflow = 0 }, { .overflow = 0 } };
	unsigned count[2] = { 0, 0 };
	for (unsigned i = 0; i < INDEX_SLOTS; i++) {
		unsigned which = moves(x, from->tag[i], from->low[i]);
		slot_set(&part[which], count[which], from->tag[i], from->low[i], from->handle[i]);
		count[which] += from->handle[i] != HANDLE_NONE;
	}
	*from = part[0];
	*to = part[1];
}

/* The same with overflows. Those for both cannot run out: index_insert keeps some in reserve. */
static void split_chain(struct index *x, struct index_bucket *from, struct index_bucket *to)
{
	struct index_bucket old = *from;
	memset(from, 0, sizeof old);
	memset(to, 0, sizeof *to);
	struct index_bucket *part = &old;
	uint32_t number = 0;
	for (;;) {
		for (unsigned i = 0; i < INDEX_SLOTS; i++)
			if (part->handle[i] != HANDLE_NONE)
				bucket_add(x, moves(x, part->tag[i], part->low[i]) ? to : from,
				           part->tag[i], part->low[i], part->handle[i]);
		uint32_t next = part->overflow;
		if (number)
			overflow_give(x, number);
		if (!next)
			break;
		number = next;
		part = &x->overflows[next];
	}
}

/* Splits come in the order of buckets, whoever has caused them: the next one is known, and is asked
 * for ahead. */
static void split_bucket(struct index *x)
{
	struct index_bucket *from = &x->buckets[x->split];
	struct index_bucket *to = &x->buckets[x->split + x->level_mask + 1];
	if (likely(!from->overflow))
		split_plain(x, from, to);
	else
		split_chain(x, from, to);
	if (++x->split > x->level_mask) {
		x->level_mask = x->level_mask << 1 | 1;
		x->split = 0;
	}
	x->grow_at = ((uint64_t)x->level_mask + 1 + x->split) * LOAD_NUMERATOR / LOAD_DENOMINATOR;
	prefetch_write(&x->buckets[x->split + SPLIT_AHEAD]);
	prefetch_write(&x->buckets[x->split + SPLIT_AHEAD + x->level_mask + 1]);
}

int index_insert(struct index *x, uint64_t hash, uint32_t handle)
{
	if (x->count >= x->grow_at && x->split + x->level_mask + 1 < x->bucket_bound
	    && x->overflow_used + 64 < x->overflow_bound && x->level_mask < 0x7fffffff)
		split_bucket(x);
	struct index_bucket *b = &x->buckets[index_bucket_of(x, hash)];
	int r = bucket_add(x, b, index_tag(hash), (uint8_t)(hash >> 8), handle);
	if (!r)
		x->count++;
	return r;
}

/* Takes the last entry of the chain from behind `b` into the hole at `slot`,
 * so chains stay short. */
static void close_hole(struct index *x, struct index_bucket *b, unsigned slot)
{
	struct index_bucket *before = b, *last = b;
	while (last->overflow) {
		before = last;
		last = &x->overflows[last->overflow];
	}
	if (last == b) {
		slot_set(b, slot, 0, 0, HANDLE_NONE);
		return;
	}
	unsigned filled = 0, newest = 0;
	for (unsigned i = 0; i < INDEX_SLOTS; i++)
		if (last->handle[i] != HANDLE_NONE) {
			newest = i;
			filled++;
		}
	slot_set(b, slot, last->tag[newest], last->low[newest], last->handle[newest]);
	slot_set(last, newest, 0, 0, HANDLE_NONE);
	if (filled <= 1) {
		overflow_give(x, before->overflow);
		before->overflow = 0;
	}
}

/* By tag and handle alone: no flow is touched. */
bool index_remove(struct index *x, uint64_t hash, uint32_t handle)
{
	struct index_bucket *b = &x->buckets[index_bucket_of(x, hash)];
	for (;;) {
		for (unsigned match = index_match(b, index_tag(hash)); match; match &= match - 1) {
			unsigned slot = (unsigned)__builtin_ctz(match);
			if (b->handle[slot] == handle) {
				close_hole(x, b, slot);
				x->count--;
				return true;
			}
		}
		if (!b->overflow)
			return false;
		b = &x->overflows[b->overflow];
	}
}

/* Walks everything: for tests alone. */
unsigned index_fullest(const struct index *x)
{
	unsigned fullest = 0;
	uint32_t buckets = x->level_mask + 1 + x->split;
	for (uint32_t i = 0; i < buckets; i++) {
		unsigned entries = 0;
		for (const struct index_bucket *b = &x->buckets[i];; b = &x->overflows[b->overflow]) {
			for (unsigned s = 0; s < INDEX_SLOTS; s++)
				entries += b->handle[s] != HANDLE_NONE;
			if (!b->overflow)
				break;
		}
		if (entries > fullest)
			fullest = entries;
	}
	return fullest;
}

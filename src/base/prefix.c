/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See prefix.h. The ranges are made by one walk over the prefixes in the order of their first
 * address, the shorter first: a stack holds those that are open, each inside the one below it.
 * Where a prefix begins its value begins; where it ends that of the one around it goes on. The
 * first range begins at address 0, so every address lies in one.
 */
#include "base/prefix.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

enum { HEAD_BITS_MAX = 16, DEPTH_MAX = 129 };

__extension__ typedef unsigned __int128 wide;  /* an address of either family as a number */

/* An IPv6 address as two words in native order. */
struct start6 {
	uint64_t high, low;
};

struct ranges {                         /* of one family */
	uint32_t count;
	unsigned shift;                 /* the head's place of an address: its first 64 (32) bits >> */
	uint32_t *head;                 /* the last range that begins at or before the place's first
	                                 * address; one more for the end */
	uint32_t *value;
	union {
		void *start;
		uint32_t *start4;
		struct start6 *start6;
	};
};

/* Both families apart; an address is looked for in its own only. */
struct prefix_table {
	struct ranges four, six;
};

struct walk {                           /* making the ranges of a family */
	struct ranges *to;
	unsigned width;                 /* 32 or 128 */
	unsigned depth;                 /* prefixes that are open */
	struct { wide last; uint32_t value; } open[DEPTH_MAX];
};

static int make_ranges(struct ranges *r, const struct prefix *prefixes, size_t count,
                       unsigned width);
static int make_head(struct ranges *r, unsigned width);

static wide number_of(const struct prefix *p)
{
	if (p->family == 4)
		return load_be32(p->address);
	return (wide)load_be64(p->address) << 64 | load_be64(p->address + 8);
}

/* IPv4 before IPv6, then by first address, then the shorter. */
static int compare(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	int order = memcmp(x->address, y->address, x->family == 4 ? 4 : 16);
	return order ? order : (int)x->bits - (int)y->bits;
}

static bool find_same(const struct prefix *prefixes, size_t count, uint32_t ret_same[2])
{
	for (size_t i = 1; i < count; i++)
		if (compare(&prefixes[i - 1], &prefixes[i]) == 0) {
			ret_same[0] = prefixes[i - 1].value;
			ret_same[1] = prefixes[i].value;
			return true;
		}
	return false;
}

int prefix_table_new(struct prefix *prefixes, size_t count, struct prefix_table **ret,
                     uint32_t ret_same[2])
{
	size_t four = 0;
	if (count > PREFIX_COUNT_MAX)
		return -E2BIG;
	if (count)
		qsort(prefixes, count, sizeof *prefixes, compare);
	if (find_same(prefixes, count, ret_same))
		return -EEXIST;
	while (four < count && prefixes[four].family == 4)
		four++;
	const struct prefix *six = count ? prefixes + four : prefixes;  /* without any: NULL, maybe */
	struct prefix_table *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	if (make_ranges(&t->four, prefixes, four, 32)
	    || make_ranges(&t->six, six, count - four, 128)) {
		prefix_table_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

static void ranges_fini(struct ranges *r)
{
	free(r->head);
	free(r->value);
	free(r->start);
}

void prefix_table_free(struct prefix_table *table)
{
	if (!table)
		return;
	ranges_fini(&table->four);
	ranges_fini(&table->six);
	free(table);
}

/* ---- making ---------------------------------------------------------------------------------- */

static wide start_of(const struct ranges *r, uint32_t i, unsigned width)
{
	if (width == 32)
		return r->start4[i];
	return (wide)r->start6[i].high << 64 | r->start6[i].low;
}

/* From here on this value; what began here before was empty. */
static void begin(struct walk *w, wide start, uint32_t value)
{
	struct ranges *r = w->to;
	if (r->count && start_of(r, r->count - 1, w->width) == start)
		r->count--;
	if (r->count && r->value[r->count - 1] == value)
		return;
	if (w->width == 32)
		r->start4[r->count] = (uint32_t)start;
	else
		r->start6[r->count] = (struct start6){ (uint64_t)(start >> 64), (uint64_t)start };
	r->value[r->count++] = value;
}

static wide last_of_all(const struct walk *w)
{
	return w->width == 32 ? UINT32_MAX : ~(wide)0;
}

/* Closes the innermost open prefix. */
static void end(struct walk *w)
{
	wide last = w->open[--w->depth].last;
	if (last != last_of_all(w))
		begin(w, last + 1, w->depth ? w->open[w->depth - 1].value : PREFIX_NONE);
}

/* Each prefix begins one range and ends at most one more: hence room for 2 * count + 1. */
static void walk_prefixes(struct walk *w, const struct prefix *prefixes, size_t count)
{
	begin(w, 0, PREFIX_NONE);
	for (size_t i = 0; i < count; i++) {
		const struct prefix *p = &prefixes[i];
		wide first = number_of(p);
		while (w->depth && w->open[w->depth - 1].last < first)
			end(w);
		wide behind = p->bits ? ((wide)1 << (w->width - p->bits)) - 1 : last_of_all(w);
		w->open[w->depth].last = first | behind;
		w->open[w->depth++].value = p->value;
		begin(w, first, p->value);
	}
	while (w->depth)
		end(w);
}

/* Gives back what was taken for ranges that did not come to be. */
static void fit(struct ranges *r, size_t start_bytes)
{
	void *start = realloc(r->start, r->count * start_bytes);
	if (start)
		r->start = start;
	uint32_t *value = realloc(r->value, r->count * sizeof *value);
	if (value)
		r->value = value;
}

static int make_ranges(struct ranges *r, const struct prefix *prefixes, size_t count,
                       unsigned width)
{
	size_t start_bytes = width == 32 ? sizeof r->start4[0] : sizeof r->start6[0];
	r->start = calloc(count * 2 + 1, start_bytes);
	r->value = calloc(count * 2 + 1, sizeof r->value[0]);
	if (!r->start || !r->value)
		return -ENOMEM;
	struct walk w = { .to = r, .width = width };
	walk_prefixes(&w, prefixes, count);
	fit(r, start_bytes);
	return make_head(r, width);
}

/* About four ranges a place, where they are spread evenly. */
static int make_head(struct ranges *r, unsigned width)
{
	unsigned bits = 0;
	while (bits < HEAD_BITS_MAX && r->count >> bits > 4)
		bits++;
	uint32_t places = 1u << bits, range = 0;
	r->head = calloc(places + 1, sizeof r->head[0]);
	if (!r->head)
		return -ENOMEM;
	r->shift = (width == 32 ? 32 : 64) - bits;
	for (uint32_t i = 0; i < places; i++) {
		wide first = bits ? (wide)i << (width - bits) : 0;
		while (range + 1 < r->count && start_of(r, range + 1, width) <= first)
			range++;
		r->head[i] = range;
	}
	r->head[places] = r->count - 1;
	return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A shift by all bits of a number is none in C; a head of one place has that. */
static inline uint32_t place_of(const struct ranges *r, uint64_t first_bits, unsigned width)
{
	return r->shift == width ? 0 : (uint32_t)(first_bits >> r->shift);
}

uint32_t prefix_find4(const struct prefix_table *table, const uint8_t *address)
{
	const struct ranges *r = &table->four;
	uint32_t x = load_be32(address), place = place_of(r, x, 32);
	uint32_t at = r->head[place], left = r->head[place + 1] - at + 1;
	while (left > 1) {
		uint32_t half = left / 2;
		at = r->start4[at + half] <= x ? at + half : at;
		left -= half;
	}
	return r->value[at];
}

/* Compares 128 bits as two words, joined without a branch: which half comes next is data, and no
 * predictor guesses it. */
uint32_t prefix_find6(const struct prefix_table *table, const uint8_t *address)
{
	const struct ranges *r = &table->six;
	uint64_t high = load_be64(address), low = load_be64(address + 8);
	uint32_t place = place_of(r, high, 64);
	uint32_t at = r->head[place], left = r->head[place + 1] - at + 1;
	while (left > 1) {
		uint32_t half = left / 2;
		struct start6 s = r->start6[at + half];
		bool before = (s.high < high) | ((s.high == high) & (s.low <= low));
		at = before ? at + half : at;
		left -= half;
	}
	return r->value[at];
}

static size_t ranges_bytes(const struct ranges *r, unsigned width)
{
	size_t start_bytes = width == 32 ? sizeof r->start4[0] : sizeof r->start6[0];
	size_t places = ((size_t)1 << ((width == 32 ? 32 : 64) - r->shift)) + 1;
	return r->count * (start_bytes + sizeof r->value[0]) + places * sizeof r->head[0];
}

size_t prefix_table_bytes(const struct prefix_table *table)
{
	return sizeof *table + ranges_bytes(&table->four, 32) + ranges_bytes(&table->six, 128);
}

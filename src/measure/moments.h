/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Count, sum, sum of squares, smallest and largest of whole numbers, added one by one. All of it is
 * exact and does not depend on the order in which values come; mean and deviation are made from it
 * when they are written, so a value costs one multiplication and no division.
 *
 * All zero is the state before the first value.
 */
#ifndef MEASURE_MOMENTS_H
#define MEASURE_MOMENTS_H

#include <stdint.h>

#include "record/record.h"

struct moments {
	uint64_t count, sum;
	uint64_t squares[2];            /* sum of squares, 128 bits, low half first; with a
	                                 * high half of all ones it is not known */
	uint64_t shortest;              /* ~ of the smallest, so that zero is none yet */
	uint64_t longest;
};

__extension__ typedef unsigned __int128 wide;

/* The larger of two without a branch: which it is, is data. */
static inline uint32_t larger_32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static inline uint64_t larger_64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A sum that stays at its largest value rather than wrap. */
static inline uint64_t add_up_to_most(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;
	return sum | -(uint64_t)(sum < b);
}

static inline uint32_t add_up_to_most_32(uint32_t a, uint32_t b)
{
	uint32_t sum = a + b;
	return sum | -(uint32_t)(sum < b);
}

/* Values must be so that neither their sum nor the sum of their squares overflows: times of one
 * clock, as gaps that do not overlap, cannot. */
static inline void squares_add(uint64_t squares[2], uint64_t value)
{
	wide sum = ((wide)squares[1] << 64 | squares[0]) + (wide)value * value;
	squares[0] = (uint64_t)sum;
	squares[1] = (uint64_t)(sum >> 64);
}

static inline void moments_add(struct moments *m, uint64_t value)
{
	squares_add(m->squares, value);
	m->count++;
	m->sum += value;
	m->shortest = larger_64(m->shortest, ~value);
	m->longest = larger_64(m->longest, value);
}

/* Adds what was counted apart; exact, and in any order. */
void moments_merge(struct moments *into, const struct moments *from);

/* With at least one value. */
static inline uint64_t moments_smallest(const struct moments *m)
{
	return ~m->shortest;
}

/* What may be asked of moments, in this order in the list of fields of a measure that gives all. */
enum moment { MOMENT_MINIMUM, MOMENT_MAXIMUM, MOMENT_MEAN, MOMENT_DEVIATION, MOMENT_SUM };

/* What a sum of squares that stays at its largest value says. */
static inline uint64_t moments_high_half(uint64_t squares)
{
	return squares == UINT64_MAX ? UINT64_MAX : 0;
}

/* Writes one; nothing where there is too little: no value, for the deviation less than two. The
 * deviation is that of the values as a population: divided by their count. */
void moments_write(const struct moments *m, enum moment which, struct value_writer *w);

#endif

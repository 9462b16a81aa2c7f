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
	uint64_t squares[2];            /* sum of squares, 128 bits, low half first */
	uint64_t shortest;              /* ~ of the smallest, so that zero is none yet */
	uint64_t longest;
};

__extension__ typedef unsigned __int128 wide;

/* Values must be so that neither their sum nor the sum of their squares overflows: times of one
 * clock, as gaps that do not overlap, cannot. */
static inline void moments_add(struct moments *m, uint64_t value)
{
	wide squares = ((wide)m->squares[1] << 64 | m->squares[0]) + (wide)value * value;
	m->squares[0] = (uint64_t)squares;
	m->squares[1] = (uint64_t)(squares >> 64);
	m->count++;
	m->sum += value;
	m->shortest = ~value > m->shortest ? ~value : m->shortest;
	m->longest = value > m->longest ? value : m->longest;
}

void moments_merge(struct moments *into, const struct moments *from);

/* With at least one value. */
static inline uint64_t moments_smallest(const struct moments *m)
{
	return ~m->shortest;
}

/* What may be asked of moments, in this order in the list of fields of a measure that gives all. */
enum moment { MOMENT_MINIMUM, MOMENT_MAXIMUM, MOMENT_MEAN, MOMENT_DEVIATION, MOMENT_SUM };

/* Writes one; nothing where there is too little: no value, for the deviation less than two. The
 * deviation is that of the values as a population: divided by their count. */
void moments_write(const struct moments *m, enum moment which, struct value_writer *w);

#endif

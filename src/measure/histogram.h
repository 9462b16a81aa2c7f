/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log-linear histogram of whole numbers: numbers below 16 have a bin each, and every octave above
 * has eight bins of equal width. So a bin's middle is at most 1/16 off. Counting costs no division
 * and no branch on the value.
 */
#ifndef MEASURE_HISTOGRAM_H
#define MEASURE_HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_EXACT = 16, HISTOGRAM_PARTS = 8,      /* bins below 16, and of an octave above */
	HISTOGRAM_BINS_16 = HISTOGRAM_EXACT + 12 * HISTOGRAM_PARTS,     /* for 16 bits */
	HISTOGRAM_BINS_32 = HISTOGRAM_EXACT + 28 * HISTOGRAM_PARTS,     /* for 32 bits */
	OCTAVES = 8,
};

/* The bin of a number: its octave by the leading bit, its part of the octave by the three bits
 * behind that. */
static inline unsigned histogram_bin(uint32_t value)
{
	unsigned octave = 31 - (unsigned)__builtin_clz(value | HISTOGRAM_PARTS);        /* 3 or more */
	return (octave - 3) * HISTOGRAM_PARTS + (value >> (octave - 3));
}

/* The number in the middle of a bin, rounded down. */
static inline uint32_t histogram_middle(unsigned bin)
{
	if (bin < HISTOGRAM_EXACT)
		return bin;
	unsigned shift = bin / HISTOGRAM_PARTS - 1;
	uint64_t low = (uint64_t)(HISTOGRAM_PARTS + bin % HISTOGRAM_PARTS) << shift;
	return (uint32_t)(low + ((UINT64_C(1) << shift) - 1) / 2);
}

/* The eight bins that ipfixprobe exports: below 16, an octave each, 1024 and more. */
static inline unsigned octave_bin(uint32_t value)
{
	unsigned octave = 31 - (unsigned)__builtin_clz(value | 8);
	return octave < 4 ? 0 : octave > 10 ? OCTAVES - 1 : octave - 3;
}

#endif

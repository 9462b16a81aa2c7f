/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mean and deviation from exact sums.
 *
 * The textbook difference of n * squares and sum * sum does not fit into 128 bits for times in
 * nanoseconds. With sum = q * n + r, the squares about the whole number q are
 * s = squares - 2 * q * sum + n * q * q, which is at most `squares`, so unsigned arithmetic that
 * wraps gives it exactly; and the squares about the mean are s - r * r / n, where r < n.
 */
#include "measure/moments.h"

#include <math.h>

#include "base/compiler.h"

/* Three ways to the same number, by how large things are: the first two are exact up to the last
 * division. */
static double deviation(const struct moments *m)
{
	wide squares = (wide)m->squares[1] << 64 | m->squares[0];
	wide n = m->count, q = m->sum / m->count, r = m->sum % m->count;
	wide about_q = squares - 2 * q * m->sum + n * q * q;
	double deviations;
	if (likely(about_q <= UINT32_MAX && n <= UINT32_MAX))   /* the same in one word */
		deviations = (double)(uint64_t)(about_q * n - r * r) / (double)m->count;
	else if (about_q <= UINT64_MAX) /* both products fit: nothing is lost in the difference */
		deviations = (double)(about_q * n - r * r) / (double)n;
	else
		deviations = (double)about_q - (double)(r * r) / (double)n;
	return sqrt(deviations / (double)m->count);
}

void moments_merge(struct moments *into, const struct moments *from)
{
	wide squares = ((wide)into->squares[1] << 64 | into->squares[0])
		+ ((wide)from->squares[1] << 64 | from->squares[0]);
	bool known = into->squares[1] != UINT64_MAX && from->squares[1] != UINT64_MAX;
	into->squares[0] = (uint64_t)squares;
	into->squares[1] = known ? (uint64_t)(squares >> 64) : UINT64_MAX;
	into->count += from->count;
	into->sum += from->sum;
	into->shortest = larger_64(into->shortest, from->shortest);
	into->longest = larger_64(into->longest, from->longest);
}

/* Absent rather than 0 or NaN where there is too little. */
void moments_write(const struct moments *m, enum moment which, struct value_writer *w)
{
	if (!m->count)
		return;
	if (which == MOMENT_MINIMUM)
		value_write_unsigned(w, moments_smallest(m));
	else if (which == MOMENT_MAXIMUM)
		value_write_unsigned(w, m->longest);
	else if (which == MOMENT_SUM)
		value_write_unsigned(w, m->sum);
	else if (which == MOMENT_MEAN)
		value_write_double(w, (double)m->sum / (double)m->count);
	else if (m->count > 1 && m->squares[1] != UINT64_MAX)
		value_write_double(w, deviation(m));
}

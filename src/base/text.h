/* SPDX-License-Identifier: Apache-2.0 */
/* Values as people write and read them: durations, sizes, counts, human units, near names, wrapped
 * lines. Parsers write their result only on success and never look at the locale. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* "90", "1m30s", "2h", "100ms", "1d", "0.5s", "off" (DURATION_OFF) to ns. 0, or -EINVAL, -ERANGE.
 * Units fall from left to right; a number without a unit stands alone and means seconds. */
int text_parse_duration(const char *text, uint64_t *ret_ns);
/* "1000", "10k", "4M", "2G", "1.5M": powers of 1000. */
int text_parse_count(const char *text, uint64_t *ret);
/* "512M", "64KiB", "1G", "1500": powers of 1024, with or without iB or B. */
int text_parse_bytes(const char *text, uint64_t *ret);

/* "1.2M", "987", "12.3k": at most 5 characters, powers of 1000. Returns the length. */
size_t text_human_count(uint64_t value, char *buffer, size_t size);
/* "1.2 GB", "987 B": octets. */
size_t text_human_octets(uint64_t value, char *buffer, size_t size);
/* "120.5s", "3m20s", "1h02m", "15ms". */
size_t text_human_duration(uint64_t ns, char *buffer, size_t size);

/* Edit distance of two names, for "did you mean": insert, delete, replace and swap of neighbours
 * cost 1 each; counts up to `limit`. */
unsigned text_distance(const char *a, const char *b, unsigned limit);

/* The nearest of several names: start with { .word = word }, offer each, then read `best`. */
struct text_nearest {
	const char *word;               /* what the user wrote */
	const char *best;               /* nearest name so far; NULL while none is near */
	unsigned distance;              /* of `best` */
};
void text_nearest_offer(struct text_nearest *nearest, const char *name);

/* Writes UTF-8 text for people: invalid UTF-8, control characters and what reorders or breaks lines
 * as \xNN an octet. Never cuts a character; ends in NUL when size > 0. Returns the length. */
size_t text_escape(const void *octets, size_t bytes, char *buffer, size_t size);

/* Prints words from column `at` on, breaking before `width` and indenting further lines by
 * `indent`; ends the line. */
void text_print_wrapped(FILE *out, const char *text, unsigned at, unsigned indent, unsigned width);

#endif

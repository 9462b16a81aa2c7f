/* SPDX-License-Identifier: Apache-2.0 */
/* Values as people write and read them: durations, sizes, counts, human units, near names. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "90", "1m30s", "2h", "100ms", "1d", "off" (DURATION_OFF) to ns. 0, or -EINVAL, -ERANGE. */
int text_parse_duration(const char *text, uint64_t *ret_ns);
/* "1000", "10k", "4M", "2G": powers of 1000. */
int text_parse_count(const char *text, uint64_t *ret);
/* "512M", "64KiB", "1G", "1500": powers of 1024, with or without iB or B. */
int text_parse_bytes(const char *text, uint64_t *ret);

/* "1.2M", "987", "12.3k": at most 5 characters, powers of 1000. Returns the length. */
size_t text_human_count(uint64_t value, char *buffer, size_t size);
/* "1.2 GB", "987 B": octets. */
size_t text_human_octets(uint64_t value, char *buffer, size_t size);
/* "120.5s", "3m20s", "1h02m", "15ms". */
size_t text_human_duration(uint64_t ns, char *buffer, size_t size);

/* Edit distance of two names, for "did you mean"; counts up to `limit`. */
unsigned text_distance(const char *a, const char *b, unsigned limit);

/* Writes UTF-8 text for people: invalid UTF-8 and control characters as \xNN. Returns the length. */
size_t text_escape(const void *octets, size_t bytes, char *buffer, size_t size);

#endif

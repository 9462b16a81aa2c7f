/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Longest-prefix match: a table that is made once of all its prefixes, IPv4 and IPv6, and then only
 * read, by any number of threads. To change it make another one.
 *
 * Prefixes that lie in each other cut the address space into ranges, each with the value of the
 * longest prefix around it. The table is those ranges in order (at most two for each prefix, 8
 * octets each for IPv4 and 20 for IPv6), and a head of at most 65,536 places by the first bits of
 * the address. A look-up is one load of the head and a short binary search without branches.
 */
#ifndef BASE_PREFIX_H
#define BASE_PREFIX_H

#include <stddef.h>
#include <stdint.h>

enum { PREFIX_COUNT_MAX = 1 << 30 };
#define PREFIX_NONE UINT32_MAX

/* One line of the caller's list; the table keeps nothing of it but the value. */
struct prefix {
	uint8_t address[16];            /* network order; IPv4 in the first four octets; no bit behind
	                                 * the length may be set */
	uint8_t family;                 /* 4 or 6 */
	uint8_t bits;                   /* 0 to 32 or 128 */
	uint32_t value;                 /* what look-ups give; not PREFIX_NONE */
};

struct prefix_table;

/* Sorts the prefixes where they are. -EEXIST when one is there twice: ret_same then has the values
 * of both; -E2BIG, -ENOMEM. */
int prefix_table_new(struct prefix *prefixes, size_t count, struct prefix_table **ret,
                     uint32_t ret_same[2]);
void prefix_table_free(struct prefix_table *table);

/* The value of the longest prefix around an address (4 or 16 octets in network order), or
 * PREFIX_NONE. */
uint32_t prefix_find4(const struct prefix_table *table, const uint8_t *address);
uint32_t prefix_find6(const struct prefix_table *table, const uint8_t *address);

size_t prefix_table_bytes(const struct prefix_table *table);    /* memory that it holds */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bound on memory that strangers make us spend: what one exporter takes counts against its own
 * budget and against that of all. Octets are charged as they are asked of malloc, less its own
 * overhead, which the bounds leave room for.
 */
#ifndef IPFIX_BUDGET_H
#define IPFIX_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Chained: a session's early data within its budget, that within the decoder's. Whoever takes gives
 * back the same number. */
struct budget {
	uint64_t used, bound;           /* octets */
	struct budget *parent;          /* charged as well; NULL: none */
};

/* False, and nothing charged, when a bound would be passed. */
static inline bool budget_take(struct budget *b, uint64_t bytes)
{
	for (const struct budget *at = b; at; at = at->parent)
		if (at->used + bytes > at->bound)
			return false;
	for (; b; b = b->parent)
		b->used += bytes;
	return true;
}

/* Gives back what was taken, along the chain. */
static inline void budget_give(struct budget *b, uint64_t bytes)
{
	for (; b; b = b->parent)
		b->used -= bytes;
}

#endif

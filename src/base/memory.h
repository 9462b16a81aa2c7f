/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large arrays that grow in place: a region reserves address space for its bound at once and takes
 * memory from the system only as it is touched. Nothing moves, so pointers into it stay valid.
 * All but the first 2 MB ask for huge pages; small tables stay small.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed: none. Its memory belongs to the region until region_fini(); pointers into it stay valid
 * all that time. */
struct region {
	uint8_t *start;                 /* zeroed on first touch */
	size_t size_bytes;              /* reserved */
};

/* Reserves at least so many octets, aligned to a huge page; nothing counts as used before it is
 * touched. 0 or -ENOMEM. The region is never given back in part. */
int region_init(struct region *region, size_t size_bytes);
void region_fini(struct region *region);        /* a zeroed region is fine */

/* Memory of this machine (or of its control group, if smaller), in octets: what default bounds are
 * a share of. */
uint64_t memory_of_machine(void);

#endif

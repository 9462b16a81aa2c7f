/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of decode_plan.h: columns whose values are not in the record but in what was learned. */
#ifndef IPFIX_DECODE_LOOKUP_H
#define IPFIX_DECODE_LOOKUP_H

#include "ipfix/decode_plan.h"
#include "ipfix/learned.h"

/* What is looked up. */
enum decode_lookup_kind {
	LOOKUP_APPLICATION, LOOKUP_INTERFACE, LOOKUP_SAMPLING, LOOKUP_PROPERTIES
};

enum { DECODE_LOOKUPS_MAX = 12 };

/* One column of this kind in a plan. */
struct decode_lookup {
	uint8_t kind;                   /* enum decode_lookup_kind */
	int16_t from;                   /* column of the id; -1: none is needed */
	uint16_t to;                    /* column; of sampling the element says which value it takes */
	struct projection *projection;  /* properties: from the schema met last; owned */
	uint32_t projected_id;          /* of that schema */
};

struct decode_columns {                 /* what a plan has by now; grows */
	struct column_choice *choices;
	unsigned count, room;           /* in use; that there is memory for */
};

/* Adds the columns that can be looked up and says how. Returns the number of lookups, at most
 * DECODE_LOOKUPS_MAX. */
unsigned decode_lookups_make(const struct decode_plan_setup *setup, struct decode_columns *columns,
                             struct decode_lookup *ret);
void decode_lookups_free(struct decode_lookup *lookups, unsigned count);

/* Fills the rows from `first` to the batch's end. */
void decode_lookups_run(struct decode_lookup *lookups, unsigned count, const struct decode_run *run,
                        struct record_batch *batch, uint32_t first);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much traffic some records stand for: what an exporter says about records that it could not
 * send (RFC 7011, section 4.3). Reverse counters count; absent ones are 0.
 */
#ifndef RECORD_AMOUNT_H
#define RECORD_AMOUNT_H

#include <stdint.h>

#include "record/record.h"

/* Sums of many records; they do not wrap within a run. */
struct record_amount {
	uint64_t records, packets, octets;
};

static inline void record_amount_add(struct record_amount *to, const struct record_amount *amount)
{
	to->records += amount->records;
	to->packets += amount->packets;
	to->octets += amount->octets;
}

/* Adds rows[first ... first + count - 1] of the batch. */
void record_amount_add_rows(struct record_amount *to, const struct record_batch *batch,
                            uint32_t first, uint32_t count);

/* What a column counts: packets (packetDeltaCount), octets (octetDeltaCount), or neither. */
enum record_counter { RECORD_COUNTS_NOTHING, RECORD_COUNTS_PACKETS, RECORD_COUNTS_OCTETS };
enum record_counter record_counter_of(const struct column *column);

#endif

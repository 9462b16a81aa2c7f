/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What encoder.c, netflow5.c and operations.c share: the operations, a block of rows on its way,
 * and how a plan is put together. Private to this room.
 */
#ifndef IPFIX_PLAN_H
#define IPFIX_PLAN_H

#include "ipfix/encoder.h"

/* What happens to a value on its way from the row to the wire. */
enum ipfix_operation {
	IPFIX_COPY_1, IPFIX_COPY_4, IPFIX_COPY_6, IPFIX_COPY_16, IPFIX_COPY_32,
	IPFIX_SWAP_16, IPFIX_SWAP_32, IPFIX_SWAP_64,
	IPFIX_REDUCED, IPFIX_REDUCED_SIGNED, IPFIX_REDUCED_FLAGS, IPFIX_REDUCED_FLOAT,
	IPFIX_BOOLEAN,                  /* 1 true, 2 false */
	IPFIX_NTP_MICROSECONDS, IPFIX_NTP_NANOSECONDS,
	IPFIX_UPTIME,                   /* milliseconds since 1970 as 32 bits since boot */
	IPFIX_OR_16,                    /* into what is there */
	IPFIX_ZERO,                     /* no column: octets of 0 */
	IPFIX_FIXED_TEXT,               /* cut and filled up with zeros to wire_bytes */
	IPFIX_OCTETS, IPFIX_TEXT,       /* variable length (RFC 7011, section 7) */
	IPFIX_LIST,                     /* basicList (RFC 6313): in the row as on the wire */
	IPFIX_OPERATION_COUNT
};

struct ipfix_block {                    /* rows on their way */
	const struct ipfix_encoder *encoder;
	const struct record_batch *batch;       /* whose arena variable-length values lie in */
	const uint8_t *rows;            /* the first of them */
	size_t row_bytes;
	uint32_t count;                 /* rows in the block */
	uint64_t boot_ms;               /* for IPFIX_UPTIME: since 1970 */
	uint64_t sums[3];               /* by enum record_counter */
	uint8_t *cursor[IPFIX_BLOCK_ROWS];
};

/* Puts one column of all rows of a block onto the wire. Room was measured before: it checks
 * nothing. */
typedef void ipfix_operation_run(const struct ipfix_step *step, struct ipfix_block *block);
extern ipfix_operation_run *const ipfix_operations[IPFIX_OPERATION_COUNT];

/* The operation for a column that takes wire_bytes octets (0: variable length). */
enum ipfix_operation ipfix_operation_of(const struct column *column, unsigned wire_bytes);

/* Where a variable-length value lies, and its octets on the wire behind the length. */
const uint8_t *ipfix_slice(const struct record_batch *batch, const uint8_t *value,
                           const struct ipfix_step *step, size_t *ret_bytes);
/* Octets that the length of such a value takes. */
static inline size_t ipfix_length_bytes(size_t bytes)
{
	return bytes < IPFIX_LENGTH_LONG ? 1 : 3;
}

/* The plan of NetFlow v5's record; the encoder has room for steps. */
int netflow5_plan(struct ipfix_encoder *encoder);

#endif

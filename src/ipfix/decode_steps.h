/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of decode_plan.h: one operation on one column of a block of records. */
#ifndef IPFIX_DECODE_STEPS_H
#define IPFIX_DECODE_STEPS_H

#include "ipfix/decode_plan.h"

/* What happens to a value on its way from the record into the row. */
enum decode_operation {
	DECODE_COPY_1, DECODE_COPY_4, DECODE_COPY_16, DECODE_COPY,
	DECODE_SWAP_2, DECODE_SWAP_4, DECODE_SWAP_8,
	DECODE_WIDEN_1_2, DECODE_WIDEN_4_8,
	DECODE_UNSIGNED, DECODE_SIGNED, /* of any length */
	DECODE_FLOAT_4_8,
	DECODE_UPTIME,                  /* ms since the system's start to ms since 1970 */
	DECODE_BEFORE_EXPORT,           /* us before the export time to us since 1970 */
	/* From here on a value may turn out to be absent. */
	DECODE_BOOLEAN,
	DECODE_NTP_MICROSECONDS, DECODE_NTP_NANOSECONDS,
	DECODE_OCTETS, DECODE_TEXT,     /* of fixed length; texts end before trailing zeros */
	DECODE_VARIABLE,                /* RFC 7011, section 7 */
	DECODE_SKIP,                    /* the same, without a column */
};

/* One value of each record. Steps run one after the other over all records of a block. */
struct decode_step {
	uint16_t column;                /* of the layout's schema */
	uint16_t offset;                /* of the value in the row */
	uint16_t at;                    /* in the record, behind the last field of variable length */
	uint16_t wire_bytes;            /* 0: variable */
	uint8_t operation;              /* enum decode_operation */
	uint8_t row_bytes;
};

struct decode_block {                   /* records on their way */
	struct record_batch *batch;
	const struct decode_context *context;
	uint8_t *rows;                  /* the first of them */
	size_t row_bytes;
	uint32_t count;                 /* records in the block */
	const uint8_t *cursor[DECODE_BLOCK_ROWS]; /* behind the last variable field so far, of each */
};

/* The operation that brings a value of so many octets (IPFIX_LENGTH_VARIABLE) into a field's type;
 * false when there is none. */
bool decode_operation_of(const struct field *field, uint16_t length, uint8_t *ret);

/* Whether it sets presence itself, row by row. */
bool decode_operation_may_be_absent(uint8_t operation);

/* Puts one value of every record of the block into its row. Lengths were checked before. */
void decode_step_run(const struct decode_step *step, struct decode_block *block);

#endif

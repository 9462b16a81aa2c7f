/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From rows of a schema to IPFIX data records. A schema is compiled once into a template record and
 * a plan: for each column where the value lies in the row, how many octets it takes on the wire,
 * and one operation that puts it there. message.h puts templates and records into messages.
 *
 * What the wire cannot say: an absent value is encoded as zero or with no octets (an absent boolean
 * as false), since a template has each field in each record. Some columns are left out of the
 * template:
 * - the reverse of an element that has none (RFC 5103, section 6.1), or that belongs to another
 *   enterprise (section 6.2 leaves it to the owner);
 * - every reverse column when the schema has no directional key field (section 4 forbids it);
 * - structured data (RFC 6313) other than basicList: they would refer to templates.
 * `note` then says which and why.
 *
 * Room for later: a schema with scope columns makes an options template. Reduced-size encoding is a
 * wire_bytes below the row's width and an operation; NetFlow v9 is another template record and
 * header.
 */
#ifndef IPFIX_ENCODER_H
#define IPFIX_ENCODER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/record.h"

enum { IPFIX_BLOCK_ROWS = 64 };         /* rows that are encoded together, column by column */

enum ipfix_operation {
	IPFIX_COPY_1, IPFIX_COPY_4, IPFIX_COPY_6, IPFIX_COPY_16, IPFIX_COPY_32,
	IPFIX_SWAP_16, IPFIX_SWAP_32, IPFIX_SWAP_64,
	IPFIX_BOOLEAN,                  /* 1 true, 2 false */
	IPFIX_NTP_MICROSECONDS, IPFIX_NTP_NANOSECONDS,
	IPFIX_OCTETS, IPFIX_TEXT,       /* variable length (RFC 7011, section 7) */
	IPFIX_LIST,                     /* basicList (RFC 6313): in the row as on the wire */
	IPFIX_OPERATION_COUNT
};

struct ipfix_step {
	uint16_t column;                /* in the schema */
	uint16_t offset;                /* of the value in the row */
	uint16_t at;                    /* on the wire, behind the last variable-length field */
	uint16_t cap_bytes;             /* variable length: cut here */
	uint8_t operation;              /* enum ipfix_operation */
};

struct ipfix_rows {                     /* some rows of a batch */
	const struct record_batch *batch;
	uint32_t first, count;
};

struct ipfix_encoder {                  /* immutable once made */
	const struct schema *schema;    /* borrowed */
	uint16_t template_id;
	uint16_t scope_count;           /* > 0: an options template */
	uint16_t fixed_bytes;           /* octets of a record apart from variable-length fields */
	uint16_t variable_count;        /* fields of variable length: each takes an octet or more */
	uint16_t step_count;
	uint16_t template_bytes;
	struct ipfix_step *steps;       /* in the order of the template */
	struct ipfix_step *variable;    /* those of variable length once more */
	uint8_t *template_record;       /* as it stands in a template set */
	char note[256];                 /* columns left out and why; "" when there are none */
};

/* Fails with -EINVAL when no column is left, -ENOMEM. The schema is borrowed until free. */
int ipfix_encoder_new(const struct schema *schema, uint16_t template_id, struct ipfix_encoder **ret,
                      struct error *err);
void ipfix_encoder_free(struct ipfix_encoder *encoder);         /* NULL is fine */

/* Octets of the shortest record that this template can have; padding must be shorter. */
static inline uint32_t ipfix_record_bytes_min(const struct ipfix_encoder *encoder)
{
	return (uint32_t)encoder->fixed_bytes + encoder->variable_count;
}

/* How many of the rows, from the first, fit into `room` octets; at most IPFIX_BLOCK_ROWS.
 * *ret_bytes: what they take. */
uint32_t ipfix_encoder_measure(const struct ipfix_encoder *encoder, const struct ipfix_rows *rows,
                               size_t room, size_t *ret_bytes);

/* Writes the rows, at most IPFIX_BLOCK_ROWS, in exactly the octets that measuring told. */
void ipfix_encoder_rows(const struct ipfix_encoder *encoder, const struct ipfix_rows *rows,
                        uint8_t *to);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From rows of a schema to data records of IPFIX, NetFlow v9 or v5. A schema is compiled once into
 * a template record and a plan: for each column where the value lies in the row, how many octets it
 * takes on the wire, and one operation that puts it there. message.h puts templates and records
 * into messages.
 *
 * What the wire cannot say: an absent value is encoded as zero or with no octets (an absent boolean
 * as false), since a template has each field in each record. Some columns are left out of the
 * template:
 * - the reverse of an element that has none (RFC 5103, section 6.1), or that belongs to another
 *   enterprise (section 6.2 leaves it to the owner);
 * - every reverse column when the schema has no directional key field (section 4 forbids it);
 * - structured data (RFC 6313) other than basicList: they would refer to templates;
 * - in NetFlow v9, reverse columns, elements of enterprises and fields of variable length; in v5
 *   all that its one record (netflow5.c) has no place for.
 * `note` then says which and why (not for v5, where it is understood).
 *
 * A fixed-length column with a cap_bytes takes so many octets (RFC 7011, section 6.2): numbers that
 * do not fit are the largest that do, flags lose their high bits. A schema with scope columns makes
 * an options template.
 */
#ifndef IPFIX_ENCODER_H
#define IPFIX_ENCODER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ipfix/format.h"
#include "record/amount.h"
#include "record/record.h"

enum { IPFIX_BLOCK_ROWS = 64 };         /* rows that are encoded together, column by column */

/* What a template depends on beside its schema. */
struct ipfix_encoder_settings {
	enum ipfix_format format;
	uint16_t template_id;           /* none in NetFlow v5 */
	uint32_t pen;                   /* enterprise of our own elements; 0: PEN_WEIR_DEFAULT */
	bool uptime;                    /* NetFlow v9: start and end in milliseconds since boot */
};

/* One value of each row on its way to the wire. Steps run one after the other over a block. */
struct ipfix_step {
	uint16_t column;                /* in the schema */
	uint16_t offset;                /* of the value in the row */
	uint16_t at;                    /* on the wire, behind the last variable-length field */
	uint16_t cap_bytes;             /* variable length: cut here */
	uint16_t wire_bytes;            /* 0: variable */
	uint8_t row_bytes;              /* of the value in the row */
	uint8_t operation;              /* enum ipfix_operation */
	uint8_t counts;                 /* enum record_counter */
};

struct ipfix_rows {                     /* some rows of a batch */
	const struct record_batch *batch;
	uint32_t first, count;          /* rows [first, first + count) */
	uint64_t boot_ms;               /* times since boot: since 1970, not after any of them */
};

struct ipfix_encoder {                  /* immutable once made */
	const struct schema *schema;    /* borrowed */
	struct ipfix_encoder_settings settings;
	uint16_t scope_count;           /* > 0: an options template */
	uint16_t fixed_bytes;           /* octets of a record apart from variable-length fields */
	uint16_t variable_count;        /* fields of variable length: each takes an octet or more */
	uint16_t step_count;
	uint16_t template_bytes;        /* 0: the format has no templates */
	bool zero_first;                /* steps do not cover every octet of a record */
	int16_t start_column, end_column;       /* of the times since boot; -1: none */
	int16_t foreign_column;         /* a row with this value cannot be carried; -1: none */
	struct ipfix_step *steps;       /* in the order of the template */
	struct ipfix_step *variable;    /* those of variable length once more */
	uint8_t *template_record;       /* as it stands in a template set */
	char note[256];                 /* columns left out and why; "" when there are none */
};

/* Fails with -EINVAL when no column is left, -ENOMEM. The schema is borrowed until free. */
int ipfix_encoder_new(const struct schema *schema, const struct ipfix_encoder_settings *settings,
                      struct ipfix_encoder **ret, struct error *err);
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

/* Writes the rows, at most IPFIX_BLOCK_ROWS, in exactly the octets that measuring told, and adds
 * what they stand for to *amount. */
void ipfix_encoder_rows(const struct ipfix_encoder *encoder, const struct ipfix_rows *rows,
                        uint8_t *to, struct record_amount *amount);

/* The earliest start and the latest end of rows whose times are since boot, in milliseconds since
 * 1970; false when the encoder writes none. */
bool ipfix_encoder_times(const struct ipfix_encoder *encoder, const struct ipfix_rows *rows,
                         uint64_t *ret_earliest_ms, uint64_t *ret_latest_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds one message in memory of the caller: sets are opened and closed as templates and rows
 * come, the header is written last, when export time and sequence number are known. Who keeps the
 * sequence, sends, and repeats templates is export/session.h. The formats differ in the header, in
 * the numbers of the sets that hold templates, and NetFlow v5 has records without sets.
 *
 *   ipfix_message_begin, _add_template..., _add_rows..., _seal
 */
#ifndef IPFIX_MESSAGE_H
#define IPFIX_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "ipfix/encoder.h"

/* What is known only when a message leaves. */
struct ipfix_header {
	uint64_t time_ns;               /* of export, since 1970 */
	uint32_t sequence;              /* of what came before: IPFIX data records, v9 messages, v5
	                                 * flows; modulo 2^32 */
	uint32_t domain;                /* observation domain; v9 source; v5 engine type and id */
	uint16_t sampling;              /* NetFlow v5: mode and interval */
};

/* One message being built. A copy shares the octets. */
struct ipfix_message {
	uint8_t *octets;                /* borrowed, `limit` of them */
	uint32_t limit;                 /* the longest this message may become, at most 65535 */
	uint32_t bytes;                 /* so far, with the header's room */
	uint32_t set_at;                /* where the open set begins; 0: none is open */
	uint32_t padding_below;         /* the open set may be padded by fewer octets than this */
	uint16_t set_id;                /* of the open set */
	uint8_t format;                 /* enum ipfix_format */
	bool pad;                       /* end each set at a multiple of 4 where that is allowed */
	uint32_t templates;             /* template records */
	struct record_amount amount;    /* data records; templates do not count */
	uint64_t boot_ms;               /* NetFlow: what times are told since, since 1970 */
};

struct ipfix_form {                     /* of a message */
	enum ipfix_format format;
	uint32_t limit;                 /* above 65535 is taken as 65535 */
	bool pad;
	uint64_t boot_ms;               /* NetFlow only: not after any time in the records */
};

/* Starts a message in the caller's octets, which have room for form->limit of them. */
void ipfix_message_begin(struct ipfix_message *m, uint8_t *octets, const struct ipfix_form *form);

/* No set has been added. */
bool ipfix_message_is_empty(const struct ipfix_message *m);

/* False, and no template added, when it does not fit. Each options template has its own set. */
bool ipfix_message_add_template(struct ipfix_message *m, const struct ipfix_encoder *encoder);

/* The withdrawal of a template (RFC 7011, section 8.1): id and no fields. id 2 or 3 withdraws all
 * templates or all options templates. Not for NetFlow. */
bool ipfix_message_add_withdrawal(struct ipfix_message *m, uint16_t id, bool options);

/* Takes as many of the rows as fit, in order, and returns how many. When the message is empty of
 * sets and 0 is returned, the first row is too large for any message of this limit. */
uint32_t ipfix_message_add_rows(struct ipfix_message *m, const struct ipfix_encoder *encoder,
                                const struct record_batch *batch, uint32_t first, uint32_t count);

/* Closes the open set (with padding, if asked for and allowed); m->bytes is final from here on. */
void ipfix_message_close(struct ipfix_message *m);

/* Closes and writes the header; may be repeated with another header. Returns the message's
 * length. */
uint32_t ipfix_message_seal(struct ipfix_message *m, const struct ipfix_header *header);

#endif

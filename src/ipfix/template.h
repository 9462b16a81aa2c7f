/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a column is called in a template: element id, enterprise and length, or the reason why it
 * cannot be there, in IPFIX and in NetFlow v9. Used by the encoder; pure functions of the field
 * table.
 */
#ifndef IPFIX_TEMPLATE_H
#define IPFIX_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipfix/encoder.h"
#include "record/record.h"

/* RFC 7011, section 3.2, with the enterprise bit taken out. */
struct ipfix_field_specifier {
	uint32_t pen;                   /* 0: none, IANA */
	uint16_t id;                    /* without the enterprise bit */
	uint16_t length;                /* IPFIX_LENGTH_VARIABLE when variable */
	bool uptime;                    /* the value is to be told since boot */
};

/* What a column of a schema is called. True with *ret set; false with *ret_reason, a few words in
 * lower case, or NULL when nothing is lost by leaving it out. */
bool ipfix_specify(const struct schema *schema, unsigned column,
                   const struct ipfix_encoder_settings *settings,
                   struct ipfix_field_specifier *ret, const char **ret_reason);

/* True when options speak of an interface (NetFlow v9 has a scope for that). */
bool ipfix_is_interface_scope(const struct schema *schema);

/* True when the schema names an endpoint, so that "reverse" means something (RFC 5103, section
 * 4). */
bool ipfix_has_directional_key(const struct schema *schema);

/* Octets of the specifier in a template record, and the octets; returns their end. */
static inline size_t ipfix_specifier_bytes(const struct ipfix_field_specifier *specifier)
{
	return specifier->pen ? 8 : 4;
}
uint8_t *ipfix_specifier_write(const struct ipfix_field_specifier *specifier, uint8_t *to);

#endif

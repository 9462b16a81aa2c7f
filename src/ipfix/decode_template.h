/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates as they are received: IPFIX template and options template records (RFC 7011, section
 * 3.4), those of NetFlow v9 (RFC 3954, sections 5.2 and 6.1), and the fixed record of NetFlow v5 in
 * the same form. Who remembers them is decode_memory.h; who reads records by them decode_plan.h.
 */
#ifndef IPFIX_DECODE_TEMPLATE_H
#define IPFIX_DECODE_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"

enum decode_protocol { DECODE_NETFLOW_5 = 5, DECODE_NETFLOW_9 = 9, DECODE_IPFIX = 10 };

/* A field specifier as it stands in a template (RFC 7011, section 3.2). */
struct decode_field {
	uint32_t pen;                   /* 0: IANA, and everything in NetFlow */
	uint16_t id;                    /* without the enterprise bit */
	uint16_t length;                /* octets; IPFIX_LENGTH_VARIABLE */
};

/* One template, in whichever format it came. Its size follows from field_count. */
struct decode_template {
	uint16_t id;                    /* 256 and up; a withdrawal's may be 2 or 3 */
	uint16_t field_count;           /* 0: a withdrawal */
	uint16_t scope_count;           /* > 0: an options template */
	uint16_t variable_count;        /* fields of variable length */
	uint8_t protocol;               /* enum decode_protocol */
	bool options;                   /* NetFlow v9 allows options without a scope */
	uint32_t bytes_min;             /* octets of the shortest record */
	struct decode_field fields[];
};

enum { DECODE_FIELDS_MAX = 16384 };     /* no message has room for more */

/* Reads one template record; `ret` has room for DECODE_FIELDS_MAX fields. The cursor stands behind
 * it afterwards. False: it is not well-formed. */
bool decode_template_ipfix(struct wire_reader *r, bool options, struct decode_template *ret);
bool decode_template_netflow9(struct wire_reader *r, bool options, struct decode_template *ret);

/* A copy of its own size; free() it. NULL: no memory. */
struct decode_template *decode_template_copy(const struct decode_template *t);
static inline uint64_t decode_template_bytes(const struct decode_template *t)
{
	return sizeof *t + (uint64_t)t->field_count * sizeof t->fields[0];
}
/* The same fields in the same order. */
bool decode_template_equal(const struct decode_template *a, const struct decode_template *b);

/* The record of NetFlow v5 (48 octets); free() it. NULL: no memory. */
struct decode_template *decode_template_netflow5_new(void);

#endif

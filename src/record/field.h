/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table: everything that weir can say about a flow, as IPFIX Information Elements.
 * fields.def holds the table; a field's name is the one used everywhere (options, JSON keys, CSV
 * headers, SQL columns, templates, manual). Direction (RFC 5103 reverse) belongs to a column, not
 * to a field: the reverse of octetDeltaCount is written reverseOctetDeltaCount and is the same
 * field.
 */
#ifndef RECORD_FIELD_H
#define RECORD_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {                       /* RFC 7012 abstract data types, RFC 5610 numbers */
	TYPE_OCTET_ARRAY = 0, TYPE_U8, TYPE_U16, TYPE_U32, TYPE_U64,
	TYPE_S8, TYPE_S16, TYPE_S32, TYPE_S64,
	TYPE_FLOAT32, TYPE_FLOAT64, TYPE_BOOLEAN, TYPE_MAC, TYPE_STRING, TYPE_SECONDS,
	TYPE_MILLISECONDS, TYPE_MICROSECONDS, TYPE_NANOSECONDS, TYPE_IPV4, TYPE_IPV6,
	TYPE_BASIC_LIST, TYPE_SUB_TEMPLATE_LIST, TYPE_SUB_TEMPLATE_MULTI_LIST,
	TYPE_U256,                      /* RFC 9740: 32 octets in network order */
	TYPE_COUNT
};

enum field_semantics {                  /* RFC 5610 numbers */
	SEMANTICS_DEFAULT = 0, SEMANTICS_QUANTITY, SEMANTICS_TOTAL_COUNTER, SEMANTICS_DELTA_COUNTER,
	SEMANTICS_IDENTIFIER, SEMANTICS_FLAGS, SEMANTICS_LIST,
	SEMANTICS_SNMP_COUNTER, SEMANTICS_SNMP_GAUGE
};

enum { PEN_IANA, PEN_CERT = 6871, PEN_REVERSE = 29305 /* RFC 5103 */, PEN_WEIR_DEFAULT = 32473 };

enum { OWN_BIFLOW_IDS = 0x2000 };       /* our ids from here on speak of the biflow: no reverse */


/* One element. The table's are constant; elements that exporters describe are made at run time
 * (ipfix/elements.h) and look the same. */
struct field {
	const char *name;               /* "octetDeltaCount" */
	const char *short_name;         /* column head for people, e.g. "octets"; "" if none */
	uint32_t pen;                   /* 0: IANA */
	uint16_t id;
	uint8_t  type;                  /* enum field_type */
	uint8_t  semantics;             /* enum field_semantics */
	const char *unit;               /* "octets"; "" if none */
	const char *text;               /* one line of meaning, our own words */
};

extern const struct field field_table[];
extern const unsigned field_count;

/* Exact name, case-sensitive. A name with the RFC 5103 prefix ("reverseOctetDeltaCount") gives the
 * forward field and sets *ret_reverse; a reverse of what cannot be reversed (flowId,
 * biflowDirection, flowEndReason, keys, ...) is NULL. ret_reverse may be NULL: then reverse names
 * are not accepted. */
const struct field *field_find(const char *name, size_t length, bool *ret_reverse);
/* NULL when the table has no such element. The id is the forward one: reverse PEN or bit are the
 * caller's to take off. */
const struct field *field_by_id(uint32_t pen, uint16_t id);

/* The nearest field name to a misspelt one, for messages; NULL when nothing is near. */
const char *field_suggest(const char *name);

/* True where a reverse element makes sense: RFC 5103, section 6.1, less the flow key. Elements of
 * other enterprises are false (section 6.2) but for CERT's; its and ours set the bit 0x4000 of the
 * id, FIELD_REVERSE_BIT. */
bool field_is_reversible(const struct field *field);

enum { FIELD_REVERSE_BIT = 0x4000 };
static inline bool field_reverses_by_bit(uint32_t pen)
{
	return pen == PEN_WEIR_DEFAULT || pen == PEN_CERT;
}

/* Writes "octetDeltaCount" or "reverseOctetDeltaCount"; returns the length. */
size_t field_column_name(const struct field *field, bool reverse, char *buffer, size_t size);

const char *field_type_name(enum field_type type);              /* "unsigned64", as RFC 7012 */
const char *field_semantics_name(enum field_semantics semantics);

/* Octets of a value in a row; 0 for variable length (strings, octet arrays, lists). */
unsigned field_type_bytes(enum field_type type);

/* Whether IPFIX may carry values of the type in so many octets, fewer than it has (RFC 7011,
 * section 6.2): integers in any number, float64 as float32. */
bool field_type_reduces(enum field_type type, unsigned bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * List values: any number of values of one element, for fields of type basicList. In a row a list
 * is a variable-length value whose octets are the list as IPFIX carries it (RFC 6313, section
 * 4.5.1): semantic, the element's number, the length of each value, its enterprise where it has
 * one, and the values, all in network order. So what was collected goes out again octet by octet,
 * elements that nobody knows included; our own elements stand under PEN_WEIR_DEFAULT.
 *
 *   list_begin(&l, writer, element, LIST_ORDERED), list_add_..., list_end(&l)
 *   list_read(octets, bytes, &l), while (list_next(&l, &octets, &bytes)) ...
 *
 * As JSON and as text a list is an array: [60,1500,52], ["192.0.2.1"]. Octets that are no list are
 * hexadecimal digits. The element is not part of the text, so no text becomes a list again.
 */
#ifndef RECORD_LIST_H
#define RECORD_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "record/record.h"

enum list_semantic {                    /* RFC 6313, section 10.2 */
	LIST_NONE_OF, LIST_EXACTLY_ONE_OF, LIST_ONE_OR_MORE_OF, LIST_ALL_OF, LIST_ORDERED,
	LIST_UNDEFINED = 255
};

enum {
	LIST_BYTES_MAX = 32768,         /* of a list that is written here, header included */
	LIST_HEAD_BYTES = 5,            /* semantic, element, length; 4 more with an enterprise */
	LIST_VARIABLE = 65535,          /* as element_bytes: each value has its own length */
	LIST_DEPTH_MAX = 4,             /* lists in lists; deeper ones are hexadecimal digits */
	LIST_JSON_FACTOR = 9,           /* "\u0001", is what an octet can become */
};

struct list {                           /* one that is read; octets are borrowed */
	uint8_t semantic;               /* enum list_semantic */
	uint16_t id;                    /* of the element, without the enterprise bit */
	uint16_t element_bytes;         /* of each value; LIST_VARIABLE */
	uint32_t pen;                   /* 0: IANA */
	const struct field *field;      /* NULL: not in the table */
	struct wire_reader values;      /* those not yet read */
};

/* False when the octets are no list from the first to the last. */
bool list_read(const void *octets, size_t bytes, struct list *ret);
/* The next value; false at the end. Every value of a list that could be read can be had. */
bool list_next(struct list *list, const uint8_t **ret_octets, size_t *ret_bytes);

/* One that is being written, straight into the batch's arena. */
struct list_writer {
	struct value_writer *to;
	uint32_t start;                 /* of the list in the arena */
	uint32_t limit;                 /* octets it may become: LIST_BYTES_MAX or the column's cap */
	uint8_t type;                   /* of the element, enum field_type */
	uint16_t element_bytes;
	bool full;                      /* no more values: over the limit, or no memory */
};

/* Until list_end nothing else may be stored in the batch. What goes beyond the limit is left out,
 * value by value from the end; values of another length than the element's are left out too. */
void list_begin(struct list_writer *l, struct value_writer *to, const struct field *element,
                enum list_semantic semantic);
/* Numbers and times become what the element holds, saturating. */
void list_add_unsigned(struct list_writer *l, uint64_t value);
void list_add_signed(struct list_writer *l, int64_t value);
void list_add_double(struct list_writer *l, double value);
void list_add_time(struct list_writer *l, uint64_t time_ns);
void list_add_octets(struct list_writer *l, const void *octets, size_t bytes);
/* Sets the value and its presence bit; a list without values is a value. */
void list_end(struct list_writer *l);

/* An array as JSON; returns the length of all of it, as snprintf does, and cuts between pieces. No
 * longer than two brackets and LIST_JSON_FACTOR octets for each of the list's. */
size_t list_to_json(const void *octets, size_t bytes, char *buffer, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields that the table does not have: elements of enterprises that weir has never heard of. They
 * are made as templates name them (`e9id12235`, octets) or as exporters describe them (RFC 5610:
 * name, type, semantics). Equal descriptions are one field, so schemas of several exporters can be
 * equal. Fields live as long as the collection: schemas and queued records point at them; their
 * number is bounded. One thread.
 */
#ifndef IPFIX_ELEMENTS_H
#define IPFIX_ELEMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "record/field.h"

struct elements;

struct elements *elements_new(unsigned bound, uint64_t secret); /* NULL: no memory */
void elements_free(struct elements *elements);

/* The field of this description, made when there is none yet; texts are copied. NULL when the bound
 * is reached. */
const struct field *elements_intern(struct elements *elements, const struct field *description);

/* The field of an element that nobody has described: octets by the name e<pen>id<id>. NULL when the
 * bound is reached, or with `only_known` when there is none yet. */
const struct field *elements_unknown(struct elements *elements, uint32_t pen, uint16_t id,
                                     bool only_known);
unsigned elements_count(const struct elements *elements);

/* True when the description's name can be that of a field: a letter, then letters, digits and
 * underscores, not like those above, and the name of no other field. */
enum { ELEMENT_NAME_MAX = 63, ELEMENT_UNIT_MAX = 31 };
bool elements_name_is_usable(const struct elements *elements, const struct field *description);

#endif

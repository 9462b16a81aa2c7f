/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exporter has told in options data, and the rows that are better for it: names of
 * applications (RFC 6759) and interfaces, sampling (RFC 5477, NetFlow v9), common properties (RFC
 * 5473), types of elements (RFC 5610). One for each session; bounded by the session's budget, and
 * forgotten with it. Neighbours: decode_plan.h (asks), decode.c (tells).
 */
#ifndef IPFIX_LEARNED_H
#define IPFIX_LEARNED_H

#include <stdbool.h>
#include <stdint.h>

#include "ipfix/budget.h"
#include "ipfix/elements.h"
#include "record/record.h"

struct learned;

/* A name as the exporter has sent it: octets that need not be UTF-8, without an end. */
struct learned_text {
	uint32_t bytes;
	uint8_t octets[];
};

struct learned_sampling {               /* 0: not told */
	uint32_t interval, space;       /* packets taken and left out, in turn */
	double probability;             /* instead of both */
	uint8_t algorithm;              /* as element 35 */
};

/* NULL: no memory. Budget and elements are borrowed until learned_free(). */
struct learned *learned_new(struct budget *budget, struct elements *elements, uint64_t secret);
void learned_free(struct learned *learned);             /* NULL is fine */

/* What columns of an options layout are good for; compiled once. */
struct learned_options;
/* `told`: so many columns, from the first, are the exporter's. NULL with *ret_code 0 when there is
 * nothing to learn from it. */
struct learned_options *learned_options_new(const struct schema *schema, unsigned told,
                                            int *ret_code);
void learned_options_free(struct learned_options *options);

/* Takes what rows [first, batch->count) say. */
void learned_take(struct learned *learned, const struct learned_options *options, uint32_t domain,
                  const struct record_batch *batch, uint32_t first);

/* Grows whenever a plan made before would have other columns now. */
uint32_t learned_generation(const struct learned *learned);

/* An element that was described (RFC 5610) and is usable; NULL: not told. */
const struct field *learned_element(const struct learned *learned, uint32_t pen, uint16_t id);
/* Whether any name is known at all: plans leave out columns that could never have a value. */
bool learned_has_applications(const struct learned *learned);
bool learned_has_interfaces(const struct learned *learned);
const struct learned_text *learned_application(const struct learned *learned, const uint8_t *id,
                                               uint32_t bytes);
const struct learned_text *learned_interface(const struct learned *learned, uint32_t number);
/* Of a sampler or selector by its number, else of the domain. NULL: nothing is known. */
const struct learned_sampling *learned_sampling(const struct learned *learned, uint32_t domain,
                                                uint64_t sampler);
/* The fields that common properties in this domain can have; at most `room`. */
unsigned learned_property_fields(const struct learned *learned, uint32_t domain,
                                 struct column_choice *ret, unsigned room);
/* The values of an id: a batch of one row. NULL: not told. */
const struct record_batch *learned_properties(const struct learned *learned, uint32_t domain,
                                              uint64_t id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From rows of one schema to rows of another: the columns that both have, converted where types
 * differ. What outputs with fixed columns get of collected and queried records, and what --fields
 * chooses. Compiled once for a pair of schemas.
 *
 * A column is the same when element and direction are; of an element that is there several times
 * the first counts. Start and end of a flow are looked for in every unit.
 */
#ifndef RECORD_PROJECTION_H
#define RECORD_PROJECTION_H

#include "record/record.h"

struct projection;

/* Both schemas are borrowed. NULL: no memory. With `mirror` the row is that of the other direction
 * of a biflow: reverse values are forward ones, the two ends change places, and counters of the
 * forward direction alone are absent. */
struct projection *projection_new(const struct schema *from, const struct schema *to, bool mirror);
void projection_free(struct projection *projection);    /* NULL is fine */

/* Appends the row to a batch of the other schema, which has room for it. */
void projection_run(const struct projection *projection, const struct record_batch *from,
                    const uint8_t *row, struct record_batch *to);

/* The same into a row that is there, at w->batch and w->row: values that are absent are filled in,
 * others stay. w->column is used. */
void projection_fill(const struct projection *projection, const struct record_batch *from,
                     const uint8_t *row, struct value_writer *w);

#endif

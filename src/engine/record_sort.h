/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps batches of any schemas and gives their rows back by start, end and octets: --sort for
 * records that were collected. Everything stays in memory until then.
 */
#ifndef ENGINE_RECORD_SORT_H
#define ENGINE_RECORD_SORT_H

#include <stdbool.h>
#include <stdint.h>

#include "record/record.h"

struct record_sort;

struct record_sort *record_sort_new(void);              /* NULL: no memory */
void record_sort_free(struct record_sort *sort);        /* NULL is fine */

/* Takes over the batch; false when there is no memory, and then the batch is still the caller's. */
bool record_sort_keep(struct record_sort *sort, struct record_batch *batch);

/* Sends all rows in order, in batches that the callback takes over. Returns how many were lost for
 * want of memory. */
uint64_t record_sort_send(struct record_sort *sort,
                          void (*send)(void *context, struct record_batch *batch, bool options),
                          void *context);

#endif

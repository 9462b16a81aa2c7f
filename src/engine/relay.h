/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collected records to outputs. They come in as many layouts as exporters have templates. An output
 * that takes records as they are gets each layout as it is, all its columns, as long as --fields
 * does not choose; one with fixed columns (csv, table), and every one with --fields, gets the
 * chosen columns in their order, absent where a layout lacks them. Where an output knows one
 * direction only (NetFlow), a biflow becomes two records. Options data go to the former
 * only.
 *
 * Called by the thread that decodes. Neighbours: outputs.h, record/projection.h.
 */
#ifndef ENGINE_RELAY_H
#define ENGINE_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/outputs.h"
#include "record/record.h"

struct relay;

/* Copied; what it points to is borrowed until relay_free(). */
struct relay_setup {
	struct outputs *outputs;        /* opened, not started; borrowed */
	const char *fields;             /* --fields; NULL: each output's own */
	bool wait;                      /* a full queue is waited for (files) */
	bool sort;                      /* by start and end, when all have come */
	const struct log *log;
};

/* Fails with a message for unknown fields. */
int relay_new(const struct relay_setup *setup, struct relay **ret, struct error *err);
void relay_free(struct relay *relay);           /* after the outputs have been closed */

/* The chosen fields name what is known of sampling. */
bool relay_wants_sampling(const struct relay *relay);

/* Takes over the batch; its schema lives until relay_free(). */
void relay_put(struct relay *relay, struct record_batch *batch, bool options);
/* Sends what waits: chosen columns that do not fill a batch yet, and all that --sort has kept. */
void relay_flush(struct relay *relay);
void relay_finish(struct relay *relay);

/* The account of the way from decoder to queues. */
struct relay_counters {
	uint64_t records;               /* that came */
	uint64_t handed;                /* to queues, summed over them */
	uint64_t lost;                  /* for want of memory */
};
struct relay_counters relay_counters(const struct relay *relay);

#endif

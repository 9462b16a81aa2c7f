/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layouts of decoded records: schemas, equal ones shared by all templates of all exporters, and
 * a batch being filled for each. What one message gave is kept apart until the message has been
 * read to its end: then it is committed, or taken back as if it had never come.
 *
 *   layouts_begin, layout_room ..., layouts_commit or layouts_rollback
 *
 * When one batch is full all are emitted, in the order in which their layouts were made: so what
 * comes out is never further out of order than a batch, and the same for the same input.
 *
 * Schemas live until layouts_free(): whoever takes batches may rely on it. One thread.
 */
#ifndef IPFIX_LAYOUTS_H
#define IPFIX_LAYOUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "record/record.h"

struct layouts;

/* One shape of rows. `touched`, marks and links are the undo log of the message being read. */
struct layout {
	struct schema *schema;          /* owned by the layouts */
	bool options;                   /* options data, not flows */
	struct record_batch *batch;     /* being filled; NULL: none */
	uint32_t rows;                  /* capacity of the next batch: grows with use */
	bool touched;                   /* by the message being read */
	uint32_t mark_rows, mark_arena; /* of `batch`, before that message */
	struct layout *next_touched, *next_same, *next;
};

/* Copied. */
struct layouts_setup {
	unsigned bound;                 /* most layouts */
	uint64_t secret;
	/* Takes over a filled batch. */
	void (*emit)(void *context, const struct layout *layout, struct record_batch *batch);
	void *context;                  /* of emit */
};

struct layouts *layouts_new(const struct layouts_setup *setup);         /* NULL: no memory */
void layouts_free(struct layouts *layouts);     /* batches not flushed are lost */

/* Columns, borrowed for the call, and what kind of records they are of. Flows and options with
 * equal columns are two layouts. */
struct layout_request {
	const struct column_choice *choices;
	unsigned count, scope_count;
	uint8_t family;
	bool options;
	bool only_known;                /* make no new one */
};

/* The layout of these columns; *ret_new when it was made for this call. -ENOSPC when none more may
 * be made, else as schema_new(). */
int layouts_intern(struct layouts *layouts, const struct layout_request *request,
                   struct layout **ret, bool *ret_new);

/* Between begin and commit or rollback lies one message; no batch is emitted in between. */
void layouts_begin(struct layouts *layouts);
/* The batch to append to, with room for a row or more; NULL: no memory. */
struct record_batch *layout_room(struct layouts *layouts, struct layout *layout);
void layouts_commit(struct layouts *layouts);
void layouts_rollback(struct layouts *layouts);

/* Emits every batch that has rows. */
void layouts_flush(struct layouts *layouts);

#endif

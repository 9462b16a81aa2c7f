/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where records go: every opened output behind its queue, and the streams between meters and
 * outputs. A stream is one schema of one meter that one or more outputs want; a worker fills
 * batches of each stream and all its outputs share them. Neighbours: output/queue.h (threads),
 * flow/rows.h (flow to row), columns.h (what is in a schema), worker.h.
 */
#ifndef ENGINE_SINKS_H
#define ENGINE_SINKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/columns.h"
#include "engine/engine.h"
#include "engine/metering_options.h"
#include "engine/settings.h"
#include "engine/outputs.h"
#include "flow/rows.h"

enum { STREAMS_MAX = 128 };

/* Rows of one shape on their way from all workers to some outputs. */
struct stream {
	struct schema *schema;          /* owned */
	unsigned meter;                 /* whose records it has */
	bool uniflow;                   /* a biflow becomes two rows, whatever --uniflow says */
	bool whole;                     /* a record is one row: no uniflow, of the meter or its own */
	unsigned queue_count;
	struct queue *queues[OUTPUTS_MAX];      /* that want it; borrowed from the outputs */
};

struct sorted_row {                     /* --sort: a row that waits for the end */
	uint64_t start_ns, end_ns;
	struct record_batch *batch;
	uint32_t row, stream;
};

/* Where all records of a run go. Streams stand still once workers run. */
struct sinks {
	bool sort;
	bool hurried;                   /* the run was told to stop: outputs get a deadline */
	struct outputs outputs;
	unsigned stream_count;
	struct queue *callback;         /* of libweir, one of the outputs; NULL: none */
	struct stream streams[STREAMS_MAX];
	unsigned whole_outputs[METERS_MAX];
	const struct log *log;
	pthread_mutex_t sort_lock;
	struct sorted_row *sorted;      /* under sort_lock, as the next two */
	size_t sorted_count, sorted_room;
};

/* What they are opened with; borrowed for the call where not said otherwise. */
struct sinks_setup {
	const struct engine_env *env;
	const char *const *outputs;     /* addresses; borrowed */
	unsigned output_count;
	bool live, sort, check;         /* check: as output_env has it */
	uint64_t start_ns;
	struct metering_options *options;       /* borrowed until close */
	uint32_t sample;                /* as output_env has it */
	bool sample_random;
};

struct sinks_meter {                    /* a meter as outputs see it; borrowed for the call */
	unsigned number;                /* from 0 */
	const struct row_settings *rows;
	uint16_t template_id;           /* of its first template, its second has the next; 0: any */
	struct columns_wish columns;
	const struct text_list *outputs;        /* that get its records; the callback gets all */
};

/* Opens every output (and the callback of libweir). Nothing is left on an error. */
int sinks_open(const struct sinks_setup *setup, struct sinks *ret, struct error *err);
/* Builds the meter's schemas and tells its outputs. */
int sinks_add_meter(struct sinks *sinks, const struct sinks_meter *meter, struct error *err);
/* Outputs that get each record of a meter as one row. */
unsigned sinks_whole_outputs(const struct sinks *sinks, unsigned meter);
/* Starts the outputs' threads, after privileges have been dropped. */
int sinks_start(struct sinks *sinks, struct error *err);
/* Sends what --sort has kept, then waits for every output to finish. False when one has failed. */
bool sinks_finish(struct sinks *sinks);
void sinks_close(struct sinks *sinks);

/* ---- a worker's side ---- */

enum { BUILDER_KEEPS = 16 };            /* batches that go round between a worker and the outputs */

struct builder {                        /* fills batches of one stream for one worker */
	struct sinks *sinks;
	struct stream *stream;          /* whose rows it makes */
	struct row_plan *plan;          /* from record to row; the worker's own */
	struct record_batch *batch;     /* being filled; NULL: none */
	struct record_batch *kept[BUILDER_KEEPS];       /* filled before; one hold each */
	unsigned next_kept;
	struct sorted_row *keys;        /* --sort: times of the rows in the batch */
	uint64_t rows;                  /* written so far */
};

struct builders {                       /* one for each stream of a meter */
	struct builder *list;
	unsigned count;
};

/* A builder for each stream of this meter. Each worker has its own: they share nothing but the
 * sinks. -ENOMEM, or what row_plan_new() says. */
int builders_new(struct sinks *sinks, unsigned meter, const struct row_settings *rows,
                 struct builders *ret, struct error *err);
void builders_free(struct builders *builders);
/* Writes the record into the batch at hand, and sends that on when it is full. */
void builder_write(struct builder *b, const struct flow_record *record);
void builder_flush(struct builder *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where records go: every opened output behind its queue, and the streams between meters and
 * outputs. A stream is one schema that one or more outputs want; a worker fills batches of each
 * stream and all its outputs share them. Neighbours: output/queue.h (threads), flow/rows.h
 * (flow to row), worker.h.
 */
#ifndef ENGINE_SINKS_H
#define ENGINE_SINKS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/settings.h"
#include "flow/rows.h"
#include "output/queue.h"

enum { SINKS_MAX = 32, STREAMS_MAX = 64 };

struct stream {
	struct schema *schema;
	bool uniflow;                   /* a biflow becomes two rows, whatever --uniflow says */
	unsigned queue_count;
	struct queue *queues[SINKS_MAX];
};

struct sorted_row {                     /* --sort: a row that waits for the end */
	uint64_t start_ns, end_ns;
	struct record_batch *batch;
	uint32_t row, stream;
};

struct sinks {
	bool live, sort, started;
	bool hurried;                   /* the run was told to stop: outputs get a deadline */
	unsigned queue_count, stream_count;
	struct queue *queues[SINKS_MAX];
	struct stream streams[STREAMS_MAX];
	const struct log *log;
	pthread_mutex_t sort_lock;
	struct sorted_row *sorted;
	size_t sorted_count, sorted_room;
};

struct sinks_setup {
	const struct settings *settings;
	const struct engine_env *env;
	const struct row_settings *rows;        /* of the meter whose records these are */
	bool live;
	uint64_t start_ns;
};

/* The measures that --fields asks for, NULL-terminated. Fails with a message
 * for an unknown field. */
int sinks_measures(const struct settings *settings,
                   const struct flow_hook *ret[METER_HOOKS_MAX + 1], struct error *err);

/* Opens every -o (and the callback of libweir), builds their schemas.
 * Nothing is left on an error. */
int sinks_open(const struct sinks_setup *setup, struct sinks *ret, struct error *err);
/* Starts the outputs' threads, after privileges have been dropped. */
int sinks_start(struct sinks *sinks, struct error *err);
/* Sends what --sort has kept, then waits for every output to finish. False when one has failed. */
bool sinks_finish(struct sinks *sinks);
void sinks_close(struct sinks *sinks);

/* ---- a worker's side ---- */

enum { BUILDER_KEEPS = 16 };            /* batches that go round between a worker and the outputs */

struct builder {                        /* fills batches of one stream for one worker */
	struct sinks *sinks;
	struct stream *stream;
	struct row_plan *plan;
	struct record_batch *batch;     /* being filled; NULL: none */
	struct record_batch *kept[BUILDER_KEEPS];       /* filled before; one hold each */
	unsigned next_kept;
	struct sorted_row *keys;        /* --sort: times of the rows in the batch */
	uint64_t rows;                  /* written so far */
};

/* One builder for each stream; *ret_count of them. */
int builders_new(struct sinks *sinks, const struct row_settings *rows, struct builder **ret,
                 unsigned *ret_count, struct error *err);
void builders_free(struct builder *builders, unsigned count);
void builder_write(struct builder *b, const struct flow_record *record);
void builder_flush(struct builder *b);

#endif

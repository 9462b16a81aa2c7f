/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs one opened output in a thread of its own behind a bounded queue of record batches, so that
 * an output that stalls delays nobody else. The engine holds one queue for each -o:
 *   queue_open, queue_schema (each schema), [privileges are dropped], queue_start,
 *   queue_put ..., queue_finish, queue_counters, queue_close.
 * At any time, and after queue_finish, queue_counters() balances (output.h):
 *   accepted = acknowledged + sent + queued + spilled + sum of dropped
 */
#ifndef OUTPUT_QUEUE_H
#define OUTPUT_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "output/output.h"

struct queue;

/* What is behind the queue, and how much may wait in front of it: a batch counts with all of its
 * memory, shared or not. */
struct queue_setup {
	const struct output_kind *kind; /* of the address' scheme; not with `opened` */
	const struct address *address;          /* borrowed until queue_open returns */
	const struct output_env *env;           /* copied; what `context` points to
	                                         * must outlive the queue */
	uint64_t bound_records;                 /* waiting at most; 0: 1 Mi records */
	uint64_t bound_bytes;                   /* memory of waiting batches; 0: 64 MiB; the address may
	                                         * say another (`queue`), and then of records none */
	/* An output that is open already (callback.h, tests): owned by the queue from a successful
	 * queue_open on; kind is taken from it and address is unused. */
	struct output *opened;
	const char *name;                       /* for messages with `opened`; copied */
};

enum queue_how {
	QUEUE_WAIT = 1,                 /* until there is room */
	QUEUE_NOW = 2,                  /* the output shall see it at once; else within a second */
};

/* Opens the output; no thread yet. On an error (the message names the address) nothing is left. */
int queue_open(const struct queue_setup *setup, struct queue **ret, struct error *err);

/* Announces a schema, in the caller's thread, before queue_start. An output that cannot carry it
 * fails here with a message. The schema must live until queue_close. A schema that was not
 * announced is told to the output before its first batch; if it is refused then, its records
 * count as unencodable. */
int queue_schema(struct queue *q, const struct schema *schema, struct error *err);

/* Starts the thread (all signals blocked in it). What was put before waits until then. */
int queue_start(struct queue *q, struct error *err);

/* Takes one more hold of the batch. True when it was accepted into the queue. When the queue is
 * full: with QUEUE_WAIT (a file source) it waits for room; without (live) it returns at once, and
 * the records are counted as accepted and dropped (DROP_QUEUE_FULL), with one message for each
 * change of state. Any number of threads may put. The order of one thread's batches is kept. */
bool queue_put(struct queue *q, struct record_batch *batch, unsigned how);

/* True when the batch would find room now: for whoever waits in a way of his own. */
bool queue_has_room_for(struct queue *q, const struct record_batch *batch);

/* The output is told of records that were dropped elsewhere on their way to it; this queue never
 * had them and does not count them. */
void queue_missed(struct queue *q, const struct output_missed *missed);

/* SIGHUP: the output reopens its file after what was put so far. Never blocks. */
void queue_reopen(struct queue *q);

/* From now on nobody waits in queue_put: the run is being stopped. Any thread. */
void queue_stop_waiting(struct queue *q);

/* Writes everything that waits, finishes the output and ends its thread. Past deadline_ns
 * (CLOCK_REALTIME; UINT64_MAX: however long it takes) what still waits is counted as dropped and
 * -ETIMEDOUT is returned. The first failure of the output's finish is returned too, and was told as
 * a message; both make queue_failed() true. A second call does nothing. */
int queue_finish(struct queue *q, uint64_t deadline_ns);

/* A consistent snapshot, any thread: the output's own counters and the queue's in one. */
void queue_counters(struct queue *q, struct output_counters *ret);

/* True once the output has failed to write, tick, reopen or finish: the exit status becomes 1. */
bool queue_failed(const struct queue *q);

/* The output's sockets, before queue_start: at most `room`; returns how many. */
unsigned queue_endpoints(const struct queue *q, struct output_endpoint *ret, unsigned room);

/* The output's template for a schema, before queue_start; false if it has none. */
bool queue_template(const struct queue *q, const struct schema *schema,
                    struct output_template *ret);

/* What its address says of fields; NULL: nothing. */
const char *queue_fields(const struct queue *q);

/* The address as written, or setup.name. */
const char *queue_name(const struct queue *q);
const struct output_kind *queue_kind(const struct queue *q);

/* Without queue_finish before: what waits is dropped and the output is closed
 * unfinished. NULL is fine. */
void queue_close(struct queue *q);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outputs of a run: every -o behind its queue (output/queue.h), from the address that the user
 * wrote to the end of its thread. What goes into them is the caller's: sinks.h for metered records,
 * relay.h for collected ones.
 */
#ifndef ENGINE_OUTPUTS_H
#define ENGINE_OUTPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "output/queue.h"

enum { OUTPUTS_MAX = 32 };

/* In the order of the addresses; queues are owned. */
struct outputs {
	bool live;                      /* nobody waits for them for long */
	unsigned count;
	struct queue *queues[OUTPUTS_MAX];
};

/* What they are opened with. */
struct outputs_setup {
	const char *const *addresses;   /* borrowed for the call */
	unsigned count;
	const struct output_env *env;   /* borrowed for the call, without its message and context */
	const struct log *log;          /* messages of outputs go there; borrowed until close */
};

/* Nothing is left on an error. */
int outputs_open(const struct outputs_setup *setup, struct outputs *ret, struct error *err);
/* The environment with its messages going to the log. */
struct output_env outputs_env(const struct output_env *env, const struct log *log);
/* One more, before the start. */
int outputs_add(struct outputs *outputs, const struct queue_setup *setup, struct error *err);
/* Starts the threads. Before this nothing is written, though files are open. */
int outputs_start(struct outputs *outputs, struct error *err);
void outputs_reopen(struct outputs *outputs);
/* From now on nobody waits for a full queue. */
void outputs_stop_waiting(struct outputs *outputs);
/* Waits until all is written; `hurried` or live: for a few seconds. False when one has failed. */
bool outputs_finish(struct outputs *outputs, bool hurried);
void outputs_close(struct outputs *outputs);

#endif

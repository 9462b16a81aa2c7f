/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outputs of a run: every -o behind its queue (output/queue.h), from the address that the user
 * wrote to the end of its thread. What goes into them is the caller's: relay.h for records that
 * were collected.
 */
#ifndef ENGINE_OUTPUTS_H
#define ENGINE_OUTPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/option.h"
#include "output/queue.h"

enum { OUTPUTS_MAX = 32 };

struct outputs {
	bool live;                      /* nobody waits for them for long */
	unsigned count;
	struct queue *queues[OUTPUTS_MAX];
};

struct outputs_setup {
	const struct text_list *addresses;
	const struct log *log;          /* messages of outputs go there; borrowed until close */
	bool live, terminal;
	uint64_t start_ns;              /* of the run, since 1970 */
};

/* Nothing is left on an error. */
int outputs_open(const struct outputs_setup *setup, struct outputs *ret, struct error *err);
int outputs_start(struct outputs *outputs, struct error *err);
void outputs_reopen(struct outputs *outputs);
/* From now on nobody waits for a full queue. */
void outputs_stop_waiting(struct outputs *outputs);
/* Waits until all is written; `hurried` or live: for a few seconds. False when one has failed. */
bool outputs_finish(struct outputs *outputs, bool hurried);
void outputs_close(struct outputs *outputs);

#endif

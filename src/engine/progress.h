/* SPDX-License-Identifier: Apache-2.0 */
/* A line on a terminal during a long file: percent, packets a second, flows. */
#ifndef ENGINE_PROGRESS_H
#define ENGINE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* All zero to begin with. */
struct progress {
	bool shown;                     /* a line stands on the terminal */
	uint64_t started_ns, last_ns, last_packets;     /* CLOCK_MONOTONIC */
};

/* What the line tells: totals so far; flows that are alive; bytes_total 0: unknown. */
struct progress_state {
	uint64_t bytes_read, bytes_total, packets, flows;
};

/* Draws at most twice a second, and nothing in the first second. */
void progress_update(struct progress *p, const struct progress_state *state);
/* Clears the line. */
void progress_end(struct progress *p);

#endif

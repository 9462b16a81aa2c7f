/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of a source whose packets carry the only time there is (files, pipes).
 * It is the largest time believed less a reorder window, so that packets which come a little late
 * are not late for the timers. A packet more than an hour ahead of that time is a suspect: one
 * damaged time stamp must not push the clock years ahead. A suspect is believed when another packet
 * lies within an hour of it, or when the very next packet is later still (a sparse capture). The
 * first packet of all is a suspect too. Neighbours: file.c (who feeds it), engine/ (who advances
 * timers by it).
 */
#ifndef CAPTURE_CLOCK_H
#define CAPTURE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/frame.h"

#define CAPTURE_CLOCK_WINDOW_NS UINT64_C(1000000000)            /* how late a packet may come */
#define CAPTURE_CLOCK_JUMP_NS   (UINT64_C(3600) * 1000000000)   /* more than this needs a witness */

struct capture_clock {                  /* all zero: nothing seen yet */
	uint64_t top_ns;                /* largest time believed; 0: none */
	uint64_t suspect_ns;            /* a time far ahead that waits for a witness; 0: none */
	bool suspect_was_last;          /* the suspect is the packet just seen */
};

/* One packet's time. */
void capture_clock_see(struct capture_clock *clock, uint64_t time_ns);

/* All frames of a batch whose largest time is latest_ns. Frames of damaged time bear no witness. */
void capture_clock_see_batch(struct capture_clock *clock, const struct frame_batch *batch,
                             uint64_t latest_ns);

/* The time that the source has reached; never goes back. */
static inline uint64_t capture_clock_now(const struct capture_clock *clock)
{
	uint64_t top_ns = clock->top_ns;
	return top_ns > CAPTURE_CLOCK_WINDOW_NS ? top_ns - CAPTURE_CLOCK_WINDOW_NS : 0;
}

/* The time at the end of the input: the largest believed; a suspect only where nothing else is
 * known. */
uint64_t capture_clock_end(const struct capture_clock *clock);

#endif

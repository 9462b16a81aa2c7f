/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The progress line on a terminal, drawn twice a second at most, and not at all by a run that is
 * over sooner. Neighbours: engine.c and collect.c, whose control threads draw it.
 */
#include "engine/progress.h"

#include <stdio.h>
#include <time.h>

#include "base/text.h"

static const uint64_t interval_ns = 500000000;

static uint64_t monotonic_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void progress_update(struct progress *p, const struct progress_state *state)
{
	uint64_t now = monotonic_ns();
	if (!p->started_ns) {
		p->started_ns = p->last_ns = now;
		return;
	}
	if (now - p->started_ns < 2 * interval_ns || now - p->last_ns < interval_ns)
		return;
	char rate[16], flows[16], percent[16] = "";
	text_human_count((uint64_t)((double)(state->packets - p->last_packets) * 1e9
	                            / (double)(now - p->last_ns)),
	                 rate, sizeof rate);
	text_human_count(state->flows, flows, sizeof flows);
	if (state->bytes_total)
		snprintf(percent, sizeof percent, "%3.0f %%  ",
		         100.0 * (double)state->bytes_read / (double)state->bytes_total);
	fprintf(stderr, "\r\033[K%s%s packets/s  %s flows", percent, rate, flows);
	fflush(stderr);
	p->shown = true;
	p->last_ns = now;
	p->last_packets = state->packets;
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fprintf(stderr, "\r\033[K");
	p->shown = false;
}

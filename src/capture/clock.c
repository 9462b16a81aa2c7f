/* SPDX-License-Identifier: Apache-2.0 */
/* The file clock: see clock.h. Costs one comparison a batch as long as time behaves. */
#include "capture/clock.h"

#include "base/compiler.h"

static bool within_jump(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= CAPTURE_CLOCK_JUMP_NS;
}

/* A packet more than an hour ahead: believe it, believe the suspect before it, or make it the
 * suspect. */
static void see_far_ahead(struct capture_clock *clock, uint64_t time_ns)
{
	if (clock->suspect_ns && within_jump(clock->suspect_ns, time_ns)) {
		clock->top_ns = clock->suspect_ns > time_ns ? clock->suspect_ns : time_ns;
		clock->suspect_ns = 0;
		clock->suspect_was_last = false;
		return;
	}
	if (clock->suspect_was_last && time_ns > clock->suspect_ns)
		clock->top_ns = clock->suspect_ns;
	clock->suspect_ns = time_ns;
	clock->suspect_was_last = true;
}

void capture_clock_see(struct capture_clock *clock, uint64_t time_ns)
{
	if (time_ns > clock->top_ns && time_ns - clock->top_ns > CAPTURE_CLOCK_JUMP_NS) {
		see_far_ahead(clock, time_ns);
		return;
	}
	clock->suspect_was_last = false;
	if (time_ns > clock->top_ns)
		clock->top_ns = time_ns;
}

void capture_clock_see_batch(struct capture_clock *clock, const struct frame_batch *batch,
                             uint64_t latest_ns)
{
	if (likely(latest_ns <= clock->top_ns ||
	           latest_ns - clock->top_ns <= CAPTURE_CLOCK_JUMP_NS)) {
		clock->suspect_was_last = false;
		if (latest_ns > clock->top_ns)
			clock->top_ns = latest_ns;
		return;
	}
	for (uint32_t i = 0; i < batch->count; i++)
		if (!(batch->frame[i].bits & FRAME_DAMAGED_TIME))
			capture_clock_see(clock, batch->frame[i].time_ns);
}

uint64_t capture_clock_end(const struct capture_clock *clock)
{
	return clock->top_ns ? clock->top_ns : clock->suspect_ns;
}

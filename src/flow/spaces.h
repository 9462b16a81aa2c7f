/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the spaces of hooks lie in what a flow has for them all, and which cache lines of its space
 * a packet touches. meter.c asks for the lines of a hook while the hook before it runs: earlier,
 * with the flow, they push what the batch needs out of the first-level cache; later, they are
 * waited for. Where all spaces fit into the second level, asking costs more than it saves.
 */
#ifndef FLOW_SPACES_H
#define FLOW_SPACES_H

#include <stdint.h>

#include "base/compiler.h"
#include "flow/hook.h"

enum { SPACE_LINES_MAX = 8 };           /* of one hook; more are not asked for */
enum { SPACES_NEAR_BYTES = 2 << 20 };   /* of all flows: what second-level caches hold */

struct space_lines {
	uint8_t count;
	uint16_t at[SPACE_LINES_MAX];   /* octets from the beginning of a flow's spaces */
};

/* Gives each of `count` hooks its offset. Returns the octets of a flow for all of them. */
uint32_t spaces_lay_out(const struct flow_hook *const *hooks, unsigned count, uint32_t *ret_offset);

/* The lines that a packet of each sender touches, by what the hook says of its space. */
void spaces_find_lines(const struct flow_hook *hook, uint32_t offset,
                       struct space_lines ret_lines[2]);

/* Inlined into a function that does more: one that only asks for lines has no effect in the eyes of
 * gcc, which then leaves out calls of it. */
static inline __attribute__((always_inline))
void spaces_prefetch(const struct space_lines *lines, const uint8_t *spaces)
{
	for (unsigned i = 0; i < lines->count; i++)
		prefetch_write(spaces + lines->at[i]);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Spaces in as few cache lines as they can be, and the lines that packets touch. */
#include "flow/spaces.h"

#include <assert.h>

enum { CACHE_LINE = 64, SMALL = 32 };

static uint32_t round_up(uint32_t bytes, uint32_t to)
{
	return (bytes + to - 1) / to * to;
}

/* What would reach into one line more than it must begins with a new one. */
static uint32_t start_of(uint32_t end, uint32_t bytes)
{
	return end % CACHE_LINE + bytes > CACHE_LINE ? round_up(end, CACHE_LINE) : end;
}

/* Of all spaces of a flow: a power of two up to a line, then whole lines. */
static uint32_t stride_of(uint32_t bytes)
{
	uint32_t stride = bytes ? 8 : 0;
	while (stride < bytes && stride < CACHE_LINE)
		stride *= 2;
	return bytes <= CACHE_LINE ? stride : round_up(bytes, CACHE_LINE);
}

uint32_t spaces_lay_out(const struct flow_hook *const *hooks, unsigned count, uint32_t *ret_offset)
{
	uint32_t end = 0;
	for (unsigned large = 0; large < 2; large++)    /* small ones first: they share lines */
		for (unsigned i = 0; i < count; i++) {
			if ((hooks[i]->space_bytes > SMALL) != large)
				continue;
			ret_offset[i] = start_of(end, hooks[i]->space_bytes);
			end = ret_offset[i] + round_up(hooks[i]->space_bytes, 8);
		}
	return stride_of(end);
}

static void add_lines(struct space_lines *lines, uint32_t from, uint32_t bytes)
{
	uint32_t first = from / CACHE_LINE * CACHE_LINE, end = bytes ? from + bytes : first;
	for (uint32_t at = first; at < end && at <= UINT16_MAX; at += CACHE_LINE) {
		bool known = lines->count && lines->at[lines->count - 1] == at;
		if (!known && lines->count < SPACE_LINES_MAX)
			lines->at[lines->count++] = (uint16_t)at;
	}
}

void spaces_find_lines(const struct flow_hook *hook, uint32_t offset,
                       struct space_lines ret_lines[2])
{
	assert(hook->hot_bytes + 2u * hook->side_bytes <= hook->space_bytes);
	for (unsigned sender = 0; sender < 2; sender++) {
		ret_lines[sender].count = 0;
		add_lines(&ret_lines[sender], offset, hook->hot_bytes);
		add_lines(&ret_lines[sender], offset + hook->hot_bytes + sender * hook->side_bytes,
		          hook->side_bytes);
	}
}

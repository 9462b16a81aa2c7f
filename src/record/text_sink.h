/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of any length into a buffer of some length, counted as snprintf counts: all of it adds to
 * the length, whole pieces are written while they fit. For value_escape.c and list_text.c.
 */
#ifndef RECORD_TEXT_SINK_H
#define RECORD_TEXT_SINK_H

#include <stddef.h>
#include <string.h>

#include "base/compiler.h"

struct text_sink {
	char *at, *end;                 /* end: where the terminating zero must fit at the latest */
	size_t length;
};

static inline struct text_sink text_sink_of(char *buffer, size_t size)
{
	return (struct text_sink){ .at = buffer, .end = size ? buffer + size - 1 : buffer };
}

static inline void text_sink_put(struct text_sink *sink, const void *piece, size_t bytes)
{
	sink->length += bytes;
	if (likely((size_t)(sink->end - sink->at) >= bytes)) {
		memcpy(sink->at, piece, bytes);
		sink->at += bytes;
	} else {
		sink->end = sink->at;           /* nothing behind a gap */
	}
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPFIX over TCP in captures: segments of one direction put in order, messages cut out of them. A
 * stream is followed from its SYN, or from a segment that begins with a message. Out of order
 * segments wait, within bounds; where the capture has lost one the stream is taken up again at the
 * next segment that begins with a message.
 */
#ifndef COLLECT_STREAMS_H
#define COLLECT_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "collect/collector_inner.h"

struct stream_table;

/* One captured TCP segment of one direction; borrowed for the call. */
struct segment {
	uint64_t key;                   /* of the direction: addresses and ports */
	struct exporter_address from;
	const uint8_t *octets;          /* captured payload */
	uint32_t bytes;
	uint32_t sequence;              /* of the first octet, SYN counted */
	uint64_t time_ns;
	bool usual_port;                /* every stream there is followed, not only what looks right */
	bool begins, ends;              /* SYN; FIN or RST */
};

struct stream_table *stream_table_new(struct collector *collector);     /* NULL: no memory */
void stream_table_free(struct stream_table *table);     /* closes sessions; NULL is fine */

/* True when the segment belongs to a stream that is followed. */
bool stream_table_add(struct stream_table *table, const struct segment *segment);

#endif

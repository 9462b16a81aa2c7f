/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packets that a segmentation-offload super-frame becomes on the wire, for measures of lengths:
 *
 *   for (struct segment s = segment_first(p); s.bytes; segment_next(&s, p)) ...
 */
#ifndef MEASURE_SEGMENTS_H
#define MEASURE_SEGMENTS_H

#include "packet/packet.h"

/* Full segments and a last one, each with headers of its own. */
struct segment {
	uint32_t bytes, payload;        /* of this one, IP header and all; bytes 0: the end */
	uint32_t left, headers;         /* octets of payload behind it; of headers of each */
};

static inline void segment_next(struct segment *s, const struct packet *p)
{
	uint32_t full = p->frame->gso_bytes;
	s->payload = s->left < full ? s->left : full;
	s->bytes = s->payload ? s->headers + s->payload : 0;
	s->left -= s->payload;
}

static inline struct segment segment_first(const struct packet *p)
{
	struct segment s = { .left = p->payload_bytes,
	                     .headers = (p->ip_bytes - p->payload_bytes) / p->wire_packets };
	segment_next(&s, p);
	return s;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame as a capture source delivers it, and the batch in which frames travel.
 * The packet room reads these; it needs nothing else of the capture room.
 */
#ifndef CAPTURE_FRAME_H
#define CAPTURE_FRAME_H

#include <stdint.h>

enum { BATCH_MAX = 64 };

/* Facts about a frame that only its source knows. */
enum frame_bits {
	FRAME_OUTGOING = 1,             /* sent by this host (live) */
	FRAME_DAMAGED_TIME = 2,         /* the source had no usable time stamp for it */
};

/* Link type of a frame that is an export message; the cookie is the number of its file, from 0 on.
 * Beyond the numbers that LINKTYPE_* values have. */
enum { LINK_EXPORT = 0xffff };

struct frame {                          /* data is borrowed until the batch is released */
	const uint8_t *data;            /* captured_bytes octets */
	uint64_t time_ns;               /* since 1970 UTC */
	uint32_t captured_bytes;        /* octets present at data */
	uint32_t wire_bytes;            /* octets that the frame had, without a tag taken off it;
	                                 * >= captured_bytes */
	uint32_t cookie;                /* the source's own: ring slot, queue packet id */
	uint16_t link_type;             /* LINKTYPE_* value (pcap's number in files), per frame */
	uint16_t interface;             /* index into the source's interface list */
	uint16_t vlan_tpid, vlan_tci;   /* tag taken off by the NIC; tpid 0: none */
	uint16_t gso_bytes;             /* payload octets a segment of a super-frame, else 0 */
	uint16_t bits;                  /* enum frame_bits */
};

/* Octets on the wire, with a tag that the NIC has taken off: what octet counters count. */
static inline uint64_t frame_octets(const struct frame *frame)
{
	return (uint64_t)frame->wire_bytes + (frame->vlan_tpid ? 4 : 0);
}

/* Up to 64 frames in order, as one call of read() gives them. Some 2.5 KB: on the heap, and used
 * again. */
struct frame_batch {
	uint64_t clock_ns;              /* that the whole source has reached; even if count is 0 */
	uint32_t count;
	uint32_t ahead_bytes;           /* a hint: so far behind each frame lie octets that its reader
	                                 * comes to next; 0: unknown */
	void *hold;                     /* the source's: what release() gives back */
	struct frame frame[BATCH_MAX];
};

#endif

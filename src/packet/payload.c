/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payload of a packet, also where the parser was brief and left line 1 as it was. What the fast
 * path may have taken is found again from the frame: Ethernet, at most one tag, IPv4 without
 * options or IPv6, TCP or UDP. All else went to the general parser, which fills line 1. So the test
 * for the shape may let through more than the fast path does, never less.
 * Neighbours: packet.c (the fast path). For rare packets: the first ones of flows.
 */
#include "packet/packet.h"

enum { LINK_ETHERNET = 1, ETHERNET_BYTES = 14, TAG_BYTES = 4, IPV4_BYTES = 20, IPV6_BYTES = 40 };
enum { TCP_BYTES = 20, UDP_BYTES = 8, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { TYPE_TAG = 0x8100, TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, FRAGMENT_MASK = 0x3fff };
enum { LEAST_CAPTURED = 54 };           /* the fast path takes nothing shorter */

struct place {                          /* octets from the frame's first */
	uint32_t payload, end;
};

/* The transport header is read where it lies; a TCP header that is shorter than it can be has no
 * payload. */
static bool place_in_transport(const uint8_t *d, uint8_t protocol, uint32_t at, struct place *ret)
{
	uint32_t header_bytes = UDP_BYTES;
	if (protocol == PROTOCOL_TCP)
		header_bytes = (d[at + 12] >> 4) * 4u;
	else if (protocol != PROTOCOL_UDP)
		return false;
	ret->payload = at + header_bytes;
	return protocol == PROTOCOL_UDP || header_bytes >= TCP_BYTES;
}

/* False: another shape, so line 1 says it. */
static bool place_of(const struct frame *frame, struct place *ret)
{
	const uint8_t *d = frame->data;
	if (frame->link_type != LINK_ETHERNET || frame->captured_bytes < LEAST_CAPTURED)
		return false;
	uint32_t at = ETHERNET_BYTES + (load_be16(d + 12) == TYPE_TAG ? TAG_BYTES : 0);
	uint16_t type = load_be16(d + at - 2);
	if (type == TYPE_IPV4 && d[at] == 0x45 && !(load_be16(d + at + 6) & FRAGMENT_MASK)) {
		ret->end = at + load_be16(d + at + 2);
		return load_be16(d + at + 2) && place_in_transport(d, d[at + 9], at + IPV4_BYTES, ret);
	}
	if (type != TYPE_IPV6 || frame->captured_bytes < at + IPV6_BYTES + 16)
		return false;
	ret->end = at + IPV6_BYTES + load_be16(d + at + 4);
	return load_be16(d + at + 4) && place_in_transport(d, d[at + 6], at + IPV6_BYTES, ret);
}

/* Never past what was captured, whatever the lengths in the headers declare. */
const uint8_t *packet_payload(const struct packet *packet, bool brief, uint32_t *ret_bytes)
{
	const struct frame *frame = packet->frame;
	struct place place;

	if (!brief || !place_of(frame, &place))
		place = (struct place){ packet->payload_offset,
		                        packet->payload_offset + packet->payload_bytes };
	if (place.end > frame->captured_bytes)
		place.end = frame->captured_bytes;
	if (!place.payload || place.payload >= place.end)
		return NULL;
	*ret_bytes = place.end - place.payload;
	return frame->data + place.payload;
}

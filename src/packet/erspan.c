/* SPDX-License-Identifier: Apache-2.0 */
/* ERSPAN (mirrored frames in GRE), types I to III; the session id is the tunnel's id. */
#include "packet/parse.h"

enum { TYPE2_BYTES = 8, TYPE3_BYTES = 12, PLATFORM_BYTES = 8, SESSION_MASK = 0x3ff };
enum { FRAME_ETHERNET = 0, FRAME_IP = 2 };

enum header parse_erspan1(struct parse *p)
{
	p->packet->layers |= LAYER_ERSPAN;
	return parse_inner_ethernet(p);
}

enum header packet_parse_erspan2(struct parse *p)
{
	const uint8_t *h = parse_peek(p, TYPE2_BYTES);

	if (!h)
		return parse_short(p, FATE_malformed_tunnel);
	p->packet->layers |= LAYER_ERSPAN;
	p->packet->tunnel_id = load_be16(h + 2) & SESSION_MASK;
	p->at += TYPE2_BYTES;
	return parse_inner_ethernet(p);
}

/* The optional part is announced by the last bit of the header; what was mirrored is a frame, or
 * bare IP. */
enum header packet_parse_erspan3(struct parse *p)
{
	const uint8_t *h = parse_peek(p, TYPE3_BYTES);

	if (!h)
		return parse_short(p, FATE_malformed_tunnel);
	uint32_t bytes = h[11] & 1 ? TYPE3_BYTES + PLATFORM_BYTES : TYPE3_BYTES;
	unsigned frame_type = h[10] >> 2 & 0x1f;
	if (!parse_peek(p, bytes))
		return parse_short(p, FATE_malformed_tunnel);
	p->packet->layers |= LAYER_ERSPAN;
	p->packet->tunnel_id = load_be16(h + 2) & SESSION_MASK;
	p->at += bytes;
	if (frame_type == FRAME_IP)
		return parse_ip_version(p, FATE_not_ip);
	return frame_type == FRAME_ETHERNET ? parse_inner_ethernet(p) : parse_stop(p, FATE_not_ip);
}

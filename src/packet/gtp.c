/* SPDX-License-Identifier: Apache-2.0 */
/* GTP-U (3GPP TS 29.281): a T-PDU with its extension headers. The TEID differs by direction. */
#include "packet/parse.h"

enum {
	GTP_BYTES = 8, OPTIONAL_BYTES = 4, MESSAGE_TPDU = 255,
	VERSION_1 = 0x30, VERSION_MASK = 0xf0, HAS_EXTENSION = 0x04, HAS_OPTIONAL = 0x07
};

/* Extension headers count their length in words; their last octet names the next, 0 is the end. */
static bool skip_extensions(struct parse *p, uint8_t next)
{
	while (next) {
		const uint8_t *h = parse_peek(p, 1);
		uint32_t bytes = h ? *h * 4u : 0;
		if (bytes == 0 || !parse_peek(p, bytes))
			return false;
		next = h[bytes - 1];
		p->at += bytes;
	}
	return true;
}

/* Many other things use this port, so anything that is not a whole T-PDU of version 1 leaves the
 * outer packet as it is and is no fault of the packet's. */
enum header packet_parse_gtp(struct parse *p)
{
	const uint8_t *h = parse_peek(p, GTP_BYTES);

	if (!h || (h[0] & VERSION_MASK) != VERSION_1 || h[1] != MESSAGE_TPDU)
		return parse_stop(p, FATE_not_ip);
	bool whole = !(p->packet->bits & PACKET_FRAGMENT);      /* of the outer packet, still */
	if (whole && load_be16(h + 2) > parse_rest(p) - GTP_BYTES)
		return parse_stop(p, FATE_not_ip);
	p->packet->layers |= LAYER_GTP;
	p->packet->tunnel_peer_id = load_be32(h + 4);
	p->at += GTP_BYTES;
	parse_limit(p, load_be16(h + 2));
	if (h[0] & HAS_OPTIONAL) {
		const uint8_t *optional = parse_peek(p, OPTIONAL_BYTES);
		if (!optional)
			return parse_stop(p, FATE_not_ip);
		p->at += OPTIONAL_BYTES;
		if (h[0] & HAS_EXTENSION && !skip_extensions(p, optional[3]))
			return parse_stop(p, FATE_not_ip);
	}
	return parse_ip_version(p, FATE_not_ip);
}

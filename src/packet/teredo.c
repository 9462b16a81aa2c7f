/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Teredo (RFC 4380): IPv6 in UDP, perhaps behind an authentication and an origin indication.
 * Other programs use the port too, so the inside must be IPv6 to the octet and have a Teredo
 * address, or be the link-local exchange with a server.
 */
#include "packet/parse.h"

enum { ORIGIN_BYTES = 8, AUTHENTICATION_BYTES = 13, IPV6_BYTES = 40 };

/* Both may stand there, in this order; an authentication says its own length in two parts. */
static bool skip_indications(struct parse *p)
{
	const uint8_t *h = parse_peek(p, 4);

	if (h && load_be16(h) == 1) {
		uint32_t bytes = AUTHENTICATION_BYTES + h[2] + h[3];
		if (!parse_peek(p, bytes))
			return false;
		p->at += bytes;
		h = parse_peek(p, 2);
	}
	if (h && load_be16(h) == 0) {
		if (!parse_peek(p, ORIGIN_BYTES))
			return false;
		p->at += ORIGIN_BYTES;
	}
	return true;
}

enum header packet_parse_teredo(struct parse *p)
{
	if (!skip_indications(p))
		return parse_stop(p, FATE_not_ip);
	const uint8_t *ip = parse_peek(p, IPV6_BYTES);
	if (!ip || *ip >> 4 != 6)
		return parse_stop(p, FATE_not_ip);
	bool whole = !(p->packet->bits & PACKET_FRAGMENT);      /* of the outer packet, still */
	if (whole && load_be16(ip + 4) + (uint64_t)IPV6_BYTES != parse_rest(p))
		return parse_stop(p, FATE_not_ip);
	p->packet->layers |= LAYER_TEREDO;
	return HEADER_ipv6;
}

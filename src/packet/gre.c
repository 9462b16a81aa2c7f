/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GRE (RFC 2784, 2890, and RFC 1701's routing), PPTP's version 1 (RFC 2637) and NVGRE (RFC
 * 7637). A header that does not fit its packet is malformed; one that carries something unknown
 * leaves the outer packet.
 */
#include "packet/parse.h"

enum {
	CHECKSUM = 0x8000, ROUTING = 0x4000, KEY = 0x2000, SEQUENCE = 0x1000, ACKNOWLEDGE = 0x0080,
	VERSION_MASK = 7, VERSION_PPTP = 1
};
enum {
	TYPE_PPP = 0x880b, TYPE_ETHERNET = 0x6558, TYPE_ERSPAN2 = 0x88be, TYPE_ERSPAN3 = 0x22eb,
	TYPE_WCCP = 0x883e
};
enum { GRE_BYTES = 4, WORD_BYTES = 4, WCCP_BYTES = 4 };

/* Takes a word if the flag says that it is there. */
static const uint8_t *take_word(struct parse *p, bool present, bool *failed)
{
	const uint8_t *h = present ? parse_peek(p, WORD_BYTES) : NULL;

	if (present && !h)
		*failed = true;
	if (h)
		p->at += WORD_BYTES;
	return h;
}

/* Source route entries: family 2, offset 1, length 1, then length octets; an empty one ends
 * them. */
static void skip_routes(struct parse *p, bool *failed)
{
	bool more = true;

	while (more && !*failed) {
		const uint8_t *h = take_word(p, true, failed);
		if (!h)
			return;
		more = h[3] != 0;
		if (!parse_peek(p, h[3]))
			*failed = true;
		else
			p->at += h[3];
	}
}

/* The call id differs by direction, so it is the peer's. Without a sequence number there is no
 * payload: an acknowledgement alone. */
static enum header parse_pptp(struct parse *p, uint16_t flags, uint16_t type)
{
	bool failed = false;
	const uint8_t *key = take_word(p, true, &failed);

	take_word(p, flags & SEQUENCE, &failed);
	take_word(p, flags & ACKNOWLEDGE, &failed);
	if (failed)
		return parse_short(p, FATE_malformed_tunnel);
	p->packet->tunnel_peer_id = load_be16(key + 2);
	return type == TYPE_PPP && flags & SEQUENCE ? HEADER_ppp : parse_stop(p, FATE_not_ip);
}

/* WCCP version 2 puts four octets before the IP header, version 1 none. */
static enum header parse_wccp(struct parse *p)
{
	const uint8_t *h = parse_peek(p, WCCP_BYTES);

	if (h && *h >> 4 != 4)
		p->at += WCCP_BYTES;
	return parse_ip_version(p, FATE_not_ip);
}

/* What other vendors put behind the same numbers is told apart here. */
static enum header parse_content(struct parse *p, uint16_t flags, uint16_t type)
{
	switch (type) {
	case TYPE_ETHERNET:
		return parse_inner_ethernet(p);
	case TYPE_PPP:
		return HEADER_ppp;
	case TYPE_ERSPAN2:      /* type I is type II without sequence number and header */
		return flags & SEQUENCE ? HEADER_erspan2 : parse_erspan1(p);
	case TYPE_ERSPAN3:
		return HEADER_erspan3;
	case TYPE_WCCP:
		return parse_wccp(p);
	default:
		return parse_ethertype(p, type);
	}
}

/* Checksum, key, sequence number and routes stand in this order, each only if its flag says so. The
 * checksum is not verified: most captures do not hold the whole packet. */
enum header packet_parse_gre(struct parse *p)
{
	const uint8_t *h = parse_peek(p, GRE_BYTES);
	bool failed = false;

	if (!h)
		return parse_short(p, FATE_malformed_tunnel);
	uint16_t flags = load_be16(h), type = load_be16(h + 2);
	p->packet->layers |= LAYER_GRE;
	p->at += GRE_BYTES;
	if ((flags & VERSION_MASK) == VERSION_PPTP)
		return parse_pptp(p, flags, type);
	if (flags & VERSION_MASK)
		return parse_stop(p, FATE_not_ip);
	take_word(p, flags & (CHECKSUM | ROUTING), &failed);
	const uint8_t *key = take_word(p, flags & KEY, &failed);
	take_word(p, flags & SEQUENCE, &failed);
	if (flags & ROUTING)
		skip_routes(p, &failed);
	if (failed)
		return parse_short(p, FATE_malformed_tunnel);
	if (key)
		p->packet->tunnel_id = load_be32(key);
	return parse_content(p, flags, type);
}

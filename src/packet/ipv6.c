/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv6 (RFC 8200) and its chain of extension headers, bounded by the packet: every header takes
 * at least eight octets. Where the capture ends inside the chain the packet is metered without
 * ports; where the packet itself ends there, its chain does not end and it is malformed.
 */
#include "packet/parse.h"

enum { IPV6_BYTES = 40, EXTENSION_BYTES = 8, JUMBO_MIN = 65536 };
enum {
	HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AH = 51, NO_NEXT = 59, DESTINATION = 60,
	MOBILITY = 135, HIP = 139, SHIM6 = 140
};
enum { OPTION_PAD1 = 0, OPTION_JUMBO = 0xc2 };

static uint32_t jumbo_bytes(const struct parse *p, const uint8_t *ip);
static enum header walk_chain(struct parse *p, uint8_t next);

/* Length 0 means a jumbogram (RFC 2675) where its option is there; else the layer below knows the
 * length (super-frames of an offload). */
enum header packet_parse_ipv6(struct parse *p)
{
	const uint8_t *ip = parse_peek(p, IPV6_BYTES);

	if (!ip)
		return parse_short(p, FATE_malformed_ipv6);
	uint32_t first = load_be32(ip);
	if (first >> 28 != 6)
		return parse_stop(p, FATE_malformed_ipv6);
	uint64_t total = load_be16(ip + 4) + IPV6_BYTES;
	if (total == IPV6_BYTES && ip[6] != NO_NEXT) {
		uint32_t jumbo = jumbo_bytes(p, ip);
		total = jumbo ? (uint64_t)jumbo + IPV6_BYTES : 0;
	}
	parse_ip_begin(p, 6, ip + 8);
	parse_ip_length(p, total);
	p->packet->tos = (uint8_t)(first >> 20);
	p->packet->flow_label = first & 0xfffff;
	p->packet->ttl = ip[7];
	p->at += IPV6_BYTES;
	return walk_chain(p, ip[6]);
}

/* The jumbo payload option (RFC 2675), which only a hop-by-hop header right behind may carry;
 * else 0. */
static uint32_t jumbo_bytes(const struct parse *p, const uint8_t *ip)
{
	const uint8_t *h = ip + IPV6_BYTES;
	uint32_t left = p->end - p->at - IPV6_BYTES;

	if (ip[6] != HOP_BY_HOP || left < EXTENSION_BYTES)
		return 0;
	uint32_t bytes = (h[1] + 1u) * 8 < left ? (h[1] + 1u) * 8 : left;
	for (uint32_t i = 2; i + 2 <= bytes;) {
		if (h[i] == OPTION_PAD1) {
			i++;
			continue;
		}
		if (h[i] == OPTION_JUMBO && h[i + 1] == 4 && i + 6 <= bytes) {
			uint32_t jumbo = load_be32(h + i + 2);
			return jumbo >= JUMBO_MIN ? jumbo : 0;
		}
		i += 2u + h[i + 1];
	}
	return 0;
}

/* The layer bit of an extension header; 0 for what is none. */
static uint32_t extension_layer(uint8_t next)
{
	switch (next) {
	case HOP_BY_HOP:
		return LAYER_HOP_BY_HOP;
	case ROUTING:
		return LAYER_ROUTING;
	case DESTINATION:
		return LAYER_DESTINATION;
	case AH:
		return LAYER_AH;
	case MOBILITY:
	case HIP:
	case SHIM6:
		return LAYER_OTHER_EXTENSION;
	default:
		return 0;
	}
}

/* AH counts words of four octets, less two; all others eight, less one. */
static uint32_t extension_bytes(uint8_t next, const uint8_t *h)
{
	if (next == FRAGMENT)
		return EXTENSION_BYTES;
	return next == AH ? (h[1] + 2u) * 4 : (h[1] + 1u) * 8;
}

/* Cut by the capture, or in a fragment whose chain goes on elsewhere: metered. Cut by its own
 * length: malformed. */
static enum header end_inside_chain(struct parse *p, uint8_t next, uint32_t bytes)
{
	bool cut = p->at + (uint64_t)bytes <= p->declared;

	if (cut || p->packet->bits & PACKET_FRAGMENT)
		return parse_no_ports(p, next);
	return parse_stop(p, FATE_malformed_ipv6);
}

/* Datagrams are told apart by addresses and id alone (RFC 8200 4.5), so the protocol here is one
 * number. */
static void take_fragment(struct parse *p, const uint8_t *h)
{
	uint16_t offset_more = load_be16(h + 2);

	if (offset_more & 0xfff9)               /* else it is a whole datagram (RFC 6946) */
		parse_fragment(p, load_be32(h + 4), offset_more & 0xfff8, FRAGMENT);
}

/* Ends behind a later fragment's header: what follows there is the middle of something. */
static enum header walk_chain(struct parse *p, uint8_t next)
{
	uint32_t layer;

	while ((layer = extension_layer(next)) || next == FRAGMENT) {
		const uint8_t *h = parse_peek(p, EXTENSION_BYTES);
		uint32_t bytes = h ? extension_bytes(next, h) : EXTENSION_BYTES;
		if (!parse_peek(p, bytes))
			return end_inside_chain(p, next, bytes);
		p->packet->layers |= layer;
		p->at += bytes;
		if (next == FRAGMENT)
			take_fragment(p, h);
		next = h[0];
		if (p->packet->bits & PACKET_LATER_FRAGMENT)
			break;
	}
	return parse_ip_content(p, next);
}

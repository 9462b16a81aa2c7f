/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ICMP and ICMPv6. A message type that has a counterpart (request and reply) stands with it as
 * the two "ports", so that both are one biflow, as Community ID and Zeek have it; any other
 * message is keyed by its type and code, and its two directions stay apart.
 */
#include "packet/parse.h"

enum { TYPE_CODE_BYTES = 2, ICMP_BYTES = 8, NO_COUNTERPART = -1 };

/* Types of RFC 792, 950 and 1256 that come in pairs. */
static int counterpart(uint8_t type)
{
	switch (type) {
	case 0: return 8;               /* echo reply, echo */
	case 8: return 0;
	case 9: return 10;              /* router advertisement, solicitation */
	case 10: return 9;
	case 13: return 14;             /* timestamp, reply */
	case 14: return 13;
	case 15: return 16;             /* information request, reply */
	case 16: return 15;
	case 17: return 18;             /* address mask request, reply */
	case 18: return 17;
	default: return NO_COUNTERPART;
	}
}

/* Types of RFC 4443, 4861, 2710, 4620 and 6275 that come in pairs. */
static int counterpart_v6(uint8_t type)
{
	switch (type) {
	case 128: return 129;           /* echo request, reply */
	case 129: return 128;
	case 130: return 131;           /* multicast listener query, report */
	case 131: return 130;
	case 133: return 134;           /* router solicitation, advertisement */
	case 134: return 133;
	case 135: return 136;           /* neighbour solicitation, advertisement */
	case 136: return 135;
	case 139: return 140;           /* node information query, response */
	case 140: return 139;
	case 144: return 145;           /* home agent address discovery request, reply */
	case 145: return 144;
	default: return NO_COUNTERPART;
	}
}

/* Type and counterpart become the two ports: see packet.h. Without its first two octets the message
 * is metered without ports. */
static enum header parse_message(struct parse *p, int (*other_type)(uint8_t))
{
	const uint8_t *h = parse_peek(p, TYPE_CODE_BYTES);

	if (!h) {
		p->packet->bits |= PACKET_NO_PORTS;
		return parse_ip_end(p);
	}
	int other = other_type(h[0]);
	p->packet->icmp_type_code = load_be16(h);
	if (!p->parser->settings.icmp_key_none) {
		p->source_port = other == NO_COUNTERPART ? load_be16(h) : h[0];
		p->destination_port = other == NO_COUNTERPART ? ICMP_ONE_WAY : (uint16_t)other;
	}
	parse_payload(p, ICMP_BYTES);
	return parse_ip_end(p);
}

enum header packet_parse_icmp(struct parse *p)
{
	return parse_message(p, counterpart);
}

enum header packet_parse_icmpv6(struct parse *p)
{
	return parse_message(p, counterpart_v6);
}

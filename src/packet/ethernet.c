/* SPDX-License-Identifier: Apache-2.0 */
/* Ethernet II, and IEEE 802.3 where the type is a length: what lies behind that length is
 * padding. */
#include "packet/parse.h"

enum { ETHERNET_BYTES = 14, TYPE_MIN = 0x600 };

enum header packet_parse_ethernet(struct parse *p)
{
	const uint8_t *h = parse_peek(p, ETHERNET_BYTES);

	if (!h)
		return parse_short(p, FATE_malformed_link);
	uint16_t type = load_be16(h + 12);
	p->packet->l2_offset = (uint16_t)p->at;
	p->at += ETHERNET_BYTES;
	return parse_type_or_length(p, type);
}

enum header parse_type_or_length(struct parse *p, uint16_t type)
{
	if (type >= TYPE_MIN)
		return parse_ethertype(p, type);
	if (type < parse_rest(p))
		parse_limit(p, type);
	return HEADER_llc;
}

enum header parse_inner_ethernet(struct parse *p)
{
	p->tags = 0;
	p->packet->vlan_outer = p->packet->vlan_inner = 0;
	p->packet->bits &= (uint8_t)~PACKET_INNER_VLAN;
	return HEADER_ethernet;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VXLAN (RFC 7348), its generic protocol extension, and Geneve (RFC 8926). A UDP port is only a
 * hint: what does not look like the tunnel is metered as the UDP packet that it may well be.
 */
#include "packet/parse.h"

enum { HEADER_BYTES = 8, FLAG_VNI = 0x08, FLAG_PROTOCOL = 0x04, VERSION_GPE_MASK = 0x30 };
enum { TYPE_ETHERNET = 0x6558 };

enum header packet_parse_vxlan(struct parse *p)
{
	const uint8_t *h = parse_peek(p, HEADER_BYTES);

	if (!h || !(h[0] & FLAG_VNI))
		return parse_stop(p, FATE_not_ip);
	p->packet->layers |= LAYER_VXLAN;
	p->packet->tunnel_id = load_be32(h + 4) >> 8;
	p->at += HEADER_BYTES;
	return parse_inner_ethernet(p);
}

/* Without the protocol flag it is plain VXLAN, which carries Ethernet. */
enum header packet_parse_vxlan_gpe(struct parse *p)
{
	const uint8_t *h = parse_peek(p, HEADER_BYTES);

	if (!h || h[0] & VERSION_GPE_MASK || !(h[0] & FLAG_VNI))
		return parse_stop(p, FATE_not_ip);
	p->packet->layers |= LAYER_VXLAN;
	p->packet->tunnel_id = load_be32(h + 4) >> 8;
	p->at += HEADER_BYTES;
	switch (h[0] & FLAG_PROTOCOL ? h[3] : 3) {
	case 1:
		return HEADER_ipv4;
	case 2:
		return HEADER_ipv6;
	case 3:
		return parse_inner_ethernet(p);
	case 5:
		return HEADER_mpls;
	default:
		return parse_stop(p, FATE_not_ip);
	}
}

enum header packet_parse_geneve(struct parse *p)
{
	const uint8_t *h = parse_peek(p, HEADER_BYTES);
	uint32_t bytes = h ? HEADER_BYTES + (h[0] & 0x3fu) * 4 : 0;

	if (!h || h[0] >> 6 != 0 || !parse_peek(p, bytes))
		return parse_stop(p, FATE_not_ip);
	uint16_t type = load_be16(h + 2);
	p->packet->layers |= LAYER_GENEVE;
	p->packet->tunnel_id = load_be32(h + 4) >> 8;
	p->at += bytes;
	return type == TYPE_ETHERNET ? parse_inner_ethernet(p) : parse_ethertype(p, type);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which number means which header: link types (the tcpdump group's LINKTYPE_ list), ethertypes,
 * IP protocols and UDP ports of tunnels. A new header is a line here, a line in headers.def and
 * a file.
 */
#include "packet/parse.h"

/* A number that stands for a header. */
struct row {
	uint16_t number;
	uint8_t header;                 /* enum header */
};

static const struct row link_types[] = {
	{ 1, HEADER_ethernet }, { 113, HEADER_sll }, { 276, HEADER_sll2 },
	{ 101, HEADER_raw_ip }, { 12, HEADER_raw_ip }, { 14, HEADER_raw_ip },
	{ 228, HEADER_ipv4 }, { 229, HEADER_ipv6 },
	{ 0, HEADER_null }, { 108, HEADER_loop },
	{ 9, HEADER_ppp }, { 50, HEADER_ppp_serial }, { 51, HEADER_pppoe }, { 104, HEADER_cisco_hdlc },
	{ 105, HEADER_wifi }, { 127, HEADER_radiotap },
};

static const struct row ethertypes[] = {
	{ 0x0800, HEADER_ipv4 }, { 0x86dd, HEADER_ipv6 },
	{ 0x8100, HEADER_vlan }, { 0x88a8, HEADER_vlan },
	{ 0x9100, HEADER_vlan }, { 0x9200, HEADER_vlan },
	{ 0x8847, HEADER_mpls }, { 0x8848, HEADER_mpls },
	{ 0x8864, HEADER_pppoe },
	{ 0x8870, HEADER_llc },         /* LLC in jumbo frames */
};

enum { FAMILY_4 = 1, FAMILY_6 = 2, FAMILY_ANY = 3 };

static const struct {
	uint8_t header;                 /* enum header */
	uint8_t families;               /* IP versions under which the number means this */
	bool tunnel;
	uint16_t layer;                 /* enum packet_layers, where the header itself does not say */
} protocols[256] = {
	[1] = { HEADER_icmp, FAMILY_4, false, 0 },
	[4] = { HEADER_ipv4, FAMILY_ANY, true, LAYER_IPIP },
	[6] = { HEADER_tcp, FAMILY_ANY, false, 0 },
	[17] = { HEADER_udp, FAMILY_ANY, false, 0 },
	[33] = { HEADER_dccp, FAMILY_ANY, false, 0 },
	[41] = { HEADER_ipv6, FAMILY_ANY, true, LAYER_IPIP },
	[47] = { HEADER_gre, FAMILY_ANY, true, 0 },
	[51] = { HEADER_ah, FAMILY_4, false, 0 },       /* IPv6 has it in its chain */
	[58] = { HEADER_icmpv6, FAMILY_6, false, 0 },
	[132] = { HEADER_sctp, FAMILY_ANY, false, 0 },
	[136] = { HEADER_udp_lite, FAMILY_ANY, false, 0 },
	[137] = { HEADER_mpls, FAMILY_ANY, true, 0 },
};

static enum header find(const struct row *rows, unsigned count, uint16_t number)
{
	for (unsigned i = 0; i < count; i++)
		if (rows[i].number == number)
			return rows[i].header;
	return HEADER_STOP;
}

enum header parse_link_type(struct parse *p, uint16_t link_type)
{
	enum header header = find(link_types, array_count(link_types), link_type);
	return header != HEADER_STOP ? header : parse_stop(p, FATE_unknown_link);
}

enum header parse_ethertype(struct parse *p, uint16_t type)
{
	enum header header = find(ethertypes, array_count(ethertypes), type);
	return header != HEADER_STOP ? header : parse_stop(p, FATE_not_ip);
}

bool ethertype_is_known(uint16_t type)
{
	return find(ethertypes, array_count(ethertypes), type) != HEADER_STOP;
}

/* The key has the protocol in any case. A protocol without a parser, one of the other IP version,
 * and a tunnel that is not to be looked into end the walk: the packet is metered, without ports. */
enum header parse_protocol(struct parse *p, uint8_t protocol)
{
	unsigned family = p->packet->family == 4 ? FAMILY_4 : FAMILY_6;
	enum header header = protocols[protocol].header;

	p->packet->key.protocol = protocol;
	if (header == HEADER_STOP || !(protocols[protocol].families & family)
	    || (protocols[protocol].tunnel && !p->parser->settings.tunnels)) {
		parse_payload(p, 0);
		return parse_ip_end(p);
	}
	if (!protocols[protocol].tunnel)
		return header;
	parse_payload(p, 0);
	header = parse_enter(p, header, 0);
	p->packet->layers |= header != HEADER_STOP ? protocols[protocol].layer : 0;
	return header;
}

enum header parse_ip_version(struct parse *p, enum fate otherwise)
{
	const uint8_t *first = parse_peek(p, 1);

	if (!first)
		return parse_short(p, otherwise);
	switch (*first >> 4) {
	case 4:
		return HEADER_ipv4;
	case 6:
		return HEADER_ipv6;
	default:
		return parse_stop(p, otherwise);
	}
}

/* Tunnels are sent to their port; Teredo's server and relays also answer from it. */
enum header header_of_udp_port(uint16_t source, uint16_t destination)
{
	static const struct row ports[] = {
		{ 4789, HEADER_vxlan }, { 8472, HEADER_vxlan }, { 4790, HEADER_vxlan_gpe },
		{ 6081, HEADER_geneve }, { 2152, HEADER_gtp }, { 6635, HEADER_mpls },
		{ 3544, HEADER_teredo },
	};
	enum header header = find(ports, array_count(ports), destination);

	return header == HEADER_STOP && source == 3544 ? HEADER_teredo : header;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PPP (RFC 1661, 1662) and Cisco HDLC. The address and control octets may be left out, and the
 * protocol may be sent in one octet: its last bit is set only in the last octet.
 */
#include "packet/parse.h"

enum { PPP_ADDRESS = 0xff, PPP_CONTROL = 0x03, CISCO_UNICAST = 0x0f, CISCO_MULTICAST = 0x8f };
enum {
	PROTOCOL_IPV4 = 0x21, PROTOCOL_IPV6 = 0x57,
	PROTOCOL_MPLS = 0x281, PROTOCOL_MPLS_MULTICAST = 0x283
};

enum header packet_parse_ppp(struct parse *p)
{
	const uint8_t *h = parse_peek(p, 2);

	if (h && h[0] == PPP_ADDRESS && h[1] == PPP_CONTROL)
		p->at += 2;
	return parse_ppp_protocol(p);
}

enum header packet_parse_ppp_serial(struct parse *p)
{
	const uint8_t *h = parse_peek(p, 1);

	if (h && (*h == CISCO_UNICAST || *h == CISCO_MULTICAST))
		return HEADER_cisco_hdlc;
	return HEADER_ppp;
}

enum header packet_parse_cisco_hdlc(struct parse *p)
{
	const uint8_t *h = parse_peek(p, 4);

	if (!h)
		return parse_short(p, FATE_malformed_link);
	p->at += 4;
	return parse_ethertype(p, load_be16(h + 2));
}

/* Numbers of one octet are odd, as are last octets of two: that tells them apart. */
enum header parse_ppp_protocol(struct parse *p)
{
	const uint8_t *h = parse_peek(p, 1);

	if (!h || !(h[0] & 1))
		h = parse_peek(p, 2);
	if (!h)
		return parse_short(p, FATE_malformed_pppoe);
	uint16_t protocol = h[0] & 1 ? h[0] : load_be16(h);
	p->at += h[0] & 1 ? 1 : 2;
	switch (protocol) {
	case PROTOCOL_IPV4:
		return HEADER_ipv4;
	case PROTOCOL_IPV6:
		return HEADER_ipv6;
	case PROTOCOL_MPLS:
	case PROTOCOL_MPLS_MULTICAST:
		return HEADER_mpls;
	default:
		return parse_stop(p, FATE_not_ip);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 (RFC 791) with its options, and the authentication header (RFC 4302) behind it. */
#include "packet/parse.h"

enum { IPV4_BYTES = 20, AH_BYTES = 12, PROTOCOL_AH = 51 };
enum { MORE_FRAGMENTS = 0x2000, OFFSET_MASK = 0x1fff };

/* Total length 0 is a super-frame of an offload: the layer below knows. A header whose options were
 * cut by the capture still has addresses, so it is metered. */
enum header packet_parse_ipv4(struct parse *p)
{
	const uint8_t *ip = parse_peek(p, IPV4_BYTES);

	if (!ip)
		return parse_short(p, FATE_malformed_ipv4);
	uint32_t header_bytes = (ip[0] & 0xfu) * 4;
	uint32_t total = load_be16(ip + 2);
	uint64_t available = total ? total : parse_rest(p);
	if (ip[0] >> 4 != 4 || header_bytes < IPV4_BYTES || available < header_bytes)
		return parse_stop(p, FATE_malformed_ipv4);
	parse_ip_begin(p, 4, ip + 12);
	parse_ip_length(p, total);
	p->packet->tos = ip[1];
	p->packet->ttl = ip[8];
	if (header_bytes > IPV4_BYTES)
		p->packet->layers |= LAYER_IP_OPTIONS;

	uint16_t fragment = load_be16(ip + 6);
	if (fragment & (MORE_FRAGMENTS | OFFSET_MASK))
		parse_fragment(p, load_be16(ip + 4), fragment & OFFSET_MASK, ip[9]);
	if (header_bytes > p->end - p->at)
		return parse_no_ports(p, ip[9]);
	p->at += header_bytes;
	return parse_ip_content(p, ip[9]);
}

/* Looked through here and not by the walk: a row of them is bounded by the packet alone. */
enum header packet_parse_ah(struct parse *p)
{
	uint8_t protocol = PROTOCOL_AH;

	while (protocol == PROTOCOL_AH) {
		const uint8_t *h = parse_peek(p, AH_BYTES);
		uint32_t bytes = h ? (h[1] + 2u) * 4 : 0;
		if (!h || bytes < AH_BYTES || !parse_peek(p, bytes))
			return parse_no_ports(p, PROTOCOL_AH);
		p->packet->layers |= LAYER_AH;
		protocol = h[0];
		p->at += bytes;
	}
	return parse_protocol(p, protocol);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transports whose header begins with two ports: TCP, UDP, UDP-Lite (RFC 3828), SCTP (RFC 9260),
 * DCCP (RFC 4340). Ports are taken when their four octets are there, whatever the rest of the
 * header is like.
 */
#include "packet/parse.h"

enum { PORTS_BYTES = 4, UDP_BYTES = 8, SCTP_BYTES = 12, DCCP_BYTES_MIN = 12, TCP_BYTES_MIN = 20 };
enum { TCP_FLAGS_END = 14, TCP_WINDOW_END = 16 };

/* Returns the header, or NULL when its ports cannot be read. */
static const uint8_t *take_ports(struct parse *p)
{
	const uint8_t *h = parse_peek(p, PORTS_BYTES);

	if (!h) {
		p->packet->bits |= PACKET_NO_PORTS;
		return NULL;
	}
	p->source_port = load_be16(h);
	p->destination_port = load_be16(h + 2);
	return h;
}

/* Transports whose header has one length. */
static enum header parse_fixed(struct parse *p, uint32_t header_bytes)
{
	if (take_ports(p))
		parse_payload(p, header_bytes);
	return parse_ip_end(p);
}

/* A header length that is nonsense leaves no payload. */
static void parse_stated_payload(struct parse *p, uint32_t header_bytes, uint32_t minimum)
{
	parse_payload(p, header_bytes >= minimum ? header_bytes : parse_rest(p));
}

/* Flags and window are taken as far as the capture reaches: short captures still tell the state of
 * a connection. */
enum header packet_parse_tcp(struct parse *p)
{
	const uint8_t *h = take_ports(p);

	if (!h)
		return parse_ip_end(p);
	uint32_t header_bytes = 0;
	if (parse_peek(p, TCP_FLAGS_END)) {
		p->packet->tcp_flags = load_be16(h + 12) & 0xfff;
		header_bytes = (h[12] >> 4) * 4u;
	}
	if (parse_peek(p, TCP_WINDOW_END))
		p->packet->tcp_window = load_be16(h + 14);
	parse_stated_payload(p, header_bytes, TCP_BYTES_MIN);
	return parse_ip_end(p);
}

enum header packet_parse_udp(struct parse *p)
{
	if (!take_ports(p))
		return parse_ip_end(p);
	parse_payload(p, UDP_BYTES);
	enum header tunnel = HEADER_STOP;
	if (p->parser->settings.tunnels)
		tunnel = header_of_udp_port(p->source_port, p->destination_port);
	return tunnel == HEADER_STOP ? parse_ip_end(p) : parse_enter(p, tunnel, UDP_BYTES);
}

enum header packet_parse_udp_lite(struct parse *p)
{
	return parse_fixed(p, UDP_BYTES);
}

enum header packet_parse_sctp(struct parse *p)
{
	return parse_fixed(p, SCTP_BYTES);
}

enum header packet_parse_dccp(struct parse *p)
{
	const uint8_t *h = take_ports(p);

	if (!h)
		return parse_ip_end(p);
	parse_stated_payload(p, parse_peek(p, PORTS_BYTES + 1) ? h[4] * 4u : 0, DCCP_BYTES_MIN);
	return parse_ip_end(p);
}

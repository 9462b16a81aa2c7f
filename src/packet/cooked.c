/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a capture has instead of a link header: Linux cooked (both versions), BSD null and loopback,
 * raw IP. Cooked frames name an ethertype, or a small number for what has none.
 */
#include "packet/parse.h"

enum { SLL_BYTES = 16, SLL2_BYTES = 20, FAMILY_BYTES = 4 };
enum { COOKED_LLC = 4, DEVICE_NETLINK = 824 };

/* Messages between kernel and programs are captured as frames, too. */
static enum header parse_cooked(struct parse *p, uint16_t device, uint16_t type)
{
	if (device == DEVICE_NETLINK)
		return parse_stop(p, FATE_not_ip);
	return type == COOKED_LLC ? HEADER_llc : parse_ethertype(p, type);
}

enum header packet_parse_sll(struct parse *p)
{
	const uint8_t *h = parse_peek(p, SLL_BYTES);

	if (!h)
		return parse_short(p, FATE_malformed_link);
	p->at += SLL_BYTES;
	return parse_cooked(p, load_be16(h + 2), load_be16(h + 14));
}

enum header packet_parse_sll2(struct parse *p)
{
	const uint8_t *h = parse_peek(p, SLL2_BYTES);

	if (!h)
		return parse_short(p, FATE_malformed_link);
	p->at += SLL2_BYTES;
	return parse_cooked(p, load_be16(h + 8), load_be16(h));
}

/* Systems agree that IPv4 is family 2, and have four numbers for IPv6. */
static enum header parse_family(struct parse *p, uint32_t family)
{
	p->at += FAMILY_BYTES;
	switch (family) {
	case 2:
		return HEADER_ipv4;
	case 10:        /* Linux */
	case 23:        /* Windows */
	case 24:        /* NetBSD, OpenBSD */
	case 28:        /* FreeBSD */
	case 30:        /* Darwin */
		return HEADER_ipv6;
	default:
		return parse_stop(p, FATE_not_ip);
	}
}

enum header packet_parse_null(struct parse *p)
{
	const uint8_t *h = parse_peek(p, FAMILY_BYTES);

	if (!h)
		return parse_short(p, FATE_malformed_link);
	uint32_t family = load_32(h);
	return parse_family(p, family > 0xffff ? load_be32(h) : family);
}

enum header packet_parse_loop(struct parse *p)
{
	const uint8_t *h = parse_peek(p, FAMILY_BYTES);

	if (!h)
		return parse_short(p, FATE_malformed_link);
	return parse_family(p, load_be32(h));
}

enum header packet_parse_raw_ip(struct parse *p)
{
	return parse_ip_version(p, FATE_malformed_link);
}

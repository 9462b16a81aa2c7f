/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IEEE 802.11 data frames, with or without radiotap before them. Encrypted frames, pieces of
 * frames and aggregates carry nothing that can be read here: they are not_ip.
 */
#include "packet/parse.h"

enum { DATA_BYTES = 24, ADDRESS4_BYTES = 6, QOS_BYTES = 2, HT_BYTES = 4, RADIOTAP_BYTES = 8 };
enum {                                  /* frame control, first and second octet */
	VERSION_TYPE_MASK = 0x0f, VERSION_TYPE_DATA = 0x08, SUBTYPE_NO_DATA = 0x40, SUBTYPE_QOS = 0x80,
	BOTH_DS = 0x03, MORE_FRAGMENTS = 0x04, PROTECTED = 0x40, ORDER = 0x80
};
enum { QOS_AGGREGATE = 0x80 };

/* A fourth address between two access points, QoS and HT control where their bits are. */
static uint32_t header_bytes(const uint8_t *h)
{
	uint32_t bytes = DATA_BYTES;

	if ((h[1] & BOTH_DS) == BOTH_DS)
		bytes += ADDRESS4_BYTES;
	if (h[0] & SUBTYPE_QOS)
		bytes += h[1] & ORDER ? QOS_BYTES + HT_BYTES : QOS_BYTES;
	return bytes;
}

/* What is encrypted, in fragments or an aggregate cannot be read, and is no fault. */
enum header packet_parse_wifi(struct parse *p)
{
	const uint8_t *h = parse_peek(p, DATA_BYTES);

	if (!h) {
		h = parse_peek(p, 1);           /* control frames are shorter, and end here */
		return h && (*h & VERSION_TYPE_MASK) != VERSION_TYPE_DATA
		       ? parse_stop(p, FATE_not_ip) : parse_short(p, FATE_malformed_link);
	}
	if ((h[0] & VERSION_TYPE_MASK) != VERSION_TYPE_DATA || h[0] & SUBTYPE_NO_DATA
	    || h[1] & (MORE_FRAGMENTS | PROTECTED) || h[22] & 0x0f)
		return parse_stop(p, FATE_not_ip);
	uint32_t bytes = header_bytes(h);
	if (!parse_peek(p, bytes))
		return parse_short(p, FATE_malformed_link);
	uint32_t qos_at = (h[1] & BOTH_DS) == BOTH_DS ? DATA_BYTES + ADDRESS4_BYTES : DATA_BYTES;
	if (h[0] & SUBTYPE_QOS && h[qos_at] & QOS_AGGREGATE)
		return parse_stop(p, FATE_not_ip);
	p->at += bytes;
	return HEADER_llc;
}

enum header packet_parse_radiotap(struct parse *p)
{
	const uint8_t *h = parse_peek(p, RADIOTAP_BYTES);

	if (!h)
		return parse_short(p, FATE_malformed_link);
	uint32_t bytes = (uint32_t)h[2] | (uint32_t)h[3] << 8;
	if (h[0] != 0 || bytes < RADIOTAP_BYTES)
		return parse_stop(p, FATE_malformed_link);
	if (!parse_peek(p, bytes))
		return parse_short(p, FATE_malformed_link);
	p->at += bytes;
	return HEADER_wifi;
}

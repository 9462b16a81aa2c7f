/* SPDX-License-Identifier: Apache-2.0 */
/* IEEE 802.2 LLC: only SNAP with an ethertype (RFC 1042, or 802.1H's bridge-tunnel code) can
 * carry IP. */
#include "packet/parse.h"

enum { SNAP_BYTES = 8 };

enum header packet_parse_llc(struct parse *p)
{
	const uint8_t *h = parse_peek(p, SNAP_BYTES);

	if (!h)
		return parse_short(p, FATE_not_ip);
	uint32_t organisation = load_be32(h + 2) & 0xffffff;
	if (h[0] != 0xaa || h[1] != 0xaa || h[2] != 0x03 || (organisation != 0 && organisation != 0xf8))
		return parse_stop(p, FATE_not_ip);
	p->at += SNAP_BYTES;
	return parse_ethertype(p, load_be16(h + 6));
}

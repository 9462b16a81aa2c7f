/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MPLS (RFC 3032). The stack does not say what it carries: the first four bits do, as routers
 * guess too. 0 is a pseudowire's control word (RFC 4385) or the start of a MAC address:
 * whichever of the two places has a known ethertype behind it.
 */
#include "packet/parse.h"

enum { LABEL_BYTES = 4, CONTROL_WORD_BYTES = 4, ETHERNET_BYTES = 14 };

/* With a control word first, since a frame that begins with four zero bits may be either. */
static enum header parse_pseudowire(struct parse *p)
{
	const uint8_t *h = parse_peek(p, CONTROL_WORD_BYTES + ETHERNET_BYTES);

	if (h && (h[0] & 0xf0) == 0 && ethertype_is_known(load_be16(h + CONTROL_WORD_BYTES + 12))) {
		p->at += CONTROL_WORD_BYTES;
		return parse_inner_ethernet(p);
	}
	h = parse_peek(p, ETHERNET_BYTES);
	if (h && ethertype_is_known(load_be16(h + 12)))
		return parse_inner_ethernet(p);
	return parse_stop(p, FATE_not_ip);
}

/* A stack that has no bottom within the bound is malformed. The depth counts on through stacks in
 * tunnels, the offset is that of the first one. */
enum header packet_parse_mpls(struct parse *p)
{
	bool bottom = false;

	p->packet->layers |= LAYER_MPLS;
	if (p->packet->mpls_depth == 0)
		p->packet->mpls_offset = (uint16_t)p->at;
	for (unsigned labels = 0; !bottom; labels++) {
		const uint8_t *h = parse_peek(p, LABEL_BYTES);
		if (!h)
			return parse_short(p, FATE_malformed_mpls);
		if (labels == PARSE_LABELS_MAX)
			return parse_stop(p, FATE_malformed_mpls);
		bottom = h[2] & 1;
		p->packet->mpls_depth++;
		p->at += LABEL_BYTES;
	}
	const uint8_t *first = parse_peek(p, 1);
	if (!first)
		return parse_short(p, FATE_not_ip);
	if (*first >> 4 == 4 || *first >> 4 == 6)
		return parse_ip_version(p, FATE_not_ip);
	return parse_pseudowire(p);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* PPPoE session (RFC 2516). Its length is believed where it is shorter than what the frame has. */
#include "packet/parse.h"

enum { PPPOE_BYTES = 6, VERSION_TYPE = 0x11, CODE_SESSION = 0 };

/* Discovery packets carry no IP and are no fault. */
enum header packet_parse_pppoe(struct parse *p)
{
	const uint8_t *h = parse_peek(p, PPPOE_BYTES);

	if (!h)
		return parse_short(p, FATE_malformed_pppoe);
	if (h[0] != VERSION_TYPE)
		return parse_stop(p, FATE_malformed_pppoe);
	if (h[1] != CODE_SESSION)
		return parse_stop(p, FATE_not_ip);
	p->packet->layers |= LAYER_PPPOE;
	p->at += PPPOE_BYTES;
	uint16_t length = load_be16(h + 4);
	if (length < parse_rest(p))
		parse_limit(p, length);
	return parse_ppp_protocol(p);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VLAN tags (802.1Q, 802.1ad and its forerunners). The first tag with an id is the outer one,
 * the second the inner one; a priority tag (id 0) is no tag, and what lies deeper is walked
 * over.
 */
#include "packet/parse.h"

enum { TAG_BYTES = 4 };

static bool is_tag(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

/* Tags are counted for each Ethernet header: those of a frame in a tunnel do not add to those
 * outside. */
enum header packet_parse_vlan(struct parse *p)
{
	uint16_t type;

	do {
		const uint8_t *h = parse_peek(p, TAG_BYTES);
		if (!h)
			return parse_short(p, FATE_malformed_vlan);
		if (p->tags == PARSE_TAGS_MAX)
			return parse_stop(p, FATE_malformed_vlan);
		parse_take_tag(p, load_be16(h));
		type = load_be16(h + 2);
		p->at += TAG_BYTES;
	} while (is_tag(type));
	return parse_type_or_length(p, type);
}

/* Also for tags that the interface has taken off: they come first. */
void parse_take_tag(struct parse *p, uint16_t tci)
{
	struct packet *k = p->packet;
	uint16_t id = tci & 0xfff;

	p->tags++;
	k->layers |= LAYER_VLAN;
	if (id == 0)
		return;
	if (k->vlan_outer == 0) {
		k->vlan_outer = id;
	} else if (k->vlan_inner == 0) {
		k->vlan_inner = id;
		k->bits |= PACKET_INNER_VLAN;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of the general parser: from the link type's header to the one that ends it. It keeps
 * no stack: a header says which comes next. Where a tunnel was entered and its inside led
 * nowhere, the packet around it is the answer, so that --tunnels never loses a packet (a tunnel
 * header that contradicts itself apart).
 */
#include "packet/parse.h"

static enum header (*const headers[HEADER_COUNT])(struct parse *p) = {
#define HEADER(name, text) [HEADER_##name] = packet_parse_##name,
#include "packet/headers.def"
#undef HEADER
};

static void parse_begin(struct parse *p, const struct frame *frame);

/* The bound on steps is never met by a well-formed frame; it is what makes the time for a hostile
 * one finite. p.outer is written only when a tunnel is entered: it is two cache lines. */
bool packet_parse_general(struct packet_parser *parser, const struct frame *frame,
                          struct packet *ret, bool ahead)
{
	struct parse p;

	p.parser = parser;
	p.packet = ret;
	p.ahead = ahead;
	parse_begin(&p, frame);
	enum header next = parse_link_type(&p, frame->link_type);
	for (unsigned steps = 0; next != HEADER_STOP; steps++) {
		if (unlikely(steps == PARSE_STEPS_MAX)) {
			parse_stop(&p, FATE_malformed_link);
			break;
		}
		next = headers[next](&p);
	}
	if (ret->tunnels > 0 && ret->fate != FATE_metered && ret->fate != FATE_malformed_tunnel)
		*ret = p.outer;
	return !p.met_fragment;
}

/* What the wire had beyond the capture counts as declared: so a header that is cut by the capture
 * is told from one that is wrong. */
static void parse_begin(struct parse *p, const struct frame *frame)
{
	uint32_t captured = frame->captured_bytes;

	p->data = frame->data;
	p->at = 0;
	p->end = captured < PARSE_REACH_BYTES ? captured : PARSE_REACH_BYTES;
	p->declared = frame->wire_bytes > captured ? frame->wire_bytes : captured;
	p->source = p->destination = NULL;
	p->source_port = p->destination_port = 0;
	p->fragment_protocol = 0;
	p->tags = 0;
	p->met_fragment = false;

	memset(p->packet, 0, sizeof *p->packet);
	p->packet->frame = frame;
	p->packet->time_ns = frame->time_ns;
	p->packet->interface = frame->interface;
	p->packet->wire_packets = 1;
	p->packet->l2_offset = 0xffff;
	p->packet->fate = FATE_not_ip;
	p->packet->bits = frame->bits & FRAME_OUTGOING ? PACKET_OUTGOING : 0;
	if (frame->vlan_tpid)
		parse_take_tag(p, frame->vlan_tci);
}

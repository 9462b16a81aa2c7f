/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one IP packet inside the walk: it begins with its IP header, gets a length,
 * perhaps turns out to be a fragment, and ends when its transport header is read. At the end its
 * key is made, a fragment meets the memory, and an offload super-frame becomes the packets that
 * it stands for.
 */
#include "packet/parse.h"

static void join_fragment(struct parse *p);
static void count_segments(struct parse *p);
static void make_key(struct parse *p);

/* Whatever an outer IP packet has left in the packet goes; what belongs to the frame (direction,
 * inner tag) stays. */
void parse_ip_begin(struct parse *p, uint8_t family, const uint8_t *addresses)
{
	struct packet *k = p->packet;

	p->source = addresses;
	p->destination = addresses + (family == 4 ? 4 : 16);
	p->source_port = p->destination_port = 0;
	k->family = family;
	k->l3_offset = (uint16_t)p->at;
	k->l4_offset = k->payload_offset = k->tcp_window = 0;
	k->tcp_flags = k->icmp_type_code = 0;
	k->fragment_id = k->flow_label = k->payload_bytes = 0;
	k->wire_packets = 1;
	k->bits &= PACKET_OUTGOING | PACKET_INNER_VLAN;
}

void parse_ip_length(struct parse *p, uint64_t bytes)
{
	if (bytes == 0)
		p->packet->bits |= PACKET_LENGTH_FROM_WIRE;
	else
		parse_limit(p, bytes);
	uint64_t rest = parse_rest(p);
	p->packet->ip_bytes = rest < UINT32_MAX ? (uint32_t)rest : UINT32_MAX;
}

void parse_fragment(struct parse *p, uint32_t id, bool later, uint8_t protocol)
{
	p->packet->fragment_id = id;
	p->packet->bits |= later ? PACKET_FRAGMENT | PACKET_LATER_FRAGMENT : PACKET_FRAGMENT;
	p->fragment_protocol = protocol;
}

enum header parse_ip_content(struct parse *p, uint8_t protocol)
{
	if (!(p->packet->bits & PACKET_LATER_FRAGMENT))
		return parse_protocol(p, protocol);
	p->packet->key.protocol = protocol;
	parse_payload(p, 0);
	return parse_ip_end(p);
}

void parse_payload(struct parse *p, uint64_t header_bytes)
{
	struct packet *k = p->packet;
	uint64_t rest = parse_rest(p);

	if (p->at < p->end && !(k->bits & PACKET_LATER_FRAGMENT))
		k->l4_offset = (uint16_t)p->at;
	if (rest <= header_bytes)
		return;
	rest -= header_bytes;
	k->payload_bytes = rest < UINT32_MAX ? (uint32_t)rest : UINT32_MAX;
	if (p->at + header_bytes < p->end)
		k->payload_offset = (uint16_t)(p->at + header_bytes);
}

enum header parse_ip_end(struct parse *p)
{
	if (p->packet->bits & PACKET_FRAGMENT)
		join_fragment(p);
	if (p->packet->frame->gso_bytes)
		count_segments(p);
	make_key(p);
	return parse_stop(p, FATE_metered);
}

enum header parse_no_ports(struct parse *p, uint8_t protocol)
{
	p->packet->key.protocol = protocol;
	p->packet->bits |= PACKET_NO_PORTS;
	return parse_ip_end(p);
}

enum header parse_enter(struct parse *p, enum header inner, uint32_t header_bytes)
{
	parse_ip_end(p);
	if (p->packet->tunnels == PARSE_TUNNELS_MAX || header_bytes > p->end - p->at)
		return HEADER_STOP;
	p->outer = *p->packet;
	if (p->packet->tunnels++ == 0)
		p->packet->outer_offset = p->packet->l3_offset;
	p->at += header_bytes;
	return inner;
}

/* 24 bits in network order: keys compare as octets. */
static void put_vlan(uint8_t octets[3], const struct packet *k)
{
	octets[0] = (uint8_t)(k->vlan_outer >> 4);
	octets[1] = (uint8_t)(k->vlan_outer << 4 | k->vlan_inner >> 8);
	octets[2] = (uint8_t)k->vlan_inner;
}

/* The first fragment is remembered whatever it showed: later ones join its flow, not a better
 * one. */
static void join_fragment(struct parse *p)
{
	struct packet *k = p->packet;
	size_t width = k->family == 4 ? 4 : 16;
	if (p->ahead) {
		p->met_fragment = true;
		return;
	}
	struct fragment_datagram datagram = {
		.id = k->fragment_id, .tunnel_id = k->tunnel_id, .protocol = p->fragment_protocol,
		.family = k->family,
	};
	struct fragment_ports ports = {
		.source = p->source_port, .destination = p->destination_port,
		.icmp_type_code = k->icmp_type_code, .protocol = k->key.protocol,
	};

	memcpy(datagram.source, p->source, width);
	memcpy(datagram.destination, p->destination, width);
	put_vlan(datagram.vlan, k);
	if (!(k->bits & PACKET_LATER_FRAGMENT)) {
		fragment_remember(p->parser->fragments, &datagram, k->time_ns, &ports);
	} else if (fragment_recall(p->parser->fragments, &datagram, k->time_ns, &ports)) {
		p->source_port = ports.source;
		p->destination_port = ports.destination;
		k->icmp_type_code = ports.icmp_type_code;
		k->key.protocol = ports.protocol;
		k->bits |= PACKET_FRAGMENT_JOINED;
	}
}

/* A super-frame leaves the machine as segments, each with a copy of the IP and transport
 * headers. */
static void count_segments(struct parse *p)
{
	struct packet *k = p->packet;
	uint32_t gso_bytes = k->frame->gso_bytes;

	if (k->payload_bytes <= gso_bytes)
		return;
	uint32_t segments = (uint32_t)(((uint64_t)k->payload_bytes + gso_bytes - 1) / gso_bytes);
	uint64_t total = k->ip_bytes + (uint64_t)(segments - 1) * (k->ip_bytes - k->payload_bytes);
	k->wire_packets = segments;
	k->ip_bytes = total < UINT32_MAX ? (uint32_t)total : UINT32_MAX;
	k->bits |= PACKET_OFFLOAD;
}

/* The lower address is endpoint 0; equal addresses are ordered by port. */
static void make_key(struct parse *p)
{
	struct packet *k = p->packet;
	size_t width = k->family == 4 ? 4 : 16;
	int order = memcmp(p->source, p->destination, width);
	uint8_t *low = k->family == 4 ? k->key.address.v4[0] : k->key.address.v6[0];
	uint8_t *high = low + width;

	if (order == 0)
		order = (int)p->source_port - (int)p->destination_port;
	k->sender = order > 0;
	k->key.port[k->sender] = p->source_port;
	k->key.port[!k->sender] = p->destination_port;
	memset(&k->key.address, 0, sizeof k->key.address);
	memcpy(k->sender ? high : low, p->source, width);
	memcpy(k->sender ? low : high, p->destination, width);
	put_vlan(k->key.vlan, k);
}

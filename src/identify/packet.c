/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a backend is shown: a copy of the packet from its IP header on. A dissector that was written
 * in a hurry reads what a length says, or a few octets more, so in the copy every length is true,
 * nothing stands between the IP header and the transport that a backend might walk otherwise than
 * we do, and zeros lie behind the end: what is read there is ours, and the same in every run. Where
 * a backend believes a packet to be of another protocol than the flow, its state, a union, breaks:
 * hence what is not of the flow's transport with its whole header is never shown.
 */
#include <string.h>

#include "base/compiler.h"
#include "flow/direction.h"
#include "flow/key.h"
#include "identify/inner.h"

enum { IPV4_BYTES_MIN = 20, IPV6_BYTES = 40, TCP_BYTES_MIN = 20, IPV4_FIRST_OCTET = 0x45 };
enum { PROTOCOL_UDP = 17 };

/* The IP header's own total; 0 where it does not say. */
static uint32_t declared_bytes(const uint8_t *ip, unsigned family)
{
	if (family == 4)
		return load_be16(ip + 2);
	uint32_t payload = load_be16(ip + 4);
	return payload ? payload + IPV6_BYTES : 0;
}

static void declare(uint8_t *ip, unsigned family, uint32_t bytes)
{
	if (family == 4)
		store_be16(ip + 2, (uint16_t)bytes);
	else
		store_be16(ip + 4, (uint16_t)(bytes - IPV6_BYTES));
}

/* Less what lies between the two headers. */
void identify_packet_copy(struct identify_worker *w, struct identify_packet *packet)
{
	const struct packet *p = packet->touch->packet;
	uint32_t l4 = (uint32_t)p->l4_offset - p->l3_offset, bytes = packet->ip_bytes;
	uint32_t header = p->family == 4 ? IPV4_BYTES_MIN : IPV6_BYTES;
	bool whole = bytes == declared_bytes(packet->ip, p->family);
	memcpy(w->copy, packet->ip, header);
	memcpy(w->copy + header, packet->ip + l4, bytes - l4);
	bytes -= l4 - header;
	memset(w->copy + bytes, 0, PACKET_PADDING);
	if (p->family == 4)
		w->copy[0] = IPV4_FIRST_OCTET;
	else
		w->copy[6] = p->key.protocol;
	declare(w->copy, p->family, bytes);
	if (p->key.protocol == PROTOCOL_UDP && !whole)
		store_be16(w->copy + header + 4, (uint16_t)(bytes - header));
	packet->ip = w->copy;
	packet->ip_bytes = (uint16_t)bytes;
}

static bool may_be_shown(const struct packet *p)
{
	if (p->bits & (PACKET_LATER_FRAGMENT | PACKET_NO_PORTS))
		return false;
	return !(p->layers & (LAYER_AH | LAYER_OTHER_EXTENSION)) && p->l4_offset > p->l3_offset
		&& (!p->payload_offset || p->payload_offset > p->l4_offset);
}

/* From the IP header, where what must be there ends: one octet of the payload, or the header of a
 * bare TCP segment. */
static uint32_t least_bytes(const struct packet *p, const uint8_t *ip, uint32_t bytes)
{
	uint32_t l4 = (uint32_t)p->l4_offset - p->l3_offset;
	if (p->payload_offset)
		return (uint32_t)p->payload_offset - p->l3_offset + 1;
	uint32_t header = bytes >= l4 + TCP_BYTES_MIN ? (ip[l4 + 12] >> 4) * 4u : 0;
	return l4 + (header > TCP_BYTES_MIN ? header : TCP_BYTES_MIN);
}

/* Declared lengths count as far as they were captured, and never beyond what the frame has. */
bool identify_packet_find(struct identify_worker *w, const struct flow_touch *touch,
                          struct identify_packet *ret)
{
	const struct packet *p = touch->packet;
	const struct frame *frame = p->frame;
	uint32_t least = p->family == 4 ? IPV4_BYTES_MIN : IPV6_BYTES;
	if (!may_be_shown(p) || frame->captured_bytes < (uint32_t)p->l3_offset + least)
		return false;
	const uint8_t *ip = frame->data + p->l3_offset;
	uint32_t captured = frame->captured_bytes - p->l3_offset, bytes = declared_bytes(ip, p->family);
	if (!bytes || bytes > captured || bytes > IP_BYTES_MAX)
		bytes = captured < IP_BYTES_MAX ? captured : IP_BYTES_MAX;
	if (bytes < least_bytes(p, ip, bytes))
		return false;
	uint64_t ms = p->time_ns / 1000000;
	w->time_ms = ms > w->time_ms ? ms : w->time_ms;
	*ret = (struct identify_packet){ .touch = touch, .ip = ip, .ip_bytes = (uint16_t)bytes,
	                                 .time_ms = w->time_ms };
	return true;
}

/* A key without a protocol may have ports all the same; what is no port is 0 in it. */
void identify_flow_of_key(const void *key, uint32_t key_bytes, unsigned initiator,
                          struct identify_flow *ret)
{
	const struct key *base = key;
	bool ports = !base->protocol || key_has_ports(base->protocol);
	*ret = (struct identify_flow){ .family = key_family(key, key_bytes),
	                               .protocol = base->protocol };
	for (unsigned i = 0; i < 2; i++) {
		ret->port[i] = ports ? base->port[initiator ^ i] : 0;
		memcpy(ret->address[i], key_address(base, key_bytes, initiator ^ i),
		       ret->family == 6 ? 16 : 4);
	}
}

void identify_flow_of_view(const struct flow_view *view, struct identify_flow *ret)
{
	identify_flow_of_key(view->flow->key, view->key_bytes, view->side, ret);
}

void identify_flow_of_touch(const struct flow_touch *touch, struct identify_flow *ret)
{
	const struct packet *p = touch->packet;
	bool from_initiator = touch->sender == direction_initiator(touch->flow);
	identify_flow_of_key(&p->key, key_bytes_of_packet(p),
	                     from_initiator ? p->sender : p->sender ^ 1u, ret);
}

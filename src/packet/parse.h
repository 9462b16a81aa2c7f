/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the general parser: a bounded cursor, the list of headers, and what header files
 * share.
 *
 * A header file has one function of one shape: it looks at the octets at p->at, fills what it
 * knows into p->packet, moves p->at behind itself and returns the header that comes next; or it
 * ends the walk with a fate. No function reads past p->end. Neighbours: parse.c (the walk),
 * tables.c (which number means which header), transport.c (what ends an IP packet), packet.c
 * (the fast path beside all this).
 */
#ifndef PACKET_PARSE_H
#define PACKET_PARSE_H

#include "packet/fragment.h"
#include "packet/packet.h"

enum header {
	HEADER_STOP,                    /* the walk is over; packet->fate says how */
#define HEADER(name, text) HEADER_##name,
#include "packet/headers.def"
#undef HEADER
	HEADER_COUNT
};

enum {
	PARSE_REACH_BYTES = 0xffff,     /* headers are looked for this far: offsets have 16 bits */
	PARSE_TAGS_MAX = 8,             /* VLAN tags on one Ethernet header */
	PARSE_LABELS_MAX = 16,          /* MPLS labels in one stack */
	PARSE_TUNNELS_MAX = 8,          /* tunnels looked into, one inside the other */
	PARSE_STEPS_MAX = 128,          /* headers in one frame; every one of them takes octets */
};

struct packet_parser {
	struct packet_settings settings;
	struct fragment_memory *fragments;
};

struct parse {
	struct packet_parser *parser;
	struct packet *packet;          /* what is being filled */
	const uint8_t *data;            /* the frame's first octet; all offsets count from here */
	uint32_t at;                    /* the next header; at <= end, always */
	uint32_t end;                   /* octets before this were captured and lie inside every
	                                 * length so far */
	uint64_t declared;              /* where this layer ends by the declared lengths; >= end */
	const uint8_t *source, *destination;    /* addresses of the IP packet being read */
	uint16_t source_port, destination_port; /* or what stands for them (ICMP) */
	uint8_t fragment_protocol;      /* protocol number that tells datagrams apart, with the id */
	uint8_t tags;                   /* VLAN tags seen on the present Ethernet header */
	bool ahead;                     /* the memory of fragments is out of reach */
	bool met_fragment;              /* while ahead: the packet is not right without it */
	struct packet outer;            /* around the innermost tunnel; valid with packet->tunnels */
};

#define HEADER(name, text) enum header packet_parse_##name(struct parse *p);
#include "packet/headers.def"
#undef HEADER

/* The readable reference: any frame, any fate. With `ahead` it leaves the memory of fragments
 * alone, so any number of threads may call it at once. False: that memory is needed, and what ret
 * holds is not right; never without `ahead`. */
bool packet_parse_general(struct packet_parser *parser, const struct frame *frame,
                          struct packet *ret, bool ahead);

/* Ends the walk. */
static inline enum header parse_stop(struct parse *p, enum fate fate)
{
	p->packet->fate = (uint8_t)fate;
	return HEADER_STOP;
}

/* Ends the walk because a header does not fit: cut by the capture, or else by its own fault. */
static inline enum header parse_short(struct parse *p, enum fate malformed)
{
	return parse_stop(p, p->end < p->declared ? FATE_truncated : malformed);
}

/* The next `bytes` octets, or NULL when not all of them are there. */
static inline const uint8_t *parse_peek(const struct parse *p, uint32_t bytes)
{
	return likely(bytes <= p->end - p->at) ? p->data + p->at : NULL;
}

/* What this layer carries ends `bytes` after p->at, by its own length field. */
static inline void parse_limit(struct parse *p, uint64_t bytes)
{
	p->declared = p->at + bytes;
	if (p->end > p->declared)
		p->end = (uint32_t)p->declared;
}

/* Octets from p->at to the end of this layer by declared lengths. */
static inline uint64_t parse_rest(const struct parse *p)
{
	return p->declared - p->at;
}

/* tables.c: what a number means. An unknown one ends the walk (unknown_link, not_ip); an unknown IP
 * protocol ends it as a metered packet without ports. */
enum header parse_link_type(struct parse *p, uint16_t link_type);
enum header parse_ethertype(struct parse *p, uint16_t type);
enum header parse_protocol(struct parse *p, uint8_t protocol);
enum header parse_ip_version(struct parse *p, enum fate otherwise);     /* by the first four bits */
bool ethertype_is_known(uint16_t type);
/* The tunnel that a UDP port stands for, or HEADER_STOP. */
enum header header_of_udp_port(uint16_t source, uint16_t destination);

/* Pieces of header files that others need. */
enum header parse_type_or_length(struct parse *p, uint16_t type);       /* ethernet.c */
enum header parse_inner_ethernet(struct parse *p);      /* ethernet.c: its tags are its own */
void parse_take_tag(struct parse *p, uint16_t tci);     /* vlan.c */
enum header parse_ppp_protocol(struct parse *p);        /* ppp.c: behind address and control */
enum header parse_erspan1(struct parse *p);             /* erspan.c: no header at all */

/* transport.c: the life of one IP packet inside the walk. */
void parse_ip_begin(struct parse *p, uint8_t family, const uint8_t *addresses);
/* The IP header's own length from p->at on; 0: what the layer below says remains. */
void parse_ip_length(struct parse *p, uint64_t bytes);
void parse_fragment(struct parse *p, uint32_t id, bool later, uint8_t protocol);
/* Behind the IP headers: the transport header, unless this is a later fragment. */
enum header parse_ip_content(struct parse *p, uint8_t protocol);
/* The transport header at p->at has `header_bytes` octets; what follows is payload. */
void parse_payload(struct parse *p, uint64_t header_bytes);
/* The IP packet is read: its key is made, it is metered unless a tunnel inside gives more. */
enum header parse_ip_end(struct parse *p);
enum header parse_no_ports(struct parse *p, uint8_t protocol);
/* Keeps the packet as it is, in case what follows leads nowhere, and goes on inside. */
enum header parse_enter(struct parse *p, enum header inner, uint32_t header_bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What IP headers and the link say of the way that packets took: TTL, DSCP, ECN, fragments, IPv4
 * options, IPv6 extension headers and flow label, MAC addresses, MPLS labels; each way.
 *
 * A packet of an ordinary kind touches one line of the space (struct side, of both directions) and
 * the IP header, which the parser has just read. Options and extension headers are walked here,
 * only where there are some; what is of the first packet alone is kept apart (struct first).
 * Neighbour: tunnel.c (what is around a tunnelled packet).
 */
#include "measure/measure.h"

#include <string.h>

enum { FOUR = 1, SIX = 2 };             /* side.families */
enum { FRAGMENT_FLAGS = 0xe0, MORE_FRAGMENTS = 0x20, NO_ETHERNET = 0xffff };
enum { IPV4_BYTES = 20, IPV6_BYTES = 40, EXTENSION_BYTES = 8, LABELS_KEPT = 2, LABEL_BYTES = 4 };

struct side {                           /* of the packets that one end sent */
	uint64_t dscp;                  /* bit i: code point i was there */
	uint64_t fragments;             /* packets */
	uint32_t options;               /* ipv4Options */
	uint32_t headers;               /* enum header_bit */
	uint8_t ttl_rest;               /* 255 less the smallest */
	uint8_t ttl;                    /* the largest */
	uint8_t ecn;                    /* bit i: code point i was there */
	uint8_t fragment_flags;         /* of all packets, where IPv4 has them */
	uint8_t families;               /* 0: no packet yet */
};

struct first {                          /* of the first packet of an end */
	uint32_t flow_label;
	uint8_t labels[LABELS_KEPT][LABEL_BYTES];       /* from the top */
	uint8_t mac[12];                /* destination, source */
	uint8_t family, ttl, tos, fragment_flags;
	uint8_t mpls_depth;             /* 0: no labels */
	bool has_mac;
};

struct path {
	struct side side[2];            /* by key endpoint */
	struct first first[2];
};
static_assert(sizeof(struct side) == 32, "both in one line");

/* Bits of side.headers: those of ipv6ExtensionHeaders, with three of ipv6ExtensionHeadersFull where
 * it has others (RFC 9740). */
enum header_bit {
	DESTINATION = 1 << 0, HOP_BY_HOP = 1 << 1, NO_NEXT = 1 << 2, FIRST_FRAGMENT = 1 << 4,
	ROUTING = 1 << 5, LATER_FRAGMENT = 1 << 6, MOBILITY = 1 << 12, ESP = 1 << 13, AH = 1 << 14,
	COMPRESSION = 1 << 15, HIP = 1 << 16, SHIM6 = 1 << 17,
	ONLY_FULL = NO_NEXT | HIP | SHIM6, NOT_FULL = COMPRESSION
};
enum { NEXT_FRAGMENT = 44, NEXT_AH = 51 };

/* What a next header value says; 0: no extension header. Of fragments it is the first one's. */
static const struct { uint32_t bit; bool last; } chain[256] = {
	[0] = { HOP_BY_HOP, false }, [43] = { ROUTING, false }, [60] = { DESTINATION, false },
	[NEXT_FRAGMENT] = { FIRST_FRAGMENT, false }, [NEXT_AH] = { AH, false },
	[135] = { MOBILITY, false }, [139] = { HIP, false }, [140] = { SHIM6, false },
	[50] = { ESP, true }, [59] = { NO_NEXT, true }, [108] = { COMPRESSION, true },
};

/* Types of IPv4 options, all eight bits, that have a bit in ipv4Options: that of their number. */
static const bool known_options[256] = {
	[0] = true, [1] = true, [130] = true, [131] = true, [68] = true, [133] = true, [134] = true,
	[7] = true, [136] = true, [137] = true, [10] = true, [11] = true, [12] = true, [205] = true,
	[142] = true, [15] = true, [144] = true, [145] = true, [82] = true, [147] = true, [148] = true,
	[149] = true, [150] = true, [151] = true, [152] = true, [25] = true, [30] = true, [94] = true,
	[158] = true, [222] = true,
};
enum { OPTION_END = 0, OPTION_NONE = 1 };

/* ---- packets --------------------------------------------------------------------------------- */

/* Octets of the packet that were captured, from its IP header on. */
static uint32_t captured_bytes(const struct packet *p)
{
	uint32_t captured = p->frame->captured_bytes - p->l3_offset;
	return captured < p->ip_bytes ? captured : p->ip_bytes;
}

/* Stops where an option is cut or its length is none, with what was seen so far. */
static void see_options(struct side *s, const struct packet *p, const uint8_t *ip)
{
	uint32_t end = (ip[0] & 15u) * 4, captured = captured_bytes(p);
	end = end < captured ? end : captured;
	for (uint32_t at = IPV4_BYTES; at < end;) {
		uint8_t type = ip[at];
		if (known_options[type])
			s->options |= 1u << (type & 31);
		if (type == OPTION_END)
			break;
		uint32_t bytes = type == OPTION_NONE ? 1 : at + 1 < end ? ip[at + 1] : 0;
		if (bytes < 1 || (bytes < 2 && type != OPTION_NONE))
			break;
		at += bytes;
	}
}

static uint32_t extension_bytes(uint8_t next, const uint8_t *h)
{
	if (next == NEXT_FRAGMENT)
		return EXTENSION_BYTES;
	return next == NEXT_AH ? (h[1] + 2u) * 4 : (h[1] + 1u) * 8;
}

/* Follows the chain as the parser does. Returns the fragment flags, as IPv4 has them. */
static uint8_t see_chain(struct side *s, const struct packet *p, const uint8_t *ip)
{
	uint32_t end = captured_bytes(p), at = IPV6_BYTES, bytes;
	uint8_t next = ip[6], flags = 0;
	for (; chain[next].bit; at += bytes) {
		const uint8_t *h = ip + at;
		bool is_there = at + EXTENSION_BYTES <= end;
		bool later = next == NEXT_FRAGMENT && is_there && load_be16(h + 2) & 0xfff8;
		if (next != NEXT_FRAGMENT || is_there)
			s->headers |= later ? LATER_FRAGMENT : chain[next].bit;
		if (chain[next].last || !is_there)
			break;
		if (next == NEXT_FRAGMENT && h[3] & 1)
			flags |= MORE_FRAGMENTS;
		bytes = extension_bytes(next, h);
		next = h[0];
		if (later || at + bytes > end)
			break;
	}
	return flags;
}

/* MAC addresses and labels are copied: the frame is gone when the record is written. */
static void see_first(struct first *f, const struct packet *p, uint8_t fragment_flags)
{
	const uint8_t *data = p->frame->data;
	unsigned labels = p->mpls_depth < LABELS_KEPT ? p->mpls_depth : LABELS_KEPT;
	*f = (struct first){ .flow_label = p->flow_label, .family = p->family, .ttl = p->ttl,
	                     .tos = p->tos, .fragment_flags = fragment_flags,
	                     .mpls_depth = p->mpls_depth, .has_mac = p->l2_offset != NO_ETHERNET };
	if (f->has_mac)
		memcpy(f->mac, data + p->l2_offset, sizeof f->mac);
	if (labels)
		memcpy(f->labels, data + p->mpls_offset, labels * LABEL_BYTES);
}

/* IPv4: flags without branches, options where the header is longer than it must be. */
static inline uint8_t see_header(struct side *s, const struct packet *p, const uint8_t *ip)
{
	if (likely(p->family == 4)) {
		if (unlikely(ip[0] != 0x45))
			see_options(s, p, ip);
		return ip[6] & FRAGMENT_FLAGS;
	}
	return unlikely(chain[ip[6]].bit) ? see_chain(s, p, ip) : 0;
}

/* Sets of values are collected as bits, smallest and largest without a branch. */
static inline void see_packet(struct path *space, const struct packet *p, unsigned sender)
{
	struct side *s = &space->side[sender];
	uint8_t rest = (uint8_t)~p->ttl, flags = see_header(s, p, p->frame->data + p->l3_offset);
	if (unlikely(!s->families))
		see_first(&space->first[sender], p, flags);
	if (unlikely(p->bits & PACKET_FRAGMENT))
		s->fragments += p->wire_packets;
	s->dscp |= UINT64_C(1) << (p->tos >> 2);
	s->ecn |= (uint8_t)(1u << (p->tos & 3));
	s->ttl = p->ttl > s->ttl ? p->ttl : s->ttl;
	s->ttl_rest = rest > s->ttl_rest ? rest : s->ttl_rest;
	s->fragment_flags |= flags;
	s->families |= p->family == 4 ? FOUR : SIX;
}

static void path_update(const struct hook_call *call)
{
	for (unsigned i = 0; i < call->count; i++)
		see_packet(touch_space(call, i), call->touch[i]->packet, call->touch[i]->sender);
}

/* Sets and bounds of many flows; what is of a first packet is that of the first flow's. */
static void path_merge(void *into, const struct flow_view *from)
{
	struct path *sum = into;
	const struct path *space = from->space;
	for (unsigned i = 0; i < 2; i++) {
		struct side *s = &sum->side[i];
		const struct side *more = &space->side[from->side ^ i];
		if (!s->families)
			sum->first[i] = space->first[from->side ^ i];
		s->dscp |= more->dscp;
		s->fragments += more->fragments;
		s->options |= more->options;
		s->headers |= more->headers;
		s->ttl = more->ttl > s->ttl ? more->ttl : s->ttl;
		s->ttl_rest = more->ttl_rest > s->ttl_rest ? more->ttl_rest : s->ttl_rest;
		s->ecn |= more->ecn;
		s->fragment_flags |= more->fragment_flags;
		s->families |= more->families;
	}
}

/* ---- fields ---------------------------------------------------------------------------------- */

enum path_field {
	TTL_MINIMUM, TTL_MAXIMUM, TTL, DSCP, DSCP_SEEN, ECN_SEEN, FLAGS, FLAGS_SEEN, FRAGMENTS, LABEL,
	OPTIONS, HEADERS, HEADERS_FULL, SOURCE_MAC, DESTINATION_MAC, MPLS_TOP, MPLS_SECOND, MPLS_TTL,
	MPLS_CLASS, MPLS_DEPTH
};

static const char *const path_fields[] = {
	[TTL_MINIMUM] = "minimumTTL", [TTL_MAXIMUM] = "maximumTTL", [TTL] = "ipTTL",
	[DSCP] = "ipDiffServCodePoint", [DSCP_SEEN] = "ipDiffServCodePointsSeen",
	[ECN_SEEN] = "ecnCodePointsSeen", [FLAGS] = "fragmentFlags",
	[FLAGS_SEEN] = "fragmentFlagsSeen", [FRAGMENTS] = "fragmentPacketDeltaCount",
	[LABEL] = "flowLabelIPv6", [OPTIONS] = "ipv4Options", [HEADERS] = "ipv6ExtensionHeaders",
	[HEADERS_FULL] = "ipv6ExtensionHeadersFull", [SOURCE_MAC] = "sourceMacAddress",
	[DESTINATION_MAC] = "destinationMacAddress", [MPLS_TOP] = "mplsTopLabelStackSection",
	[MPLS_SECOND] = "mplsLabelStackSection2", [MPLS_TTL] = "mplsTopLabelTTL",
	[MPLS_CLASS] = "mplsTopLabelExp", [MPLS_DEPTH] = "mplsLabelStackDepth", NULL
};

static void write_headers_full(const struct side *s, struct value_writer *w)
{
	uint8_t octets[32] = { 0 };
	uint32_t headers = s->headers & ~(uint32_t)NOT_FULL;
	for (unsigned i = 0; i < sizeof headers; i++)
		octets[sizeof octets - 1 - i] = (uint8_t)(headers >> 8 * i);
	value_write_octets(w, octets, sizeof octets);
}

/* A label's 20 bits, class and end of stack are three octets, as the element has them; its TTL is
 * the fourth. */
static void write_mpls(const struct first *f, enum path_field field, struct value_writer *w)
{
	if (f->mpls_depth == 0)
		return;
	if (field == MPLS_TOP)
		value_write_octets(w, f->labels[0], 3);
	else if (field == MPLS_SECOND && f->mpls_depth > 1)
		value_write_octets(w, f->labels[1], 3);
	else if (field == MPLS_TTL)
		value_write_unsigned(w, f->labels[0][3]);
	else if (field == MPLS_CLASS)
		value_write_unsigned(w, f->labels[0][2] >> 1 & 7);
	else if (field == MPLS_DEPTH)
		value_write_unsigned(w, f->mpls_depth);
}

/* What the first packet of the side said. */
static void write_first(const struct first *f, enum path_field field, struct value_writer *w)
{
	switch (field) {
	case TTL:
		value_write_unsigned(w, f->ttl);
		break;
	case DSCP:
		value_write_unsigned(w, f->tos >> 2);
		break;
	case FLAGS:
		value_write_unsigned(w, f->fragment_flags);
		break;
	case LABEL:
		if (f->family == 6)
			value_write_unsigned(w, f->flow_label);
		break;
	case SOURCE_MAC:
	case DESTINATION_MAC:
		if (f->has_mac)
			value_write_octets(w, f->mac + (field == SOURCE_MAC ? 6 : 0), 6);
		break;
	default:
		write_mpls(f, field, w);
	}
}

/* A direction that has no packet says nothing. */
static void path_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct path *space = view->space;
	const struct side *s = &space->side[view->side];
	if (!s->families)
		return;
	switch ((enum path_field)field) {
	case TTL_MINIMUM:
		value_write_unsigned(w, 255u - s->ttl_rest);
		break;
	case TTL_MAXIMUM:
		value_write_unsigned(w, s->ttl);
		break;
	case DSCP_SEEN:
		value_write_unsigned(w, s->dscp);
		break;
	case ECN_SEEN:
		value_write_unsigned(w, s->ecn);
		break;
	case FLAGS_SEEN:
		value_write_unsigned(w, s->fragment_flags);
		break;
	case FRAGMENTS:
		value_write_unsigned(w, s->fragments);
		break;
	case OPTIONS:
		if (s->families & FOUR)
			value_write_unsigned(w, s->options);
		break;
	case HEADERS:
		if (s->families & SIX)
			value_write_unsigned(w, s->headers & ~(uint32_t)ONLY_FULL);
		break;
	case HEADERS_FULL:
		if (s->families & SIX)
			write_headers_full(s, w);
		break;
	default:
		write_first(&space->first[view->side], (enum path_field)field, w);
	}
}

const struct flow_hook measure_path = {
	.name = "path", .help = "TTL, DSCP, ECN, fragments, IP options, MAC addresses, MPLS labels",
	.fields = path_fields, .space_bytes = sizeof(struct path), .hot_bytes = sizeof(struct side[2]),
	.wants = HOOK_PACKET, .scope = HOOK_SCOPE_RECORD, .update = path_update, .write = path_write,
	.merge = path_merge,
};

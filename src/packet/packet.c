/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames to packets. Nearly all traffic is TCP or UDP in an Ethernet frame with at most one VLAN
 * tag; that has a fast path here, inlined. It branches on the captured length, the ethertype and
 * once on everything else that must hold, never on what the octets say: protocols and tags are
 * told apart by masks, the two ends are ordered by masks, struct packet is written as whole words.
 * All else goes to the general parser, which is the reference: a test and the fuzz target demand
 * the same octets from both.
 * Cost: about 100 instructions a packet when brief, 150 with line 1.
 */
#include "packet/packet.h"

#include <errno.h>
#include <stdlib.h>

#include "packet/parse.h"

enum {
	ETHERNET_BYTES = 14, TAG_BYTES = 4,
	IPV4_BYTES = 20, IPV6_BYTES = 40, TCP_BYTES = 20, UDP_BYTES = 8
};
enum {                                  /* up to TCP's window, behind a tag */
	FAST_IPV4_BYTES = ETHERNET_BYTES + TAG_BYTES + IPV4_BYTES + 16,
	FAST_IPV6_BYTES = ETHERNET_BYTES + TAG_BYTES + IPV6_BYTES + 16
};
enum { PREFETCH_AHEAD = 6, LINK_ETHERNET = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum {                                  /* as the processor reads them from the frame */
	TYPE_IPV4 = 0x0008, TYPE_IPV6 = 0xdd86, FRAGMENT_MASK = 0xff3f
};
enum { TYPE_TAG = 0x8100, KEY_ADDRESS = offsetof(struct packet, key.address) };

/* What a transport protocol is to the fast path, so that no octet of a packet decides a branch. */
struct fast_kind {
	uint32_t tcp;                   /* mask: all ones for TCP */
	uint32_t header_bytes;          /* without what TCP states itself */
	uint32_t least_bytes;           /* of the transport header */
	uint32_t known;                 /* 0: the general parser's business */
};

struct fast {                           /* what the fast path has read so far; lives in registers */
	const struct frame *frame;
	const uint8_t *ip;
	uint64_t beside;                /* frame->vlan_tpid to frame->bits in one word */
	uint32_t link;                  /* frame->link_type, and frame->interface above it */
	uint32_t odd;                   /* not 0: the general parser's business */
	uint32_t vlan;                  /* id; 0 if none */
	uint32_t layers;                /* LAYER_VLAN if there was a tag, here or beside */
	uint32_t family, protocol, tos_ttl, flow_label;
	uint32_t ip_bytes, payload_bytes;
	uint32_t ip_offset, l4_offset, payload_offset;
	uint32_t ports;                 /* source above destination, in native order */
	uint32_t tcp;                   /* octets 12 to 15 of TCP's header; 0 if not TCP */
};

static inline bool parse_fast(const struct frame *frame, struct packet *ret,
                              const struct fast_kind *kinds, bool brief);
static inline void prefetch_frame(const struct frame *frame);
static inline void prefetch_following(const struct frame *frame, uint32_t ahead_bytes);

#define FAST_TCP { .tcp = UINT32_MAX, .header_bytes = 0, .least_bytes = TCP_BYTES, .known = 1 }
#define FAST_UDP { .tcp = 0, .header_bytes = UDP_BYTES, .least_bytes = UDP_BYTES, .known = 1 }
static const struct fast_kind kinds_plain[256] = {
	[PROTOCOL_TCP] = FAST_TCP, [PROTOCOL_UDP] = FAST_UDP
};
static const struct fast_kind kinds_tunnels[256] = {    /* a UDP port may be a tunnel's */
	[PROTOCOL_TCP] = FAST_TCP
};

int packet_parser_new(const struct packet_settings *settings, struct packet_parser **ret)
{
	struct packet_parser *parser = calloc(1, sizeof *parser);

	if (!parser)
		return -ENOMEM;
	parser->settings = *settings;
	int r = fragment_memory_new(settings->fragment_entries, &parser->fragments);
	if (r < 0) {
		free(parser);
		return r;
	}
	*ret = parser;
	return 0;
}

void packet_parser_free(struct packet_parser *parser)
{
	if (!parser)
		return;
	fragment_memory_free(parser->fragments);
	free(parser);
}

/* For options data: RFC 7011, section 4.2, wants first and last. */
static void note_ignored(struct fate_counters *fates, uint64_t time_ns)
{
	if (!fates->ignored_first_ns || time_ns < fates->ignored_first_ns)
		fates->ignored_first_ns = time_ns;
	if (time_ns > fates->ignored_last_ns)
		fates->ignored_last_ns = time_ns;
}

/* True when the packet can be metered. */
static bool is_kept(const struct frame *frame, const struct packet *k, struct fate_counters *fates)
{
	if (likely(k->fate == FATE_metered))
		return true;
	fates->packets[k->fate]++;
	fates->octets[k->fate] += frame_octets(frame);
	if (fate_is_ignored(k->fate))
		note_ignored(fates, frame->time_ns);
	return false;
}

struct parsing {                        /* of one batch */
	struct packet_parser *parser;
	struct fate_counters *fates;
	bool ahead;                     /* stops at the first fragment */
};

/* Adds the frames behind `from` to `out`. Returns the number of the frame that it stopped at. */
static inline __attribute__((always_inline))
unsigned parse_frames(const struct parsing *how, const struct frame_batch *in, unsigned from,
                      struct packet_batch *out, bool brief)
{
	struct packet_parser *parser = how->parser;
	const struct fast_kind *kinds = parser->settings.tunnels ? kinds_tunnels : kinds_plain;
	uint64_t octets = 0, ip_octets = 0, wire_packets = 0;
	struct packet *k = out->packet + out->count;
	unsigned i = from;

	for (; i < in->count; i++) {
		const struct frame *frame = in->frame + i;

		prefetch_following(frame, in->ahead_bytes);
		if (i + PREFETCH_AHEAD < in->count)
			prefetch_frame(frame + PREFETCH_AHEAD);
		if (!parse_fast(frame, k, kinds, brief)) {
			if (!packet_parse_general(parser, frame, k, how->ahead))
				break;
			if (!is_kept(frame, k, how->fates))
				continue;
		}
		octets += frame_octets(frame);
		ip_octets += k->ip_bytes;
		wire_packets += k->wire_packets;
		k++;
	}
	out->count = (uint32_t)(k - out->packet);
	out->sums.wire_packets += wire_packets;
	out->sums.octets += octets;
	out->sums.ip_octets += ip_octets;
	return i;
}

/* Compiled twice, so that a brief parser has no trace of line 1. */
static unsigned parse_from(const struct parsing *how, const struct frame_batch *in, unsigned from,
                           struct packet_batch *out)
{
	return how->parser->settings.brief ? parse_frames(how, in, from, out, true)
	                                   : parse_frames(how, in, from, out, false);
}

static void start_batch(struct packet_batch *out)
{
	out->count = 0;
	out->sums = (struct packet_sums){ 0 };
}

unsigned packet_parse(struct packet_parser *parser, const struct frame_batch *in,
                      struct packet_batch *out, struct fate_counters *fates)
{
	start_batch(out);
	parse_from(&(struct parsing){ parser, fates, false }, in, 0, out);
	return out->count;
}

unsigned packet_parse_ahead(struct packet_parser *parser, const struct frame_batch *in,
                            struct packet_batch *out, struct fate_counters *fates)
{
	start_batch(out);
	return parse_from(&(struct parsing){ parser, fates, true }, in, 0, out);
}

void packet_parse_rest(struct packet_parser *parser, const struct frame_batch *in, unsigned from,
                       struct packet_batch *out, struct fate_counters *fates)
{
	parse_from(&(struct parsing){ parser, fates, false }, in, from, out);
}

void packet_parse_one(struct packet_parser *parser, const struct frame *frame, struct packet *ret)
{
	packet_parse_general(parser, frame, ret, false);
}

/* Headers lie in the frame's first two cache lines. The sum is not a pointer until it is
 * prefetched: an empty frame may have none. */
static inline void prefetch_frame(const struct frame *frame)
{
	prefetch_read(frame->data);
	prefetch_read((const void *)((uintptr_t)frame->data + 63));
}

/* Octets on their way from memory while these frames are parsed, so that whoever walks over them
 * need not wait. */
static inline void prefetch_following(const struct frame *frame, uint32_t ahead_bytes)
{
	uintptr_t following = (uintptr_t)frame->data + ahead_bytes;

	prefetch_read((const void *)following);
	prefetch_read((const void *)(following + 64));
}

static inline uint32_t read_16(const uint8_t *octets)
{
	uint16_t v;

	memcpy(&v, octets, sizeof v);
	return v;
}

/* All ones if true. */
static inline uint32_t mask_of(uint32_t truth)
{
	return -truth;
}

/* Tag, segment size and bits that stand beside the frame are read as one word. `odd` gathers by OR
 * whatever keeps a frame from the fast path (another link, a super-frame, tags in both places): it
 * is tested once. */
static inline void read_link(struct fast *f, const struct frame *frame)
{
	const uint8_t *d = frame->data;
	uint32_t type_tci = load_be32(d + 12);
	uint32_t in_frame = mask_of(type_tci >> 16 == TYPE_TAG);

	f->frame = frame;
	f->beside = load_64(&frame->vlan_tpid);
	f->link = load_32(&frame->link_type);
	uint32_t beside = mask_of((uint16_t)f->beside != 0);
	f->ip_offset = ETHERNET_BYTES + (in_frame & TAG_BYTES);
	f->ip = d + f->ip_offset;
	f->layers = (in_frame | beside) & LAYER_VLAN;
	f->vlan = ((type_tci & in_frame) | ((uint32_t)f->beside >> 16 & beside)) & 0xfff;
	f->odd = ((f->link & 0xffff) ^ (uint32_t)LINK_ETHERNET) | (f->beside >> 32 & 0xffff)
	         | (in_frame & beside);
}

/* ip_bytes is what the IP header states; a length of 0 is odd. */
static inline void read_transport(struct fast *f, const struct fast_kind *kinds, uint32_t protocol,
                                  uint32_t ip_header_bytes, uint32_t ip_bytes)
{
	const uint8_t *h = f->ip + ip_header_bytes;
	const struct fast_kind *kind = kinds + protocol;

	f->ports = load_be32(h);
	f->tcp = load_be32(h + 12) & kind->tcp;
	uint32_t header_bytes = (f->tcp >> 26 & 0x3c) + kind->header_bytes;
	f->protocol = protocol;
	f->ip_bytes = ip_bytes;
	f->payload_bytes = ip_bytes - ip_header_bytes - header_bytes;
	f->l4_offset = f->ip_offset + ip_header_bytes;
	uint32_t payload_at = f->l4_offset + header_bytes;
	f->payload_offset = payload_at & mask_of(payload_at < f->frame->captured_bytes)
	                    & mask_of(f->payload_bytes != 0);
	f->odd |= (kind->known ^ 1) | (header_bytes - kind->least_bytes) >> 31 | f->payload_bytes >> 31;
}

static inline void put_word(struct packet *k, size_t offset, uint64_t word)
{
	memcpy((uint8_t *)k + offset, &word, sizeof word);
}

static inline uint64_t halves(uint32_t first, uint32_t second)
{
	return first | (uint64_t)second << 32;
}

/* Exchanges the two halves of a word where the mask is set; bits is 16. */
static inline uint32_t rotate_if(uint32_t mask, uint32_t word, uint32_t bits)
{
	bits &= mask;
	return word << bits | word >> (-bits & 31);
}

/* All but the addresses. swapped: all ones if the destination is the lower end. The asserts at
 * the end of this file say which members a word holds. */
static inline void put_packet(struct packet *k, const struct fast *f, uint32_t swapped, bool brief)
{
	uint32_t vlan = __builtin_bswap32(f->vlan << 20);
	uint32_t outgoing = (uint32_t)(f->beside >> 48) & FRAME_OUTGOING ? PACKET_OUTGOING : 0;
	uint32_t bits_tos = outgoing | (f->tos_ttl & 0xff) << 8;

	put_word(k, offsetof(struct packet, key),
	         halves(rotate_if(~swapped, f->ports, 16), vlan | f->protocol << 24));
	put_word(k, offsetof(struct packet, time_ns), f->frame->time_ns);
	put_word(k, offsetof(struct packet, ip_bytes), halves(f->ip_bytes, 1));
	put_word(k, offsetof(struct packet, tcp_flags),
	         halves((f->tcp >> 16 & 0xfff) | (f->link & 0xffff0000),
	                (swapped & 1) | f->family << 8 | bits_tos << 16));
	k->frame = f->frame;
	if (brief)
		return;
	put_word(k, offsetof(struct packet, payload_bytes), f->payload_bytes);
	put_word(k, offsetof(struct packet, tunnel_id), 0);
	put_word(k, offsetof(struct packet, flow_label), halves(f->flow_label, f->layers));
	put_word(k, offsetof(struct packet, l2_offset),
	         halves(f->ip_offset << 16, f->l4_offset | f->payload_offset << 16));
	put_word(k, offsetof(struct packet, vlan_outer),
	         halves(f->vlan, (f->tcp & 0xffff) | f->tos_ttl >> 8 << 16));
	put_word(k, offsetof(struct packet, fate), 0);
	put_word(k, offsetof(struct packet, fate) + 8, 0);
}

/* Address above port in one number: its order is the key's order. */
static inline bool parse_fast_ipv4(struct fast *f, struct packet *k, const struct fast_kind *kinds,
                                   bool brief)
{
	const uint8_t *ip = f->ip;
	uint32_t first = load_be32(ip);         /* version and lengths; type of service */

	read_transport(f, kinds, ip[9], IPV4_BYTES, first & 0xffff);
	f->odd |= (first >> 24 ^ 0x45) | (read_16(ip + 6) & (uint32_t)FRAGMENT_MASK);
	if (unlikely(f->odd))
		return false;
	uint64_t addresses = load_64(ip + 12), ordered = __builtin_bswap64(addresses);
	uint64_t source = ordered >> 32 << 16 | f->ports >> 16;
	uint64_t destination = (ordered & 0xffffffff) << 16 | (f->ports & 0xffff);
	uint64_t swapped = -(uint64_t)(destination < source);
	unsigned turn = swapped & 32;

	put_word(k, KEY_ADDRESS, addresses << turn | addresses >> (-turn & 63));
	for (unsigned i = 8; i < 32 && !brief; i += 8)
		put_word(k, KEY_ADDRESS + i, 0);
	f->family = 4;
	f->tos_ttl = (first >> 16 & 0xff) | (uint32_t)ip[8] << 8;
	f->flow_label = 0;
	put_packet(k, f, (uint32_t)swapped, brief);
	return true;
}

/* The ends are ordered by two words of the address and the port, as one chain of comparisons whose
 * result becomes a mask: which end is lower is as good as random, and a wrong guess would cost more
 * than the rest. */
static inline bool parse_fast_ipv6(struct fast *f, struct packet *k, const struct fast_kind *kinds,
                                   bool brief)
{
	const uint8_t *ip = f->ip;
	uint32_t first = load_be32(ip);         /* version, traffic class, flow label */

	read_transport(f, kinds, ip[6], IPV6_BYTES, load_be16(ip + 4) + IPV6_BYTES);
	if (unlikely(f->odd | (first >> 28 ^ 6)))
		return false;
	uint64_t source[2] = { load_be64(ip + 8), load_be64(ip + 16) };
	uint64_t destination[2] = { load_be64(ip + 24), load_be64(ip + 32) };
	uint32_t by_port = f->ports >> 16 > (f->ports & 0xffff);
	uint32_t by_low = (source[1] > destination[1]) | ((source[1] == destination[1]) & by_port);
	uint32_t by_high = (source[0] > destination[0]) | ((source[0] == destination[0]) & by_low);
	uint64_t swapped = -(uint64_t)by_high;

	for (unsigned i = 0; i < 16; i += 8) {
		uint64_t from = load_64(ip + 8 + i), to = load_64(ip + 24 + i);
		uint64_t difference = (from ^ to) & swapped;
		put_word(k, KEY_ADDRESS + i, from ^ difference);
		put_word(k, KEY_ADDRESS + 16 + i, to ^ difference);
	}
	f->family = 6;
	f->tos_ttl = (first >> 20 & 0xff) | (uint32_t)ip[7] << 8;
	f->flow_label = first & 0xfffff;
	put_packet(k, f, (uint32_t)swapped, brief);
	return true;
}

/* Fills ret and says true, or says false and leaves it to the general parser. The two bounds are
 * where all loads of a version end, with a tag and up to TCP's window. */
static inline bool parse_fast(const struct frame *frame, struct packet *ret,
                              const struct fast_kind *kinds, bool brief)
{
	struct fast f;

	if (unlikely(frame->captured_bytes < FAST_IPV4_BYTES))
		return false;
	read_link(&f, frame);
	uint32_t type = read_16(f.ip - 2);
	if (likely(type == TYPE_IPV4))
		return parse_fast_ipv4(&f, ret, kinds, brief);
	if (type != TYPE_IPV6 || frame->captured_bytes < FAST_IPV6_BYTES)
		return false;
	return parse_fast_ipv6(&f, ret, kinds, brief);
}

/* The words of put_packet(). */
#define FOLLOWS(second, first, distance) \
	static_assert(offsetof(struct packet, second) == offsetof(struct packet, first) + (distance), \
	              "word")
FOLLOWS(key.vlan, key.port, 4);
FOLLOWS(key.protocol, key.port, 7);
FOLLOWS(wire_packets, ip_bytes, 4);
FOLLOWS(interface, tcp_flags, 2);
FOLLOWS(sender, tcp_flags, 4);
FOLLOWS(family, tcp_flags, 5);
FOLLOWS(bits, tcp_flags, 6);
FOLLOWS(tos, tcp_flags, 7);
FOLLOWS(fragment_id, payload_bytes, 4);
FOLLOWS(tunnel_peer_id, tunnel_id, 4);
FOLLOWS(layers, flow_label, 4);
FOLLOWS(l3_offset, l2_offset, 2);
FOLLOWS(l4_offset, l2_offset, 4);
FOLLOWS(payload_offset, l2_offset, 6);
FOLLOWS(vlan_inner, vlan_outer, 2);
FOLLOWS(tcp_window, vlan_outer, 4);
FOLLOWS(ttl, vlan_outer, 6);
FOLLOWS(mpls_depth, vlan_outer, 7);
static_assert(offsetof(struct frame, interface) == offsetof(struct frame, link_type) + 2
              && offsetof(struct frame, vlan_tci) == offsetof(struct frame, vlan_tpid) + 2
              && offsetof(struct frame, gso_bytes) == offsetof(struct frame, vlan_tpid) + 4
              && offsetof(struct frame, bits) == offsetof(struct frame, vlan_tpid) + 6,
              "what read_link() loads as one word");
FOLLOWS(fate, vlan_outer, 8);
static_assert(offsetof(struct packet, fate) + 16 == sizeof(struct packet), "the last two words");
static_assert(FATE_metered == 0, "the last words are zeros");

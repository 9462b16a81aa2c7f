/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the octets of a TCP header to a segment: fields, options (RFC 9293, 7323, 2018), and the
 * count of flags. Lengths are those that the headers declare; what was not captured is not guessed.
 */
#include "measure/tcp.h"

#include "base/compiler.h"

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_MSS = 2, OPTION_SCALE = 3, OPTION_SACK_PERMITTED = 4,
       OPTION_TIMESTAMP = 8 };
enum { SCALE_MAX = 14 };
enum { USUAL_OPTIONS = 0x0a080101 };    /* as loaded: two NOP, then a time stamp of 10 octets */

/* One lane for each flag: bit i of the flags, as 0 or 1, in octet i. No lane can carry. */
static uint64_t spread_flags(uint8_t flags)
{
	uint64_t lanes = flags * 0x0101010101010101u & 0x8040201008040201u;
	return (lanes + 0x7f7f7f7f7f7f7f7fu) >> 7 & 0x0101010101010101u;
}

bool tcp_flags_count(struct tcp_side *side, const struct packet *p)
{
	side->flag_lanes += spread_flags((uint8_t)p->tcp_flags);
	return ++side->lane_count == TCP_LANES_FULL;
}

/* What a SYN says besides its options: this SYN's word is the last. */
static void note_syn(struct tcp_space *t, const struct packet *p, unsigned sender)
{
	t->side[sender].bits &= (uint8_t)~(TCP_SCALES | TCP_SACKS | TCP_TELLS_MSS);
	t->side[sender].bits |= TCP_SYN_SEEN;
	t->side[sender].scale = 0;
	t->offer[sender].window = p->tcp_window;
	if (!(p->tcp_flags & TCP_FLAG_ACK))
		t->syn_bytes = p->ip_bytes < UINT16_MAX ? (uint16_t)p->ip_bytes : UINT16_MAX;
}

static void note_offer(struct tcp_space *t, unsigned sender, const uint8_t *option)
{
	struct tcp_side *side = &t->side[sender];
	if (option[0] == OPTION_MSS && option[1] == 4) {
		t->offer[sender].mss = load_be16(option + 2);
		side->bits |= TCP_TELLS_MSS;
	} else if (option[0] == OPTION_SCALE && option[1] == 3) {
		side->scale = option[2];
		side->bits |= TCP_SCALES;
	} else if (option[0] == OPTION_SACK_PERMITTED && option[1] == 2) {
		side->bits |= TCP_SACKS;
	}
}

/* Walks the options; returns their kinds, a bit each up to 63. */
static uint64_t walk_options(struct tcp_space *t, const uint8_t *at, const uint8_t *end,
                             const struct tcp_segment *s)
{
	uint64_t kinds = 0;
	while (at < end) {
		unsigned length = *at <= OPTION_NOP ? 1 : end - at >= 2 ? at[1] : 0;
		if (length == 0 || (length == 1 && *at > OPTION_NOP) || length > end - at)
			break;
		kinds |= *at < 64 ? 1ull << *at : 0;
		if (*at == OPTION_END)
			break;
		if (s->flags & TCP_FLAG_SYN)
			note_offer(t, s->sender, at);
		at += length;
	}
	return kinds;
}

static void read_options(struct tcp_space *t, const struct packet *p, const uint8_t *h,
                         const struct tcp_segment *s)
{
	unsigned header_bytes = (h[12] >> 4) * 4u;
	unsigned there = p->frame->captured_bytes - p->l4_offset;
	if (header_bytes == 32 && there >= 32 && load_32(h + 20) == USUAL_OPTIONS
	    && !(s->flags & TCP_FLAG_SYN)) {
		t->options[s->sender] |= 1u << OPTION_NOP | 1u << OPTION_TIMESTAMP;
		return;
	}
	if (there > header_bytes)
		there = header_bytes;
	t->options[s->sender] |= walk_options(t, h + TCP_HEADER_BYTES, h + there, s);
}

static void note_first(struct tcp_first *first, const struct packet *p, const uint8_t *h)
{
	*first = (struct tcp_first){
		.seq = load_be32(h + 4), .ack = load_be32(h + 8), .window = load_be16(h + 14),
		.urgent = load_be16(h + 18), .flags = p->tcp_flags & 0xff,
		.header_bytes = (uint8_t)((h[12] >> 4) * 4), .seen = true,
	};
}

/* A SYN's window is never scaled; later ones are if both SYNs offered it (RFC 7323, 2.2). */
static uint32_t window_octets(const struct tcp_space *t, const struct tcp_segment *s,
                              uint16_t window)
{
	const struct tcp_side *side = &t->side[s->sender];
	bool scaled = (t->side[0].bits & t->side[1].bits & TCP_SCALES) && !(s->flags & TCP_FLAG_SYN);
	unsigned scale = side->scale < SCALE_MAX ? side->scale : SCALE_MAX;
	return scaled ? (uint32_t)window << scale : window;
}

static bool header_is_there(const struct packet *p)
{
	return p->l4_offset && !(p->bits & PACKET_LATER_FRAGMENT)
		&& p->frame->captured_bytes >= p->l4_offset + (unsigned)TCP_HEADER_BYTES
		&& p->l3_offset + (uint64_t)p->ip_bytes >= p->l4_offset + (unsigned)TCP_HEADER_BYTES
		&& p->frame->data[p->l4_offset + 12] >= 0x50;
}

bool tcp_segment_read(struct tcp_space *t, const struct packet *p, unsigned sender,
                      struct tcp_segment *ret)
{
	if (unlikely(!header_is_there(p)))
		return false;
	const uint8_t *h = p->frame->data + p->l4_offset;
	unsigned flags = p->tcp_flags & 0xff;
	*ret = (struct tcp_segment){
		.time_ns = p->time_ns, .seq = load_be32(h + 4), .ack = load_be32(h + 8),
		.payload = p->payload_bytes, .ip_bytes = p->ip_bytes, .packets = p->wire_packets,
		.flags = (uint8_t)flags, .sender = (uint8_t)sender,
	};
	ret->end = ret->seq + ret->payload + (flags >> 1 & 1) + (flags & 1);
	if (flags & TCP_FLAG_SYN)
		note_syn(t, p, sender);
	if (h[12] > 0x5f)
		read_options(t, p, h, ret);
	if (!t->first[sender].seen)
		note_first(&t->first[sender], p, h);
	ret->window = window_octets(t, ret, p->tcp_window);
	return true;
}

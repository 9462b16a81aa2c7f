/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every segment goes through, to be inlined into the loop of tcp.c: flags counted, header
 * read, the usual case recognised. It touches the two lines of both ends and the third one of
 * struct tcp_space; whatever is not usual is left to the other files.
 */
#ifndef MEASURE_TCP_HOT_H
#define MEASURE_TCP_HOT_H

#include "base/compiler.h"
#include "measure/tcp.h"

enum { TCP_USUAL_OPTIONS = 0x0a080101 };        /* as loaded: two NOP, then a time stamp */
enum { TCP_USUAL_KINDS = 1 << 1 | 1 << 8 };
enum { TCP_SCALE_MAX = 14 };

/* One lane for each flag: bit i of the flags, as 0 or 1, in octet i. No lane can carry. */
static inline uint64_t tcp_spread_flags(uint8_t flags)
{
	uint64_t lanes = flags * 0x0101010101010101u & 0x8040201008040201u;
	return (lanes + 0x7f7f7f7f7f7f7f7fu) >> 7 & 0x0101010101010101u;
}

/* Counts flags; true when the lanes of this side must be added up before the next packet. */
static inline bool tcp_count_flags(struct tcp_side *side, const struct packet *p)
{
	side->flag_lanes += tcp_spread_flags((uint8_t)p->tcp_flags);
	return ++side->lane_count == TCP_LANES_FULL;
}

/* The header of a segment; NULL: it is not all there, or states no sound length. */
static inline const uint8_t *tcp_header(const struct packet *p)
{
	unsigned end = p->l4_offset + (unsigned)TCP_HEADER_BYTES;
	bool there = p->l4_offset && !(p->bits & PACKET_LATER_FRAGMENT)
		&& p->frame->captured_bytes >= end && p->l3_offset + (uint64_t)p->ip_bytes >= end
		&& p->frame->data[p->l4_offset + 12] >= 0x50;
	return there ? p->frame->data + p->l4_offset : NULL;
}

/* A SYN's window is never scaled; later ones are if both SYNs offered it (RFC 7323, 2.2). */
static inline uint32_t tcp_window_octets(const struct tcp_space *t, const struct packet *p,
                                         unsigned sender)
{
	uint8_t scale = t->side[sender].scale;
	if (!(t->side[0].bits & t->side[1].bits & TCP_SCALES) || (p->tcp_flags & TCP_FLAG_SYN))
		return p->tcp_window;
	return (uint32_t)p->tcp_window << (scale < TCP_SCALE_MAX ? scale : TCP_SCALE_MAX);
}

/* Nearly every segment behind a SYN has the same twelve octets of options: two NOP and a time
 * stamp. They are recognised as one word. */
static inline void tcp_read_options(struct tcp_space *t, const struct packet *p, const uint8_t *h,
                                    const struct tcp_segment *s)
{
	unsigned there = p->frame->captured_bytes - p->l4_offset;
	if (likely((h[12] & 0xf0) == 0x80 && there >= 32
	           && load_32(h + TCP_HEADER_BYTES) == TCP_USUAL_OPTIONS && !(s->flags & TCP_FLAG_SYN)))
		t->options[s->sender] |= TCP_USUAL_KINDS;
	else
		tcp_segment_options(t, p, h, s);
}

/* From a header to a segment; notes what the header says once for a record or a connection. */
static inline void tcp_read(struct tcp_space *t, const struct packet *p, const uint8_t *h,
                            unsigned sender, struct tcp_segment *ret)
{
	unsigned flags = p->tcp_flags & 0xff;
	ret->time_ns = p->time_ns;
	ret->seq = load_be32(h + 4);
	ret->ack = load_be32(h + 8);
	ret->payload = p->payload_bytes;
	ret->end = ret->seq + ret->payload + (flags >> 1 & 1) + (flags & 1);
	ret->ip_bytes = p->ip_bytes;
	ret->packets = p->wire_packets;
	ret->flags = (uint8_t)flags;
	ret->sender = (uint8_t)sender;
	if (unlikely(flags & TCP_FLAG_SYN))
		tcp_segment_syn(t, p, sender);
	if (h[12] > 0x5f)
		tcp_read_options(t, p, h, ret);
	if (unlikely(!(t->bits & TCP_FIRST_0 << sender)))
		tcp_segment_first(t, p, h, sender);
	ret->window = tcp_window_octets(t, p, sender);
}

/* The number expected next moves, and with it what is out of reach. */
static inline void tcp_expect(struct tcp_side *side, uint32_t next, uint64_t time_ns)
{
	side->next = next;
	side->next_ns = time_ns;
	side->last_kind &= (uint8_t)~TCP_PROBED;
	if (unlikely(next - side->low > TCP_REACH))
		side->low = next - TCP_REACH;
}

/* What the next segment of either end is judged by. */
static inline void tcp_note_last(struct tcp_side *fwd, const struct tcp_segment *s)
{
	fwd->window = s->window;
	fwd->ack = s->ack;
	fwd->last_ns = s->time_ns;
	fwd->bits = (uint8_t)((fwd->bits & ~TCP_ACKED) | (s->flags & TCP_FLAG_ACK ? TCP_ACKED : 0));
}

/* True, and all is noted, when the segment is what was expected: new data or a new acknowledgement
 * in order. Otherwise tcp_judge() says what it is and tcp_follow() notes it. */
static inline bool tcp_is_ordinary(struct tcp_space *t, const struct tcp_segment *s)
{
	struct tcp_side *fwd = &t->side[s->sender];
	const struct tcp_side *rev = &t->side[s->sender ^ 1];
	bool says_new = s->payload > 1 ? !(rev->bits & TCP_ACKED) || tcp_before(rev->ack, s->end)
		: s->payload == 0 && s->ack != fwd->ack;
	if (!((fwd->bits & TCP_KNOWN) && s->seq == fwd->next && s->window && !rev->last_kind
	      && (s->flags & (TCP_CONTROL | TCP_FLAG_ACK)) == TCP_FLAG_ACK && says_new))
		return false;
	if (s->payload)
		tcp_expect(fwd, s->end, s->time_ns);
	if (s->ack != fwd->ack)
		fwd->duplicate_acks = 0;
	fwd->last_kind &= TCP_PROBED;
	tcp_note_last(fwd, s);
	return true;
}

/* Whether any of it was passed over. */
static inline bool tcp_is_in_hole(const struct tcp_space *t, const struct tcp_segment *s)
{
	for (unsigned i = 0; i < t->side[s->sender].hole_count; i++) {
		const struct tcp_hole *hole = &t->trouble->side[s->sender].hole[i];
		if (tcp_before(s->seq, hole->end) && tcp_before(hole->start, s->end))
			return true;
	}
	return false;
}

/* Round trips: ends one that this segment acknowledges, begins one with new data (Karn's rule). */
static inline void tcp_follow_rtt(struct tcp_space *t, const struct tcp_segment *s,
                                  unsigned verdict)
{
	struct tcp_side *fwd = &t->side[s->sender], *rev = &t->side[s->sender ^ 1];
	if ((rev->bits & TCP_SAMPLING) && (s->flags & TCP_FLAG_ACK)
	    && !tcp_before(s->ack, rev->sample_end)) {
		rev->bits &= (uint8_t)~TCP_SAMPLING;
		if (s->time_ns >= rev->sample_ns)
			tcp_rtt_sample(&t->rtt[s->sender ^ 1], s->time_ns - rev->sample_ns);
	}
	if (verdict & (TCP_RETRANSMITTED | TCP_OUT_OF_ORDER)) {
		fwd->bits &= (uint8_t)~TCP_SAMPLING;
	} else if (s->payload && !(fwd->bits & TCP_SAMPLING) && !(s->flags & TCP_CONTROL)
	           && !(verdict & (TCP_KEEP_ALIVE | TCP_PROBE))) {
		fwd->bits |= TCP_SAMPLING;
		fwd->sample_end = s->end;
		fwd->sample_ns = s->time_ns;
	}
}

/* The history has its letter and the state does not change: nearly all segments. */
static inline bool tcp_is_settled(const struct tcp_side *end, const struct tcp_segment *s)
{
	unsigned letter = s->payload ? TCP_LETTER_DATA : TCP_LETTER_ACK;
	return !(s->flags & TCP_CONTROL) && s->window && end->state != TCP_INACTIVE
		&& (end->letters & letter);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a TCP header says once: options (RFC 9293, 7323, 2018), the offer of a SYN, the first
 * segment of a record. What was not captured is not guessed. tcp_hot.h reads the rest.
 */
#include "measure/tcp.h"

#include "base/compiler.h"

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_MSS = 2, OPTION_SCALE = 3,
       OPTION_SACK_PERMITTED = 4 };

void tcp_segment_syn(struct tcp_space *t, const struct packet *p, unsigned sender)
{
	t->side[sender].bits &= (uint8_t)~(TCP_SCALES | TCP_SACKS | TCP_TELLS_MSS);
	t->side[sender].bits |= TCP_SYN_SEEN;
	t->side[sender].scale = 0;
	t->offer[sender].window = p->tcp_window;
	if (!(p->tcp_flags & TCP_FLAG_ACK))
		t->syn_bytes = p->ip_bytes < UINT16_MAX ? (uint16_t)p->ip_bytes : UINT16_MAX;
}

/* Only with the length that the option must have. */
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

void tcp_segment_options(struct tcp_space *t, const struct packet *p, const uint8_t *h,
                         const struct tcp_segment *s)
{
	unsigned header_bytes = (h[12] >> 4) * 4u;
	unsigned there = p->frame->captured_bytes - p->l4_offset;
	if (there > header_bytes)
		there = header_bytes;
	t->options[s->sender] |= walk_options(t, h + TCP_HEADER_BYTES, h + there, s);
}

void tcp_segment_first(struct tcp_space *t, const struct packet *p, const uint8_t *h,
                       unsigned sender)
{
	t->bits |= (uint8_t)(TCP_FIRST_0 << sender);
	t->first[sender] = (struct tcp_first){
		.seq = load_be32(h + 4), .ack = load_be32(h + 8), .window = load_be16(h + 14),
		.urgent = load_be16(h + 18), .flags = p->tcp_flags & 0xff,
		.header_bytes = (uint8_t)((h[12] >> 4) * 4),
	};
}

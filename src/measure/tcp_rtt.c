/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Round trips. The handshake gives one towards the server (SYN to SYN-ACK) and one towards the
 * client (SYN-ACK to ACK). Later ones are from new data to the acknowledgement of its last octet,
 * one at a time for each direction; what has been sent again gives none (Karn's rule, RFC 6298):
 * tcp_hot.h follows them.
 */
#include "measure/tcp.h"

enum { NS_PER_US = 1000 };

void tcp_rtt_sample(struct tcp_rtt *rtt, uint64_t ns)
{
	uint64_t us = ns / NS_PER_US;
	uint32_t value = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
	if (!rtt->count || value < rtt->min_us)
		rtt->min_us = value;
	if (value > rtt->max_us)
		rtt->max_us = value;
	rtt->sum_ns += ns;
	rtt->count++;
}

static void follow_syn(struct tcp_space *t, const struct tcp_segment *s)
{
	uint8_t client = s->sender ? TCP_HANDSHAKE_CLIENT_1 : 0;
	if ((t->handshake_bits & TCP_HANDSHAKE_SYN)
	    && (t->handshake_bits & TCP_HANDSHAKE_CLIENT_1) != client)
		return;                         /* both ends open at once */
	t->handshake_bits |= TCP_HANDSHAKE_SYN | client;
	t->handshake.syn_ns = s->time_ns;
}

/* The first answer to the latest SYN gives the time; one that is sent again does not. */
static void follow_syn_ack(struct tcp_space *t, const struct tcp_segment *s)
{
	struct tcp_handshake *h = &t->handshake;
	if (!(t->handshake_bits & TCP_HANDSHAKE_SYN_ACK) && s->time_ns >= h->syn_ns) {
		h->server_ns = s->time_ns - h->syn_ns;
		t->handshake_bits |= TCP_HANDSHAKE_SERVER_TIME;
	}
	h->syn_ack_ns = s->time_ns;
	t->handshake_bits |= TCP_HANDSHAKE_SYN_ACK;
}

/* The first ACK that takes the server's SYN in; times that go back give none. */
static void follow_last_ack(struct tcp_space *t, const struct tcp_segment *s)
{
	struct tcp_handshake *h = &t->handshake;
	const struct tcp_side *server = &t->side[s->sender ^ 1];
	if (!tcp_before(server->base, s->ack))
		return;
	t->handshake_bits |= TCP_HANDSHAKE_DONE;
	if (s->time_ns < h->syn_ack_ns || s->time_ns < h->syn_ns)
		return;
	h->client_ns = s->time_ns - h->syn_ack_ns;
	h->total_ns = s->time_ns - h->syn_ns;
	t->handshake_bits |= TCP_HANDSHAKE_TIMES;
}

void tcp_handshake_follow(struct tcp_space *t, const struct tcp_segment *s)
{
	unsigned kind = s->flags & (TCP_CONTROL | TCP_FLAG_ACK);
	bool from_client = !(t->handshake_bits & TCP_HANDSHAKE_CLIENT_1) == !s->sender;
	bool begun = t->handshake_bits & TCP_HANDSHAKE_SYN;
	if (kind == TCP_FLAG_SYN)
		follow_syn(t, s);
	else if (kind == (TCP_FLAG_SYN | TCP_FLAG_ACK) && begun && !from_client)
		follow_syn_ack(t, s);
	else if (kind == TCP_FLAG_ACK && from_client && (t->handshake_bits & TCP_HANDSHAKE_SYN_ACK))
		follow_last_ack(t, s);
}

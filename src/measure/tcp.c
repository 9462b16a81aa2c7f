/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tcp measure: the hook and its fields. What is judged and how stands in the files beside it
 * (tcp.h lists them); docs/measures.md has the rules and every field.
 *
 * The scope is the flow: sequence numbers, state and handshake outlive a record. What belongs to a
 * record is zeroed by tcp_cut() when one ends and the flow goes on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/pool.h"
#include "flow/direction.h"
#include "measure/measure.h"
#include "measure/tcp_hot.h"

enum { TROUBLES_MAX = 1 << 20 };        /* connections of a worker that may have some at a time */

struct tcp_worker {
	struct pool troubles;
};

/* ---- life ------------------------------------------------------------------------------------ */

/* The pool is bounded by a constant: chunks are for connections in trouble, and beyond the bound
 * their counts are absent. */
static int tcp_open(const void *argument, void **ret_worker, struct error *err)
{
	struct tcp_worker *worker = calloc(1, sizeof *worker);
	int r = -ENOMEM;
	(void)argument;
	if (worker)
		r = pool_init(&worker->troubles, sizeof(struct tcp_trouble), TROUBLES_MAX);
	if (r) {
		free(worker);
		return error_set(err, r, "tcp measure: no memory for %u connections",
		                 (unsigned)TROUBLES_MAX);
	}
	*ret_worker = worker;
	return 0;
}

static void tcp_close(void *worker)
{
	struct tcp_worker *w = worker;
	pool_fini(&w->troubles);
	free(w);
}

/* What begins anew with the next record of the flow. */
static void tcp_cut(struct tcp_space *t)
{
	memset(t->options, 0, sizeof t->options);
	t->bits &= (uint8_t)~(TCP_FIRST_0 | TCP_FIRST_1);
	memset(t->rtt, 0, sizeof t->rtt);
	for (unsigned i = 0; i < 2 && t->trouble; i++) {
		struct tcp_trouble_side *side = &t->trouble->side[i];
		const struct tcp_counts none = { 0 };
		side->retransmitted = side->out_of_order = side->duplicate_ack = none;
		side->zero_window = none;
		side->retransmitted_payload = side->gaps = 0;
	}
}

/* The chunk outlives a record, and goes with the flow. */
static void tcp_ended(const struct flow_view *view, uint8_t reason, bool gone)
{
	struct tcp_worker *worker = view->worker;
	struct tcp_space *t = view->space;
	(void)reason;
	if (!gone) {
		tcp_cut(t);
		return;
	}
	pool_give(&worker->troubles, t->trouble);
	t->trouble = NULL;
}

/* ---- packets --------------------------------------------------------------------------------- */

/* The chunk of a connection that needs one; NULL: none is left, and its counts are unknown. */
static struct tcp_trouble *trouble_of(struct tcp_worker *worker, struct tcp_space *t)
{
	if (!t->trouble && !(t->bits & TCP_LACKING)) {
		t->trouble = pool_take(&worker->troubles);
		if (!t->trouble)
			t->bits |= TCP_LACKING;
	}
	return t->trouble;
}

static void add_lanes(struct tcp_worker *worker, struct tcp_space *t, unsigned side)
{
	struct tcp_trouble *trouble = trouble_of(worker, t);
	for (unsigned i = 0; i < TCP_FLAG_COUNT && trouble; i++)
		trouble->side[side].flags[i] += t->side[side].flag_lanes >> (8 * i) & 0xff;
	t->side[side].flag_lanes = 0;
	t->side[side].lane_count = 0;
}

/* The packets of a super-frame all had ACK; its other flags may have been on one of them only. */
static void count_super_frame(struct tcp_worker *worker, struct tcp_space *t,
                              const struct packet *p, unsigned side)
{
	struct tcp_trouble *trouble = trouble_of(worker, t);
	if (trouble)
		trouble->side[side].flags[4] += p->tcp_flags & TCP_FLAG_ACK ? p->wire_packets - 1 : 0;
}

static void add_counts(struct tcp_counts *counts, const struct tcp_segment *s)
{
	counts->packets += s->packets;
	counts->octets += s->ip_bytes;
}

/* One segment may be several things. */
static void count_verdict(struct tcp_trouble_side *side, const struct tcp_segment *s,
                          unsigned verdict)
{
	if (verdict & TCP_RETRANSMITTED) {
		add_counts(&side->retransmitted, s);
		side->retransmitted_payload += s->payload;
	}
	if (verdict & TCP_OUT_OF_ORDER)
		add_counts(&side->out_of_order, s);
	if (verdict & TCP_DUPLICATE_ACK)
		add_counts(&side->duplicate_ack, s);
	if (verdict & TCP_ZERO_WINDOW)
		add_counts(&side->zero_window, s);
	side->gaps += verdict & TCP_GAP ? 1 : 0;
}

/* A segment that is not simply the next one. Returns the verdict. */
static unsigned judge(struct tcp_worker *worker, struct tcp_space *t, const struct tcp_segment *s)
{
	const struct tcp_side *side = &t->side[s->sender];
	if ((s->flags & (TCP_CONTROL | TCP_FLAG_ACK)) == TCP_FLAG_SYN && (side->bits & TCP_BASE)
	    && s->seq != side->base)
		tcp_restart(t, s);
	unsigned verdict = tcp_judge(t, s);
	if ((verdict & TCP_COUNTED) || !s->window) {
		struct tcp_trouble *trouble = trouble_of(worker, t);
		if (trouble)
			count_verdict(&trouble->side[s->sender], s, verdict);
	}
	tcp_follow(t, s, verdict);
	return verdict;
}

/* The order matters: what a segment is has to be known before round trips and history can use it.
 * Each step is left out for the segments that cannot concern it. */
static void follow_segment(struct tcp_worker *worker, struct tcp_space *t,
                           const struct tcp_segment *s, unsigned origin)
{
	unsigned verdict = tcp_is_ordinary(t, s) ? 0 : judge(worker, t, s);
	unsigned passed = t->side[0].hole_count | t->side[1].hole_count ? tcp_holes_passed(t, s) : 0;
	if (unlikely(!(t->handshake_bits & TCP_HANDSHAKE_DONE)
	             && (t->handshake_bits || (s->flags & TCP_FLAG_SYN))))
		tcp_handshake_follow(t, s);
	tcp_follow_rtt(t, s, verdict);
	if (unlikely(!tcp_is_settled(&t->side[s->sender], s) || passed))
		tcp_state_follow(t, s, origin, verdict, passed);
	else if ((verdict & TCP_RETRANSMITTED) && s->payload)
		tcp_state_repeat(t, s->sender);
}

static void prefetch_troubles(const struct hook_call *call)
{
	for (unsigned i = 0; i < call->count; i++) {
		const struct tcp_space *t = touch_space(call, i);
		if (t->trouble)
			prefetch_write(&t->trouble->side[call->touch[i]->sender].retransmitted);
	}
}

/* Flags count even where the header was not captured whole: the parser has those. */
static void tcp_update(const struct hook_call *call)
{
	struct tcp_worker *worker = call->worker;
	prefetch_troubles(call);
	for (unsigned i = 0; i < call->count; i++) {
		const struct flow_touch *touch = call->touch[i];
		const struct packet *p = touch->packet;
		struct tcp_space *t = touch_space(call, i);
		unsigned sender = touch->sender;
		struct tcp_segment s;
		const uint8_t *h = tcp_header(p);
		if (unlikely(!(t->bits & TCP_SEEN)))
			t->bits |= TCP_SEEN;
		if (unlikely(tcp_count_flags(&t->side[sender], p)))
			add_lanes(worker, t, sender);
		if (unlikely(p->wire_packets > 1))
			count_super_frame(worker, t, p, sender);
		if (unlikely(!h))
			continue;
		tcp_read(t, p, h, sender, &s);
		follow_segment(worker, t, &s, direction_initiator(touch->flow));
	}
}

/* ---- fields ---------------------------------------------------------------------------------- */

enum {  /* order of tcp_fields[] */
	FLAG_FIN, FLAG_SYN, FLAG_RST, FLAG_PSH, FLAG_ACK, FLAG_URG, FLAG_ECE, FLAG_CWR,
	FIRST_SEQ, FIRST_ACK, FIRST_WINDOW, FIRST_URGENT, FIRST_HEADER, FIRST_FLAGS, OPTIONS,
	RETRANSMITTED_PACKETS, RETRANSMITTED_OCTETS, RETRANSMITTED_PAYLOAD,
	OUT_OF_ORDER_PACKETS, OUT_OF_ORDER_OCTETS, DUPLICATE_ACK_PACKETS, DUPLICATE_ACK_OCTETS,
	ZERO_WINDOW_PACKETS, ZERO_WINDOW_OCTETS, GAPS, LOST,
	INITIAL_WINDOW, SCALE, SACK_PERMITTED, MSS, MSS_REVERSE, SYN_SIZE,
	RTT_COUNT, RTT_MIN, RTT_MEAN, RTT_MAX, STATE, HISTORY, HANDSHAKE, HANDSHAKE_SERVER,
	HANDSHAKE_CLIENT,
};

static const char *const tcp_fields[] = {
	[FLAG_FIN] = "tcpFinTotalCount", [FLAG_SYN] = "tcpSynTotalCount",
	[FLAG_RST] = "tcpRstTotalCount", [FLAG_PSH] = "tcpPshTotalCount",
	[FLAG_ACK] = "tcpAckTotalCount", [FLAG_URG] = "tcpUrgTotalCount",
	[FLAG_ECE] = "tcpEceTotalCount", [FLAG_CWR] = "tcpCwrTotalCount",
	[FIRST_SEQ] = "tcpSequenceNumber", [FIRST_ACK] = "tcpAcknowledgementNumber",
	[FIRST_WINDOW] = "tcpWindowSize", [FIRST_URGENT] = "tcpUrgentPointer",
	[FIRST_HEADER] = "tcpHeaderLength", [FIRST_FLAGS] = "initialTCPFlags",
	[OPTIONS] = "tcpOptions",
	[RETRANSMITTED_PACKETS] = "tcpRetransmittedPackets",
	[RETRANSMITTED_OCTETS] = "tcpRetransmittedOctets",
	[RETRANSMITTED_PAYLOAD] = "tcpRetransmittedPayloadOctets",
	[OUT_OF_ORDER_PACKETS] = "tcpOutOfOrderPackets", [OUT_OF_ORDER_OCTETS] = "tcpOutOfOrderOctets",
	[DUPLICATE_ACK_PACKETS] = "tcpDuplicateAckPackets",
	[DUPLICATE_ACK_OCTETS] = "tcpDuplicateAckOctets",
	[ZERO_WINDOW_PACKETS] = "tcpZeroWindowPackets", [ZERO_WINDOW_OCTETS] = "tcpZeroWindowOctets",
	[GAPS] = "tcpGapPackets", [LOST] = "tcpLostOctets",
	[INITIAL_WINDOW] = "tcpInitialWindow", [SCALE] = "tcpWindowScale",
	[SACK_PERMITTED] = "tcpSackPermitted",
	[MSS] = "tcpMss", [MSS_REVERSE] = "tcpMssRev", [SYN_SIZE] = "tcpSynSize",
	[RTT_COUNT] = "tcpRttSamples", [RTT_MIN] = "tcpRttMinMicroseconds",
	[RTT_MEAN] = "tcpRttMeanMicroseconds", [RTT_MAX] = "tcpRttMaxMicroseconds",
	[STATE] = "tcpConnectionState", [HISTORY] = "tcpHistory",
	[HANDSHAKE] = "tcpHandshakeMicroseconds",
	[HANDSHAKE_SERVER] = "tcpHandshakeServerMicroseconds",
	[HANDSHAKE_CLIENT] = "tcpHandshakeClientMicroseconds",
	NULL
};

static void write_flag(const struct tcp_space *t, unsigned side, unsigned flag,
                       struct value_writer *w)
{
	uint64_t count = t->side[side].flag_lanes >> (8 * flag) & 0xff;
	if (t->bits & TCP_LACKING)
		return;
	value_write_unsigned(w, count + (t->trouble ? t->trouble->side[side].flags[flag] : 0));
}

static void write_first(const struct tcp_space *t, unsigned side, unsigned field,
                        struct value_writer *w)
{
	const struct tcp_first *first = &t->first[side];
	const uint32_t value[] = { first->seq, first->ack, first->window, first->urgent,
	                           first->header_bytes, first->flags };
	if (t->bits & TCP_FIRST_0 << side)
		value_write_unsigned(w, value[field - FIRST_SEQ]);
}

/* Zero where nothing has gone wrong, absent where the pool had no chunk: the difference between
 * "none" and "unknown". */
static void write_trouble(const struct tcp_space *t, unsigned side, unsigned field,
                          struct value_writer *w)
{
#define AT(member) offsetof(struct tcp_trouble_side, member)
	static const uint16_t at[] = {
		AT(retransmitted.packets), AT(retransmitted.octets), AT(retransmitted_payload),
		AT(out_of_order.packets), AT(out_of_order.octets),
		AT(duplicate_ack.packets), AT(duplicate_ack.octets),
		AT(zero_window.packets), AT(zero_window.octets), AT(gaps), AT(lost),
	};
#undef AT
	static_assert(sizeof at / sizeof at[0] == LOST - RETRANSMITTED_PACKETS + 1, "a field each");
	uint64_t value = 0;
	if ((t->bits & TCP_LACKING) || !(t->side[side].bits & TCP_KNOWN))
		return;
	if (t->trouble)
		memcpy(&value, (const uint8_t *)&t->trouble->side[side]
		       + at[field - RETRANSMITTED_PACKETS], sizeof value);
	value_write_unsigned(w, value);
}

/* What the SYN of one end offered; MSS_REVERSE is asked of the source and speaks of the other. */
static void write_offer(const struct tcp_space *t, unsigned side, unsigned field,
                        struct value_writer *w)
{
	if (field == MSS_REVERSE)
		side ^= 1;
	unsigned bits = t->side[side].bits;
	if (field == SYN_SIZE) {
		if (t->syn_bytes)
			value_write_unsigned(w, t->syn_bytes);
	} else if (field == INITIAL_WINDOW && (bits & TCP_SYN_SEEN)) {
		value_write_unsigned(w, t->offer[side].window);
	} else if (field == SCALE && (bits & TCP_SCALES)) {
		value_write_unsigned(w, t->side[side].scale);
	} else if (field == SACK_PERMITTED && (bits & TCP_SYN_SEEN)) {
		value_write_unsigned(w, bits & TCP_SACKS ? 1 : 0);
	} else if ((field == MSS || field == MSS_REVERSE) && (bits & TCP_TELLS_MSS)) {
		value_write_unsigned(w, t->offer[side].mss);
	}
}

static void write_rtt(const struct tcp_space *t, unsigned side, unsigned field,
                      struct value_writer *w)
{
	const struct tcp_rtt *rtt = &t->rtt[side];
	if (field == RTT_COUNT && (t->side[side].bits & TCP_KNOWN))
		value_write_unsigned(w, rtt->count);
	if (field == RTT_COUNT || !rtt->count)
		return;
	uint64_t mean = rtt->sum_ns / rtt->count / 1000;
	value_write_unsigned(w, field == RTT_MIN ? rtt->min_us : field == RTT_MAX ? rtt->max_us : mean);
}

static void write_handshake(const struct tcp_space *t, unsigned field, struct value_writer *w)
{
	uint8_t need = field == HANDSHAKE_SERVER ? TCP_HANDSHAKE_SERVER_TIME : TCP_HANDSHAKE_TIMES;
	const struct tcp_handshake *h = &t->handshake;
	if (t->handshake_bits & need)
		value_write_unsigned(w, (field == HANDSHAKE ? h->total_ns
			: field == HANDSHAKE_SERVER ? h->server_ns : h->client_ns) / 1000);
}

/* State and history are of the connection: they need to know who its originator is, and that only
 * the record tells. */
static void write_connection(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct tcp_space *t = view->space;
	char text[TCP_HISTORY_BYTES + 1];
	if (!((t->side[0].bits | t->side[1].bits) & TCP_KNOWN))
		return;
	if (field == STATE) {
		const char *name = tcp_state_name(t, view->side);
		value_write_octets(w, name, (uint32_t)strlen(name));
		return;
	}
	unsigned length = tcp_history_text(t, view->side, view->cold->bits & COLD_TURNED, text);
	if (length)
		value_write_octets(w, text, length);
}

static void tcp_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct tcp_space *t = view->space;
	if (!(t->bits & TCP_SEEN))
		return;
	if (field <= FLAG_CWR)
		write_flag(t, view->side, field, w);
	else if (field <= FIRST_FLAGS)
		write_first(t, view->side, field, w);
	else if (field == OPTIONS && (t->bits & TCP_FIRST_0 << view->side))
		value_write_unsigned(w, t->options[view->side]);
	else if (field >= RETRANSMITTED_PACKETS && field <= LOST)
		write_trouble(t, view->side, field, w);
	else if (field >= INITIAL_WINDOW && field <= SYN_SIZE)
		write_offer(t, view->side, field, w);
	else if (field >= RTT_COUNT && field <= RTT_MAX)
		write_rtt(t, view->side, field, w);
	else if (field == STATE || field == HISTORY)
		write_connection(view, field, w);
	else if (field >= HANDSHAKE)
		write_handshake(t, field, w);
}

static void tcp_count(const void *worker, uint64_t ret[HOOK_COUNTERS_MAX])
{
	ret[0] = ((const struct tcp_worker *)worker)->troubles.refused;
}

const struct flow_hook measure_tcp = {
	.name = "tcp", .help = "flags, state, history, losses and round trips of TCP connections",
	.fields = tcp_fields, .space_bytes = sizeof(struct tcp_space), .wants = HOOK_TCP,
	.hot_bytes = offsetof(struct tcp_space, handshake), .scope = HOOK_SCOPE_FLOW, .open = tcp_open,
	.update = tcp_update, .ended = tcp_ended, .write = tcp_write, .close = tcp_close,
	.counters = measure_counters, .count = tcp_count,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a segment is, by its sequence and acknowledgement numbers: new, a retransmission, out of
 * order, a duplicate ACK, a keep-alive, a probe. The rules are in docs/measures.md; they are those
 * that tshark documents for its TCP analysis, with the differences listed there.
 *
 * An end is known by the number expected next, the lowest number seen, and up to TCP_HOLES ranges
 * in between that were passed over: what is in none of them has been seen. When there are more
 * holes than fit, the lowest is forgotten. Numbers are compared within half the space, and what is
 * more than TCP_REACH behind is forgotten before it could be mistaken for something ahead.
 */
#include "measure/tcp_hot.h"

#include <string.h>

enum { FAST_NS = 20000000, REORDER_NS = 3000000 };

/* ---- holes ----------------------------------------------------------------------------------- */

/* Nothing of it below the lowest number, and in no hole. */
static bool is_all_seen(const struct tcp_space *t, const struct tcp_segment *s)
{
	const struct tcp_side *side = &t->side[s->sender];
	if (tcp_before(s->seq, side->low))
		return false;
	return !tcp_is_in_hole(t, s);
}

/* Keeps the highest of `count` holes. */
static void set_holes(struct tcp_space *t, unsigned side, const struct tcp_hole *hole,
                      unsigned count)
{
	unsigned skip = count > TCP_HOLES ? count - TCP_HOLES : 0;
	memmove(t->trouble->side[side].hole, hole + skip, (count - skip) * sizeof *hole);
	t->side[side].hole_count = (uint8_t)(count - skip);
}

/* It counts as lost from now on; what comes later takes that back. */
static void open_hole(struct tcp_space *t, unsigned side, uint32_t start, uint32_t end)
{
	struct tcp_trouble_side *trouble = &t->trouble->side[side];
	struct tcp_hole hole[TCP_HOLES + 1];
	unsigned count = t->side[side].hole_count;
	memcpy(hole, trouble->hole, count * sizeof *hole);
	hole[count] = (struct tcp_hole){ start, end, false };
	set_holes(t, side, hole, count + 1);
	trouble->lost += end - start;
}

static uint32_t later(uint32_t a, uint32_t b)
{
	return tcp_before(a, b) ? b : a;
}

static uint32_t earlier(uint32_t a, uint32_t b)
{
	return tcp_before(a, b) ? a : b;
}

/* A hole may shrink from either end, be cut in two or go. */
static void fill_holes(struct tcp_space *t, unsigned side, uint32_t start, uint32_t end)
{
	struct tcp_trouble_side *trouble = &t->trouble->side[side];
	struct tcp_hole hole[TCP_HOLES + 1];
	unsigned count = 0;
	for (unsigned i = 0; i < t->side[side].hole_count; i++) {
		struct tcp_hole h = trouble->hole[i];
		uint32_t from = later(h.start, start), to = earlier(h.end, end);
		if (!tcp_before(from, to)) {
			hole[count++] = h;
			continue;
		}
		trouble->lost -= to - from;
		if (h.start != from)
			hole[count++] = (struct tcp_hole){ h.start, from, h.acknowledged };
		if (h.end != to)
			hole[count++] = (struct tcp_hole){ to, h.end, h.acknowledged };
	}
	set_holes(t, side, hole, count);
}

static void forget_holes(struct tcp_space *t, unsigned side)
{
	const struct tcp_hole *hole = t->trouble->side[side].hole;
	unsigned count = t->side[side].hole_count, gone = 0;
	while (gone < count && t->side[side].next - hole[gone].start > TCP_REACH)
		gone++;
	if (unlikely(gone))
		set_holes(t, side, hole + gone, count - gone);
}

/* Each hole counts once, though every later ACK passes it. */
unsigned tcp_holes_passed(struct tcp_space *t, const struct tcp_segment *s)
{
	unsigned other = s->sender ^ 1, passed = 0;
	for (unsigned side = 0; side < 2; side++)
		if (t->side[side].hole_count)
			forget_holes(t, side);
	if (!(t->side[s->sender].bits & TCP_ACKED))
		return 0;
	for (unsigned i = 0; i < t->side[other].hole_count; i++) {
		struct tcp_hole *hole = &t->trouble->side[other].hole[i];
		if (!hole->acknowledged && tcp_before(hole->start, s->ack)) {
			hole->acknowledged = true;
			passed++;
		}
	}
	return passed;
}

/* ---- judgement ------------------------------------------------------------------------------- */

/* The number behind all that was sent, a probe's octet too. */
static uint32_t sent_to(const struct tcp_side *side)
{
	return side->next + (side->last_kind & TCP_PROBED ? 1 : 0);
}

static bool is_probe(const struct tcp_side *fwd, const struct tcp_side *rev,
                     const struct tcp_segment *s)
{
	return s->payload == 1 && s->seq == fwd->next && (rev->bits & TCP_KNOWN) && rev->window == 0;
}

/* A segment without payload that repeats where its end stands. */
static unsigned judge_repeated_ack(const struct tcp_side *fwd, const struct tcp_side *rev,
                                   const struct tcp_segment *s)
{
	bool repeats = !s->payload && s->seq == fwd->next && s->window == fwd->window
		&& (s->flags & (TCP_CONTROL | TCP_FLAG_ACK)) == TCP_FLAG_ACK && (fwd->bits & TCP_ACKED);
	if (!repeats)
		return 0;
	if (!s->window)
		return s->ack - fwd->ack <= 1 && (rev->last_kind & TCP_PROBE) ? TCP_PROBE_ACK : 0;
	if (s->ack != fwd->ack)
		return 0;
	return rev->last_kind & TCP_KEEP_ALIVE ? TCP_KEEP_ALIVE_ACK : TCP_DUPLICATE_ACK;
}

static uint64_t reorder_ns(const struct tcp_space *t)
{
	return t->handshake_bits & TCP_HANDSHAKE_TIMES && t->handshake.total_ns
		? t->handshake.total_ns : REORDER_NS;
}

/* A segment that takes sequence space: new (0), a retransmission or out of order. */
static unsigned judge_data(const struct tcp_space *t, const struct tcp_segment *s)
{
	const struct tcp_side *fwd = &t->side[s->sender], *rev = &t->side[s->sender ^ 1];
	uint32_t payload_end = s->seq + s->payload;
	if (s->payload && (rev->bits & TCP_ACKED) && !tcp_before(rev->ack, payload_end))
		return TCP_RETRANSMITTED;
	if (!(fwd->bits & TCP_KNOWN) || !tcp_before(s->seq, fwd->next)
	    || (s->payload > 1 && s->seq == fwd->next - 1))
		return 0;
	bool fast = rev->duplicate_acks >= 2 && rev->ack == s->seq
		&& s->time_ns - rev->last_ns < FAST_NS;
	if (fast || s->end == fwd->next || s->time_ns - fwd->next_ns >= reorder_ns(t)
	    || is_all_seen(t, s))
		return TCP_RETRANSMITTED;
	return TCP_OUT_OF_ORDER;
}

/* Nothing is changed here, so that the same question can be asked again; tcp_follow() takes the
 * answer. */
unsigned tcp_judge(const struct tcp_space *t, const struct tcp_segment *s)
{
	const struct tcp_side *fwd = &t->side[s->sender], *rev = &t->side[s->sender ^ 1];
	unsigned verdict = 0;
	bool known = fwd->bits & TCP_KNOWN, control = s->flags & TCP_CONTROL;
	if (known && is_probe(fwd, rev, s))
		return TCP_PROBE | judge_data(t, s);
	if (s->window == 0 && !control)
		verdict |= TCP_ZERO_WINDOW;
	if (known && tcp_before(sent_to(fwd), s->seq) && !(s->flags & TCP_FLAG_RST))
		verdict |= TCP_GAP;
	if (known && s->payload <= 1 && s->seq == fwd->next - 1 && !control)
		verdict |= TCP_KEEP_ALIVE;
	if (known)
		verdict |= judge_repeated_ack(fwd, rev, s);
	if (s->end != s->seq && !(verdict & TCP_KEEP_ALIVE))
		verdict |= judge_data(t, s);
	return verdict;
}

/* ---- what is remembered of it ---------------------------------------------------------------- */

/* An end that is met under way: its first segment is where everything is counted from. */
static void begin_side(struct tcp_side *side, const struct tcp_segment *s)
{
	side->bits |= TCP_KNOWN;
	side->next = s->end;
	side->low = s->seq;
	side->next_ns = s->time_ns;
	if (!(side->bits & TCP_BASE)) {
		side->base = s->flags & TCP_FLAG_SYN ? s->seq : s->seq - 1;
		side->bits |= TCP_BASE;
	}
}

/* Beyond what a window can reach it is another connection, or damage: what was known of holes is of
 * no use then. */
static void pass_over(struct tcp_space *t, const struct tcp_segment *s)
{
	struct tcp_side *side = &t->side[s->sender];
	if (s->seq - side->next > TCP_REACH) {
		side->low = s->seq;
		side->hole_count = 0;
	} else if (t->trouble) {
		open_hole(t, s->sender, side->next, s->seq);
	}
}

/* First what an old probe has moved, then holes, then the number that is expected next. */
static void follow_sequence(struct tcp_space *t, const struct tcp_segment *s, unsigned verdict)
{
	struct tcp_side *side = &t->side[s->sender];
	if (!(side->bits & TCP_KNOWN)) {
		begin_side(side, s);
		return;
	}
	if (tcp_before(side->next, s->seq))
		tcp_expect(side, sent_to(side), side->next_ns);
	if (verdict & TCP_GAP)
		pass_over(t, s);
	else if (s->end != s->seq && tcp_is_in_hole(t, s))
		fill_holes(t, s->sender, s->seq, s->end);
	if (s->end != s->seq && tcp_before(s->seq, side->low))
		side->low = side->next - s->seq > TCP_REACH ? side->next - TCP_REACH : s->seq;
	if (tcp_before(side->next, s->end) && !(verdict & TCP_PROBE))
		tcp_expect(side, s->end, s->time_ns);
}

/* Both ends are touched: what an ACK says is about the other one. */
void tcp_follow(struct tcp_space *t, const struct tcp_segment *s, unsigned verdict)
{
	struct tcp_side *fwd = &t->side[s->sender], *rev = &t->side[s->sender ^ 1];
	if (s->ack != fwd->ack)
		fwd->duplicate_acks = 0;
	else if ((verdict & TCP_DUPLICATE_ACK) && fwd->duplicate_acks < UINT8_MAX)
		fwd->duplicate_acks++;
	if ((rev->last_kind & TCP_PROBED) && (s->flags & TCP_FLAG_ACK) && s->ack == rev->next + 1)
		tcp_expect(rev, s->ack, rev->next_ns);      /* the probe's octet was taken in */
	follow_sequence(t, s, verdict);
	if ((s->flags & TCP_FLAG_ACK) && !(rev->bits & TCP_BASE)) {
		rev->base = s->ack - 1;
		rev->bits |= TCP_BASE;
	}
	fwd->last_kind &= TCP_PROBED;
	fwd->last_kind |= verdict & (TCP_KEEP_ALIVE | TCP_PROBE);
	if (verdict & TCP_PROBE)
		fwd->last_kind |= TCP_PROBED;
	tcp_note_last(fwd, s);
}

void tcp_restart(struct tcp_space *t, const struct tcp_segment *s)
{
	for (unsigned i = 0; i < 2; i++) {
		struct tcp_side *side = &t->side[i];
		side->bits &= (uint8_t)~(TCP_KNOWN | TCP_ACKED | TCP_SAMPLING | TCP_BASE);
		if (i != s->sender)
			side->bits &= (uint8_t)~(TCP_SYN_SEEN | TCP_SCALES | TCP_SACKS | TCP_TELLS_MSS);
		side->hole_count = side->duplicate_acks = side->last_kind = 0;
	}
	t->handshake_bits = 0;
}

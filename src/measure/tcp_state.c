/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a connection and its history, as Zeek writes them (conn_state and history of its
 * conn.log): each end has a state of its own, and the pair of them has a name. The rules are in
 * docs/measures.md. Letters are kept in lower case with the end that caused them; whose are upper
 * case is known when the record is written.
 */
#include "measure/tcp.h"

#include "base/compiler.h"

enum { END_1 = 0x80 };

/* ---- history --------------------------------------------------------------------------------- */

static void add_letter(struct tcp_space *t, unsigned side, char letter)
{
	if (t->history_bytes < TCP_HISTORY_BYTES)
		t->history[t->history_bytes++] = (uint8_t)(letter | (side ? END_1 : 0));
}

/* A letter that is written once for each end. True: it has been written before. */
static bool add_once(struct tcp_space *t, unsigned side, enum tcp_letter mask, char letter)
{
	if (t->side[side].letters & mask)
		return true;
	t->side[side].letters |= (uint8_t)mask;
	add_letter(t, side, letter);
	return false;
}

struct repeatable {                     /* a letter, and where it last came */
	enum tcp_letter mask;
	char letter;
	uint32_t *last;
};

/* A letter that is written again when it comes with another sequence number than last time. */
static void add_changed(struct tcp_space *t, unsigned side, struct repeatable r, uint32_t seq)
{
	if (add_once(t, side, r.mask, r.letter) && *r.last != seq)
		add_letter(t, side, r.letter);
	*r.last = seq;
}

/* Counts; true for the 1st, 10th, 100th, ... */
static bool is_decade(uint32_t *count)
{
	if (*count == UINT32_MAX)
		return false;
	uint32_t value = ++*count;
	while (value % 10 == 0)
		value /= 10;
	return value == 1;
}

/* Letters of SYN, FIN and RST come again when the number differs: a repetition of the same segment
 * is none. */
static void add_control(struct tcp_space *t, const struct tcp_segment *s)
{
	struct tcp_offer *last = &t->offer[s->sender];
	unsigned control = s->flags & TCP_CONTROL;
	struct repeatable syn = { TCP_LETTER_SYN, s->flags & TCP_FLAG_ACK ? 'h' : 's', &last->syn_seq };
	struct repeatable fin = { TCP_LETTER_FIN, 'f', &last->fin_seq };
	struct repeatable rst = { TCP_LETTER_RST, 'r', &last->rst_seq };
	if (control == TCP_FLAG_SYN)
		add_changed(t, s->sender, syn, s->seq);
	else if (control == TCP_FLAG_FIN)
		add_changed(t, s->sender, fin, s->seq + s->payload);
	else if (control == TCP_FLAG_RST)
		add_changed(t, s->sender, rst, s->seq);
	else if (control & TCP_FLAG_SYN && !(control & TCP_FLAG_FIN && control & TCP_FLAG_RST))
		add_once(t, s->sender, TCP_LETTER_MULTI, 'q');
	else
		add_once(t, s->sender, TCP_LETTER_ODD, 'i');
}

static void add_history(struct tcp_space *t, const struct tcp_segment *s)
{
	if (s->flags & TCP_CONTROL)
		add_control(t, s);
	else if (s->payload)
		add_once(t, s->sender, TCP_LETTER_DATA, 'd');
	else if (s->flags & TCP_FLAG_ACK)
		add_once(t, s->sender, TCP_LETTER_ACK, 'a');
	if (s->payload)
		t->side[s->sender].letters |= TCP_SPOKE_DATA;
}

/* A closed window says nothing in or behind a reset, nor once the other end has nothing to send. */
static bool is_window_closed(const struct tcp_space *t, const struct tcp_segment *s)
{
	return s->window == 0 && !(s->flags & TCP_FLAG_RST) && t->side[s->sender].state < TCP_RESET
		&& t->side[s->sender ^ 1].state != TCP_CLOSED;
}

unsigned tcp_history_text(const struct tcp_space *t, unsigned origin, bool turned,
                          char text[TCP_HISTORY_BYTES + 1])
{
	unsigned length = 0;
	if (turned && t->history_bytes)
		text[length++] = '^';
	for (unsigned i = 0; i < t->history_bytes; i++) {
		char letter = (char)(t->history[i] & ~END_1);
		bool of_origin = (t->history[i] & END_1 ? 1u : 0u) == origin;
		text[length++] = of_origin ? (char)(letter - 'a' + 'A') : letter;
	}
	return length;
}

/* ---- state ----------------------------------------------------------------------------------- */

static bool is_reset(uint8_t state)
{
	return state >= TCP_RESET;
}

/* By who speaks first and whether it answers; docs/measures.md has the rules. */
static void open_inactive(struct tcp_side *end, struct tcp_side *peer, bool answers,
                          bool is_origin)
{
	if (is_origin && peer->state != TCP_ESTABLISHED) {
		end->state = answers ? TCP_SYN_ACK_SENT : TCP_SYN_SENT;
		return;
	}
	if (peer->state == TCP_SYN_SENT || (!answers && peer->state == TCP_SYN_ACK_SENT))
		peer->state = TCP_ESTABLISHED;
	end->state = TCP_ESTABLISHED;
}

static void leave_inactive(struct tcp_side *end, struct tcp_side *peer, const struct tcp_segment *s,
                           bool is_origin)
{
	bool answers = s->flags & TCP_FLAG_ACK;
	if (s->flags & TCP_FLAG_SYN)
		open_inactive(end, peer, answers, is_origin);
	if (s->flags & TCP_FLAG_FIN)
		end->state = TCP_CLOSED;
	if (s->flags & TCP_FLAG_RST)
		end->state = TCP_RESET;
	if (s->flags & TCP_CONTROL)
		return;
	if (!is_origin && !s->payload && peer->state == TCP_SYN_SENT)
		return;                         /* an ACK before the SYN-ACK */
	end->state = answers && peer->state == TCP_ESTABLISHED ? TCP_ESTABLISHED : TCP_PARTIAL;
}

/* Of an end that has spoken and has not closed. */
static void close_open(struct tcp_side *end, struct tcp_side *peer, uint8_t flags)
{
	bool opened = end->state == TCP_PARTIAL || end->state == TCP_ESTABLISHED;
	if (opened && (flags & TCP_CONTROL) == TCP_FLAG_SYN && !(flags & TCP_FLAG_ACK)
	    && end->state == TCP_PARTIAL && peer->state == TCP_INACTIVE)
		end->state = TCP_SYN_SENT;
	if ((flags & TCP_FLAG_FIN) && !(flags & TCP_FLAG_RST)) {
		end->state = TCP_CLOSED;
		if (opened && peer->state == TCP_RESET_AFTER_FIN)
			peer->state = TCP_CLOSED;   /* both have said FIN after all */
	}
	if (flags & TCP_FLAG_RST)
		end->state = TCP_RESET;
}

/* A segment moves the end that sent it; the other one only where the first proves what it had left
 * open. */
static void follow_state(struct tcp_space *t, const struct tcp_segment *s, unsigned origin)
{
	struct tcp_side *end = &t->side[s->sender], *peer = &t->side[s->sender ^ 1];
	if (end->state == TCP_INACTIVE)
		leave_inactive(end, peer, s, s->sender == origin);
	else if (end->state < TCP_CLOSED)
		close_open(end, peer, s->flags);
	else if (end->state == TCP_CLOSED && (s->flags & TCP_FLAG_RST) && peer->state != TCP_CLOSED)
		end->state = TCP_RESET_AFTER_FIN;
}

/* Zeek's names: REJ for a connection that was refused, RSTO and RSTR by who reset it. */
static const char *name_of_reset(const struct tcp_side *origin, const struct tcp_side *responder)
{
	bool silent = !((origin->letters | responder->letters) & TCP_SPOKE_DATA);
	bool origin_out = origin->state == TCP_INACTIVE || origin->state == TCP_PARTIAL;
	bool responder_out = responder->state == TCP_INACTIVE || responder->state == TCP_PARTIAL;
	if (!is_reset(responder->state))
		return responder_out ? "RSTOS0" : "RSTO";
	if (origin->state == TCP_SYN_SENT || origin->state == TCP_SYN_ACK_SENT
	    || (is_reset(origin->state) && silent))
		return "REJ";
	return origin_out ? "RSTRH" : "RSTR";
}

/* The first line that fits, in this order. */
const char *tcp_state_name(const struct tcp_space *t, unsigned origin)
{
	const struct tcp_side *o = &t->side[origin], *r = &t->side[origin ^ 1];
	bool origin_out = o->state == TCP_INACTIVE || o->state == TCP_PARTIAL;
	bool responder_out = r->state == TCP_INACTIVE || r->state == TCP_PARTIAL;
	if (is_reset(o->state) || is_reset(r->state))
		return name_of_reset(o, r);
	if (o->state == TCP_CLOSED && r->state == TCP_CLOSED)
		return "SF";
	if (o->state == TCP_CLOSED)
		return responder_out ? "SH" : "S2";
	if (r->state == TCP_CLOSED)
		return origin_out ? "SHR" : "S3";
	if (o->state == TCP_SYN_SENT && r->state == TCP_INACTIVE)
		return "S0";
	return o->state == TCP_ESTABLISHED && r->state == TCP_ESTABLISHED ? "S1" : "OTH";
}

/* ---- one segment ----------------------------------------------------------------------------- */

/* Letters for what goes wrong come at each power of ten, as Zeek writes them. */
void tcp_state_repeat(struct tcp_space *t, unsigned sender)
{
	if (t->trouble && is_decade(&t->trouble->side[sender].retransmissions))
		add_letter(t, sender, 't');
}

void tcp_state_follow(struct tcp_space *t, const struct tcp_segment *s, unsigned origin,
                      unsigned verdict, unsigned passed)
{
	struct tcp_trouble *trouble = t->trouble;
	add_history(t, s);
	if (is_window_closed(t, s) && trouble && is_decade(&trouble->side[s->sender].zero_windows))
		add_letter(t, s->sender, 'w');
	follow_state(t, s, origin);
	if ((verdict & TCP_RETRANSMITTED) && s->payload)
		tcp_state_repeat(t, s->sender);
	while (passed-- && trouble)
		if (is_decade(&trouble->side[s->sender ^ 1].gaps_acknowledged))
			add_letter(t, s->sender ^ 1, 'g');
}

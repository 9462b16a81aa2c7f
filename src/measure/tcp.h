/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the tcp measure share: the state of a connection and the steps that a segment
 * takes through it. Rules: docs/measures.md, section tcp.
 *
 * Two hot lines, one for each end, are all that an ordinary segment touches. What only some
 * connections need (holes, counts of what went wrong) is a chunk of a pool (struct tcp_trouble).
 *
 * tcp.c hook and fields, tcp_hot.h what every segment goes through, tcp_segment.c options,
 * tcp_sequence.c judgement and holes, tcp_rtt.c round trips, tcp_state.c state and history.
 */
#ifndef MEASURE_TCP_H
#define MEASURE_TCP_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/packet.h"

enum {
	TCP_HEADER_BYTES = 20,          /* without options */
	TCP_HOLES = 4,                  /* remembered for each end */
	TCP_HISTORY_BYTES = 37,         /* letters kept: what is left of a line */
	TCP_REACH = 1 << 30,            /* octets: no window is larger (RFC 7323, section 2.2) */
	TCP_FLAG_COUNT = 8,             /* FIN SYN RST PSH ACK URG ECE CWR, by bit */
	TCP_LANES_FULL = 255,
};

enum { TCP_FLAG_FIN = 1, TCP_FLAG_SYN = 2, TCP_FLAG_RST = 4, TCP_FLAG_PSH = 8, TCP_FLAG_ACK = 16,
       TCP_CONTROL = TCP_FLAG_FIN | TCP_FLAG_SYN | TCP_FLAG_RST };

enum tcp_verdict {                      /* what a segment is; several may hold */
	TCP_RETRANSMITTED = 1, TCP_OUT_OF_ORDER = 2, TCP_DUPLICATE_ACK = 4, TCP_ZERO_WINDOW = 8,
	TCP_GAP = 16,                   /* it begins beyond what was expected */
	TCP_KEEP_ALIVE = 32, TCP_KEEP_ALIVE_ACK = 64,
	TCP_PROBE = 128, TCP_PROBE_ACK = 256,
	TCP_PROBED = 1,                 /* in last_kind: a probe has sent the octet at next */
	TCP_COUNTED = TCP_RETRANSMITTED | TCP_OUT_OF_ORDER | TCP_DUPLICATE_ACK | TCP_ZERO_WINDOW
		| TCP_GAP,
};

/* What is known of one end: struct tcp_side.bits. */
enum tcp_side_bits {
	TCP_KNOWN = 1,                  /* next, low, window, last_ns are set */
	TCP_ACKED = 2,                  /* ack is set: the last segment had ACK */
	TCP_SAMPLING = 4,               /* a round trip is being measured */
	TCP_BASE = 8,                   /* base is set */
	TCP_SYN_SEEN = 16,
	TCP_SCALES = 32,                /* the SYN offered window scaling */
	TCP_SACKS = 64,                 /* the SYN permitted SACK */
	TCP_TELLS_MSS = 128,            /* the SYN told a segment size */
};

enum tcp_state {                        /* of one end, as Zeek has them */
	TCP_INACTIVE, TCP_SYN_SENT, TCP_SYN_ACK_SENT, TCP_PARTIAL, TCP_ESTABLISHED, TCP_CLOSED,
	TCP_RESET, TCP_RESET_AFTER_FIN
};

enum tcp_letter {                       /* history letters seen, of one end */
	TCP_LETTER_SYN = 1, TCP_LETTER_FIN = 2, TCP_LETTER_RST = 4, TCP_LETTER_DATA = 8,
	TCP_LETTER_ACK = 16, TCP_LETTER_ODD = 32, TCP_LETTER_MULTI = 64,
	TCP_SPOKE_DATA = 128,           /* no letter: some segment had payload */
};

/* What one end has sent. The line that every segment touches. */
struct tcp_side {
	uint64_t next_ns;               /* when next last moved */
	uint64_t last_ns;               /* of its last segment */
	uint64_t sample_ns;             /* when the octet before sample_end was sent */
	uint64_t flag_lanes;            /* packets with each flag, an octet each, since added up */
	uint32_t next;                  /* sequence number behind the highest octet seen */
	uint32_t low;                   /* lowest sequence number that counts as seen */
	uint32_t ack;                   /* acknowledgement number of its last segment */
	uint32_t window;                /* octets, of its last segment */
	uint32_t sample_end;            /* acknowledged: the round trip is over */
	uint32_t base;                  /* number of its SYN; without, one less than its first */
	uint8_t  bits;                  /* enum tcp_side_bits */
	uint8_t  last_kind;             /* TCP_KEEP_ALIVE, TCP_PROBE: its last segment; TCP_PROBED */
	uint8_t  hole_count;
	uint8_t  state;                 /* enum tcp_state */
	uint8_t  letters;               /* enum tcp_letter */
	uint8_t  lane_count;            /* packets in flag_lanes */
	uint8_t  duplicate_acks;        /* in a row, saturating */
	uint8_t  scale;                 /* window scale of its SYN */
};
static_assert(sizeof(struct tcp_side) == 64, "one cache line");

struct tcp_hole {                       /* octets passed over, [start, end) */
	uint32_t start, end;
	uint32_t acknowledged;          /* the other end has them: the capture has not */
};

struct tcp_counts {                     /* of a record */
	uint64_t packets, octets;
};

/* What the connection of one end has suffered. */
struct tcp_trouble_side {
	struct tcp_hole hole[TCP_HOLES];/* by position; tcp_side.hole_count of them */
	uint64_t flags[TCP_FLAG_COUNT]; /* packets with each flag, of the flow; flag_lanes apart */
	uint64_t lost;                  /* octets passed over and not seen since, of the flow */
	struct tcp_counts retransmitted, out_of_order, duplicate_ack, zero_window;      /* record's */
	uint64_t retransmitted_payload, gaps;   /* record's */
	uint32_t retransmissions, gaps_acknowledged, zero_windows;      /* of the flow, for letters */
};
/* From the pool, for connections that something has happened to. */
struct tcp_trouble {
	struct tcp_trouble_side side[2];
};

struct tcp_first {                      /* the first segment of a record from one end */
	uint32_t seq, ack;
	uint16_t window, urgent, flags;
	uint8_t  header_bytes;
};

struct tcp_rtt {                        /* round trips of a record */
	uint64_t sum_ns;
	uint32_t count;
	uint32_t min_us, max_us;
};

struct tcp_offer {                      /* by the latest SYN of one end */
	uint16_t window, mss;
	uint32_t syn_seq, fin_seq, rst_seq;     /* last with a letter, for repeats */
};

/* How far the handshake has come: struct tcp_space.handshake_bits. */
enum tcp_handshake_bits {
	TCP_HANDSHAKE_SYN = 1, TCP_HANDSHAKE_SYN_ACK = 2, TCP_HANDSHAKE_DONE = 4,
	TCP_HANDSHAKE_CLIENT_1 = 8,     /* endpoint 1 sent the SYN */
	TCP_HANDSHAKE_SERVER_TIME = 16, TCP_HANDSHAKE_TIMES = 32        /* values are sound */
};

/* Of the connection, not of a record. */
struct tcp_handshake {
	uint64_t syn_ns, syn_ack_ns;    /* latest of each */
	uint64_t server_ns;             /* SYN to first SYN-ACK */
	uint64_t client_ns, total_ns;   /* SYN-ACK, SYN to the ACK that ends it */
};

/* Of the flow: struct tcp_space.bits. */
enum tcp_space_bits {
	TCP_SEEN = 1,
	TCP_FIRST_0 = 4, TCP_FIRST_1 = 8,       /* first[] of this endpoint is set */
	TCP_LACKING = 2,                /* the pool had no chunk: counts are unknown */
};

/* All of a flow. Zeroed when it begins; parts of it when a record is cut (tcp_cut()). */
struct tcp_space {
	struct tcp_side side[2];
	/* the third line: read for every segment, seldom written */
	struct tcp_trouble *trouble;    /* NULL: nothing has gone wrong yet */
	uint8_t bits;                   /* enum tcp_space_bits */
	uint8_t handshake_bits;         /* enum tcp_handshake_bits */
	uint8_t history_bytes;
	uint8_t history[TCP_HISTORY_BYTES];     /* lower-case letters; 0x80: endpoint 1 */
	uint64_t options[2];            /* kinds 0 to 63 seen in the record */
	/* the rest */
	struct tcp_handshake handshake;
	struct tcp_first first[2];
	struct tcp_rtt rtt[2];          /* [i]: data of endpoint i and their ACKs */
	struct tcp_offer offer[2];
	uint16_t syn_bytes;             /* IP length of the latest SYN without ACK; 0: none */
};
static_assert(offsetof(struct tcp_space, handshake) == 192, "three lines for a segment");
static_assert(sizeof(struct tcp_space) % 8 == 0, "space");

/* A segment, as the steps want it. */
struct tcp_segment {
	uint64_t time_ns;
	uint32_t seq, ack;
	uint32_t payload;               /* octets, as declared */
	uint32_t end;                   /* behind the payload, SYN and FIN included */
	uint32_t window;                /* octets */
	uint32_t ip_bytes, packets;
	uint8_t  flags, sender;
};

static inline bool tcp_before(uint32_t a, uint32_t b)   /* in the sequence space */
{
	return (int32_t)(a - b) < 0;
}

/* tcp_segment.c: what tcp_hot.h leaves; h is the header, all of its 20 octets there */

/* What a SYN says besides its options: the latest SYN's word counts. */
void tcp_segment_syn(struct tcp_space *t, const struct packet *p, unsigned sender);
/* Walks the options, notes their kinds and what a SYN's offer. */
void tcp_segment_options(struct tcp_space *t, const struct packet *p, const uint8_t *h,
                         const struct tcp_segment *s);
/* Notes the first segment of a record from one end. */
void tcp_segment_first(struct tcp_space *t, const struct packet *p, const uint8_t *h,
                       unsigned sender);

/* tcp_sequence.c */

/* What a segment is that is not simply the next one (tcp_hot.h); tcp_follow() notes it. */
unsigned tcp_judge(const struct tcp_space *t, const struct tcp_segment *s);
void tcp_follow(struct tcp_space *t, const struct tcp_segment *s, unsigned verdict);
/* Holes of the other end that this segment acknowledges for the first time; forgets what is out of
 * reach. Only when there are holes. */
unsigned tcp_holes_passed(struct tcp_space *t, const struct tcp_segment *s);
/* A SYN that begins another connection: sequence numbers and handshake start afresh. */
void tcp_restart(struct tcp_space *t, const struct tcp_segment *s);

/* tcp_rtt.c */
void tcp_rtt_sample(struct tcp_rtt *rtt, uint64_t ns);
/* Segments of a handshake that is not done; others are not shown to it. */
void tcp_handshake_follow(struct tcp_space *t, const struct tcp_segment *s);

/* tcp_state.c */

/* `origin`: the flow's initiator. `passed`: what tcp_holes_passed() gave. */
void tcp_state_follow(struct tcp_space *t, const struct tcp_segment *s, unsigned origin,
                      unsigned verdict, unsigned passed);
/* All that is left of it for a retransmission where tcp_is_settled() (tcp_hot.h). */
void tcp_state_repeat(struct tcp_space *t, unsigned sender);
/* Zeek's conn_state of a connection whose originator is endpoint `origin`. */
const char *tcp_state_name(const struct tcp_space *t, unsigned origin);
/* Writes the history with the originator in upper case; returns its length. */
unsigned tcp_history_text(const struct tcp_space *t, unsigned origin, bool turned,
                          char text[TCP_HISTORY_BYTES + 1]);

#endif

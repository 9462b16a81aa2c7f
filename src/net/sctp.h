/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCTP by usrsctp, which is given packets and gives packets here: sockets and the clock are ours,
 * so all happens in the thread of its user. A link is one peer, reached by IP protocol 132 or
 * within UDP (RFC 6951); in usrsctp's eyes it is an address of the family AF_CONN. Whoever uses it
 * calls sctp_tick() often.
 *
 * usrsctp is one for the process and knows nothing of several owners, so its beginning and its
 * clock are the one piece of state in weir that belongs to no object (sctp.c). Its functions may be
 * called from any thread. Neighbours: listener_sctp.c, connection_sctp.c.
 */
#ifndef NET_SCTP_H
#define NET_SCTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <usrsctp.h>

#include "net/endpoint.h"

enum { SCTP_HEADER_BYTES = 12, SCTP_STREAMS_MAX = 256 };

/* Embedded in whatever knows where a peer's packets go. */
struct sctp_link {
	/* 0 or a negative errno; called from any thread that uses usrsctp. */
	int (*send)(struct sctp_link *link, const void *octets, size_t bytes);
};

/* Of a packet's common header, native order. */
struct sctp_ports {
	uint16_t source, destination;   /* of the packet's sender, of ours */
};

/* Starts usrsctp, once for the process. */
void sctp_begin(void);
/* Lets its timers run. */
void sctp_tick(void);

/* A link must be known to usrsctp before its first packet, and forgotten after its last. */
void sctp_link_add(struct sctp_link *link);
void sctp_link_remove(struct sctp_link *link);
/* Gives a packet to usrsctp, which answers by the link's send, perhaps before this returns. */
void sctp_input(struct sctp_link *link, const uint8_t *octets, uint32_t bytes);

/* Takes the IPv4 header off what a raw socket received; false when it is no SCTP packet. */
bool sctp_look(bool behind_ipv4, const uint8_t **octets, uint32_t *bytes, struct sctp_ports *ret);

/* The chunks of a packet (RFC 9260, section 3.2), for whoever keeps account. */
enum {
	SCTP_CHUNK_DATA = 0, SCTP_CHUNK_INIT = 1, SCTP_CHUNK_SACK = 3,
	SCTP_DATA_ENDS = 1,             /* a flag: the last piece of a message */
};
/* One chunk; borrowed from its packet. */
struct sctp_chunk {
	uint8_t type, flags;
	const uint8_t *body;            /* behind the header of 4 octets */
	uint32_t bytes;                 /* of the body */
};
/* A walk over the chunks of a packet. */
struct sctp_packet {
	uint32_t tag;                   /* verification tag */
	const uint8_t *at;
	uint32_t left;                  /* octets at `at` */
};
/* The packet has passed sctp_look() or comes from usrsctp. */
struct sctp_packet sctp_packet_of(const uint8_t *octets, uint32_t bytes);
/* The next chunk that lies inside the packet; false at the end, and where a length is wrong. */
bool sctp_chunk_next(struct sctp_packet *packet, struct sctp_chunk *ret);

/* A socket of usrsctp's: not blocking, subscribed to what net/ wants to know, bound to the port. */
int sctp_socket(uint16_t port, struct socket **ret, struct error *err);
/* The same for one that was accepted. */
void sctp_socket_options(struct socket *so);
/* Ends it at once; what is open is aborted. NULL is fine. */
void sctp_socket_abort(struct socket *so);

/* What usrsctp has to say, one thing at a time, without its own types. */
struct sctp_event_told {
	enum {
		SCTP_TOLD_NOTHING, SCTP_TOLD_MESSAGE, SCTP_TOLD_UP, SCTP_TOLD_RESTART,
		SCTP_TOLD_CLOSING,      /* the peer will take no more */
		SCTP_TOLD_EOF,          /* the peer will send no more; told again and again, as is ... */
		SCTP_TOLD_ERROR,        /* ... that nothing can be read */
		SCTP_TOLD_CLOSED, SCTP_TOLD_LOST,       /* the end, orderly or not */
		SCTP_TOLD_SEND_FAILED, SCTP_TOLD_OTHER
	} what;
	uint32_t bytes;                 /* of the message */
	uint16_t stream;
	uint16_t streams_out;           /* UP */
	uint32_t context;               /* SEND_FAILED: of the message */
	char reason[96];                /* of the end */
};

/* What the socket has to tell next. */
void sctp_next(struct socket *so, uint8_t *buffer, size_t size, struct sctp_event_told *ret);

/* An AF_CONN address. */
struct sockaddr_conn sctp_address(struct sctp_link *link, uint16_t port);

/* A port that is likely to be free, from the ephemeral range. */
uint16_t sctp_any_port(void);

#endif

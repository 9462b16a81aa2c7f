/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One who connects: to a host by TCP, TLS, DTLS or SCTP (UDP needs no connection: udp.h), sends
 * messages, and knows of each record whether it arrived. Nothing blocks for longer than its
 * deadline, but for the resolution of a name. A connection that is closed can begin again, as often
 * as it takes: names are resolved anew each time, and all addresses tried in turn.
 *
 * Account of the messages that were given to it:
 *   given = confirmed + lost + in_flight
 * TCP and TLS confirm what the peer's system has acknowledged, SCTP what the peer's SCTP has. What
 * was not confirmed when a connection ends is lost. A peer that was reset (its process died) may
 * have acknowledged octets that it never read: that is beyond what anybody here can know, and the
 * message says so. DTLS confirms nothing: what is not known to be lost counts as confirmed.
 *
 * DTLS: a peer that was restarted does not know us any more, and an exporter hears nothing from
 * a collector anyway. So a new handshake is made now and then, and at once when something hints at
 * it (an alert in the clear); the old association serves until the new one stands. Without an
 * answer the peer is gone.
 */
#ifndef NET_CONNECTION_H
#define NET_CONNECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/endpoint.h"
#include "net/tls.h"

struct connection;

/* Copied by connection_new(), strings too; 0 and NULL stand for the defaults that are told here. */
struct connection_setup {
	enum net_transport transport;
	const char *host;               /* a name or an address */
	uint16_t port;                  /* of the collector */
	const char *source;             /* local address to send from; NULL: the system's choice */
	uint16_t encapsulation;         /* SCTP in UDP to this port; 0: IP protocol 132 */
	struct net_certificates tls;
	uint64_t try_ns;                /* for each address, with the handshake; 0: 5 s */
	uint64_t renew_ns;              /* DTLS: a new handshake after so long; 0: only on hints */
	uint32_t mtu;                   /* DTLS, SCTP: largest IP packet; 0: the path's, at most 1500 */
	const atomic_bool *give_up;     /* set: whoever waits returns soon; may be NULL */
};

struct connection_amount {              /* what messages stand for */
	uint64_t records, packets, octets;
};

/* A whole message for the peer; octets are borrowed for the call. */
struct connection_message {
	const uint8_t *octets;
	uint32_t bytes;
	struct connection_amount amount;        /* for the account */
	uint16_t stream;                /* SCTP */
	uint32_t lifetime_ms;           /* SCTP: given up after so long (RFC 3758); 0: reliable */
};

struct connection_account {             /* all that ever happened, but for in_flight */
	struct connection_amount given, confirmed, lost, in_flight;
};

/* Opens what needs files or rights (certificates, raw sockets); nothing is sent. Strings of the
 * setup are copied. */
int connection_new(const struct connection_setup *setup, struct connection **ret,
                   struct error *err);
void connection_free(struct connection *c);     /* ends it at once; NULL is fine */

/* Resolves the name and starts with its first address. */
int connection_begin(struct connection *c, struct error *err);

/* Serves it: handshakes, answers, timers; waits for the opening until deadline_ns
 * (CLOCK_MONOTONIC). 0: it is open; -EINPROGRESS: it was still opening at the deadline; else it is
 * closed, and the message says why. */
int connection_poll(struct connection *c, uint64_t deadline_ns, struct error *err);

/* Messages in order, borrowed for the call. Which of them were taken stands in it afterwards. */
struct connection_batch {
	const struct connection_message *messages;      /* `count` of them */
	unsigned count, taken;          /* the first of them are taken */
};

/* Takes messages in order until the deadline. 0: all; -EAGAIN: as many as batch->taken says; else
 * it is closed, the rest was not taken, and the message says why. */
int connection_send(struct connection *c, struct connection_batch *batch, uint64_t deadline_ns,
                    struct error *err);

/* Waits until all that was taken is confirmed (DTLS: does nothing). 0, -EAGAIN at the deadline,
 * or as above. */
int connection_drain(struct connection *c, uint64_t deadline_ns, struct error *err);

/* Closes in an orderly way: what is in flight has until the deadline. */
void connection_close(struct connection *c, uint64_t deadline_ns);

/* Messages can be given to it now. */
bool connection_is_open(const struct connection *c);
/* How many transport sessions have begun so far. A DTLS connection renews its own; that happens in
 * connection_poll() only, so messages that were made for one session do not get into the next. */
uint64_t connection_sessions(const struct connection *c);
/* When connection_poll() should be called again, though nothing is to be sent (CLOCK_MONOTONIC). */
uint64_t connection_next_ns(const struct connection *c);
/* As of now: what the transport has learnt meanwhile is counted first. */
void connection_account(struct connection *c, struct connection_account *ret);
/* Streams to send by: 1 but for SCTP. */
unsigned connection_streams(const struct connection *c);
/* The longest message that fits the path in one packet; without a path of its own (TCP) 65535. */
uint32_t connection_message_bytes(const struct connection *c);
/* Both ends; family 0 while they are unknown. */
void connection_ends(const struct connection *c, struct net_endpoint *ret_local,
                     struct net_endpoint *ret_remote);
/* The peer's port in the IP packets' own header, if it is not that of the remote end: SCTP in UDP.
 * Else 0. */
uint16_t connection_udp_port(const struct connection *c);
/* The certificate's name of the peer; "" if there is none. */
const char *connection_peer(const struct connection *c);

#endif

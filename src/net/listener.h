/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Those who listen: one listener is one address of one transport (UDP, TCP, TLS, DTLS, SCTP), with
 * a bounded number of sessions. Everything happens inside listener_poll(), in the caller's thread:
 * it accepts, shakes hands, reads, and calls back with whole messages. Several listeners are polled
 * together, so a collector needs one thread.
 *
 * A session is what RFC 7011 calls a transport session: over UDP and DTLS all from one address and
 * port, elsewhere a connection or an association. Sequence numbers and templates are kept by it.
 * A DTLS or SCTP peer that begins anew from the same port closes one session and opens another.
 *
 * Nobody can make it grow or hang: sessions are bounded, a stream's buffer holds one message, a
 * handshake and a message must be finished within their time, and no session is read for long
 * before the others have their turn. What was refused is counted.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/endpoint.h"
#include "net/tls.h"

struct listener;

struct net_session {                    /* lives from `opened` until `closed` has returned */
	uint64_t id;                    /* of this listener's sessions, never used again */
	enum net_transport transport;
	struct net_endpoint remote, local;      /* local: as far as it is known */
	const char *peer;               /* the name in its certificate; "" where there is none */
	void *user;                     /* the callbacks' own */
	bool proven;                    /* set by the callbacks: it speaks the protocol. When there are
	                                 * too many, others make room first */
};

/* One whole message, with the transport's borders or cut from a stream. */
struct net_message {
	const uint8_t *octets;          /* borrowed for the call */
	uint32_t bytes;
	uint16_t stream;                /* SCTP stream; else 0 */
};

struct listener_events {                /* none may call the listener */
	void (*opened)(void *context, struct net_session *session);
	/* A datagram, an SCTP message, or a message cut from a stream. A negative return closes the
	 * session (over UDP: forgets it). */
	int (*message)(void *context, struct net_session *session, const struct net_message *message);
	/* `reason` is a text for people: "closed by the peer", "not heard of for 30m". */
	void (*closed)(void *context, struct net_session *session, const char *reason);
	/* What befell no session: failed handshakes with their reason, too many sessions. At most one
	 * line a second; all are counted. May be NULL. */
	void (*note)(void *context, const char *text);
	void *context;                  /* of all of them */
	/* What a stream leaves that is no message: none begins there, or its end did not come. Called
	 * before `closed`. May be NULL. */
	void (*remains)(void *context, struct net_session *session, const struct net_message *rest);
};

/* How long the message at the start of `octets` is; 0: more octets are needed to tell (at most
 * 16); negative: this is no message, and the session is closed. */
typedef int64_t net_frame_function(const uint8_t *octets, uint32_t bytes);
/* IPFIX: octets 0 and 1 are the version 10, octets 2 and 3 the length with the header of 16. */
int64_t net_frame_ipfix(const uint8_t *octets, uint32_t bytes);

/* Copied by listener_open(), strings too; 0 and NULL stand for the defaults that are told here. */
struct listener_setup {
	enum net_transport transport;
	const char *host;               /* NULL or "::": all addresses, IPv4 too */
	uint16_t port;                  /* 0: one that is free; see listener_local() */
	uint16_t encapsulation;         /* SCTP: also in UDP (RFC 6951), at this port; 0: no */
	struct net_certificates tls;    /* TLS, DTLS: cert, key and ca must be there */
	net_frame_function *frame;      /* of streams; NULL: IPFIX */
	unsigned sessions_max;          /* 0: 1024 */
	uint64_t idle_ns;               /* a session without messages for so long is closed; 0: UDP and
	                                 * DTLS 30 minutes, others never */
	uint64_t patience_ns;           /* for a handshake, for the rest of a message; 0: 20 seconds */
	uint64_t buffer_bytes;          /* receive buffer of a UDP socket; 0: 32 MiB, as far as the
	                                 * system grants it */
};

/* Since it was opened; they never fall. */
struct listener_counters {
	uint64_t messages, octets;      /* delivered */
	uint64_t kernel_drops;          /* datagrams that found no room in the socket; not TCP, TLS */
	uint64_t discarded;             /* DTLS, SCTP: datagrams of nobody, or that failed the check */
	uint64_t sessions_opened, sessions_closed;
	uint64_t refused;               /* connections for which there was no room */
	uint64_t evicted;               /* sessions that made room for others */
	uint64_t handshakes_failed;
	uint64_t late;                  /* sessions closed for being too slow with a message */
	uint64_t malformed;             /* streams closed because no message began */
	uint64_t restarts;              /* DTLS, SCTP: peers that began anew */
};

/* Binds; fails with a message that says where and why. Strings of the setup are copied. */
int listener_open(const struct listener_setup *setup, const struct listener_events *events,
                  struct listener **ret, struct error *err);
/* Closes all sessions (with events); streams are read to what had arrived. NULL is fine. */
void listener_close(struct listener *l);

/* Waits until there is something to do or until deadline_ns (CLOCK_MONOTONIC), then serves all
 * listeners once. Returns how many messages were delivered, or a negative errno (-EINTR: a signal
 * came). */
int listener_poll(struct listener *const *listeners, unsigned count, uint64_t deadline_ns);

/* As of now, with the kernel's drops. In the thread that polls. */
void listener_counters(struct listener *l, struct listener_counters *ret);
unsigned listener_sessions(const struct listener *l);
/* Where it listens: the first address if there are several. */
struct net_endpoint listener_local(const struct listener *l);

#endif

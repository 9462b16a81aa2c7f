/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of listener.h share: sessions and their table, the list of transports behind one
 * shape. listener.c owns both; listener_udp.c, listener_stream.c (TCP, TLS), listener_dtls.c and
 * listener_sctp.c read from sockets. A session is in two lists: a chain of its hash bucket, and the
 * row by age, longest unheard first, one row for those that are proven and one for the others.
 */
#ifndef NET_LISTENER_INNER_H
#define NET_LISTENER_INNER_H

#include "base/hash.h"
#include "net/listener.h"

enum { LISTENER_SOCKETS_MAX = 8 };

struct session {                        /* a transport embeds it first */
	struct net_session open;        /* what the callbacks see */
	struct session *chain;          /* the next one in the hash bucket */
	struct session *older, *newer;
	uint64_t heard_ns;              /* CLOCK_MONOTONIC, the last message, or its beginning */
	uint64_t late_ns;               /* closed when not done until then; 0: nothing is owed */
	uint32_t way;                   /* the listener's socket that it came by; above the 16 bits of
	                                 * its index the transport's own */
	bool told;                      /* `opened` was called */
	bool proven;                    /* the row that it stands in */
};

/* A list of sessions by age. */
struct session_row {
	struct session *oldest, *newest;        /* by when they were heard of last */
};

/* One way to listen. Called from listener_poll() in its thread, with l->now_ns fresh. */
struct listener_transport {
	size_t session_bytes;           /* of the transport's struct, which begins with struct
	                                 * session */
	bool told_at_once;              /* a session is open when it begins (no handshake) */
	int socket_type;                /* of the sockets that listener.c binds; 0: `open` does it */
	/* After the sockets are bound. */
	int (*open)(struct listener *l, struct error *err);
	/* The socket of that index has something to read. */
	void (*readable)(struct listener *l, unsigned socket);
	/* A session's own descriptor is ready; NULL: sessions have none. */
	void (*session_ready)(struct listener *l, struct session *s);
	/* Handles timers; returns when it wants to be called next (CLOCK_MONOTONIC). NULL: none. */
	uint64_t (*timers)(struct listener *l, uint64_t now_ns);
	/* The collector stops: no answer will come any more, but what is on its way is still read for a
	 * moment. NULL: nothing is. */
	void (*farewell)(struct listener *l, struct session *s);
	/* Tells what is left of a message, before anybody hears that the session is closed; or NULL. */
	void (*session_remains)(struct listener *l, struct session *s);
	/* Lets go of what the session holds; the peer is told when it can be. */
	void (*session_end)(struct listener *l, struct session *s);
	void (*close)(struct listener *l);
};

extern const struct listener_transport listener_udp, listener_tcp, listener_tls, listener_dtls,
	listener_sctp;

/* The handle, shared by the files named above. */
struct listener {
	bool busy;                      /* the last turn brought messages */
	uint64_t rest_ns;               /* after such a turn, until the next one */
	const struct listener_transport *transport;
	struct listener_setup setup;    /* defaults filled in; strings owned */
	struct listener_events events;
	struct listener_counters counters;      /* transports add to them */
	struct hash_secret secret;      /* of the buckets: peers cannot choose theirs */
	int epoll;                      /* of sockets and sessions; -1: none */
	uint16_t port;                  /* it listens at */
	unsigned socket_count;
	int sockets[LISTENER_SOCKETS_MAX];      /* socket_count of them */
	int families[LISTENER_SOCKETS_MAX];             /* AF_INET or AF_INET6 */
	uint64_t drops_before[LISTENER_SOCKETS_MAX];    /* kernel drops, all */
	uint32_t drops[LISTENER_SOCKETS_MAX];           /* the kernel's counter of 32 bits */
	struct session **buckets;
	unsigned bucket_count;          /* a power of two */
	struct session_row rows[2];     /* not proven, proven */
	unsigned session_count;
	uint64_t next_id;               /* of sessions, from 1 on */
	uint64_t now_ns;                /* CLOCK_MONOTONIC, of this turn */
	uint64_t sweep_ns;              /* when sessions are looked through next */
	uint64_t note_ns;               /* when a note may be told again */
	struct session **ready;         /* of this turn: closed ones are taken out */
	unsigned ready_count;
	void *own;                      /* the transport's */
};

/* The session of a peer at a socket; NULL if there is none. */
struct session *session_find(struct listener *l, const struct net_endpoint *remote, uint32_t way);
/* A new one; makes room if it must. NULL when nobody can make room (counted as refused). */
struct session *session_new(struct listener *l, const struct net_endpoint *remote, uint32_t way);
/* Tells that it is open, once. */
void session_opened(struct listener *l, struct session *s);
/* Delivers; false when the session was closed over it. */
bool session_message(struct listener *l, struct session *s, const struct net_message *message);
void session_close(struct listener *l, struct session *s, const char *reason);
/* The next message, or the handshake, is owed until its time; or nothing is. */
void session_owes(struct listener *l, struct session *s, bool owes);

/* Opens and binds one more socket of the listener's. */
int listener_bind(struct listener *l, struct net_endpoint *at, int type, int protocol,
                  struct error *err);

/* Told at most once a second. */
void listener_note(struct listener *l, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Adds a descriptor of a session to what is polled. */
int listener_watch(struct listener *l, int fd, struct session *s, uint32_t epoll_events);
int listener_rewatch(struct listener *l, int fd, struct session *s, uint32_t epoll_events);

/* --- datagrams, for UDP, DTLS and SCTP --- */

/* One datagram, cut to what its sender sent; borrowed for the call. */
struct datagram {
	const uint8_t *octets;
	uint32_t bytes;
	struct net_endpoint remote;
	struct net_endpoint local;      /* where it was sent to, if asked for; else family 0 */
};

struct datagram_reader;

typedef void datagram_function(struct listener *l, unsigned socket,
                               const struct datagram *datagram);

/* Buffers for many datagrams at once, used for all sockets of a listener. 0 or -ENOMEM. */
int datagram_reader_new(struct datagram_reader **ret);
void datagram_reader_free(struct datagram_reader *reader);
/* Prepares a bound UDP socket: buffers, drop counts, coalesced datagrams. */
void datagram_socket(struct listener *l, unsigned socket);
/* Datagrams shall tell where they were sent to, so that answers come from there. */
void datagram_ask_local(struct listener *l, unsigned socket);
/* To d->remote, from d->local if that is known. 0 or a negative errno. */
int datagram_send(const struct listener *l, unsigned socket, const struct datagram *d);
/* Reads what waits, but not for ever, and calls for each datagram. */
void datagram_read(struct datagram_reader *reader, struct listener *l, unsigned socket,
                   datagram_function *function);
/* Brings the count of the kernel's drops up to date. */
uint64_t datagram_drops(struct listener *l);

#endif

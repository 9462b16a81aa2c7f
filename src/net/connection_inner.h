/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of connection.h share: the state, the account of messages in flight, and the shape
 * of a transport. connection.c tries addresses, waits and counts; connection_stream.c (TCP, TLS),
 * connection_dtls.c and connection_sctp.c do the rest.
 */
#ifndef NET_CONNECTION_INNER_H
#define NET_CONNECTION_INNER_H

#include "net/connection.h"

enum connection_state { CONNECTION_CLOSED, CONNECTION_OPENING, CONNECTION_OPEN };

struct flight {                         /* a message that is not confirmed */
	uint64_t mark;                  /* confirmed when the transport has come so far */
	struct connection_amount amount;
};

/* One way to connect. connection.c calls these in its own order; none of them may block but by
 * connection_wait(). */
struct connection_transport {
	size_t own_bytes;               /* of what c->own points to, zeroed */
	int (*open)(struct connection *c, struct error *err);   /* in connection_new; NULL: nothing */
	int (*begin)(struct connection *c, const struct net_endpoint *remote, struct error *err);
	/* Waits until until_ns at most for something to do, and does it; it may become open. Returns
	 * a negative errno when it failed. `to_send`: also wait for room. */
	int (*step)(struct connection *c, uint64_t until_ns, bool to_send, struct error *err);
	/* Takes what there is room for. 0 (also when nothing fits), or a failure. */
	int (*send)(struct connection *c, struct connection_batch *batch, struct error *err);
	/* Confirms what has become known. NULL: nothing ever does. */
	void (*settle)(struct connection *c);
	uint64_t (*next_ns)(const struct connection *c);        /* NULL: a second from now */
	void (*part)(struct connection *c);     /* tells the peer that no more comes */
	void (*end)(struct connection *c);      /* lets go of this session, at once; also unbegun */
	void (*close)(struct connection *c);    /* what `open` made; NULL: nothing */
};

extern const struct connection_transport connection_tcp, connection_tls, connection_dtls,
	connection_sctp;

/* The handle, shared by the files named above. */
struct connection {
	const struct connection_transport *transport;   /* constant */
	struct connection_setup setup;  /* defaults filled in; strings owned */
	enum connection_state state;
	struct net_endpoint_list found; /* what the host's name stood for, last time */
	unsigned trying;                /* of those */
	uint64_t try_until_ns;
	uint64_t sessions;              /* that have begun */
	bool may_renew;                 /* this step may begin another session */
	struct net_endpoint local, remote;
	uint32_t message_bytes;         /* see connection_message_bytes() */
	unsigned streams;               /* see connection_streams() */
	char peer[256];                 /* see connection_peer() */
	struct connection_account account;
	struct flight *flights;         /* a ring, a power of two */
	unsigned flight_size, flight_head, flight_count;
	void *own;                      /* the transport's */
};

/* CLOCK_MONOTONIC, as all deadlines here. */
uint64_t connection_now_ns(void);
/* The transport has become open. */
void connection_opened(struct connection *c, int fd);
/* Waits for events of a descriptor; true when there are any. */
bool connection_wait(const struct connection *c, int fd, short events, uint64_t until_ns);
/* A socket, bound to the source if there is one. */
int connection_socket(const struct connection *c, int family, int type, int protocol,
                      struct error *err);

/* Binds to the source, if there is one. */
int connection_bind(const struct connection *c, int fd, int family, struct error *err);

/* A message was taken: given, and in flight with its mark (marks never fall). */
void flight_add(struct connection *c, uint64_t mark, const struct connection_amount *amount);
/* All with marks up to this one have arrived. */
void flight_confirm(struct connection *c, uint64_t mark);
void amount_add(struct connection_amount *to, const struct connection_amount *amount);
void amount_move(struct connection_amount *from, struct connection_amount *to,
                 const struct connection_amount *amount);
/* The one with this mark was given up. */
void flight_lose(struct connection *c, uint64_t mark);

#endif

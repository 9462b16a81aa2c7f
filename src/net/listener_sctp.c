/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCTP: associations by IP protocol 132, and within UDP where a port for that is given (RFC 6951),
 * behind one listening socket of usrsctp (sctp.h). Packets for other ports are not ours to answer.
 * Packets of peers without an association all go through one link, the stranger's, whose addresses
 * are those of the packet at hand; only when the handshake's cookie has come back does an
 * association exist, and the link becomes its session's. So a flood of INITs leaves nothing behind.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/compiler.h"
#include "net/listener_inner.h"
#include "net/sctp.h"

#define MS_NS UINT64_C(1000000)
#define BUSY_NS (1000 * MS_NS)          /* after a packet timers run often for so long */
#define TICK_BUSY_NS (10 * MS_NS)
#define TICK_IDLE_NS (100 * MS_NS)

enum { MESSAGE_BYTES = 65536 + 1024, BACKLOG = 64 };

struct sctp_session;

/* What usrsctp takes for an address. */
struct sctp_peer {
	struct sctp_link link;
	struct listener *listener;      /* whose socket is used */
	unsigned socket;
	struct net_endpoint remote;     /* port: of UDP; 0: none */
	struct net_endpoint local;      /* that it sends to */
	struct sctp_session *session;   /* NULL: the stranger's */
};

/* A session of this transport. */
struct sctp_session {
	struct session session;
	struct socket *so;              /* usrsctp's */
	struct sctp_peer *peer;
};

struct sctp {                           /* of the listener */
	struct datagram_reader *reader;
	struct socket *listening;
	struct sctp_peer *stranger;
	bool is_udp[LISTENER_SOCKETS_MAX];
	uint64_t busy_ns;               /* until then */
	uint64_t looked_ns;             /* when all sessions were looked at */
	uint8_t message[MESSAGE_BYTES];
};

static void session_read(struct listener *l, struct sctp_session *c);

/* --- open and close --- */

static int peer_send(struct sctp_link *link, const void *octets, size_t bytes)
{
	const struct sctp_peer *p = container_of(link, struct sctp_peer, link);
	return datagram_send(p->listener, p->socket,
	                     &(struct datagram){ .octets = octets, .bytes = (uint32_t)bytes,
	                                         .remote = p->remote, .local = p->local });
}

static bool stranger_make(struct listener *l)
{
	struct sctp *own = l->own;
	if (own->stranger)
		return true;
	own->stranger = calloc(1, sizeof *own->stranger);
	if (!own->stranger)
		return false;
	own->stranger->link.send = peer_send;
	own->stranger->listener = l;
	sctp_link_add(&own->stranger->link);
	return true;
}

static void peer_free(struct sctp_peer *peer)
{
	if (peer)
		sctp_link_remove(&peer->link);
	free(peer);
}

static int add_socket(struct listener *l, struct net_endpoint at, bool is_udp, struct error *err)
{
	struct sctp *own = l->own;
	if (l->socket_count == LISTENER_SOCKETS_MAX)
		return 0;
	own->is_udp[l->socket_count] = is_udp;
	at.port = is_udp ? l->setup.encapsulation : 0;
	int rc = listener_bind(l, &at, is_udp ? SOCK_DGRAM : SOCK_RAW, is_udp ? 0 : IPPROTO_SCTP, err);
	if (rc < 0)
		return rc;
	datagram_socket(l, l->socket_count - 1);
	datagram_ask_local(l, l->socket_count - 1);
	return 0;
}

/* A raw IPv6 socket takes no IPv4, unlike one of UDP. */
static int add_raw(struct listener *l, const struct net_endpoint *at, struct error *err)
{
	static const struct net_endpoint any_v4 = { .family = 4 };
	int rc = add_socket(l, *at, false, err);
	if (rc == 0 && at->family == 6 && memcmp(at->octets, any_v4.octets, 16) == 0)
		rc = add_socket(l, any_v4, false, err);
	return rc;
}

/* Without the right to raw sockets there is still UDP, where that was asked for. */
static int add_sockets(struct listener *l, struct error *err)
{
	struct net_endpoint_list list;
	int rc = net_resolve(l->setup.host, l->port, true, &list, err);
	for (unsigned i = 0; i < list.count && rc == 0; i++) {
		rc = add_raw(l, &list.at[i], err);
		if (rc == -EPERM && l->setup.encapsulation) {
			listener_note(l, "SCTP by IP protocol 132 needs the right to raw sockets: only what "
			              "is encapsulated in UDP is heard");
			rc = 0;
		} else if (rc == -EPERM) {
			return error_set(err, rc, "SCTP by IP protocol 132 needs the right to raw sockets "
			                 "(root, CAP_NET_RAW); encapsulation=PORT does without");
		}
		if (rc == 0 && l->setup.encapsulation)
			rc = add_socket(l, list.at[i], true, err);
	}
	return rc;
}

static int sctp_open(struct listener *l, struct error *err)
{
	struct sctp *own = calloc(1, sizeof *own);
	if (!own)
		return error_set(err, -ENOMEM, "out of memory for a listener");
	l->own = own;
	sctp_begin();
	l->port = l->setup.port ? l->setup.port : sctp_any_port();
	if (datagram_reader_new(&own->reader) < 0 || !stranger_make(l))
		return error_set(err, -ENOMEM, "out of memory for a listener");
	int rc = add_sockets(l, err);
	if (rc == 0)
		rc = sctp_socket(l->port, &own->listening, err);
	if (rc == 0 && usrsctp_listen(own->listening, BACKLOG) < 0)
		rc = error_set(err, -errno, "SCTP port %u: %s", l->port, strerror(errno));
	return rc;
}

static void sctp_close(struct listener *l)
{
	struct sctp *own = l->own;
	if (!own)
		return;
	sctp_socket_abort(own->listening);
	peer_free(own->stranger);
	datagram_reader_free(own->reader);
	free(own);
}

/* --- packets --- */

/* By IP protocol 132 a peer is its address alone: ports are SCTP's own, and usrsctp tells them
 * apart. */
static void peer_address(struct sctp_peer *peer, unsigned socket, const struct datagram *d,
                         bool is_udp)
{
	peer->socket = socket;
	peer->remote = d->remote;
	peer->local = d->local;
	if (!is_udp)
		peer->remote.port = 0;
}

/* Sessions are told apart by the SCTP port, and by that of UDP where there is one. */
static uint32_t way_of(unsigned socket, uint16_t udp_port)
{
	return (uint32_t)udp_port << 16 | socket;
}

/* An association is there: its link stops being the stranger's. */
static void accepted(struct listener *l, struct socket *so, const struct sockaddr_conn *from)
{
	struct sctp *own = l->own;
	struct sctp_peer *peer = from->sconn_addr;
	struct net_endpoint remote = peer->remote;
	remote.port = ntohs(from->sconn_port);
	if (peer->session)              /* the session's end had not been read yet */
		session_close(l, &peer->session->session, "the peer began anew");
	struct session *s = session_new(l, &remote, way_of(peer->socket, peer->remote.port));
	struct sctp_session *c = s ? container_of(s, struct sctp_session, session) : NULL;
	if (!c || peer != own->stranger) {
		sctp_socket_abort(so);
		if (c)
			session_close(l, s, "its address went with the session before it");
		return;
	}
	sctp_socket_options(so);
	c->so = so;
	c->peer = peer;
	peer->session = c;
	own->stranger = NULL;
	stranger_make(l);
	s->open.local = peer->local;
	s->open.local.port = l->port;
	session_opened(l, s);
	session_read(l, c);
}

static void accept_all(struct listener *l)
{
	struct sctp *own = l->own;
	for (;;) {
		struct sockaddr_conn from;
		socklen_t size = sizeof from;
		struct socket *so = usrsctp_accept(own->listening, (struct sockaddr *)&from, &size);
		if (!so)
			return;
		accepted(l, so, &from);
	}
}

static void sctp_datagram(struct listener *l, unsigned socket, const struct datagram *d)
{
	struct sctp *own = l->own;
	struct sctp_ports ports;
	bool is_udp = own->is_udp[socket];
	const uint8_t *octets = d->octets;
	uint32_t bytes = d->bytes;
	if (!sctp_look(!is_udp && l->families[socket] == AF_INET, &octets, &bytes, &ports)
	    || ports.destination != l->port || !stranger_make(l)) {
		l->counters.discarded += is_udp;
		return;
	}
	struct net_endpoint remote = d->remote;
	remote.port = ports.source;
	struct session *s = session_find(l, &remote, way_of(socket, is_udp ? d->remote.port : 0));
	struct sctp_session *c = s ? container_of(s, struct sctp_session, session) : NULL;
	struct sctp_peer *peer = c ? c->peer : own->stranger;
	if (!c)
		peer_address(peer, socket, d, is_udp);
	sctp_input(&peer->link, octets, bytes);
	if (c)
		session_read(l, c);
	accept_all(l);
}

static void sctp_readable(struct listener *l, unsigned socket)
{
	struct sctp *own = l->own;
	own->busy_ns = l->now_ns + BUSY_NS;
	datagram_read(own->reader, l, socket, sctp_datagram);
}

/* --- sessions --- */

/* The association lives on with new tags and nothing of the old state: to us a new session. */
static struct sctp_session *session_again(struct listener *l, struct sctp_session *c)
{
	struct sctp_peer *peer = c->peer;
	struct socket *so = c->so;
	struct net_endpoint remote = c->session.open.remote, local = c->session.open.local;
	uint32_t way = c->session.way;
	c->so = NULL;
	c->peer = NULL;
	l->counters.restarts++;
	session_close(l, &c->session, "the peer began anew");
	struct session *s = session_new(l, &remote, way);
	if (!s) {
		sctp_socket_abort(so);
		peer_free(peer);
		return NULL;
	}
	c = container_of(s, struct sctp_session, session);
	c->so = so;
	c->peer = peer;
	peer->session = c;
	s->open.local = local;
	session_opened(l, s);
	return c;
}

static void session_read(struct listener *l, struct sctp_session *c)
{
	struct sctp *own = l->own;
	while (c) {
		struct sctp_event_told told;
		struct net_message message = { .octets = own->message };
		sctp_next(c->so, own->message, sizeof own->message, &told);
		switch (told.what) {
		case SCTP_TOLD_NOTHING:
			return;
		case SCTP_TOLD_MESSAGE:
			message.bytes = told.bytes;
			message.stream = told.stream;
			if (!session_message(l, &c->session, &message))
				return;
			break;
		case SCTP_TOLD_RESTART:
			c = session_again(l, c);
			break;
		case SCTP_TOLD_EOF:
		case SCTP_TOLD_ERROR:
		case SCTP_TOLD_CLOSED:
		case SCTP_TOLD_LOST:
			session_close(l, &c->session, told.reason);
			return;
		default:
			break;
		}
	}
}

/* Timers may have ended associations, so all are looked at now and then. */
static uint64_t sctp_timers(struct listener *l, uint64_t now_ns)
{
	struct sctp *own = l->own;
	sctp_tick();
	if (now_ns - own->looked_ns >= TICK_IDLE_NS) {
		own->looked_ns = now_ns;
		for (unsigned i = 0; i < array_count(l->rows); i++) {
			for (struct session *s = l->rows[i].oldest, *next; s; s = next) {
				next = s->newer;
				session_read(l, container_of(s, struct sctp_session, session));
			}
		}
	}
	return now_ns + (now_ns < own->busy_ns ? TICK_BUSY_NS : TICK_IDLE_NS);
}

static void sctp_farewell(struct listener *l, struct session *s)
{
	usrsctp_shutdown(container_of(s, struct sctp_session, session)->so, SHUT_WR);
}

static void sctp_session_end(struct listener *l, struct session *s)
{
	struct sctp_session *c = container_of(s, struct sctp_session, session);
	sctp_socket_abort(c->so);
	peer_free(c->peer);
}

const struct listener_transport listener_sctp = {
	.session_bytes = sizeof(struct sctp_session),
	.open = sctp_open,
	.readable = sctp_readable,
	.timers = sctp_timers,
	.farewell = sctp_farewell,
	.session_end = sctp_session_end,
	.close = sctp_close,
};

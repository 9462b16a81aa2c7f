/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCTP from the side that connects: by IP protocol 132, or within UDP (RFC 6951). The raw sockets
 * are opened with the connection, while there are rights to, and kept for all associations.
 *
 * What arrived is read off the packets that pass through here: messages leave in the order in which
 * they were given (streams are served first come, first served), so the n-th end of a message among
 * new DATA chunks is the n-th message, and a SACK tells up to where chunks have arrived. What
 * partial reliability gave up, usrsctp tells, with our number of it (SCTP_SEND_FAILED_EVENT); it
 * counts as lost, though it may have arrived with its SACK on the way.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/compiler.h"
#include "net/connection_inner.h"
#include "net/sctp.h"

#define SECOND_NS UINT64_C(1000000000)
#define TICK_NS (SECOND_NS / 100)
#define DEAF_NS SECOND_NS
#define FAREWELL_NS (SECOND_NS / 2)     /* for acknowledgements after the peer has closed */

enum {
	MTU_MOST = 1500, MTU_UNKNOWN = 1280, MTU_MIN = 256,
	IPV4_BYTES = 20, IPV6_BYTES = 40, UDP_BYTES = 8, DATA_CHUNK_BYTES = 16,
	RECEIVE_BYTES = 65536,
	BUFFER_BYTES = 4 << 20,         /* of a raw socket, which hears all that its host gets */
	EVENTS_BYTES = 8 << 20,         /* failed messages come back whole: all that was on its way */
};

struct ends {                           /* messages on their way, by the TSN of their last chunk */
	pthread_mutex_t lock;           /* packets go out by any thread that runs usrsctp's timers */
	uint32_t *tsns;                 /* a ring, a power of two */
	unsigned size, head, count;
	bool begun;                     /* the INIT was seen: ... */
	uint32_t tag, newest;           /* ... our tag, and the newest TSN */
	uint64_t arrived;               /* messages */
};

/* The transport's part of a connection. */
struct sctp {
	struct sctp_link link;
	struct ends ends;               /* what has arrived */
	int raw_v4, raw_v6;             /* -1: none */
	int udp;                        /* of this association; -1: none */
	int fd;                         /* the one in use */
	bool behind_ipv4;               /* packets come with the IPv4 header */
	bool has_link;
	struct socket *so;              /* usrsctp's; NULL: none */
	uint16_t port;                  /* ours */
	uint32_t number;                /* of the next message */
	uint64_t deaf_ns;               /* since when the peer is called unreachable; 0: it is not */
	bool ended;                     /* the association is; reason below */
	bool closing;                   /* the peer has begun to close */
	uint64_t closing_until_ns;
	char reason[96];
	uint8_t octets[RECEIVE_BYTES];  /* of the packet at hand */
};

/* --- open and close --- */

/* A ring that doubles: chunks arrive in order, so only its two ends are touched. */
static bool ends_add(struct ends *e, uint32_t tsn)
{
	if (e->count == e->size) {
		unsigned size = e->size ? 2 * e->size : 64;
		uint32_t *grown = malloc(size * sizeof *grown);
		if (!grown)
			return false;
		for (unsigned i = 0; i < e->count; i++)
			grown[i] = e->tsns[(e->head + i) & (e->size - 1)];
		free(e->tsns);
		e->tsns = grown;
		e->size = size;
		e->head = 0;
	}
	e->tsns[(e->head + e->count++) & (e->size - 1)] = tsn;
	return true;
}

/* A chunk that does not end a message is counted by the one that does. */
static void see_data(struct ends *e, const struct sctp_chunk *chunk)
{
	uint32_t tsn = __builtin_bswap32(load_32(chunk->body));
	if ((int32_t)(tsn - e->newest) <= 0)
		return;                 /* sent again */
	e->newest = tsn;
	if (chunk->flags & SCTP_DATA_ENDS)
		ends_add(e, tsn);
}

/* Retransmissions come by here, too; see_data() knows them by their number. */
static void see_outgoing(struct ends *e, const uint8_t *octets, uint32_t bytes)
{
	enum { INIT_BYTES = 16, DATA_BYTES = 12, INITIAL_TSN_AT = 12 };
	struct sctp_packet packet = sctp_packet_of(octets, bytes);
	struct sctp_chunk chunk;
	pthread_mutex_lock(&e->lock);
	while (sctp_chunk_next(&packet, &chunk)) {
		if (chunk.type == SCTP_CHUNK_DATA && chunk.bytes >= DATA_BYTES)
			see_data(e, &chunk);
		if (chunk.type == SCTP_CHUNK_INIT && chunk.bytes >= INIT_BYTES && !e->begun) {
			e->begun = true;
			e->tag = __builtin_bswap32(load_32(chunk.body));
			e->newest = __builtin_bswap32(load_32(chunk.body + INITIAL_TSN_AT)) - 1;
		}
	}
	pthread_mutex_unlock(&e->lock);
}

/* The tag keeps packets of an earlier association out. Numbers are compared modulo 2^32; one that
 * was never sent is a forgery or a mistake. */
static void see_incoming(struct ends *e, const uint8_t *octets, uint32_t bytes)
{
	struct sctp_packet packet = sctp_packet_of(octets, bytes);
	struct sctp_chunk chunk;
	pthread_mutex_lock(&e->lock);
	while (packet.tag == e->tag && sctp_chunk_next(&packet, &chunk)) {
		if (chunk.type != SCTP_CHUNK_SACK || chunk.bytes < 4)
			continue;
		uint32_t tsn = __builtin_bswap32(load_32(chunk.body));
		if ((int32_t)(tsn - e->newest) > 0)
			continue;       /* never sent */
		while (e->count && (int32_t)(e->tsns[e->head] - tsn) <= 0) {
			e->head = (e->head + 1) & (e->size - 1);
			e->count--;
			e->arrived++;
		}
	}
	pthread_mutex_unlock(&e->lock);
}

/* For a new association, whose numbers begin anew. */
static void ends_reset(struct ends *e)
{
	pthread_mutex_lock(&e->lock);
	e->head = e->count = 0;
	e->begun = false;
	e->arrived = 0;
	pthread_mutex_unlock(&e->lock);
}

static int link_send(struct sctp_link *link, const void *octets, size_t bytes)
{
	struct sctp *own = container_of(link, struct sctp, link);
	see_outgoing(&own->ends, octets, (uint32_t)bytes);
	return send(own->fd, octets, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* A large buffer, since every SCTP packet that reaches this host comes here, whosever it is. */
static int raw_socket(int family)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_SCTP);
	int bytes = BUFFER_BYTES;
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	return fd;
}

static int sctp_open(struct connection *c, struct error *err)
{
	struct sctp *own = c->own;
	sctp_begin();
	pthread_mutex_init(&own->ends.lock, NULL);
	own->raw_v4 = own->raw_v6 = own->udp = own->fd = -1;
	own->link.send = link_send;
	if (c->setup.encapsulation)
		return 0;
	own->raw_v4 = raw_socket(AF_INET);
	int code = errno;
	own->raw_v6 = raw_socket(AF_INET6);
	if (own->raw_v4 >= 0 || own->raw_v6 >= 0)
		return 0;
	return error_set(err, -code, "SCTP by IP protocol 132: %s; it needs the right to raw sockets "
	                 "(root, CAP_NET_RAW), encapsulation=PORT does without", strerror(code));
}

static void sctp_end(struct connection *c)
{
	struct sctp *own = c->own;
	sctp_socket_abort(own->so);
	own->so = NULL;
	if (own->has_link)
		sctp_link_remove(&own->link);
	own->has_link = false;
	if (own->udp >= 0)
		close(own->udp);
	own->udp = -1;
}

static void sctp_close(struct connection *c)
{
	struct sctp *own = c->own;
	pthread_mutex_destroy(&own->ends.lock);
	free(own->ends.tsns);
	if (own->raw_v4 >= 0)
		close(own->raw_v4);
	if (own->raw_v6 >= 0)
		close(own->raw_v6);
}

/* --- beginning --- */

/* A raw socket is connected to one peer after another: then it hears of no others. */
static int reach(struct connection *c, const struct net_endpoint *remote, struct error *err)
{
	struct sctp *own = c->own;
	struct sockaddr_storage address;
	struct net_endpoint to = *remote;
	int family = remote->family == 6 ? AF_INET6 : AF_INET;
	to.port = c->setup.encapsulation;
	if (c->setup.encapsulation) {
		own->udp = connection_socket(c, family, SOCK_DGRAM, 0, err);
		if (own->udp < 0)
			return own->udp;
		own->fd = own->udp;
	} else {
		own->fd = family == AF_INET ? own->raw_v4 : own->raw_v6;
		if (own->fd < 0)
			return error_set(err, -EAFNOSUPPORT, "no raw socket for this family of addresses");
		int rc = connection_bind(c, own->fd, family, err);
		if (rc < 0)
			return rc;
	}
	own->behind_ipv4 = own->fd == own->raw_v4;
	socklen_t size = net_endpoint_sockaddr(&to, family, &address);
	if (connect(own->fd, (struct sockaddr *)&address, size) < 0)
		return error_set(err, -errno, "%s", strerror(errno));
	return 0;
}

/* Octets of an SCTP packet that the path takes. */
static uint32_t path_bytes(const struct connection *c, bool is_v6)
{
	const struct sctp *own = c->own;
	int mtu = 0;
	socklen_t size = sizeof mtu;
	if (c->setup.mtu)
		mtu = (int)c->setup.mtu;
	else if (getsockopt(own->fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_MTU : IP_MTU, &mtu,
	                    &size) < 0 || mtu < MTU_MIN)
		mtu = MTU_UNKNOWN;
	if (mtu > MTU_MOST && !c->setup.mtu)
		mtu = MTU_MOST;
	uint32_t headers = is_v6 ? IPV6_BYTES : IPV4_BYTES;
	if (c->setup.encapsulation)
		headers += UDP_BYTES;
	return ((uint32_t)mtu - headers) & ~3u;
}

/* The path's width is ours to know: usrsctp has no socket to ask. Streams in order of giving is
 * what the account relies on (see the head of this file). */
static void path_options(struct sctp *own, uint32_t packet_bytes)
{
	struct sctp_paddrparams path = { .spp_pathmtu = packet_bytes, .spp_flags = SPP_PMTUD_DISABLE };
	struct sctp_assoc_value order = { .assoc_value = SCTP_SS_FIRST_COME };
	int bytes = EVENTS_BYTES;
	path.spp_address.ss_family = AF_CONN;
	usrsctp_setsockopt(own->so, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
	usrsctp_setsockopt(own->so, IPPROTO_SCTP, SCTP_PLUGGABLE_SS, &order, sizeof order);
	usrsctp_setsockopt(own->so, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

/* A port is drawn at random and may be in use: then another one. */
static int begin_socket(struct sctp *own, struct error *err)
{
	int rc = -EADDRINUSE;
	for (unsigned tries = 0; tries < 20 && rc == -EADDRINUSE; tries++) {
		own->port = sctp_any_port();
		rc = sctp_socket(own->port, &own->so, err);
	}
	return rc;
}

/* Messages are kept to what one packet takes: a message in pieces is lost with any of them. */
static int sctp_begin_to(struct connection *c, const struct net_endpoint *remote,
                         struct error *err)
{
	struct sctp *own = c->own;
	struct sockaddr_conn to = sctp_address(&own->link, remote->port);
	own->ended = own->closing = false;
	own->deaf_ns = 0;
	own->number = 0;
	ends_reset(&own->ends);
	int rc = reach(c, remote, err);
	if (rc == 0)
		rc = begin_socket(own, err);
	if (rc < 0)
		return rc;
	sctp_link_add(&own->link);
	own->has_link = true;
	uint32_t packet_bytes = path_bytes(c, remote->family == 6);
	path_options(own, packet_bytes);
	c->message_bytes = packet_bytes - SCTP_HEADER_BYTES - DATA_CHUNK_BYTES;
	if (usrsctp_connect(own->so, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
		return error_set(err, -errno, "%s", strerror(errno));
	return 0;
}

/* --- steps --- */

static void opened(struct connection *c, unsigned streams)
{
	struct sctp *own = c->own;
	c->streams = streams;
	connection_opened(c, own->fd);
	c->local.port = own->port;
}

static void hear(struct connection *c, const struct sctp_event_told *told)
{
	struct sctp *own = c->own;
	switch (told->what) {
	case SCTP_TOLD_UP:
		opened(c, told->streams_out);
		break;
	case SCTP_TOLD_SEND_FAILED:
		flight_lose(c, told->context);
		break;
	case SCTP_TOLD_CLOSING:
		if (!own->closing)
			own->closing_until_ns = connection_now_ns() + FAREWELL_NS;
		own->closing = true;
		break;
	case SCTP_TOLD_RESTART:         /* the peer began one with us, as if we were new */
	case SCTP_TOLD_CLOSED:
	case SCTP_TOLD_LOST:
	case SCTP_TOLD_ERROR:
		own->ended = true;
		memcpy(own->reason, told->reason, sizeof own->reason);
		break;
	default:
		break;
	}
}

/* What usrsctp has to tell, to the end. */
static void hear_all(struct connection *c)
{
	struct sctp *own = c->own;
	struct sctp_event_told told;
	bool more;
	do {
		more = false;
		sctp_next(own->so, own->octets, sizeof own->octets, &told);
		if (told.what == SCTP_TOLD_EOF)
			told.what = SCTP_TOLD_CLOSING;
		else if (told.what != SCTP_TOLD_NOTHING && told.what != SCTP_TOLD_ERROR)
			more = true;
		if (!own->ended || told.what == SCTP_TOLD_SEND_FAILED)
			hear(c, &told);
	} while (more);
}

static bool is_ours(struct connection *c, const struct sctp_ports *ports)
{
	const struct sctp *own = c->own;
	return ports->source == c->remote.port && ports->destination == own->port;
}

/* A port or protocol that nobody serves. A raw socket that is full answers the same for a moment,
 * so an open association is given up only when nothing else is heard for a while. */
static int unreachable(struct connection *c, int code, struct error *err)
{
	struct sctp *own = c->own;
	uint64_t now_ns = connection_now_ns();
	bool is_open = c->state == CONNECTION_OPEN;
	bool raw = code == ENOPROTOOPT || code == EPROTONOSUPPORT;
	if (is_open && !raw && code != ECONNREFUSED)
		return 0;               /* no route, perhaps for a moment: SCTP has timers for that */
	if (own->deaf_ns == 0)
		own->deaf_ns = now_ns;
	if (is_open && raw && now_ns - own->deaf_ns < DEAF_NS)
		return 0;
	return error_set(err, -code, "%s", code == ENOPROTOOPT
	                 ? "the collector's system does not speak SCTP" : strerror(code));
}

/* Every packet for our ports is looked at before usrsctp gets it: that is where the account comes
 * from. */
static int receive(struct connection *c, struct error *err)
{
	struct sctp *own = c->own;
	int rc = 0;
	while (rc == 0) {
		ssize_t n = recv(own->fd, own->octets, sizeof own->octets, 0);
		struct sctp_ports ports;
		const uint8_t *octets = own->octets;
		uint32_t bytes = (uint32_t)n;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			rc = errno == EINTR ? 0 : unreachable(c, errno, err);
		else if (sctp_look(own->behind_ipv4, &octets, &bytes, &ports) && is_ours(c, &ports)) {
			own->deaf_ns = 0;
			see_incoming(&own->ends, octets, bytes);
			sctp_input(&own->link, octets, bytes);
		}
	}
	return rc;
}

/* It has ended, or the peer has closed it and nothing is on its way any more. */
static int ended(struct connection *c, struct error *err)
{
	struct sctp *own = c->own;
	if (own->closing && !own->ended) {
		c->transport->settle(c);
		bool over = c->flight_count == 0 || connection_now_ns() >= own->closing_until_ns;
		return over ? error_set(err, -EPIPE, "closed by the collector") : 0;
	}
	if (!own->ended)
		return 0;
	return error_set(err, -ECONNRESET, "%s", own->reason);
}

/* Never longer than a tick: usrsctp's timers run only when they are let. */
static int sctp_step(struct connection *c, uint64_t until_ns, bool to_send, struct error *err)
{
	struct sctp *own = c->own;
	uint64_t tick_ns = connection_now_ns() + TICK_NS;
	if (until_ns)
		connection_wait(c, own->fd, POLLIN, until_ns < tick_ns ? until_ns : tick_ns);
	int rc = receive(c, err);
	sctp_tick();
	hear_all(c);
	return rc < 0 ? rc : ended(c, err);
}

/* --- sending --- */

/* The context comes back with whatever usrsctp gives up, and names the message. */
static ssize_t give(struct sctp *own, const struct connection_message *m, unsigned streams)
{
	struct sctp_sendv_spa how = {
		.sendv_flags = SCTP_SEND_SNDINFO_VALID | (m->lifetime_ms ? SCTP_SEND_PRINFO_VALID : 0),
		.sendv_sndinfo = { .snd_sid = m->stream < streams ? m->stream : 0,
		                   .snd_context = own->number },
		.sendv_prinfo = { .pr_policy = SCTP_PR_SCTP_TTL, .pr_value = m->lifetime_ms },
	};
	return usrsctp_sendv(own->so, m->octets, m->bytes, NULL, 0, &how, sizeof how, SCTP_SENDV_SPA,
	                     0);
}

/* A peer that takes no more (closing) gets no more: the rest is for the next association. */
static int sctp_send(struct connection *c, struct connection_batch *batch, struct error *err)
{
	struct sctp *own = c->own;
	while (batch->taken < batch->count && !own->closing) {
		const struct connection_message *m = &batch->messages[batch->taken];
		ssize_t n = give(own, m, c->streams);
		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == EINTR))
			return 0;
		if (n < 0)
			return error_set(err, -errno, "%s", strerror(errno));
		flight_add(c, own->number++, &m->amount);
		batch->taken++;
	}
	return 0;
}

/* Counted where packets pass, which may be another thread's call of usrsctp: hence the lock. */
static void sctp_settle(struct connection *c)
{
	struct sctp *own = c->own;
	pthread_mutex_lock(&own->ends.lock);
	uint64_t arrived = own->ends.arrived;
	pthread_mutex_unlock(&own->ends.lock);
	if (arrived)
		flight_confirm(c, arrived - 1);
}

/* Timers and acknowledgements of SCTP are ours to serve. */
static uint64_t sctp_next_ns(const struct connection *c)
{
	return connection_now_ns() + (c->flight_count ? TICK_NS : 10 * TICK_NS);
}

static void sctp_part(struct connection *c)
{
	struct sctp *own = c->own;
	usrsctp_shutdown(own->so, SHUT_WR);
}

const struct connection_transport connection_sctp = {
	.own_bytes = sizeof(struct sctp),
	.open = sctp_open,
	.begin = sctp_begin_to,
	.step = sctp_step,
	.send = sctp_send,
	.settle = sctp_settle,
	.next_ns = sctp_next_ns,
	.part = sctp_part,
	.end = sctp_end,
	.close = sctp_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP and TLS: connections are accepted, shaken hands with, and cut into messages (listener.h). All
 * connections share one buffer to read into; a connection keeps only the beginning of a message
 * that has not come to its end, so idle ones cost next to nothing.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/compiler.h"
#include "net/listener_inner.h"
#include "net/tls.h"

enum {
	MESSAGE_BYTES_MAX = 65535,
	READ_BYTES = 65536,             /* more than a TLS record holds */
	TURN_READS = 4, TURN_ACCEPTS = 64,
	PEER_BYTES = 256,
};

struct stream {                         /* of the listener */
	SSL_CTX *tls;
	uint8_t octets[MESSAGE_BYTES_MAX + READ_BYTES];
};

/* A session of this transport. */
struct stream_session {
	struct session session;
	int fd;
	SSL *ssl;                       /* NULL: plain TCP */
	bool shaken;                    /* the handshake is done */
	uint8_t *rest;                  /* the beginning of a message */
	uint32_t rest_bytes;
	char peer[PEER_BYTES];          /* the name in its certificate */
};

static bool shake(struct listener *l, struct stream_session *c);

static struct stream_session *stream_of(struct session *s)
{
	return container_of(s, struct stream_session, session);
}

static int stream_open(struct listener *l, struct error *err)
{
	struct stream *own = malloc(sizeof *own);
	if (!own)
		return error_set(err, -ENOMEM, "out of memory for a listener");
	own->tls = NULL;
	l->own = own;
	if (l->setup.transport != NET_TLS)
		return 0;
	struct tls_use use = { .certificates = &l->setup.tls, .is_server = true };
	return tls_context(&use, &own->tls, err);
}

static void stream_close(struct listener *l)
{
	struct stream *own = l->own;
	if (own)
		tls_context_free(own->tls);
	free(own);
}

/* --- accepting --- */

/* A peer that vanished is noticed within three minutes. */
static void accept_options(int fd)
{
	int yes = 1, idle_s = 60, every_s = 20, count = 6;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

/* The handshake is owed within the listener's patience. */
static bool begin_tls(struct listener *l, struct stream_session *c)
{
	struct stream *own = l->own;
	c->ssl = SSL_new(own->tls);
	if (!c->ssl || tls_attach(c->ssl, c->fd) < 0)
		return false;
	SSL_set_accept_state(c->ssl);
	session_owes(l, &c->session, true);
	return true;
}

static void stream_accepted(struct listener *l, unsigned socket, int fd,
                            const struct net_endpoint *remote)
{
	struct session *s = session_new(l, remote, socket);
	if (!s) {
		close(fd);
		return;
	}
	struct stream_session *c = stream_of(s);
	c->fd = fd;
	accept_options(fd);
	net_endpoint_local(fd, &s->open.local);
	bool good = listener_watch(l, fd, s, EPOLLIN) == 0;
	if (good && l->setup.transport == NET_TLS)
		good = begin_tls(l, c);
	if (!good) {
		session_close(l, s, "out of memory");
		return;
	}
	if (l->setup.transport == NET_TCP)
		session_opened(l, s);
}

static void stream_readable(struct listener *l, unsigned socket)
{
	for (unsigned i = 0; i < TURN_ACCEPTS; i++) {
		struct sockaddr_storage from;
		socklen_t size = sizeof from;
		struct net_endpoint remote;
		int fd = accept4(l->sockets[socket], (struct sockaddr *)&from, &size,
		                 SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0) {
			if (errno != EAGAIN)
				listener_note(l, "a connection cannot be accepted: %s", strerror(errno));
			return;
		}
		if (net_endpoint_of((struct sockaddr *)&from, &remote))
			stream_accepted(l, socket, fd, &remote);
		else
			close(fd);
	}
}

/* --- reading --- */

/* Octets into `buffer`: how many, 0 when the peer has closed, -EAGAIN, or another negative errno
 * with the reason. */
static ssize_t stream_read(struct stream_session *c, uint8_t *buffer, char *reason, size_t size)
{
	if (!c->ssl) {
		ssize_t n = recv(c->fd, buffer, READ_BYTES, 0);
		if (n >= 0 || errno == EAGAIN || errno == EINTR)
			return n >= 0 ? n : -EAGAIN;
		snprintf(reason, size, "%s", strerror(errno));
		return -errno;
	}
	ERR_clear_error();
	int n = SSL_read(c->ssl, buffer, READ_BYTES);
	if (n > 0)
		return n;
	int kind = SSL_get_error(c->ssl, n);
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (kind == SSL_ERROR_ZERO_RETURN)
		return 0;
	tls_reason(c->ssl, n, reason, size);
	return -ECONNRESET;
}

static void remains(struct listener *l, struct session *s, const uint8_t *octets, uint32_t bytes)
{
	struct net_message rest = { .octets = octets, .bytes = bytes };
	if (l->events.remains && bytes)
		l->events.remains(l->events.context, &s->open, &rest);
}

/* Delivers the whole messages of octets[0 ... bytes - 1]. Returns how many octets they took;
 * negative: the session is closed. */
static int64_t stream_cut(struct listener *l, struct session *s, const uint8_t *octets,
                          uint32_t bytes)
{
	uint32_t at = 0;
	while (at < bytes) {
		int64_t length = l->setup.frame(octets + at, bytes - at);
		if (length < 0 || length > MESSAGE_BYTES_MAX) {
			l->counters.malformed++;
			remains(l, s, octets + at, bytes - at);
			session_close(l, s, "what it sends is no message");
			return -EBADMSG;
		}
		if (length == 0 || length > bytes - at)
			break;
		struct net_message message = { .octets = octets + at, .bytes = (uint32_t)length };
		if (!session_message(l, s, &message))
			return -ECONNABORTED;
		at += (uint32_t)length;
	}
	return at;
}

static bool keep_rest(struct listener *l, struct stream_session *c, const uint8_t *octets,
                      uint32_t bytes)
{
	uint8_t *rest = NULL;
	if (bytes) {
		rest = malloc(bytes);
		if (!rest) {
			session_close(l, &c->session, "out of memory");
			return false;
		}
		memcpy(rest, octets, bytes);
	}
	free(c->rest);
	c->rest = rest;
	c->rest_bytes = bytes;
	return true;
}

/* One read and what comes of it; false when there is nothing more, or no session any more. */
static bool stream_step(struct listener *l, struct stream_session *c)
{
	struct stream *own = l->own;
	char reason[300];
	ssize_t n = stream_read(c, own->octets + c->rest_bytes, reason, sizeof reason);
	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		session_close(l, &c->session, n < 0 ? reason : c->rest_bytes
		              ? "closed by the peer within a message" : "closed by the peer");
		return false;
	}
	uint32_t rest_bytes = c->rest_bytes, bytes = rest_bytes + (uint32_t)n;
	if (rest_bytes)
		memcpy(own->octets, c->rest, rest_bytes);
	c->rest_bytes = 0;
	int64_t taken = stream_cut(l, &c->session, own->octets, bytes);
	if (taken < 0)
		return false;
	/* A peer that dribbles is timed from where its message began. */
	if (taken == bytes || taken > 0 || rest_bytes == 0)
		session_owes(l, &c->session, taken < bytes);
	return keep_rest(l, c, own->octets + taken, bytes - (uint32_t)taken);
}

/* So many reads a turn, then the others: epoll tells again that more is there. */
static void stream_session_ready(struct listener *l, struct session *s)
{
	struct stream_session *c = stream_of(s);
	if (c->ssl && !c->shaken && !shake(l, c))
		return;
	for (unsigned i = 0; i < TURN_READS; i++)
		if (!stream_step(l, c))
			return;
}

/* --- TLS --- */

/* True once the handshake is done. */
static bool shake(struct listener *l, struct stream_session *c)
{
	char reason[300], text[NET_ENDPOINT_TEXT];
	ERR_clear_error();
	int rc = SSL_accept(c->ssl);
	if (rc == 1) {
		c->shaken = true;
		c->session.open.peer = tls_peer_name(c->ssl, c->peer, sizeof c->peer);
		listener_rewatch(l, c->fd, &c->session, EPOLLIN);
		session_owes(l, &c->session, false);
		session_opened(l, &c->session);
		return true;
	}
	int kind = SSL_get_error(c->ssl, rc);
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
		listener_rewatch(l, c->fd, &c->session,
		                 kind == SSL_ERROR_WANT_WRITE ? EPOLLOUT : EPOLLIN);
		return false;
	}
	l->counters.handshakes_failed++;
	tls_reason(c->ssl, rc, reason, sizeof reason);
	listener_note(l, "%s: no TLS session: %s",
	              net_endpoint_text(&c->session.open.remote, text, sizeof text), reason);
	session_close(l, &c->session, reason);
	return false;
}

/* --- the end of a session --- */

/* What the exporter has sent before it sees this is still read. */
static void stream_farewell(struct listener *l, struct session *s)
{
	struct stream_session *c = stream_of(s);
	if (c->ssl && c->shaken)
		SSL_shutdown(c->ssl);
	ERR_clear_error();
	shutdown(c->fd, SHUT_WR);
}

static void stream_session_remains(struct listener *l, struct session *s)
{
	const struct stream_session *c = stream_of(s);
	remains(l, s, c->rest, c->rest_bytes);
}

static void stream_session_end(struct listener *l, struct session *s)
{
	struct stream_session *c = stream_of(s);
	if (c->ssl && c->shaken)
		SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	ERR_clear_error();
	if (c->fd > 0)
		close(c->fd);
	free(c->rest);
}

const struct listener_transport listener_tcp = {
	.session_bytes = sizeof(struct stream_session),
	.socket_type = SOCK_STREAM,
	.open = stream_open,
	.readable = stream_readable,
	.session_ready = stream_session_ready,
	.farewell = stream_farewell,
	.session_remains = stream_session_remains,
	.session_end = stream_session_end,
	.close = stream_close,
};

const struct listener_transport listener_tls = {
	.session_bytes = sizeof(struct stream_session),
	.socket_type = SOCK_STREAM,
	.open = stream_open,
	.readable = stream_readable,
	.session_ready = stream_session_ready,
	.farewell = stream_farewell,
	.session_remains = stream_session_remains,
	.session_end = stream_session_end,
	.close = stream_close,
};

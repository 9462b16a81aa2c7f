/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP and TLS from the side that connects. What arrived is known from the kernel: SIOCOUTQ says how
 * many octets of the stream the peer's system has not acknowledged, also after a reset. A message
 * counts as arrived when its last octet has; for TLS its last octet of ciphertext.
 *
 * A peer that closes first (FIN, close_notify) still reads what is on its way: it gets a moment to
 * acknowledge before the rest is given up. Nothing is kept for long behind a peer that is slow:
 * TCP_NOTSENT_LOWAT bounds what waits in the kernel, so that a break loses little.
 *
 * In TLS 1.3 a server judges our certificate after the client has finished: its alert, or its first
 * tickets, are awaited for a moment before the connection counts as open.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "net/connection_inner.h"
#include "net/tls.h"

#define SECOND_NS UINT64_C(1000000000)
#define VERDICT_NS (SECOND_NS / 2)      /* for a server's word on our certificate */
#define FAREWELL_NS (SECOND_NS / 2)     /* for acknowledgements after the peer has closed */

enum {
	NOT_SENT_BYTES = 256 << 10,
	DEAD_MS = 60000,                /* octets unacknowledged for so long: the peer is dead */
	PIECES_MAX = 64,
};

/* The transport's part of a connection. */
struct stream {
	int fd;                         /* 0: none */
	SSL_CTX *context;
	SSL *ssl;                       /* NULL: plain TCP, or not connected yet */
	bool connected;                 /* TCP is; the handshake of TLS may follow */
	bool parted;                    /* our FIN is on its way */
	short wants;                    /* POLLIN, POLLOUT: TLS waits for it */
	uint64_t verdict_ns;            /* TLS 1.3: open from then on; 0: not shaken yet */
	uint64_t written;               /* octets of the stream, into the kernel */
	uint8_t *rest;                  /* of a message that the kernel took in part */
	uint32_t rest_at, rest_bytes;
};

static int shake(struct connection *c, struct error *err);

/* --- beginning --- */

static int tls_open(struct connection *c, struct error *err)
{
	struct stream *own = c->own;
	struct tls_use use = { .certificates = &c->setup.tls, .host = c->setup.host };
	return tls_context(&use, &own->context, err);
}

static void tls_close(struct connection *c)
{
	struct stream *own = c->own;
	tls_context_free(own->context);
	own->context = NULL;
}

/* No delay, since messages come in bursts; a bound on what the kernel holds unsent; keep-alives and
 * a user timeout, so that a peer that vanished is noticed while nothing is sent. */
static void stream_options(int fd)
{
	int yes = 1, dead_ms = DEAD_MS, not_sent = NOT_SENT_BYTES, idle_s = 30, every_s = 10;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &not_sent, sizeof not_sent);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
}

/* The TLS context was made with the connection and outlives its sockets. */
static int stream_begin(struct connection *c, const struct net_endpoint *remote,
                        struct error *err)
{
	struct stream *own = c->own;
	struct sockaddr_storage address;
	int family = remote->family == 6 ? AF_INET6 : AF_INET;
	int fd = connection_socket(c, family, SOCK_STREAM, 0, err);
	if (fd < 0)
		return fd;
	SSL_CTX *context = own->context;
	*own = (struct stream){ .fd = fd, .context = context };
	stream_options(fd);
	socklen_t size = net_endpoint_sockaddr(remote, family, &address);
	if (connect(fd, (struct sockaddr *)&address, size) < 0 && errno != EINPROGRESS)
		return error_set(err, -errno, "%s", strerror(errno));
	return 0;
}

static void stream_end(struct connection *c)
{
	struct stream *own = c->own;
	SSL_free(own->ssl);
	ERR_clear_error();
	if (own->fd > 0)
		close(own->fd);
	free(own->rest);
	*own = (struct stream){ .context = own->context };
}

/* --- opening --- */

/* connect() was started without blocking: whether it worked is what the socket has to say now. */
static int connected(struct connection *c, struct error *err)
{
	struct stream *own = c->own;
	int code = 0;
	socklen_t size = sizeof code;
	getsockopt(own->fd, SOL_SOCKET, SO_ERROR, &code, &size);
	if (code)
		return error_set(err, -code, "%s", strerror(code));
	own->connected = true;
	if (!own->context) {
		connection_opened(c, own->fd);
		return 0;
	}
	own->ssl = SSL_new(own->context);
	if (!own->ssl || tls_attach(own->ssl, own->fd) < 0)
		return error_set(err, -ENOMEM, "out of memory for TLS");
	SSL_set_connect_state(own->ssl);
	if (!c->setup.tls.peers && tls_expect_host(own->ssl, c->setup.host) < 0)
		return error_set(err, -EINVAL, "\"%s\" cannot be looked for in a certificate",
		                 c->setup.host);
	return shake(c, err);
}

static int tls_failed(struct stream *own, int result, struct error *err)
{
	char reason[400];
	tls_reason(own->ssl, result, reason, sizeof reason);
	return error_set(err, -EPROTO, "%s", reason);
}

/* Sets what to wait for; a negative return when it is more than waiting. */
static int tls_wants(struct stream *own, int result, struct error *err)
{
	int kind = SSL_get_error(own->ssl, result);
	if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE)
		return tls_failed(own, result, err);
	own->wants = kind == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
	return 0;
}

/* With TLS 1.3 the handshake is done before the peer has looked at our certificate: until its
 * verdict the connection is not open. */
static int shake(struct connection *c, struct error *err)
{
	struct stream *own = c->own;
	ERR_clear_error();
	int rc = SSL_connect(own->ssl);
	if (rc != 1)
		return tls_wants(own, rc, err);
	own->verdict_ns = connection_now_ns();
	if (SSL_version(own->ssl) >= TLS1_3_VERSION)
		own->verdict_ns += VERDICT_NS;
	own->wants = POLLIN;
	tls_peer_name(own->ssl, c->peer, sizeof c->peer);
	return 0;
}

/* How far the kernel has the stream: what confirmations are measured by. */
static uint64_t stream_mark(struct stream *own, size_t wrote)
{
	own->written = own->ssl ? BIO_number_written(SSL_get_wbio(own->ssl)) : own->written + wrote;
	return own->written;
}

/* --- what the peer says: nothing, or the end --- */

/* The kernel has no event for "all is acknowledged", so it is asked every millisecond, for a
 * moment. */
static void give_time_to_acknowledge(struct connection *c)
{
	struct stream *own = c->own;
	uint64_t until_ns = connection_now_ns() + FAREWELL_NS;
	shutdown(own->fd, SHUT_WR);
	own->parted = true;
	for (;;) {
		c->transport->settle(c);
		if (c->flight_count == 0 || connection_now_ns() >= until_ns)
			return;
		struct tcp_info info;
		socklen_t size = sizeof info;
		if (getsockopt(own->fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0
		    || info.tcpi_state == TCP_CLOSE)
			return;         /* reset: no more will come */
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
}

static int peer_closed(struct connection *c, struct error *err)
{
	give_time_to_acknowledge(c);
	return error_set(err, -EPIPE, "closed by the collector");
}

/* The message says what cannot be known: octets that were acknowledged may never have been read. */
static int reset(struct connection *c, int code, struct error *err)
{
	c->transport->settle(c);
	if (code != ECONNRESET && code != EPIPE)
		return error_set(err, -code, "%s", strerror(code));
	return error_set(err, -code, "reset by the collector's system; %llu records on their way are "
	                 "lost, and what it had not read of those before them",
	                 (unsigned long long)c->account.in_flight.records);
}

/* What a collector says is thrown away; only its end matters. */
static int read_plain(struct connection *c, struct error *err)
{
	struct stream *own = c->own;
	uint8_t unwanted[4096];
	for (;;) {
		ssize_t n = recv(own->fd, unwanted, sizeof unwanted, 0);
		if (n > 0 || (n < 0 && errno == EINTR))
			continue;
		if (n == 0)
			return peer_closed(c, err);
		return errno == EAGAIN ? 0 : reset(c, errno, err);
	}
}

/* A collector sends nothing; what is read is thrown away. It is read for what OpenSSL does on the
 * way: alerts, tickets, the peer's goodbye. */
static int read_tls(struct connection *c, struct error *err)
{
	struct stream *own = c->own;
	uint8_t unwanted[4096];
	int n;
	do {
		ERR_clear_error();
		errno = 0;
		n = SSL_read(own->ssl, unwanted, sizeof unwanted);
	} while (n > 0);
	int kind = SSL_get_error(own->ssl, n);
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return 0;
	bool no_goodbye = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
	if (kind == SSL_ERROR_ZERO_RETURN || (no_goodbye && c->state == CONNECTION_OPEN))
		return peer_closed(c, err);
	if (kind == SSL_ERROR_SYSCALL && errno)
		return reset(c, errno, err);
	return tls_failed(own, n, err);
}

static int stream_read(struct connection *c, struct error *err)
{
	struct stream *own = c->own;
	return own->ssl ? read_tls(c, err) : read_plain(c, err);
}

/* --- steps --- */

/* Anything from the peer is a verdict: an alert closes, all else means that it went on. */
static int verdict(struct connection *c, bool heard, struct error *err)
{
	struct stream *own = c->own;
	int rc = heard ? stream_read(c, err) : 0;
	if (rc == 0 && (heard || connection_now_ns() >= own->verdict_ns))
		connection_opened(c, own->fd);
	return rc;
}

/* Three stages: connecting, the handshake, the verdict. */
static int opening_step(struct connection *c, uint64_t until_ns, struct error *err)
{
	struct stream *own = c->own;
	if (own->verdict_ns && own->verdict_ns < until_ns)
		until_ns = own->verdict_ns;
	short events = own->connected ? own->wants : POLLOUT;
	bool ready = connection_wait(c, own->fd, events, until_ns);
	if (own->verdict_ns)
		return verdict(c, ready, err);
	if (!ready)
		return 0;
	return own->connected ? shake(c, err) : connected(c, err);
}

static int write_rest(struct connection *c, struct error *err);

static int stream_step(struct connection *c, uint64_t until_ns, bool to_send, struct error *err)
{
	struct stream *own = c->own;
	if (c->state == CONNECTION_OPENING)
		return opening_step(c, until_ns, err);
	bool writes = to_send || own->rest;
	short events = writes ? POLLIN | POLLOUT : POLLIN;
	if (until_ns)
		connection_wait(c, own->fd, events, until_ns);
	int rc = stream_read(c, err);
	return rc == 0 && own->rest ? write_rest(c, err) : rc;
}

/* --- sending --- */

/* Octets into the kernel: how many, 0 when there is no room, or a failure. */
static ssize_t write_some(struct connection *c, const struct iovec *pieces, unsigned count,
                          struct error *err)
{
	struct stream *own = c->own;
	if (!own->ssl) {
		struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = count };
		ssize_t n = sendmsg(own->fd, &m, MSG_NOSIGNAL);
		if (n >= 0 || errno == EAGAIN || errno == EINTR)
			return n >= 0 ? n : 0;
		return reset(c, errno, err);
	}
	ERR_clear_error();
	errno = 0;
	int n = SSL_write(own->ssl, pieces->iov_base, (int)pieces->iov_len);
	if (n > 0)
		return n;
	int kind = SSL_get_error(own->ssl, n);
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return 0;
	if (kind == SSL_ERROR_SYSCALL && errno)
		return reset(c, errno, err);
	return tls_failed(own, n, err);
}

/* Of a message that the kernel took a part of, the rest is ours to keep: the caller was told that
 * it is taken. */
static int keep_rest(struct connection *c, const struct connection_message *m, size_t done,
                     struct error *err)
{
	struct stream *own = c->own;
	own->rest_at = 0;
	own->rest_bytes = m->bytes - (uint32_t)done;
	own->rest = malloc(own->rest_bytes);
	/* It is in flight from now on, at a mark that no acknowledgement reaches before the rest. */
	flight_add(c, UINT64_MAX, &m->amount);
	if (!own->rest)
		return error_set(err, -ENOMEM, "out of memory for a message");
	memcpy(own->rest, m->octets + done, own->rest_bytes);
	return 0;
}

/* The message was taken when its first octets were; now its mark is known and its flight gets
 * it. */
static int write_rest(struct connection *c, struct error *err)
{
	struct stream *own = c->own;
	while (own->rest_at < own->rest_bytes) {
		struct iovec piece = { own->rest + own->rest_at, own->rest_bytes - own->rest_at };
		ssize_t n = write_some(c, &piece, 1, err);
		if (n <= 0)
			return (int)n;
		stream_mark(own, (size_t)n);
		own->rest_at += (uint32_t)n;
	}
	free(own->rest);
	own->rest = NULL;
	unsigned last = (c->flight_head + c->flight_count - 1) & (c->flight_size - 1);
	c->flights[last].mark = own->written;
	return 0;
}

/* Settles who is in the kernel after `n` octets were taken of the messages. */
static int took(struct connection *c, struct connection_batch *batch, size_t n, struct error *err)
{
	struct stream *own = c->own;
	uint64_t end = stream_mark(own, n) - (own->ssl ? 0 : n);
	while (n) {
		const struct connection_message *m = &batch->messages[batch->taken++];
		if (n < m->bytes)
			return keep_rest(c, m, n, err);
		n -= m->bytes;
		end += own->ssl ? 0 : m->bytes;
		flight_add(c, end, &m->amount);
	}
	return 0;
}

/* Plain TCP takes many messages in one call, TLS one: each is a record of its own. */
static int stream_send(struct connection *c, struct connection_batch *batch, struct error *err)
{
	struct stream *own = c->own;
	struct iovec pieces[PIECES_MAX];
	int rc = own->rest ? write_rest(c, err) : 0;
	while (rc == 0 && !own->rest && batch->taken < batch->count) {
		const struct connection_message *m = &batch->messages[batch->taken];
		unsigned left = batch->count - batch->taken, most = own->ssl ? 1 : PIECES_MAX, n = 0;
		for (; n < left && n < most; n++)
			pieces[n] = (struct iovec){ (void *)(uintptr_t)m[n].octets, m[n].bytes };
		ssize_t wrote = write_some(c, pieces, n, err);
		if (wrote < 0)
			return (int)wrote;
		if (wrote == 0 && !own->ssl)
			return 0;
		/* OpenSSL has begun with a message for which there was no room: it must have it again. */
		if (wrote == 0)
			batch->taken++;
		rc = wrote ? took(c, batch, (size_t)wrote, err) : keep_rest(c, m, 0, err);
	}
	return rc;
}

/* SIOCOUTQ counts what the peer's system has not acknowledged, sent or not: so what is confirmed is
 * all before that. */
static void stream_settle(struct connection *c)
{
	struct stream *own = c->own;
	int waiting = 0;
	if (own->fd <= 0 || !own->connected || ioctl(own->fd, SIOCOUTQ, &waiting) < 0)
		return;
	/* Alerts are octets too, and so is our FIN. */
	uint64_t end = stream_mark(own, 0) + own->parted;
	if (end >= (uint64_t)waiting)
		flight_confirm(c, end - (uint64_t)waiting);
}

/* The peer sees an end, and can still acknowledge what is on its way. */
static void stream_part(struct connection *c)
{
	struct stream *own = c->own;
	if (own->ssl)
		SSL_shutdown(own->ssl);
	ERR_clear_error();
	shutdown(own->fd, SHUT_WR);
	own->parted = true;
}

const struct connection_transport connection_tcp = {
	.own_bytes = sizeof(struct stream),
	.begin = stream_begin,
	.step = stream_step,
	.send = stream_send,
	.settle = stream_settle,
	.part = stream_part,
	.end = stream_end,
};

const struct connection_transport connection_tls = {
	.own_bytes = sizeof(struct stream),
	.open = tls_open,
	.begin = stream_begin,
	.step = stream_step,
	.send = stream_send,
	.settle = stream_settle,
	.part = stream_part,
	.end = stream_end,
	.close = tls_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DTLS from the side that connects. An association is one socket and one SSL. There are up to two:
 * the one that carries messages, and the next one, in its handshake (connection.h says why). When
 * the next one stands it takes over, and the old one says goodbye; that is a new transport session.
 *
 * The next one begins when the time for renewal has come, or on a hint: a record in the clear
 * within an association (an alert or a handshake from a collector that does not know us; it may be
 * forged, so it is no more than a hint, and hints are heeded once in HINT_NS). If its handshake
 * finds no answer, the peer is gone, and with it the old one.
 */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/compiler.h"
#include "net/connection_inner.h"
#include "net/dtls.h"
#include "net/tls.h"

#define SECOND_NS UINT64_C(1000000000)
#define HINT_NS (5 * SECOND_NS)

enum {
	MTU_MOST = 1500, MTU_UNKNOWN = 1280, MTU_MIN = 256,
	IPV4_UDP_BYTES = 28, IPV6_UDP_BYTES = 48,
	RECEIVE_BYTES = 65536,
};

/* One DTLS session with the collector. */
struct association {
	struct dtls_link link;
	int fd;                         /* -1: none */
	SSL *ssl;
	uint64_t until_ns;              /* its handshake may last until then */
	int send_error;                 /* the first since it was looked at */
};

/* The transport's part of a connection. */
struct dtls {
	SSL_CTX *context;
	BIO_METHOD *method;
	struct association *now, *next; /* that serves; in its handshake; NULL: none */
	uint64_t renew_ns;              /* when the next handshake begins; UINT64_MAX: never */
	uint64_t hint_ns;               /* when a hint was heeded last */
	struct connection_amount last;  /* of the messages sent last */
	bool next_is_ready;             /* its handshake is done */
	uint8_t octets[RECEIVE_BYTES];  /* of the datagram at hand */
};

/* --- open and close --- */

static int dtls_open(struct connection *c, struct error *err)
{
	struct dtls *own = c->own;
	struct tls_use use = { .certificates = &c->setup.tls, .datagrams = true,
	                       .host = c->setup.host };
	own->method = dtls_method_new();
	if (!own->method)
		return error_set(err, -ENOMEM, "out of memory for DTLS");
	return tls_context(&use, &own->context, err);
}

static void association_free(struct association *a, bool farewell)
{
	if (!a)
		return;
	if (farewell)
		SSL_shutdown(a->ssl);
	SSL_free(a->ssl);
	ERR_clear_error();
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

static void dtls_end(struct connection *c)
{
	struct dtls *own = c->own;
	association_free(own->now, true);
	association_free(own->next, false);
	own->now = own->next = NULL;
}

static void dtls_close(struct connection *c)
{
	struct dtls *own = c->own;
	tls_context_free(own->context);
	dtls_method_free(own->method);
}

/* --- associations --- */

static int association_send(struct dtls_link *link, const void *octets, uint32_t bytes)
{
	struct association *a = container_of(link, struct association, link);
	if (send(a->fd, octets, bytes, MSG_NOSIGNAL) < 0 && a->send_error == 0)
		a->send_error = errno;
	return 0;
}

/* Octets of UDP payload that the path takes. */
static uint32_t path_bytes(const struct connection *c, int fd, bool is_v6)
{
	int mtu = 0;
	socklen_t size = sizeof mtu;
	if (c->setup.mtu)
		mtu = (int)c->setup.mtu;
	else if (getsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_MTU : IP_MTU, &mtu,
	                    &size) < 0 || mtu < MTU_MIN)
		mtu = MTU_UNKNOWN;
	if (mtu > MTU_MOST && !c->setup.mtu)
		mtu = MTU_MOST;
	return (uint32_t)mtu - (is_v6 ? IPV6_UDP_BYTES : IPV4_UDP_BYTES);
}

/* A connected socket: the kernel then drops what comes from elsewhere, and tells of ICMP errors. */
static int association_connect(struct connection *c, struct association *a,
                               const struct net_endpoint *remote, struct error *err)
{
	struct sockaddr_storage address;
	bool is_v6 = remote->family == 6;
	int family = is_v6 ? AF_INET6 : AF_INET;
	a->fd = connection_socket(c, family, SOCK_DGRAM, 0, err);
	if (a->fd < 0)
		return a->fd;
	socklen_t size = net_endpoint_sockaddr(remote, family, &address);
	if (connect(a->fd, (struct sockaddr *)&address, size) < 0)
		return error_set(err, -errno, "%s", strerror(errno));
	a->link.mtu = path_bytes(c, a->fd, is_v6);
	return 0;
}

/* The name to be expected is set for each session, unless the user named peers: those stand in the
 * context. */
static int association_new(struct connection *c, const struct net_endpoint *remote,
                           struct association **ret, struct error *err)
{
	struct dtls *own = c->own;
	struct association *a = calloc(1, sizeof *a);
	if (!a)
		return error_set(err, -ENOMEM, "out of memory for DTLS");
	a->fd = -1;
	a->link.send = association_send;
	a->until_ns = connection_now_ns() + c->setup.try_ns;
	int rc = association_connect(c, a, remote, err);
	if (rc == 0)
		a->ssl = dtls_session(own->context, own->method, &a->link);
	if (rc == 0 && !a->ssl)
		rc = error_set(err, -ENOMEM, "out of memory for DTLS");
	if (rc == 0 && !c->setup.tls.peers && tls_expect_host(a->ssl, c->setup.host) < 0)
		rc = error_set(err, -EINVAL, "\"%s\" cannot be looked for in a certificate",
		               c->setup.host);
	if (rc < 0) {
		association_free(a, false);
		return rc;
	}
	SSL_set_connect_state(a->ssl);
	*ret = a;
	return 0;
}

static int association_failed(struct association *a, int result, struct error *err)
{
	char reason[400];
	tls_reason(a->ssl, result, reason, sizeof reason);
	return error_set(err, -EPROTO, "%s", reason);
}

/* What sending has run into, since it was asked last. */
static int take_send_error(struct association *a, struct error *err)
{
	int code = a->send_error;
	a->send_error = 0;
	bool passes = code == 0 || code == EAGAIN || code == ENOBUFS || code == EMSGSIZE
	              || code == EPERM;
	return passes ? 0 : error_set(err, -code, "%s", strerror(code));
}

/* The handshake goes on; *ret_done when it is done. */
static int shake(struct association *a, bool *ret_done, struct error *err)
{
	ERR_clear_error();
	int rc = SSL_connect(a->ssl);
	*ret_done = rc == 1;
	if (rc == 1)
		return 0;
	int kind = SSL_get_error(a->ssl, rc);
	if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE)
		return association_failed(a, rc, err);
	return take_send_error(a, err);
}

/* The handshake stands: this one carries messages from now on. */
static void take_over(struct connection *c, struct association *a)
{
	struct dtls *own = c->own;
	association_free(own->now, true);
	own->now = a;
	own->next = NULL;
	own->last = (struct connection_amount){ 0 };
	own->next_is_ready = false;
	own->renew_ns = c->setup.renew_ns ? connection_now_ns() + c->setup.renew_ns : UINT64_MAX;
	tls_peer_name(a->ssl, c->peer, sizeof c->peer);
	c->message_bytes = (uint32_t)DTLS_get_data_mtu(a->ssl);
	connection_opened(c, a->fd);
}

static int dtls_begin(struct connection *c, const struct net_endpoint *remote, struct error *err)
{
	struct dtls *own = c->own;
	own->hint_ns = 0;
	own->next_is_ready = false;
	int rc = association_new(c, remote, &own->next, err);
	bool done;
	return rc < 0 ? rc : shake(own->next, &done, err);
}

/* --- what comes --- */

/* To the address that serves now, without asking for the name again. */
static int renew(struct connection *c, struct error *err)
{
	struct dtls *own = c->own;
	bool done;
	own->renew_ns = UINT64_MAX;
	int rc = association_new(c, &c->remote, &own->next, err);
	return rc < 0 ? rc : shake(own->next, &done, err);
}

/* Heeded once in a while: each costs a handshake, and anybody can send one. */
static void hint(struct connection *c)
{
	struct dtls *own = c->own;
	uint64_t now_ns = connection_now_ns();
	if (own->next || (own->hint_ns && now_ns - own->hint_ns < HINT_NS))
		return;
	own->hint_ns = own->renew_ns = now_ns;
}

/* A datagram for an association. Data are not expected; alerts end it. */
static int association_read(struct association *a, const uint8_t *octets, uint32_t bytes,
                            struct error *err)
{
	uint8_t unwanted[2048];
	int n;
	a->link.in = octets;
	a->link.in_bytes = bytes;
	do {
		ERR_clear_error();
		n = SSL_read(a->ssl, unwanted, sizeof unwanted);
	} while (n > 0);
	int kind = SSL_get_error(a->ssl, n);
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return 0;
	if (kind == SSL_ERROR_ZERO_RETURN)
		return error_set(err, -EPIPE, "closed by the collector");
	return association_failed(a, n, err);
}

/* Within the association that serves, a record in the clear is never shown to OpenSSL: anybody
 * could have sent it. */
static int datagram_for(struct connection *c, struct association *a, uint32_t bytes,
                        struct error *err)
{
	struct dtls *own = c->own;
	struct dtls_record record;
	bool done = false;
	int rc;
	if (a == own->now) {
		if (!dtls_look(own->octets, bytes, &record))
			return 0;
		if (record.epoch > 0)
			return association_read(a, own->octets, bytes, err);
		hint(c);
		return 0;
	}
	a->link.in = own->octets;
	a->link.in_bytes = bytes;
	rc = shake(a, &done, err);
	a->link.in = NULL;
	own->next_is_ready = rc == 0 && done;
	return rc;
}

/* An ICMP answer: to what was sent last. */
static int refused(struct connection *c, int code, struct error *err)
{
	struct dtls *own = c->own;
	amount_move(&c->account.confirmed, &c->account.lost, &own->last);
	own->last = (struct connection_amount){ 0 };
	return error_set(err, -code, "%s", strerror(code));
}

/* All datagrams that wait for an association. A refusal comes as an error of the socket. */
static int association_serve(struct connection *c, struct association *a, struct error *err)
{
	struct dtls *own = c->own;
	int rc = 0;
	while (rc == 0 && !(a == own->next && own->next_is_ready)) {
		ssize_t n = recv(a->fd, own->octets, sizeof own->octets, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return refused(c, errno, err);
		rc = datagram_for(c, a, (uint32_t)n, err);
	}
	return rc;
}

/* --- steps --- */

static uint64_t timer_of(const struct association *a, uint64_t now_ns)
{
	struct timeval left;
	if (!a || !DTLSv1_get_timeout(a->ssl, &left))
		return UINT64_MAX;
	return now_ns + (uint64_t)left.tv_sec * SECOND_NS + (uint64_t)left.tv_usec * 1000;
}

/* For datagrams of either association, or the timer of the handshake. */
static void wait_for_both(const struct dtls *own, uint64_t until_ns)
{
	uint64_t now_ns = connection_now_ns(), timer_ns = timer_of(own->next, now_ns);
	until_ns = timer_ns < until_ns ? timer_ns : until_ns;
	uint64_t wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	struct pollfd fds[2] = {
		{ .fd = own->now ? own->now->fd : -1, .events = POLLIN },
		{ .fd = own->next ? own->next->fd : -1, .events = POLLIN },
	};
	struct timespec wait = { (time_t)(wait_ns / SECOND_NS), (long)(wait_ns % SECOND_NS) };
	ppoll(fds, 2, &wait, NULL);
}

/* The new association waits, ready, until the caller is between messages; a handshake without an
 * answer ends both. */
static int serve_next(struct connection *c, struct error *err)
{
	struct dtls *own = c->own;
	struct association *a = own->next;
	int rc = own->next_is_ready ? 0 : association_serve(c, a, err);
	if (rc < 0)
		return rc;
	if (own->next_is_ready) {
		if (c->may_renew || c->state == CONNECTION_OPENING)
			take_over(c, a);
		return 0;
	}
	DTLSv1_handle_timeout(a->ssl);
	ERR_clear_error();
	rc = take_send_error(a, err);
	if (rc == 0 && own->now && connection_now_ns() >= a->until_ns)
		rc = error_set(err, -ETIMEDOUT, "no answer to a new handshake");
	return rc;
}

/* A renewal begins only when no other is under way. */
static int dtls_step(struct connection *c, uint64_t until_ns, bool to_send, struct error *err)
{
	struct dtls *own = c->own;
	if (until_ns)
		wait_for_both(own, until_ns);
	int rc = own->now ? association_serve(c, own->now, err) : 0;
	if (rc == 0 && own->next)
		rc = serve_next(c, err);
	if (rc == 0 && !own->next && connection_now_ns() >= own->renew_ns)
		rc = renew(c, err);
	return rc;
}

/* --- sending --- */

/* Datagrams find room or are lost; nothing confirms them, so none is in flight. */
static int dtls_send(struct connection *c, struct connection_batch *batch, struct error *err)
{
	struct dtls *own = c->own;
	struct association *a = own->now;
	own->last = (struct connection_amount){ 0 };
	while (batch->taken < batch->count) {
		const struct connection_message *m = &batch->messages[batch->taken];
		ERR_clear_error();
		int n = SSL_write(a->ssl, m->octets, (int)m->bytes);
		if (n <= 0)
			return association_failed(a, n, err);
		bool lost = a->send_error != 0;
		if (a->send_error == ECONNREFUSED)
			return refused(c, ECONNREFUSED, err);
		int rc = take_send_error(a, err);
		if (rc < 0)
			return rc;
		batch->taken++;
		flight_add(c, 0, &m->amount);
		if (lost)
			flight_lose(c, 0);
		else
			amount_add(&own->last, &m->amount);
		flight_confirm(c, 0);
	}
	return 0;
}

static uint64_t dtls_next_ns(const struct connection *c)
{
	const struct dtls *own = c->own;
	uint64_t next_ns = connection_now_ns() + (own->next ? SECOND_NS / 50 : SECOND_NS);
	return own->renew_ns < next_ns ? own->renew_ns : next_ns;
}

static void dtls_part(struct connection *c)
{
	dtls_end(c);
	c->state = CONNECTION_CLOSED;
}

const struct connection_transport connection_dtls = {
	.own_bytes = sizeof(struct dtls),
	.open = dtls_open,
	.begin = dtls_begin,
	.step = dtls_step,
	.send = dtls_send,
	.next_ns = dtls_next_ns,
	.part = dtls_part,
	.end = dtls_end,
	.close = dtls_close,
};

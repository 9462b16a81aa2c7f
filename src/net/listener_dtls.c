/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DTLS: many peers at one socket (listener.h). Nothing is kept for a peer before it has returned
 * a cookie that was sent to its address (RFC 6347, section 4.2.1), so nobody gets a session by
 * a forged source.
 *
 * A peer that lost its state begins anew from the same port (section 4.2.8): its ClientHello comes
 * in the clear within a session. It goes through the cookie exchange too; only a valid cookie ends
 * the old session. A late copy of the ClientHello that began the session is known by its random.
 * And a peer whose session we have lost, because we are the one that began anew, sends records that
 * we cannot read: it is told by an alert in the clear that we do not know it. It need not believe
 * that (connection_dtls.c makes sure by a handshake), but learns of it at once.
 */
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/compiler.h"
#include "net/dtls.h"
#include "net/listener_inner.h"
#include "net/tls.h"

#define SECOND_NS UINT64_C(1000000000)

enum {
	COOKIE_BYTES = 32, SECRET_BYTES = 32,
	COOKIE_S = 60,                  /* a cookie is good for one to two of these */
	LINK_MTU = 1232,                /* fits every IPv6 path: only handshakes are long */
	MESSAGE_BYTES = 65536,
	STRANGERS_PER_S = 100,          /* alerts to those whom we do not know */
	PEER_BYTES = 256,
};

struct dtls_peer {                      /* a link to one address, for one SSL */
	struct dtls_link link;
	struct listener *listener;
	unsigned socket;
	struct net_endpoint remote, local;
};

/* A session of this transport. */
struct dtls_session {
	struct session session;
	SSL *ssl;
	struct dtls_peer *peer;
	struct dtls_session *previous, *next;   /* in handshake */
	uint8_t random[DTLS_RANDOM_BYTES];      /* of its ClientHello */
	bool shaken;                    /* the handshake is done */
	char name[PEER_BYTES];          /* of its certificate */
};

struct dtls {                           /* of the listener */
	struct datagram_reader *reader;
	SSL_CTX *context;
	BIO_METHOD *method;
	SSL *waiting;                   /* takes the next ClientHello with a good cookie */
	struct dtls_peer *waiting_peer;
	struct dtls_session *shaking;
	uint8_t secret[SECRET_BYTES];
	uint64_t strangers, strangers_ns;       /* alerts sent in the second that began then */
	uint8_t message[MESSAGE_BYTES];
};

static void session_read(struct listener *l, struct dtls_session *c);

/* --- cookies --- */

/* Bound to the peer's address and to a period of time, under a secret of this run: no memory is
 * needed to know it again. */
static void cookie_of(const struct dtls_peer *peer, uint64_t period, uint8_t ret[COOKIE_BYTES])
{
	const struct dtls *own = peer->listener->own;
	struct { struct net_endpoint remote; uint64_t period; } what = { peer->remote, period };
	unsigned bytes = COOKIE_BYTES;
	HMAC(EVP_sha256(), own->secret, SECRET_BYTES, (const uint8_t *)&what, sizeof what, ret,
	     &bytes);
}

static uint64_t cookie_period(const struct dtls_peer *peer)
{
	return peer->listener->now_ns / (COOKIE_S * SECOND_NS);
}

static int cookie_make(SSL *ssl, unsigned char *cookie, unsigned *bytes)
{
	const struct dtls_peer *peer = SSL_get_app_data(ssl);
	cookie_of(peer, cookie_period(peer), cookie);
	*bytes = COOKIE_BYTES;
	return 1;
}

/* The period before counts as well: a cookie may have been asked for at its end. Compared in
 * constant time. */
static int cookie_check(SSL *ssl, const unsigned char *cookie, unsigned bytes)
{
	const struct dtls_peer *peer = SSL_get_app_data(ssl);
	uint8_t wanted[COOKIE_BYTES];
	if (bytes != COOKIE_BYTES)
		return 0;
	for (unsigned age = 0; age < 2; age++) {
		cookie_of(peer, cookie_period(peer) - age, wanted);
		if (CRYPTO_memcmp(cookie, wanted, COOKIE_BYTES) == 0)
			return 1;
	}
	return 0;
}

/* --- open and close --- */

static int dtls_open(struct listener *l, struct error *err)
{
	struct tls_use use = { .certificates = &l->setup.tls, .is_server = true, .datagrams = true };
	struct dtls *own = calloc(1, sizeof *own);
	if (!own)
		return error_set(err, -ENOMEM, "out of memory for a listener");
	l->own = own;
	int rc = tls_context(&use, &own->context, err);
	if (rc < 0)
		return rc;
	own->method = dtls_method_new();
	if (!own->method || datagram_reader_new(&own->reader) < 0
	    || RAND_bytes(own->secret, SECRET_BYTES) != 1)
		return error_set(err, -ENOMEM, "out of memory for a listener");
	SSL_CTX_set_cookie_generate_cb(own->context, cookie_make);
	SSL_CTX_set_cookie_verify_cb(own->context, cookie_check);
	for (unsigned i = 0; i < l->socket_count; i++) {
		datagram_socket(l, i);
		datagram_ask_local(l, i);
	}
	return 0;
}

static void dtls_close(struct listener *l)
{
	struct dtls *own = l->own;
	if (!own)
		return;
	SSL_free(own->waiting);
	free(own->waiting_peer);
	tls_context_free(own->context);
	dtls_method_free(own->method);
	datagram_reader_free(own->reader);
	free(own);
}

/* --- who is not known --- */

static int peer_send(struct dtls_link *link, const void *octets, uint32_t bytes)
{
	const struct dtls_peer *p = container_of(link, struct dtls_peer, link);
	return datagram_send(p->listener, p->socket,
	                     &(struct datagram){ .octets = octets, .bytes = bytes,
	                                         .remote = p->remote, .local = p->local });
}

/* One session is kept ready for whoever comes next: only with a valid cookie does it become that
 * peer's. */
static bool waiting_make(struct listener *l)
{
	struct dtls *own = l->own;
	if (own->waiting)
		return true;
	struct dtls_peer *peer = calloc(1, sizeof *peer);
	if (!peer)
		return false;
	*peer = (struct dtls_peer){ .link = { .mtu = LINK_MTU, .send = peer_send }, .listener = l };
	own->waiting = dtls_session(own->context, own->method, &peer->link);
	if (!own->waiting) {
		free(peer);
		return false;
	}
	SSL_set_app_data(own->waiting, peer);
	own->waiting_peer = peer;
	return true;
}

/* The SSL that took a good cookie becomes a session's. */
static void session_begin(struct listener *l, const struct dtls_record *record)
{
	struct dtls *own = l->own;
	struct dtls_peer *peer = own->waiting_peer;
	struct session *s = session_new(l, &peer->remote, peer->socket);
	SSL *ssl = own->waiting;
	own->waiting = NULL;
	own->waiting_peer = NULL;
	if (!s) {
		SSL_free(ssl);
		free(peer);
		return;
	}
	struct dtls_session *c = container_of(s, struct dtls_session, session);
	c->ssl = ssl;
	c->peer = peer;
	s->open.local = peer->local;
	memcpy(c->random, record->hello_random, DTLS_RANDOM_BYTES);
	c->next = own->shaking;
	if (c->next)
		c->next->previous = c;
	own->shaking = c;
	session_owes(l, s, true);
	session_read(l, c);
}

/* A ClientHello goes through the cookie exchange; true when its cookie was good. */
static bool hello_is_good(struct listener *l, unsigned socket, const struct datagram *d)
{
	struct dtls *own = l->own;
	BIO_ADDR *unused = BIO_ADDR_new();
	if (!unused || !waiting_make(l)) {
		BIO_ADDR_free(unused);
		return false;
	}
	struct dtls_peer *peer = own->waiting_peer;
	peer->socket = socket;
	peer->remote = d->remote;
	peer->local = d->local;
	peer->link.in = d->octets;
	peer->link.in_bytes = d->bytes;
	int rc = DTLSv1_listen(own->waiting, unused);
	BIO_ADDR_free(unused);
	ERR_clear_error();
	peer->link.in = NULL;
	if (rc < 0) {                   /* it is of no use any more */
		SSL_free(own->waiting);
		free(peer);
		own->waiting = NULL;
		own->waiting_peer = NULL;
	}
	return rc == 1;
}

/* At a bounded rate: answers to forged sources would make us somebody's weapon. */
static void tell_stranger(struct listener *l, unsigned socket, const struct datagram *d)
{
	struct dtls *own = l->own;
	uint8_t alert[DTLS_STRANGER_BYTES];
	if (l->now_ns - own->strangers_ns >= SECOND_NS) {
		own->strangers = 0;
		own->strangers_ns = l->now_ns;
	}
	if (own->strangers >= STRANGERS_PER_S)
		return;
	dtls_stranger(own->strangers++, alert);
	struct datagram answer = *d;
	answer.octets = alert;
	answer.bytes = sizeof alert;
	datagram_send(l, socket, &answer);
}

/* --- datagrams --- */

static struct dtls_session *session_of(struct listener *l, unsigned socket,
                                       const struct datagram *d)
{
	struct session *s = session_find(l, &d->remote, socket);
	return s ? container_of(s, struct dtls_session, session) : NULL;
}

/* In this order: no DTLS at all, a ClientHello that is not the one of this session, a record of the
 * session, a record of nobody. */
static void dtls_datagram(struct listener *l, unsigned socket, const struct datagram *d)
{
	struct dtls_session *c = session_of(l, socket, d);
	struct dtls_record record;
	if (!dtls_look(d->octets, d->bytes, &record)) {
		l->counters.discarded++;
		return;
	}
	bool anew = record.hello_random
	            && (!c || memcmp(record.hello_random, c->random, DTLS_RANDOM_BYTES) != 0);
	if (anew) {
		if (!hello_is_good(l, socket, d))
			return;
		if (c) {
			l->counters.restarts++;
			session_close(l, &c->session, "the peer began anew");
		}
		session_begin(l, &record);
	} else if (c) {
		c->peer->link.in = d->octets;
		c->peer->link.in_bytes = d->bytes;
		session_read(l, c);
	} else {
		l->counters.discarded++;
		if (record.epoch > 0)
			tell_stranger(l, socket, d);
	}
}

static void dtls_readable(struct listener *l, unsigned socket)
{
	struct dtls *own = l->own;
	datagram_read(own->reader, l, socket, dtls_datagram);
}

/* --- sessions --- */

static void shaking_remove(struct listener *l, struct dtls_session *c)
{
	struct dtls *own = l->own;
	if (c->previous)
		c->previous->next = c->next;
	else if (own->shaking == c)
		own->shaking = c->next;
	if (c->next)
		c->next->previous = c->previous;
	c->previous = c->next = NULL;
}

/* False when the session is closed over it. */
static bool shake(struct listener *l, struct dtls_session *c)
{
	char reason[300], text[NET_ENDPOINT_TEXT];
	ERR_clear_error();
	int rc = SSL_accept(c->ssl);
	if (rc == 1) {
		c->shaken = true;
		shaking_remove(l, c);
		c->session.open.peer = tls_peer_name(c->ssl, c->name, sizeof c->name);
		session_owes(l, &c->session, false);
		session_opened(l, &c->session);
		return true;
	}
	int kind = SSL_get_error(c->ssl, rc);
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return true;
	l->counters.handshakes_failed++;
	tls_reason(c->ssl, rc, reason, sizeof reason);
	listener_note(l, "%s: no DTLS session: %s",
	              net_endpoint_text(&c->session.open.remote, text, sizeof text), reason);
	session_close(l, &c->session, reason);
	return false;
}

/* Handshake or records, whichever the datagram holds: each record of data is a message. What does
 * not decrypt is dropped by OpenSSL without a word. */
static void session_read(struct listener *l, struct dtls_session *c)
{
	struct dtls *own = l->own;
	char reason[300];
	if (!c->shaken && (!shake(l, c) || !c->shaken))
		return;
	for (;;) {
		ERR_clear_error();
		int n = SSL_read(c->ssl, own->message, MESSAGE_BYTES);
		if (n > 0) {
			struct net_message message = { .octets = own->message, .bytes = (uint32_t)n };
			if (!session_message(l, &c->session, &message))
				return;
			continue;
		}
		int kind = SSL_get_error(c->ssl, n);
		if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE)
			session_close(l, &c->session, tls_reason(c->ssl, n, reason, sizeof reason));
		return;
	}
}

/* Only sessions in their handshake have timers: what is sent later is never sent again. */
static uint64_t dtls_timers(struct listener *l, uint64_t now_ns)
{
	struct dtls *own = l->own;
	uint64_t next_ns = UINT64_MAX;
	for (struct dtls_session *c = own->shaking, *next; c; c = next) {
		struct timeval left;
		next = c->next;
		DTLSv1_handle_timeout(c->ssl);
		ERR_clear_error();
		if (!DTLSv1_get_timeout(c->ssl, &left))
			continue;
		uint64_t then_ns = now_ns + (uint64_t)left.tv_sec * SECOND_NS
		                   + (uint64_t)left.tv_usec * 1000;
		next_ns = then_ns < next_ns ? then_ns : next_ns;
	}
	return next_ns;
}

static void dtls_session_end(struct listener *l, struct session *s)
{
	struct dtls_session *c = container_of(s, struct dtls_session, session);
	shaking_remove(l, c);
	if (c->shaken)
		SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	ERR_clear_error();
	free(c->peer);
}

const struct listener_transport listener_dtls = {
	.session_bytes = sizeof(struct dtls_session),
	.socket_type = SOCK_DGRAM,
	.open = dtls_open,
	.readable = dtls_readable,
	.timers = dtls_timers,
	.session_end = dtls_session_end,
	.close = dtls_close,
};

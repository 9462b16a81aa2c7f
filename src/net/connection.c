/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses in turn, waiting, and the account of connection.h. */
#include "net/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "net/connection_inner.h"

#define SECOND_NS UINT64_C(1000000000)
#define SLICE_NS (SECOND_NS / 10)       /* give_up is looked at so often */

static const struct connection_transport *const transports[NET_TRANSPORT_COUNT] = {
	[NET_TCP] = &connection_tcp, [NET_TLS] = &connection_tls,
	[NET_DTLS] = &connection_dtls, [NET_SCTP] = &connection_sctp,
};

static void forget_flights(struct connection *c);

uint64_t connection_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static uint64_t min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }

static bool gives_up(const struct connection *c)
{
	return c->setup.give_up && atomic_load(c->setup.give_up);
}

/* --- new and free --- */

static int copy_text(const char **text)
{
	if (!*text)
		return 0;
	*text = strdup(*text);
	return *text ? 0 : -ENOMEM;
}

/* After a failure the rest is NULL, so that all of them can be freed. */
static int setup_copy(struct connection_setup *s)
{
	const char **texts[] = { &s->host, &s->source, &s->tls.cert, &s->tls.key, &s->tls.ca,
	                         &s->tls.peers };
	int rc = 0;
	for (unsigned i = 0; i < array_count(texts); i++) {
		if (rc < 0)
			*texts[i] = NULL;
		else
			rc = copy_text(texts[i]);
	}
	return rc;
}

/* The transport opens what needs rights here, before they are given up; connecting comes later, and
 * again. */
int connection_new(const struct connection_setup *setup, struct connection **ret,
                   struct error *err)
{
	struct connection *c = calloc(1, sizeof *c);
	if (!c)
		return error_set(err, -ENOMEM, "out of memory for a connection");
	c->setup = *setup;
	if (c->setup.try_ns == 0)
		c->setup.try_ns = 5 * SECOND_NS;
	c->message_bytes = UINT16_MAX;
	c->streams = 1;
	int rc = setup_copy(&c->setup);
	c->transport = transports[setup->transport];
	if (!c->transport)
		rc = error_set(err, -ENOSYS, "no connection over %s",
		               net_transport_name(setup->transport));
	c->own = rc == 0 ? calloc(1, c->transport->own_bytes) : NULL;
	if (rc == 0 && !c->own)
		rc = error_set(err, -ENOMEM, "out of memory for a connection");
	if (rc == 0 && c->transport->open)
		rc = c->transport->open(c, err);
	if (rc < 0) {
		connection_free(c);
		return rc;
	}
	*ret = c;
	return 0;
}

void connection_free(struct connection *c)
{
	if (!c)
		return;
	if (c->own)
		c->transport->end(c);
	if (c->own && c->transport->close)
		c->transport->close(c);
	const struct connection_setup *s = &c->setup;
	const char *texts[] = { s->host, s->source, s->tls.cert, s->tls.key, s->tls.ca, s->tls.peers };
	for (unsigned i = 0; i < array_count(texts); i++)
		free((void *)(uintptr_t)texts[i]);
	free(c->flights);
	free(c->own);
	free(c);
}

/* --- opening --- */

/* The next address that begins at all. */
static int try_next(struct connection *c, struct error *err)
{
	char text[NET_ENDPOINT_TEXT];
	int rc = -ENOENT;
	while (c->trying < c->found.count) {
		c->remote = c->found.at[c->trying++];
		c->state = CONNECTION_OPENING;
		c->try_until_ns = connection_now_ns() + c->setup.try_ns;
		rc = c->transport->begin(c, &c->remote, err);
		if (rc == 0)
			return 0;
		error_prefix(err, rc, "%s", net_endpoint_text(&c->remote, text, sizeof text));
		c->transport->end(c);
		c->state = CONNECTION_CLOSED;
	}
	return rc;
}

int connection_begin(struct connection *c, struct error *err)
{
	if (c->state != CONNECTION_CLOSED)
		return error_set(err, -EISCONN, "already connected");
	c->local = c->remote = (struct net_endpoint){ 0 };
	c->trying = 0;
	int rc = net_resolve(c->setup.host, c->setup.port, false, &c->found, err);
	return rc < 0 ? rc : try_next(c, err);
}

void connection_opened(struct connection *c, int fd)
{
	c->state = CONNECTION_OPEN;
	c->sessions++;
	net_endpoint_local(fd, &c->local);
}

/* This session is over; what was in flight and has not arrived is lost. */
static void session_over(struct connection *c)
{
	if (c->transport->settle)
		c->transport->settle(c);
	c->transport->end(c);
	c->state = CONNECTION_CLOSED;
	forget_flights(c);
}

/* After a failure: the next address while opening, else it is closed. */
static int failed(struct connection *c, int rc, struct error *err)
{
	char text[NET_ENDPOINT_TEXT];
	bool opening = c->state == CONNECTION_OPENING;
	error_prefix(err, rc, "%s", net_endpoint_text(&c->remote, text, sizeof text));
	session_over(c);
	if (opening && c->trying < c->found.count)
		return try_next(c, err);
	return rc;
}

/* One step; a failure while opening goes on with the next address. */
static int step(struct connection *c, uint64_t until_ns, bool to_send, struct error *err)
{
	uint64_t slice_ns = connection_now_ns() + SLICE_NS;
	int rc = c->transport->step(c, min_u64(until_ns, slice_ns), to_send, err);
	if (rc == 0 && c->state == CONNECTION_OPENING && connection_now_ns() >= c->try_until_ns)
		rc = error_set(err, -ETIMEDOUT, "no answer within %llu s",
		               (unsigned long long)((c->setup.try_ns + SECOND_NS / 2) / SECOND_NS));
	return rc < 0 ? failed(c, rc, err) : 0;
}

/* One step at least, without waiting when it is open: enough to hear what the peer has said. */
static int serve(struct connection *c, uint64_t deadline_ns, struct error *err)
{
	if (c->state == CONNECTION_CLOSED)
		return error_set(err, -ENOTCONN, "not connected");
	for (;;) {
		bool opening = c->state == CONNECTION_OPENING;
		int rc = step(c, opening ? deadline_ns : 0, false, err);
		if (rc < 0 || c->state == CONNECTION_OPEN)
			return rc;
		if (gives_up(c) || connection_now_ns() >= deadline_ns)
			return -EINPROGRESS;
	}
}

int connection_poll(struct connection *c, uint64_t deadline_ns, struct error *err)
{
	c->may_renew = true;
	int rc = serve(c, deadline_ns, err);
	c->may_renew = false;
	return rc;
}

uint64_t connection_next_ns(const struct connection *c)
{
	if (c->state == CONNECTION_OPEN && c->transport->next_ns)
		return c->transport->next_ns(c);
	return connection_now_ns() + SECOND_NS;
}

/* --- sending --- */

/* Served once without waiting first, so that what the peer has said meanwhile is known before more
 * is written. */
int connection_send(struct connection *c, struct connection_batch *batch, uint64_t deadline_ns,
                    struct error *err)
{
	batch->taken = 0;
	int rc = serve(c, 0, err);
	while (rc == 0 && batch->taken < batch->count) {
		rc = c->transport->send(c, batch, err);
		if (rc < 0)
			return failed(c, rc, err);
		if (batch->taken == batch->count)
			break;
		if (gives_up(c) || connection_now_ns() >= deadline_ns)
			return -EAGAIN;
		rc = step(c, deadline_ns, true, err);
	}
	if (rc == 0 && c->transport->settle)
		c->transport->settle(c);
	return rc == -EINPROGRESS ? -EAGAIN : rc;
}

int connection_drain(struct connection *c, uint64_t deadline_ns, struct error *err)
{
	int rc = 0;
	while (rc == 0 && c->state == CONNECTION_OPEN && c->transport->settle) {
		c->transport->settle(c);
		if (c->flight_count == 0)
			break;
		if (gives_up(c) || connection_now_ns() >= deadline_ns)
			return -EAGAIN;
		/* Nothing wakes us when an acknowledgement comes. */
		rc = step(c, min_u64(deadline_ns, connection_now_ns() + SECOND_NS / 200), false, err);
	}
	return rc;
}

void connection_close(struct connection *c, uint64_t deadline_ns)
{
	if (c->state == CONNECTION_OPEN)
		connection_drain(c, deadline_ns, NULL);
	if (c->state == CONNECTION_OPEN)
		c->transport->part(c);
	/* Until the peer has ended it too, which is a failure here. */
	uint64_t until_ns = min_u64(deadline_ns, connection_now_ns() + SECOND_NS / 2);
	while (c->state == CONNECTION_OPEN && connection_now_ns() < until_ns && !gives_up(c))
		step(c, until_ns, false, NULL);
	if (c->state != CONNECTION_CLOSED)
		session_over(c);
}

/* --- for transports --- */

bool connection_wait(const struct connection *c, int fd, short events, uint64_t until_ns)
{
	uint64_t now_ns = connection_now_ns(), wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	struct pollfd one = { .fd = fd, .events = events };
	struct timespec wait = { (time_t)(wait_ns / SECOND_NS), (long)(wait_ns % SECOND_NS) };
	return ppoll(&one, 1, &wait, NULL) > 0;
}

/* A name may have addresses of both families: the one of the peer's family counts. */
int connection_bind(const struct connection *c, int fd, int family, struct error *err)
{
	struct net_endpoint_list list;
	struct sockaddr_storage address;
	if (!c->setup.source)
		return 0;
	int rc = net_resolve(c->setup.source, 0, true, &list, err);
	if (rc < 0)
		return error_prefix(err, rc, "source");
	for (unsigned i = 0; i < list.count; i++) {
		if (list.at[i].family != (family == AF_INET6 ? 6 : 4))
			continue;
		socklen_t size = net_endpoint_sockaddr(&list.at[i], family, &address);
		if (bind(fd, (struct sockaddr *)&address, size) == 0)
			return 0;
		return error_set(err, -errno, "cannot send from \"%s\": %s", c->setup.source,
		                 strerror(errno));
	}
	return error_set(err, -EADDRNOTAVAIL, "\"%s\" is not of the collector's family of addresses",
	                 c->setup.source);
}

int connection_socket(const struct connection *c, int family, int type, int protocol,
                      struct error *err)
{
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0)
		return error_set(err, -errno, "no socket: %s", strerror(errno));
	int rc = connection_bind(c, fd, family, err);
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

/* --- the account --- */

/* A ring that doubles: messages are confirmed in order as a rule, so only its two ends are
 * touched. */
static bool flights_grow(struct connection *c)
{
	unsigned size = c->flight_size ? 2 * c->flight_size : 64;
	struct flight *grown = malloc(size * sizeof *grown);
	if (!grown)
		return false;
	for (unsigned i = 0; i < c->flight_count; i++)
		grown[i] = c->flights[(c->flight_head + i) & (c->flight_size - 1)];
	free(c->flights);
	c->flights = grown;
	c->flight_size = size;
	c->flight_head = 0;
	return true;
}

void amount_add(struct connection_amount *to, const struct connection_amount *amount)
{
	to->records += amount->records;
	to->packets += amount->packets;
	to->octets += amount->octets;
}

void amount_move(struct connection_amount *from, struct connection_amount *to,
                 const struct connection_amount *amount)
{
	from->records -= amount->records;
	from->packets -= amount->packets;
	from->octets -= amount->octets;
	amount_add(to, amount);
}

void flight_add(struct connection *c, uint64_t mark, const struct connection_amount *amount)
{
	amount_add(&c->account.given, amount);
	amount_add(&c->account.in_flight, amount);
	if (c->flight_count == c->flight_size && !flights_grow(c)) {
		/* Without memory it is put to the one before: confirmed with it, at worst. */
		if (c->flight_count)
			amount_add(&c->flights[(c->flight_head + c->flight_count - 1)
			                       & (c->flight_size - 1)].amount, amount);
		return;
	}
	unsigned at = (c->flight_head + c->flight_count++) & (c->flight_size - 1);
	c->flights[at] = (struct flight){ .mark = mark, .amount = *amount };
}

void flight_confirm(struct connection *c, uint64_t mark)
{
	while (c->flight_count && c->flights[c->flight_head].mark <= mark) {
		const struct flight *f = &c->flights[c->flight_head];
		amount_move(&c->account.in_flight, &c->account.confirmed, &f->amount);
		c->flight_head = (c->flight_head + 1) & (c->flight_size - 1);
		c->flight_count--;
	}
}

void flight_lose(struct connection *c, uint64_t mark)
{
	for (unsigned i = 0; i < c->flight_count; i++) {
		struct flight *f = &c->flights[(c->flight_head + i) & (c->flight_size - 1)];
		if (f->mark != mark)
			continue;
		amount_move(&c->account.in_flight, &c->account.lost, &f->amount);
		f->amount = (struct connection_amount){ 0 };
		return;
	}
}

static void forget_flights(struct connection *c)
{
	struct connection_amount rest = c->account.in_flight;
	amount_move(&c->account.in_flight, &c->account.lost, &rest);
	c->flight_count = 0;
	c->flight_head = 0;
}

/* --- questions --- */

bool connection_is_open(const struct connection *c) { return c->state == CONNECTION_OPEN; }
uint64_t connection_sessions(const struct connection *c) { return c->sessions; }
unsigned connection_streams(const struct connection *c) { return c->streams; }
uint32_t connection_message_bytes(const struct connection *c) { return c->message_bytes; }
uint16_t connection_udp_port(const struct connection *c) { return c->setup.encapsulation; }
const char *connection_peer(const struct connection *c) { return c->peer; }

void connection_account(struct connection *c, struct connection_account *ret)
{
	if (c->state == CONNECTION_OPEN && c->transport->settle)
		c->transport->settle(c);
	*ret = c->account;
}

void connection_ends(const struct connection *c, struct net_endpoint *ret_local,
                     struct net_endpoint *ret_remote)
{
	*ret_local = c->local;
	*ret_remote = c->remote;
}

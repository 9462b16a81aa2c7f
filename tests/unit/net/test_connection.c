/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to listeners of ours, in one thread: what is sent arrives, the account says what did,
 * and faults have their messages. Other programs at the far end: tests/interop/test_transports.py.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "certificates.h"
#include "net/connection.h"
#include "net/dtls.h"
#include "peer.h"

#define MS_NS UINT64_C(1000000)

static struct pki pki;

static int setup_pki(void **state)
{
	pki_make(&pki);
	return 0;
}

static int teardown_pki(void **state)
{
	pki_remove(&pki);
	return 0;
}

/* A listener of that transport, with certificates where it takes them. */
static void listen_over(struct heard *h, enum net_transport transport)
{
	*h = (struct heard){ .setup = { .transport = transport } };
	if (net_transport_is_secure(transport))
		h->setup.tls = (struct net_certificates){ .cert = pki.collector, .ca = pki.ca };
	heard_open_with(h);
}

static struct connection_setup setup_to(const struct heard *h)
{
	struct connection_setup setup = { .transport = h->setup.transport, .host = "localhost",
	                                  .port = heard_port(h), .try_ns = 2000 * MS_NS };
	if (net_transport_is_secure(h->setup.transport))
		setup.tls = (struct net_certificates){ .cert = pki.exporter, .ca = pki.ca };
	if (h->setup.transport == NET_SCTP)
		setup.encapsulation = h->setup.encapsulation;
	return setup;
}

static struct connection *connection_make(const struct connection_setup *setup)
{
	struct connection *c;
	struct error err;
	if (connection_new(setup, &c, &err) < 0)
		fail_msg("%s", err.text);
	return c;
}

/* Both sides take turns until the connection is open or has failed. */
static int open_with(struct heard *h, struct connection *c, struct error *err)
{
	uint64_t until_ns = monotonic_ns() + 8000 * MS_NS;
	int rc = connection_begin(c, err);
	if (rc == 0)
		rc = -EINPROGRESS;
	while (rc == -EINPROGRESS && monotonic_ns() < until_ns) {
		if (h->listener)
			heard_poll_for(h, 1);
		rc = connection_poll(c, monotonic_ns() + MS_NS, err);
	}
	if (h->listener)
		heard_poll_for(h, 5);
	return rc;
}

static struct connection *open_to(struct heard *h)
{
	struct connection_setup setup = setup_to(h);
	struct connection *c = connection_make(&setup);
	struct error err = { "" };
	if (open_with(h, c, &err) < 0)
		fail_msg("%s", err.text);
	heard_poll_opened(h, 1);
	return c;
}

static int send_some(struct heard *h, struct connection *c, unsigned first, unsigned count)
{
	uint8_t octets[1000];
	struct error err;
	for (unsigned i = 0; i < count; i++) {
		struct connection_message m = { .octets = octets, .bytes = 200 + (first + i) % 700,
		                                .amount = { .records = 3 } };
		struct connection_batch b = { .messages = &m, .count = 1 };
		peer_message(octets, (uint16_t)m.bytes, first + i);
		while (!b.taken) {
			int rc = connection_send(c, &b, monotonic_ns() + 5 * MS_NS, &err);
			if (rc < 0 && rc != -EAGAIN)
				return rc;
			if (h && !b.taken)
				heard_poll_for(h, 1);
		}
		if (h && i % 16 == 15)
			heard_poll_for(h, 0);
	}
	return 0;
}

static void check_heard(const struct heard *h, unsigned count)
{
	for (unsigned i = 0; i < count && i < PEER_LOG_MAX; i++) {
		assert_int_equal(h->messages[i].first, i);
		assert_int_equal(h->messages[i].bytes, 200 + i % 700);
	}
}

static void drain(struct heard *h, struct connection *c)
{
	struct error err = { "" };
	uint64_t until_ns = monotonic_ns() + 5000 * MS_NS;
	int rc = -EAGAIN;
	while (rc == -EAGAIN && monotonic_ns() < until_ns) {
		heard_poll_for(h, 1);
		rc = connection_drain(c, monotonic_ns() + MS_NS, &err);
	}
	if (rc < 0)
		fail_msg("%s", err.text);
}

static void carries_to(const char *host, enum net_transport transport, uint16_t encapsulation)
{
	enum { COUNT = 1000 };
	struct heard h = { .setup = { .transport = transport, .encapsulation = encapsulation } };
	struct connection_account a;
	if (encapsulation)
		heard_open_with(&h);
	else
		listen_over(&h, transport);
	struct connection_setup setup = setup_to(&h);
	setup.host = host;
	struct connection *c = connection_make(&setup);
	struct error err = { "" };
	if (open_with(&h, c, &err) < 0)
		fail_msg("%s over %s: %s", host, net_transport_name(transport), err.text);
	assert_int_equal(send_some(&h, c, 0, COUNT), 0);
	drain(&h, c);
	heard_poll_messages(&h, COUNT);
	check_heard(&h, COUNT);
	connection_account(c, &a);
	assert_int_equal(a.given.records, 3 * COUNT);
	assert_int_equal(a.confirmed.records, 3 * COUNT);
	assert_int_equal(a.lost.records + a.in_flight.records, 0);
	assert_int_equal(connection_sessions(c), 1);
	connection_close(c, monotonic_ns());
	connection_free(c);
	heard_poll_closed(&h, 1);
	assert_int_equal(h.opened, 1);
	heard_close(&h);
}

static void carries(enum net_transport transport, uint16_t encapsulation)
{
	carries_to("localhost", transport, encapsulation);
	carries_to("::1", transport, encapsulation);
}

static void test_tcp_carries(void **state) { carries(NET_TCP, 0); }
static void test_tls_carries(void **state) { carries(NET_TLS, 0); }
static void test_dtls_carries(void **state) { carries(NET_DTLS, 0); }
static void test_sctp_carries(void **state) { carries(NET_SCTP, 0); }
static void test_sctp_in_udp_carries(void **state) { carries(NET_SCTP, 39899); }

static void test_names_of_peers_are_known(void **state)
{
	static const enum net_transport secure[] = { NET_TLS, NET_DTLS };
	for (unsigned i = 0; i < array_count(secure); i++) {
		struct heard h;
		listen_over(&h, secure[i]);
		struct connection *c = open_to(&h);
		assert_string_equal(connection_peer(c), "localhost");
		assert_string_equal(h.peer, "exporter.example");
		connection_free(c);
		heard_close(&h);
	}
}

/* --- faults of certificates --- */

struct fault {
	const char *collector;          /* its certificate */
	const char *collector_ca, *collector_peers;
	struct net_certificates exporter;
	const char *message;            /* part of what the exporter says */
	const char *note;               /* part of what the collector says; NULL: nothing */
};

static void fails(enum net_transport transport, const struct fault *f)
{
	struct heard h = { .setup = { .transport = transport,
	                              .tls = { .cert = f->collector, .ca = f->collector_ca,
	                                       .peers = f->collector_peers } } };
	struct error err = { "" };
	heard_open_with(&h);
	struct connection_setup setup = setup_to(&h);
	setup.tls = f->exporter;
	setup.host = "127.0.0.1";
	struct connection *c = connection_make(&setup);
	int rc = open_with(&h, c, &err);
	heard_poll_for(&h, 20);
	/* DTLS ends our handshake before the collector has judged us: it says so a moment later. */
	for (unsigned i = 0; i < 50 && rc == 0; i++) {
		heard_poll_for(&h, 1);
		rc = connection_poll(c, 0, &err);
	}
	if (rc >= 0 || !strstr(err.text, f->message))
		fail_msg("expected \"%s\", got %d \"%s\"", f->message, rc, err.text);
	if (f->note && !strstr(h.note, f->note))
		fail_msg("expected \"%s\", noted \"%s\"", f->note, h.note);
	assert_int_equal(h.opened, 0);
	connection_free(c);
	heard_close(&h);
}

static void test_faults_of_certificates(void **state)
{
	const struct net_certificates good = { .cert = pki.exporter, .ca = pki.ca };
	const struct fault faults[] = {
		{ pki.expired, pki.ca, NULL, good, "(\"localhost\") has expired, at ", "has expired" },
		{ pki.elsewhere, pki.ca, NULL, good, "is for \"other.example\", which is not whom", NULL },
		{ pki.foreign, pki.ca, NULL, good, "from an authority that we do not believe: "
		  "/CN=Another authority", "does not believe the authority" },
		{ pki.collector, pki.ca, NULL, { .ca = pki.ca }, "a certificate",
		  "no certificate to show" },
		{ pki.collector, pki.other_ca, NULL, good, "does not believe the authority",
		  "/CN=Test authority" },
		{ pki.collector, pki.ca, "somebody.example,else.example", good,
		  "refuses our certificate", "is for \"exporter.example\"" },
		{ pki.collector, pki.ca, NULL, { .cert = pki.expired, .ca = pki.ca },
		  "our certificate has expired", "has expired" },
		{ pki.collector, pki.ca, NULL, { .cert = pki.exporter, .ca = pki.ca, .peers = "c.example" },
		  "is for \"localhost\", which is not whom", NULL },
	};
	for (unsigned i = 0; i < array_count(faults); i++) {
		fails(NET_TLS, &faults[i]);
		fails(NET_DTLS, &faults[i]);
	}
}

static void test_peers_may_be_named(void **state)
{
	static const enum net_transport secure[] = { NET_TLS, NET_DTLS };
	for (unsigned i = 0; i < array_count(secure); i++) {
		struct heard h = { .setup = { .transport = secure[i],
			.tls = { .cert = pki.elsewhere, .ca = pki.ca,
			         .peers = "nobody.example,exporter.example" } } };
		heard_open_with(&h);
		struct connection_setup setup = setup_to(&h);
		struct error err = { "" };
		setup.tls.peers = "other.example";
		struct connection *c = connection_make(&setup);
		if (open_with(&h, c, &err) < 0)
			fail_msg("%s", err.text);
		connection_free(c);
		heard_close(&h);
	}
}

static void test_tls_to_what_is_none(void **state)
{
	struct heard h;
	struct error err = { "" };
	listen_over(&h, NET_TCP);
	struct connection_setup setup = setup_to(&h);
	setup.transport = NET_TLS;
	setup.tls = (struct net_certificates){ .ca = pki.ca };
	struct connection *c = connection_make(&setup);
	assert_true(open_with(&h, c, &err) < 0);
	assert_non_null(strstr(err.text, "the peer"));
	connection_free(c);
	heard_close(&h);
	listen_over(&h, NET_TLS);
	int fd = peer_connect(SOCK_STREAM, false, heard_port(&h));
	assert_int_equal(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, 0), 18);
	heard_poll_for(&h, 50);
	assert_non_null(strstr(h.note, "does not speak TLS"));
	assert_int_equal(heard_counters(&h).handshakes_failed, 1);
	close(fd);
	heard_close(&h);
}

/* --- refusals --- */

static void test_nobody_listens(void **state)
{
	static const enum net_transport all[] = { NET_TCP, NET_TLS, NET_DTLS, NET_SCTP };
	for (unsigned i = 0; i < array_count(all); i++) {
		struct heard h;
		struct error err = { "" };
		listen_over(&h, all[i]);
		struct connection_setup setup = setup_to(&h);
		heard_close(&h);
		h.listener = NULL;
		setup.try_ns = 700 * MS_NS;
		setup.host = "127.0.0.1";
		struct connection *c = connection_make(&setup);
		assert_true(open_with(&h, c, &err) < 0);
		char port[32];
		snprintf(port, sizeof port, "127.0.0.1:%u: ", setup.port);
		assert_non_null(strstr(err.text, port));
		assert_non_null(strstr(err.text, all[i] == NET_SCTP ? "no answer within 1 s"
		                       : "Connection refused"));
		assert_false(connection_is_open(c));
		connection_free(c);
	}
}

static void test_all_addresses_are_tried(void **state)
{
	struct heard h = { .setup = { .transport = NET_TCP, .host = "127.0.0.1" } };
	heard_open_with(&h);
	struct connection *c = open_to(&h);     /* localhost is ::1 first, where it is known as that */
	struct net_endpoint local, remote;
	connection_ends(c, &local, &remote);
	assert_int_equal(remote.family, 4);
	assert_int_equal(remote.port, heard_port(&h));
	assert_true(local.port != 0);
	connection_free(c);
	heard_close(&h);
}

/* --- the account of a break --- */

/* A peer that reads to the last octet sent so far, then closes: all that came later is lost. */
static void test_tcp_account_after_an_orderly_close(void **state)
{
	struct heard h;
	struct connection_account a;
	listen_over(&h, NET_TCP);
	struct connection *c = open_to(&h);
	assert_int_equal(send_some(&h, c, 0, 50), 0);
	heard_poll_messages(&h, 50);
	heard_close(&h);
	assert_true(send_some(NULL, c, 50, 1) < 0);
	connection_account(c, &a);
	assert_int_equal(a.given.records, 150);
	assert_int_equal(a.confirmed.records, 150);
	connection_free(c);
}

/* A peer that reads nothing: what its system has acknowledged is less than was given, and the
 * difference is lost when it is reset. Then the same connection begins anew. */
static void test_tcp_account_after_a_reset(void **state)
{
	struct heard h;
	struct connection_account a;
	struct error err = { "" };
	uint8_t octets[60000];
	listen_over(&h, NET_TCP);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int listening = socket(AF_INET, SOCK_STREAM, 0), bytes = 20000;
	setsockopt(listening, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	assert_int_equal(bind(listening, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(listening, 1), 0);
	getsockname(listening, (struct sockaddr *)&at, &size);
	struct connection_setup setup = setup_to(&h);
	setup.port = ntohs(at.sin_port);
	setup.host = "127.0.0.1";
	struct connection *c = connection_make(&setup);
	assert_int_equal(connection_begin(c, &err), 0);
	assert_int_equal(connection_poll(c, monotonic_ns() + 1000 * MS_NS, &err), 0);
	int fd = accept(listening, NULL, NULL);
	struct connection_message m = { .octets = octets, .bytes = sizeof octets,
	                                .amount = { .records = 100 } };
	peer_message(octets, sizeof octets, 1);
	struct connection_batch b = { .messages = &m, .count = 1 };
	while (connection_send(c, &b, monotonic_ns() + 50 * MS_NS, &err) == 0)
		continue;
	connection_account(c, &a);
	assert_int_equal(a.given.records, a.confirmed.records + a.lost.records + a.in_flight.records);
	assert_true(a.in_flight.records > 0);
	uint64_t confirmed = a.confirmed.records;
	struct linger at_once = { 1, 0 };
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
	assert_true(connection_poll(c, monotonic_ns() + 1000 * MS_NS, &err) < 0);
	assert_non_null(strstr(err.text, "reset by the collector's system"));
	connection_account(c, &a);
	assert_int_equal(a.confirmed.records, confirmed);
	assert_int_equal(a.lost.records, a.given.records - confirmed);
	assert_int_equal(a.in_flight.records, 0);
	assert_int_equal(connection_begin(c, &err), 0);
	assert_int_equal(connection_poll(c, monotonic_ns() + 1000 * MS_NS, &err), 0);
	assert_int_equal(connection_sessions(c), 2);
	connection_free(c);
	close(listening);
	heard_close(&h);
}

/* A message that the kernel took in part goes out whole before the next. */
static void test_streams_stay_whole_when_the_peer_is_slow(void **state)
{
	static const enum net_transport streams[] = { NET_TCP, NET_TLS };
	for (unsigned i = 0; i < array_count(streams); i++) {
		struct heard h;
		uint8_t octets[65000];
		struct error err = { "" };
		unsigned given = 0;
		listen_over(&h, streams[i]);
		struct connection *c = open_to(&h);
		struct connection_message m = { .octets = octets, .amount = { .records = 1 } };
		for (unsigned k = 0; k < 400; k++) {
			m.bytes = 20000 + k * 100;
			peer_message(octets, (uint16_t)m.bytes, given);
			struct connection_batch b = { .messages = &m, .count = 1 };
			int rc = connection_send(c, &b, monotonic_ns(), &err);
			if (rc < 0 && rc != -EAGAIN)
				fail_msg("%s", err.text);
			given += b.taken;
			if (k % 50 == 49)
				heard_poll_for(&h, 3);
		}
		heard_poll_for(&h, 20);
		drain(&h, c);
		heard_poll_messages(&h, given);
		for (unsigned k = 0; k < given && k < PEER_LOG_MAX; k++)
			assert_int_equal(h.messages[k].first, k);
		assert_true(given < 400);
		connection_free(c);
		heard_close(&h);
	}
}

/* --- collectors that end, die and come back --- */

/* The program again, as a collector: says its port, then serves until it is killed. */
static int be_collector(char **arguments)
{
	struct heard h = { .setup = { .transport = (enum net_transport)atoi(arguments[0]),
	                              .encapsulation = (uint16_t)atoi(arguments[1]),
	                              .tls = { .cert = arguments[2], .ca = arguments[3] } } };
	heard_open_with(&h);
	uint16_t port = heard_port(&h);
	if (write(STDOUT_FILENO, &port, sizeof port) != sizeof port)
		return 1;
	for (;;)
		listener_poll(&h.listener, 1, monotonic_ns() + 1000 * MS_NS);
}

/* A listener like h in a process of its own, at a port of its choice. */
static pid_t start_collector(const struct heard *h, uint16_t *ret_port)
{
	int ends[2];
	char transport[8], encapsulation[8];
	snprintf(transport, sizeof transport, "%d", (int)h->setup.transport);
	snprintf(encapsulation, sizeof encapsulation, "%u", h->setup.encapsulation);
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		execl("/proc/self/exe", "collector", transport, encapsulation, pki.collector, pki.ca,
		      (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], ret_port, sizeof *ret_port), sizeof *ret_port);
	close(ends[0]);
	return child;
}

static void kill_collector(pid_t child)
{
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* A collector dies without a word and another stands at its port. What the old one had confirmed
 * stays confirmed; all that came after it is lost, and the connection says that it broke. */
static void test_sctp_collector_dies_and_comes_back(void **state)
{
	struct heard h = { .setup = { .transport = NET_SCTP, .encapsulation = 39898 } };
	struct error err = { "" };
	struct connection_account a;
	uint16_t port;
	pid_t child = start_collector(&h, &port);
	h.setup.port = port;
	struct connection_setup setup = { .transport = NET_SCTP, .host = "127.0.0.1", .port = port,
	                                  .encapsulation = 39898 };
	struct connection *c = connection_make(&setup);
	assert_int_equal(connection_begin(c, &err), 0);
	assert_int_equal(connection_poll(c, monotonic_ns() + 3000 * MS_NS, &err), 0);
	assert_int_equal(send_some(NULL, c, 0, 40), 0);
	assert_int_equal(connection_drain(c, monotonic_ns() + 2000 * MS_NS, &err), 0);
	kill_collector(child);
	heard_open_with(&h);
	send_some(NULL, c, 40, 10);
	int rc = 0;
	for (unsigned i = 0; i < 300 && rc == 0; i++) {
		heard_poll_for(&h, 5);
		rc = connection_poll(c, 0, &err);
	}
	assert_true(rc < 0);
	assert_non_null(strstr(err.text, "127.0.0.1:"));
	connection_account(c, &a);
	assert_int_equal(a.given.records, 150);
	assert_int_equal(a.confirmed.records, 120);
	assert_int_equal(a.lost.records, 30);
	if (open_with(&h, c, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(send_some(&h, c, 0, 20), 0);
	drain(&h, c);
	heard_poll_messages(&h, 20);
	check_heard(&h, 20);
	connection_free(c);
	heard_close(&h);
}

/* It is hinted at by the new collector, made sure of by a handshake, and a new session. */
static void test_dtls_collector_dies_and_comes_back(void **state)
{
	struct heard h = { .setup = { .transport = NET_DTLS,
	                              .tls = { .cert = pki.collector, .ca = pki.ca } } };
	struct error err = { "" };
	uint16_t port;
	pid_t child = start_collector(&h, &port);
	h.setup.port = port;
	struct connection_setup setup = { .transport = NET_DTLS, .host = "127.0.0.1", .port = port,
		.tls = { .cert = pki.exporter, .ca = pki.ca } };
	struct connection *c = connection_make(&setup);
	assert_int_equal(connection_begin(c, &err), 0);
	assert_int_equal(connection_poll(c, monotonic_ns() + 3000 * MS_NS, &err), 0);
	assert_int_equal(send_some(NULL, c, 0, 10), 0);
	kill_collector(child);
	heard_open_with(&h);
	assert_int_equal(connection_poll(c, 0, &err), 0);
	assert_int_equal(send_some(&h, c, 0, 1), 0);
	for (unsigned i = 0; i < 300 && connection_sessions(c) == 1; i++) {
		heard_poll_for(&h, 5);
		assert_int_equal(connection_poll(c, 0, &err), 0);
	}
	assert_int_equal(connection_sessions(c), 2);
	assert_int_equal(h.message_count, 0);
	assert_int_equal(send_some(&h, c, 0, 20), 0);
	heard_poll_messages(&h, 20);
	check_heard(&h, 20);
	connection_free(c);
	heard_close(&h);
}

static void test_dtls_collector_dies_and_is_gone(void **state)
{
	struct heard h = { .setup = { .transport = NET_DTLS,
	                              .tls = { .cert = pki.collector, .ca = pki.ca } } };
	struct error err = { "" };
	struct connection_account a;
	uint16_t port;
	pid_t child = start_collector(&h, &port);
	struct connection_setup setup = { .transport = NET_DTLS, .host = "127.0.0.1", .port = port,
		.tls = { .cert = pki.exporter, .ca = pki.ca } };
	struct connection *c = connection_make(&setup);
	assert_int_equal(connection_begin(c, &err), 0);
	assert_int_equal(connection_poll(c, monotonic_ns() + 3000 * MS_NS, &err), 0);
	assert_int_equal(send_some(NULL, c, 0, 10), 0);
	kill_collector(child);
	assert_true(send_some(NULL, c, 10, 2) < 0);
	assert_non_null(strstr(err.text[0] ? err.text : "Connection refused", "Connection refused"));
	connection_account(c, &a);
	assert_false(connection_is_open(c));
	assert_int_equal(a.lost.records, 3);    /* the one that was refused; the other was not taken */
	connection_free(c);
}

/* The old session serves until the new one stands, so nothing is lost between them. */
static void test_dtls_renews_its_session(void **state)
{
	struct heard h;
	struct error err = { "" };
	listen_over(&h, NET_DTLS);
	struct connection_setup setup = setup_to(&h);
	setup.renew_ns = 100 * MS_NS;
	struct connection *c = connection_make(&setup);
	assert_int_equal(open_with(&h, c, &err), 0);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(send_some(&h, c, i, 1), 0);
		heard_poll_for(&h, 2);
		assert_int_equal(connection_poll(c, 0, &err), 0);
	}
	heard_poll_messages(&h, 200);
	check_heard(&h, 200);
	assert_true(connection_sessions(c) >= 3);
	assert_int_equal(h.opened, connection_sessions(c));
	assert_true(h.closed >= 2);
	assert_string_equal(h.reason, "closed by the peer");
	connection_free(c);
	heard_close(&h);
}

/* --- peers that begin anew from the same port, and forged ones --- */

struct plain {                          /* a DTLS client made by hand, at a port that it keeps */
	struct dtls_link link;
	int fd;
	SSL *ssl;
	uint8_t octets[4096];
};

static int plain_send(struct dtls_link *link, const void *octets, uint32_t bytes)
{
	struct plain *p = container_of(link, struct plain, link);
	return send(p->fd, octets, bytes, 0) < 0 ? -errno : 0;
}

static bool plain_shake(struct heard *h, struct plain *p)
{
	for (unsigned i = 0; i < 400; i++) {
		if (SSL_connect(p->ssl) == 1)
			return true;
		heard_poll_for(h, 2);
		ssize_t n = recv(p->fd, p->octets, sizeof p->octets, MSG_DONTWAIT);
		if (n <= 0)
			continue;
		p->link.in = p->octets;
		p->link.in_bytes = (uint32_t)n;
	}
	return false;
}

static void test_dtls_peer_begins_anew_at_its_port(void **state)
{
	struct heard h;
	struct net_certificates certificates = { .cert = pki.exporter, .ca = pki.ca };
	struct tls_use use = { .certificates = &certificates, .datagrams = true };
	struct plain p = { .link = { .mtu = 1400, .send = plain_send } };
	SSL_CTX *context;
	uint8_t message[100];
	listen_over(&h, NET_DTLS);
	assert_int_equal(tls_context(&use, &context, NULL), 0);
	BIO_METHOD *method = dtls_method_new();
	p.fd = peer_connect(SOCK_DGRAM, false, heard_port(&h));
	for (unsigned round = 0; round < 3; round++) {
		p.ssl = dtls_session(context, method, &p.link);
		SSL_set_connect_state(p.ssl);
		assert_true(plain_shake(&h, &p));
		peer_message(message, sizeof message, round);
		assert_int_equal(SSL_write(p.ssl, message, sizeof message), sizeof message);
		heard_poll_messages(&h, round + 1);
		SSL_free(p.ssl);        /* without a word */
	}
	assert_int_equal(h.opened, 3);
	assert_int_equal(h.closed, 2);
	assert_string_equal(h.reason, "the peer began anew");
	assert_int_equal(heard_counters(&h).restarts, 2);
	close(p.fd);
	tls_context_free(context);
	dtls_method_free(method);
	heard_close(&h);
}

/* A ClientHello without a good cookie neither opens a session nor ends one, and gets an answer
 * that is no larger than it. */
static void test_dtls_forged_hellos_do_nothing(void **state)
{
	struct heard h;
	uint8_t hello[200] = { DTLS_HANDSHAKE, 0xfe, 0xfd };
	struct plain p = { .link = { .mtu = 1400, .send = plain_send } };
	struct net_certificates certificates = { .cert = pki.exporter, .ca = pki.ca };
	struct tls_use use = { .certificates = &certificates, .datagrams = true };
	SSL_CTX *context;
	listen_over(&h, NET_DTLS);
	assert_int_equal(tls_context(&use, &context, NULL), 0);
	BIO_METHOD *method = dtls_method_new();
	p.fd = peer_connect(SOCK_DGRAM, false, heard_port(&h));
	p.ssl = dtls_session(context, method, &p.link);
	SSL_set_connect_state(p.ssl);
	assert_true(plain_shake(&h, &p));
	heard_poll_opened(&h, 1);
	SSL *other = dtls_session(context, method, &p.link);
	SSL_set_connect_state(other);
	for (unsigned i = 0; i < 20; i++) {     /* hellos whose answers are never taken up */
		SSL_connect(other);
		SSL_clear(other);
		SSL_set_connect_state(other);
		send(p.fd, hello, 13 + i, 0);
		heard_poll_for(&h, 1);
	}
	assert_int_equal(h.opened, 1);
	assert_int_equal(h.closed, 0);
	assert_int_equal(listener_sessions(h.listener), 1);
	SSL_free(other);
	SSL_free(p.ssl);
	close(p.fd);
	tls_context_free(context);
	dtls_method_free(method);
	heard_close(&h);
}

static void test_sctp_gives_up_what_is_late(void **state)
{
	struct heard h = { .setup = { .transport = NET_SCTP, .encapsulation = 39897 } };
	struct error err = { "" };
	struct connection_account a;
	uint8_t octets[1000];
	heard_open_with(&h);
	struct connection *c = open_to(&h);
	assert_int_equal(connection_streams(c), 2);
	struct connection_message m = { .octets = octets, .bytes = sizeof octets, .stream = 1,
	                                .amount = { 1, 10, 100 }, .lifetime_ms = 50 };
	struct connection_batch b = { .messages = &m, .count = 1 };
	unsigned given = 0;
	for (unsigned i = 0; i < 2000; i++) {   /* nobody serves the collector meanwhile */
		peer_message(octets, sizeof octets, i);
		assert_true(connection_send(c, &b, monotonic_ns() + MS_NS / 10, &err) <= 0);
		given += b.taken;
	}
	for (unsigned i = 0; i < 2000; i++) {
		if (i < 1200)
			nanosleep(&(struct timespec){ .tv_nsec = (long)MS_NS }, NULL);
		else
			heard_poll_for(&h, 1);
		assert_int_equal(connection_poll(c, 0, &err), 0);
		connection_account(c, &a);
		if (i > 1300 && a.in_flight.records == 0)
			break;
	}
	assert_int_equal(a.given.records, given);
	assert_int_equal(a.in_flight.records, 0);
	assert_true(a.lost.records > 0);
	assert_int_equal(a.lost.octets, 100 * a.lost.records);
	assert_true(h.message_count >= a.confirmed.records);    /* an acknowledgement may come late */
	assert_int_equal(h.messages[0].stream, 1);
	connection_free(c);
	heard_close(&h);
}

int main(int count, char **arguments)
{
	if (count == 5)
		return be_collector(arguments + 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_carries),
		cmocka_unit_test(test_tls_carries),
		cmocka_unit_test(test_dtls_carries),
		cmocka_unit_test(test_sctp_carries),
		cmocka_unit_test(test_sctp_in_udp_carries),
		cmocka_unit_test(test_names_of_peers_are_known),
		cmocka_unit_test(test_faults_of_certificates),
		cmocka_unit_test(test_peers_may_be_named),
		cmocka_unit_test(test_tls_to_what_is_none),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_all_addresses_are_tried),
		cmocka_unit_test(test_tcp_account_after_an_orderly_close),
		cmocka_unit_test(test_tcp_account_after_a_reset),
		cmocka_unit_test(test_streams_stay_whole_when_the_peer_is_slow),
		cmocka_unit_test(test_sctp_collector_dies_and_comes_back),
		cmocka_unit_test(test_dtls_collector_dies_and_comes_back),
		cmocka_unit_test(test_dtls_collector_dies_and_is_gone),
		cmocka_unit_test(test_dtls_renews_its_session),
		cmocka_unit_test(test_dtls_peer_begins_anew_at_its_port),
		cmocka_unit_test(test_dtls_forged_hellos_do_nothing),
		cmocka_unit_test(test_sctp_gives_up_what_is_late),
	};
	return cmocka_run_group_tests_name("net/connection", tests, setup_pki, teardown_pki);
}

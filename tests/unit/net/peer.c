/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"

#define MS_NS UINT64_C(1000000)
#define LONGEST_NS (5000 * MS_NS)

uint64_t monotonic_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * MS_NS + (uint64_t)t.tv_nsec;
}

static void on_opened(void *context, struct net_session *session)
{
	struct heard *h = context;
	h->opened++;
	h->last_opened = session->id;
	snprintf(h->peer, sizeof h->peer, "%s", session->peer);
	session->user = h;
}

static int on_message(void *context, struct net_session *session, const struct net_message *m)
{
	struct heard *h = context;
	assert_ptr_equal(session->user, h);
	uint32_t first = m->bytes >= 8 ? __builtin_bswap32(load_32(m->octets + 4)) : 0;
	if (h->message_count < PEER_LOG_MAX) {
		h->messages[h->message_count].session = session->id;
		h->messages[h->message_count].remote = session->remote;
		h->messages[h->message_count].bytes = m->bytes;
		h->messages[h->message_count].first = first;
		h->messages[h->message_count].stream = m->stream;
	}
	h->message_count++;
	h->octets += m->bytes;
	session->proven = h->proves;
	return h->refuses_first && first == h->refuses_first ? -1 : 0;
}

static void on_closed(void *context, struct net_session *session, const char *reason)
{
	struct heard *h = context;
	h->closed++;
	h->last_closed = session->id;
	snprintf(h->reason, sizeof h->reason, "%s", reason);
}

static void on_note(void *context, const char *text)
{
	struct heard *h = context;
	h->notes++;
	snprintf(h->note, sizeof h->note, "%s", text);
}

void heard_open_with(struct heard *h)
{
	struct error err = { "" };
	struct listener_events events = { on_opened, on_message, on_closed, on_note, h };
	if (listener_open(&h->setup, &events, &h->listener, &err) < 0)
		fail_msg("%s", err.text);
}

void heard_open(struct heard *h, enum net_transport transport)
{
	*h = (struct heard){ .setup = { .transport = transport } };
	heard_open_with(h);
}

void heard_close(struct heard *h)
{
	listener_close(h->listener);
	assert_int_equal(h->opened, h->closed);
}

uint16_t heard_port(const struct heard *h)
{
	return listener_local(h->listener).port;
}

static void poll_until(struct heard *h, const unsigned *value, unsigned least)
{
	uint64_t until_ns = monotonic_ns() + LONGEST_NS;
	while (*value < least && monotonic_ns() < until_ns)
		assert_true(listener_poll(&h->listener, 1, monotonic_ns() + 50 * MS_NS) >= 0);
	assert_int_equal(*value, least);
}

void heard_poll_messages(struct heard *h, unsigned count)
{
	poll_until(h, &h->message_count, count);
}

void heard_poll_closed(struct heard *h, unsigned count) { poll_until(h, &h->closed, count); }
void heard_poll_opened(struct heard *h, unsigned count) { poll_until(h, &h->opened, count); }

void heard_poll_for(struct heard *h, unsigned ms)
{
	uint64_t until_ns = monotonic_ns() + ms * MS_NS;
	while (monotonic_ns() < until_ns)
		assert_true(listener_poll(&h->listener, 1, until_ns) >= 0);
}

struct listener_counters heard_counters(struct heard *h)
{
	struct listener_counters c;
	listener_counters(h->listener, &c);
	return c;
}

int peer_connect(int type, bool is_v6, uint16_t port)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port),
	                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port),
	                           .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
	const void *to = is_v6 ? (const void *)&v6 : &v4;
	assert_int_equal(connect(fd, to, is_v6 ? sizeof v6 : sizeof v4), 0);
	return fd;
}

void peer_message(uint8_t *octets, uint16_t bytes, uint32_t first)
{
	memset(octets, 0, bytes);
	octets[1] = 10;
	octets[2] = (uint8_t)(bytes >> 8);
	octets[3] = (uint8_t)bytes;
	first = __builtin_bswap32(first);
	memcpy(octets + 4, &first, 4);
}

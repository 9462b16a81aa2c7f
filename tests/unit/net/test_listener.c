/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners over UDP and TCP on the loopback interface: sessions, messages, bounds, hostile peers.
 * TLS, DTLS and SCTP have tests of their own. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "net/listener.h"
#include "peer.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#define MS_NS UINT64_C(1000000)

static void send_all(int fd, const uint8_t *octets, size_t bytes)
{
	while (bytes) {
		ssize_t n = send(fd, octets, bytes, MSG_NOSIGNAL);
		assert_true(n > 0);
		octets += n;
		bytes -= (size_t)n;
	}
}

static void send_message(int fd, uint16_t bytes, uint32_t first)
{
	uint8_t octets[65535];
	peer_message(octets, bytes, first);
	send_all(fd, octets, bytes);
}

/* --- UDP --- */

static void test_udp_takes_both_families_at_one_port(void **state)
{
	struct heard h;
	heard_open(&h, NET_UDP);
	int v4 = peer_connect(SOCK_DGRAM, false, heard_port(&h));
	int v6 = peer_connect(SOCK_DGRAM, true, heard_port(&h));
	send_message(v4, 40, 1);
	heard_poll_messages(&h, 1);
	send_message(v6, 50, 2);
	heard_poll_messages(&h, 2);
	send_message(v4, 60, 3);
	heard_poll_messages(&h, 3);
	assert_int_equal(h.opened, 2);
	assert_int_equal(h.messages[0].remote.family, 4);
	assert_memory_equal(h.messages[0].remote.octets, "\x7f\0\0\1", 4);
	assert_int_equal(h.messages[1].remote.family, 6);
	assert_int_equal(h.messages[2].session, h.messages[0].session);
	assert_int_equal(h.messages[2].bytes, 60);
	assert_int_equal(h.messages[2].first, 3);
	close(v4);
	close(v6);
	heard_close(&h);
}

/* What a sender gives the kernel in one piece arrives as the datagrams that it is. */
static void test_udp_cuts_coalesced_datagrams(void **state)
{
	struct heard h;
	uint8_t octets[10 * 100];
	int segment = 100;
	heard_open(&h, NET_UDP);
	int fd = peer_connect(SOCK_DGRAM, false, heard_port(&h));
	for (unsigned i = 0; i < 10; i++)
		peer_message(octets + 100 * i, 100, i);
	assert_int_equal(setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment), 0);
	assert_int_equal(send(fd, octets, 950, 0), 950);
	heard_poll_messages(&h, 10);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(h.messages[i].first, i);
		assert_int_equal(h.messages[i].bytes, i < 9 ? 100 : 50);
	}
	assert_int_equal(heard_counters(&h).octets, 950);
	close(fd);
	heard_close(&h);
}

static void test_udp_sessions_are_bounded_and_the_proven_stay(void **state)
{
	struct heard h = { .setup = { .transport = NET_UDP, .sessions_max = 4 }, .proves = true };
	heard_open_with(&h);
	int good = peer_connect(SOCK_DGRAM, false, heard_port(&h));
	send_message(good, 20, 1);
	heard_poll_messages(&h, 1);
	h.proves = false;
	for (unsigned i = 0; i < 20; i++) {
		int fd = peer_connect(SOCK_DGRAM, false, heard_port(&h));
		send_message(fd, 20, 100 + i);
		heard_poll_messages(&h, 2 + i);
		close(fd);
		assert_true(listener_sessions(h.listener) <= 4);
	}
	assert_int_equal(heard_counters(&h).evicted, 17);
	h.proves = true;
	send_message(good, 20, 2);
	heard_poll_messages(&h, 22);
	assert_int_equal(h.messages[21].session, h.messages[0].session);
	assert_true(h.notes >= 1);
	close(good);
	heard_close(&h);
}

static void test_udp_sessions_end_when_idle(void **state)
{
	struct heard h = { .setup = { .transport = NET_UDP, .idle_ns = 200 * MS_NS } };
	heard_open_with(&h);
	int fd = peer_connect(SOCK_DGRAM, false, heard_port(&h));
	send_message(fd, 20, 1);
	heard_poll_messages(&h, 1);
	heard_poll_closed(&h, 1);
	assert_non_null(strstr(h.reason, "not heard of for"));
	send_message(fd, 20, 2);
	heard_poll_messages(&h, 2);
	assert_int_not_equal(h.messages[0].session, h.messages[1].session);
	close(fd);
	heard_close(&h);
}

/* More than the socket's buffer holds, unread: what came and what was dropped are all there was. */
static void test_udp_counts_what_the_kernel_drops(void **state)
{
	enum { SENT = 2000 };
	struct heard h = { .setup = { .transport = NET_UDP, .buffer_bytes = 4096 } };
	heard_open_with(&h);
	int fd = peer_connect(SOCK_DGRAM, false, heard_port(&h));
	for (unsigned i = 0; i < SENT; i++)
		send_message(fd, 100, i);
	heard_poll_for(&h, 100);
	struct listener_counters c = heard_counters(&h);
	assert_true(c.kernel_drops > 0);
	assert_int_equal(c.messages + c.kernel_drops, SENT);
	close(fd);
	heard_close(&h);
}

static void test_udp_forgets_whom_the_callback_refuses(void **state)
{
	struct heard h = { .setup = { .transport = NET_UDP }, .refuses_first = 7 };
	heard_open_with(&h);
	int fd = peer_connect(SOCK_DGRAM, false, heard_port(&h));
	send_message(fd, 20, 7);
	heard_poll_closed(&h, 1);
	send_message(fd, 20, 8);
	heard_poll_messages(&h, 2);
	assert_int_equal(h.opened, 2);
	close(fd);
	heard_close(&h);
}

/* --- TCP --- */

static void test_tcp_cuts_messages_however_they_come(void **state)
{
	struct heard h;
	uint8_t octets[300];
	heard_open(&h, NET_TCP);
	int fd = peer_connect(SOCK_STREAM, true, heard_port(&h));
	peer_message(octets, 100, 1);
	peer_message(octets + 100, 150, 2);
	peer_message(octets + 250, 50, 3);
	for (unsigned i = 0; i < sizeof octets; i++) {
		send_all(fd, octets + i, 1);
		heard_poll_for(&h, 1);
	}
	heard_poll_messages(&h, 3);
	send_all(fd, octets, 300);
	heard_poll_messages(&h, 6);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(h.messages[i].first, 1 + i % 3);
		assert_int_equal(h.messages[i].bytes, i % 3 == 0 ? 100 : i % 3 == 1 ? 150 : 50);
	}
	assert_int_equal(h.opened, 1);
	close(fd);
	heard_poll_closed(&h, 1);
	assert_string_equal(h.reason, "closed by the peer");
	heard_close(&h);
}

static void test_tcp_takes_the_longest_message(void **state)
{
	struct heard h;
	heard_open(&h, NET_TCP);
	int fd = peer_connect(SOCK_STREAM, false, heard_port(&h));
	send_message(fd, 16, 1);
	send_message(fd, 65535, 2);
	send_message(fd, 65535, 3);
	heard_poll_messages(&h, 3);
	assert_int_equal(h.octets, 16 + 2 * 65535);
	assert_int_equal(h.messages[2].first, 3);
	close(fd);
	heard_close(&h);
}

static void test_tcp_closes_what_is_no_message(void **state)
{
	static const char *const bad[] = { "GET / HTTP/1.1\r\n\r\n", "\0\x0a\0\x0f_2345678901",
	                                   "\0\x09\0\x14", "\x0b" };
	for (unsigned i = 0; i < 3; i++) {
		struct heard h;
		heard_open(&h, NET_TCP);
		int fd = peer_connect(SOCK_STREAM, false, heard_port(&h));
		send_message(fd, 20, 1);
		send_all(fd, (const uint8_t *)bad[i], i == 1 ? 15 : i == 2 ? 4 : strlen(bad[i]));
		heard_poll_closed(&h, 1);
		assert_int_equal(h.message_count, 1);
		assert_int_equal(heard_counters(&h).malformed, 1);
		close(fd);
		heard_close(&h);
	}
}

/* One octet now and then keeps no session alive. */
static void test_tcp_closes_who_dribbles(void **state)
{
	struct heard h = { .setup = { .transport = NET_TCP, .patience_ns = 300 * MS_NS } };
	uint8_t octets[100];
	heard_open_with(&h);
	int fd = peer_connect(SOCK_STREAM, false, heard_port(&h));
	int quiet = peer_connect(SOCK_STREAM, false, heard_port(&h));
	send_message(quiet, 20, 1);
	peer_message(octets, 100, 2);
	for (unsigned i = 0; i < 40 && !h.closed; i++) {
		send(fd, octets + i, 1, MSG_NOSIGNAL);
		heard_poll_for(&h, 50);
	}
	assert_int_equal(h.closed, 1);
	assert_string_equal(h.reason, "too slow with a message");
	assert_int_equal(heard_counters(&h).late, 1);
	assert_int_equal(listener_sessions(h.listener), 1);
	close(fd);
	close(quiet);
	heard_close(&h);
}

static void test_tcp_is_bounded(void **state)
{
	struct heard h = { .setup = { .transport = NET_TCP, .sessions_max = 3 }, .proves = true };
	int fds[3], late;
	heard_open_with(&h);
	for (unsigned i = 0; i < 3; i++) {
		fds[i] = peer_connect(SOCK_STREAM, false, heard_port(&h));
		if (i < 2)
			send_message(fds[i], 20, i);
	}
	heard_poll_messages(&h, 2);
	heard_poll_opened(&h, 3);
	/* The one that never spoke makes room; the proven stay, so the next is refused. */
	late = peer_connect(SOCK_STREAM, false, heard_port(&h));
	send_message(late, 20, 9);
	heard_poll_messages(&h, 3);
	assert_int_equal(heard_counters(&h).evicted, 1);
	int refused = peer_connect(SOCK_STREAM, false, heard_port(&h));
	char octet;
	heard_poll_for(&h, 20);
	assert_true(recv(refused, &octet, 1, 0) <= 0);
	assert_int_equal(heard_counters(&h).refused, 1);
	assert_int_equal(listener_sessions(h.listener), 3);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
	close(late);
	close(refused);
	heard_close(&h);
}

/* The peer is told before the end, and what it had sent until then is read. */
static void test_tcp_reads_to_the_end_when_closed(void **state)
{
	struct heard h;
	heard_open(&h, NET_TCP);
	int fd = peer_connect(SOCK_STREAM, false, heard_port(&h));
	send_message(fd, 20, 1);
	heard_poll_messages(&h, 1);
	send_message(fd, 20, 2);
	shutdown(fd, SHUT_WR);
	heard_close(&h);
	char octet;
	assert_int_equal(h.message_count, 2);
	assert_int_equal(recv(fd, &octet, 1, 0), 0);
	close(fd);
}

static void test_messages_of_setups(void **state)
{
	struct listener_setup setup = { .transport = NET_TCP, .host = "192.0.2.77", .port = 4739 };
	struct listener_events events = { 0 };
	struct listener *l;
	struct error err;
	assert_int_equal(listener_open(&setup, &events, &l, &err), -EADDRNOTAVAIL);
	assert_non_null(strstr(err.text, "cannot listen at 192.0.2.77:4739 (tcp): "));
	setup = (struct listener_setup){ .transport = NET_TLS };
	assert_int_equal(listener_open(&setup, &events, &l, &err), -EINVAL);
	assert_non_null(strstr(err.text, "cert=FILE is missing"));
	setup.tls = (struct net_certificates){ .cert = "/does/not/exist", .ca = "/nor/this" };
	assert_int_equal(listener_open(&setup, &events, &l, &err), -ENOENT);
	assert_non_null(strstr(err.text, "cert=/does/not/exist: cannot open: No such file"));
}

static void test_frames_of_ipfix(void **state)
{
	assert_int_equal(net_frame_ipfix((const uint8_t *)"\0", 1), 0);
	assert_int_equal(net_frame_ipfix((const uint8_t *)"\0\x0a", 2), 0);
	assert_int_equal(net_frame_ipfix((const uint8_t *)"\0\x0a\1", 3), 0);
	assert_int_equal(net_frame_ipfix((const uint8_t *)"\0\x0a\1\2", 4), 0x102);
	assert_int_equal(net_frame_ipfix((const uint8_t *)"\0\x0a\0\x10", 4), 16);
	assert_true(net_frame_ipfix((const uint8_t *)"\0\x0a\0\x0f", 4) < 0);
	assert_true(net_frame_ipfix((const uint8_t *)"\0\x09", 2) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp_takes_both_families_at_one_port),
		cmocka_unit_test(test_udp_cuts_coalesced_datagrams),
		cmocka_unit_test(test_udp_sessions_are_bounded_and_the_proven_stay),
		cmocka_unit_test(test_udp_sessions_end_when_idle),
		cmocka_unit_test(test_udp_counts_what_the_kernel_drops),
		cmocka_unit_test(test_udp_forgets_whom_the_callback_refuses),
		cmocka_unit_test(test_tcp_cuts_messages_however_they_come),
		cmocka_unit_test(test_tcp_takes_the_longest_message),
		cmocka_unit_test(test_tcp_closes_what_is_no_message),
		cmocka_unit_test(test_tcp_closes_who_dribbles),
		cmocka_unit_test(test_tcp_is_bounded),
		cmocka_unit_test(test_tcp_reads_to_the_end_when_closed),
		cmocka_unit_test(test_messages_of_setups),
		cmocka_unit_test(test_frames_of_ipfix),
	};
	return cmocka_run_group_tests_name("net/listener", tests, NULL, NULL);
}

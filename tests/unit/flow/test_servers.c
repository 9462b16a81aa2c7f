/* SPDX-License-Identifier: Apache-2.0 */
/* The table of servers: what makes one, what unmakes it, and what it is like under attack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow/servers.h"

enum { NOW = 1700000000 };

static struct servers s;

/* Spread like a hash, the same for the same number. */
static struct server_end end_of(uint64_t number, uint16_t port)
{
	uint64_t x = (number << 16 | port) * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return (struct server_end){ .hash = x ^ x >> 32, .port = port };
}

/* In the same set as all others of this kind. */
static struct server_end end_in_set(uint64_t number)
{
	return (struct server_end){ .hash = (number + 1) << 33 | 7, .port = 9000 };
}

static void learn(struct server_end server, struct server_end client, bool handshake, uint32_t now)
{
	servers_learn(&s, &server, &client, handshake, now);
}

static enum server_trust recall(struct server_end end, struct server_end peer, uint32_t now)
{
	return servers_recall(&s, &end, &peer, now);
}

static int start(void **state)
{
	servers_fini(&s);
	return servers_init(&s);
}

static void a_handshake_makes_a_server_for_all(void **state)
{
	learn(end_of(1, 9000), end_of(2, 40000), true, NOW);
	assert_int_equal(recall(end_of(1, 9000), end_of(3, 5), NOW), SERVER_BY_HANDSHAKE);
	assert_int_equal(recall(end_of(1, 9001), end_of(3, 5), NOW), SERVER_UNKNOWN);
	assert_int_equal(recall(end_of(2, 40000), end_of(1, 9000), NOW), SERVER_UNKNOWN);
}

static void an_answer_makes_one_for_the_last_two(void **state)
{
	for (unsigned i = 0; i < 3; i++)
		learn(end_of(1, 9000), end_of(2 + i, 9000), false, NOW);
	assert_int_equal(recall(end_of(1, 9000), end_of(2, 9000), NOW), SERVER_UNKNOWN);
	assert_int_equal(recall(end_of(1, 9000), end_of(3, 9000), NOW), SERVER_OF_PEER);
	assert_int_equal(recall(end_of(1, 9000), end_of(4, 9000), NOW), SERVER_OF_PEER);
}

static void three_clients_make_one_for_all(void **state)
{
	struct server_end server = end_of(1, 9000);
	for (unsigned i = 0; i < 2; i++)
		learn(server, end_of(10 + i, 40000), false, NOW);
	learn(server, end_of(10, 40000), false, NOW);           /* one of the two again */
	assert_int_equal(recall(server, end_of(99, 40000), NOW), SERVER_UNKNOWN);
	learn(server, end_of(12, 40000), false, NOW);
	assert_int_equal(recall(server, end_of(99, 40000), NOW), SERVER_OF_SEVERAL);
}

static void many_at_one_port_of_a_service_are_no_clients(void **state)
{
	for (unsigned i = 0; i < 100; i++)
		learn(end_of(1, 40000), end_of(10 + i, 9000), false, NOW);
	assert_int_equal(recall(end_of(1, 40000), end_of(1000, 9000), NOW), SERVER_UNKNOWN);
}

static void speaking_first_to_strangers_unlearns(void **state)
{
	struct server_end server = end_of(1, 9000), last = end_of(500 + 99, 40000);
	for (unsigned i = 0; i < 100; i++)
		learn(server, end_of(500 + i, 40000), false, NOW);
	for (unsigned i = 0; i < 100; i++)
		servers_doubt(&s, &server, &last, NOW);
	assert_int_equal(recall(server, end_of(1, 1), NOW), SERVER_OF_SEVERAL);
	for (unsigned i = 0; i <= SERVER_CLIENTS_MAX - SERVER_SEVERAL; i++) {
		struct server_end stranger = end_of(9000 + i, 40000);
		assert_int_equal(recall(server, stranger, NOW), SERVER_OF_SEVERAL);
		servers_doubt(&s, &server, &stranger, NOW);
	}
	assert_int_equal(recall(server, end_of(1, 1), NOW), SERVER_UNKNOWN);
}

static void doubt_does_not_touch_a_handshake(void **state)
{
	struct server_end server = end_of(1, 9000);
	learn(server, end_of(2, 40000), true, NOW);
	for (unsigned i = 0; i < 100; i++) {
		struct server_end stranger = end_of(100 + i, 40000);
		servers_doubt(&s, &server, &stranger, NOW);
	}
	assert_int_equal(recall(server, end_of(3, 1), NOW), SERVER_BY_HANDSHAKE);
}

static void a_client_is_forgotten(void **state)
{
	struct server_end end = end_of(1, 40000), other = end_of(2, 9000);
	servers_forget(&s, &end);               /* nothing there yet */
	learn(end, other, true, NOW);
	servers_forget(&s, &other);
	assert_int_equal(recall(end, other, NOW), SERVER_BY_HANDSHAKE);
	servers_forget(&s, &end);
	assert_int_equal(recall(end, other, NOW), SERVER_UNKNOWN);
}

static void time_forgets(void **state)
{
	struct server_end one = end_of(1, 9000), many = end_of(2, 9000), peer = end_of(3, 40000);
	learn(one, peer, true, NOW);
	for (unsigned i = 0; i < SERVER_SEVERAL; i++)
		learn(many, end_of(10 + i, 40000), true, NOW);
	assert_int_equal(recall(one, peer, NOW + SERVER_AGE_S), SERVER_BY_HANDSHAKE);
	assert_int_equal(recall(one, peer, NOW + SERVER_AGE_S + 1), SERVER_UNKNOWN);
	assert_int_equal(recall(one, peer, NOW - 1000), SERVER_BY_HANDSHAKE);
	assert_int_equal(recall(many, peer, NOW + SERVER_AGE_SEVERAL_S), SERVER_BY_HANDSHAKE);
	assert_int_equal(recall(many, peer, NOW + SERVER_AGE_SEVERAL_S + 1), SERVER_UNKNOWN);
}

static void what_is_out_of_date_is_learned_afresh(void **state)
{
	learn(end_of(1, 9000), end_of(2, 40000), true, NOW);
	learn(end_of(1, 9000), end_of(3, 40000), false, NOW + SERVER_AGE_S + 1);
	assert_int_equal(recall(end_of(1, 9000), end_of(4, 1), NOW + SERVER_AGE_S + 1),
	                 SERVER_UNKNOWN);
}

static void a_full_set_keeps_what_several_use(void **state)
{
	struct server_end used = end_in_set(0);
	for (unsigned i = 0; i < SERVER_SEVERAL; i++)
		learn(used, end_of(10 + i, 40000), true, NOW);
	for (unsigned i = 1; i <= 10000; i++)           /* aimed at its set, all newer */
		learn(end_in_set(i), end_of(99, 40000), true, NOW + 1);
	assert_int_equal(recall(used, end_of(5, 5), NOW + 1), SERVER_BY_HANDSHAKE);
	assert_int_equal(recall(end_in_set(10000), end_of(5, 5), NOW + 1), SERVER_BY_HANDSHAKE);
	unsigned kept = 0;
	for (unsigned i = 1; i <= 10000; i++)
		kept += recall(end_in_set(i), end_of(5, 5), NOW + 1) != SERVER_UNKNOWN;
	assert_int_equal(kept, SERVER_WAYS - 1);
}

static void the_oldest_gives_way(void **state)
{
	for (unsigned i = 0; i <= SERVER_WAYS; i++)
		learn(end_in_set(i), end_of(99, 40000), true, NOW + i);
	assert_int_equal(recall(end_in_set(0), end_of(5, 5), NOW + 9), SERVER_UNKNOWN);
	for (unsigned i = 1; i <= SERVER_WAYS; i++)
		assert_int_equal(recall(end_in_set(i), end_of(5, 5), NOW + 9), SERVER_BY_HANDSHAKE);
}

/* A trap that answers at every port: bounded, and servers in use are all still there. */
static void a_million_answers_push_out_no_server_in_use(void **state)
{
	enum { SERVERS = 2000 };
	for (unsigned i = 0; i < SERVERS; i++)
		for (unsigned k = 0; k < SERVER_SEVERAL; k++)
			learn(end_of(1000000 + i, 443), end_of(100 + k, 40000), true, NOW);
	for (unsigned i = 0; i < 1000000; i++)
		learn(end_of(7000000 + i / 60000, (uint16_t)(i % 60000)), end_of(1, 40000), true, NOW + 1);
	unsigned kept = 0, trapped = 0;
	for (unsigned i = 0; i < SERVERS; i++)
		kept += recall(end_of(1000000 + i, 443), end_of(5, 5), NOW + 1) == SERVER_BY_HANDSHAKE;
	for (unsigned i = 0; i < 1000000; i++)
		trapped += recall(end_of(7000000 + i / 60000, (uint16_t)(i % 60000)), end_of(5, 5), NOW + 1)
			!= SERVER_UNKNOWN;
	assert_int_equal(kept, SERVERS);
	assert_true(trapped > SERVER_SETS && trapped <= SERVER_SETS * SERVER_WAYS + 64);
	assert_true(s.region.size_bytes <= 2 << 20);
}

static void a_table_that_was_never_opened_knows_nothing(void **state)
{
	servers_fini(&s);
	s.learned = 0;
	struct server_end end = end_of(1, 9000), peer = end_of(2, 40000);
	learn(end, peer, true, NOW);
	servers_forget(&s, &end);
	servers_doubt(&s, &end, &peer, NOW);
	assert_int_equal(recall(end, peer, NOW), SERVER_UNKNOWN);
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_handshake_makes_a_server_for_all),
		TEST(an_answer_makes_one_for_the_last_two),
		TEST(three_clients_make_one_for_all),
		TEST(many_at_one_port_of_a_service_are_no_clients),
		TEST(speaking_first_to_strangers_unlearns),
		TEST(doubt_does_not_touch_a_handshake),
		TEST(a_client_is_forgotten),
		TEST(time_forgets),
		TEST(what_is_out_of_date_is_learned_afresh),
		TEST(a_full_set_keeps_what_several_use),
		TEST(the_oldest_gives_way),
		TEST(a_million_answers_push_out_no_server_in_use),
		TEST(a_table_that_was_never_opened_knows_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

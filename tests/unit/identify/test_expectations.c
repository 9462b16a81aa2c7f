/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what is expected: who is found, when it is forgotten, and that nobody fills it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "identify/expectations.h"

enum { NOW = 1000000, TCP = 6 };

static struct announced end_at(unsigned host, unsigned port)
{
	return (struct announced){ .address = { 192, 0, 2, (uint8_t)host }, .peer = { 192, 0, 2, 9 },
	                           .port = (uint16_t)port, .family = 4, .protocol = TCP };
}

static struct identify_flow flow_to(unsigned host, unsigned port, unsigned client)
{
	return (struct identify_flow){ .family = 4, .protocol = TCP, .port = { 50000, (uint16_t)port },
	                               .address = { { 192, 0, 2, (uint8_t)client },
	                                            { 192, 0, 2, (uint8_t)host } } };
}

static uint64_t parent_of(const struct expectations *e, const struct identify_flow *flow,
                          uint64_t now_ms)
{
	struct expected found = { 0 };
	return expectations_find(e, flow, 77, now_ms, &found) ? found.parent : 0;
}

static void expect(struct expectations *e, unsigned host, unsigned port, uint64_t parent)
{
	struct announced end = end_at(host, port);
	struct expected what = { .parent = parent, .kind = ANNOUNCE_FTP };
	expectations_add(e, &end, what, NOW);
}

static void test_finds_by_end_and_peer(void **state)
{
	struct expectations e;
	assert_int_equal(expectations_init(&e), 0);
	expect(&e, 1, 40000, 5);
	struct identify_flow right = flow_to(1, 40000, 9), other_port = flow_to(1, 40001, 9);
	struct identify_flow stranger = flow_to(1, 40000, 8), udp = right, back = right;
	udp.protocol = 17;
	memcpy(back.address, right.address[1], 16);     /* the announced end is the initiator */
	memcpy(back.address[1], right.address[0], 16);
	back.port[0] = 40000, back.port[1] = 50000;
	assert_int_equal(parent_of(&e, &right, NOW), 5);
	assert_int_equal(parent_of(&e, &back, NOW), 5);
	assert_int_equal(parent_of(&e, &other_port, NOW), 0);
	assert_int_equal(parent_of(&e, &stranger, NOW), 0);
	assert_int_equal(parent_of(&e, &udp, NOW), 0);
	struct announced media = end_at(1, 40002);
	media.any_peer = true;
	expectations_add(&e, &media, (struct expected){ .parent = 6 }, NOW);
	stranger.port[1] = 40002;
	assert_int_equal(parent_of(&e, &stranger, NOW), 6);
	expectations_fini(&e);
}

static void test_nothing_announces_itself(void **state)
{
	struct expectations e;
	assert_int_equal(expectations_init(&e), 0);
	expect(&e, 1, 40000, 77);
	struct identify_flow flow = flow_to(1, 40000, 9);
	assert_int_equal(parent_of(&e, &flow, NOW), 0);
	expectations_fini(&e);
}

static void test_is_forgotten_unless_repeated(void **state)
{
	struct expectations e;
	assert_int_equal(expectations_init(&e), 0);
	expect(&e, 1, 40000, 5);
	struct identify_flow flow = flow_to(1, 40000, 9);
	assert_int_equal(parent_of(&e, &flow, NOW + EXPECTATION_MS - 1), 5);
	assert_int_equal(parent_of(&e, &flow, NOW + EXPECTATION_MS), 0);
	struct announced end = end_at(1, 40000);
	expectations_add(&e, &end, (struct expected){ .parent = 5 }, NOW + 1000);
	assert_int_equal(parent_of(&e, &flow, NOW + EXPECTATION_MS), 5);
	assert_int_equal(e.announced, 1);
	assert_int_equal(e.live, 1);
	expectations_fini(&e);
}

static void test_a_flow_pushes_out_only_its_own(void **state)
{
	struct expectations e;
	assert_int_equal(expectations_init(&e), 0);
	expect(&e, 1, 40000, 5);
	for (unsigned port = 1; port <= 60000; port++)
		expect(&e, 2, port, 6);
	struct identify_flow honest = flow_to(1, 40000, 9), last = flow_to(2, 60000, 9);
	struct identify_flow oldest = flow_to(2, 60000 - EXPECTATIONS_EACH, 9);
	assert_int_equal(parent_of(&e, &honest, NOW), 5);
	assert_int_equal(parent_of(&e, &last, NOW), 6);
	assert_int_equal(parent_of(&e, &oldest, NOW), 0);
	assert_int_equal(e.live, 1 + EXPECTATIONS_EACH);
	assert_int_equal(e.replaced, 60000 - EXPECTATIONS_EACH);
	expectations_fini(&e);
}

static void test_many_flows_are_bounded(void **state)
{
	struct expectations e;
	assert_int_equal(expectations_init(&e), 0);
	for (uint64_t flow = 100; flow < 100 + 10 * EXPECTATION_PARENTS; flow++)
		for (unsigned i = 0; i < 2; i++)
			expect(&e, 1, 1 + (unsigned)(flow + i * 7) % 60000, flow);
	assert_int_equal(e.live, 2 * EXPECTATION_PARENTS);
	assert_int_equal(e.by_flow.count, EXPECTATION_PARENTS);
	assert_int_equal(e.announced, 20 * EXPECTATION_PARENTS);
	assert_int_equal(e.replaced, 18 * EXPECTATION_PARENTS);
	expectations_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_by_end_and_peer),
		cmocka_unit_test(test_nothing_announces_itself),
		cmocka_unit_test(test_is_forgotten_unless_repeated),
		cmocka_unit_test(test_a_flow_pushes_out_only_its_own),
		cmocka_unit_test(test_many_flows_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

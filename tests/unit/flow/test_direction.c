/* SPDX-License-Identifier: Apache-2.0 */
/* Direction through a meter: what hooks see when a flow turns, which evidence is asked when, and
 * that keys of every kind remember servers. The rules themselves: test_roles.c, test_servers.c,
 * test_services.c, and the golden cases of this name. */
#include "flow_fixture.h"

enum { S = TCP_SYN, R = TCP_RST, A = TCP_ACK };

static struct fixture x;
static uint32_t events[64];
static unsigned event_count;

static void see(const struct hook_call *call)
{
	for (unsigned i = 0; i < call->count; i++)
		events[event_count++] = call->touch[i]->events;
}

static const struct flow_hook hook = { .name = "see", .wants = HOOK_PACKET, .update = see };
static const struct hook_choice hooks[] = { { &hook, NULL }, { .hook = NULL } };

static void start(const char *key, bool evidence)
{
	struct meter_settings s = fixture_settings(&x);
	struct key_options options = { .key = key, .vlan_key = true };
	assert_int_equal(key_plan_parse(&options, &s.plan, NULL), 0);
	s.evidence = evidence;
	s.hooks = hooks;
	event_count = 0;
	fixture_start(&x, &s);
}

/* payload: its first octet is no part of it; NULL: none. */
static void send(unsigned sender, double at, uint16_t flags, const uint16_t ports[2],
                 const char *payload)
{
	struct packet p = fixture_packet(&x, sender, at, flags);
	uint8_t octets[64] = { 0 };
	memcpy(p.key.port, ports, sizeof p.key.port);
	x.frame.data = octets;
	if (payload) {
		memcpy(octets, payload, strlen(payload));
		x.frame.captured_bytes = sizeof octets;
		p.payload_offset = 1;
		p.payload_bytes = (uint32_t)strlen(payload) - 1;
	}
	const struct packet *one = &p;
	meter_update(x.meter, &one, 1);
	x.frame.captured_bytes = 0;
}

static const uint16_t high[2] = { 50000, 50001 }, web[2] = { 50000, 443 };

static void a_flow_that_turns_as_it_begins_says_so(void **state)
{
	start(NULL, true);
	send(1, 0, A, web, NULL);
	send(0, 1, A, web, NULL);
	fixture_finish(&x, 1);
	assert_int_equal(event_count, 2);
	assert_int_equal(events[0], FLOW_CREATED | FLOW_RECORD_OPENED | FLOW_TURNED);
	assert_int_equal(events[1], 0);
	assert_int_equal(x.records[0].initiator_port, 50000);
	assert_int_equal(x.records[0].basis, BASIS_REGISTERED_PORT);
}

static void evidence_that_agrees_turns_nothing(void **state)
{
	start(NULL, true);
	send(0, 0, A, web, NULL);
	fixture_finish(&x, 0);
	assert_int_equal(events[0], FLOW_CREATED | FLOW_RECORD_OPENED);
	assert_int_equal(x.records[0].basis, BASIS_REGISTERED_PORT);
}

static void a_flow_turns_at_the_first_answer(void **state)
{
	start(NULL, true);
	send(1, 0, A, high, NULL);
	send(1, 1, A, high, "xGET / HTTP/1.1\r\n");     /* not its side's first: not asked */
	send(0, 2, A, high, "xGET / HTTP/1.1\r\n");
	fixture_finish(&x, 2);
	assert_int_equal(events[1], 0);
	assert_int_equal(events[2], FLOW_TURNED);
	assert_int_equal(x.records[0].initiator_port, 50000);
	assert_int_equal(x.records[0].basis, BASIS_PROTOCOL);
}

static void a_later_packet_is_not_asked(void **state)
{
	start(NULL, true);
	send(1, 0, A, high, NULL);
	send(0, 1, A, high, NULL);
	send(0, 2, A, high, "xGET / HTTP/1.1\r\n");
	fixture_finish(&x, 2);
	assert_int_equal(x.records[0].initiator_port, 50001);
	assert_int_equal(x.records[0].basis, BASIS_FIRST_PACKET);
}

static void without_evidence_nothing_is_asked_or_learned(void **state)
{
	start(NULL, false);
	send(0, 0, S, high, NULL);
	send(1, 0, S | A, high, NULL);
	send(1, 60, A, web, "xHTTP/1.1 200 OK\r\n");
	assert_null(x.meter->direction.servers.region.start);
	fixture_finish(&x, 60);
	for (unsigned i = 0; i < x.count; i++)
		assert_int_equal(x.records[i].basis, BASIS_FIRST_PACKET);
}

/* The server speaks first behind the idle timeout. */
static void remember(const char *key)
{
	start(key, true);
	send(0, 0, S, high, NULL);
	send(1, 0, S | A, high, NULL);
	send(1, 60, A, high, NULL);
	fixture_finish(&x, 60);
	assert_int_equal(x.count, 2);
	assert_int_equal(x.records[1].initiator_port, 50000);
	assert_int_equal(x.records[1].basis, BASIS_REMEMBERED_SERVER);
}

static void keys_of_every_kind_remember(void **state)
{
	remember(NULL);
	remember("sourceIPv4Address,destinationIPv4Address,protocolIdentifier,sourceTransportPort,"
	         "destinationTransportPort");
}

static void keys_without_ports_weigh_nothing(void **state)
{
	start("sourceIPv4Address,destinationIPv4Address", true);
	assert_null(x.meter->direction.servers.region.start);
	send(1, 0, A, web, NULL);
	fixture_finish(&x, 0);
	assert_int_equal(x.records[0].basis, BASIS_NONE);
}

static void many_handshakes_fill_a_bounded_table(void **state)
{
	start(NULL, true);
	for (unsigned i = 0; i < 200000; i++) {
		uint16_t ports[2] = { (uint16_t)(i % 60000 + 1), (uint16_t)(i / 4 % 60000 + 1) };
		send(0, i * 0.001, S, ports, NULL);
		send(1, i * 0.001, S | A, ports, NULL);
		event_count = 0;
		x.count = 0;
	}
	assert_true(x.meter->direction.servers.learned > 100000);
	assert_true(x.meter->direction.servers.region.size_bytes <= 2 << 20);
	x.count = 0;
	fixture_finish(&x, 300);
}

static void a_refusal_teaches_nothing(void **state)
{
	start(NULL, true);
	send(0, 0, S, high, NULL);
	send(1, 0, R | A, high, NULL);
	assert_int_equal(x.meter->direction.servers.learned, 0);
	fixture_finish(&x, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flow_that_turns_as_it_begins_says_so),
		cmocka_unit_test(evidence_that_agrees_turns_nothing),
		cmocka_unit_test(a_flow_turns_at_the_first_answer),
		cmocka_unit_test(a_later_packet_is_not_asked),
		cmocka_unit_test(without_evidence_nothing_is_asked_or_learned),
		cmocka_unit_test(keys_of_every_kind_remember),
		cmocka_unit_test(keys_without_ports_weigh_nothing),
		cmocka_unit_test(many_handshakes_fill_a_bounded_table),
		cmocka_unit_test(a_refusal_teaches_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

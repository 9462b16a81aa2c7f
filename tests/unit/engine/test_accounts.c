/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts of a whole run, and their twins: a planted fault must be seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/accounts.h"

static struct packet packet;
static struct frame frame = { .wire_bytes = 60, .captured_bytes = 60 };

static void count_frame(struct accounts *a)
{
	a->source.frames++;
	a->source.octets += frame.wire_bytes;
}

static void count_fate(struct accounts *a)
{
	a->fates.packets[FATE_metered]++;
	a->fates.octets[FATE_metered] += frame.wire_bytes;
	a->metered_ip_octets += packet.ip_bytes;
}

/* Real packets through a real meter; `twice` and `lost` say which packet
 * the fault is planted on. */
static struct accounts run(int twice, int lost)
{
	struct accounts a = { .outputs_balanced = true, .finished = true };
	struct meter_settings s = { .idle_ns = 1000000000, .active_ns = DURATION_OFF, .linger_ns = 0,
	                            .max_flows = 4 };
	struct key_options options = { .vlan_key = true };
	struct meter *m;
	const struct packet *one = &packet;
	assert_int_equal(key_plan_parse(&options, &s.plan, NULL), 0);
	assert_int_equal(meter_new(&s, &m, NULL), 0);
	for (int i = 0; i < 100; i++) {
		packet = (struct packet){ .family = 4, .wire_packets = 1, .ip_bytes = 46, .frame = &frame,
		                          .time_ns = 1700000000000000000u + (uint64_t)i * 100000000u };
		packet.key.protocol = 17;
		packet.key.port[0] = (uint16_t)(i % 7);
		count_frame(&a);
		count_fate(&a);
		for (int n = i == twice ? 2 : i == lost ? 0 : 1; n > 0; n--)
			meter_update(m, &one, 1);
		meter_advance(m, packet.time_ns);
	}
	meter_finish(m, packet.time_ns);
	accounts_add_meter(&a.meter, &m->counters);
	meter_free(m);
	return a;
}

static void a_whole_run_balances(void **state)
{
	struct error err = { "" };
	struct accounts a = run(-1, -1);
	assert_true(accounts_balanced(&a, &err));
	assert_string_equal(err.text, "");
}

static void a_packet_counted_twice_is_seen(void **state)
{
	struct error err = { "" };
	struct accounts a = run(50, -1);
	assert_false(accounts_balanced(&a, &err));
	assert_non_null(strstr(err.text, "metered packets and flows' packets"));
}

static void a_packet_lost_on_the_way_is_seen(void **state)
{
	struct accounts a = run(-1, 3);
	assert_false(accounts_balanced(&a, NULL));
}

static void a_frame_without_fate_is_seen(void **state)
{
	struct accounts a = run(-1, -1);
	count_frame(&a);
	assert_false(accounts_balanced(&a, NULL));
}

static void a_record_that_loses_packets_is_seen(void **state)
{
	struct accounts a = run(-1, -1);
	a.meter.record_packets--;
	assert_false(accounts_balanced(&a, NULL));
	a = run(-1, -1);
	a.meter.record_octets++;
	assert_false(accounts_balanced(&a, NULL));
}

static void records_that_no_output_accepted_are_seen(void **state)
{
	struct accounts a = run(-1, -1);
	a.rows = 5;
	a.accepted = 4;
	assert_false(accounts_balanced(&a, NULL));
}

static void an_output_that_loses_records_is_seen(void **state)
{
	struct output_counters c = { .accepted = 10, .sent = 7, .queued = 1,
	                             .dropped = { [DROP_TOO_LARGE] = 2 } };
	assert_true(output_counters_balanced(&c));
	c.sent--;
	assert_false(output_counters_balanced(&c));
}

static void super_frames_count_as_their_packets(void **state)
{
	struct accounts a = run(-1, -1);
	a.fates.packets[FATE_metered] += 9;
	a.fates.offload_packets += 9;
	a.meter.packets += 9;
	a.meter.record_packets += 9;
	assert_true(accounts_balanced(&a, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_run_balances),
		cmocka_unit_test(a_packet_counted_twice_is_seen),
		cmocka_unit_test(a_packet_lost_on_the_way_is_seen),
		cmocka_unit_test(a_frame_without_fate_is_seen),
		cmocka_unit_test(a_record_that_loses_packets_is_seen),
		cmocka_unit_test(records_that_no_output_accepted_are_seen),
		cmocka_unit_test(an_output_that_loses_records_is_seen),
		cmocka_unit_test(super_frames_count_as_their_packets),
	};
	return cmocka_run_group_tests_name("engine/accounts", tests, NULL, NULL);
}

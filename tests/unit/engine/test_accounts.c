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

static struct meter *new_meter(void)
{
	struct meter_settings s = { .idle_ns = 1000000000, .active_ns = DURATION_OFF, .linger_ns = 0,
	                            .max_flows = 4 };
	struct key_options options = { .vlan_key = true };
	struct meter *m;
	assert_int_equal(key_plan_parse(&options, &s.plan, NULL), 0);
	assert_int_equal(meter_new(&s, &m, NULL), 0);
	return m;
}

static void next_packet(int i)
{
	packet = (struct packet){ .family = 4, .wire_packets = 1, .ip_bytes = 46, .frame = &frame,
	                          .time_ns = 1700000000000000000u + (uint64_t)i * 100000000u };
	packet.key.protocol = 17;
	packet.key.port[0] = (uint16_t)(i % 7);
}

static void take(struct meter_account *a)
{
	a->packets++;
	a->ip_octets += packet.ip_bytes;
}

static void end_meter(struct meter *m, struct meter_account *a)
{
	meter_finish(m, packet.time_ns);
	accounts_add_meter(&a->counters, &m->counters);
	meter_free(m);
}

/* Real packets through a real meter; `twice` and `lost` say which packet
 * the fault is planted on. */
static struct accounts run(int twice, int lost)
{
	struct accounts a = { .outputs_balanced = true, .finished = true, .meter_count = 1 };
	struct meter *m = new_meter();
	const struct packet *one = &packet;
	for (int i = 0; i < 100; i++) {
		next_packet(i);
		count_frame(&a);
		count_fate(&a);
		take(&a.meters[0]);
		for (int n = i == twice ? 2 : i == lost ? 0 : 1; n > 0; n--)
			meter_update(m, &one, 1);
		meter_advance(m, packet.time_ns);
	}
	end_meter(m, &a.meters[0]);
	return a;
}

/* Three meters, of which the first takes every packet, the second each other one, the third each
 * third one. Packet `astray` goes to another meter than the one that took it. */
static struct accounts run_three(int astray)
{
	struct accounts a = { .outputs_balanced = true, .finished = true, .meter_count = 3 };
	struct meter *m[3] = { new_meter(), new_meter(), new_meter() };
	const struct packet *one = &packet;
	for (int i = 0; i < 100; i++) {
		next_packet(i);
		count_frame(&a);
		count_fate(&a);
		for (int k = 0; k < 3; k++) {
			if (i % (k + 1))
				continue;
			take(&a.meters[k]);
			meter_update(m[i == astray ? (k + 1) % 3 : k], &one, 1);
			a.shared_packets += k > 0;
			a.shared_octets += k > 0 ? packet.ip_bytes : 0;
		}
	}
	for (int k = 0; k < 3; k++)
		end_meter(m[k], &a.meters[k]);
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
	a.meters[0].counters.record_packets--;
	assert_false(accounts_balanced(&a, NULL));
	a = run(-1, -1);
	a.meters[0].counters.record_octets++;
	assert_false(accounts_balanced(&a, NULL));
}

static void records_that_no_output_accepted_are_seen(void **state)
{
	struct accounts a = run(-1, -1);
	a.meters[0].rows = 5;
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
	a.meters[0].packets += 9;
	a.meters[0].counters.packets += 9;
	a.meters[0].counters.record_packets += 9;
	assert_true(accounts_balanced(&a, NULL));
}

static void several_meters_balance(void **state)
{
	struct error err = { "" };
	struct accounts a = run_three(-1);
	struct meter_counters all;
	assert_true(accounts_balanced(&a, &err));
	assert_string_equal(err.text, "");
	accounts_sum_meters(&a, &all);
	assert_int_equal(all.packets, 100 + 50 + 34);
	assert_int_equal(a.shared_packets, 50 + 34);
}

static void a_packet_in_the_wrong_meter_is_seen(void **state)
{
	struct error err = { "" };
	struct accounts a = run_three(1);       /* the first's, counted by the second */
	assert_false(accounts_balanced(&a, &err));
	assert_non_null(strstr(err.text, "metered packets and flows' packets"));
}

static void a_shared_packet_counted_as_two_is_seen(void **state)
{
	struct error err = { "" };
	struct accounts a = run_three(-1);
	a.shared_packets--;
	assert_false(accounts_balanced(&a, &err));
	assert_non_null(strstr(err.text, "metered packets and what meters took"));
	a = run_three(-1);
	a.shared_octets++;
	assert_false(accounts_balanced(&a, NULL));
	a = run_three(-1);
	a.fates.packets[FATE_metered]--;
	a.fates.packets[FATE_filtered]++;
	assert_false(accounts_balanced(&a, NULL));
}

static void records_of_one_meter_count_for_no_other(void **state)
{
	struct accounts a = run_three(-1);
	a.meters[1].counters.record_packets--;
	a.meters[2].counters.record_packets++;
	assert_false(accounts_balanced(&a, NULL));
}

static void a_record_without_its_row_is_seen(void **state)
{
	struct error err = { "" };
	struct accounts a = run(-1, -1);
	uint64_t records = 0;
	for (unsigned i = 0; i < array_count(a.meters[0].counters.records); i++)
		records += a.meters[0].counters.records[i];
	a.meters[0].whole_outputs = 2;
	a.meters[0].rows = a.meters[0].whole_rows = a.accepted = 2 * records;
	assert_true(accounts_balanced(&a, NULL));
	a.meters[0].rows = a.meters[0].whole_rows = a.accepted = 2 * records - 1;
	assert_false(accounts_balanced(&a, &err));
	assert_non_null(strstr(err.text, "records and their rows"));
}

static const struct flow_hook counting = { .name = "counting" };

/* `none` is of a worker that has not answered yet. */
static void counts_of_hooks_are_added_up(void **state)
{
	struct meter_hook_counts sum = { .count = 0 }, none = { .count = 0 };
	const struct meter_hook_counts one = { .count = 1, .hook[0] = { &counting, { 3, 0, 5 } } };
	accounts_add_hooks(&sum, &one);
	accounts_add_hooks(&sum, &none);
	accounts_add_hooks(&sum, &one);
	accounts_add_hooks(&sum, &none);
	assert_int_equal(sum.count, 1);
	assert_ptr_equal(sum.hook[0].hook, &counting);
	assert_int_equal(sum.hook[0].value[0], 6);
	assert_int_equal(sum.hook[0].value[1], 0);
	assert_int_equal(sum.hook[0].value[2], 10);
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
		cmocka_unit_test(several_meters_balance),
		cmocka_unit_test(a_packet_in_the_wrong_meter_is_seen),
		cmocka_unit_test(a_shared_packet_counted_as_two_is_seen),
		cmocka_unit_test(records_of_one_meter_count_for_no_other),
		cmocka_unit_test(a_record_without_its_row_is_seen),
		cmocka_unit_test(counts_of_hooks_are_added_up),
	};
	return cmocka_run_group_tests_name("engine/accounts", tests, NULL, NULL);
}

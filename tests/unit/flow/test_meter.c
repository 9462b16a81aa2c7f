/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of docs/semantics.md on timers, TCP ends, direction and eviction, one test a rule. */
#include "flow_fixture.h"

enum { F = TCP_FIN, S = TCP_SYN, R = TCP_RST, A = TCP_ACK };

static struct fixture x;

static void start(void)
{
	struct meter_settings s = fixture_settings(&x);
	fixture_start(&x, &s);
}

static void a_packet_at_the_idle_timeout_opens_a_new_flow(void **state)
{
	start();
	fixture_send(&x, 0, 0, 0);
	fixture_send(&x, 1, 29.999999, 0);
	fixture_send(&x, 1, 59.999999, 0);
	fixture_finish(&x, 60);
	assert_int_equal(x.count, 2);
	assert_int_equal(x.records[0].reason, END_IDLE);
	assert_int_equal(x.records[0].packets[0], 1);
	assert_int_equal(x.records[0].packets[1], 1);
	assert_int_equal(x.records[1].reason, END_FORCED);
	/* A new flow, judged afresh: by who has answered before. */
	assert_int_equal(x.records[1].initiator_port, 1000);
	assert_int_equal(x.records[1].basis, BASIS_REMEMBERED_SERVER);
	assert_true(x.records[1].flow_id != x.records[0].flow_id);
}

static void a_packet_at_the_active_timeout_opens_the_next_record(void **state)
{
	start();
	for (int i = 0; i <= 130; i += 10)
		fixture_send(&x, i == 130, i, 0);
	fixture_finish(&x, 131);
	assert_int_equal(x.count, 2);
	assert_int_equal(x.records[0].reason, END_ACTIVE);
	assert_int_equal(x.records[0].packets[0], 12);
	assert_true(x.records[1].start_ns == START + 120 * SECOND);
	assert_int_equal(x.records[1].initiator_port, 1000);    /* the flow goes on with
	                                                         * its direction */
	assert_int_equal(x.records[1].packets[1], 1);
	assert_true(x.records[1].flow_id == x.records[0].flow_id);
}

static void the_earlier_deadline_names_the_reason_and_a_tie_is_active(void **state)
{
	start();
	fixture_send(&x, 0, 0, 0);
	for (int i = 20; i <= 100; i += 20)
		fixture_send(&x, 0, i, 0);
	fixture_send(&x, 1, 140, 0);            /* active at 120, idle at 130:
	                                         * active; then a new flow */
	fixture_finish(&x, 140);
	assert_int_equal(x.count, 2);
	assert_int_equal(x.records[0].reason, END_ACTIVE);
	assert_int_equal(x.records[1].initiator_port, 80);
	start();
	for (int i = 0; i <= 90; i += 15)
		fixture_send(&x, 0, i, 0);
	fixture_send(&x, 0, 121, 0);            /* both at 120 */
	fixture_finish(&x, 121);
	assert_int_equal(x.records[0].reason, END_ACTIVE);
	assert_true(x.records[1].flow_id != x.records[0].flow_id);
}

static void the_clock_emits_what_no_packet_cuts(void **state)
{
	start();
	fixture_send(&x, 0, 0, 0);
	meter_advance(x.meter, START + 29 * SECOND);
	assert_int_equal(x.count, 0);
	meter_advance(x.meter, START + 31 * SECOND);
	assert_int_equal(x.count, 1);
	assert_int_equal(x.records[0].reason, END_IDLE);
	fixture_finish(&x, 40);
	assert_int_equal(x.count, 1);
}

static void a_record_cut_by_the_clock_leaves_no_empty_one(void **state)
{
	start();
	for (int i = 0; i < 120; i += 10)
		fixture_send(&x, 0, i, 0);
	meter_advance(x.meter, START + 121 * SECOND);
	assert_int_equal(x.count, 1);
	assert_int_equal(x.records[0].reason, END_ACTIVE);
	meter_advance(x.meter, START + 300 * SECOND);
	fixture_finish(&x, 300);
	assert_int_equal(x.count, 1);
}

static void a_long_jump_of_the_clock_finds_every_flow(void **state)
{
	start();
	fixture_send(&x, 0, 0, 0);
	meter_advance(x.meter, START + 86400 * SECOND);
	assert_int_equal(x.count, 1);
	fixture_finish(&x, 86400);
}

static void time_that_goes_back_gives_no_negative_duration(void **state)
{
	start();
	fixture_send(&x, 0, 10, 0);
	fixture_send(&x, 1, 4, 0);
	fixture_send(&x, 0, 11, 0);
	fixture_finish(&x, 11);
	assert_int_equal(x.count, 1);
	assert_true(x.records[0].start_ns == START + 4 * SECOND);
	assert_true(x.records[0].end_ns == START + 11 * SECOND);
	assert_int_equal(x.records[0].initiator_port, 1000);
}

static void after_both_fins_only_the_linger_applies(void **state)
{
	start();
	fixture_send(&x, 0, 0, S);
	fixture_send(&x, 1, 1, S | A);
	fixture_send(&x, 0, 2, F | A);
	fixture_send(&x, 1, 3, F | A);
	fixture_send(&x, 0, 4, A);
	meter_advance(x.meter, START + 8 * SECOND);
	assert_int_equal(x.count, 0);
	meter_advance(x.meter, START + 10 * SECOND);
	assert_int_equal(x.count, 1);
	assert_int_equal(x.records[0].reason, END_DETECTED);
	assert_int_equal(x.records[0].packets[0], 3);
	fixture_finish(&x, 10);
}

static void linger_zero_ends_at_once_and_off_never(void **state)
{
	struct meter_settings s = fixture_settings(&x);
	s.linger_ns = 0;
	fixture_start(&x, &s);
	fixture_send(&x, 0, 0, S);
	fixture_send(&x, 1, 1, R | A);
	assert_int_equal(x.count, 1);
	assert_int_equal(x.records[0].reason, END_DETECTED);
	assert_int_equal(x.records[0].packets[1], 1);
	fixture_send(&x, 0, 2, A);
	fixture_finish(&x, 2);
	assert_int_equal(x.count, 2);
	s.linger_ns = DURATION_OFF;
	fixture_start(&x, &s);
	fixture_send(&x, 0, 0, S);
	fixture_send(&x, 1, 1, R | A);
	fixture_send(&x, 0, 9, S);
	fixture_finish(&x, 9);
	assert_int_equal(x.count, 1);
}

static void a_syn_after_a_fin_or_rst_is_a_new_flow_but_data_is_not(void **state)
{
	start();
	fixture_send(&x, 0, 0, S);
	fixture_send(&x, 1, 1, R | A);
	fixture_send(&x, 0, 1.5, A);
	assert_int_equal(x.count, 0);
	fixture_send(&x, 0, 2, S);
	assert_int_equal(x.count, 1);
	assert_int_equal(x.records[0].packets[0], 2);
	assert_int_equal(x.records[0].reason, END_DETECTED);
	fixture_send(&x, 0, 3, F | A);          /* from one side only */
	fixture_send(&x, 1, 4, S);
	assert_int_equal(x.count, 2);
	fixture_finish(&x, 4);
}

static void a_syn_ack_first_turns_the_flow_until_a_record_has_left(void **state)
{
	start();
	fixture_send(&x, 1, 0, S | A);
	fixture_finish(&x, 0);
	assert_int_equal(x.records[0].initiator_port, 1000);
	assert_int_equal(x.records[0].basis, BASIS_SYN_ACK);
	start();
	fixture_send(&x, 1, 0, A);
	for (int i = 20; i <= 120; i += 20)
		fixture_send(&x, 1, i, A);
	fixture_send(&x, 0, 121, S);            /* too late: a record has left */
	fixture_finish(&x, 121);
	assert_int_equal(x.count, 2);
	assert_int_equal(x.records[1].initiator_port, 80);
}

static void direction_first_takes_no_evidence(void **state)
{
	struct meter_settings s = fixture_settings(&x);
	s.evidence = false;
	fixture_start(&x, &s);
	fixture_send(&x, 1, 0, S | A);
	fixture_finish(&x, 0);
	assert_int_equal(x.records[0].initiator_port, 80);
	assert_int_equal(x.records[0].basis, BASIS_FIRST_PACKET);
}

static void packet_counters_carry_past_32_bits(void **state)
{
	start();
	struct packet p = fixture_packet(&x, 0, 0, 0);
	const struct packet *one = &p;
	p.wire_packets = UINT32_MAX;
	meter_update(x.meter, &one, 1);
	meter_update(x.meter, &one, 1);
	struct flow *f = flow_table_at(&x.meter->table[0], 1);
	struct flow_cold *c = flow_table_cold(&x.meter->table[0], 1);
	assert_int_equal(c->packets_high[0], 1);
	assert_int_equal(f->packets[0], UINT32_MAX - 1);
	fixture_finish(&x, 0);
}

/* A flood of single packets into a full table leaves the flows alone that keep getting packets. */
static void eviction_takes_single_packets_first(void **state)
{
	static struct fixture big;
	struct meter_settings s = fixture_settings(&big);
	s.emit = NULL;
	s.max_flows = 2000;
	fixture_start(&big, &s);
	for (uint32_t round = 0; round < 200; round++) {
		for (uint32_t flow = 0; flow < 100; flow++) {
			struct packet p = fixture_packet(&big, 0, round, 0);
			p.key.port[0] = (uint16_t)(flow + 1);
			const struct packet *one = &p;
			meter_update(big.meter, &one, 1);
		}
		for (uint32_t i = 0; i < 1000; i++) {
			struct packet p = fixture_packet(&big, 0, round + 0.5, 0);
			uint32_t address = 0x0b000000 + round * 1000 + i;
			memcpy(p.key.address.v4[1], &address, 4);
			const struct packet *one = &p;
			meter_update(big.meter, &one, 1);
		}
	}
	assert_true(big.meter->counters.active <= 2000);
	assert_true(big.meter->counters.ended[END_RESOURCES] > 100000);
	/* 100 established flows, each created once or, while it was a single packet
	 * itself, a few times more */
	assert_int_equal(big.meter->counters.created - big.meter->counters.ended[END_RESOURCES]
	                 - big.meter->counters.ended[END_IDLE], big.meter->counters.active);
	unsigned alive = 0;
	for (uint32_t h = 1; h < big.meter->table[0].used; h++) {
		const struct flow *f = flow_table_at(&big.meter->table[0], h);
		alive += (f->state & FLOW_IN_USE) && (f->state & FLOW_EXPORTED) && f->packets[0] > 70;
	}
	assert_int_equal(alive, 100);
	fixture_finish(&big, 200);
}

static void send_of(struct fixture *f, uint32_t flow, double at, uint16_t flags)
{
	struct packet p = fixture_packet(f, flags == R, at, flags);
	memcpy(p.key.address.v4[1], &flow, 4);
	const struct packet *one = &p;
	meter_update(f->meter, &one, 1);
}

/* Most flows end in one step of the clock, and what they leave in the wheel outweighs the rest,
 * some of which stragglers keep: so the wheel asks to be rebuilt while it is being walked. */
static void a_wheel_of_stale_entries_is_rebuilt_after_its_walk(void **state)
{
	static struct fixture big;
	enum { FLOWS = 200000 };
	struct meter_settings s = fixture_settings(&big);
	s.emit = NULL;
	s.max_flows = FLOWS;
	fixture_start(&big, &s);
	for (uint32_t i = 0; i < FLOWS; i++) {
		send_of(&big, i, 0, S);
		send_of(&big, i, 0, R);
	}
	for (uint32_t i = 0; i < FLOWS; i += 10)
		send_of(&big, i, 4, A);
	for (unsigned second = 5; second < 20; second++)
		meter_advance(big.meter, START + second * SECOND + SECOND / 2);
	assert_int_equal(big.meter->counters.ended[END_DETECTED], FLOWS);
	assert_int_equal(big.meter->table[0].wheel.entries, 0);
	meter_finish(big.meter, START + 20 * SECOND);
	meter_free(big.meter);
}

static void a_wrong_first_time_does_not_stop_the_clock(void **state)
{
	static const double first[] = { 7200, 86400 * 365.0, -1e9 };
	for (unsigned i = 0; i < array_count(first); i++) {
		start();
		fixture_send(&x, 0, first[i], 0);
		struct packet p = fixture_packet(&x, 0, 10, 0);
		p.key.port[0] = 7;
		const struct packet *one = &p;
		meter_update(x.meter, &one, 1);
		meter_advance(x.meter, START + 11 * SECOND);
		meter_advance(x.meter, START + 41 * SECOND);
		unsigned ended = first[i] < 0 ? 2 : 1;  /* what lies ahead waits for its time */
		assert_int_equal(x.count, ended);
		fixture_finish(&x, 41);
	}
}

static int open_counting(const void *argument, void **ret_worker, struct error *err)
{
	*ret_worker = calloc(1, sizeof(uint64_t));
	return *ret_worker ? 0 : -1;
}

static void update_counting(const struct hook_call *call)
{
	*(uint64_t *)call->worker += call->count;
}

static void count_counting(const void *worker, uint64_t ret[HOOK_COUNTERS_MAX])
{
	ret[1] = *(const uint64_t *)worker;
}

static void hooks_that_count_are_asked(void **state)
{
	static const char *const names[] = { "nothing", "packets", NULL };
	static const struct flow_hook silent = { .name = "silent" };
	static const struct flow_hook hook = {
		.name = "counting", .wants = HOOK_PACKET, .open = open_counting, .close = free,
		.update = update_counting, .counters = names, .count = count_counting,
	};
	static const struct hook_choice hooks[] = { { &silent, NULL }, { &hook, NULL },
	                                            { NULL, NULL } };
	struct meter_hook_counts counts;
	struct meter_settings s = fixture_settings(&x);
	s.hooks = hooks;
	x.count = 0;
	fixture_start(&x, &s);
	for (int i = 0; i < 3; i++)
		fixture_send(&x, 0, i, 0);
	meter_count_hooks(x.meter, &counts);
	assert_int_equal(counts.count, 1);
	assert_string_equal(counts.hook[0].hook->name, "counting");
	assert_int_equal(counts.hook[0].value[0], 0);
	assert_int_equal(counts.hook[0].value[1], 3);
	fixture_finish(&x, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_at_the_idle_timeout_opens_a_new_flow),
		cmocka_unit_test(a_packet_at_the_active_timeout_opens_the_next_record),
		cmocka_unit_test(the_earlier_deadline_names_the_reason_and_a_tie_is_active),
		cmocka_unit_test(the_clock_emits_what_no_packet_cuts),
		cmocka_unit_test(a_record_cut_by_the_clock_leaves_no_empty_one),
		cmocka_unit_test(a_long_jump_of_the_clock_finds_every_flow),
		cmocka_unit_test(time_that_goes_back_gives_no_negative_duration),
		cmocka_unit_test(after_both_fins_only_the_linger_applies),
		cmocka_unit_test(linger_zero_ends_at_once_and_off_never),
		cmocka_unit_test(a_syn_after_a_fin_or_rst_is_a_new_flow_but_data_is_not),
		cmocka_unit_test(a_syn_ack_first_turns_the_flow_until_a_record_has_left),
		cmocka_unit_test(direction_first_takes_no_evidence),
		cmocka_unit_test(packet_counters_carry_past_32_bits),
		cmocka_unit_test(eviction_takes_single_packets_first),
		cmocka_unit_test(a_wheel_of_stale_entries_is_rebuilt_after_its_walk),
		cmocka_unit_test(a_wrong_first_time_does_not_stop_the_clock),
		cmocka_unit_test(hooks_that_count_are_asked),
	};
	return cmocka_run_group_tests_name("flow/meter", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which flow gives way: single packets first, the oldest first, and nothing else while there are
 * enough of them. */
#include "flow_fixture.h"

#include "flow/victim.h"

static struct hash_secret secret;
static struct flow_table table;
static struct victims victims;
static uint64_t next_key, now_ns;

static void start(uint64_t bound)
{
	hash_secret_init_fixed(&secret, 1, false);
	assert_int_equal(flow_table_init(&table, 16, 0, bound, &secret), 0);
	memset(&victims, 0, sizeof victims);
	next_key = now_ns = 1;
}

static uint32_t add_flow(uint32_t packets)
{
	uint64_t key[2] = { next_key++, 0 }, hash;
	const void *one = key;
	table.hash_many(&secret, &one, 1, &hash);
	uint32_t handle = flow_table_insert(&table, key, hash);
	assert_int_not_equal(handle, HANDLE_NONE);
	struct flow *f = flow_table_at(&table, handle);
	f->packets[0] = packets;
	f->first_ns = f->last_ns = now_ns++;
	return handle;
}

/* Gives up one flow; returns the packets that it had. */
static uint32_t give_up(void)
{
	const struct victim *v = victims_next(&victims, &table);
	assert_non_null(v);
	uint32_t packets = flow_table_at(&table, v->handle)->packets[0];
	uint64_t active = table.active;
	flow_table_remove(&table, v->handle, v->hash);
	assert_int_equal(table.active, active - 1);
	assert_int_equal(table.index.count, table.active);
	return packets;
}

/* Established flows side by side, single ones behind them: as many evictions as asked for, each
 * made good by a new single flow. Returns how many of those given up were established. */
static unsigned flood(uint32_t established, uint32_t singles, unsigned evictions, bool with_credit)
{
	unsigned lost = 0;
	for (uint32_t i = 0; i < established; i++)
		add_flow(9);
	for (uint32_t i = 0; i < singles; i++)
		add_flow(1);
	for (unsigned i = 0; i < evictions; i++) {
		if (!with_credit)
			victims.debt = table.used;
		lost += give_up() > 1;
		add_flow(1);
	}
	return lost;
}

static void established_flows_side_by_side_all_stay(void **state)
{
	start(20000);
	assert_int_equal(flood(10000, 10000, 100000, true), 0);
	flow_table_fini(&table);
	start(20000);                           /* one in sixteen is just enough */
	assert_int_equal(flood(18750, 1250, 100000, true), 0);
	flow_table_fini(&table);
}

static void without_credit_for_looking_further_they_would_not(void **state)
{
	start(20000);
	assert_true(flood(10000, 10000, 100000, false) > 100);
	flow_table_fini(&table);
}

static void with_fewer_than_one_in_sixteen_some_established_flows_go(void **state)
{
	start(20000);
	unsigned lost = flood(19900, 100, 1000, true);
	assert_true(lost > 0 && lost < 1000);
	flow_table_fini(&table);
}

static void without_single_flows_a_window_gives_its_oldest(void **state)
{
	start(1000);
	for (uint32_t i = 0; i < 64; i++)
		add_flow(2);
	flow_table_at(&table, 7)->last_ns = 0;
	const struct victim *v = victims_next(&victims, &table);
	assert_int_equal(v->handle, 7);
	flow_table_remove(&table, v->handle, v->hash);
	assert_int_equal(victims_next(&victims, &table)->handle, 17);
	flow_table_fini(&table);
}

static void the_oldest_single_flow_of_a_window_goes_first(void **state)
{
	start(1000);
	for (uint32_t i = 0; i < 16; i++)
		add_flow(1 + i % 2);
	flow_table_at(&table, 9)->last_ns = 0;
	assert_int_equal(victims_next(&victims, &table)->handle, 9);
	flow_table_fini(&table);
}

static void a_flow_that_was_chosen_and_got_a_packet_stays(void **state)
{
	start(1000);
	for (uint32_t i = 0; i < 32; i++)
		add_flow(1);
	uint32_t first = victims_next(&victims, &table)->handle;
	flow_table_at(&table, first)->packets[1]++;
	uint32_t second = victims_next(&victims, &table)->handle;
	assert_int_not_equal(second, first);
	flow_table_at(&table, second)->last_ns++;       /* its handle serves another flow by now */
	assert_int_not_equal(victims_next(&victims, &table)->handle, second);
	for (uint32_t i = 0; i < 31; i++)
		assert_int_equal(give_up(), 1);
	assert_int_equal(give_up(), 1);                 /* the one that stayed, answered, goes last */
	assert_null(victims_next(&victims, &table));
	flow_table_fini(&table);
}

static void a_wrong_hash_costs_time_only(void **state)
{
	start(1000);
	for (uint32_t i = 0; i < 100; i++)
		add_flow(1);
	for (uint32_t handle = 1; handle <= 100; handle++)
		flow_table_remove(&table, handle, handle);
	assert_int_equal(table.active, 0);
	assert_int_equal(table.index.count, 0);
	assert_int_equal(index_fullest(&table.index), 0);
	flow_table_fini(&table);
}

static struct packet packet_of(struct fixture *x, uint32_t number, uint8_t family)
{
	struct packet p = fixture_packet(x, 0, 0, 0);
	memcpy(p.key.address.v6[1], &number, 4);
	if (family == 4)
		memcpy(p.key.address.v4[1], &number, 4);
	p.family = family;
	p.time_ns += number;
	return p;
}

/* IPv6 flows are more, and alive: a flood over IPv4 pushes out its own kind. */
static void a_flood_of_one_family_spares_the_other(void **state)
{
	static struct fixture x;
	struct meter_settings s = fixture_settings(&x);
	s.emit = NULL;
	s.max_flows = 3000;
	fixture_start(&x, &s);
	for (unsigned round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 2000; i++) {
			struct packet p = packet_of(&x, i, 6);
			const struct packet *one = &p;
			meter_update(x.meter, &one, 1);
		}
	for (uint32_t i = 0; i < 50000; i++) {
		struct packet p = packet_of(&x, i, 4);
		const struct packet *one = &p;
		meter_update(x.meter, &one, 1);
	}
	assert_int_equal(x.meter->table[1].active, 2000);
	assert_int_equal(x.meter->table[0].active, 1000);
	assert_int_equal(x.meter->counters.ended[END_RESOURCES], 49000);
	fixture_finish(&x, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(established_flows_side_by_side_all_stay),
		cmocka_unit_test(without_credit_for_looking_further_they_would_not),
		cmocka_unit_test(with_fewer_than_one_in_sixteen_some_established_flows_go),
		cmocka_unit_test(without_single_flows_a_window_gives_its_oldest),
		cmocka_unit_test(the_oldest_single_flow_of_a_window_goes_first),
		cmocka_unit_test(a_flow_that_was_chosen_and_got_a_packet_stays),
		cmocka_unit_test(a_wrong_hash_costs_time_only),
		cmocka_unit_test(a_flood_of_one_family_spares_the_other),
	};
	return cmocka_run_group_tests_name("flow/victim", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Records of many: what is merged, when, what remains of it, and that no packet is lost. */
#include "flow_fixture.h"

#include "flow/flood.h"

enum { APART = -1 };

/* ---- merging one by one ---------------------------------------------------------------------- */

static struct flood flood;

struct single {                         /* a flow of one packet, as a table keeps it */
	uint8_t hot[sizeof(struct flow) + 56] __attribute__((aligned(8)));
	struct flow_cold cold;
	uint8_t key_bytes;
};

static struct flow *flow_of(struct single *s) { return (struct flow *)(void *)s->hot; }
static struct key *key_of(struct single *s) { return (struct key *)(void *)flow_of(s)->key; }

/* 10.0.0.1:1000 to 10.0.0.2:80 in VLAN 5 and 6, sent by endpoint `initiator`. */
static struct single single_of(unsigned initiator, uint8_t protocol)
{
	struct single s;
	memset(&s, 0, sizeof s);
	struct key *k = key_of(&s);
	struct flow *f = flow_of(&s);
	k->port[initiator] = 1000;
	k->port[initiator ^ 1] = 80;
	k->protocol = protocol;
	k->address.v4[0][3] = 1;
	k->address.v4[1][3] = 2;
	f->packets[initiator] = 1;
	f->octets[initiator] = 100;
	f->tcp_flags[initiator] = 2;
	f->tcp_flags_high = (uint8_t)(1 << (4 * initiator));
	f->first_ns = f->last_ns = START;
	f->state = (uint8_t)(FLOW_IN_USE | (initiator ? FLOW_INITIATOR_1 : 0));
	s.cold.vlan_outer = 5;
	s.cold.vlan_inner = 6;
	s.cold.bits = (uint8_t)(COLD_INNER_VLAN | COLD_ICMP_0 << initiator
	                        | COLD_INTERFACE_0 << initiator);
	s.cold.icmp[initiator] = 0x0800;
	s.cold.interface[initiator] = 3;
	s.cold.basis = BASIS_FIRST_PACKET;
	s.key_bytes = 16;
	return s;
}

static void merge(const struct single *s)
{
	struct flow_record r = { .flow = (const struct flow *)(const void *)s->hot, .cold = &s->cold,
	                         .key_bytes = s->key_bytes, .reason = END_RESOURCES,
	                         .flow_gone = true };
	flood_merge(&flood, &r);
}

static struct flow_record take(void)
{
	struct flow_record r;
	assert_true(flood_take(&flood, &r));
	return r;
}

static void flows_with_the_same_ends_keep_them(void **state)
{
	struct flow_record r;
	struct single s = single_of(0, 6);
	merge(&s);
	flow_of(&s)->first_ns = START - 7;
	flow_of(&s)->last_ns = START + 9;
	flow_of(&s)->octets[0] = 40;
	merge(&s);
	r = take();
	assert_int_equal(r.merged, 2);
	assert_int_equal(r.varies, 0);
	assert_int_equal(r.reason, END_RESOURCES);
	assert_memory_equal(r.flow->key, key_of(&s), 16);
	assert_int_equal(r.flow->packets[0], 2);
	assert_int_equal(r.flow->octets[0], 140);
	assert_int_equal(r.flow->packets[1], 0);
	assert_true(r.flow->first_ns == START - 7 && r.flow->last_ns == START + 9);
	assert_int_equal(r.cold->bits, COLD_INNER_VLAN | COLD_ICMP_0 | COLD_INTERFACE_0);
	assert_false(flood_take(&flood, &r));
	merge(&s);                              /* a slot that was taken is empty */
	r = take();
	assert_int_equal(r.merged, 1);
	assert_int_equal(r.flow->octets[0], 40);
}

/* What one endpoint of the key sent and what the other one sent come together by initiator. */
static void the_initiator_becomes_endpoint_0(void **state)
{
	struct single s = single_of(1, 6), mirrored = single_of(0, 6);
	struct flow_record r;
	key_of(&mirrored)->address.v4[0][3] = 2;
	key_of(&mirrored)->address.v4[1][3] = 1;
	merge(&s);
	merge(&mirrored);
	r = take();
	const struct key *k = (const struct key *)(const void *)r.flow->key;
	assert_int_equal(r.merged, 2);
	assert_int_equal(r.varies, 0);
	assert_int_equal(k->port[0], 1000);
	assert_int_equal(k->port[1], 80);
	assert_int_equal(k->address.v4[0][3], 2);
	assert_int_equal(k->address.v4[1][3], 1);
	assert_int_equal(r.flow->packets[0], 2);
	assert_int_equal(r.flow->tcp_flags[0], 2);
	assert_int_equal(r.flow->tcp_flags_high, 1);
	assert_int_equal(r.cold->bits, COLD_INNER_VLAN | COLD_ICMP_0 | COLD_INTERFACE_0);
	assert_int_equal(r.cold->icmp[0], 0x0800);
	assert_int_equal(r.cold->interface[0], 3);
	assert_int_equal(direction_initiator(r.flow), 0);
	flow_of(&s)->packets[0] = 1;              /* turned: the single packet is the responder's */
	flow_of(&s)->packets[1] = 0;
	merge(&s);
	r = take();
	assert_int_equal(r.flow->packets[0], 0);
	assert_int_equal(r.flow->packets[1], 1);
}

/* In what two flows differ when they come into one record; APART when they do not. */
static int64_t difference(const struct single *a, const struct single *b)
{
	struct flow_record r;
	merge(a);
	merge(b);
	r = take();
	int64_t varies = r.varies;
	if (r.merged != 2)
		varies = APART;
	while (flood_take(&flood, &r))
		;
	return varies;
}

static void what_differs_is_told(void **state)
{
	struct single a = single_of(0, 17), b = a;
	key_of(&b)->address.v4[0][2] = 9;
	assert_int_equal(difference(&a, &b), VARIES_SOURCE);
	b = a;
	key_of(&b)->port[0]++;
	assert_int_equal(difference(&a, &b), VARIES_SOURCE_PORT);
	b = a;
	b.cold.vlan_outer = 0;
	assert_int_equal(difference(&a, &b), VARIES_VLAN);
	b = a;
	b.cold.basis = BASIS_SYN;
	assert_int_equal(difference(&a, &b), VARIES_BASIS);
	a.key_bytes = 40;
	b = a;
	key_of(&b)->address.v6[0][15] = 9;
	assert_int_equal(difference(&a, &b), VARIES_SOURCE);
	a.key_bytes = 56;
	struct key_wide *w = (struct key_wide *)(void *)flow_of(&b)->key;
	b = a;
	w->tunnel_id = 7;
	assert_int_equal(difference(&a, &b), VARIES_TUNNEL);
	b = a;
	w->flow_label = 7;
	assert_int_equal(difference(&a, &b), VARIES_LABEL);
	b = a;
	w->family = 6;
	assert_int_equal(difference(&a, &b), APART);
	a.key_bytes = 16;
	b.key_bytes = 40;
	assert_int_equal(difference(&a, &b), APART);
}

/* Destinations and protocols share a record only where they share a slot: one is searched for. */
static void slots_that_are_shared_keep_what_is_common(void **state)
{
	struct single a = single_of(0, 6), b = a;
	unsigned apart = 0;
	int64_t varies = APART;
	for (unsigned i = 3; i < 1000 && varies == APART; i++, apart++) {
		key_of(&b)->address.v4[1][2] = (uint8_t)(i >> 8);
		key_of(&b)->address.v4[1][3] = (uint8_t)i;
		varies = difference(&a, &b);
	}
	assert_int_equal(varies, VARIES_DESTINATION);
	assert_true(apart > 1);
	b = a;
	varies = APART;
	for (uint16_t port = 81; port < 1000 && varies == APART; port++) {
		key_of(&b)->port[1] = port;
		varies = difference(&a, &b);
	}
	assert_int_equal(varies, VARIES_DESTINATION_PORT);
	b = single_of(0, 1);                    /* no ports: their halves of the key say nothing */
	varies = APART;
	for (unsigned i = 3; i < 1000 && varies == APART; i++) {
		key_of(&b)->address.v4[1][3] = (uint8_t)i;
		varies = difference(&a, &b);
	}
	assert_int_equal(varies & VARIES_PROTOCOL, VARIES_PROTOCOL);
}

static void of_icmp_and_interfaces_the_common_ones_remain(void **state)
{
	struct flow_record r;
	struct single a = single_of(0, 1), b = a, c = a;
	key_of(&b)->port[0] = 5;
	b.cold.icmp[0] = 0x0301;
	c.cold.interface[0] = 4;
	c.cold.vlan_inner = 1;
	merge(&a);
	merge(&b);
	r = take();
	assert_int_equal(r.merged, 2);
	assert_int_equal(r.varies, 0);
	assert_int_equal(r.cold->bits, COLD_INNER_VLAN | COLD_INTERFACE_0);
	merge(&a);
	merge(&c);
	merge(&a);                              /* what was different once stays away */
	r = take();
	assert_int_equal(r.merged, 3);
	assert_int_equal(r.cold->bits, COLD_ICMP_0);
}

static void counters_carry_past_32_bits(void **state)
{
	struct single s = single_of(0, 6);
	flow_of(&s)->packets[0] = UINT32_MAX;
	merge(&s);
	merge(&s);
	struct flow_record r = take();
	assert_int_equal(r.cold->packets_high[0], 1);
	assert_int_equal(r.flow->packets[0], UINT32_MAX - 1);
}

static void records_of_many_are_bounded(void **state)
{
	struct flow_record r;
	struct single s = single_of(0, 6);
	uint64_t flows = 0, records = 0;
	for (uint32_t i = 0; i < 100000; i++) {
		bool six = i % 2;
		s = single_of(0, 6);
		memcpy(six ? key_of(&s)->address.v6[1] : key_of(&s)->address.v4[1], &i, 4);
		s.key_bytes = six ? 40 : 16;
		merge(&s);
	}
	while (flood_take(&flood, &r)) {
		flows += r.merged;
		records++;
	}
	assert_int_equal(flows, 100000);
	assert_int_equal(records, 2 * FLOOD_SLOTS);
}

/* ---- in a meter ------------------------------------------------------------------------------ */

static struct fixture x;

struct sums {
	uint64_t own, many, merged, packets, octets;
};

static void sum_up(void *context, const struct flow_record *r)
{
	struct sums *s = context;
	s->own += r->reason == END_RESOURCES && !r->merged;
	s->many += r->merged != 0;
	s->merged += r->merged;
	s->packets += r->flow->packets[0] + r->flow->packets[1];
	s->octets += r->flow->octets[0] + r->flow->octets[1];
}

/* 1,000 flows a second into a table of 100, for three seconds. */
static struct sums flood_of(uint64_t limit)
{
	struct sums sums = { 0 };
	struct meter_settings s = fixture_settings(&x);
	s.max_flows = 100;
	s.flood_records = limit;
	s.emit = sum_up;
	s.context = &sums;
	fixture_start(&x, &s);
	for (uint32_t i = 0; i < 3000; i++) {
		struct packet p = fixture_packet(&x, 0, i / 1000.0, 0);
		const struct packet *one = &p;
		memcpy(p.key.address.v4[0], &i, 4);
		meter_update(x.meter, &one, 1);
		meter_advance(x.meter, p.time_ns);
	}
	struct meter_counters *c = &x.meter->counters;
	assert_int_equal(c->ended[END_RESOURCES], 2900);
	meter_finish(x.meter, START + 3 * SECOND);
	assert_int_equal(c->merged_flows, sums.merged);
	assert_int_equal(c->merged_records, sums.many);
	assert_int_equal(c->records[END_RESOURCES], sums.own + sums.many);
	assert_int_equal(c->record_packets, 3000);
	assert_int_equal(c->record_octets, 300000);
	meter_free(x.meter);
	assert_int_equal(sums.packets, 3000);
	assert_int_equal(sums.octets, 300000);
	return sums;
}

static void so_many_a_second_are_records_of_their_own(void **state)
{
	struct sums sums = flood_of(250);
	assert_int_equal(sums.own, 750);
	assert_int_equal(sums.merged, 2900 - 750);
	assert_int_equal(sums.many, 3);         /* one destination: one a second */
	sums = flood_of(100000);
	assert_int_equal(sums.own, 2900);
	assert_int_equal(sums.many, 0);
}

static void without_a_limit_none_is_merged(void **state)
{
	struct sums sums = flood_of(0);
	assert_int_equal(sums.own, 2900);
	assert_int_equal(sums.many, 0);
}

static void answered_flows_are_never_merged(void **state)
{
	struct sums sums = { 0 };
	struct meter_settings s = fixture_settings(&x);
	s.max_flows = 100;
	s.flood_records = 1;
	s.emit = sum_up;
	s.context = &sums;
	fixture_start(&x, &s);
	for (uint32_t i = 0; i < 2000; i++) {
		struct packet p = fixture_packet(&x, i % 2, 0, 0);
		const struct packet *one = &p;
		uint32_t flow = i / 2;
		memcpy(p.key.address.v4[0], &flow, 4);
		meter_update(x.meter, &one, 1);
	}
	fixture_finish(&x, 1);
	assert_int_equal(sums.own, 900);
	assert_int_equal(sums.many, 0);
	assert_int_equal(sums.packets, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_with_the_same_ends_keep_them),
		cmocka_unit_test(the_initiator_becomes_endpoint_0),
		cmocka_unit_test(what_differs_is_told),
		cmocka_unit_test(slots_that_are_shared_keep_what_is_common),
		cmocka_unit_test(of_icmp_and_interfaces_the_common_ones_remain),
		cmocka_unit_test(counters_carry_past_32_bits),
		cmocka_unit_test(records_of_many_are_bounded),
		cmocka_unit_test(so_many_a_second_are_records_of_their_own),
		cmocka_unit_test(without_a_limit_none_is_merged),
		cmocka_unit_test(answered_flows_are_never_merged),
	};
	return cmocka_run_group_tests_name("flow/flood", tests, NULL, NULL);
}

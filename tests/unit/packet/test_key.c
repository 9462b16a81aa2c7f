/* SPDX-License-Identifier: Apache-2.0 */
/* The key: both directions are one, ICMP's counterparts, and fragments that find their first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "craft.h"
#include "packet/fragment.h"

static struct packet parse_v4(uint8_t s, uint8_t d, uint16_t sp, uint16_t dp)
{
	struct craft c = { .bytes = 0 };

	craft_ethernet(&c, 0x0800);
	craft_ipv4(&c, 17, 18, s, d);
	craft_udp(&c, sp, dp, 10);
	craft_fill(&c, 10, 'x');
	return parse_craft(&c, 1, false);
}

static struct packet parse_v6(uint8_t s, uint8_t d, uint16_t sp, uint16_t dp)
{
	struct craft c = { .bytes = 0 };

	craft_ethernet(&c, 0x86dd);
	craft_ipv6(&c, 17, 18, s, d);
	craft_udp(&c, sp, dp, 10);
	craft_fill(&c, 10, 'x');
	return parse_craft(&c, 1, false);
}

static void check_symmetry(struct packet (*parse)(uint8_t, uint8_t, uint16_t, uint16_t))
{
	static const uint16_t ports[] = { 0, 1, 255, 256, 0x00ff, 0xff00, 65535 };
	static const uint8_t hosts[] = { 1, 2, 255 };

	for (unsigned i = 0; i < 3 * 3 * 7 * 7; i++) {
		uint8_t s = hosts[i % 3], d = hosts[i / 3 % 3];
		uint16_t sp = ports[i / 9 % 7], dp = ports[i / 63];
		struct packet there = parse(s, d, sp, dp), back = parse(d, s, dp, sp);
		bool swapped = s > d || (s == d && sp > dp);
		assert_memory_equal(&there.key, &back.key, sizeof there.key);
		assert_int_equal(there.sender, swapped);
		assert_int_equal(back.sender, s == d && sp == dp ? 0 : !swapped);
		assert_int_equal(there.key.port[there.sender], sp);
		assert_int_equal(there.key.port[!there.sender], dp);
	}
}

static void test_symmetry(void **state)
{
	(void)state;
	check_symmetry(parse_v4);
	check_symmetry(parse_v6);
}

/* Octets are compared as they stand on the wire, the first one first, in every position. */
static void test_order_of_addresses(void **state)
{
	(void)state;
	for (unsigned octet = 0; octet < 16; octet++) {
		struct craft c = { .bytes = 0 };
		craft_ethernet(&c, 0x86dd);
		craft_ipv6(&c, 17, 8, 0, 0);
		craft_udp(&c, 1, 2, 0);
		craft_fill(&c, 20, 0);          /* long enough for the fast path */
		memset(c.octets + 22, 0x7f, 32);
		c.octets[22 + octet] = 0x80;
		for (unsigned i = octet + 1; i < 16; i++)
			c.octets[22 + i] = 0;
		struct packet k = parse_craft(&c, 1, false);
		assert_int_equal(k.sender, 1);
		assert_memory_equal(k.key.address.v6[0], c.octets + 38, 16);
		assert_memory_equal(k.key.address.v6[1], c.octets + 22, 16);
	}
	for (unsigned octet = 0; octet < 4; octet++) {
		struct craft c = { .bytes = 0 };
		craft_plain(&c);
		craft_fill(&c, 20, 0);
		memset(c.octets + 26, 0x7f, 8);
		c.octets[26 + octet] = 0x80;
		for (unsigned i = octet + 1; i < 4; i++)
			c.octets[26 + i] = 0;
		assert_int_equal(parse_craft(&c, 1, false).sender, 1);
	}
}

static struct packet parse_icmp(unsigned family, uint8_t type, uint8_t code, uint8_t s, uint8_t d,
                                bool none)
{
	struct packet_settings settings = { .icmp_key_none = none, .fragment_entries = 8 };
	struct twins t = twins_new(&settings);
	struct craft c = { .bytes = 0 };

	craft_ethernet(&c, family == 4 ? 0x0800 : 0x86dd);
	if (family == 4)
		craft_ipv4(&c, 1, 16, s, d);
	else
		craft_ipv6(&c, 58, 16, s, d);
	craft_u8(&c, type);
	craft_u8(&c, code);
	craft_fill(&c, 14, 0);
	struct packet k = twins_parse_craft(&t, &c, 1);
	twins_free(&t);
	return k;
}

static uint8_t counterpart(unsigned family, uint8_t type)
{
	static const uint8_t pairs[][3] = {
		{ 4, 8, 0 }, { 4, 13, 14 }, { 4, 15, 16 }, { 4, 17, 18 }, { 4, 10, 9 },
		{ 6, 128, 129 }, { 6, 130, 131 }, { 6, 133, 134 }, { 6, 135, 136 }, { 6, 139, 140 },
		{ 6, 144, 145 },
	};

	for (size_t i = 0; i < array_count(pairs); i++) {
		if (pairs[i][0] == family && pairs[i][1] == type)
			return pairs[i][2];
		if (pairs[i][0] == family && pairs[i][2] == type)
			return pairs[i][1];
	}
	return 255;
}

static void check_icmp_type(unsigned family, uint8_t type)
{
	uint8_t other = counterpart(family, type), code = 3;
	struct packet there = parse_icmp(family, type, code, 1, 2, false);

	assert_int_equal(there.icmp_type_code, type << 8 | code);
	if (other == 255) {
		struct packet back = parse_icmp(family, type, code, 2, 1, false);
		assert_int_equal(there.key.port[0], type << 8 | code);
		assert_int_equal(there.key.port[1], ICMP_ONE_WAY);
		assert_memory_not_equal(&there.key, &back.key, sizeof there.key);
	} else {
		struct packet back = parse_icmp(family, other, 0, 2, 1, false);
		assert_int_equal(there.key.port[0], type);
		assert_int_equal(there.key.port[1], other);
		assert_memory_equal(&there.key, &back.key, sizeof there.key);
		assert_int_equal(there.sender, 0);
		assert_int_equal(back.sender, 1);
	}
}

static void test_icmp_types(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		check_icmp_type(4, (uint8_t)type);
		check_icmp_type(6, (uint8_t)type);
	}
}

static void test_icmp_key_none(void **state)
{
	(void)state;
	struct packet echo = parse_icmp(4, 8, 0, 1, 2, true);
	struct packet unreachable = parse_icmp(4, 3, 1, 2, 1, true);

	assert_memory_equal(&echo.key, &unreachable.key, sizeof echo.key);
	assert_int_equal(echo.key.port[0] | echo.key.port[1], 0);
	assert_int_equal(unreachable.icmp_type_code, 0x301);
}

/* A host that pings itself: equal addresses are ordered by the "ports". */
static void test_icmp_to_oneself(void **state)
{
	(void)state;
	struct packet there = parse_icmp(4, 8, 0, 1, 1, false), back = parse_icmp(4, 0, 0, 1, 1, false);

	assert_memory_equal(&there.key, &back.key, sizeof there.key);
	assert_int_not_equal(there.sender, back.sender);
}

struct fragments {
	struct twins twins;
	uint64_t time_ns;
};

static struct fragments fragments_new(bool tunnels)
{
	struct packet_settings settings = { .tunnels = tunnels, .fragment_entries = 1024 };
	return (struct fragments){ .twins = twins_new(&settings), .time_ns = 1000000000000ull };
}

static struct packet send(struct fragments *f, const struct craft *c, uint16_t vlan)
{
	struct frame frame = { .data = c->octets, .captured_bytes = c->bytes, .wire_bytes = c->bytes,
	                       .link_type = 1, .time_ns = f->time_ns, .vlan_tpid = vlan ? 0x8100 : 0,
	                       .vlan_tci = vlan };
	return twins_parse(&f->twins, &frame);
}

static struct packet first4(struct fragments *f, uint16_t id, uint16_t vlan)
{
	struct craft c = { .bytes = 0 };

	craft_ethernet(&c, 0x0800);
	craft_ipv4_fragment(&c, 17, 24, id, 0x2000);
	craft_udp(&c, 5000, 53, 100);
	craft_fill(&c, 16, 'p');
	return send(f, &c, vlan);
}

static struct packet later4(struct fragments *f, uint16_t id, uint16_t vlan)
{
	struct craft c = { .bytes = 0 };

	craft_ethernet(&c, 0x0800);
	craft_ipv4_fragment(&c, 17, 24, id, 3);
	craft_fill(&c, 24, 'q');
	return send(f, &c, vlan);
}

static void test_fragments_join(void **state)
{
	(void)state;
	struct fragments f = fragments_new(false);
	struct packet early = later4(&f, 7, 0), first = first4(&f, 7, 0), later = later4(&f, 7, 0);

	assert_int_equal(early.bits, PACKET_FRAGMENT | PACKET_LATER_FRAGMENT);
	assert_int_equal(early.key.port[0] | early.key.port[1], 0);
	assert_int_equal(early.key.protocol, 17);
	assert_int_equal(early.ip_bytes, 44);
	assert_int_equal(first.bits, PACKET_FRAGMENT);
	assert_int_equal(first.key.port[0], 5000);
	assert_int_equal(first.fragment_id, 7);
	assert_int_equal(later.bits, PACKET_FRAGMENT | PACKET_LATER_FRAGMENT | PACKET_FRAGMENT_JOINED);
	assert_memory_equal(&first.key, &later.key, sizeof first.key);
	assert_int_equal(later.ip_bytes, 44);
	assert_int_equal(later.l4_offset, 0);
	assert_int_equal(later4(&f, 8, 0).bits & PACKET_FRAGMENT_JOINED, 0);    /* another datagram */
	assert_int_equal(later4(&f, 7, 9).bits & PACKET_FRAGMENT_JOINED, 0);    /* another VLAN */
	twins_free(&f.twins);
}

static void test_fragments_are_forgotten(void **state)
{
	(void)state;
	struct fragments f = fragments_new(false);

	first4(&f, 7, 0);
	f.time_ns += 30000000000ull;
	assert_true(later4(&f, 7, 0).bits & PACKET_FRAGMENT_JOINED);
	f.time_ns += 1;
	assert_false(later4(&f, 7, 0).bits & PACKET_FRAGMENT_JOINED);
	first4(&f, 7, 0);
	f.time_ns -= 1000000000;        /* time may go back a little */
	assert_true(later4(&f, 7, 0).bits & PACKET_FRAGMENT_JOINED);
	twins_free(&f.twins);
}

static void test_fragmented_icmp_and_tcp(void **state)
{
	(void)state;
	struct fragments f = fragments_new(false);
	struct craft c = { .bytes = 0 }, d = { .bytes = 0 }, e = { .bytes = 0 }, g = { .bytes = 0 };

	craft_ethernet(&c, 0x0800);
	craft_ipv4_fragment(&c, 1, 24, 9, 0x2000);
	craft_hex(&c, "08000000 00010001");
	craft_fill(&c, 16, 'p');
	craft_ethernet(&d, 0x0800);
	craft_ipv4_fragment(&d, 1, 16, 9, 3);
	craft_fill(&d, 16, 'p');
	struct packet first = send(&f, &c, 0), later = send(&f, &d, 0);
	assert_int_equal(first.key.port[0], 8);
	assert_memory_equal(&first.key, &later.key, sizeof first.key);

	craft_ethernet(&e, 0x0800);
	craft_ipv4_fragment(&e, 6, 24, 10, 0x2000);
	craft_tcp(&e, 80, 50000, 0x11);
	craft_fill(&e, 4, 'p');
	craft_ethernet(&g, 0x0800);
	craft_ipv4_fragment(&g, 6, 16, 10, 3);
	craft_fill(&g, 16, 0xff);
	first = send(&f, &e, 0);
	later = send(&f, &g, 0);
	assert_memory_equal(&first.key, &later.key, sizeof first.key);
	assert_int_equal(first.tcp_flags, 0x11);
	assert_int_equal(later.tcp_flags, 0);
	twins_free(&f.twins);
}

/* The first fragment may have a destination options header that later ones only name. */
static void test_fragments_of_ipv6(void **state)
{
	(void)state;
	struct fragments f = fragments_new(false);
	struct craft c = { .bytes = 0 }, d = { .bytes = 0 };

	craft_ethernet(&c, 0x86dd);
	craft_ipv6(&c, 44, 8 + 8 + 16, 2, 1);
	craft_hex(&c, "3c000001 00000042 1100010400000000");
	craft_udp(&c, 5000, 53, 100);
	craft_fill(&c, 8, 'p');
	craft_ethernet(&d, 0x86dd);
	craft_ipv6(&d, 44, 8 + 16, 2, 1);
	craft_hex(&d, "3c000018 00000042");
	craft_fill(&d, 16, 'p');
	struct packet early = send(&f, &d, 0), first = send(&f, &c, 0), later = send(&f, &d, 0);
	assert_int_equal(early.key.protocol, 60);
	assert_int_equal(first.key.protocol, 17);
	assert_int_equal(first.fragment_id, 0x42);
	assert_int_equal(later.bits, PACKET_FRAGMENT | PACKET_LATER_FRAGMENT | PACKET_FRAGMENT_JOINED);
	assert_memory_equal(&first.key, &later.key, sizeof first.key);
	c.octets[14 + 40 + 3] = 0;      /* offset 0, no more: a whole datagram (RFC 6946) */
	assert_int_equal(send(&f, &c, 0).bits, 0);
	twins_free(&f.twins);
}

/* Memory that is too small forgets the oldest; it never gives ports to a stranger. */
static void test_fragment_memory(void **state)
{
	(void)state;
	struct fragment_memory *memory;
	struct fragment_ports ports;
	unsigned found = 0;

	assert_int_equal(fragment_memory_new(256, &memory), 0);
	for (uint32_t i = 0; i < 100000; i++) {
		struct fragment_datagram datagram = { .id = i, .family = 4 };
		struct fragment_ports given = { .source = (uint16_t)i, .destination = (uint16_t)(i >> 16) };
		fragment_remember(memory, &datagram, 1000000000ull + i, &given);
		assert_true(fragment_recall(memory, &datagram, 1000000000ull + i, &ports));
	}
	for (uint32_t i = 0; i < 100000; i++) {
		struct fragment_datagram datagram = { .id = i, .family = 4 };
		if (!fragment_recall(memory, &datagram, 1000000000ull, &ports))
			continue;
		found++;
		assert_int_equal(ports.source | (uint32_t)ports.destination << 16, i);
	}
	assert_in_range(found, 200, 256);
	fragment_memory_free(memory);
	fragment_memory_free(NULL);
}

/* Datagrams of one instant do not push each other out while there is room. */
static void test_fragments_of_one_instant(void **state)
{
	(void)state;
	struct fragment_memory *memory;
	struct fragment_ports ports = { .source = 1 };

	assert_int_equal(fragment_memory_new(4, &memory), 0);
	for (uint32_t i = 0; i < 4; i++)
		fragment_remember(memory, &(struct fragment_datagram){ .id = i }, 0, &ports);
	for (uint32_t i = 0; i < 4; i++)
		assert_true(fragment_recall(memory, &(struct fragment_datagram){ .id = i }, 0, &ports));
	fragment_memory_free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_symmetry), cmocka_unit_test(test_order_of_addresses),
		cmocka_unit_test(test_icmp_types), cmocka_unit_test(test_icmp_key_none),
		cmocka_unit_test(test_icmp_to_oneself), cmocka_unit_test(test_fragments_join),
		cmocka_unit_test(test_fragments_are_forgotten),
		cmocka_unit_test(test_fragmented_icmp_and_tcp), cmocka_unit_test(test_fragments_of_ipv6),
		cmocka_unit_test(test_fragment_memory), cmocka_unit_test(test_fragments_of_one_instant),
	};
	return cmocka_run_group_tests_name("packet/key", tests, NULL, NULL);
}

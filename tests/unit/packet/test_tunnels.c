/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnels: the innermost packet with --tunnels, the outer one without, and never a packet lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "craft.h"

/* Ethernet, IPv4 10.0.0.1 to 10.0.0.2 and what the hex says; UDP to `port` before it if that is
 * not 0. */
static void make_outer(struct craft *c, uint8_t protocol, uint16_t port, const char *hex,
                       bool with_inner)
{
	struct craft inside = { .bytes = 0 };

	craft_hex(&inside, hex);
	if (with_inner)
		craft_inner(&inside);
	craft_ethernet(c, 0x0800);
	craft_ipv4(c, port ? 17 : protocol, (uint16_t)(inside.bytes + (port ? 8 : 0)), 1, 2);
	if (port)
		craft_udp(c, 40000, port, (uint16_t)inside.bytes);
	craft_append(c, &inside);
}

static bool is_inner(const struct packet *k)
{
	return k->fate == FATE_metered && k->key.protocol == 17 && k->key.port[0] == 53
	       && k->key.port[1] == 4000 && k->ip_bytes == CRAFT_INNER_BYTES
	       && memcmp(k->key.address.v4[0], "\xc0\x00\x02\x01", 4) == 0;
}

static bool is_outer(const struct packet *k, uint32_t ip_bytes)
{
	return k->fate == FATE_metered && memcmp(k->key.address.v4, "\x0a\x00\x00\x01\x0a\x00\x00\x02",
	                                         8) == 0
	       && k->ip_bytes == ip_bytes && k->tunnel_id == 0 && k->tunnel_peer_id == 0;
}

#define ETHERNET "020000000002 020000000001 "

static const struct {
	uint8_t protocol;
	uint16_t port;
	const char *hex;
	uint32_t tunnel_id, peer_id, layers;
	uint16_t vlan;
} tunnels[] = {
	{ 4, 0, "", 0, 0, LAYER_IPIP, 0 },
	{ 47, 0, "0000 0800", 0, 0, LAYER_GRE, 0 },
	{ 47, 0, "8000 0800 00000000", 0, 0, LAYER_GRE, 0 },
	{ 47, 0, "2000 0800 12345678", 0x12345678, 0, LAYER_GRE, 0 },
	{ 47, 0, "1000 0800 00000001", 0, 0, LAYER_GRE, 0 },
	{ 47, 0, "b000 0800 00000000 00000007 00000001", 7, 0, LAYER_GRE, 0 },
	{ 47, 0, "4000 0800 00000000 0800 0004 01020304 00000000", 0, 0, LAYER_GRE, 0 },
	{ 47, 0, "2000 6558 00000009" ETHERNET "8100 0005 0800", 9, 0, LAYER_GRE | LAYER_VLAN, 5 },
	{ 47, 0, "0000 8847 0001013f", 0, 0, LAYER_GRE | LAYER_MPLS, 0 },
	{ 47, 0, "3081 880b 0030 0009 00000001 00000001 ff03 0021", 0, 9, LAYER_GRE, 0 },
	{ 47, 0, "3001 880b 0030 0009 00000001 21", 0, 9, LAYER_GRE, 0 },
	{ 47, 0, "0000 883e 00000000", 0, 0, LAYER_GRE, 0 }, { 47, 0, "0000 883e", 0, 0, LAYER_GRE, 0 },
	{ 47, 0, "0000 88be" ETHERNET "0800", 0, 0, LAYER_GRE | LAYER_ERSPAN, 0 },
	{ 47, 0, "1000 88be 00000001 1000 0405 00000000" ETHERNET "0800", 5, 0, LAYER_GRE
	  | LAYER_ERSPAN, 0 },
	{ 47, 0, "1000 22eb 00000001 2000 03ff 00000000 0000 0000" ETHERNET "0800", 1023, 0,
	  LAYER_GRE | LAYER_ERSPAN, 0 },
	{ 47, 0, "1000 22eb 00000001 2000 0006 00000000 0000 0808", 6, 0, LAYER_GRE | LAYER_ERSPAN, 0 },
	{ 47, 0, "1000 22eb 00000001 2000 0006 00000000 0000 0001 0000000000000000" ETHERNET "0800", 6,
	  0,
	  LAYER_GRE | LAYER_ERSPAN, 0 },
	{ 17, 4789, "08000000 00007b00" ETHERNET "0800", 123, 0, LAYER_VXLAN, 0 },
	{ 17, 8472, "08000000 ffffff00" ETHERNET "8100 0011 0800", 0xffffff, 0, LAYER_VXLAN
	  | LAYER_VLAN, 17 },
	{ 17, 4790, "0c000001 00007b00", 123, 0, LAYER_VXLAN, 0 },
	{ 17, 4790, "0c000003 00007b00" ETHERNET "0800", 123, 0, LAYER_VXLAN, 0 },
	{ 17, 4790, "0c000005 00007b00 0001013f", 123, 0, LAYER_VXLAN | LAYER_MPLS, 0 },
	{ 17, 6081, "0000 0800 00007b00", 123, 0, LAYER_GENEVE, 0 },
	{ 17, 6081, "0240 6558 00007b00 0000000000000000" ETHERNET "0800", 123, 0, LAYER_GENEVE, 0 },
	{ 17, 2152, "30ff 0028 00000011", 0, 17, LAYER_GTP, 0 },
	{ 17, 2152, "32ff 002c 00000011 00010000", 0, 17, LAYER_GTP, 0 },
	{ 17, 2152, "34ff 0034 00000011 00000085 01000085 01000000", 0, 17, LAYER_GTP, 0 },
	{ 137, 0, "0001003f 0001013f", 0, 0, LAYER_MPLS, 0 },
	{ 17, 6635, "0001013f", 0, 0, LAYER_MPLS, 0 },
	/* one inside the other */
	{ 4, 0, "4500005c 00000000 40110000 ac100001 ac100002 9c40 12b5 0048 0000"
	  "08000000 00007b00" ETHERNET "0800", 123, 0, LAYER_IPIP | LAYER_VXLAN, 0 },
};

static void test_innermost(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_count(tunnels); i++) {
		struct craft c = { .bytes = 0 };
		make_outer(&c, tunnels[i].protocol, tunnels[i].port, tunnels[i].hex, true);
		struct packet k = parse_craft(&c, 1, true);
		if (!is_inner(&k))
			print_error("tunnel %zu: %s\n", i, tunnels[i].hex);
		assert_true(is_inner(&k));
		assert_int_equal(k.tunnel_id, tunnels[i].tunnel_id);
		assert_int_equal(k.tunnel_peer_id, tunnels[i].peer_id);
		assert_int_equal(k.layers, tunnels[i].layers);
		assert_int_equal(k.vlan_outer, tunnels[i].vlan);
		assert_int_equal(k.l3_offset, c.bytes - CRAFT_INNER_BYTES);
		k = parse_craft(&c, 1, false);
		assert_true(is_outer(&k, c.bytes - 14));
		assert_int_equal(k.key.protocol, tunnels[i].protocol);
	}
}

static void test_inside_is_not_ip(void **state)
{
	(void)state;
	static const struct { uint8_t protocol; uint16_t port; const char *hex; } cases[] = {
		{ 47, 0, "0000 0806 00010800" }, { 47, 0, "0000 0000" }, { 47, 0, "0002 0800 45000014" },
		{ 47, 0, "2081 880b 0000 0009 00000001" },      /* PPTP acknowledgement without payload */
		{ 47, 0, "3001 880b 0004 0009 00000001 ff03 c021" },
		{ 47, 0, "0000 0800 45000014" }, { 47, 0, "0000 0800" },
		{ 47, 0, "0000 6558" ETHERNET "0806 0001" }, { 4, 0, "" }, { 4, 0, "55000014" }, { 41, 0,
		  "45" },
		{ 17, 4789, "" }, { 17, 4789, "00000000 00007b00" ETHERNET "0800" },
		{ 17, 4789, "08000000 00007b00" ETHERNET "0806" }, { 17, 4789, "08000000 00007b00 02" },
		{ 17, 4790, "1c000001 00007b00" }, { 17, 4790, "0c000004 00007b00 00000000" },
		{ 17, 6081, "4000 0800 00007b00" }, { 17, 6081, "3f00 0800 00007b00" },
		{ 17, 2152, "30ff 0100 00000011" }, { 17, 2152, "3001 0000 00000000" },
		{ 17, 2152, "34ff 0008 00000011 00000085 00000000" },
		{ 17, 2152, "34ff 0004 00000011 000000" },
		{ 17, 6635, "0001003f" }, { 137, 0, "00010040" }, { 17, 3544, "" }, { 17, 3544,
		  "0001 ffff" },
		{ 17, 3544, "60000000 0004 3b 40 20010000000000000000000000000001"
		  "20010db8000000000000000000000002" },          /* longer than the datagram */
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		struct craft c = { .bytes = 0 };
		make_outer(&c, cases[i].protocol, cases[i].port, cases[i].hex, false);
		struct packet with = parse_craft(&c, 1, true), without = parse_craft(&c, 1, false);
		assert_true(is_outer(&with, c.bytes - 14));
		assert_memory_equal(&with, &without, sizeof with);
	}
}

/* A header that an IP protocol number or GRE promised, and that its packet has no room for. */
static void test_contradictions(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"", "0000", "2000 0800 0000", "f000 0800 00000000 00000000",
		       "4000 0800 00000000 0800 00ff 01",
		"1000 88be 00000001 1000", "1000 22eb 00000001 20000000 00000000 0000", "3081 880b 0000",
		"1000 22eb 00000001 20000000 00000000 0000 0001",
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		struct craft c = { .bytes = 0 };
		make_outer(&c, 47, 0, cases[i], false);
		assert_int_equal(parse_craft(&c, 1, true).fate, FATE_malformed_tunnel);
		assert_int_equal(parse_craft(&c, 1, false).fate, FATE_metered);
	}
}

/* Cut by the capture inside a tunnel: the packet around it counts. */
static void test_cut(void **state)
{
	(void)state;
	struct packet_settings settings = { .tunnels = true, .fragment_entries = 8 };
	struct twins t = twins_new(&settings);

	for (size_t i = 0; i < array_count(tunnels); i++) {
		struct craft c = { .bytes = 0 };
		make_outer(&c, tunnels[i].protocol, tunnels[i].port, tunnels[i].hex, true);
		for (uint32_t captured = 34; captured < c.bytes; captured++) {
			struct frame frame = { .data = c.octets, .captured_bytes = captured,
			                       .wire_bytes = c.bytes, .link_type = 1 };
			struct packet k = twins_parse(&t, &frame);
			assert_int_equal(k.fate, FATE_metered);
			if (captured >= c.bytes - CRAFT_INNER_BYTES + 28)
				assert_true(is_inner(&k));
			if (captured < c.bytes - CRAFT_INNER_BYTES)
				assert_memory_equal(k.key.address.v4[0], i + 1 < array_count(tunnels)
				                    || captured < 34 + 20 ? "\x0a\0\0\1" : "\xac\x10\0\1", 4);
		}
	}
	twins_free(&t);
}

static void test_depth(void **state)
{
	(void)state;
	for (unsigned depth = 1; depth <= 10; depth++) {
		struct craft c = { .bytes = 0 };
		craft_ethernet(&c, 0x0800);
		for (unsigned i = 0; i < depth; i++)
			craft_ipv4(&c, 4, (uint16_t)((depth - 1 - i) * 20 + CRAFT_INNER_BYTES), 1, 2);
		craft_inner(&c);
		struct packet k = parse_craft(&c, 1, true);
		assert_int_equal(k.fate, FATE_metered);
		assert_int_equal(k.key.protocol, depth <= 8 ? 17 : 4);
		assert_int_equal(k.l3_offset, depth <= 8 ? 14 + 20 * depth : 14 + 20 * 8);
	}
}

/* The first fragment of a tunnel's packet shows the inner one; later ones are the outer flow's
 * packets. */
static void test_fragmented_outer(void **state)
{
	(void)state;
	struct packet_settings settings = { .tunnels = true, .fragment_entries = 8 };
	struct twins t = twins_new(&settings);
	struct craft c = { .bytes = 0 }, d = { .bytes = 0 };

	craft_ethernet(&c, 0x0800);
	craft_ipv4_fragment(&c, 17, 8 + 8 + 14 + CRAFT_INNER_BYTES + 2, 5, 0x2000);
	craft_udp(&c, 40000, 4789, 100);
	craft_hex(&c, "08000000 00007b00" ETHERNET "0800");
	craft_inner(&c);
	craft_fill(&c, 2, 0);
	craft_ethernet(&d, 0x0800);
	craft_ipv4_fragment(&d, 17, 36, 5, 9);
	craft_fill(&d, 36, 0);
	struct packet first = twins_parse_craft(&t, &c, 1), later = twins_parse_craft(&t, &d, 1);
	assert_true(is_inner(&first));
	assert_int_equal(first.bits, 0);
	assert_true(is_outer(&later, 56));
	assert_int_equal(later.key.port[0], 40000);
	assert_int_equal(later.key.port[1], 4789);
	assert_true(later.bits & PACKET_FRAGMENT_JOINED);
	twins_free(&t);
}

static void test_ipv6_inside(void **state)
{
	(void)state;
	struct sample s;

	for (unsigned i = 0; craft_sample(i, &s); i++) {
		bool teredo = strcmp(s.name, "teredo") == 0;
		if (!teredo && strcmp(s.name, "6in4") != 0)
			continue;
		struct packet k = parse_craft(&s.craft, 1, true);
		assert_int_equal(k.fate, FATE_metered);
		assert_int_equal(k.family, 6);
		assert_int_equal(k.ip_bytes, teredo ? 48 : 58);
		assert_int_equal(k.layers, teredo ? LAYER_TEREDO : LAYER_IPIP);
		assert_int_equal(k.key.protocol, teredo ? 58 : 17);
		assert_int_equal(parse_craft(&s.craft, 1, false).family, 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_innermost), cmocka_unit_test(test_inside_is_not_ip),
		cmocka_unit_test(test_contradictions), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_depth), cmocka_unit_test(test_fragmented_outer),
		cmocka_unit_test(test_ipv6_inside),
	};
	return cmocka_run_group_tests_name("packet/tunnels", tests, NULL, NULL);
}

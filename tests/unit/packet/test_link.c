/* SPDX-License-Identifier: Apache-2.0 */
/* Link layers: what is looked through, VLAN ids, and what is not IP or does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "craft.h"

/* The frame of `before` and the inner packet; checks that the packet was found, and returns it. */
static struct packet inner_behind(const char *before, uint16_t link_type)
{
	struct craft c = { .bytes = 0 };

	craft_hex(&c, before);
	uint32_t l3 = c.bytes;
	craft_inner(&c);
	struct packet k = parse_craft(&c, link_type, false);
	assert_int_equal(k.fate, FATE_metered);
	assert_int_equal(k.l3_offset, l3);
	assert_int_equal(k.l4_offset, l3 + 20);
	assert_int_equal(k.payload_offset, l3 + 28);
	assert_int_equal(k.payload_bytes, 12);
	assert_int_equal(k.ip_bytes, CRAFT_INNER_BYTES);
	assert_int_equal(k.key.protocol, 17);
	assert_memory_equal(k.key.address.v4[0], "\xc0\x00\x02\x01", 4);
	assert_memory_equal(k.key.address.v4[1], "\xc0\x00\x02\x02", 4);
	assert_int_equal(k.key.port[0], 53);
	assert_int_equal(k.key.port[1], 4000);
	assert_int_equal(k.sender, 0);
	return k;
}

static enum fate fate_of(const char *hex, uint16_t link_type)
{
	struct craft c = { .bytes = 0 };

	craft_hex(&c, hex);
	return (enum fate)parse_craft(&c, link_type, false).fate;
}

#define MACS "020000000002 020000000001 "

static void test_links(void **state)
{
	(void)state;
	static const struct { uint16_t link_type; const char *before; } links[] = {
		{ 1, MACS "0800" },
		{ 113, "0000 0001 0006 020000000001 0000 0800" },
		{ 276, "0800 0000 00000002 0001 00 06 020000000001 0000" },
		{ 101, "" }, { 12, "" }, { 14, "" }, { 228, "" },
		{ 0, "02000000" }, { 0, "00000002" }, { 108, "00000002" },
		{ 9, "ff03 0021" }, { 9, "0021" }, { 9, "21" }, { 9, "ff03 21" },
		{ 50, "ff03 0021" }, { 50, "0f00 0800" }, { 50, "8f00 0800" }, { 50, "21" },
		{ 51, "1100 0001 002a 0021" }, { 104, "0f00 0800" },
		{ 105, "0801 0000 020000000001 020000000002 020000000003 1000 aaaa03000000 0800" },
		{ 105, "0803 0000 020000000001 020000000002 020000000003 1000 020000000004"
		       "aaaa03000000 0800" },
		{ 127, "0000 0a00 00000000 0000 0801 0000 020000000001 020000000002 020000000003 1000"
		       "aaaa03000000 0800" },
	};

	for (size_t i = 0; i < array_count(links); i++) {
		struct packet k = inner_behind(links[i].before, links[i].link_type);
		assert_int_equal(k.l2_offset, links[i].link_type == 1 ? 0 : 0xffff);
		assert_int_equal(k.vlan_outer, 0);
	}
}

static void test_ipv6_links(void **state)
{
	(void)state;
	static const struct { uint16_t link_type; const char *before; } links[] = {
		{ 1, MACS "86dd" }, { 229, "" }, { 101, "" }, { 108, "0000001c" },
		{ 0, "18000000" }, { 0, "1c000000" }, { 0, "1e000000" }, { 0, "0000001e" }, { 0,
		  "0a000000" },
		{ 9, "ff03 0057" }, { 9, "57" }, { 104, "0f00 86dd" },
	};

	for (size_t i = 0; i < array_count(links); i++) {
		struct craft c = { .bytes = 0 };
		craft_hex(&c, links[i].before);
		craft_ipv6(&c, 17, 8, 2, 1);
		craft_udp(&c, 7, 9, 0);
		struct packet k = parse_craft(&c, links[i].link_type, false);
		assert_int_equal(k.fate, FATE_metered);
		assert_int_equal(k.family, 6);
		assert_int_equal(k.ip_bytes, 48);
		assert_int_equal(k.key.port[0], 9);
		assert_int_equal(k.sender, 1);
	}
}

static void test_vlan_ids(void **state)
{
	(void)state;
	static const struct {
		const char *tags;
		uint16_t outer, inner;
	} stacks[] = {
		{ "8100 0005", 5, 0 }, { "8100 e005", 5, 0 }, { "88a8 0064 8100 00c8", 100, 200 },
		{ "8100 0064 8100 00c8", 100, 200 }, { "9100 0064 9200 00c8", 100, 200 },
		{ "8100 e000", 0, 0 },                          /* priority tag */
		{ "8100 0000 8100 0007", 7, 0 },                /* behind a priority tag */
		{ "8100 0007 8100 0000", 7, 0 },
		{ "8100 0001 8100 0002 8100 0003", 1, 2 },
		{ "8100 0fff 8100 0ffe", 4095, 4094 },
	};
	char before[256];

	for (size_t i = 0; i < array_count(stacks); i++) {
		snprintf(before, sizeof before, MACS "%s 0800", stacks[i].tags);
		struct packet k = inner_behind(before, 1);
		uint32_t vlan = (uint32_t)stacks[i].outer << 12 | stacks[i].inner;
		uint8_t expected[3] = { (uint8_t)(vlan >> 16), (uint8_t)(vlan >> 8), (uint8_t)vlan };
		assert_int_equal(k.vlan_outer, stacks[i].outer);
		assert_int_equal(k.vlan_inner, stacks[i].inner);
		assert_memory_equal(k.key.vlan, expected, 3);
		assert_int_equal(!!(k.bits & PACKET_INNER_VLAN), stacks[i].inner != 0);
		assert_int_equal(k.layers, LAYER_VLAN);
	}
}

static void test_vlan_beside_the_frame(void **state)
{
	(void)state;
	static const struct {
		uint16_t tpid, tci;
		const char *type;
		uint16_t outer, inner;
	} cases[] = {
		{ 0x8100, 0x2005, "", 5, 0 }, { 0x8100, 0, "", 0, 0 }, { 0, 5, "", 0, 0 },
		{ 0x88a8, 100, "8100 00c8", 100, 200 }, { 0x8100, 0, "8100 00c8", 200, 0 },
		{ 0, 7, "8100 00c8", 200, 0 },
	};
	struct packet_settings settings = { .fragment_entries = 8 };

	for (size_t i = 0; i < array_count(cases); i++) {
		struct twins t = twins_new(&settings);
		struct craft c = { .bytes = 0 };
		craft_hex(&c, MACS);
		craft_hex(&c, cases[i].type);
		craft_hex(&c, "0800");
		craft_inner(&c);
		struct frame frame = { .data = c.octets, .captured_bytes = c.bytes, .wire_bytes = c.bytes,
		                       .link_type = 1, .vlan_tpid = cases[i].tpid,
		                              .vlan_tci = cases[i].tci };
		struct packet k = twins_parse(&t, &frame);
		assert_int_equal(k.fate, FATE_metered);
		assert_int_equal(k.vlan_outer, cases[i].outer);
		assert_int_equal(k.vlan_inner, cases[i].inner);
		twins_free(&t);
	}
}

static void test_eight_tags_and_nine(void **state)
{
	(void)state;
	struct craft eight = { .bytes = 0 }, nine = { .bytes = 0 };

	craft_ethernet(&eight, 0x8100);
	craft_ethernet(&nine, 0x8100);
	for (unsigned i = 0; i < 7; i++)
		craft_hex(&eight, "0001 8100");
	for (unsigned i = 0; i < 8; i++)
		craft_hex(&nine, "0001 8100");
	craft_hex(&eight, "0001 0800");
	craft_hex(&nine, "0001 0800");
	craft_inner(&eight);
	craft_inner(&nine);
	assert_int_equal(parse_craft(&eight, 1, false).fate, FATE_metered);
	assert_int_equal(parse_craft(&nine, 1, false).fate, FATE_malformed_vlan);
}

static void test_mpls(void **state)
{
	(void)state;
	struct packet k = inner_behind(MACS "8847 0001003f 0002013f", 1);
	struct craft c = { .bytes = 0 };

	assert_int_equal(k.mpls_depth, 2);
	assert_int_equal(k.layers, LAYER_MPLS);
	k = inner_behind(MACS "8847 0002013f 00000000 " MACS "8100 0009 0800", 1);
	assert_int_equal(k.vlan_outer, 9);
	assert_int_equal(k.l2_offset, 22);
	k = inner_behind(MACS "8100 0001 8848 0002013f " MACS "0800", 1);     /* no control word */
	assert_int_equal(k.vlan_outer, 0);      /* the tags of the inner Ethernet header count */

	craft_ethernet(&c, 0x8847);
	for (unsigned i = 0; i < 16; i++)
		craft_hex(&c, "00010040");
	craft_hex(&c, "00010140");
	craft_inner(&c);
	assert_int_equal(parse_craft(&c, 1, false).fate, FATE_malformed_mpls);
	assert_int_equal(fate_of(MACS "8847 00010040 0001", 1), FATE_malformed_mpls);
	assert_int_equal(fate_of(MACS "8847 00010140 10000000 0000", 1), FATE_not_ip);
}

static void test_not_ip(void **state)
{
	(void)state;
	static const struct { uint16_t link_type; const char *hex; } frames[] = {
		{ 1, MACS "0806 0001 0800 0604 0001 020000000001 0a000001 000000000000 0a000002" },
		{ 1, MACS "0026 424203 0000000000" },                           /* STP */
		{ 1, MACS "88cc 0207" }, { 1, MACS "0030 aaaa03 00000c 2000 0000" },    /* LLDP, CDP */
		{ 1, MACS "8863 1109 0000 0000" },                              /* PPPoE discovery */
		{ 1, MACS "8864 1100 0001 0004 c021 0101" },                    /* LCP */
		{ 1, MACS "8100 0005 0806 0001" }, { 1, MACS "05ff 0000000000000000" },
		{ 113, "0000 0001 0006 020000000001 0000 0806 0001" },
		{ 113, "0000 0338 0006 020000000001 0000 0800 45000014" },      /* netlink */
		{ 0, "05000000 00000000" }, { 9, "ff03 c021 0101" }, { 104, "8f00 8035 00000002" },
		{ 105, "8000 0000 ffffffffffff 020000000002 020000000002 1000" },       /* beacon */
		{ 105, "d400 0000 020000000001" },   /* acknowledgement */
		{ 105, "0841 0000 020000000001 020000000002 020000000003 1000 aaaa03000000 0800" },
	};

	for (size_t i = 0; i < array_count(frames); i++)
		assert_int_equal(fate_of(frames[i].hex, frames[i].link_type), FATE_not_ip);
}

static void test_malformed(void **state)
{
	(void)state;
	static const struct { uint16_t link_type; const char *hex; enum fate fate; } frames[] = {
		{ 1, "", FATE_malformed_link }, { 1, "0200", FATE_malformed_link },
		{ 1, MACS "8100", FATE_malformed_vlan }, { 1, MACS "8100 00", FATE_malformed_vlan },
		{ 1, MACS "8100 0005 8100 0006", FATE_malformed_vlan },
		{ 1, MACS "8864 1100", FATE_malformed_pppoe },
		{ 1, MACS "8864 2100 0001 0002 0021", FATE_malformed_pppoe },
		{ 1, MACS "8864 1100 0001 0000 0021 4500", FATE_malformed_pppoe },
		{ 1, MACS "0800 4500", FATE_malformed_ipv4 }, { 1, MACS "86dd 6000", FATE_malformed_ipv6 },
		{ 113, "0000", FATE_malformed_link }, { 276, "0800", FATE_malformed_link },
		{ 0, "0200", FATE_malformed_link }, { 101, "", FATE_malformed_link },
		{ 101, "1500", FATE_malformed_link }, { 127, "0100 0a00 00000000", FATE_malformed_link },
		{ 127, "0000 0400 00000000", FATE_malformed_link }, { 9, "00", FATE_malformed_pppoe },
		{ 147, "45000014", FATE_unknown_link },
	};

	for (size_t i = 0; i < array_count(frames); i++)
		assert_int_equal(fate_of(frames[i].hex, frames[i].link_type), frames[i].fate);
}

/* A frame of IEEE 802.3 ends where its length says; what a total length of 0 counts ends there
 * too. */
static void test_length_of_8023(void **state)
{
	(void)state;
	struct craft c = { .bytes = 0 };

	craft_hex(&c, MACS "0026 aaaa03 000000 0800");          /* 38 = 8 of SNAP and 30 of IP */
	craft_hex(&c, "45000000 00010000 40110000 c0000201 c0000202 0035 0fa0 000a 0000 6869");
	craft_fill(&c, 8, 0);                                   /* padding */
	struct packet k = parse_craft(&c, 1, false);
	assert_int_equal(k.fate, FATE_metered);
	assert_int_equal(k.ip_bytes, 30);
	assert_int_equal(k.payload_bytes, 2);
	assert_true(k.bits & PACKET_LENGTH_FROM_WIRE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links), cmocka_unit_test(test_ipv6_links),
		cmocka_unit_test(test_vlan_ids), cmocka_unit_test(test_vlan_beside_the_frame),
		cmocka_unit_test(test_eight_tags_and_nine), cmocka_unit_test(test_mpls),
		cmocka_unit_test(test_not_ip), cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_length_of_8023),
	};
	return cmocka_run_group_tests_name("packet/link", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4, IPv6 and its chain, lengths, fragments, offload super-frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "craft.h"

static struct packet parse_cut(const struct craft *c, uint32_t captured, uint32_t wire)
{
	struct packet_settings settings = { .fragment_entries = 8 };
	struct twins t = twins_new(&settings);
	struct frame frame = { .data = c->octets, .captured_bytes = captured, .wire_bytes = wire,
	                       .link_type = 1 };
	struct packet k = twins_parse(&t, &frame);

	twins_free(&t);
	return k;
}

static void test_plain(void **state)
{
	(void)state;
	struct craft c = { .bytes = 0 };

	craft_plain(&c);
	craft_fill(&c, 8, 0);           /* Ethernet padding */
	struct packet k = parse_craft(&c, 1, false);
	assert_int_equal(k.fate, FATE_metered);
	assert_int_equal(k.family, 4);
	assert_int_equal(k.ip_bytes, 38);
	assert_int_equal(k.wire_packets, 1);
	assert_int_equal(k.payload_bytes, 10);
	assert_int_equal(k.payload_offset, 42);
	assert_int_equal(k.tos, 0xb8);
	assert_int_equal(k.ttl, 64);
	assert_int_equal(k.bits, 0);
	assert_int_equal(k.layers, 0);
	assert_int_equal(k.time_ns, 1700000000000000000ull);
}

static void test_tcp6(void **state)
{
	(void)state;
	struct craft c = { .bytes = 0 };

	craft_ethernet(&c, 0x86dd);
	craft_ipv6(&c, 6, 24, 9, 3);
	craft_tcp(&c, 443, 50000, 0x12);
	c.octets[14 + 40 + 12] |= 0x0e;         /* three of the upper flag bits */
	craft_fill(&c, 4, 'p');
	struct packet k = parse_craft(&c, 1, false);
	assert_int_equal(k.fate, FATE_metered);
	assert_int_equal(k.family, 6);
	assert_int_equal(k.ip_bytes, 64);
	assert_int_equal(k.tos, 0xb8);
	assert_int_equal(k.flow_label, 0xabcde);
	assert_int_equal(k.ttl, 61);
	assert_int_equal(k.tcp_flags, 0xe12);
	assert_int_equal(k.tcp_window, 0x2000);
	assert_int_equal(k.payload_bytes, 4);
	assert_int_equal(k.payload_offset, 14 + 40 + 20);
	assert_int_equal(k.sender, 1);
	assert_int_equal(k.key.port[0], 50000);
	assert_int_equal(k.key.port[1], 443);
	assert_int_equal(k.key.address.v6[0][15], 3);
	assert_int_equal(k.key.address.v6[1][15], 9);
}

static void test_total_length(void **state)
{
	(void)state;
	static const struct {
		uint16_t total;
		enum fate fate;
		uint32_t ip_bytes;
	} cases[] = {
		{ 38, FATE_metered, 38 }, { 1, FATE_malformed_ipv4, 0 }, { 19, FATE_malformed_ipv4, 0 },
		{ 20, FATE_metered, 20 }, { 1500, FATE_metered, 1500 }, { 65535, FATE_metered, 65535 },
		{ 0, FATE_metered, 38 },
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		struct craft c = { .bytes = 0 };
		craft_plain(&c);
		c.octets[16] = (uint8_t)(cases[i].total >> 8);
		c.octets[17] = (uint8_t)cases[i].total;
		struct packet k = parse_craft(&c, 1, false);
		assert_int_equal(k.fate, cases[i].fate);
		if (k.fate != FATE_metered)
			continue;
		assert_int_equal(k.ip_bytes, cases[i].ip_bytes);
		assert_int_equal(!!(k.bits & PACKET_LENGTH_FROM_WIRE), cases[i].total == 0);
		assert_int_equal(!!(k.bits & PACKET_NO_PORTS), cases[i].total == 20);
		assert_int_equal(k.key.port[0], cases[i].total == 20 ? 0 : 1000);
	}
}

static void test_length_from_wire_when_cut(void **state)
{
	(void)state;
	struct craft c = { .bytes = 0 };

	craft_plain(&c);
	c.octets[16] = c.octets[17] = 0;
	struct packet k = parse_cut(&c, c.bytes, 9014);
	assert_int_equal(k.ip_bytes, 9000);
	assert_int_equal(k.payload_bytes, 9000 - 28);
}

static void test_header_length(void **state)
{
	(void)state;
	struct craft c = { .bytes = 0 };

	craft_plain(&c);
	for (unsigned ihl = 0; ihl < 16; ihl++) {
		c.octets[14] = (uint8_t)(0x40 | ihl);
		struct packet k = parse_craft(&c, 1, false);
		assert_int_equal(k.fate, ihl < 5 || ihl > 9 ? FATE_malformed_ipv4 : FATE_metered);
		assert_int_equal(k.layers, k.fate == FATE_metered && ihl > 5 ? LAYER_IP_OPTIONS : 0);
	}
	c.octets[14] = 0x65;
	assert_int_equal(parse_craft(&c, 1, false).fate, FATE_malformed_ipv4);
	c.octets[14] = 0x4f;
	c.octets[17] = 60;              /* options beyond what there is: the addresses count all the
	                                 * same */
	struct packet k = parse_cut(&c, c.bytes, 74);
	assert_int_equal(k.fate, FATE_metered);
	assert_true(k.bits & PACKET_NO_PORTS);
	assert_int_equal(k.ip_bytes, 60);
}

/* What lies behind the IP length is padding, never a header. */
static void test_padding_is_not_read(void **state)
{
	(void)state;
	struct craft c = { .bytes = 0 };

	craft_ethernet(&c, 0x0800);
	craft_ipv4(&c, 6, 3, 1, 2);
	craft_tcp(&c, 443, 50000, 0x12);
	struct packet k = parse_craft(&c, 1, false);
	assert_true(k.bits & PACKET_NO_PORTS);
	assert_int_equal(k.key.port[0] | k.key.port[1], 0);
	c.octets[17] = 20 + 13;         /* ports, but not the flags */
	k = parse_craft(&c, 1, false);
	assert_int_equal(k.bits & PACKET_NO_PORTS, 0);
	assert_int_equal(k.key.port[0], 443);
	assert_int_equal(k.tcp_flags, 0);
	c.octets[17] = 20 + 14;
	c.octets[14 + 20 + 12] = 0x10;  /* a data offset that is nonsense */
	k = parse_craft(&c, 1, false);
	assert_int_equal(k.tcp_flags, 0x12);
	assert_int_equal(k.tcp_window, 0);
	assert_int_equal(k.payload_bytes, 0);
}

static void test_cut_by_the_capture(void **state)
{
	(void)state;
	struct craft c = { .bytes = 0 };

	craft_plain(&c);
	for (uint32_t captured = 0; captured <= c.bytes; captured++) {
		struct packet k = parse_cut(&c, captured, c.bytes);
		assert_int_equal(k.fate, captured < 34 ? FATE_truncated : FATE_metered);
		if (captured < 34)
			continue;
		assert_int_equal(k.ip_bytes, 38);
		assert_int_equal(!!(k.bits & PACKET_NO_PORTS), captured < 38);
		assert_int_equal(k.key.port[1], captured < 38 ? 0 : 2000);
		assert_int_equal(k.payload_bytes, captured < 38 ? 0 : 10);
		assert_int_equal(k.payload_offset, captured <= 42 ? 0 : 42);
	}
}

static void test_transports(void **state)
{
	(void)state;
	static const struct {
		uint8_t protocol, header;
		bool ports;
	} cases[] = {
		{ 6, 20, true }, { 17, 8, true }, { 136, 8, true }, { 132, 12, true }, { 33, 16, true },
		{ 50, 0, false }, { 47, 0, false }, { 4, 0, false }, { 2, 0, false }, { 89, 0, false },
		{ 58, 0, false }, { 0, 0, false }, { 59, 0, false }, { 255, 0, false },
	};

	for (size_t i = 0; i < array_count(cases); i++) {
		struct craft c = { .bytes = 0 };
		craft_ethernet(&c, 0x0800);
		craft_ipv4(&c, cases[i].protocol, 40, 1, 2);
		craft_hex(&c, "1389 138a 00000000 04 000000 50 10 0000 00000000");
		craft_fill(&c, 20, 'x');
		c.octets[14 + 20 + 4] = 4;      /* DCCP's data offset: 16 octets */
		struct packet k = parse_craft(&c, 1, false);
		assert_int_equal(k.fate, FATE_metered);
		assert_int_equal(k.key.protocol, cases[i].protocol);
		assert_int_equal(k.key.port[0], cases[i].ports ? 5001 : 0);
		assert_int_equal(k.key.port[1], cases[i].ports ? 5002 : 0);
		assert_int_equal(k.payload_bytes, 40 - cases[i].header);
		assert_int_equal(k.bits & PACKET_NO_PORTS, 0);
		assert_int_equal(k.l4_offset, 34);
	}
}

static void test_ah(void **state)
{
	(void)state;
	struct craft c = { .bytes = 0 };

	craft_ethernet(&c, 0x0800);
	craft_ipv4(&c, 51, 24 + 8, 1, 2);
	craft_hex(&c, "11040000 00000001 00000001 000000000000000000000000");
	craft_udp(&c, 5, 6, 0);
	struct packet k = parse_craft(&c, 1, false);
	assert_int_equal(k.key.protocol, 17);
	assert_int_equal(k.key.port[0], 5);
	assert_int_equal(k.layers, LAYER_AH);
	c.octets[34 + 1] = 60;          /* longer than the packet */
	k = parse_craft(&c, 1, false);
	assert_int_equal(k.fate, FATE_metered);
	assert_int_equal(k.key.protocol, 51);
	assert_true(k.bits & PACKET_NO_PORTS);
}

static void test_chain(void **state)
{
	(void)state;
	struct sample s;
	unsigned i = 0;

	while (craft_sample(i, &s) && strcmp(s.name, "ipv6 chain") != 0)
		i++;
	struct packet k = parse_craft(&s.craft, 1, false);
	assert_int_equal(k.fate, FATE_metered);
	assert_int_equal(k.key.protocol, 17);
	assert_int_equal(k.key.port[0], 5);
	assert_int_equal(k.layers, LAYER_HOP_BY_HOP | LAYER_ROUTING | LAYER_DESTINATION | LAYER_AH
	                 | LAYER_OTHER_EXTENSION);
	assert_int_equal(k.payload_bytes, 10);
	assert_int_equal(k.l4_offset, 14 + 40 + 88);
	for (uint32_t captured = 54; captured < 14 + 40 + 88; captured++) {
		k = parse_cut(&s.craft, captured, s.craft.bytes);
		assert_int_equal(k.fate, FATE_metered);         /* cut by the capture: without ports */
		assert_true(k.bits & PACKET_NO_PORTS);
		assert_int_equal(k.ip_bytes, s.craft.bytes - 14);
	}
}

static void test_chain_is_bounded_by_the_packet(void **state)
{
	(void)state;
	struct craft c = { .bytes = 0 };

	craft_ethernet(&c, 0x86dd);
	craft_ipv6(&c, 60, 400 * 8 + 8, 1, 2);
	for (unsigned i = 0; i < 399; i++)
		craft_hex(&c, "3c00010400000000");
	craft_hex(&c, "1100010400000000");
	craft_udp(&c, 5, 6, 0);
	struct packet k = parse_craft(&c, 1, false);
	assert_int_equal(k.key.protocol, 17);
	assert_int_equal(k.key.port[0], 5);
	c.octets[14 + 4] = 0;
	c.octets[14 + 5] = 16;          /* the packet ends inside the chain */
	assert_int_equal(parse_craft(&c, 1, false).fate, FATE_malformed_ipv6);
}

static void test_ipv6_lengths(void **state)
{
	(void)state;
	struct sample s;
	unsigned i = 0;
	struct craft c = { .bytes = 0 };

	while (craft_sample(i, &s) && strcmp(s.name, "jumbo") != 0)
		i++;
	struct packet k = parse_craft(&s.craft, 1, false);
	assert_int_equal(k.ip_bytes, 40 + 70000);
	assert_int_equal(k.payload_bytes, 70000 - 8 - 20);
	assert_int_equal(k.bits & PACKET_LENGTH_FROM_WIRE, 0);
	assert_int_equal(k.key.port[0], 1);

	craft_ethernet(&c, 0x86dd);
	craft_ipv6(&c, 17, 0, 1, 2);
	craft_udp(&c, 5, 6, 10);
	craft_fill(&c, 10, 'x');
	k = parse_craft(&c, 1, false);
	assert_int_equal(k.ip_bytes, 58);
	assert_true(k.bits & PACKET_LENGTH_FROM_WIRE);
	assert_int_equal(k.key.port[0], 5);
	c.octets[14 + 6] = 59;          /* nothing follows: an empty packet and padding */
	k = parse_craft(&c, 1, false);
	assert_int_equal(k.ip_bytes, 40);
	assert_int_equal(k.key.protocol, 59);
	assert_int_equal(k.bits, 0);
	c.octets[14] = 0x45;
	assert_int_equal(parse_craft(&c, 1, false).fate, FATE_malformed_ipv6);
}

static struct packet parse_segments(struct craft *c, uint16_t gso_bytes)
{
	struct packet_settings settings = { .fragment_entries = 8 };
	struct twins t = twins_new(&settings);
	struct frame frame = { .data = c->octets, .captured_bytes = c->bytes, .wire_bytes = c->bytes,
	                       .link_type = 1, .gso_bytes = gso_bytes, .bits = FRAME_OUTGOING };
	struct packet k = twins_parse(&t, &frame);

	twins_free(&t);
	return k;
}

static void test_super_frames(void **state)
{
	(void)state;
	struct craft c = { .bytes = 0 };

	craft_ethernet(&c, 0x0800);
	craft_ipv4(&c, 6, 20 + 1000, 1, 2);
	craft_tcp(&c, 1, 2, 0x10);
	craft_fill(&c, 1000, 'x');
	struct packet k = parse_segments(&c, 300);
	assert_int_equal(k.wire_packets, 4);            /* 300 + 300 + 300 + 100 */
	assert_int_equal(k.ip_bytes, 4 * 40 + 1000);
	assert_int_equal(k.bits, PACKET_OFFLOAD | PACKET_OUTGOING);
	k = parse_segments(&c, 1000);
	assert_int_equal(k.wire_packets, 1);
	assert_int_equal(k.ip_bytes, 1040);
	assert_int_equal(k.bits, PACKET_OUTGOING);
	k = parse_segments(&c, 1);
	assert_int_equal(k.wire_packets, 1000);
	assert_int_equal(k.ip_bytes, 1000 * 41);
	c.octets[16] = c.octets[17] = 0;                /* and with the length from the wire */
	k = parse_segments(&c, 500);
	assert_int_equal(k.wire_packets, 2);
	assert_int_equal(k.ip_bytes, 1040 + 40);
	assert_int_equal(k.bits, PACKET_OFFLOAD | PACKET_OUTGOING | PACKET_LENGTH_FROM_WIRE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain), cmocka_unit_test(test_tcp6),
		cmocka_unit_test(test_total_length), cmocka_unit_test(test_length_from_wire_when_cut),
		cmocka_unit_test(test_header_length), cmocka_unit_test(test_padding_is_not_read),
		cmocka_unit_test(test_cut_by_the_capture), cmocka_unit_test(test_transports),
		cmocka_unit_test(test_ah), cmocka_unit_test(test_chain),
		cmocka_unit_test(test_chain_is_bounded_by_the_packet),
		cmocka_unit_test(test_ipv6_lengths), cmocka_unit_test(test_super_frames),
	};
	return cmocka_run_group_tests_name("packet/ip", tests, NULL, NULL);
}

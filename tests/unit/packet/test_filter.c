/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF filter: one meaning whether a tag is in the frame, beside it or absent; messages. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "craft.h"
#include "packet/filter.h"

#define MACS "020000000002 020000000001 "

/* craft_inner() (192.0.2.1:53 to 192.0.2.2:4000, UDP) behind some octets; a tag beside it if
 * tpid. */
static bool match(const char *text, const char *before, uint16_t link_type, uint16_t tpid,
                  uint16_t tci)
{
	struct craft c = { .bytes = 0 };
	struct packet_filter *filter;
	struct error err = { .text = "" };

	craft_hex(&c, before);
	craft_inner(&c);
	uint8_t *exact = malloc(c.bytes);
	assert_non_null(exact);
	memcpy(exact, c.octets, c.bytes);
	struct frame frame = { .data = exact, .captured_bytes = c.bytes, .wire_bytes = c.bytes,
	                       .link_type = link_type, .vlan_tpid = tpid, .vlan_tci = tci };
	assert_int_equal(packet_filter_new(text, &filter, &err), 0);
	bool matched = packet_filter_match(filter, &frame);
	assert_int_equal(packet_filter_match(filter, &frame), matched);
	packet_filter_free(filter);
	free(exact);
	return matched;
}

static void test_tags_do_not_matter(void **state)
{
	(void)state;
	static const struct { const char *before; uint16_t link_type; } frames[] = {
		{ MACS "0800", 1 }, { MACS "8100 0005 0800", 1 }, { MACS "88a8 0064 8100 00c8 0800", 1 },
		{ MACS "9100 0064 9200 00c8 8100 0001 0800", 1 },
		{ "0000 0001 0006 020000000001 0000 0800", 113 },
		{ "0000 0001 0006 020000000001 0000 8100 0005 0800", 113 },
		{ "0800 0000 00000002 0001 00 06 020000000001 0000", 276 },
		{ "8100 0000 00000002 0001 00 06 020000000001 0000 0005 0800", 276 },
		{ "", 101 }, { "", 12 }, { "", 228 }, { "02000000", 0 }, { "00000002", 108 },
	};

	for (size_t i = 0; i < array_count(frames); i++) {
		for (uint16_t tpid = 0; tpid <= 0x8100; tpid += 0x8100) {
			const char *before = frames[i].before;
			uint16_t link_type = frames[i].link_type;
			assert_true(match("", before, link_type, tpid, 5));
			assert_true(match("udp port 53", before, link_type, tpid, 5));
			assert_true(match("src host 192.0.2.1 and dst port 4000", before, link_type, tpid, 5));
			assert_true(match("len > 30", before, link_type, tpid, 5));
			assert_false(match("tcp", before, link_type, tpid, 5));
			assert_false(match("host 10.0.0.1", before, link_type, tpid, 5));
			if (link_type == 1)
				assert_true(match("ether src 02:00:00:00:00:01", before, 1, tpid, 5));
		}
	}
}

static void test_vlan_is_seen_when_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *before;
		uint16_t tpid, tci;
		bool expected;
	} cases[] = {
		{ "vlan", MACS "0800", 0, 0, false }, { "vlan", MACS "0800", 0x8100, 5, true },
		{ "vlan", MACS "8100 0005 0800", 0, 0, true },
		{ "vlan 5", MACS "8100 0005 0800", 0, 0, true },
		{ "vlan 5", MACS "0800", 0x8100, 5, true }, { "vlan 6", MACS "0800", 0x8100, 5, false },
		{ "vlan 6", MACS "8100 0005 0800", 0, 0, false },
		{ "vlan 5 and udp port 53", MACS "0800", 0x8100, 5, true },
		{ "vlan 5 and udp port 53", MACS "8100 0005 0800", 0, 0, true },
		{ "vlan 100 and vlan 200 and udp", MACS "8100 00c8 0800", 0x88a8, 100, true },
		{ "vlan 100 and vlan 200 and udp", MACS "88a8 0064 8100 00c8 0800", 0, 0, true },
		{ "not vlan", MACS "0800", 0, 0, true }, { "not vlan", MACS "0800", 0x8100, 5, false },
		{ "udp or (vlan and udp)", MACS "8100 0005 0800", 0, 0, true },
	};

	for (size_t i = 0; i < array_count(cases); i++)
		assert_int_equal(match(cases[i].text, cases[i].before, 1, cases[i].tpid, cases[i].tci),
		                 cases[i].expected);
}

static void test_mpls_and_pppoe_behind_tags(void **state)
{
	(void)state;
	assert_true(match("mpls and udp", MACS "8847 0001013f", 1, 0, 0));
	assert_true(match("mpls and udp", MACS "8100 0005 8847 0001013f", 1, 0, 0));
	assert_true(match("pppoes and udp", MACS "8864 1100 0001 002a 0021", 1, 0x8100, 5));
	assert_true(match("pppoes and udp", MACS "8100 0005 8864 1100 0001 002a 0021", 1, 0, 0));
}

static void test_short_frames(void **state)
{
	(void)state;
	struct packet_filter *plain, *vlan;
	struct craft c = { .bytes = 0 };

	assert_int_equal(packet_filter_new("udp", &plain, NULL), 0);
	assert_int_equal(packet_filter_new("vlan and udp", &vlan, NULL), 0);
	craft_hex(&c, MACS "8100 0005 8100 0006 0800");
	craft_inner(&c);
	for (uint32_t captured = 0; captured < c.bytes; captured++) {
		uint8_t *exact = malloc(captured ? captured : 1);
		assert_non_null(exact);
		memcpy(exact, c.octets, captured);
		struct frame frame = { .data = exact, .captured_bytes = captured, .wire_bytes = c.bytes,
		                       .link_type = 1, .vlan_tpid = 0x8100 };
		assert_int_equal(packet_filter_match(plain, &frame), captured >= 22 + 10);
		packet_filter_match(vlan, &frame);
		free(exact);
	}
	packet_filter_free(plain);
	packet_filter_free(vlan);
	packet_filter_free(NULL);
}

static void test_refused_link_types(void **state)
{
	(void)state;
	struct packet_filter *filter;
	struct craft c = { .bytes = 0 };

	craft_inner(&c);
	struct frame frame = { .data = c.octets, .captured_bytes = c.bytes, .wire_bytes = c.bytes,
	                       .link_type = 101 };
	assert_int_equal(packet_filter_new("ether host 02:00:00:00:00:01", &filter, NULL), 0);
	assert_int_equal(packet_filter_refused(filter).link_types, 0);
	assert_null(packet_filter_refused(filter).text);
	assert_false(packet_filter_match(filter, &frame));
	assert_false(packet_filter_match(filter, &frame));
	assert_int_equal(packet_filter_refused(filter).link_types, 1);
	assert_int_equal(packet_filter_refused(filter).last, 101);
	assert_true(strlen(packet_filter_refused(filter).text) > 0);
	for (uint16_t i = 30000; i < 30100; i++) {      /* many link types: no match, and no harm */
		frame.link_type = i;
		assert_false(packet_filter_match(filter, &frame));
	}
	packet_filter_free(filter);
}

/* Each keeps its own view of the tags: one sees the VLAN, the other the packet behind it. */
static void test_narrowed(void **state)
{
	(void)state;
	struct packet_filter *udp, *vlan, *host;
	struct craft tagged = { .bytes = 0 }, plain = { .bytes = 0 };
	craft_ethernet(&tagged, 0x8100);
	craft_u16(&tagged, 5);
	craft_u16(&tagged, 0x0800);
	craft_ethernet(&plain, 0x0800);
	struct craft *both[] = { &tagged, &plain };
	struct frame frames[2];
	for (unsigned i = 0; i < 2; i++) {
		craft_ipv4(both[i], 17, 8, 1, 2);
		craft_udp(both[i], 1000, 53, 0);
		frames[i] = (struct frame){ .data = both[i]->octets, .captured_bytes = both[i]->bytes,
		                            .wire_bytes = both[i]->bytes, .link_type = 1 };
	}
	assert_int_equal(packet_filter_new("udp port 53", &udp, NULL), 0);
	assert_int_equal(packet_filter_new("vlan 5", &vlan, NULL), 0);
	assert_int_equal(packet_filter_new("udp port 54", &host, NULL), 0);
	assert_true(packet_filter_match(udp, &frames[0]) && packet_filter_match(udp, &frames[1]));
	packet_filter_narrow(udp, vlan);
	assert_true(packet_filter_match(udp, &frames[0]));
	assert_false(packet_filter_match(udp, &frames[1]));
	packet_filter_narrow(udp, host);
	assert_false(packet_filter_match(udp, &frames[0]));
	packet_filter_free(udp);
}

static void test_messages(void **state)
{
	(void)state;
	static const struct { const char *text, *part; } cases[] = {
		{ "tcp prot 80", "column 5, at \"prot\"" }, { "tcp and prot 80", "column 9, at \"prot\"" },
		{ "tcp port 80 an host 1.2.3.4", "column 13, at \"an\"" },
		{ "tcp and ((port 80)", "at its end" }, { "tcp and", "at its end" },
		{ "tcp )", "column 5, at \")\"" }, { "and tcp", "column 1, at \"and\"" },
		{ "port nosuchport", "column 6, at \"nosuchport\"" }, { "port 99999", "99999" },
		{ "net 1.2.3.4/33", "mask length" }, { "tcp[13] & & 2", "column 11, at \"&\"" },
	};
	struct packet_filter *filter = NULL;

	for (size_t i = 0; i < array_count(cases); i++) {
		struct error err = { .text = "" };
		assert_int_equal(packet_filter_new(cases[i].text, &filter, &err), -EINVAL);
		assert_non_null(strstr(err.text, cases[i].part));
		assert_non_null(strstr(err.text, cases[i].text));
		assert_null(filter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tags_do_not_matter), cmocka_unit_test(test_vlan_is_seen_when_named),
		cmocka_unit_test(test_mpls_and_pppoe_behind_tags), cmocka_unit_test(test_short_frames),
		cmocka_unit_test(test_refused_link_types),
		cmocka_unit_test(test_narrowed), cmocka_unit_test(test_messages),
	};
	return cmocka_run_group_tests_name("packet/filter", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast path and the general parser on the same frames: samples of every kind, cut at every
 * length and with octets changed, and random frames near the fast path's edges. twins_parse() does
 * the comparing and keeps buffers exact. The same on captures: golden/test_packet_oracle.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "craft.h"

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void each_setting(void (*run)(struct twins *t, const struct sample *s))
{
	struct sample s;

	for (unsigned setting = 0; setting < 4; setting++) {
		struct packet_settings settings = {
			.tunnels = setting & 1, .icmp_key_none = setting & 2, .fragment_entries = 64,
		};
		struct twins t = twins_new(&settings);
		for (unsigned i = 0; craft_sample(i, &s); i++)
			run(&t, &s);
		twins_free(&t);
	}
}

/* Whole samples are all metered; without tunnels a cut one counts as much as the whole. */
static void cut_everywhere(struct twins *t, const struct sample *s)
{
	struct frame frame = { .data = s->craft.octets, .wire_bytes = s->craft.bytes,
	                       .link_type = s->link_type, .captured_bytes = s->craft.bytes };
	struct packet whole = twins_parse(t, &frame);

	assert_int_equal(whole.fate, FATE_metered);
	for (frame.captured_bytes = 0; frame.captured_bytes < s->craft.bytes; frame.captured_bytes++) {
		struct packet cut = twins_parse(t, &frame);
		if (cut.fate == FATE_metered)
			assert_true(cut.ip_bytes == whole.ip_bytes || cut.l3_offset < whole.l3_offset
			            || strcmp(s->name, "jumbo") == 0);
		else
			assert_true(cut.fate == FATE_truncated || cut.fate == FATE_not_ip);
	}
	for (uint32_t bytes = 0; bytes < s->craft.bytes; bytes++) {     /* short on the wire, too */
		frame.captured_bytes = frame.wire_bytes = bytes;
		twins_parse(t, &frame);
	}
}

static void test_cut_everywhere(void **state)
{
	(void)state;
	each_setting(cut_everywhere);
}

static void change_octets(struct twins *t, const struct sample *s)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x0f, 0x40, 0x7f, 0x80, 0xff };
	struct craft c = s->craft;

	for (uint32_t at = 0; at < c.bytes; at++) {
		uint8_t old = c.octets[at];
		for (size_t i = 0; i < sizeof values; i++) {
			c.octets[at] = values[i];
			twins_parse_craft(t, &c, s->link_type);
			c.octets[at] = old ^ values[i];
			twins_parse_craft(t, &c, s->link_type);
		}
		c.octets[at] = old;
	}
}

static void test_changed_octets(void **state)
{
	(void)state;
	each_setting(change_octets);
}

/* A plausible header with a few octets drawn at random, of random length, tagged here, beside,
 * or not. */
static void random_frame(uint64_t *seed, struct craft *c, struct frame *frame)
{
	uint64_t r = next_random(seed);
	bool six = r & 1;

	c->bytes = 0;
	craft_hex(c, "020000000002 020000000001");
	if (r & 2)
		craft_u32(c, (r & 4 ? 0x81000000u : 0x88a80000u) | (uint32_t)(r >> 32 & 0xffff));
	craft_u16(c, six ? 0x86dd : 0x0800);
	uint32_t at = c->bytes;
	uint16_t payload = (uint16_t)(r >> 8 & 63);
	uint8_t protocol = (uint8_t)((const uint8_t[]){ 6, 17, 6, 17, 6, 17, 1, 44 }[r >> 16 & 7]);
	if (six)
		craft_ipv6(c, protocol, payload, (uint8_t)(r >> 20 & 3), (uint8_t)(r >> 22 & 3));
	else
		craft_ipv4(c, protocol, payload, (uint8_t)(r >> 20 & 3), (uint8_t)(r >> 22 & 3));
	uint64_t bits = next_random(seed);
	craft_u16(c, bits & 1);
	craft_u16(c, bits >> 1 & 1);
	while (c->bytes < at + 90)
		craft_u8(c, (uint8_t)next_random(seed));
	if (bits & 4)
		c->octets[at + 20 + (six ? 20 : 0) + 12] = 0x50;
	for (bits >>= 8; bits & 1; bits >>= 1)
		c->octets[at + next_random(seed) % 60] = (uint8_t)next_random(seed);
	r = next_random(seed);
	frame->wire_bytes = 30 + (uint32_t)(r & 127);
	frame->captured_bytes = r & 128 || frame->wire_bytes > c->bytes ? (uint32_t)(r >> 8) % c->bytes
	                                                                : frame->wire_bytes;
	if (frame->captured_bytes > frame->wire_bytes)
		frame->captured_bytes = frame->wire_bytes;
	frame->vlan_tpid = r >> 40 & 7 ? 0 : 0x8100;
	frame->vlan_tci = (uint16_t)(r >> 48);
	frame->gso_bytes = r >> 43 & 15 ? 0 : 8;
	frame->bits = r >> 47 & 1;
}

static void test_random_frames(void **state)
{
	(void)state;
	uint64_t seed = 0x9e3779b97f4a7c15ull;

	/* 40 s between frames: which datagrams a full memory still knows depends on each parser's
	 * secret. */
	for (unsigned setting = 0; setting < 2; setting++) {
		struct packet_settings settings = { .tunnels = setting & 1, .fragment_entries = 64 };
		struct twins t = twins_new(&settings);
		for (unsigned i = 0; i < 300000; i++) {
			static struct craft c;
			struct frame frame = { .data = c.octets, .link_type = 1,
			                       .time_ns = i * 40000000000ull };
			random_frame(&seed, &c, &frame);
			twins_parse(&t, &frame);
		}
		twins_free(&t);
	}
}

/* A batch keeps the order of frames and leaves out what is not metered. */
static void test_batch(void **state)
{
	(void)state;
	static struct frame_batch in;
	static struct packet_batch out;
	struct fate_counters fates = { 0 };
	struct packet_settings settings = { .fragment_entries = 8 };
	struct packet_parser *parser;
	struct craft good = { .bytes = 0 }, arp = { .bytes = 0 };

	craft_plain(&good);
	craft_ethernet(&arp, 0x0806);
	craft_fill(&arp, 46, 0);
	in.count = BATCH_MAX;
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		const struct craft *c = i % 3 == 1 ? &arp : &good;
		in.frame[i] = (struct frame){ .data = c->octets, .captured_bytes = c->bytes,
		                              .wire_bytes = c->bytes + i, .link_type = 1, .time_ns = i };
	}
	assert_int_equal(packet_parser_new(&settings, &parser), 0);
	assert_int_equal(packet_parse(parser, &in, &out, &fates), 43);
	assert_int_equal(out.count, 43);
	for (unsigned i = 0, n = 0; i < BATCH_MAX; i++)
		if (i % 3 != 1)
			assert_ptr_equal(out.packet[n++].frame, in.frame + i);
	assert_int_equal(fates.packets[FATE_not_ip], 21);
	assert_int_equal(fates.octets[FATE_not_ip], 21 * 60 + 21 * 31);
	assert_int_equal(fates.packets[FATE_metered], 0);
	in.count = 0;
	assert_int_equal(packet_parse(parser, &in, &out, &fates), 0);
	packet_parser_free(parser);
	packet_parser_free(NULL);
}

static void test_fates_have_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < FATE_COUNT; i++) {
		assert_non_null(fate_name((enum fate)i));
		assert_true(strlen(fate_text((enum fate)i)) > 5);
	}
	assert_string_equal(fate_name(FATE_malformed_ipv4), "malformed_ipv4");
	assert_null(fate_name(FATE_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_everywhere), cmocka_unit_test(test_changed_octets),
		cmocka_unit_test(test_random_frames),
		cmocka_unit_test(test_batch), cmocka_unit_test(test_fates_have_names),
	};
	return cmocka_run_group_tests_name("packet/twins", tests, NULL, NULL);
}

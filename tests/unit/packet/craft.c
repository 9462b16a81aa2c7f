/* SPDX-License-Identifier: Apache-2.0 */
/* Frames made octet by octet, and parsing them both ways; see craft.h. */
#include "craft.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

void craft_u8(struct craft *c, uint8_t v)
{
	assert_true(c->bytes < sizeof c->octets);
	c->octets[c->bytes++] = v;
}

void craft_u16(struct craft *c, uint16_t v)
{
	craft_u8(c, (uint8_t)(v >> 8));
	craft_u8(c, (uint8_t)v);
}

void craft_u32(struct craft *c, uint32_t v)
{
	craft_u16(c, (uint16_t)(v >> 16));
	craft_u16(c, (uint16_t)v);
}

void craft_fill(struct craft *c, uint32_t bytes, uint8_t v)
{
	while (bytes--)
		craft_u8(c, v);
}

void craft_append(struct craft *c, const struct craft *more)
{
	for (uint32_t i = 0; i < more->bytes; i++)
		craft_u8(c, more->octets[i]);
}

static uint8_t digit(char c)
{
	return (uint8_t)(isdigit((unsigned char)c) ? c - '0' : tolower(c) - 'a' + 10);
}

void craft_hex(struct craft *c, const char *hex)
{
	for (; *hex; hex++) {
		if (isspace((unsigned char)*hex))
			continue;
		craft_u8(c, (uint8_t)(digit(hex[0]) << 4 | digit(hex[1])));
		hex++;
	}
}

void craft_ethernet(struct craft *c, uint16_t type)
{
	craft_hex(c, "020000000002 020000000001");
	craft_u16(c, type);
}

static void craft_ipv4_header(struct craft *c, uint8_t protocol, uint16_t payload,
                              uint32_t id_fragment)
{
	craft_hex(c, "45 b8");
	craft_u16(c, (uint16_t)(payload + 20));
	craft_u32(c, id_fragment);
	craft_hex(c, "40");
	craft_u8(c, protocol);
	craft_hex(c, "0000");
}

void craft_ipv4(struct craft *c, uint8_t protocol, uint16_t payload, uint8_t s, uint8_t d)
{
	craft_ipv4_header(c, protocol, payload, 0x12344000);
	craft_u32(c, 0x0a000000u | s);
	craft_u32(c, 0x0a000000u | d);
}

void craft_ipv4_fragment(struct craft *c, uint8_t protocol, uint16_t payload, uint16_t id,
                         uint16_t fragment)
{
	craft_ipv4_header(c, protocol, payload, (uint32_t)id << 16 | fragment);
	craft_u32(c, 0x0a000001);
	craft_u32(c, 0x0a000002);
}

void craft_ipv6(struct craft *c, uint8_t next, uint16_t payload, uint8_t s, uint8_t d)
{
	craft_u32(c, 0x6b8abcde);
	craft_u16(c, payload);
	craft_u8(c, next);
	craft_u8(c, 61);
	craft_hex(c, "fd000000 00000000 00000000 000000");
	craft_u8(c, s);
	craft_hex(c, "fd000000 00000000 00000000 000000");
	craft_u8(c, d);
}

void craft_tcp(struct craft *c, uint16_t source, uint16_t destination, uint8_t flags)
{
	craft_u16(c, source);
	craft_u16(c, destination);
	craft_hex(c, "00000001 00000002 50");
	craft_u8(c, flags);
	craft_hex(c, "2000 0000 0000");
}

void craft_udp(struct craft *c, uint16_t source, uint16_t destination, uint16_t payload)
{
	craft_u16(c, source);
	craft_u16(c, destination);
	craft_u16(c, (uint16_t)(payload + 8));
	craft_u16(c, 0);
}

void craft_plain(struct craft *c)
{
	craft_ethernet(c, 0x0800);
	craft_ipv4(c, 17, 18, 1, 2);
	craft_udp(c, 1000, 2000, 10);
	craft_fill(c, 10, 'x');
}

void craft_inner(struct craft *c)
{
	craft_ipv4_header(c, 17, 20, 0x00010000);
	craft_hex(c, "c0000201 c0000202");
	craft_udp(c, 53, 4000, 12);
	craft_fill(c, 12, 'i');
}

struct twins twins_new(const struct packet_settings *settings)
{
	struct twins t;

	assert_int_equal(packet_parser_new(settings, &t.fast), 0);
	assert_int_equal(packet_parser_new(settings, &t.general), 0);
	struct packet_settings brief = *settings;
	brief.brief = true;
	t.tunnels = settings->tunnels;
	assert_int_equal(packet_parser_new(&brief, &t.brief), 0);
	return t;
}

void twins_free(struct twins *t)
{
	packet_parser_free(t->fast);
	packet_parser_free(t->general);
	packet_parser_free(t->brief);
}

/* What rare callers ask of a brief packet. With tunnels packets are never brief in a meter that
 * asks. */
static void check_payload(const struct packet *brief, const struct packet *whole)
{
	uint32_t bytes = 0, expected_bytes = 0;
	const uint8_t *expected = packet_payload(whole, false, &expected_bytes);
	assert_ptr_equal(packet_payload(brief, true, &bytes), expected);
	assert_int_equal(bytes, expected_bytes);
	if (expected)
		assert_true(expected + bytes <= whole->frame->data + whole->frame->captured_bytes);
}

static void check_brief(struct twins *t, const struct frame_batch *in, const struct packet *whole)
{
	static _Alignas(64) struct packet_batch out;
	struct fate_counters fates = { 0 };
	const struct packet *k = &out.packet[0];
	size_t after_key = offsetof(struct packet, time_ns);

	memset(out.packet, 0xdd, sizeof out.packet[0]);
	unsigned count = packet_parse(t->brief, in, &out, &fates);
	assert_int_equal(count, whole->fate == FATE_metered);
	assert_int_equal(fates.packets[whole->fate], !count);
	if (!count)
		return;
	assert_memory_equal(&k->key, &whole->key, whole->family == 4 ? 16 : 40);
	assert_memory_equal((const uint8_t *)k + after_key, (const uint8_t *)whole + after_key,
	                    64 - after_key);
	assert_ptr_equal(k->frame, whole->frame);
	assert_int_equal(out.sums.octets, frame_octets(in->frame));
	assert_int_equal(out.sums.ip_octets, whole->ip_bytes);
	assert_int_equal(out.sums.wire_packets, whole->wire_packets);
	if (!t->tunnels && (whole->key.protocol == 6 || whole->key.protocol == 17))
		check_payload(k, whole);
}

struct packet twins_parse(struct twins *t, const struct frame *frame)
{
	static _Alignas(64) struct packet_batch out;
	static struct frame_batch in;
	struct fate_counters fates = { 0 };
	struct packet packet;
	uint8_t *exact = frame->captured_bytes ? malloc(frame->captured_bytes) : NULL;

	if (exact)
		memcpy(exact, frame->data, frame->captured_bytes);
	in.count = 1;
	in.frame[0] = *frame;
	in.frame[0].data = exact;
	memset(&packet, 0xee, sizeof packet);
	packet_parse_one(t->general, in.frame, &packet);
	memset(out.packet, 0xdd, sizeof out.packet[0]);
	unsigned count = packet_parse(t->fast, &in, &out, &fates);
	assert_int_equal(count, packet.fate == FATE_metered);
	assert_int_equal(out.count, count);
	assert_memory_equal(&out.packet[0], &packet, sizeof packet);
	for (unsigned i = 0; i < FATE_COUNT; i++) {
		bool counted = packet.fate != FATE_metered && i == packet.fate;
		assert_int_equal(fates.packets[i], counted);
		assert_int_equal(fates.octets[i], counted ? frame_octets(frame) : 0);
	}
	assert_ptr_equal(packet.frame, in.frame);
	check_brief(t, &in, &packet);
	packet.frame = NULL;
	free(exact);
	return packet;
}

struct packet twins_parse_craft(struct twins *t, const struct craft *c, uint16_t link_type)
{
	struct frame frame = {
		.data = c->octets, .captured_bytes = c->bytes, .wire_bytes = c->bytes,
		.link_type = link_type,
		.time_ns = 1700000000000000000ull,
	};
	return twins_parse(t, &frame);
}

struct packet parse_craft(const struct craft *c, uint16_t link_type, bool tunnels)
{
	struct packet_settings settings = { .tunnels = tunnels, .fragment_entries = 64 };
	struct twins t = twins_new(&settings);
	struct packet packet = twins_parse_craft(&t, c, link_type);

	twins_free(&t);
	return packet;
}

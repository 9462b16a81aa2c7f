/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames made octet by octet for the tests of the packet room, and a way to parse them: every
 * frame is copied into a buffer of its exact size, so that the sanitizer sees the first octet
 * read too far, and goes through the fast path and the general parser, which must give the same
 * packet.
 */
#ifndef TESTS_PACKET_CRAFT_H
#define TESTS_PACKET_CRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/packet.h"

struct craft {
	uint8_t octets[4096];
	uint32_t bytes;
};

/* Appends octets written as hex digits; blanks between them are skipped. */
void craft_hex(struct craft *c, const char *hex);
void craft_u8(struct craft *c, uint8_t v);
void craft_u16(struct craft *c, uint16_t v);
void craft_u32(struct craft *c, uint32_t v);
void craft_fill(struct craft *c, uint32_t bytes, uint8_t v);
void craft_append(struct craft *c, const struct craft *more);

void craft_ethernet(struct craft *c, uint16_t type);
/* One IPv4 packet of 20 + payload octets, from 10.0.0.s to 10.0.0.d. */
void craft_ipv4(struct craft *c, uint8_t protocol, uint16_t payload, uint8_t s, uint8_t d);
/* The same with the fragment word as it stands in the header, and an id. */
void craft_ipv4_fragment(struct craft *c, uint8_t protocol, uint16_t payload, uint16_t id,
                         uint16_t fragment);
/* From fd00::s to fd00::d. */
void craft_ipv6(struct craft *c, uint8_t next, uint16_t payload, uint8_t s, uint8_t d);
void craft_tcp(struct craft *c, uint16_t source, uint16_t destination, uint8_t flags);
void craft_udp(struct craft *c, uint16_t source, uint16_t destination, uint16_t payload);
/* Ethernet, IPv4 from 10.0.0.1 to 10.0.0.2, UDP 1000 to 2000, 10 octets of payload: 52 octets. */
void craft_plain(struct craft *c);
/* What follows a tunnel header in these tests: IPv4 192.0.2.1 to 192.0.2.2, UDP 53 to 4000, 12
 * octets. */
void craft_inner(struct craft *c);
enum { CRAFT_INNER_BYTES = 20 + 8 + 12 };

struct twins {                          /* one parser for each path */
	struct packet_parser *fast, *general, *brief;
	bool tunnels;
};
struct twins twins_new(const struct packet_settings *settings);
void twins_free(struct twins *t);

/* All must agree (the brief one in what it fills); returns the packet, whatever its fate.
 * frame->data is copied; ret.frame is NULL. */
struct packet twins_parse(struct twins *t, const struct frame *frame);
/* A whole frame of a link type, not cut. */
struct packet twins_parse_craft(struct twins *t, const struct craft *c, uint16_t link_type);
/* The same with parsers made for it alone. */
struct packet parse_craft(const struct craft *c, uint16_t link_type, bool tunnels);

/* Frames of all kinds for tests that go over everything. Index from 0; false behind the last. */
struct sample {
	const char *name;
	uint16_t link_type;
	struct craft craft;
};
bool craft_sample(unsigned index, struct sample *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads that mean harm to whoever dissects them. A story is what two ends of a flow say to each
 * other; it is told in good form first (hostile_text.c, hostile_tls.c, or taken out of a capture)
 * and then spoilt (hostile.c): cut, flipped, lengths that lie, parts that are missing or come
 * twice. All comes of a seed, so flow N of a seed is always the same. Neighbour: payloads.c.
 */
#ifndef BENCH_HOSTILE_H
#define BENCH_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORY_PARTS_MAX = 10, STORY_PART_BYTES = 1460 };

struct story_part {
	uint8_t  sender;                /* 0 client, 1 server */
	uint16_t bytes;
	uint8_t  octets[STORY_PART_BYTES];
};

struct story {
	bool udp, ipv6;
	uint16_t port;                  /* the server's */
	unsigned count;
	struct story_part part[STORY_PARTS_MAX];
};

/* ---- chance ---- */

struct dice { uint64_t state; };

uint64_t dice_next(struct dice *dice);
/* 0 to n - 1; n not 0. */
uint32_t dice_below(struct dice *dice, uint32_t n);
bool dice_percent(struct dice *dice, unsigned percent);
/* A length that someone may have forgotten: 0, 1, the largest, or any. */
uint32_t dice_odd(struct dice *dice, uint32_t largest);

/* ---- writing a part; what does not fit is cut off ---- */

struct story_part *story_add(struct story *story, unsigned sender);
void part_octets(struct story_part *part, const void *octets, size_t bytes);
void part_text(struct story_part *part, const char *text);
/* A number of `width` octets, most significant first. */
void part_number(struct story_part *part, uint64_t number, unsigned width);
void part_noise(struct story_part *part, struct dice *dice, uint32_t bytes);
/* Letters, and now and then something else. */
void part_word(struct story_part *part, struct dice *dice, uint32_t bytes);

/* Does it one harm: cuts it, flips octets, makes a length lie. */
void part_spoil(struct story_part *part, struct dice *dice);

/* ---- stories ---- */

struct story_book {                     /* of captures */
	struct story *story;
	size_t count, room;
};

/* Adds the flows of TCP and UDP with payload that stand in a plain pcap file of Ethernet; ends the
 * program with a message where it is none. */
void story_book_read(struct story_book *book, const char *path);

/* Makes flow `number` of `seed`. The book may be empty. */
void hostile_story(const struct story_book *book, uint64_t seed, uint64_t number,
                   struct story *ret);

/* What hostile_text.c and hostile_tls.c tell; each fills a story whose parts are none. */
typedef void story_teller(struct story *story, struct dice *dice);
story_teller tell_http, tell_lines, tell_dns, tell_marks, tell_noise;
story_teller tell_tls, tell_quic;

#endif

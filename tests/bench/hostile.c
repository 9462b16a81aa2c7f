/* SPDX-License-Identifier: Apache-2.0 */
/* Chance, parts, and how stories are spoilt; see hostile.h. */
#include "hostile.h"

#include <string.h>

/* ---- chance ---------------------------------------------------------------------------------- */

uint64_t dice_next(struct dice *dice)
{
	uint64_t x = dice->state += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

uint32_t dice_below(struct dice *dice, uint32_t n)
{
	return (uint32_t)((dice_next(dice) >> 32) * n >> 32);
}

bool dice_percent(struct dice *dice, unsigned percent)
{
	return dice_below(dice, 100) < percent;
}

uint32_t dice_odd(struct dice *dice, uint32_t largest)
{
	switch (dice_below(dice, 6)) {
	case 0: return 0;
	case 1: return 1;
	case 2: return largest;
	case 3: return largest / 2 + 1;
	case 4: return dice_below(dice, 40);
	default: return dice_below(dice, largest);
	}
}

/* ---- parts ----------------------------------------------------------------------------------- */

struct story_part *story_add(struct story *story, unsigned sender)
{
	unsigned last = STORY_PARTS_MAX - 1;
	struct story_part *part = &story->part[story->count < last ? story->count : last];
	story->count += story->count < STORY_PARTS_MAX;
	part->sender = (uint8_t)sender;
	part->bytes = 0;
	return part;
}

void part_octets(struct story_part *part, const void *octets, size_t bytes)
{
	size_t room = STORY_PART_BYTES - part->bytes;
	bytes = bytes < room ? bytes : room;
	memcpy(part->octets + part->bytes, octets, bytes);
	part->bytes = (uint16_t)(part->bytes + bytes);
}

void part_text(struct story_part *part, const char *text)
{
	part_octets(part, text, strlen(text));
}

void part_number(struct story_part *part, uint64_t number, unsigned width)
{
	uint8_t octets[8];
	for (unsigned i = 0; i < width; i++)
		octets[i] = (uint8_t)(number >> 8 * (width - 1 - i));
	part_octets(part, octets, width);
}

void part_noise(struct story_part *part, struct dice *dice, uint32_t bytes)
{
	for (; bytes && part->bytes < STORY_PART_BYTES; bytes--)
		part->octets[part->bytes++] = (uint8_t)dice_next(dice);
}

void part_word(struct story_part *part, struct dice *dice, uint32_t bytes)
{
	static const char others[] = " \t\r\n:;,.=\"%/?&@<>()-\0\xff";
	for (; bytes && part->bytes < STORY_PART_BYTES; bytes--) {
		uint32_t drawn = dice_below(dice, 29 * 8);
		part->octets[part->bytes++] = (uint8_t)(drawn < 26 * 8 ? 'a' + drawn % 26
			: (uint8_t)others[drawn % (sizeof others - 1)]);
	}
}

/* ---- spoiling -------------------------------------------------------------------------------- */

static void spoil_length(struct story_part *part, struct dice *dice)
{
	uint32_t at = dice_below(dice, part->bytes), value = dice_odd(dice, 0xffff);
	if (dice_percent(dice, 60))
		at = dice_below(dice, part->bytes < 48 ? part->bytes : 48);
	if (dice_percent(dice, 30))
		value = part->bytes - at + dice_below(dice, 5) - 2;
	if (dice_percent(dice, 50) && at + 1u < part->bytes)
		part->octets[at++] = (uint8_t)(value >> 8);
	part->octets[at] = (uint8_t)value;
}

static void spoil_run(struct story_part *part, struct dice *dice)
{
	uint32_t at = dice_below(dice, part->bytes), bytes = dice_below(dice, part->bytes - at) + 1;
	memset(part->octets + at, dice_percent(dice, 50) ? 0xff : (int)dice_below(dice, 256), bytes);
}

/* Takes octets out, so that all behind them stand where nobody looks for them. */
static void spoil_gap(struct story_part *part, struct dice *dice)
{
	uint32_t at = dice_below(dice, part->bytes), bytes = dice_below(dice, part->bytes - at) + 1;
	memmove(part->octets + at, part->octets + at + bytes, part->bytes - at - bytes);
	part->bytes = (uint16_t)(part->bytes - bytes);
}

void part_spoil(struct story_part *part, struct dice *dice)
{
	if (!part->bytes)
		return;
	switch (dice_below(dice, 8)) {
	case 0:
		part->bytes = (uint16_t)(dice_below(dice, part->bytes) + 1);
		break;
	case 1:
		part->bytes = (uint16_t)(part->bytes - dice_below(dice, part->bytes < 8 ? part->bytes : 8));
		break;
	case 2:
		part->octets[dice_below(dice, part->bytes)] ^= (uint8_t)(1u << dice_below(dice, 8));
		break;
	case 3:
		spoil_run(part, dice);
		break;
	case 4:
		spoil_gap(part, dice);
		break;
	case 5:
		part_noise(part, dice, dice_below(dice, 600));
		break;
	default:
		spoil_length(part, dice);
	}
}

/* A part goes out in pieces, as far as there is room for them. */
static void spoil_pieces(struct story *story, struct dice *dice)
{
	struct story_part whole = story->part[dice_below(dice, story->count)];
	uint32_t piece = dice_percent(dice, 50) ? 1 + dice_below(dice, 20)
		: 1 + dice_below(dice, STORY_PART_BYTES);
	story->count = 0;
	for (uint32_t at = 0; at < whole.bytes && story->count < STORY_PARTS_MAX; at += piece) {
		uint32_t left = whole.bytes - at;
		bool last = story->count == STORY_PARTS_MAX - 1;
		part_octets(story_add(story, whole.sender), whole.octets + at,
		            last || left < piece ? left : piece);
	}
}

static void spoil_order(struct story *story, struct dice *dice)
{
	unsigned from = dice_below(dice, story->count), to = dice_below(dice, story->count);
	if (dice_percent(dice, 30)) {
		story->part[from].sender ^= 1;
	} else if (dice_percent(dice, 50) && story->count < STORY_PARTS_MAX) {
		story->part[story->count++] = story->part[from];
	} else {
		struct story_part kept = story->part[from];
		story->part[from] = story->part[to];
		story->part[to] = kept;
	}
}

static void spoil(struct story *story, struct dice *dice)
{
	static const uint16_t ports[] = { 443, 80, 53, 5353, 5355, 25, 110, 143, 21, 22, 23, 88, 123,
		137, 138, 389, 445, 465, 554, 853, 993, 995, 1900, 3306, 3478, 5060, 5222, 6881, 8080,
		8801, 17788, 67, 68, 161, 177, 514, 1194, 1812, 3389, 5432, 5683, 6379, 9200, 27017 };
	for (uint32_t times = dice_below(dice, 6); times; times--) {
		if (dice_percent(dice, 75))
			part_spoil(&story->part[dice_below(dice, story->count)], dice);
		else if (dice_percent(dice, 40))
			spoil_pieces(story, dice);
		else
			spoil_order(story, dice);
	}
	if (dice_percent(dice, 10))     /* an acknowledgement, or a datagram without payload */
		story->part[dice_below(dice, story->count)].bytes = 0;
	if (dice_percent(dice, 20))
		story->port = ports[dice_below(dice, sizeof ports / sizeof *ports)];
	if (dice_percent(dice, 3))
		story->udp = !story->udp;
}

/* ---- stories --------------------------------------------------------------------------------- */

static void tell(const struct story_book *book, struct dice *dice, struct story *story)
{
	static story_teller *const tellers[] = { tell_tls, tell_tls, tell_quic, tell_http, tell_http,
		tell_lines, tell_lines, tell_dns, tell_dns, tell_marks, tell_noise };
	if (book->count && dice_percent(dice, 35)) {
		*story = book->story[dice_below(dice, (uint32_t)book->count)];
		return;
	}
	story->udp = story->ipv6 = false;
	story->count = 0;
	tellers[dice_below(dice, sizeof tellers / sizeof *tellers)](story, dice);
}

void hostile_story(const struct story_book *book, uint64_t seed, uint64_t number,
                   struct story *ret)
{
	static struct story other;
	struct dice dice = { seed << 40 ^ number * 0xd1342543de82ef95 };
	tell(book, &dice, ret);
	if (dice_percent(&dice, 15)) {  /* one story goes on as another */
		tell(book, &dice, &other);
		for (unsigned i = dice_below(&dice, 3); i < other.count; i++)
			if (ret->count < STORY_PARTS_MAX)
				ret->part[ret->count++] = other.part[i];
	}
	if (dice_percent(&dice, 15))
		ret->ipv6 = !ret->ipv6;
	spoil(ret, &dice);
}

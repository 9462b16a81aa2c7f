/* SPDX-License-Identifier: Apache-2.0 */
/* Stories out of captures: the first payloads of each flow of TCP or UDP. See hostile.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"
#include "truth.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, TCP_BYTES = 20, UDP_BYTES = 8, ETHERNET = 1 };

struct ends { uint8_t address[2][16], port[2][2], protocol; };

struct shelf {                          /* a capture being read */
	struct story_book *book;
	struct ends *ends;              /* of its stories, by their index in the book */
	size_t first;
};

static void ends_read(const uint8_t *frame, const struct layout *layout, unsigned swap,
                      struct ends *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->protocol = layout->protocol;
	for (unsigned i = 0; i < 2; i++) {
		memcpy(ret->address[i ^ swap], frame + layout->addresses + i * layout->address_bytes,
		       layout->address_bytes);
		memcpy(ret->port[i ^ swap], frame + layout->transport + 2 * i, 2);
	}
}

/* The story of these ends, which may begin here; who sends now is left in ret_sender. */
static struct story *story_of(struct shelf *shelf, const uint8_t *frame,
                              const struct layout *layout, unsigned *ret_sender)
{
	struct story_book *book = shelf->book;
	struct ends ends[2];
	ends_read(frame, layout, 0, &ends[0]);
	ends_read(frame, layout, 1, &ends[1]);
	for (size_t i = shelf->first; i < book->count; i++)
		for (*ret_sender = 0; *ret_sender < 2; ++*ret_sender)
			if (!memcmp(&shelf->ends[i], &ends[*ret_sender], sizeof *ends))
				return &book->story[i];
	if (book->count == book->room) {
		book->room = book->room ? 2 * book->room : 64;
		book->story = realloc(book->story, book->room * sizeof *book->story);
	}
	shelf->ends = realloc(shelf->ends, (book->count + 1) * sizeof *shelf->ends);
	if (!book->story || !shelf->ends)
		abort();
	struct story *story = &book->story[book->count];
	shelf->ends[book->count++] = ends[0];
	story->udp = layout->protocol == PROTOCOL_UDP;
	story->ipv6 = layout->address_bytes == 16;
	story->port = (uint16_t)(ends[0].port[1][0] << 8 | ends[0].port[1][1]);
	story->count = 0;
	*ret_sender = 0;
	return story;
}

/* Where a packet's payload stands; false: it has none that was captured. */
static bool payload_of(const uint8_t *frame, uint32_t captured, const struct layout *layout,
                       uint32_t *ret_at, uint32_t *ret_bytes)
{
	uint32_t at = layout->transport, end = layout->network + layout->ip_octets;
	if (!at || (layout->protocol != PROTOCOL_TCP && layout->protocol != PROTOCOL_UDP))
		return false;
	if (layout->protocol == PROTOCOL_TCP && captured < at + TCP_BYTES)
		return false;
	at += layout->protocol == PROTOCOL_TCP ? frame[at + 12] / 16 * 4u : UDP_BYTES;
	end = end < captured ? end : captured;
	*ret_at = at;
	*ret_bytes = end > at ? end - at : 0;
	return end > at;
}

static void take(struct shelf *shelf, const uint8_t *frame, uint32_t captured)
{
	struct layout layout;
	uint32_t at, bytes;
	unsigned sender;
	if (!layout_read(frame, captured, &layout)
	    || !payload_of(frame, captured, &layout, &at, &bytes))
		return;
	struct story *story = story_of(shelf, frame, &layout, &sender);
	if (story->count < STORY_PARTS_MAX)
		part_octets(story_add(story, sender), frame + at, bytes);
}

void story_book_read(struct story_book *book, const char *path)
{
	static uint8_t octets[1 << 18];
	uint32_t head[6], packet[4];
	FILE *file = fopen(path, "rb");
	bool good = file && fread(head, sizeof head, 1, file) == 1 && head[5] == ETHERNET
		&& (head[0] == 0xa1b2c3d4 || head[0] == 0xa1b23c4d);
	if (!good) {
		fprintf(stderr, "bench_payloads: %s is no plain pcap file of Ethernet\n", path);
		exit(1);
	}
	struct shelf shelf = { .book = book, .first = book->count };
	shelf.ends = calloc(book->count + 1, sizeof *shelf.ends);
	if (!shelf.ends)
		abort();
	while (fread(packet, sizeof packet, 1, file) == 1 && packet[2] <= sizeof octets
	       && fread(octets, packet[2], 1, file) == 1)
		take(&shelf, octets, packet[2]);
	fclose(file);
	free(shelf.ends);
}

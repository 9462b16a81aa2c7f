/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a capture of flows whose payloads mean harm to a dissector.
 *
 *   bench_payloads FILE FIRST FLOWS SEED [CAPTURE...]
 *
 * Flows are numbered; FLOWS of them are written, from FIRST (1 or later) on. Each is a story of up
 * to ten packets with payload (hostile.h); a third of them begin as flows of the CAPTUREs (plain
 * pcap of Ethernet, TCP and UDP). Many flows are under way at a time. FILE may be a named pipe.
 * Ends with the line packets=N octets=N flows=N. Neighbours: hostile.h, capture.h.
 */
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "hostile.h"

enum { ABREAST = 64, STEP_US = 100 };
enum { ETHERNET_BYTES = 14, IPV4_BYTES = 20, IPV6_BYTES = 40, TCP_BYTES = 20, UDP_BYTES = 8 };
enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, FRAME_ROOM = 2048, FLOWS_MAX = 1 << 24,
	CLIENT_PORT = 40123 };

/* ---- frames ---------------------------------------------------------------------------------- */

struct telling {                        /* a story that is being told */
	struct story story;
	uint64_t number;
	uint32_t next[2];               /* sequence numbers */
	unsigned part;
};

static uint8_t *put(uint8_t *at, uint64_t number, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		at[i] = (uint8_t)(number >> 8 * (width - 1 - i));
	return at + width;
}

static uint8_t *put_ip(uint8_t *at, const struct telling *t, unsigned sender, unsigned bytes)
{
	uint64_t client = 0x0a000000 + t->number, server = 0xc6120000 + t->number % 251;
	unsigned protocol = t->story.udp ? PROTOCOL_UDP : PROTOCOL_TCP;
	uint64_t source = sender ? server : client, destination = sender ? client : server;
	if (!t->story.ipv6) {
		at = put(at, 0x4500ull << 48 | (uint64_t)(IPV4_BYTES + bytes) << 32, 8);
		at = put(at, 64ull << 24 | protocol << 16, 4);
		return put(put(at, source, 4), destination, 4);
	}
	at = put(at, 0x60000000ull << 32 | bytes << 16 | protocol << 8 | 64, 8);
	at = put(put(at, 0x20010db8ull << 32, 8), source, 8);
	return put(put(at, 0x20010db8ull << 32, 8), destination, 8);
}

static uint8_t *put_transport(uint8_t *at, struct telling *t, const struct story_part *part)
{
	unsigned client = CLIENT_PORT, sender = part->sender;
	at = put(at, sender ? t->story.port : client, 2);
	at = put(at, sender ? client : t->story.port, 2);
	if (t->story.udp)
		return put(at, (uint64_t)(UDP_BYTES + part->bytes) << 16, 4);
	at = put(put(at, t->next[sender], 4), t->next[!sender], 4);
	t->next[sender] += part->bytes;
	return put(at, (part->bytes ? 0x5018ull : 0x5010ull) << 48 | 8192ull << 32, 8);
}

static void write_part(struct capture *capture, struct telling *t)
{
	static uint8_t frame[FRAME_ROOM];
	const struct story_part *part = &t->story.part[t->part++];
	unsigned transport = t->story.udp ? UDP_BYTES : TCP_BYTES;
	memset(frame, 2, ETHERNET_BYTES);
	uint8_t *at = put(frame + 12, t->story.ipv6 ? 0x86dd : 0x0800, 2);
	at = put_ip(at, t, part->sender, transport + part->bytes);
	at = put_transport(at, t, part);
	memcpy(at, part->octets, part->bytes);
	uint32_t bytes = (uint32_t)(at - frame) + part->bytes;
	struct capture_frame written = { frame, bytes, bytes, bytes - ETHERNET_BYTES,
		capture->packets * STEP_US };
	capture_write(capture, &written);
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct teller {
	const struct story_book *book;
	uint64_t seed, next, end;
};

static void begin(struct teller *teller, struct telling *t)
{
	t->number = teller->next++;
	t->part = 0;
	t->next[0] = 1000;
	t->next[1] = 5000;
	hostile_story(teller->book, teller->seed, t->number, &t->story);
}

/* ABREAST stories side by side, one packet of each in turn; when one is told, another begins. */
static void write_all(struct capture *capture, struct teller *teller)
{
	static struct telling telling[ABREAST];
	unsigned under_way = 0;
	while (under_way < ABREAST && teller->next < teller->end)
		begin(teller, &telling[under_way++]);
	while (under_way) {
		for (unsigned i = 0; i < under_way; i++) {
			struct telling *t = &telling[i];
			write_part(capture, t);
			if (t->part < t->story.count)
				continue;
			if (teller->next < teller->end)
				begin(teller, t);
			else
				*t = telling[--under_way];
		}
	}
}

int main(int argc, char **argv)
{
	struct story_book book = { 0 };
	struct capture capture;
	if (argc < 5) {
		fprintf(stderr, "usage: bench_payloads FILE FIRST FLOWS SEED [CAPTURE...]\n");
		return 2;
	}
	struct teller teller = {
		.book = &book, .next = number_argument("FIRST", argv[2], FLOWS_MAX),
		.seed = number_argument("SEED", argv[4], UINT32_MAX >> 8),
	};
	uint64_t flows = number_argument("FLOWS", argv[3], FLOWS_MAX - teller.next);
	teller.end = teller.next + flows;
	for (int i = 5; i < argc; i++)
		story_book_read(&book, argv[i]);
	capture_open(&capture, argv[1]);
	write_all(&capture, &teller);
	capture_close(&capture, flows);
	free(book.story);
	return 0;
}

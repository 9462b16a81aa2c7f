/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a frame of any link type, with any settings: nothing may be read outside the
 * frame, and the fast path must give what the general parser gives. Input: one octet of
 * settings, one that chooses the link type, two of a tag beside the frame, two of segment size,
 * one that says how much was not captured; then frames, each behind one octet of its length, so
 * that fragments can meet.
 */
#include <stdlib.h>
#include <string.h>

#include "packet/packet.h"

enum { HEAD_BYTES = 7, REPEAT = 4 };

static const uint16_t link_types[] = {
	1, 113, 276, 101, 12, 14, 228, 229, 0, 108, 9, 50, 51, 104, 105, 127, 999
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool truth)
{
	if (!truth)
		abort();
}

static void check_packet(const struct packet *k)
{
	uint64_t captured = k->frame->captured_bytes;

	check(k->fate < FATE_COUNT && k->wire_packets >= 1 && k->sender <= 1);
	if (k->fate != FATE_metered)
		return;
	check(k->family == 4 || k->family == 6);
	check(k->ip_bytes >= (k->family == 4 ? 20 : 40));
	check(k->l3_offset + (k->family == 4 ? 20u : 40u) <= captured);
	check(k->l4_offset < captured && k->payload_offset < captured);
	int order = memcmp(&k->key.address, (const uint8_t *)&k->key.address + (k->family == 4 ? 4
	                                                                        : 16),
	                   k->family == 4 ? 4 : 16);
	check(order < 0 || (order == 0 && k->key.port[0] <= k->key.port[1]));
}

static void check_brief(struct packet_parser *parser, const struct frame_batch *in,
                        const struct packet *whole)
{
	static struct packet_batch out;
	struct fate_counters fates = { 0 };
	const struct packet *k = &out.packet[0];
	size_t after_key = offsetof(struct packet, time_ns);

	if (!packet_parse(parser, in, &out, &fates))
		return;
	check(memcmp(&k->key, &whole->key, whole->family == 4 ? 16 : 40) == 0);
	check(memcmp((const uint8_t *)k + after_key, (const uint8_t *)whole + after_key,
	             64 - after_key) == 0);
	check(k->frame == whole->frame);
}

static void check_frame(struct packet_parser *parsers[3], const struct frame *frame)
{
	static struct frame_batch in;
	static struct packet_batch out;
	struct fate_counters fates = { 0 };
	struct packet general;

	in.count = 1;
	in.frame[0] = *frame;
	packet_parse_one(parsers[0], in.frame, &general);
	check_packet(&general);
	unsigned count = packet_parse(parsers[1], &in, &out, &fates);
	check(count == (general.fate == FATE_metered) && out.count == count);
	check(fates.packets[general.fate] == !count);
	check(!count || memcmp(&general, &out.packet[0], sizeof general) == 0);
	check_brief(parsers[2], &in, &general);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet_parser *parsers[3];

	if (size < HEAD_BYTES)
		return 0;
	/* More fragments than one input can hold: what a full set forgets depends on a secret. */
	struct packet_settings settings = {
		.tunnels = data[0] & 1, .icmp_key_none = data[0] & 2, .fragment_entries = 4096,
	};
	check(packet_parser_new(&settings, &parsers[0]) == 0);
	check(packet_parser_new(&settings, &parsers[1]) == 0);
	settings.brief = true;
	check(packet_parser_new(&settings, &parsers[2]) == 0);
	struct frame frame = {
		.link_type = link_types[data[1] % array_count(link_types)],
		.vlan_tpid = data[0] & 4 ? 0x8100 : 0, .vlan_tci = load_be16(data + 2),
		.gso_bytes = data[0] & 8 ? load_be16(data + 4) : 0, .bits = data[0] >> 4 & 1,
	};
	uint8_t missing = data[6];
	data += HEAD_BYTES;
	size -= HEAD_BYTES;
	for (unsigned i = 0; i < REPEAT && size > 0; i++) {
		size_t bytes = i + 1 < REPEAT && data[0] < size ? data[0] : size - 1;
		uint8_t *exact = malloc(bytes ? bytes : 1);
		check(exact != NULL);
		memcpy(exact, data + 1, bytes);
		frame.data = exact;
		frame.captured_bytes = (uint32_t)bytes;
		frame.wire_bytes = (uint32_t)bytes + missing;
		check_frame(parsers, &frame);
		free(exact);
		data += bytes + 1;
		size -= bytes + 1;
	}
	packet_parser_free(parsers[0]);
	packet_parser_free(parsers[1]);
	packet_parser_free(parsers[2]);
	return 0;
}

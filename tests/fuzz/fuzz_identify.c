/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as IP packets of any flows, through the parser and a meter to the backends of
 * applications and to sessions: nothing may be read outside and nothing leak. Its seeds are what
 * breaks libndpi 4.2 when it is called without weir's care (bare_ndpi.c,
 * tests/identify/test_hostile.py).
 * Input: one octet of settings (bit 0: the key has no protocol, so that a flow is of several), then
 * packets from their IP header on, each behind two octets of its length.
 */
#include <stdlib.h>
#include <string.h>

#include "flow/meter.h"
#include "identify/identify.h"
#include "identify/sessions.h"
#include "packet/packet.h"

enum { PACKETS_MAX = 200, LINK_RAW_IP = 101, SETTINGS_NO_PROTOCOL = 1, MEMORY_BYTES = 1 << 14 };

#define SECOND UINT64_C(1000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool truth)
{
	if (!truth)
		abort();
}

static void emit(void *context, const struct flow_record *record)
{
	(void)context;
	check(record->flow != NULL);
}

static struct meter *meter_make(bool no_protocol, const struct identify_settings *identify)
{
	const struct hook_choice hooks[] = { { &identify_hook, identify }, { NULL, NULL } };
	struct meter_settings settings = {
		.idle_ns = SECOND, .active_ns = DURATION_OFF, .linger_ns = DURATION_OFF,
		.max_flows = 1000, .first_flow_id = 1, .hooks = hooks, .emit = emit,
	};
	struct key_options options = {
		.key = no_protocol
			? "sourceIPv4Address,destinationIPv4Address,"
			  "sourceTransportPort,destinationTransportPort" : NULL,
	};
	struct meter *meter;
	struct error err;
	check(key_plan_parse(&options, &settings.plan, &err) == 0);
	check(meter_new(&settings, &meter, &err) == 0);
	return meter;
}

static void show(struct packet_parser *parser, struct meter *meter, const struct frame *frame)
{
	static struct frame_batch in;
	static struct packet_batch out;
	struct fate_counters fates = { 0 };
	in.count = 1;
	in.frame[0] = *frame;
	if (packet_parse(parser, &in, &out, &fates))
		meter_update(meter, &(const struct packet *){ &out.packet[0] }, 1);
}

/* Each packet in memory of just its size. Returns how long it all took. */
static uint64_t show_all(struct packet_parser *parser, struct meter *meter, const uint8_t *data,
                         size_t size, uint64_t start_ns)
{
	struct frame frame = { .link_type = LINK_RAW_IP, .time_ns = start_ns };
	for (unsigned i = 0; i < PACKETS_MAX && size > 2; i++) {
		size_t bytes = (size_t)data[0] << 8 | data[1];
		data += 2;
		size -= 2;
		bytes = bytes < size ? bytes : size;
		uint8_t *exact = malloc(bytes ? bytes : 1);
		check(exact != NULL);
		memcpy(exact, data, bytes);
		frame.data = exact;
		frame.captured_bytes = frame.wire_bytes = (uint32_t)bytes;
		frame.time_ns += SECOND / 1000;
		show(parser, meter, &frame);
		free(exact);
		data += bytes;
		size -= bytes;
	}
	return frame.time_ns;
}

/* Of both kinds of keys; libndpi takes long to start. */
static void make_meters(struct meter *ret[2])
{
	struct identify_settings identify = {
		.tcp_packets = 80, .udp_packets = 24, .states = 100, .text_bytes = MEMORY_BYTES,
		.memory_bytes = MEMORY_BYTES,
	};
	static struct sessions *sessions;
	check(sessions_new(SECOND / 10, &sessions) == 0);
	identify.sessions = sessions;
	for (unsigned i = 0; i < 2; i++) {
		identify.wide_keys = i;
		ret[i] = meter_make(i, &identify);
	}
}

/* The meters stay, every flow ends with its input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct meter *meters[2];
	static struct packet_parser *parser;
	static uint64_t clock_ns = SECOND;
	struct packet_settings settings = { .fragment_entries = 4096 };
	if (!size)
		return 0;
	if (!meters[0])
		make_meters(meters);
	check(parser || packet_parser_new(&settings, &parser) == 0);
	struct meter *meter = meters[data[0] & SETTINGS_NO_PROTOCOL];
	clock_ns = show_all(parser, meter, data + 1, size - 1, clock_ns) + 10 * SECOND;
	meter_advance(meter, clock_ns);
	check(meter->counters.active == 0);
	return 0;
}

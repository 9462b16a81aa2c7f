/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libndpi by itself takes to name the flows of a capture: packets and flows are laid out in
 * memory first, then only its functions are called, and only that is timed.
 *
 *   bench_libndpi [-t TCP] [-u UDP] FILE        plain pcap of Ethernet, this machine's byte order
 *
 * Each flow is shown its packets from the first with payload on, of UDP and others those that have
 * some, until an application is found and nothing more is to be learned of it, or more than TCP
 * (80), of others UDP (24), were shown; then, or at the end, a guess is asked for. A flow
 * without payload is shown its first packet, for the guess. Prints packets= and flows=
 * that the file has, shown=, and libndpi_ns= of all of it. No weir in it.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ndpi/ndpi_api.h>

enum { FILE_HEAD_BYTES = 24, PACKET_HEAD_BYTES = 16, KEY_BYTES = 38, TCP = 6, UDP = 17 };

struct packet {
	const uint8_t *ip;
	uint32_t flow;
	uint16_t bytes;
	bool payload, first;
	uint64_t time_ms;
};

struct flow {
	uint8_t key[KEY_BYTES];
	bool used, over, payload;
	uint8_t protocol;
	uint32_t shown;
	struct ndpi_flow_struct *state;
};

struct run {
	struct ndpi_detection_module_struct *module;
	struct packet *packets;
	struct flow *flows;
	size_t count, slots, flow_count, shown;
	unsigned tcp_packets, udp_packets;
};

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t native32(const uint8_t *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof value);
	return value;
}

static void *need(void *memory)
{
	if (!memory) {
		fprintf(stderr, "bench_libndpi: out of memory\n");
		exit(1);
	}
	return memory;
}

static uint8_t *load(const char *path, size_t *ret_bytes)
{
	FILE *file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END)) {
		perror(path);
		exit(1);
	}
	*ret_bytes = (size_t)ftell(file);
	rewind(file);
	uint8_t *data = need(malloc(*ret_bytes + 1));
	if (fread(data, 1, *ret_bytes, file) != *ret_bytes)
		exit(1);
	fclose(file);
	return data;
}

/* ---- flows ----------------------------------------------------------------------------------- */

/* Both directions have one key: the smaller end first. */
static void make_key(const uint8_t *address, unsigned width, const uint8_t *ports, uint8_t protocol,
                     uint8_t key[KEY_BYTES])
{
	static const uint8_t none[4];
	const uint8_t *port = ports ? ports : none;
	int order = memcmp(address, address + width, width);
	unsigned low = order ? order > 0 : memcmp(port, port + 2, 2) > 0;
	memset(key, 0, KEY_BYTES);
	memcpy(key, address + low * width, width);
	memcpy(key + 16, address + (low ^ 1) * width, width);
	memcpy(key + 32, port + 2 * low, 2);
	memcpy(key + 34, port + 2 * (low ^ 1), 2);
	key[36] = protocol;
	key[37] = (uint8_t)width;
}

static uint32_t find_flow(struct run *run, const uint8_t key[KEY_BYTES])
{
	uint64_t hash = 14695981039346656037ull;
	for (unsigned i = 0; i < KEY_BYTES; i++)
		hash = (hash ^ key[i]) * 1099511628211ull;
	size_t slot = hash & (run->slots - 1);
	while (run->flows[slot].used && memcmp(run->flows[slot].key, key, KEY_BYTES) != 0)
		slot = (slot + 1) & (run->slots - 1);
	if (!run->flows[slot].used) {
		run->flows[slot].used = true;
		run->flows[slot].protocol = key[36];
		memcpy(run->flows[slot].key, key, KEY_BYTES);
		run->flow_count++;
	}
	return (uint32_t)slot;
}

/* False: no IP, cut, or a later fragment. */
static bool read_packet(struct run *run, const uint8_t *frame, uint32_t bytes, struct packet *to)
{
	uint32_t at = 12;
	while (at + 4 <= bytes && (be16(frame + at) == 0x8100 || be16(frame + at) == 0x88a8))
		at += 4;
	bool four = at + 22 <= bytes && be16(frame + at) == 0x0800;
	if (!four && !(at + 42 <= bytes && be16(frame + at) == 0x86dd))
		return false;
	const uint8_t *ip = frame + at + 2;
	uint32_t head = four ? (ip[0] & 15u) * 4 : 40;
	uint32_t total = four ? be16(ip + 2) : be16(ip + 4) + 40u;
	uint8_t protocol = four ? ip[9] : ip[6], key[KEY_BYTES];
	if (total < head + 8 || at + 2 + total > bytes || (four && (be16(ip + 6) & 0x1fff)))
		return false;
	const uint8_t *l4 = ip + head;
	uint32_t l4_head = protocol == TCP && total >= head + 20 ? (l4[12] >> 4) * 4u
		: protocol == UDP ? 8 : 0;
	make_key(four ? ip + 12 : ip + 8, four ? 4 : 16,
	         protocol == TCP || protocol == UDP ? l4 : NULL, protocol, key);
	to->ip = ip;
	to->bytes = (uint16_t)total;
	to->payload = total > head + l4_head;
	to->flow = find_flow(run, key);
	return true;
}

static void lay_out(struct run *run, const uint8_t *data, size_t bytes)
{
	size_t most = 0, at = FILE_HEAD_BYTES;
	for (; at + PACKET_HEAD_BYTES <= bytes; at += PACKET_HEAD_BYTES + native32(data + at + 8))
		most++;
	for (run->slots = 1 << 12; run->slots < 2 * most; run->slots *= 2)
		;
	run->packets = need(calloc(most + 1, sizeof *run->packets));
	run->flows = need(calloc(run->slots, sizeof *run->flows));
	for (at = FILE_HEAD_BYTES; at + PACKET_HEAD_BYTES <= bytes;) {
		struct packet *packet = &run->packets[run->count];
		uint32_t captured = native32(data + at + 8);
		packet->time_ms = native32(data + at) * 1000ull + native32(data + at + 4) / 1000;
		if (read_packet(run, data + at + PACKET_HEAD_BYTES, captured, packet)) {
			packet->first = !run->flows[packet->flow].shown++;
			run->flows[packet->flow].payload |= packet->payload;
			run->count++;
		}
		at += PACKET_HEAD_BYTES + captured;
	}
	for (size_t i = 0; i < run->slots; i++)
		run->flows[i].shown = 0;
}

/* ---- what is timed --------------------------------------------------------------------------- */

static void end_flow(struct run *run, struct flow *flow, bool known)
{
	u_int8_t guessed;
	if (!known)
		ndpi_detection_giveup(run->module, flow->state, 1, &guessed);
	ndpi_free_flow_data(flow->state);
	free(flow->state);
	flow->state = NULL;
	flow->over = true;
}

static void show(struct run *run, const struct packet *packet, struct flow *flow)
{
	if (!flow->state)
		flow->state = need(calloc(1, sizeof *flow->state));
	ndpi_protocol found = ndpi_detection_process_packet(run->module, flow->state, packet->ip,
	                                                    packet->bytes, packet->time_ms);
	unsigned most = flow->protocol == TCP ? run->tcp_packets : run->udp_packets;
	bool spent = ++flow->shown > most, known = found.app_protocol != NDPI_PROTOCOL_UNKNOWN;
	run->shown++;
	if (spent || (known && !ndpi_extra_dissection_possible(run->module, flow->state)))
		end_flow(run, flow, known);
}

static void name_all(struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		const struct packet *packet = &run->packets[i];
		struct flow *flow = &run->flows[packet->flow];
		if (!flow->over && (packet->payload || (packet->first && !flow->payload)
		                   || (flow->state && flow->protocol == TCP)))
			show(run, packet, flow);
	}
	for (size_t i = 0; i < run->slots; i++)
		if (run->flows[i].state)
			end_flow(run, &run->flows[i],
			         run->flows[i].state->detected_protocol_stack[0] != 0);
}

static double cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
	struct run run = { .tcp_packets = 80, .udp_packets = 24 };
	NDPI_PROTOCOL_BITMASK all;
	size_t bytes;
	int option;
	while ((option = getopt(argc, argv, "t:u:")) != -1) {
		unsigned number = (unsigned)strtoul(optarg, NULL, 10);
		*(option == 't' ? &run.tcp_packets : &run.udp_packets) = number;
	}
	if (argc - optind != 1) {
		fprintf(stderr, "usage: bench_libndpi [-t TCP] [-u UDP] FILE\n");
		return 2;
	}
	uint8_t *data = load(argv[optind], &bytes);
	lay_out(&run, data, bytes);
	run.module = need(ndpi_init_detection_module(ndpi_no_prefs));
	NDPI_BITMASK_SET_ALL(all);
	ndpi_set_protocol_detection_bitmask2(run.module, &all);
	ndpi_finalize_initialization(run.module);
	double start = cpu_ns();
	name_all(&run);
	double took = cpu_ns() - start;
	printf("packets=%zu flows=%zu shown=%zu libndpi_ns=%.0f\n", run.count, run.flow_count,
	       run.shown, took);
	ndpi_exit_detection_module(run.module);
	free(run.packets);
	free(run.flows);
	free(data);
	return 0;
}

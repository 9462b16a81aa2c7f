/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what the packet room makes of each frame of a capture, one line a frame, for tests that
 * compare it with other programs: fate, source, destination, protocol, source and destination
 * port as the key has them, IP octets, outer and inner VLAN, bits, ICMP type and code, TCP
 * flags; fields are separated by tabs. Usage: dump_packets [--tunnels] [--fast] FILE. The file
 * is read by libpcap. --fast: not by the reference.
 */
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/packet.h"

static void print_packet(const struct packet *k)
{
	char source[64], destination[64];
	int family = k->family == 6 ? AF_INET6 : AF_INET;
	const uint8_t *ends[2];

	if (k->fate != FATE_metered) {
		printf("%s\n", fate_name((enum fate)k->fate));
		return;
	}
	for (unsigned i = 0; i < 2; i++)
		ends[i] = family == AF_INET ? k->key.address.v4[i] : k->key.address.v6[i];
	inet_ntop(family, ends[k->sender], source, sizeof source);
	inet_ntop(family, ends[!k->sender], destination, sizeof destination);
	printf("metered\t%s\t%s\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%u\n", source, destination,
	       k->key.protocol, k->key.port[k->sender], k->key.port[!k->sender], k->ip_bytes,
	       k->vlan_outer, k->vlan_inner, k->bits, k->icmp_type_code, k->tcp_flags);
}

/* By the reference; the fast path must give the same octets and the same fate. */
static void parse_frame(struct packet_parser *parsers[2], const struct frame *frame)
{
	static struct frame_batch in = { .count = 1 };
	static struct packet_batch out;
	static struct packet packet;
	struct fate_counters fates = { 0 };

	in.frame[0] = *frame;
	packet_parse_one(parsers[0], in.frame, &packet);
	print_packet(&packet);
	bool metered = packet_parse(parsers[1], &in, &out, &fates) == 1;
	if (memcmp(&packet, out.packet, sizeof packet) != 0
	    || metered != (packet.fate == FATE_metered) || fates.packets[packet.fate] != !metered) {
		fprintf(stderr, "dump_packets: the fast path differs from the reference\n");
		exit(3);
	}
}

int main(int argc, char **argv)
{
	struct packet_settings settings = { 0 };
	struct packet_parser *parsers[2];
	struct pcap_pkthdr *header;
	const u_char *data;
	char message[PCAP_ERRBUF_SIZE];
	int r;

	if (argc == 3 && strcmp(argv[1], "--tunnels") == 0) {
		settings.tunnels = true;
		argc--;
		argv++;
	}
	pcap_t *file = argc == 2 ? pcap_open_offline_with_tstamp_precision(
		argv[1], PCAP_TSTAMP_PRECISION_NANO, message) : NULL;
	if (!file || packet_parser_new(&settings, &parsers[0]) < 0
	    || packet_parser_new(&settings, &parsers[1]) < 0) {
		fprintf(stderr, "dump_packets: %s\n", argc == 2 ? message : "which file?");
		return 2;
	}
	while ((r = pcap_next_ex(file, &header, &data)) == 1) {
		struct frame frame = {
			.data = data, .captured_bytes = header->caplen, .wire_bytes = header->len,
			.link_type = (uint16_t)pcap_datalink(file),
			.time_ns = (uint64_t)header->ts.tv_sec * 1000000000 + (uint64_t)header->ts.tv_usec,
		};
		parse_frame(parsers, &frame);
	}
	packet_parser_free(parsers[0]);
	packet_parser_free(parsers[1]);
	pcap_close(file);
	return r == PCAP_ERROR_BREAK ? 0 : 1;
}

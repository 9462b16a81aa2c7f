/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crafts the frames of the bench; see frames.h. The source address is the flow's number, so that
 * flows differ whatever else is scattered: the destination, and both ports.
 */
#include "frames.h"

#include <stdbool.h>
#include <string.h>

enum { IPV4_BYTES = 20, IPV6_BYTES = 40, TCP_BYTES = 20, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

uint64_t frame_scatter(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

uint32_t frame_draw(uint64_t seed, uint64_t packet, uint32_t flows)
{
	return (uint32_t)(((frame_scatter(packet ^ (seed << 40)) >> 32) * flows) >> 32);
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put24(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 16);
	put16(at + 1, value & 0xffff);
}

static unsigned ip_checksum(const uint8_t *header)
{
	uint32_t sum = 0;

	for (int i = 0; i < IPV4_BYTES; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static void fill_ipv4(uint8_t *ip, uint32_t flow, uint64_t scattered)
{
	static const uint8_t start[IPV4_BYTES] = {
		0x45, 0, 0, FRAME_IPV4_BYTES - FRAME_ETHERNET_BYTES, 0, 0, 0x40, 0, 64, 0, 0, 0,
		10, 0, 0, 0, 172, 16, 0, 0,
	};
	memcpy(ip, start, sizeof start);
	ip[9] = flow & 1 ? PROTOCOL_TCP : PROTOCOL_UDP;
	put24(ip + 13, flow);
	ip[17] |= scattered & 15;
	put16(ip + 18, (scattered >> 4) & 0xffff);
	put16(ip + 10, ip_checksum(ip));
}

static void fill_ipv6(uint8_t *ip, uint32_t flow, uint64_t scattered)
{
	static const uint8_t start[IPV6_BYTES] = {
		0x60, 0, 0, 0, 0, TCP_BYTES, 0, 64,
		0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0x20, 1, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	};
	memcpy(ip, start, sizeof start);
	ip[6] = flow & 1 ? PROTOCOL_TCP : PROTOCOL_UDP;
	put24(ip + 21, flow);
	put24(ip + 37, scattered & 0xfffff);
}

static void fill_transport(uint8_t *at, unsigned bytes, uint64_t scattered, bool tcp, uint8_t flags)
{
	static const uint16_t services[] = { 53, 80, 443, 8080, 123, 5060, 22, 3478 };

	put16(at, 1024 + (scattered >> 24) % 60000);
	put16(at + 2, services[(scattered >> 20) & 7]);
	if (tcp) {
		at[12] = TCP_BYTES / 4 << 4;
		at[13] = flags;
		put16(at + 14, 0xffff);
	} else {
		put16(at + 4, bytes);
	}
}

unsigned frame_make(uint8_t frame[FRAME_BYTES_MAX], unsigned family, uint32_t flow,
                    uint8_t tcp_flags)
{
	static const uint8_t ethernet[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	uint64_t scattered = frame_scatter(flow);
	uint8_t *ip = frame + FRAME_ETHERNET_BYTES;
	unsigned bytes = family == 6 ? FRAME_IPV6_BYTES : FRAME_IPV4_BYTES;
	unsigned header = FRAME_ETHERNET_BYTES + (family == 6 ? IPV6_BYTES : IPV4_BYTES);

	memset(frame, 0, bytes);
	memcpy(frame, ethernet, sizeof ethernet);
	put16(frame + 12, family == 6 ? 0x86dd : 0x0800);
	if (family == 6)
		fill_ipv6(ip, flow, scattered);
	else
		fill_ipv4(ip, flow, scattered);
	fill_transport(frame + header, bytes - header, scattered, flow & 1, tcp_flags);
	return bytes;
}

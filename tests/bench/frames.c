/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crafts the frames of the bench. Sources are 10.0.0.0/8 by flow number, so that every flow of up
 * to 16 million is another; the checksum of IPv4 is right, that of UDP absent (0), as UDP allows.
 */
#include "frames.h"

#include <string.h>

static uint64_t scatter(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	return x;
}

uint32_t frame_flow(uint64_t packet, uint32_t flows)
{
	return (uint32_t)(((scatter(packet + 1) >> 32) * flows) >> 32);
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint16_t ip_checksum(const uint8_t *header)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void frame_fill(uint8_t frame[FRAME_BYTES], uint32_t flow)
{
	static const uint8_t start[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,       /* to, from, IPv4 */
		0x45, 0, 0, FRAME_IP_BYTES, 0, 0, 0x40, 0, 64, 17, 0, 0,
		10, 0, 0, 0, 172, 16, 0, 1,
	};
	uint8_t *ip = frame + 14, *udp = ip + 20;

	memset(frame, 0, FRAME_BYTES);
	memcpy(frame, start, sizeof(start));
	ip[13] = (uint8_t)(flow >> 16);
	put16(ip + 14, (uint16_t)flow);
	put16(ip + 10, ip_checksum(ip));
	put16(udp, (uint16_t)(1024 + flow % 60000));
	put16(udp + 2, 53);
	put16(udp + 4, FRAME_IP_BYTES - 20);
}

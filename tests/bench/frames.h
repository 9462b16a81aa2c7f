/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of the bench: the smallest of Ethernet, IPv4 or IPv6, with TCP or UDP; the flow is a
 * number. Flows with an odd number are TCP. Checksums of IPv4 are right, those above it absent.
 * Neighbours: generate.c writes them to a file, send.c and live.c put them on an interface.
 */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <stdint.h>

enum {
	FRAME_IPV4_BYTES = 60, FRAME_IPV6_BYTES = 74, FRAME_BYTES_MAX = 74, FRAME_ETHERNET_BYTES = 14,
	FRAME_FLOWS_MAX = 1 << 24,      /* flows with addresses of their own */
	FRAME_FIN = 0x01, FRAME_SYN = 0x02, FRAME_ACK = 0x10,
};

/* Makes a frame of flow `flow` below FRAME_FLOWS_MAX, with `tcp_flags` where it is TCP; octets. */
unsigned frame_make(uint8_t frame[FRAME_BYTES_MAX], unsigned family, uint32_t flow,
                    uint8_t tcp_flags);

/* Scatters a number: what looks drawn at random and is the same in every run. */
uint64_t frame_scatter(uint64_t number);

/* The flow of packet `packet`, drawn evenly out of `flows`. */
uint32_t frame_draw(uint64_t seed, uint64_t packet, uint32_t flows);

#endif

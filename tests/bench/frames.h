/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of the bench: 60 octets of Ethernet, IPv4 and UDP (18 of payload), flow by number.
 * Neighbours: send.c puts them on an interface, capture.c into a file.
 */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include <stdint.h>

enum { FRAME_BYTES = 60, FRAME_IP_BYTES = 46 };

/* Fills a frame of flow number `flow`: addresses and ports follow from the number alone. */
void frame_fill(uint8_t frame[FRAME_BYTES], uint32_t flow);

/* The flow of packet number `packet` out of `flows`: scattered evenly, the same in every run. */
uint32_t frame_flow(uint64_t packet, uint32_t flows);

#endif

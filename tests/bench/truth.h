/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many flows a workload has, by a computation of the bench's own: a key read from each packet,
 * and TCP connections that end and begin again. It knows what the bench's captures hold (Ethernet,
 * VLAN tags, IPv4 and IPv6 without extension headers) and assumes that they are so short that no
 * timer expires. Neighbour: repeat.c.
 */
#ifndef BENCH_TRUTH_H
#define BENCH_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRUTH_ADDRESS_BYTES_MAX = 16 };

/* Where in a frame things lie. */
struct layout {
	unsigned tags;          /* offset of the first VLAN tag's type field */
	unsigned network;       /* offset of the IP header */
	unsigned addresses;     /* offset of the two addresses, one behind the other */
	unsigned address_bytes; /* of one: 4 or 16 */
	unsigned transport;     /* offset of what follows the IP header; 0: cut off, or a fragment */
	uint8_t protocol;
	uint32_t ip_octets;     /* by the IP header */
};

/* Finds the layout of a frame of `captured` octets; false where the bench cannot tell its flow. */
bool layout_read(const uint8_t *frame, uint32_t captured, struct layout *ret);

struct truth;

/* Space for at most `flows_max` different keys. */
struct truth *truth_new(size_t flows_max);
void truth_free(struct truth *truth);

/* Adds one packet. */
void truth_add(struct truth *truth, const uint8_t *frame, const struct layout *layout);

/* Flows so far, both directions of a conversation being one. */
uint64_t truth_flows(const struct truth *truth);

#endif

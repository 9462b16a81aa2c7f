/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of fragments: what the first fragment of a datagram told about its transport
 * header, for the later ones, which have none. Fixed size, set-associative; a set that is full
 * gives up its oldest entry. Datagrams are found by a hash keyed with a secret of the parser, so
 * that nobody can aim at a set.
 */
#ifndef PACKET_FRAGMENT_H
#define PACKET_FRAGMENT_H

#include <stdbool.h>
#include <stdint.h>

struct fragment_memory;

/* What tells datagrams apart; it has no padding, and zeros where an address is short. */
struct fragment_datagram {
	uint8_t source[16], destination[16];    /* as in the IP header; IPv4 in the first four octets */
	uint32_t id;                    /* identification: 16 bits in IPv4, 32 in IPv6 */
	uint32_t tunnel_id;             /* as in struct packet: the same addresses may be used in
	                                 * many */
	uint8_t vlan[3];                /* as in struct key */
	uint8_t protocol;               /* of the IP header; in IPv6 of the fragment header */
	uint32_t family;                /* 4 or 6 */
};

/* What is remembered, as the sender of the datagram has it. */
struct fragment_ports {
	uint16_t source, destination;
	uint16_t icmp_type_code;
	uint8_t protocol;               /* behind all extension headers */
};

/* entries: rounded up to a power of two; 0: 65536 (1.5 MB, touched as it fills). 0 or -ENOMEM. */
int fragment_memory_new(uint32_t entries, struct fragment_memory **ret);
void fragment_memory_free(struct fragment_memory *memory);

/* Keeps what a first fragment told, in the place of an older entry of the same datagram or of the
 * oldest in its set. `now` is packet time. An entry is good for 30 s either way, since packet time
 * may go back. */
void fragment_remember(struct fragment_memory *memory, const struct fragment_datagram *datagram,
                       uint64_t now_ns, const struct fragment_ports *ports);
/* What the first fragment of this datagram told; false when it is not remembered, or came too long
 * ago. */
bool fragment_recall(const struct fragment_memory *memory, const struct fragment_datagram *datagram,
                     uint64_t now_ns, struct fragment_ports *ret);

#endif

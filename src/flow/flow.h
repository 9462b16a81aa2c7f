/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow as the table keeps it: parallel arrays under one 32-bit handle.
 * Byte budget of an IPv4 biflow: 64 hot (one cache line, all that a packet of a known flow
 * touches), 32 cold, 4 in the wheel, 9 to 16 in the index; IPv6 has 96 hot octets; wide keys 128.
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/packet.h"

enum flow_state {                       /* struct flow.state: outlives a record */
	FLOW_FIN_0 = 1, FLOW_FIN_1 = 2, /* FIN seen from endpoint 0, 1 */
	FLOW_RST = 4,
	FLOW_INITIATOR_1 = 8,           /* endpoint 1 is the initiator (source of the record) */
	FLOW_EXPORTED = 16,             /* a record has left: direction may not turn any more */
	FLOW_SPOKE_0 = 32, FLOW_SPOKE_1 = 64,   /* this endpoint has sent at least one packet */
	FLOW_IN_USE = 128,
};

/* The only line that a packet of a known IPv4 flow touches. */
struct flow {
	uint64_t octets[2];             /* of this record; [0] sent by the key's endpoint 0 */
	uint64_t first_ns, last_ns;     /* of this record; last_ns stays when a
	                                 * record is cut by the clock */
	uint32_t packets[2];            /* of this record; the carry goes to flow_cold.packets_high */
	uint8_t  tcp_flags[2];          /* of this record: low 8 bits, OR of all packets */
	uint8_t  tcp_flags_high;        /* NS and reserved bits: low nibble endpoint 0, high nibble 1 */
	uint8_t  state;                 /* enum flow_state */
	uint32_t due_tick;              /* where the wheel will look next; not moved per packet */
	uint8_t  key[];                 /* 16, 40 or 56 octets, masked by the meter's key plan */
};
static_assert(sizeof(struct flow) == 48, "48 + 16 = one cache line");

enum flow_basis {                       /* why the initiator is the initiator: flowDirectionBasis */
	BASIS_NONE = 0,                 /* nothing spoke for either side (aggregate keys) */
	BASIS_FIRST_PACKET = 1, BASIS_SYN = 2, BASIS_SYN_ACK = 3, BASIS_REMEMBERED_SERVER = 4,
	BASIS_PROTOCOL = 5, BASIS_REGISTERED_PORT = 6
};

/* Which members of the cold part have a meaning, and what was seen once. */
enum flow_cold_bits {
	COLD_INNER_VLAN = 1,            /* a second tag was present */
	COLD_ICMP_0 = 2, COLD_ICMP_1 = 4,       /* icmp[] of this endpoint is set */
	COLD_TURNED = 8,                /* the initiator is not the sender of the first packet */
	COLD_INTERFACE_0 = 16, COLD_INTERFACE_1 = 32,   /* interface[] of this endpoint is set */
};

/* Behind the hot part under the same handle: read when a record ends, written when one begins or
 * something rare happens (a carry, an ICMP message). */
struct flow_cold {
	uint64_t flow_id;               /* unique in this process */
	uint32_t packets_high[2];       /* carries of flow.packets */
	uint16_t interface[2];          /* of the first packet each way (index
	                                 * into the source's list) */
	uint16_t icmp[2];               /* type and code of the first ICMP message each way */
	uint16_t vlan_outer, vlan_inner;/* ids of the record's first packet; 0: none */
	uint8_t  basis;                 /* enum flow_basis */
	uint8_t  bits;                  /* enum flow_cold_bits */
	uint8_t  tos;                   /* of the record's first packet */
	uint8_t  reserved;
};
static_assert(sizeof(struct flow_cold) == 32, "cold part");

enum flow_end_reason {                  /* IANA flowEndReason */
	END_IDLE = 1, END_ACTIVE = 2, END_DETECTED = 3, END_FORCED = 4, END_RESOURCES = 5
};

#endif

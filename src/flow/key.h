/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes packets one flow. The standard plan uses the parser's key as it is (VLANs,
 * addresses, protocol, ports; both directions one flow). Any other plan builds a wide key:
 * masked fields, ordered after masking when the plan is its own mirror (biflows), in packet
 * order when it is not (uniflows).
 */
#ifndef FLOW_KEY_H
#define FLOW_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "packet/packet.h"
#include "record/record.h"
#include "record/field.h"

struct key_wide {                       /* the first 40 octets as struct key; unused fields are 0 */
	struct key base;                /* IPv4 addresses in address.v6's first 4 octets each */
	uint32_t tunnel_id;
	uint32_t flow_label;            /* only where ports do not tell flows apart */
	uint16_t interface;             /* plus 1; 0: not in the key */
	uint8_t  family;                /* 4 or 6; 0: not in the key */
	uint8_t  tos;
	uint32_t tunnel_layers;         /* kind of the tunnel that tunnel_id is
	                                 * of (enum packet_layers) */
};
static_assert(sizeof(struct key_wide) == 56, "wide key");

enum key_field {                        /* what a plan takes into the key */
	KEY_VLAN_OUTER = 1, KEY_VLAN_INNER = 2, KEY_PROTOCOL = 4, KEY_SOURCE_PORT = 8,
	KEY_DESTINATION_PORT = 16, KEY_ICMP = 32, KEY_TUNNEL = 64, KEY_FLOW_LABEL = 128,
	KEY_INTERFACE = 256, KEY_TOS = 512, KEY_FAMILY = 1024,
};

/* Which facts of a packet make its flow. Fixed for a meter's life. */
struct key_plan {
	bool standard;                  /* the parser's key, in the tables for IPv4 and IPv6 */
	bool mirrored;                  /* both directions are one flow */
	bool full_tuple[2];                /* both full addresses, protocol and ports:
	                                 * TCP state has a meaning */
	bool prefixes;                  /* an address is cut: exported as a prefix and its length */
	uint32_t fields;                /* enum key_field */
	uint8_t source_bits[2], destination_bits[2];    /* prefix lengths, [0] IPv4,
	                                                 * [1] IPv6; 0: not in key */
	bool source, destination;       /* the address is in the key at all */
};

/* What the user said about keys: --key, --no-vlan-key, --per-interface, --tunnels. */
struct key_options {
	const char *key;                /* list of element names, or NULL for the standard key */
	bool vlan_key, per_interface, tunnels;
};

/* Builds a plan; a message names the word that is no key field and what is possible. */
int key_plan_parse(const struct key_options *options, struct key_plan *ret, struct error *err);

/* True when this field says (a part of) what flows of this plan are told apart by. */
bool key_plan_has(const struct key_plan *plan, const struct field *field);

enum { KEY_COLUMNS_MAX = 32 };

/* The columns that say a key (one that key_plan_parse accepts), in its order: of a cut address the
 * prefix and its length. `ret` has room for KEY_COLUMNS_MAX; returns the number. */
unsigned key_columns(const struct key_options *options, struct column_choice *ret);

/* Whether both addresses of this family are in the key, and whole. */
static inline bool key_plan_has_addresses(const struct key_plan *plan, bool six)
{
	uint8_t whole = six ? 128 : 32;
	return plan->source_bits[six] == whole && plan->destination_bits[six] == whole;
}

/* Builds the wide key of a packet; returns the sender's side in it (0 or 1). */
unsigned key_wide_build(const struct key_plan *plan, const struct packet *packet,
                        struct key_wide *ret);

/* TCP, UDP, DCCP, SCTP, UDP-Lite: the key's ports are ports, not ICMP types or nothing. */
static inline bool key_has_ports(uint8_t protocol)
{
	return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136;
}

/* Octets of the key that the parser has made, which is that of the standard plan. */
static inline uint32_t key_bytes_of_packet(const struct packet *p)
{
	return p->family == 6 ? sizeof p->key : 16;
}

/* What a flow's key of 16, 40 or 56 octets holds: 4 or 6, or 0 where a wide one leaves the family
 * out; and an end's address in network order, of IPv4 in the first 4 octets. */
static inline uint8_t key_family(const void *key, uint32_t key_bytes)
{
	if (key_bytes == sizeof(struct key_wide))
		return ((const struct key_wide *)key)->family;
	return key_bytes == sizeof(struct key) ? 6 : 4;
}
static inline const uint8_t *key_address(const struct key *key, uint32_t key_bytes, unsigned end)
{
	return key_bytes < sizeof *key ? key->address.v4[end] : key->address.v6[end];
}

/* Vlan ids of a key. */
static inline uint16_t key_vlan_outer(const struct key *key)
{
	return (uint16_t)(key->vlan[0] << 4 | key->vlan[1] >> 4);
}
static inline uint16_t key_vlan_inner(const struct key *key)
{
	return (uint16_t)((key->vlan[1] & 15) << 8 | key->vlan[2]);
}

#endif

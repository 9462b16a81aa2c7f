/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parsed packet. Line 0 is all that the flow table needs; line 1 is what hooks need.
 * packet_parse() turns a batch of frames into packets and gives every frame exactly one fate.
 *
 * Key: canonical, as docs/semantics.md says: the lower address is endpoint 0 (compared as
 * network octets); ports move with their addresses; equal addresses are ordered by port. ICMP: a
 * type and its counterpart are the two "ports" (sender's side holds the type sent); any other
 * message has (type << 8 | code) on its sender's side and 0xffff on the other, so that the two
 * directions stay apart. Ports are 0 where there are none or they are unknown (later fragments).
 */
#ifndef PACKET_PACKET_H
#define PACKET_PACKET_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "capture/frame.h"
#include "packet/fate.h"

struct key {                            /* v4 uses the first 16 octets, v6 all 40 */
	uint16_t port[2];               /* native order; [0] the lower endpoint's */
	uint8_t  vlan[3];               /* outer id << 12 | inner id, 24 bits, most significant first */
	uint8_t  protocol;
	union {                         /* network order; [0] the lower endpoint's */
		uint8_t v4[2][4];
		uint8_t v6[2][16];
	} address;
};
static_assert(offsetof(struct key, address) == 8 && sizeof(struct key) == 40, "key layout");

enum { ICMP_ONE_WAY = 0xffff };         /* the other side's port where ICMP has no counterpart */

enum packet_bits {
	PACKET_FRAGMENT = 1,            /* any fragment of a datagram */
	PACKET_LATER_FRAGMENT = 2,      /* not the first */
	PACKET_FRAGMENT_JOINED = 4,     /* ports come from the remembered first fragment */
	PACKET_NO_PORTS = 8,            /* the transport header was not there to read */
	PACKET_OFFLOAD = 16,            /* super-frame: stands for wire_packets packets */
	PACKET_OUTGOING = 32,           /* sent by this host */
	PACKET_INNER_VLAN = 64,         /* a second tag was present */
	PACKET_LENGTH_FROM_WIRE = 128,  /* IP length 0: taken from the frame's wire length */
};

enum packet_layers {                    /* headers walked through, for hooks and explain */
	LAYER_VLAN = 1, LAYER_MPLS = 2, LAYER_PPPOE = 4, LAYER_AH = 8, LAYER_HOP_BY_HOP = 16,
	LAYER_ROUTING = 32, LAYER_DESTINATION = 64, LAYER_OTHER_EXTENSION = 128,
	LAYER_GRE = 256, LAYER_IPIP = 512, LAYER_VXLAN = 1024, LAYER_GENEVE = 2048, LAYER_GTP = 4096,
	LAYER_ERSPAN = 8192, LAYER_TEREDO = 16384, LAYER_IP_OPTIONS = 32768,
};

struct packet {
	/* line 0 */
	struct key key;
	uint64_t time_ns;
	uint32_t ip_bytes;              /* by the IP header; of all wire_packets together */
	uint32_t wire_packets;          /* 1, or more for an offload super-frame */
	uint16_t tcp_flags;             /* 12 bits: octet 13, low nibble of octet 12; 0 if not TCP */
	uint16_t interface;             /* the frame's */
	uint8_t  sender;                /* 0: key endpoint 0 sent it, 1: endpoint 1 */
	uint8_t  family;                /* 4 or 6 */
	uint8_t  bits;                  /* enum packet_bits */
	uint8_t  tos;                   /* IPv4 type of service, IPv6 traffic class */
	/* line 1: when brief, only the frame (and all of it for what the fast path leaves) */
	const struct frame *frame;
	uint32_t payload_bytes;         /* of the transport, as declared; may exceed what is captured */
	uint32_t fragment_id;
	uint32_t tunnel_id;             /* symmetric id for the key (VNI, GRE key); 0 if none */
	uint32_t tunnel_peer_id;        /* id that differs by direction (GTP TEID) */
	uint32_t flow_label;            /* IPv6, 20 bits */
	uint32_t layers;                /* enum packet_layers */
	uint16_t l2_offset;             /* of the Ethernet header that counts; 0xffff if none */
	uint16_t l3_offset, l4_offset;  /* from frame->data; l4_offset 0 when absent or not captured */
	uint16_t payload_offset;        /* 0 when there is none captured */
	uint16_t vlan_outer, vlan_inner;/* ids; 0 if none */
	uint16_t tcp_window;            /* as sent, unscaled */
	uint8_t  ttl, mpls_depth;
	uint8_t  fate;                  /* enum fate; always FATE_metered in a packet_batch */
	uint8_t  tunnels;               /* that were looked into (--tunnels) */
	uint16_t mpls_offset;           /* of the first label; only with mpls_depth */
	uint16_t outer_offset;          /* of the outermost IP header; only with tunnels */
	uint16_t icmp_type_code;        /* type << 8 | code as sent; 0 if not ICMP */
} __attribute__((aligned(64)));
static_assert(offsetof(struct packet, frame) == 64 && sizeof(struct packet) == 128, "two lines");

struct packet_settings {
	bool tunnels;                   /* meter the innermost packet */
	bool icmp_key_none;             /* all ICMP of a host pair is one flow: ICMP "ports" are 0 */
	bool brief;                     /* nobody reads line 1 nor, of IPv4, the key's last 24 octets:
	                                 * the fast path leaves them as they are (frame apart) */
	uint32_t fragment_entries;      /* size of the fragment memory; 0: default (65536) */
};

/* Settings and the fragment memory. One for a source, not one for a worker: fragments meet whoever
 * parses them. */
struct packet_parser;

struct packet_sums {                    /* of some packets */
	uint64_t wire_packets;
	uint64_t octets, ip_octets;     /* frame_octets() and ip_bytes */
};

static inline void packet_sums_add(struct packet_sums *sums, const struct packet *packet)
{
	sums->wire_packets += packet->wire_packets;
	sums->octets += frame_octets(packet->frame);
	sums->ip_octets += packet->ip_bytes;
}

struct packet_batch {                   /* packets that can be metered, in frame order */
	uint32_t count;
	struct packet_sums sums;
	struct packet packet[BATCH_MAX] __attribute__((aligned(64)));
};

/* 0, -ENOMEM, or -EIO where the system gives no random numbers for the secret. */
int packet_parser_new(const struct packet_settings *settings, struct packet_parser **ret);
void packet_parser_free(struct packet_parser *parser);

/* Parses in->frame[0..count). Packets with FATE_metered go to out (their fate is not counted
 * yet: the engine does, since filter and sampling come after); all others are counted in fates
 * here. Packets point at the frames of `in`, which must stay until they are done. Returns
 * out->count. One thread at a time, in the order of the frames: fragments are remembered. */
unsigned packet_parse(struct packet_parser *parser, const struct frame_batch *in,
                      struct packet_batch *out, struct fate_counters *fates);

/* The same in two steps. The first may be done by several threads at once, in any order: it parses
 * up to the first fragment, and returns how many frames that was, all of them as a rule. The
 * second takes the rest, in order. */
unsigned packet_parse_ahead(struct packet_parser *parser, const struct frame_batch *in,
                            struct packet_batch *out, struct fate_counters *fates);
void packet_parse_rest(struct packet_parser *parser, const struct frame_batch *in, unsigned from,
                       struct packet_batch *out, struct fate_counters *fates);

/* The payload of a TCP or UDP packet as far as it was captured, inside its frame, and its octets;
 * NULL if there is none. brief: line 1 may not have been filled. Not for every packet. */
const uint8_t *packet_payload(const struct packet *packet, bool brief, uint32_t *ret_bytes);

/* Parses one frame, whatever its fate, for explain and fuzzing: ret->fate says what it is. */
void packet_parse_one(struct packet_parser *parser, const struct frame *frame, struct packet *ret);

#endif

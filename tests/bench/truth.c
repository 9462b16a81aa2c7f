/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts flows; see truth.h. Plain on purpose: a table with linear probing, keys compared whole.
 * ICMP echoes and their replies are one flow, other messages key on type and code. A SYN without
 * ACK after FIN or RST, from whichever side, begins another flow.
 */
#include "truth.h"

#include <stdlib.h>
#include <string.h>

#include "frames.h"

enum {
	TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100, TYPE_SERVICE_VLAN = 0x88a8,
	TCP = 6, UDP = 17, ICMP = 1, ICMPV6 = 58, SCTP = 132, TAGS_MAX = 2,
	FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10,
};

struct key {
	uint8_t ends[2][TRUTH_ADDRESS_BYTES_MAX + 2];   /* address and port, the lower first */
	uint16_t vlans[TAGS_MAX];
	uint16_t icmp;          /* type and code */
	uint8_t protocol;
	uint8_t address_bytes;
};

struct entry {
	struct key key;
	bool used;
	bool ended;             /* FIN or RST was seen */
};

struct truth {
	struct entry *entries;
	size_t slots;           /* a power of two, twice the keys at least */
	size_t keys, keys_max;
	uint64_t flows;
};

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static bool is_tag(unsigned type)
{
	return type == TYPE_VLAN || type == TYPE_SERVICE_VLAN;
}

static bool read_ipv4(const uint8_t *ip, uint32_t left, struct layout *layout)
{
	unsigned header = (ip[0] & 15) * 4u;

	if (left < 20 || header < 20)
		return false;
	bool later_fragment = (get16(ip + 6) & 0x1fff) != 0;
	layout->addresses = layout->network + 12;
	layout->address_bytes = 4;
	layout->protocol = ip[9];
	layout->ip_octets = get16(ip + 2);
	layout->transport = later_fragment || left < header + 4 ? 0 : layout->network + header;
	return layout->ip_octets >= header;
}

static bool read_ipv6(const uint8_t *ip, uint32_t left, struct layout *layout)
{
	if (left < 40)
		return false;
	layout->addresses = layout->network + 8;
	layout->address_bytes = 16;
	layout->protocol = ip[6];
	layout->ip_octets = 40 + get16(ip + 4);
	layout->transport = left < 44 ? 0 : layout->network + 40;
	return layout->protocol == TCP || layout->protocol == UDP || layout->protocol == ICMPV6;
}

bool layout_read(const uint8_t *frame, uint32_t captured, struct layout *ret)
{
	struct layout layout = { .tags = 12, .network = 14 };

	while (captured >= layout.network && is_tag(get16(frame + layout.network - 2)))
		layout.network += 4;
	if (captured < layout.network + 20 || layout.network > layout.tags + 2 + TAGS_MAX * 4)
		return false;
	unsigned type = get16(frame + layout.network - 2);
	const uint8_t *ip = frame + layout.network;
	uint32_t left = captured - layout.network;
	if (!(type == TYPE_IPV4 && read_ipv4(ip, left, &layout)) &&
	    !(type == TYPE_IPV6 && read_ipv6(ip, left, &layout)))
		return false;
	*ret = layout;
	return true;
}

/* A request's type stands for its reply's too. */
static unsigned icmp_kind(const uint8_t *icmp, uint8_t protocol)
{
	unsigned type = icmp[0];

	if (protocol == ICMP && type == 0)
		type = 8;
	if (protocol == ICMPV6 && type == 129)
		type = 128;
	return type << 8 | icmp[1];
}

static void read_vlans(const uint8_t *frame, const struct layout *layout, struct key *key)
{
	unsigned count = 0;

	for (unsigned at = layout->tags; at < layout->network - 2; at += 4)
		if (get16(frame + at + 2) & 0xfff)      /* id 0 is a priority, no VLAN */
			key->vlans[count++] = get16(frame + at + 2) & 0xfff;
}

static void read_key(const uint8_t *frame, const struct layout *layout, struct key *key)
{
	uint8_t ends[2][TRUTH_ADDRESS_BYTES_MAX + 2] = { { 0 } };
	const uint8_t *transport = frame + layout->transport;
	uint8_t protocol = layout->protocol;

	memset(key, 0, sizeof *key);
	for (unsigned i = 0; i < 2; i++) {
		unsigned bytes = layout->address_bytes;
		memcpy(ends[i], frame + layout->addresses + i * bytes, bytes);
		if (layout->transport && (protocol == TCP || protocol == UDP || protocol == SCTP))
			memcpy(ends[i] + TRUTH_ADDRESS_BYTES_MAX, transport + 2 * i, 2);
	}
	bool swap = memcmp(ends[0], ends[1], sizeof ends[0]) > 0;
	memcpy(key->ends[0], ends[swap], sizeof ends[0]);
	memcpy(key->ends[1], ends[!swap], sizeof ends[0]);
	if (layout->transport && (protocol == ICMP || protocol == ICMPV6))
		key->icmp = (uint16_t)icmp_kind(transport, protocol);
	read_vlans(frame, layout, key);
	key->protocol = protocol;
	key->address_bytes = (uint8_t)layout->address_bytes;
}

static uint64_t key_hash(const struct key *key)
{
	uint64_t hash = 0, word;
	const uint8_t *octets = (const uint8_t *)key;

	_Static_assert(sizeof *key % 4 == 0, "the hash reads words");
	for (size_t i = 0; i < sizeof *key; i += 4) {
		word = 0;
		memcpy(&word, octets + i, 4);
		hash = frame_scatter(hash ^ word);
	}
	return hash;
}

struct truth *truth_new(size_t flows_max)
{
	struct truth *truth = calloc(1, sizeof *truth);

	if (!truth)
		return NULL;
	truth->slots = 1024;
	truth->keys_max = flows_max;
	while (truth->slots < 2 * flows_max)
		truth->slots *= 2;
	truth->entries = calloc(truth->slots, sizeof *truth->entries);
	if (!truth->entries) {
		free(truth);
		return NULL;
	}
	return truth;
}

void truth_free(struct truth *truth)
{
	if (truth)
		free(truth->entries);
	free(truth);
}

static struct entry *find(struct truth *truth, const struct key *key)
{
	size_t slot = key_hash(key) & (truth->slots - 1);

	while (truth->entries[slot].used &&
	       memcmp(&truth->entries[slot].key, key, sizeof *key) != 0)
		slot = (slot + 1) & (truth->slots - 1);
	return &truth->entries[slot];
}

static uint8_t tcp_flags(const uint8_t *frame, const struct layout *layout)
{
	return layout->protocol == TCP && layout->transport ? frame[layout->transport + 13] : 0;
}

void truth_add(struct truth *truth, const uint8_t *frame, const struct layout *layout)
{
	struct key key;

	read_key(frame, layout, &key);
	struct entry *entry = find(truth, &key);
	uint8_t flags = tcp_flags(frame, layout);
	bool again = entry->ended && (flags & (SYN | ACK)) == SYN;
	if (!entry->used && truth->keys++ == truth->keys_max)
		abort();
	truth->flows += !entry->used || again;
	if (!entry->used || again)
		*entry = (struct entry){ .key = key, .used = true };
	entry->ended |= (flags & (FIN | RST)) != 0;
}

uint64_t truth_flows(const struct truth *truth)
{
	return truth->flows;
}

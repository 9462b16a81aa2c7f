/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging of single flows: see flood.h. A slot is found by protocol and destination, and begins as
 * a copy of its first flow; every further one is added to it, and marks what it does not have in
 * common. Neighbours: meter.c (who merges and emits), victim.c (which flows give way).
 */
#include "flow/flood.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/direction.h"
#include "flow/table.h"

int flood_init(struct flood *f, uint64_t limit, uint32_t space_bytes)
{
	f->limit = limit;
	f->space_bytes = space_bytes;
	if (space_bytes && !(f->spaces = calloc(array_count(f->slots), space_bytes)))
		return -ENOMEM;
	return 0;
}

void flood_fini(struct flood *f) { free(f->spaces); }

/* ---- merging --------------------------------------------------------------------------------- */

/* What is merged: a flow, of which endpoint `initiator` is the slot's endpoint 0. */
struct addition {
	const struct flow *flow;
	const struct flow_cold *cold;
	const struct key *key;
	unsigned key_bytes, initiator;
};

static struct flow *flow_of(struct flood_slot *slot)
{
	return (struct flow *)(void *)slot->hot;
}

static const struct key_wide *wide_of(const struct key *k)
{
	return (const struct key_wide *)(const void *)k;
}

/* By protocol and destination; the two families apart. */
static unsigned slot_of(const struct addition *a)
{
	const uint64_t odd = 0x9e3779b97f4a7c15;
	unsigned to = a->initiator ^ 1;
	const uint8_t *address = key_address(a->key, a->key_bytes, to);
	uint64_t x = a->key->protocol;
	if (key_has_ports(a->key->protocol))
		x |= (uint64_t)a->key->port[to] << 8;
	if (a->key_bytes == 16) {
		x |= (uint64_t)load_32(address) << 32;
	} else {
		x = (x ^ load_64(address)) * odd;
		x = (x ^ x >> 32 ^ load_64(address + 8)) * odd;
	}
	x = (x ^ x >> 32) * odd;
	bool six = key_family(a->key, a->key_bytes) == 6;
	return (unsigned)(x >> 32) % FLOOD_SLOTS + six * FLOOD_SLOTS;
}

static uint32_t flag_if(bool condition, uint32_t flag) { return condition ? flag : 0; }

/* Of the addition by role, of the sum as it stands. */
static bool same_address(const struct addition *a, const struct key *sum, unsigned end)
{
	const uint8_t *one = key_address(a->key, a->key_bytes, end ^ a->initiator);
	const uint8_t *two = key_address(sum, a->key_bytes, end);
	return a->key_bytes == 16 ? load_32(one) == load_32(two) : key_equal(one, two, 16);
}

/* What differs from the first flow of the slot stays marked, whatever comes after: a field that
 * varies has no value in the record. */
static uint32_t key_varies(const struct addition *a, const struct key *sum)
{
	const struct key *k = a->key;
	bool protocol = k->protocol != sum->protocol, ports = protocol || key_has_ports(k->protocol);
	uint32_t varies = flag_if(!same_address(a, sum, 0), VARIES_SOURCE)
		| flag_if(!same_address(a, sum, 1), VARIES_DESTINATION)
		| flag_if(ports && k->port[a->initiator] != sum->port[0], VARIES_SOURCE_PORT)
		| flag_if(ports && k->port[a->initiator ^ 1] != sum->port[1], VARIES_DESTINATION_PORT)
		| flag_if(protocol, VARIES_PROTOCOL);
	if (a->key_bytes != 56)
		return varies;
	const struct key_wide *w = wide_of(k), *o = wide_of(sum);
	return varies | flag_if(w->flow_label != o->flow_label, VARIES_LABEL)
		| flag_if(w->tunnel_id != o->tunnel_id || w->tunnel_layers != o->tunnel_layers,
		          VARIES_TUNNEL);
}

/* Takes the bits out of the sum of what the addition has not got or has with another value. */
static uint32_t cold_varies(const struct addition *a, struct flow_cold *sum)
{
	const struct flow_cold *c = a->cold;
	for (unsigned i = 0; i < 2; i++) {
		unsigned from = a->initiator ^ i;
		if (sum->icmp[i] != c->icmp[from] || !(c->bits & COLD_ICMP_0 << from))
			sum->bits &= (uint8_t)~(COLD_ICMP_0 << i);
		if (sum->interface[i] != c->interface[from] || !(c->bits & COLD_INTERFACE_0 << from))
			sum->bits &= (uint8_t)~(COLD_INTERFACE_0 << i);
	}
	if (sum->vlan_inner != c->vlan_inner || !(c->bits & COLD_INNER_VLAN))
		sum->bits &= (uint8_t)~COLD_INNER_VLAN;
	return flag_if(sum->vlan_outer != c->vlan_outer, VARIES_VLAN)
		| flag_if(sum->basis != c->basis, VARIES_BASIS);
}

/* An empty slot takes over all that is no sum. */
static void begin(struct flood_slot *slot, const struct addition *a)
{
	const struct flow_cold *c = a->cold;
	unsigned from = a->initiator, to = from ^ 1;
	memset(slot, 0, sizeof *slot);
	slot->key_bytes = (uint8_t)a->key_bytes;
	flow_of(slot)->first_ns = a->flow->first_ns;
	struct key *k = (struct key *)(void *)flow_of(slot)->key;
	memcpy(k, a->key, a->key_bytes);
	k->port[0] = a->key->port[from];
	k->port[1] = a->key->port[to];
	uint8_t *addresses = (uint8_t *)&k->address;
	unsigned bytes = a->key_bytes == 16 ? 4 : 16;
	memcpy(addresses, key_address(a->key, a->key_bytes, from), bytes);
	memcpy(addresses + bytes, key_address(a->key, a->key_bytes, to), bytes);
	slot->cold = (struct flow_cold){ .flow_id = c->flow_id, .vlan_outer = c->vlan_outer,
		.vlan_inner = c->vlan_inner, .basis = c->basis, .bits = c->bits, .tos = c->tos,
		.interface = { c->interface[from], c->interface[to] },
		.icmp = { c->icmp[from], c->icmp[to] } };
	if (from) {
		const unsigned first = COLD_ICMP_0 | COLD_INTERFACE_0, second = first << 1;
		slot->cold.bits = (uint8_t)((c->bits & ~(first | second)) | (c->bits & first) << 1
		                            | (c->bits & second) >> 1);
	}
}
static_assert(COLD_ICMP_1 == COLD_ICMP_0 << 1 && COLD_INTERFACE_1 == COLD_INTERFACE_0 << 1,
              "begin() shifts them");

/* Packets carry over into the cold part, as they do in a flow of its own. */
static void add_side(struct flood_slot *slot, unsigned to, const struct flow_record *r,
                     unsigned from)
{
	struct flow *sum = flow_of(slot);
	const struct flow *f = r->flow;
	uint32_t before = sum->packets[to];
	sum->packets[to] += f->packets[from];
	slot->cold.packets_high[to] += r->cold->packets_high[from] + (sum->packets[to] < before);
	sum->octets[to] += f->octets[from];
	sum->tcp_flags[to] |= f->tcp_flags[from];
	sum->tcp_flags_high |= (uint8_t)((f->tcp_flags_high >> (4 * from) & 15) << (4 * to));
}

static uint8_t *space_of(const struct flood *flood, unsigned number)
{
	return flood->spaces ? flood->spaces + (size_t)number * flood->space_bytes : NULL;
}

/* The sum is kept with the initiator as endpoint 0, whichever endpoint that was in the flow: sides
 * add up by role. */
uint8_t *flood_merge(struct flood *flood, const struct flow_record *r)
{
	struct addition a = { .flow = r->flow, .cold = r->cold, .key_bytes = r->key_bytes,
	                      .key = (const struct key *)(const void *)r->flow->key,
	                      .initiator = direction_initiator(r->flow) };
	unsigned number = slot_of(&a);
	struct flood_slot *slot = &flood->slots[number];
	uint8_t *space = space_of(flood, number);
	struct flow *sum = flow_of(slot);
	if (!slot->flows)
		begin(slot, &a);
	if (!slot->flows && space)
		memset(space, 0, flood->space_bytes);
	slot->varies |= key_varies(&a, (const struct key *)(const void *)sum->key)
		| cold_varies(&a, &slot->cold);
	add_side(slot, 0, r, a.initiator);
	add_side(slot, 1, r, a.initiator ^ 1);
	if (r->flow->first_ns < sum->first_ns)
		sum->first_ns = r->flow->first_ns;
	if (r->flow->last_ns > sum->last_ns)
		sum->last_ns = r->flow->last_ns;
	slot->flows++;
	flood->any = true;
	flood->taken = 0;
	return space;
}

/* ---- taking out ------------------------------------------------------------------------------ */

bool flood_next_second(struct flood *flood, uint64_t clock_ns)
{
	bool is_first = flood->second_ns == 0;
	flood->second_ns = clock_ns - clock_ns % UINT64_C(1000000000);
	if (!is_first)
		flood->singles = 0;
	return !is_first;
}

/* The slot is empty at once, but stays as it is until more is merged: what ret points to holds that
 * long. */
bool flood_take(struct flood *flood, struct flow_record *ret)
{
	while (flood->any && flood->taken < array_count(flood->slots)) {
		unsigned number = flood->taken++;
		struct flood_slot *slot = &flood->slots[number];
		if (!slot->flows)
			continue;
		*ret = (struct flow_record){
			.flow = flow_of(slot), .cold = &slot->cold, .merged = slot->flows,
			.spaces = space_of(flood, number), .varies = slot->varies,
			.key_bytes = slot->key_bytes, .reason = END_RESOURCES, .flow_gone = true,
		};
		slot->flows = 0;
		return true;
	}
	flood->any = false;
	return false;
}

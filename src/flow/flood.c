/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flood.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/direction.h"

int flood_init(struct flood *f, uint64_t limit, uint32_t space_bytes)
{
	f->limit = limit;
	f->space_bytes = space_bytes;
	if (space_bytes && !(f->spaces = calloc(array_count(f->slots), space_bytes)))
		return -ENOMEM;
	return 0;
}

void flood_fini(struct flood *f) { free(f->spaces); }

/* ---- the record with its initiator as endpoint 0 --------------------------------------------- */

struct turned {
	struct key_wide key;            /* the first octets of it, as long as the table's keys */
	struct flow_cold cold;
	unsigned initiator;             /* its endpoint in the flow */
};

static void swap_octets(uint8_t *a, uint8_t *b, unsigned bytes)
{
	uint8_t c[16];
	memcpy(c, a, bytes);
	memcpy(a, b, bytes);
	memcpy(b, c, bytes);
}

static void turn_key(struct key *k, unsigned key_bytes)
{
	uint16_t port = k->port[0];
	k->port[0] = k->port[1];
	k->port[1] = port;
	if (key_bytes == 16)
		swap_octets(k->address.v4[0], k->address.v4[1], 4);
	else
		swap_octets(k->address.v6[0], k->address.v6[1], 16);
}

static void turn_cold(struct flow_cold *c)
{
	const uint8_t first = COLD_ICMP_0 | COLD_INTERFACE_0, second = COLD_ICMP_1 | COLD_INTERFACE_1;
	uint16_t interface = c->interface[0], icmp = c->icmp[0];
	c->interface[0] = c->interface[1];
	c->interface[1] = interface;
	c->icmp[0] = c->icmp[1];
	c->icmp[1] = icmp;
	c->bits = (uint8_t)((c->bits & ~(first | second)) | (c->bits & first) << 1
	                    | (c->bits & second) >> 1);
}
static_assert(COLD_ICMP_1 == COLD_ICMP_0 << 1 && COLD_INTERFACE_1 == COLD_INTERFACE_0 << 1,
              "turn_cold shifts them");

static void turn(const struct flow_record *r, struct turned *ret)
{
	memset(&ret->key, 0, sizeof ret->key);
	memcpy(&ret->key, r->flow->key, r->key_bytes);
	ret->cold = *r->cold;
	ret->initiator = direction_initiator(r->flow);
	if (ret->initiator) {
		turn_key(&ret->key.base, r->key_bytes);
		turn_cold(&ret->cold);
	}
}

/* ---- merging --------------------------------------------------------------------------------- */

static struct flow *flow_of(struct flood_slot *slot)
{
	return (struct flow *)(void *)slot->hot;
}

/* By protocol and destination; the two families apart. */
static unsigned slot_of(const struct turned *t, unsigned key_bytes)
{
	const uint64_t odd = 0x9e3779b97f4a7c15;
	const struct key *k = &t->key.base;
	uint64_t x = k->protocol;
	if (key_has_ports(k->protocol))
		x |= (uint64_t)k->port[1] << 8;
	if (key_bytes == 16) {
		x |= (uint64_t)load_32(k->address.v4[1]) << 32;
	} else {
		x = (x ^ load_64(k->address.v6[1])) * odd;
		x = (x ^ x >> 32 ^ load_64(k->address.v6[1] + 8)) * odd;
	}
	x = (x ^ x >> 32) * odd;
	bool six = key_bytes == 40 || t->key.family == 6;
	return (unsigned)(x >> 32) % FLOOD_SLOTS + six * FLOOD_SLOTS;
}

static uint32_t flag_if(bool condition, uint32_t flag) { return condition ? flag : 0; }

static uint32_t key_varies(const struct key_wide *a, const struct key_wide *b, unsigned key_bytes)
{
	const struct key *x = &a->base, *y = &b->base;
	unsigned bytes = key_bytes == 16 ? 4 : 16;
	const uint8_t *one = key_bytes == 16 ? x->address.v4[0] : x->address.v6[0];
	const uint8_t *two = key_bytes == 16 ? y->address.v4[0] : y->address.v6[0];
	bool protocol = x->protocol != y->protocol, ports = protocol || key_has_ports(x->protocol);
	return flag_if(memcmp(one, two, bytes), VARIES_SOURCE)
		| flag_if(memcmp(one + bytes, two + bytes, bytes), VARIES_DESTINATION)
		| flag_if(ports && x->port[0] != y->port[0], VARIES_SOURCE_PORT)
		| flag_if(ports && x->port[1] != y->port[1], VARIES_DESTINATION_PORT)
		| flag_if(protocol, VARIES_PROTOCOL)
		| flag_if(a->tunnel_id != b->tunnel_id || a->tunnel_layers != b->tunnel_layers,
		          VARIES_TUNNEL)
		| flag_if(a->flow_label != b->flow_label, VARIES_LABEL);
}

/* Takes the bits out of `a` of what `b` has not got or has with another value. */
static uint32_t cold_varies(struct flow_cold *a, const struct flow_cold *b)
{
	uint8_t keep = b->bits;
	for (unsigned i = 0; i < 2; i++) {
		if (a->icmp[i] != b->icmp[i])
			keep &= (uint8_t)~(COLD_ICMP_0 << i);
		if (a->interface[i] != b->interface[i])
			keep &= (uint8_t)~(COLD_INTERFACE_0 << i);
	}
	if (a->vlan_inner != b->vlan_inner)
		keep &= (uint8_t)~COLD_INNER_VLAN;
	a->bits &= keep;
	return flag_if(a->vlan_outer != b->vlan_outer, VARIES_VLAN)
		| flag_if(a->basis != b->basis, VARIES_BASIS);
}

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

static void begin(struct flood_slot *slot, const struct flow_record *r, const struct turned *t)
{
	memset(slot, 0, sizeof *slot);
	slot->key_bytes = r->key_bytes;
	slot->cold = t->cold;
	memset(slot->cold.packets_high, 0, sizeof slot->cold.packets_high);
	memcpy(flow_of(slot)->key, &t->key, r->key_bytes);
	flow_of(slot)->first_ns = r->flow->first_ns;
}

static uint8_t *space_of(const struct flood *flood, unsigned number)
{
	return flood->spaces ? flood->spaces + (size_t)number * flood->space_bytes : NULL;
}

uint8_t *flood_merge(struct flood *flood, const struct flow_record *r)
{
	struct turned t;
	turn(r, &t);
	unsigned number = slot_of(&t, r->key_bytes);
	struct flood_slot *slot = &flood->slots[number];
	struct flow *sum = flow_of(slot);
	uint8_t *space = space_of(flood, number);
	if (!slot->flows)
		begin(slot, r, &t);
	if (!slot->flows && space)
		memset(space, 0, flood->space_bytes);
	struct key_wide key = { .family = 0 };
	memcpy(&key, sum->key, r->key_bytes);
	slot->varies |= key_varies(&key, &t.key, r->key_bytes) | cold_varies(&slot->cold, &t.cold);
	add_side(slot, 0, r, t.initiator);
	add_side(slot, 1, r, t.initiator ^ 1);
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

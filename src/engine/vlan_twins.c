/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traffic whose two directions lie in different VLANs: see vlan_twins.h. The table holds the last
 * one-way flow of each slot, by the key without its VLANs; an overwritten one is merely missed.
 * Beyond some number only a sample is looked at, so a scan costs nothing.
 */
#include "engine/vlan_twins.h"

#include <string.h>

enum { TWINS_LEAST = 8, SAMPLE_FROM = 10000 };

/* One flow in sixteen, both its directions alike: enough to tell by, once there are many. */
static bool is_in_sample(const struct key *k)
{
	return ((load_32(k->address.v4[0]) ^ load_32(k->port)) * 0x9e3779b1u) >> 28 == 0;
}

void vlan_twins_see(struct vlan_twins *t, const struct hash_secret *secret,
                    const struct flow_record *record)
{
	const struct flow *f = record->flow;
	if (record->key_bytes == 56 || !record->flow_gone)
		return;
	const struct key *own = (const struct key *)(const void *)f->key;
	t->tagged |= (own->vlan[0] | own->vlan[1] | own->vlan[2]) != 0;
	if (!t->tagged || (f->packets[0] && f->packets[1]))
		return;
	uint8_t octets[40];
	const void *key = octets;
	uint64_t hash;
	struct key *k = (struct key *)(void *)octets;
	memcpy(octets, f->key, record->key_bytes);
	uint32_t vlans = (uint32_t)k->vlan[0] << 16 | (uint32_t)k->vlan[1] << 8 | k->vlan[2];
	if (t->one_way >= SAMPLE_FROM && !is_in_sample(k))
		return;
	memset(k->vlan, 0, sizeof k->vlan);
	if (record->key_bytes == 16)
		secret->many_16(secret, &key, 1, &hash);
	else
		secret->many_40(secret, &key, 1, &hash);
	uint8_t sender = f->packets[1] != 0;
	unsigned i = (unsigned)(hash >> 40) % VLAN_TWINS_SLOTS;
	t->one_way++;
	if (t->slot[i].hash == hash && t->slot[i].vlans != vlans && t->slot[i].sender != sender)
		t->twins++;
	t->slot[i].hash = hash;
	t->slot[i].vlans = vlans;
	t->slot[i].sender = sender;
}

bool vlan_twins_are_many(uint64_t one_way, uint64_t twins)
{
	return twins >= TWINS_LEAST && twins >= one_way / 10;
}

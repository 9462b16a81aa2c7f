/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mirror ports often tag one direction only; with VLAN ids in the key such traffic makes two
 * one-way flows of each. This counts one-way flows whose other direction was seen in another VLAN,
 * by a small table of the last ones, so that the user can be told of --no-vlan-key.
 * Neighbour: worker.h.
 */
#ifndef ENGINE_VLAN_TWINS_H
#define ENGINE_VLAN_TWINS_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/meter.h"

enum { VLAN_TWINS_SLOTS = 1024 };

/* Of one meter in one worker; all zero to begin with. 16 KB. */
struct vlan_twins {
	uint64_t one_way, twins;        /* flows with packets from one side; those with a twin */
	bool tagged;                    /* a flow with a tag has been seen: before, none can differ */
	struct {
		uint64_t hash;          /* of the key without VLANs */
		uint32_t vlans;
		uint8_t sender;         /* key endpoint that sent */
	} slot[VLAN_TWINS_SLOTS];
};

/* A record of a meter that has VLANs in its key. */
void vlan_twins_see(struct vlan_twins *t, const struct hash_secret *secret,
                    const struct flow_record *record);

/* True when there are so many that one should be told. */
bool vlan_twins_are_many(uint64_t one_way, uint64_t twins);

#endif

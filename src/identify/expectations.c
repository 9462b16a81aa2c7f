/* SPDX-License-Identifier: Apache-2.0 */
/* See expectations.h. */
#include "identify/expectations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* All memory at once, 1,024 times 16 places: nothing is allocated while packets flow. */
int expectations_init(struct expectations *e)
{
	memset(e, 0, sizeof *e);
	hash_secret_init(&e->secret);
	uint64_t secret;
	memcpy(&secret, e->secret.octets + 16, sizeof secret);
	map_init(&e->by_flow, secret);
	e->places = calloc(EXPECTATION_PARENTS * EXPECTATIONS_EACH, sizeof *e->places);
	e->parents = calloc(EXPECTATION_PARENTS, sizeof *e->parents);
	e->buckets = calloc(EXPECTATION_BUCKETS, sizeof *e->buckets);
	if (e->places && e->parents && e->buckets)
		return 0;
	expectations_fini(e);
	return -ENOMEM;
}

void expectations_fini(struct expectations *e)
{
	free(e->places);
	free(e->parents);
	free(e->buckets);
	map_fini(&e->by_flow);
	memset(e, 0, sizeof *e);
}

/* The head of the chain where this end would stand. */
static uint32_t *bucket_of(const struct expectations *e, const struct announced *end)
{
	uint8_t octets[20] = { end->family, end->protocol, (uint8_t)(end->port >> 8),
	                       (uint8_t)end->port };
	memcpy(octets + 4, end->address, 16);
	return &e->buckets[hash_siphash13(&e->secret, octets, sizeof octets) % EXPECTATION_BUCKETS];
}

static bool same_end(const struct announced *a, const struct announced *b)
{
	return a->port == b->port && a->protocol == b->protocol && a->family == b->family
		&& !memcmp(a->address, b->address, 16);
}

static bool may_come(const struct announced *expected, const uint8_t peer[16])
{
	return expected->any_peer || !memcmp(expected->peer, peer, 16);
}

static struct expectation_parent *parent_of_place(const struct expectations *e, uint32_t place)
{
	return &e->parents[place / EXPECTATIONS_EACH];
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* Out of its chain; one that nobody has come to in time is not counted as replaced. */
static void take_out(struct expectations *e, uint32_t place, uint64_t now_ms)
{
	struct expectation *x = &e->places[place];
	if (!x->end.port)
		return;
	uint32_t *link = bucket_of(e, &x->end);
	while (*link != place + 1)
		link = &e->places[*link - 1].next;
	*link = x->next;
	e->replaced += x->expires_ms > now_ms;
	e->live--;
	x->end.port = 0;
}

/* Parents are used in turn, so the one that gives way is the oldest. */
static struct expectation_parent *new_parent(struct expectations *e, uint64_t flow_id,
                                             uint64_t now_ms)
{
	struct expectation_parent *parent = &e->parents[e->next_parent];
	uint32_t first = e->next_parent * EXPECTATIONS_EACH;
	for (uint32_t i = 0; parent->flow_id && i < EXPECTATIONS_EACH; i++)
		take_out(e, first + i, now_ms);
	if (parent->flow_id)
		map_remove(&e->by_flow, parent->flow_id);
	*parent = (struct expectation_parent){ 0 };
	if (map_put(&e->by_flow, flow_id, parent))
		return NULL;
	parent->flow_id = flow_id;
	e->next_parent = (e->next_parent + 1) % EXPECTATION_PARENTS;
	return parent;
}

/* The same, announced by the same flow before. */
static struct expectation *find_again(const struct expectations *e, const struct announced *end,
                                      uint64_t flow_id)
{
	for (uint32_t at = *bucket_of(e, end); at; at = e->places[at - 1].next) {
		struct expectation *x = &e->places[at - 1];
		if (same_end(&x->end, end) && x->end.any_peer == end->any_peer
		    && may_come(&x->end, end->peer) && parent_of_place(e, at - 1)->flow_id == flow_id)
			return x;
	}
	return NULL;
}

/* Within a parent places are used in turn as well: a flow overwrites its own announcements
 * alone. */
void expectations_add(struct expectations *e, const struct announced *end, struct expected what,
                      uint64_t now_ms)
{
	struct expectation *x = find_again(e, end, what.parent);
	if (x) {
		x->expires_ms = now_ms + EXPECTATION_MS;
		return;
	}
	struct expectation_parent *parent = map_get(&e->by_flow, what.parent);
	if (!parent)
		parent = new_parent(e, what.parent, now_ms);
	if (!parent)
		return;
	uint32_t place = (uint32_t)(parent - e->parents) * EXPECTATIONS_EACH + parent->next;
	parent->next = (parent->next + 1) % EXPECTATIONS_EACH;
	take_out(e, place, now_ms);
	uint32_t *bucket = bucket_of(e, end);
	e->places[place] = (struct expectation){ .end = *end, .next = *bucket, .kind = what.kind,
	                                         .expires_ms = now_ms + EXPECTATION_MS };
	*bucket = place + 1;
	e->live++;
	e->announced++;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* The newest of several stands first in its chain. */
static bool find_end(const struct expectations *e, const struct announced *end, uint64_t flow_id,
                     uint64_t now_ms, struct expected *ret)
{
	for (uint32_t at = *bucket_of(e, end); at; at = e->places[at - 1].next) {
		const struct expectation *x = &e->places[at - 1];
		uint64_t parent = parent_of_place(e, at - 1)->flow_id;
		if (!same_end(&x->end, end) || !may_come(&x->end, end->peer) || parent == flow_id
		    || x->expires_ms <= now_ms)
			continue;
		*ret = (struct expected){ .parent = parent, .kind = x->kind };
		return true;
	}
	return false;
}

bool expectations_find(const struct expectations *e, const struct identify_flow *flow,
                       uint64_t flow_id, uint64_t now_ms, struct expected *ret)
{
	if (!e->live || !flow->family)
		return false;
	for (unsigned i = 2; i-- > 0; ) {       /* the responder first: it is who was announced */
		struct announced end = { .port = flow->port[i], .family = flow->family,
		                         .protocol = flow->protocol };
		size_t bytes = flow->family == 6 ? 16 : 4;
		memcpy(end.address, flow->address[i], bytes);
		memcpy(end.peer, flow->address[i ^ 1], bytes);
		if (end.port && find_end(e, &end, flow_id, now_ms, ret))
			return true;
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gives way when the table is full: victim.h has the idea and the costs. A round chooses some
 * dozens of flows ahead, so that the memory which their removal touches comes in while others are
 * removed; a flow that changed meanwhile is passed over.
 */
#include "flow/victim.h"

enum { VICTIMS_NEAR = 8, LOOKS_AHEAD = 32 };   /* for the prefetches */

/* Puts a flow among those chosen in this window, by age. They mostly come in that order. */
static void add(struct victims *v, const struct flow *f, uint32_t handle, uint32_t window_start)
{
	uint32_t i = v->count++;
	for (; i > window_start && v->chosen[i - 1].last_ns > f->last_ns; i--)
		v->chosen[i] = v->chosen[i - 1];
	v->chosen[i] = (struct victim){ .last_ns = f->last_ns, .handle = handle,
	                                .single = flow_is_single(f) };
}

/* Debt and earnings are kept in looks: see the header. Flows of a window are chosen by age, windows
 * in the order in which the hand passes them. */
static void look_at_window(struct victims *v, const struct flow_table *t, uint32_t looks)
{
	uint32_t oldest = HANDLE_NONE, start = v->count;
	for (uint32_t i = 0; i < looks; i++) {
		if (++v->hand >= t->used)
			v->hand = 1;
		const struct flow *f = flow_table_at(t, v->hand);
		prefetch_read((const uint8_t *)f + (size_t)LOOKS_AHEAD * t->stride);
		if (!(f->state & FLOW_IN_USE))
			continue;
		if (flow_is_single(f))
			add(v, f, v->hand, start);
		else if (!oldest || f->last_ns < flow_table_at(t, oldest)->last_ns)
			oldest = v->hand;
	}
	uint64_t earned = (uint64_t)(v->count - start) * VICTIM_WINDOW;
	if (earned || v->debt + looks <= t->used)
		v->debt = v->debt + looks > earned ? v->debt + looks - earned : 0;
	else if (oldest)
		add(v, flow_table_at(t, oldest), oldest, start);
}

/* Hashes the keys of those chosen, and has what their removal touches brought in. */
static void prepare(struct victims *v, const struct flow_table *t)
{
	const void *keys[VICTIMS_MAX];
	uint64_t hashes[VICTIMS_MAX];
	for (uint32_t i = 0; i < v->count; i++) {
		keys[i] = flow_table_at(t, v->chosen[i].handle)->key;
		prefetch_write(flow_table_cold(t, v->chosen[i].handle));
	}
	t->hash_many(t->secret, keys, v->count, hashes);
	for (uint32_t i = 0; i < v->count; i++) {
		v->chosen[i].hash = hashes[i];
		index_prefetch(&t->index, hashes[i]);
	}
}

/* Once round the table at most, so that no flow is chosen twice. */
static void choose(struct victims *v, const struct flow_table *t)
{
	v->next = v->count = 0;
	for (uint32_t left = t->used - 1; left && v->count < VICTIMS_WANTED;) {
		uint32_t looks = left < VICTIM_WINDOW ? left : VICTIM_WINDOW;
		look_at_window(v, t, looks);
		left -= looks;
	}
	prepare(v, t);
}

/* A packet since it was chosen: then it is alive, or no longer single. */
static bool is_unchanged(const struct victim *a, const struct flow *f)
{
	return (f->state & FLOW_IN_USE) && f->last_ns == a->last_ns && flow_is_single(f) == a->single;
}

/* The choice is kept until it is used up; whoever was alive meanwhile is not given up. */
const struct victim *victims_next(struct victims *v, struct flow_table *t)
{
	if (t->active == 0)
		return NULL;
	for (;;) {
		for (; v->next < v->count; v->next++) {
			const struct victim *a = &v->chosen[v->next];
			if (v->next + VICTIMS_NEAR < v->count)
				index_prefetch_overflow(&t->index, a[VICTIMS_NEAR].hash);
			if (is_unchanged(a, flow_table_at(t, a->handle)))
				return a;
		}
		choose(v, t);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See sessions.h. */
#include "identify/sessions.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"

enum { STRIPES = 64 };
enum { STEPS = 8 };                     /* of a gap, in which activity is noted */

enum { FLOWS_BITS = 13, FLOWS_MOST = (1 << FLOWS_BITS) - 1 };

struct session {
	uint64_t tag : 64 - FLOWS_BITS, /* of the key: what does not say the set */
	         flows : FLOWS_BITS;    /* that have joined; no more are counted than fit */
	uint64_t id;                    /* 0: free */
	uint64_t first_ns, last_ns;     /* activity known */
};
static_assert(sizeof(struct session) == 32 && SESSION_SETS == 1 << FLOWS_BITS, "tag and set");

struct session_parent {
	uint64_t flow_id, id;           /* 0: free; of its session */
	uint32_t place;                 /* of that */
	uint32_t age;                   /* greater: put later */
};

struct sessions {
	uint64_t gap_ns;
	struct hash_secret secret;
	struct region sessions, parents;
	pthread_mutex_t stripe[STRIPES];
	uint32_t ages;                  /* under stripe 0, as are all parents */
};

/* ---- opening --------------------------------------------------------------------------------- */

/* Address space for both tables, memory as sets are used. */
int sessions_new(uint64_t gap_ns, struct sessions **ret)
{
	struct sessions *s = aligned_alloc(64, (sizeof *s + 63) / 64 * 64);
	if (!s)
		return -ENOMEM;
	*s = (struct sessions){ .gap_ns = gap_ns };
	hash_secret_init(&s->secret);
	for (unsigned i = 0; i < STRIPES; i++)
		pthread_mutex_init(&s->stripe[i], NULL);
	size_t bytes = (size_t)SESSION_SETS * SESSION_WAYS * sizeof(struct session);
	size_t parents = (size_t)SESSION_PARENT_SETS * SESSION_PARENT_WAYS
		* sizeof(struct session_parent);
	if (region_init(&s->sessions, bytes) || region_init(&s->parents, parents)) {
		sessions_free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&s->stripe[i]);
	region_fini(&s->sessions);
	region_fini(&s->parents);
	free(s);
}

uint64_t sessions_key(const struct sessions *s, const void *octets, size_t bytes)
{
	return hash_siphash13(&s->secret, octets, bytes);
}

uint64_t sessions_step_ns(const struct sessions *s)
{
	return s->gap_ns / STEPS;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static struct session *session_at(const struct sessions *s, uint32_t place)
{
	return (struct session *)(void *)s->sessions.start + place;
}

static pthread_mutex_t *stripe_of(struct sessions *s, uint32_t place)
{
	return &s->stripe[place / SESSION_WAYS % STRIPES];
}

/* Between the flow's time and the session's, 0 where they overlap, is at most the gap. */
static bool is_within_gap(const struct sessions *s, const struct session *x,
                          const struct session_flow *flow)
{
	uint64_t between = 0;
	if (flow->first_ns > x->last_ns)
		between = flow->first_ns - x->last_ns;
	else if (x->first_ns > flow->last_ns)
		between = x->first_ns - flow->last_ns;
	return between <= s->gap_ns;
}

static void extend(struct session *x, uint64_t first_ns, uint64_t last_ns)
{
	if (first_ns < x->first_ns)
		x->first_ns = first_ns;
	if (last_ns > x->last_ns)
		x->last_ns = last_ns;
}

static uint64_t tag_of(const struct session_flow *flow)
{
	return flow->key / SESSION_SETS;
}

/* The earliest that the flow is of; NULL: none. */
static struct session *find(const struct sessions *s, struct session *set,
                            const struct session_flow *flow)
{
	struct session *found = NULL;
	for (unsigned i = 0; i < SESSION_WAYS; i++)
		if (set[i].id && set[i].tag == tag_of(flow) && is_within_gap(s, &set[i], flow)
		    && (!found || set[i].first_ns < found->first_ns))
			found = &set[i];
	return found;
}

/* What is given up first: nothing, what is over, what a single flow has begun and nobody joined. So
 * a flood of such does not push out the others. */
static unsigned worthless(const struct sessions *s, const struct session *x,
                          const struct session_flow *flow)
{
	if (!x->id)
		return 3;
	if (flow->first_ns > x->last_ns && !is_within_gap(s, x, flow))
		return 2;
	return x->flows == 1;
}

/* The place of the one to give up; of several, of the one silent for longest. */
static struct session *claim(const struct sessions *s, struct session *set,
                             const struct session_flow *flow)
{
	struct session *least = &set[0];
	unsigned most = worthless(s, least, flow);
	for (unsigned i = 1; i < SESSION_WAYS; i++) {
		unsigned worth = worthless(s, &set[i], flow);
		if (worth < most || (worth == most && set[i].last_ns >= least->last_ns))
			continue;
		least = &set[i];
		most = worth;
	}
	return least;
}

static void add_flow(struct session *x, const struct session_flow *flow)
{
	x->flows += x->flows < FLOWS_MOST;
	extend(x, flow->first_ns, flow->last_ns);
}

static struct session *begin(const struct sessions *s, struct session *set,
                             const struct session_flow *flow, bool *ret_replaced)
{
	struct session *x = claim(s, set, flow);
	*ret_replaced = worthless(s, x, flow) < 2;
	*x = (struct session){ .tag = tag_of(flow), .flows = 1, .id = flow->flow_id,
	                       .first_ns = flow->first_ns, .last_ns = flow->last_ns };
	return x;
}

void sessions_join(struct sessions *s, const struct session_flow *flow, struct session_ref *ret)
{
	uint32_t place = (uint32_t)(flow->key % SESSION_SETS) * SESSION_WAYS;
	struct session *set = session_at(s, place);
	pthread_mutex_lock(stripe_of(s, place));
	struct session *x = find(s, set, flow);
	bool replaced = false;
	if (x)
		add_flow(x, flow);
	else
		x = begin(s, set, flow, &replaced);
	*ret = (struct session_ref){ .id = x->id, .place = place + (uint32_t)(x - set),
	                             .replaced = replaced };
	pthread_mutex_unlock(stripe_of(s, place));
}

void sessions_extend(struct sessions *s, const struct session_ref *ref, uint64_t time_ns)
{
	if (ref->place >= SESSION_NOWHERE)
		return;
	pthread_mutex_lock(stripe_of(s, ref->place));
	struct session *x = session_at(s, ref->place);
	if (x->id == ref->id)
		extend(x, time_ns, time_ns);
	pthread_mutex_unlock(stripe_of(s, ref->place));
}

/* ---- parents --------------------------------------------------------------------------------- */

static struct session_parent *parents_of(const struct sessions *s, uint64_t flow_id)
{
	uint64_t set = hash_siphash13(&s->secret, &flow_id, sizeof flow_id) % SESSION_PARENT_SETS;
	return (struct session_parent *)(void *)s->parents.start + set * SESSION_PARENT_WAYS;
}

/* The oldest of the set gives way. All under one lock: few flows announce. */
void sessions_put_parent(struct sessions *s, uint64_t flow_id, const struct session_ref *ref)
{
	struct session_parent *set = parents_of(s, flow_id), *to = set;
	pthread_mutex_lock(&s->stripe[0]);
	for (unsigned i = 0; i < SESSION_PARENT_WAYS; i++) {
		bool same = set[i].flow_id == flow_id;
		if (same || (int32_t)(set[i].age - to->age) < 0)
			to = &set[i];
		if (same)
			break;
	}
	*to = (struct session_parent){ .flow_id = flow_id, .id = ref->id, .place = ref->place,
	                               .age = ++s->ages };
	pthread_mutex_unlock(&s->stripe[0]);
}

bool sessions_of_parent(struct sessions *s, uint64_t flow_id, struct session_ref *ret)
{
	const struct session_parent *set = parents_of(s, flow_id);
	bool found = false;
	pthread_mutex_lock(&s->stripe[0]);
	for (unsigned i = 0; i < SESSION_PARENT_WAYS && !found; i++) {
		found = set[i].flow_id == flow_id;
		if (found)
			*ret = (struct session_ref){ .id = set[i].id, .place = set[i].place };
	}
	pthread_mutex_unlock(&s->stripe[0]);
	return found;
}

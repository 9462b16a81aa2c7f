/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hook: a flow is new until its first payload, is looked at with state from the pool, and is
 * over when every backend has seen enough or the packets allowed are spent. What is then known
 * stays in 64 octets and, where there are names and texts, in a piece of memory of just their size;
 * the state goes back at once. A flow that ends before is concluded with its last record.
 */
#include "identify/inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/key.h"

enum { PROTOCOL_TCP = 6 };

/* ---- opening --------------------------------------------------------------------------------- */

static void identify_close(void *worker)
{
	struct identify_worker *w = worker;
	if (!w)
		return;
	for (unsigned i = 0; i < w->choice.count; i++)
		if (w->backend[i] && w->choice.backend[i]->close)
			w->choice.backend[i]->close(w->backend[i]);
	pool_fini(&w->pool);
	pool_fini(&w->pieces);
	free(w);
}

/* State of all backends lies in one item of the pool, each aligned to eight octets. */
static int open_backends(struct identify_worker *w, struct error *err)
{
	uint32_t offset = 0;
	for (unsigned i = 0; i < w->choice.count; i++) {
		const struct identify_backend *b = w->choice.backend[i];
		int r = b->open ? b->open(&w->settings, &w->backend[i], err) : 0;
		if (r)
			return r;
		w->state_offset[i] = offset;
		offset += (b->state_bytes + 7) / 8 * 8;
	}
	if (pool_init(&w->pool, sizeof(struct looking) + offset, w->settings.states) || text_open(w))
		return error_set(err, -ENOMEM, "no address space to look into %llu flows",
		                 (unsigned long long)w->settings.states);
	return 0;
}

/* Settings are copied: what the user said cannot change under a worker. */
static int identify_open(const void *argument, void **ret_worker, struct error *err)
{
	struct identify_worker *w = calloc(1, sizeof *w);
	if (!w)
		return error_set(err, -ENOMEM, "out of memory");
	memcpy(&w->settings, argument, sizeof w->settings);
	if (w->settings.sessions)
		w->session_step_ns = sessions_step_ns(w->settings.sessions);
	int r = identify_choose(w->settings.backends, &w->choice, err);
	if (!r)
		r = open_backends(w, err);
	if (r) {
		identify_close(w);
		return r;
	}
	*ret_worker = w;
	return 0;
}

/* ---- what is learned ------------------------------------------------------------------------- */

static void *state_of(const struct identify_worker *w, const struct identified *s, unsigned backend)
{
	return s->looking ? s->looking->state + w->state_offset[backend] : NULL;
}

/* By this backend, or by one that is asked before it. */
static bool is_answered(const struct identified *s, unsigned backend)
{
	return s->identity.application && s->identity.backend <= backend;
}

/* The backends' attributes are taken and their state goes back to the pool. */
static void give_back(struct identify_worker *w, struct identified *s)
{
	struct attribute_list list;
	s->stage = STAGE_OVER;
	if (!s->looking)
		return;
	list.bytes = 0;
	for (unsigned i = 0; i < w->choice.count; i++) {
		const struct identify_backend *b = w->choice.backend[i];
		if (b->attributes)
			b->attributes(w->backend[i], state_of(w, s, i), &s->identity, &list);
		if (b->release)
			b->release(w->backend[i], state_of(w, s, i));
	}
	pool_give(&w->pool, s->looking);
	s->looking = NULL;
	text_keep(w, s, &list);
}

/* What a flow has announced is surer than a guess, whichever backend guesses. */
static void believe(struct identified *s, const struct identity *answer)
{
	bool sure = answer->confidence >= CONFIDENCE_PAYLOAD;
	if (answer->application && (sure || s->identity.confidence != CONFIDENCE_ANNOUNCED))
		s->identity = *answer;
}

/* The first backend that knows of one. */
static uint64_t parent_of(const struct identify_worker *w, const struct identify_flow *flow,
                          const struct flow *record, const struct flow_cold *cold)
{
	const struct identify_begun begun = { .flow = flow, .flow_id = cold->flow_id,
	                                      .first_ms = record->first_ns / 1000000 };
	uint64_t parent = 0;
	for (unsigned i = 0; i < w->choice.count && !parent; i++)
		if (w->choice.backend[i]->parent)
			parent = w->choice.backend[i]->parent(w->backend[i], &begun);
	return parent;
}

/* The last word of the backends, in their order, until one has an answer. */
static void conclude(struct identify_worker *w, struct identified *s,
                     const struct identify_flow *flow)
{
	for (unsigned i = 0; i < w->choice.count && !is_answered(s, i); i++) {
		struct identity answer = { .backend = (uint8_t)i };
		w->choice.backend[i]->conclude(w->backend[i], state_of(w, s, i), flow, &answer);
		believe(s, &answer);
	}
	give_back(w, s);
}

/* ---- telling -------------------------------------------------------------------------------- */

const char *identify_text(const struct identify_worker *w, const struct identity *identity,
                          enum identify_name kind, unsigned number)
{
	unsigned backend = identity->backend;
	return w->choice.backend[backend]->text(w->backend[backend], kind, number);
}

/* A name that the backend does not have is nothing to tell. */
static void tell(const struct identify_worker *w, const struct identity *i,
                 const struct identify_flow *flow)
{
	struct identify_found found = { .flow = *flow };
	found.application = identify_text(w, i, NAME_APPLICATION, i->application);
	if (i->master)
		found.master = identify_text(w, i, NAME_APPLICATION, i->master);
	if (found.application)
		w->settings.found(w->settings.context, &found);
}

/* Where no packet of the flow is at hand, which would tell. */
static void conclude_and_tell(struct identify_worker *w, struct identified *s,
                              const struct identify_flow *flow)
{
	unsigned before = s->identity.application;
	conclude(w, s, flow);
	if (w->settings.found && s->identity.application != before)
		tell(w, &s->identity, flow);
}

/* ---- packets --------------------------------------------------------------------------------- */

/* All items are in use: the flow that has been looked at for about the longest is concluded. */
static void give_way(struct identify_worker *w)
{
	struct looking *item = (struct looking *)(void *)(w->pool.region.start
	                                                  + w->hand * w->pool.item_bytes);
	w->counts.gave_way++;
	w->hand = w->hand + 1 < w->pool.most ? w->hand + 1 : 0;
	conclude_and_tell(w, item->owner, &item->flow);
}

/* A full pool makes room by concluding the flow whose turn it is, so a new flow is looked at even
 * in a flood. */
static void begin(struct identify_worker *w, struct identified *s, const struct flow_touch *touch)
{
	if (w->pool.taken == w->pool.most)
		give_way(w);
	s->looking = pool_take(&w->pool);
	s->looking->owner = s;
	identify_flow_of_touch(touch, &s->looking->flow);
	s->parent = parent_of(w, &s->looking->flow, touch->flow, touch->cold);
	s->noted_ns = touch->flow->first_ns;
	s->protocol = touch->packet->key.protocol;
	s->stage = STAGE_LOOKING;
}

/* One that is asked before it knows better, unless it only guesses. */
static bool is_known_better(const struct identified *s, unsigned backend,
                            const struct identity *answer)
{
	bool announced = answer->confidence == CONFIDENCE_ANNOUNCED
		&& s->identity.confidence < CONFIDENCE_PAYLOAD;
	return backend && is_answered(s, backend - 1) && !announced;
}

/* True when all backends have seen enough. The first of them in order that knows an application is
 * believed; it may change its mind as long as it looks. */
static bool show(struct identify_worker *w, struct identified *s,
                 const struct identify_packet *packet, bool bare)
{
	for (unsigned i = 0; i < w->choice.count; i++) {
		const struct identify_backend *b = w->choice.backend[i];
		struct identity answer = { .backend = (uint8_t)i };
		if (s->enough >> i & 1 || !b->packet || (bare && !b->bare))
			continue;
		enum identify_progress progress
			= b->packet(w->backend[i], state_of(w, s, i), packet, &answer);
		s->enough |= (uint8_t)((progress != IDENTIFY_MORE) << i);
		s->watching |= (uint8_t)((progress == IDENTIFY_WATCH) << i);
		if (!is_known_better(s, i, &answer))
			believe(s, &answer);
	}
	for (unsigned i = 0; i < w->choice.count; i++)
		if (w->choice.backend[i]->packet && !(s->enough >> i & 1))
			return false;
	return true;
}

static void watch(struct identify_worker *w, struct identified *s,
                  const struct identify_packet *packet)
{
	for (unsigned i = 0; i < w->choice.count; i++)
		if (s->watching >> i & 1
		    && !w->choice.backend[i]->watch(w->backend[i], packet->touch, packet->time_ms))
			s->watching &= (uint8_t)~(1u << i);
}

static bool is_spent(const struct identify_worker *w, const struct identified *s)
{
	return s->packets > (s->protocol == PROTOCOL_TCP ? w->settings.tcp_packets
	                     : w->settings.udp_packets);
}

/* Flows that announce, and those announced, are decided at once: others follow, or they do. */
static void decide_session(struct identify_worker *w, struct identified *s,
                           const struct flow_touch *touch)
{
	uint32_t key_bytes = w->settings.wide_keys ? sizeof(struct key_wide)
		: key_bytes_of_packet(touch->packet);
	const struct session_moment at = { .flow = touch->flow, .key_bytes = key_bytes,
	                                   .flow_id = touch->cold->flow_id,
	                                   .first_ns = s->noted_ns,
	                                   .last_ns = touch->packet->time_ns };
	if (s->stage == STAGE_OVER || s->watching || s->parent)
		session_decide(w, s, &at);
}

/* A segment without payload begins nothing, and is shown only to backends that want it.
 * What was answered may change while more is seen; each change is told. */
static void look(struct identify_worker *w, struct identified *s, struct flow_touch *touch)
{
	struct identify_packet packet;
	bool bare = !touch->packet->payload_offset;
	unsigned before = s->identity.application;
	if (bare && s->stage != STAGE_LOOKING)
		return;
	bool shown = identify_packet_find(w, touch, &packet);
	if (shown && s->stage == STAGE_NEW)
		begin(w, s, touch);
	if (!shown || touch->packet->key.protocol != s->protocol) {
		w->counts.packets_not_shown += !bare;
		return;
	}
	if (s->watching)
		watch(w, s, &packet);
	if (s->stage == STAGE_OVER)
		return;
	s->packets++;
	identify_packet_copy(w, &packet);
	if (show(w, s, &packet, bare))
		give_back(w, s);
	else if (is_spent(w, s))
		conclude(w, s, &s->looking->flow);
	if (s->identity.application == before)
		return;
	touch->events |= FLOW_IDENTIFIED;
	if (w->settings.found) {
		struct identify_flow flow;
		identify_flow_of_touch(touch, &flow);
		tell(w, &s->identity, &flow);
	}
}

/* Flows that are over cost one comparison, and sessions one more a few times each gap. */
static void identify_update(const struct hook_call *call)
{
	struct identify_worker *w = call->worker;
	for (unsigned i = 0; i < call->count; i++) {
		struct identified *s = touch_space(call, i);
		uint64_t time_ns = call->touch[i]->packet->time_ns;
		if (s->stage != STAGE_OVER || s->watching)
			look(w, s, call->touch[i]);
		if (w->settings.sessions && !s->session)        /* one that gave way, too */
			decide_session(w, s, call->touch[i]);
		if (s->session && time_ns - s->noted_ns >= w->session_step_ns)
			session_note(w, s, time_ns);
	}
}

/* ---- ends ------------------------------------------------------------------------------------ */

/* Perhaps it was announced after it had begun: then that counts, unless a record has said else. */
static void look_for_parent(const struct flow_view *view, struct identified *s,
                            const struct identify_flow *flow)
{
	s->parent = parent_of(view->worker, flow, view->flow, view->cold);
	if (s->parent && !(view->flow->state & FLOW_EXPORTED))
		s->session = 0;
}

/* A record may end long before its flow: what it says of the session is of the last packet so
 * far. */
static void settle_session(const struct flow_view *view, struct identified *s)
{
	const struct session_moment at = { .flow = view->flow, .key_bytes = view->key_bytes,
	                                   .flow_id = view->cold->flow_id,
	                                   .first_ns = s->packets ? s->noted_ns : view->flow->first_ns,
	                                   .last_ns = view->flow->last_ns };
	session_decide(view->worker, s, &at);
	if (s->session)
		session_note(view->worker, s, at.last_ns);
}

/* In this order: a parent that announced late, the answer that is still owed, then the session,
 * which needs both. */
static void identify_settle(const struct flow_view *view, bool gone)
{
	struct identified *s = view->space;
	struct identify_flow flow;
	if (gone)
		identify_flow_of_view(view, &flow);
	if (gone && !s->parent)
		look_for_parent(view, s, &flow);
	if (gone && s->stage != STAGE_OVER)
		conclude_and_tell(view->worker, s, &flow);
	if (s->stage == STAGE_OVER)
		settle_session(view, s);
}

static void identify_ended(const struct flow_view *view, uint8_t reason, bool gone)
{
	if (!gone)
		return;
	give_back(view->worker, view->space);   /* of flows that no record tells of */
	text_drop(view->worker, view->space);
}

/* ---- counts ---------------------------------------------------------------------------------- */

static const char *const identify_counters[] = {
	"gave_way", "texts_dropped", "memory_refused", "expectations_replaced", "sessions_replaced",
	"packets_not_shown", NULL
};

/* In the order of the hook's names. */
static void identify_count(const void *worker, uint64_t ret[HOOK_COUNTERS_MAX])
{
	const struct identify_worker *w = worker;
	struct identify_counts c = w->counts;
	c.texts_dropped = w->pieces.refused;
	for (unsigned i = 0; i < w->choice.count; i++)
		if (w->choice.backend[i]->count)
			w->choice.backend[i]->count(w->backend[i], &c);
	ret[0] = c.gave_way;
	ret[1] = c.texts_dropped;
	ret[2] = c.memory_refused;
	ret[3] = c.expectations_replaced;
	ret[4] = c.sessions_replaced;
	ret[5] = c.packets_not_shown;
}

const struct flow_hook identify_hook = {
	.name = "applications", .help = "which application a flow is of, and what it says of itself",
	.fields = identify_field_names, .space_bytes = sizeof(struct identified),
	.hot_bytes = sizeof(struct identified),
	.wants = HOOK_PAYLOAD | HOOK_TCP | HOOK_END, .scope = HOOK_SCOPE_FLOW, .costly = true,
	.biflow = true,
	.open = identify_open, .update = identify_update, .settle = identify_settle,
	.ended = identify_ended, .write = identify_write, .close = identify_close,
	.counters = identify_counters, .count = identify_count,
};

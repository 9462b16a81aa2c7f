/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of a packet through a meter.
 *
 * A batch goes through three stages: hash all keys and prefetch their buckets; guess handles by tag
 * and prefetch the flows; update. A packet of a known flow inside its timers, without SYN, FIN or
 * RST, is counted in update_known() with one cache line touched; everything else goes through
 * update_slow(), which holds the rules: TCP reuse, linger, active and idle timeouts, direction.
 *
 * Where a record is cut depends on its own packets' times alone. The wheel only emits what no
 * packet has cut yet, and only when the source's clock says that no packet can come any more
 * that would belong to it.
 */
#include "flow/meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/direction.h"

enum { CLOSING = FLOW_FIN_0 | FLOW_FIN_1 | FLOW_RST, STALE_SLACK = 65536,
       ROUND_FLOWS = 16 };
static_assert(CLOSING == 7, "closing_states has a bit for each set of these");

/* The largest timer that the fast path can tell from a difference that went below zero. */
static const uint64_t LIMIT_MAX = 1ull << 62;

/* One packet on its slow way. */
struct visit {
	struct meter *meter;
	struct flow_table *table;
	const struct packet *packet;
	const void *key;
	uint64_t hash;
	uint32_t handle;                /* HANDLE_NONE: no flow yet */
	uint32_t events;                /* enum flow_event */
	unsigned sender;
};

/* ---- opening and closing -------------------------------------------------------------------- */

static int open_hooks(struct meter *m, uint32_t *ret_space, struct error *err)
{
	uint32_t offset = 0;
	for (const struct flow_hook *const *h = m->settings.hooks; h && *h; h++) {
		struct meter_hook_slot *slot = &m->hook[m->hook_count];
		if (m->hook_count == METER_HOOKS_MAX)
			return error_set(err, -E2BIG, "more than %d hooks", METER_HOOKS_MAX);
		int r = (*h)->open ? (*h)->open(m->settings.hook_argument, &slot->worker, err) : 0;
		if (r)
			return r;
		slot->hook = *h;
		slot->offset = offset;
		offset += ((*h)->space_bytes + 7u) / 8 * 8;
		m->hook_count++;
	}
	*ret_space = offset;
	return 0;
}

static int init_tables(struct meter *m, uint32_t space)
{
	const struct meter_settings *s = &m->settings;
	if (!s->plan.standard)
		return flow_table_init(&m->table[0], 56, space, s->max_flows, &m->secret);
	int r = flow_table_init(&m->table[0], 16, space, s->max_flows, &m->secret);
	return r ? r : flow_table_init(&m->table[1], 40, space, s->max_flows, &m->secret);
}

/* The connection is over with these of FLOW_FIN_0, FLOW_FIN_1, FLOW_RST. */
static bool closes(const struct meter *m, unsigned seen)
{
	unsigned fins = seen & (FLOW_FIN_0 | FLOW_FIN_1);
	return (seen & FLOW_RST) || fins == (FLOW_FIN_0 | FLOW_FIN_1)
		|| (fins && !m->settings.plan.mirrored);
}

static void set_limits(struct meter *m)
{
	m->closing_states = 0;
	for (unsigned seen = 0; seen <= CLOSING; seen++)
		if (m->settings.linger_ns != DURATION_OFF && closes(m, seen))
			m->closing_states |= (uint8_t)(1u << seen);
	m->idle_limit = m->settings.idle_ns < LIMIT_MAX ? m->settings.idle_ns : LIMIT_MAX;
	m->active_limit = m->settings.active_ns < LIMIT_MAX ? m->settings.active_ns : LIMIT_MAX;
}

int meter_new(const struct meter_settings *settings, struct meter **ret, struct error *err)
{
	struct meter *m = calloc(1, sizeof *m);
	if (!m)
		return error_set(err, -ENOMEM, "out of memory");
	m->settings = *settings;
	set_limits(m);
	for (unsigned i = 0; i < 2; i++)
		m->tcp_mask[i] = settings->plan.full_tuple[i] ? TCP_SYN | TCP_FIN | TCP_RST : 0;
	m->next_flow_id = settings->first_flow_id;
	hash_secret_init(&m->secret);
	uint32_t space = 0;
	int r = open_hooks(m, &space, err);
	if (!r && flood_init(&m->flood, settings->flood_records, space))
		r = error_set(err, -ENOMEM, "out of memory");
	if (!r && init_tables(m, space))
		r = error_set(err, -ENOMEM, "no address space for %llu flows",
		              (unsigned long long)settings->max_flows);
	if (r) {
		meter_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

void meter_free(struct meter *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->hook_count; i++)
		if (m->hook[i].hook->close)
			m->hook[i].hook->close(m->hook[i].worker);
	flow_table_fini(&m->table[0]);
	flow_table_fini(&m->table[1]);
	flood_fini(&m->flood);
	free(m);
}

/* ---- hooks ----------------------------------------------------------------------------------- */

static bool hook_wants(const struct flow_hook *hook, const struct packet *p)
{
	return (hook->wants & HOOK_PACKET) || ((hook->wants & HOOK_TCP) && p->key.protocol == 6)
		|| ((hook->wants & HOOK_PAYLOAD) && p->payload_bytes && p->payload_offset);
}

static void flush_hook(struct meter *m, const struct meter_hook_slot *slot)
{
	struct flow_touch some[BATCH_MAX];
	unsigned which[BATCH_MAX], count = 0;
	for (unsigned i = 0; i < m->touch_count; i++)
		if (hook_wants(slot->hook, m->touches[i].packet)) {
			some[count] = m->touches[i];
			if (some[count].space)
				some[count].space = (uint8_t *)some[count].space + slot->offset;
			which[count++] = i;
		}
	if (!count)
		return;
	slot->hook->update(slot->worker, some, count);
	for (unsigned i = 0; i < count; i++)    /* events that this hook set are for those behind it */
		m->touches[which[i]].events = some[i].events;
}

static void flush_touches(struct meter *m)
{
	for (unsigned i = 0; i < m->hook_count; i++)
		if (m->hook[i].hook->update)
			flush_hook(m, &m->hook[i]);
	m->touch_count = 0;
}

static void add_touch(struct visit *v)
{
	struct meter *m = v->meter;
	if (!m->hook_count)
		return;
	m->touches[m->touch_count++] = (struct flow_touch){
		.flow = flow_table_at(v->table, v->handle), .cold = flow_table_cold(v->table, v->handle),
		.space = flow_table_space(v->table, v->handle), .packet = v->packet, .events = v->events,
		.sender = (uint8_t)v->sender,
	};
	if (m->touch_count == BATCH_MAX)
		flush_touches(m);
}

static void hooks_ended(struct meter *m, struct flow_table *t, uint32_t handle, uint8_t reason,
                        bool gone)
{
	for (unsigned i = 0; i < m->hook_count; i++) {
		const struct flow_hook *hook = m->hook[i].hook;
		uint8_t *space = flow_table_space(t, handle);
		if (space)
			space += m->hook[i].offset;
		struct flow_view view = { flow_table_at(t, handle), flow_table_cold(t, handle), space,
		                          direction_initiator(flow_table_at(t, handle)) };
		if (hook->ended)
			hook->ended(m->hook[i].worker, &view, reason, gone);
		if (!gone && hook->scope == HOOK_SCOPE_RECORD && space)
			memset(space, 0, hook->space_bytes);
	}
}

/* ---- records and flows end ------------------------------------------------------------------- */

static uint64_t packets_of(const struct flow *f, const struct flow_cold *c, unsigned side)
{
	return (uint64_t)c->packets_high[side] << 32 | f->packets[side];
}

static bool record_is_empty(const struct flow *f, const struct flow_cold *c)
{
	return !(f->packets[0] | f->packets[1] | c->packets_high[0] | c->packets_high[1]);
}

static void hand_out(struct meter *m, const struct flow_record *record)
{
	const struct flow *f = record->flow;
	m->counters.records[record->reason]++;
	m->counters.record_packets += packets_of(f, record->cold, 0) + packets_of(f, record->cold, 1);
	m->counters.record_octets += f->octets[0] + f->octets[1];
	if (m->settings.emit)
		m->settings.emit(m->settings.context, record);
}

static void merge_record(struct meter *m, const struct flow_record *record)
{
	uint8_t *space = flood_merge(&m->flood, record);
	m->counters.merged_flows++;
	for (unsigned i = 0; i < m->hook_count && space; i++) {
		const struct meter_hook_slot *slot = &m->hook[i];
		struct flow_view view = { record->flow, record->cold, record->spaces + slot->offset,
		                          direction_initiator(record->flow) };
		if (slot->hook->merge)
			slot->hook->merge(space + slot->offset, &view);
	}
}

/* Exports the record at hand, unless it is empty. */
static void emit_record(struct meter *m, struct flow_table *t, uint32_t handle, uint8_t reason,
                        bool gone)
{
	struct flow *f = flow_table_at(t, handle);
	struct flow_cold *c = flow_table_cold(t, handle);
	if (record_is_empty(f, c))
		return;
	struct flow_record record = { .flow = f, .cold = c, .spaces = flow_table_space(t, handle),
	                              .key_bytes = (uint8_t)t->key_bytes, .reason = reason,
	                              .flow_gone = gone };
	if (reason == END_RESOURCES && flow_is_single(f) && flood_is_on(&m->flood))
		merge_record(m, &record);
	else
		hand_out(m, &record);
	f->state |= FLOW_EXPORTED;
}

static void flush_flood(struct meter *m)
{
	struct flow_record record;
	while (flood_take(&m->flood, &record)) {
		m->counters.merged_records++;
		hand_out(m, &record);
	}
}

/* Cuts a record; the flow goes on with an empty one. first_ns 0 sends its
 * next packet the slow way. */
static void cut_record(struct meter *m, struct flow_table *t, uint32_t handle, uint8_t reason)
{
	struct flow *f = flow_table_at(t, handle);
	struct flow_cold *c = flow_table_cold(t, handle);
	flush_touches(m);
	emit_record(m, t, handle, reason, false);
	hooks_ended(m, t, handle, reason, false);
	f->octets[0] = f->octets[1] = 0;
	f->packets[0] = f->packets[1] = 0;
	c->packets_high[0] = c->packets_high[1] = 0;
	f->tcp_flags[0] = f->tcp_flags[1] = f->tcp_flags_high = 0;
	f->first_ns = 0;
	f->state &= (uint8_t)~(FLOW_SPOKE_0 | FLOW_SPOKE_1);
	c->bits &= (uint8_t)~(COLD_ICMP_0 | COLD_ICMP_1 | COLD_INTERFACE_0 | COLD_INTERFACE_1);
}

/* All of a flow's end but its removal from the table. */
static void close_flow(struct meter *m, struct flow_table *t, uint32_t handle, uint8_t reason)
{
	flush_touches(m);
	emit_record(m, t, handle, reason, true);
	hooks_ended(m, t, handle, reason, true);
	m->counters.ended[reason]++;
	m->counters.active--;
}

/* hash: of its key; NULL when that is not at hand. */
static void end_flow(struct meter *m, struct flow_table *t, uint32_t handle, uint8_t reason,
                     const uint64_t *hash)
{
	close_flow(m, t, handle, reason);
	if (m->finishing)               /* nobody will look for it any more */
		flow_table_at(t, handle)->state = 0;
	else if (hash)
		flow_table_remove_hashed(t, handle, *hash);
	else
		flow_table_remove(t, handle);
}

/* ---- timers ---------------------------------------------------------------------------------- */

static bool is_closing(const struct meter *m, const struct flow *f)
{
	return m->closing_states >> (f->state & CLOSING) & 1;
}

static uint64_t later(uint64_t time_ns, uint64_t delay_ns)
{
	return delay_ns == DURATION_OFF || time_ns > UINT64_MAX - delay_ns
		? UINT64_MAX : time_ns + delay_ns;
}

/* When a flow has to be looked at next, and what happens to it then. */
struct deadline {
	uint64_t time_ns;               /* UINT64_MAX: never */
	uint8_t reason;                 /* enum flow_end_reason */
};

static struct deadline deadline_of(const struct meter *m, const struct flow *f,
                                   const struct flow_cold *c)
{
	if (is_closing(m, f))
		return (struct deadline){ later(f->last_ns, m->settings.linger_ns), END_DETECTED };
	uint64_t idle = later(f->last_ns, m->settings.idle_ns);
	uint64_t active = record_is_empty(f, c)
		? UINT64_MAX : later(f->first_ns, m->settings.active_ns);
	if (active <= idle && active != UINT64_MAX)
		return (struct deadline){ active, END_ACTIVE };
	return (struct deadline){ idle, END_IDLE };
}

/* Carries out every deadline up to and at `time_ns`. False when the flow is gone. */
static bool run_deadlines(struct meter *m, struct flow_table *t, uint32_t handle, uint64_t time_ns,
                          const uint64_t *hash)
{
	for (;;) {
		struct deadline d = deadline_of(m, flow_table_at(t, handle), flow_table_cold(t, handle));
		if (d.time_ns > time_ns)
			return true;
		if (d.reason != END_ACTIVE) {
			end_flow(m, t, handle, d.reason, hash);
			return false;
		}
		cut_record(m, t, handle, END_ACTIVE);
	}
}

static void want_rebuild(struct meter *m, struct flow_table *t);

/* Sees to it that the wheel looks at a flow no later than its deadline. */
static void schedule(struct meter *m, struct flow_table *t, uint32_t handle)
{
	struct flow *f = flow_table_at(t, handle);
	struct deadline d = deadline_of(m, f, flow_table_cold(t, handle));
	if (d.time_ns == UINT64_MAX) {
		f->due_tick = WHEEL_NEVER;
		return;
	}
	uint32_t tick = wheel_tick_at(&t->wheel, d.time_ns);
	if (f->due_tick > t->wheel.now && f->due_tick <= tick)
		return;                 /* an entry is there that comes in time */
	f->due_tick = tick;
	if (t->wheel.entries > 2 * t->active + STALE_SLACK || !wheel_add(&t->wheel, tick, handle))
		want_rebuild(m, t);
}

/* Stale entries have piled up: starts afresh with one entry a flow. */
static void rebuild_wheel(struct meter *m, struct flow_table *t)
{
	wheel_clear(&t->wheel);
	for (uint32_t h = 1; h < t->used; h++) {
		struct flow *f = flow_table_at(t, h);
		bool in_use = f->state & FLOW_IN_USE;
		struct deadline d = { UINT64_MAX, 0 };
		if (in_use)
			d = deadline_of(m, f, flow_table_cold(t, h));
		f->due_tick = WHEEL_NEVER;
		if (d.time_ns == UINT64_MAX)
			continue;
		f->due_tick = wheel_tick_at(&t->wheel, d.time_ns);
		wheel_add(&t->wheel, f->due_tick, h);
	}
}

/* While chains are being walked nothing may take them apart: then it is done at the end. */
static void want_rebuild(struct meter *m, struct flow_table *t)
{
	if (t->advancing)
		t->rebuild_wanted = true;
	else
		rebuild_wheel(m, t);
}

/* Handles of one chunk that are looked at together, so that one's memory comes while another's is
 * worked on. */
struct round {
	uint32_t tick;
	uint64_t clock_ns;
	unsigned count;
	uint32_t handle[ROUND_FLOWS];
	uint64_t hash[ROUND_FLOWS];     /* of those that end */
};

/* Keeps of a round what this tick is for, and warms the buckets of the flows that end. */
static void prepare_round(struct meter *m, struct flow_table *t, struct round *r)
{
	const void *keys[ROUND_FLOWS];
	unsigned kept = 0;
	for (unsigned i = 0; i < r->count; i++) {
		struct flow *f = flow_table_at(t, r->handle[i]);
		if (!wheel_entry_is_due(f->due_tick, r->tick))
			continue;
		f->due_tick = WHEEL_NEVER;
		keys[kept] = f->key;
		r->handle[kept] = r->handle[i];
		kept += (f->state & FLOW_IN_USE) != 0;
	}
	r->count = kept;
	t->hash_many(&m->secret, keys, kept, r->hash);
	for (unsigned i = 0; i < kept; i++)
		prefetch_write(&t->index.buckets[index_bucket_of(&t->index, r->hash[i])]);
}

static void run_round(struct meter *m, struct flow_table *t, struct round *r)
{
	prepare_round(m, t, r);
	for (unsigned i = 0; i < r->count; i++)
		if (run_deadlines(m, t, r->handle[i], r->clock_ns, &r->hash[i]))
			schedule(m, t, r->handle[i]);
}

static void prefetch_handles(const struct flow_table *t, const struct wheel_chunk *chunk,
                             uint32_t from)
{
	for (uint32_t i = from; i < chunk->count && i < from + ROUND_FLOWS; i++) {
		const uint8_t *f = (const uint8_t *)flow_table_at(t, chunk->handle[i]);
		prefetch_write(f);
		if (t->stride > 64)
			prefetch_write(f + 64);
		prefetch_write(flow_table_cold(t, chunk->handle[i]));
	}
}

static void run_chunk(struct meter *m, struct flow_table *t, const struct wheel_chunk *chunk,
                      struct round *r)
{
	prefetch_handles(t, chunk, 0);
	for (uint32_t i = 0; i < chunk->count; i += ROUND_FLOWS) {
		prefetch_handles(t, chunk, i + ROUND_FLOWS);
		r->count = chunk->count - i < ROUND_FLOWS ? chunk->count - i : ROUND_FLOWS;
		memcpy(r->handle, chunk->handle + i, r->count * sizeof r->handle[0]);
		run_round(m, t, r);
	}
}

static void advance_table(struct meter *m, struct flow_table *t, uint64_t clock_ns)
{
	uint32_t tick, chain;
	if (unlikely(wheel_is_lost(&t->wheel, clock_ns))) {
		wheel_start(&t->wheel, clock_ns);
		rebuild_wheel(m, t);
	}
	t->advancing = true;
	while (wheel_next(&t->wheel, clock_ns, &tick, &chain)) {
		struct round round = { .tick = tick, .clock_ns = clock_ns };
		while (chain) {
			/* A copy: what is examined may be put into a chunk that was just given back. */
			struct wheel_chunk chunk = t->wheel.chunks[chain];
			chain = wheel_chunk_done(&t->wheel, chain);
			run_chunk(m, t, &chunk, &round);
		}
	}
	t->advancing = false;
	if (unlikely(t->rebuild_wanted))
		rebuild_wheel(m, t);
	t->rebuild_wanted = false;
}

void meter_set_timers(struct meter *m, uint64_t idle_ns, uint64_t active_ns, uint64_t linger_ns)
{
	m->settings.idle_ns = idle_ns;
	m->settings.active_ns = active_ns;
	m->settings.linger_ns = linger_ns;
	set_limits(m);
	for (unsigned i = 0; i < 2 && m->started; i++)
		if (m->table[i].used)
			rebuild_wheel(m, &m->table[i]);
}

void meter_advance(struct meter *m, uint64_t clock_ns)
{
	if (!m->started)
		return;
	advance_table(m, &m->table[0], clock_ns);
	if (m->settings.plan.standard)
		advance_table(m, &m->table[1], clock_ns);
	if (flood_advance(&m->flood, clock_ns))
		flush_flood(m);
}

static void finish_table(struct meter *m, struct flow_table *t, uint64_t last_ns)
{
	for (uint32_t h = 1; h < t->used; h++)
		if (flow_table_at(t, h)->state & FLOW_IN_USE)
			if (run_deadlines(m, t, h, last_ns, NULL))
				end_flow(m, t, h, END_FORCED, NULL);
}

void meter_finish(struct meter *m, uint64_t last_ns)
{
	m->finishing = true;
	finish_table(m, &m->table[0], last_ns);
	if (m->settings.plan.standard)
		finish_table(m, &m->table[1], last_ns);
	flush_flood(m);
}

/* ---- packets --------------------------------------------------------------------------------- */

/* The table with more flows gives one up; the other does if only it has one of a single packet. */
static void evict(struct meter *m)
{
	unsigned from = m->table[1].active > m->table[0].active;
	const struct victim *victim = victims_next(&m->victims[from], &m->table[from]);
	if (!victim)
		return;
	if (!victim->single) {
		const struct victim *other = victims_next(&m->victims[from ^ 1], &m->table[from ^ 1]);
		if (other && other->single) {
			victim = other;
			from ^= 1;
		}
	}
	close_flow(m, &m->table[from], victim->handle, END_RESOURCES);
	flow_table_remove_hashed(&m->table[from], victim->handle, victim->hash);
}

/* A new flow, not yet counted into. False when there is no room even after giving one up. */
static bool create_flow(struct visit *v)
{
	struct meter *m = v->meter;
	if (m->counters.active >= m->settings.max_flows)
		evict(m);
	v->handle = flow_table_insert(v->table, v->key, v->hash);
	if (v->handle == HANDLE_NONE) {
		evict(m);
		v->handle = flow_table_insert(v->table, v->key, v->hash);
		if (v->handle == HANDLE_NONE)
			return false;
	}
	struct flow *f = flow_table_at(v->table, v->handle);
	struct flow_cold *c = flow_table_cold(v->table, v->handle);
	c->flow_id = m->next_flow_id++;
	if (m->settings.plan.full_tuple[v->packet->family == 6])
		direction_start(f, c, v->sender);
	else if (v->sender)
		f->state |= FLOW_INITIATOR_1;
	m->counters.created++;
	if (++m->counters.active > m->counters.active_max)
		m->counters.active_max = m->counters.active;
	v->events |= FLOW_CREATED;
	return true;
}

static void open_record(struct visit *v, struct flow *f)
{
	f->first_ns = v->packet->time_ns;
	f->last_ns = v->packet->time_ns;
	v->events |= FLOW_RECORD_OPENED;
}

/* The first packet of a side in a record: what non-key fields say. */
static void first_of_side(const struct visit *v, struct flow *f, struct flow_cold *c)
{
	const struct packet *p = v->packet;
	unsigned s = v->sender;
	if (!(f->state & (FLOW_SPOKE_0 | FLOW_SPOKE_1))) {
		c->vlan_outer = key_vlan_outer(&p->key);
		c->vlan_inner = key_vlan_inner(&p->key);
		c->tos = p->tos;
		c->bits &= (uint8_t)~COLD_INNER_VLAN;
		if (p->bits & PACKET_INNER_VLAN)
			c->bits |= COLD_INNER_VLAN;
	}
	f->state |= (uint8_t)(FLOW_SPOKE_0 << s);
	c->interface[s] = p->frame->interface;
	c->bits |= (uint8_t)(COLD_INTERFACE_0 << s);
	/* ICMP is never brief: l4_offset is there. */
	if ((p->key.protocol == 1 || p->key.protocol == 58) && p->l4_offset) {
		c->icmp[s] = p->icmp_type_code;
		c->bits |= (uint8_t)(COLD_ICMP_0 << s);
	}
}

static void count_packet(const struct visit *v, struct flow *f, struct flow_cold *c)
{
	const struct packet *p = v->packet;
	unsigned s = v->sender;
	uint32_t before = f->packets[s];
	f->packets[s] += p->wire_packets;
	c->packets_high[s] += f->packets[s] < before;
	f->octets[s] += p->ip_bytes;
	f->tcp_flags[s] |= (uint8_t)p->tcp_flags;
	f->tcp_flags_high |= (uint8_t)((p->tcp_flags >> 8 & 15) << (4 * s));
	if (p->time_ns < f->first_ns)
		f->first_ns = p->time_ns;
	if (p->time_ns > f->last_ns)
		f->last_ns = p->time_ns;
}

/* State of the connection; true when this packet has closed it. */
static bool follow_tcp(const struct visit *v, struct flow *f, struct flow_cold *c, uint32_t *events)
{
	const struct meter *m = v->meter;
	unsigned flags = v->packet->tcp_flags & m->tcp_mask[v->packet->family == 6];
	if (!flags)
		return false;
	if (m->settings.evidence && m->settings.plan.mirrored
	    && direction_tcp(f, c, v->sender, v->packet->tcp_flags))
		*events |= FLOW_TURNED;
	bool before = is_closing(m, f);
	if (flags & TCP_FIN)
		f->state |= (uint8_t)(FLOW_FIN_0 << v->sender);
	if (flags & TCP_RST)
		f->state |= FLOW_RST;
	return !before && is_closing(m, f);
}

/* A SYN after a FIN or RST is a connection of its own, whatever the linger. */
static bool is_reuse(const struct visit *v, const struct flow *f)
{
	const struct meter *m = v->meter;
	return (f->state & CLOSING) && m->settings.linger_ns != DURATION_OFF
		&& (v->packet->tcp_flags & m->tcp_mask[v->packet->family == 6] & TCP_SYN)
		&& !(v->packet->tcp_flags & TCP_ACK);
}

/* Ends what this packet shows to be over. Leaves v->handle at HANDLE_NONE when the flow is gone.
 * Deadlines come first: whether the wheel or a packet finds them makes no difference. */
static void settle(struct visit *v)
{
	bool alive = run_deadlines(v->meter, v->table, v->handle, v->packet->time_ns,
	                           &v->hash);
	if (alive && is_reuse(v, flow_table_at(v->table, v->handle))) {
		end_flow(v->meter, v->table, v->handle, END_DETECTED, &v->hash);
		alive = false;
	}
	if (!alive)
		v->handle = HANDLE_NONE;
}

static void update_slow(struct visit *v)
{
	struct meter *m = v->meter;
	if (v->handle == HANDLE_NONE)
		v->handle = flow_table_find(v->table, v->key, v->hash);
	if (v->handle != HANDLE_NONE)
		settle(v);
	if (v->handle == HANDLE_NONE && !create_flow(v)) {
		/* cannot happen with max_flows >= 1 */
		m->counters.packets -= v->packet->wire_packets;
		m->counters.octets -= v->packet->ip_bytes;
		return;
	}
	struct flow *f = flow_table_at(v->table, v->handle);
	struct flow_cold *c = flow_table_cold(v->table, v->handle);
	if (record_is_empty(f, c))
		open_record(v, f);
	if (!(f->state & (FLOW_SPOKE_0 << v->sender)))
		first_of_side(v, f, c);
	count_packet(v, f, c);
	bool closed = follow_tcp(v, f, c, &v->events);
	add_touch(v);
	if (closed && m->settings.linger_ns == 0)
		end_flow(m, v->table, v->handle, END_DETECTED, &v->hash);
	else if (closed || (v->events & FLOW_RECORD_OPENED))
		schedule(m, v->table, v->handle);
}

/* A batch between the stages: what is known of each of its packets. */
struct lookup {
	const void *const *keys;        /* packets start with their key: the standard plan's */
	uint8_t sender[BATCH_MAX];      /* wide keys only: theirs may be turned by masks */
	uint32_t bucket[BATCH_MAX], handle[BATCH_MAX];
	uint64_t hash[BATCH_MAX];
	unsigned late_count;
	uint8_t late[BATCH_MAX];        /* packets that the first bucket knows nothing of, but that may
	                                 * be in its overflow */
};

enum { IPV4_KEY = 16, IPV6_KEY = 40, WIDE_KEY = 56 };   /* octets: constants in the loops below */

static inline struct flow_table *table_of(struct meter *m, unsigned key_bytes)
{
	return &m->table[key_bytes == IPV6_KEY];
}

static inline struct flow *flow_of(const struct flow_table *t, uint32_t handle, unsigned key_bytes)
{
	return (struct flow *)(void *)(t->hot + (size_t)handle * flow_stride(key_bytes));
}

/* Counts a packet that changes nothing but counters; false: it needs the slow path. One branch for
 * all that can speak against it. Flow 0, which nothing found points at, is never in use. */
static inline bool update_known(const struct meter *m, struct flow *f, const struct packet *p,
                                unsigned s, bool same_flow)
{
	uint64_t since_last = p->time_ns - f->last_ns, since_first = p->time_ns - f->first_ns;
	uint32_t packets = f->packets[s] + p->wire_packets;
	unsigned spoke = (unsigned)FLOW_SPOKE_0 << s;
	bool slow = !same_flow | (since_last >= m->idle_limit) | (since_first >= m->active_limit)
		| ((p->tcp_flags & m->tcp_mask[p->family == 6]) != 0)
		| !(f->state & spoke) | (m->closing_states >> (f->state & CLOSING) & 1)
		| (packets < p->wire_packets);
	if (unlikely(slow))
		return false;
	f->last_ns = p->time_ns;
	f->packets[s] = packets;
	f->octets[s] += p->ip_bytes;
	f->tcp_flags[s] |= (uint8_t)p->tcp_flags;
	f->tcp_flags_high |= (uint8_t)((p->tcp_flags >> 8 & 15) << (4 * s));
	return true;
}

static inline __attribute__((always_inline))
void update_one(struct meter *m, const struct lookup *l, const struct packet *p, unsigned i,
                unsigned key_bytes)
{
	struct flow_table *t = table_of(m, key_bytes);
	struct flow *f = flow_of(t, l->handle[i], key_bytes);
	unsigned sender = key_bytes == WIDE_KEY ? l->sender[i] : p->sender;
	const void *key = key_bytes == WIDE_KEY ? l->keys[i] : p;
	/* A flow that has ended in this batch still has its key. */
	bool same_flow = key_equal(f->key, key, key_bytes) & ((f->state & FLOW_IN_USE) != 0);
	bool known = update_known(m, f, p, sender, same_flow);
	if (likely(known && !m->hook_count))
		return;
	struct visit v = { .meter = m, .table = t, .packet = p, .key = key, .hash = l->hash[i],
	                   .handle = same_flow ? l->handle[i] : HANDLE_NONE, .sender = sender };
	if (known)
		add_touch(&v);
	else
		update_slow(&v);
}

/* The end of stage one: buckets on their way into the cache. */
static inline __attribute__((always_inline))
void find_bucket(struct meter *m, struct lookup *l, unsigned i, unsigned key_bytes)
{
	const struct index *x = &table_of(m, key_bytes)->index;
	l->bucket[i] = index_bucket_of(x, l->hash[i]);
	prefetch_read(&x->buckets[l->bucket[i]]);
}

static inline void prefetch_flow(const struct flow_table *t, uint32_t handle, unsigned key_bytes)
{
	const struct flow *f = flow_of(t, handle, key_bytes);
	prefetch_write(f);
	if (key_bytes != IPV4_KEY)      /* the key reaches into a second line */
		prefetch_write((const uint8_t *)f + 64);
}

/* Stage two: the handle by its tag, the flow on its way into the cache. */
static inline __attribute__((always_inline))
void find_handle(struct meter *m, struct lookup *l, unsigned i, unsigned key_bytes)
{
	const struct flow_table *t = table_of(m, key_bytes);
	l->handle[i] = index_guess(&t->index, l->bucket[i], l->hash[i]);
	prefetch_flow(t, l->handle[i], key_bytes);
	if (unlikely(!l->handle[i] && t->index.buckets[l->bucket[i]].overflow))
		l->late[l->late_count++] = (uint8_t)i;
}

static void find_late(struct meter *m, struct lookup *l, const struct packet *const *packets)
{
	for (unsigned k = 0; k < l->late_count; k++) {
		unsigned i = l->late[k];
		const struct flow_table *t
			= table_of(m, m->settings.plan.standard && packets[i]->family == 6 ? IPV6_KEY : 0);
		l->handle[i] = index_guess_overflow(&t->index, l->bucket[i], l->hash[i]);
		prefetch_flow(t, l->handle[i], t->key_bytes);
	}
}

/* Batches are mostly of one family; then one call does. */
static void hash_standard(struct meter *m, struct lookup *l, const struct packet *const *packets,
                          unsigned count)
{
	unsigned six = 0;
	for (unsigned i = 0; i < count; i++)
		six += packets[i]->family == 6;
	m->table[six == count].hash_many(&m->secret, l->keys, count, l->hash);
	for (unsigned i = 0; i < count && six != count && six; i++)
		if (packets[i]->family == 6)
			m->table[1].hash_many(&m->secret, &l->keys[i], 1, &l->hash[i]);
}

static void update_standard(struct meter *m, struct lookup *l, const struct packet *const *packets,
                            unsigned count)
{
	hash_standard(m, l, packets, count);
	for (unsigned i = 0; i < count; i++)
		if (likely(packets[i]->family == 4))
			find_bucket(m, l, i, IPV4_KEY);
		else
			find_bucket(m, l, i, IPV6_KEY);
	for (unsigned i = 0; i < count; i++)
		if (likely(packets[i]->family == 4))
			find_handle(m, l, i, IPV4_KEY);
		else
			find_handle(m, l, i, IPV6_KEY);
	find_late(m, l, packets);
	for (unsigned i = 0; i < count; i++)
		if (likely(packets[i]->family == 4))
			update_one(m, l, packets[i], i, IPV4_KEY);
		else
			update_one(m, l, packets[i], i, IPV6_KEY);
}

static void update_wide(struct meter *m, struct lookup *l, const struct packet *const *packets,
                        unsigned count)
{
	const void *keys[BATCH_MAX];
	for (unsigned i = 0; i < count; i++) {
		l->sender[i] = (uint8_t)key_wide_build(&m->settings.plan, packets[i], &m->wide[i]);
		keys[i] = &m->wide[i];
	}
	l->keys = keys;
	m->table[0].hash_many(&m->secret, keys, count, l->hash);
	for (unsigned i = 0; i < count; i++)
		find_bucket(m, l, i, WIDE_KEY);
	for (unsigned i = 0; i < count; i++)
		find_handle(m, l, i, WIDE_KEY);
	find_late(m, l, packets);
	for (unsigned i = 0; i < count; i++)
		update_one(m, l, packets[i], i, WIDE_KEY);
}

static void start_clock(struct meter *m, uint64_t time_ns)
{
	wheel_start(&m->table[0].wheel, time_ns);
	wheel_start(&m->table[1].wheel, time_ns);
	m->started = true;
}

void meter_update(struct meter *m, const struct packet *const *packets, unsigned count)
{
	struct lookup l;                /* not cleared: each stage writes what the next one reads */
	uint64_t wire_packets = 0, octets = 0;
	if (!count)
		return;
	if (unlikely(!m->started))
		start_clock(m, packets[0]->time_ns);
	l.keys = (const void *const *)packets;
	l.late_count = 0;
	if (m->settings.plan.standard)
		update_standard(m, &l, packets, count);
	else
		update_wide(m, &l, packets, count);
	for (unsigned i = 0; i < count; i++) {
		wire_packets += packets[i]->wire_packets;
		octets += packets[i]->ip_bytes;
	}
	m->counters.packets += wire_packets;
	m->counters.octets += octets;
	flush_touches(m);
}

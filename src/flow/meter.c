/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A meter is opened and closed, its hooks get their packets, its records and flows end: what the
 * two paths that lead here have in common. update.c is the path of packets, expiry.c that of time.
 */
#include "flow/meter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/direction.h"
#include "flow/meter_parts.h"

/* The largest timer that the fast path can tell from a difference that went below zero. */
static const uint64_t LIMIT_MAX = 1ull << 62;

/* ---- opening and closing -------------------------------------------------------------------- */

static void lay_out_spaces(struct meter *m)
{
	const struct flow_hook *hooks[METER_HOOKS_MAX];
	uint32_t offset[METER_HOOKS_MAX];
	for (unsigned i = 0; i < m->hook_count; i++)
		hooks[i] = m->hook[i].hook;
	m->space_bytes = spaces_lay_out(hooks, m->hook_count, offset);
	for (unsigned i = 0; i < m->hook_count; i++) {
		m->hook[i].offset = offset[i];
		spaces_find_lines(hooks[i], offset[i], m->hook[i].lines);
	}
}

/* A hook that was not opened has no slot: closing follows the slots. */
static int open_hooks(struct meter *m, struct error *err)
{
	unsigned counting = 0;
	for (const struct hook_choice *h = m->settings.hooks; h && h->hook; h++) {
		struct meter_hook_slot *slot = &m->hook[m->hook_count];
		counting += h->hook->count != NULL;
		if (m->hook_count == METER_HOOKS_MAX || counting > METER_COUNTING_HOOKS_MAX)
			return error_set(err, -E2BIG, "more than %d hooks, or %d that count",
			                 METER_HOOKS_MAX, METER_COUNTING_HOOKS_MAX);
		int r = h->hook->open ? h->hook->open(h->argument, &slot->worker, err) : 0;
		if (r)
			return r;
		slot->hook = h->hook;
		m->wants_touches |= h->hook->update != NULL;
		m->hook_count++;
	}
	lay_out_spaces(m);
	return 0;
}

/* The standard plan has a table for each family: an IPv4 flow need not be as large as an IPv6
 * one. */
static int init_tables(struct meter *m)
{
	const struct meter_settings *s = &m->settings;
	uint32_t space = m->space_bytes;
	if (!s->plan.standard)
		return flow_table_init(&m->table[0], 56, space, s->max_flows, &m->secret);
	int r = flow_table_init(&m->table[0], 16, space, s->max_flows, &m->secret);
	return r ? r : flow_table_init(&m->table[1], 40, space, s->max_flows, &m->secret);
}

/* Evidence means something only where a flow has two ends: whole addresses, ports, both directions
 * in one. */
static int init_direction(struct meter *m)
{
	const struct meter_settings *s = &m->settings;
	if (!s->evidence || !s->plan.mirrored || !(s->plan.full_tuple[0] || s->plan.full_tuple[1]))
		return 0;
	for (unsigned i = 0; i < 2; i++)
		m->direction.weighs[i] = s->plan.full_tuple[i];
	m->direction.brief = s->plan.standard && !m->hook_count;
	return direction_init(&m->direction);
}

/* The connection is over with these of FLOW_FIN_0, FLOW_FIN_1, FLOW_RST. */
static bool closes(const struct meter *m, unsigned seen)
{
	unsigned fins = seen & (FLOW_FIN_0 | FLOW_FIN_1);
	return (seen & FLOW_RST) || fins == (FLOW_FIN_0 | FLOW_FIN_1)
		|| (fins && !m->settings.plan.mirrored);
}

void meter_set_limits(struct meter *m)
{
	m->closing_states = 0;
	for (unsigned seen = 0; seen <= CLOSING; seen++)
		if (m->settings.linger_ns != DURATION_OFF && closes(m, seen))
			m->closing_states |= (uint8_t)(1u << seen);
	for (unsigned state = 0; state < 256; state++)
		for (unsigned side = 0; side < 2; side++)
			m->slow_states[side][state] = !(state & FLOW_IN_USE)
				|| !(state & (unsigned)FLOW_SPOKE_0 << side)
				|| (m->closing_states >> (state & CLOSING) & 1);
	m->idle_limit = m->settings.idle_ns < LIMIT_MAX ? m->settings.idle_ns : LIMIT_MAX;
	m->active_limit = m->settings.active_ns < LIMIT_MAX ? m->settings.active_ns : LIMIT_MAX;
}

/* Hooks come first, since the tables need to know how much space they want for each flow. */
int meter_new(const struct meter_settings *settings, struct meter **ret, struct error *err)
{
	struct meter *m = calloc(1, sizeof *m);
	if (!m)
		return error_set(err, -ENOMEM, "out of memory");
	m->settings = *settings;
	meter_set_limits(m);
	for (unsigned i = 0; i < 2; i++)
		m->tcp_mask[i] = settings->plan.full_tuple[i] ? TCP_SYN | TCP_FIN | TCP_RST : 0;
	for (unsigned i = 0; i < BATCH_MAX; i++)
		m->touch_at[i] = &m->touches[i];
	m->next_flow_id = settings->first_flow_id;
	hash_secret_init(&m->secret);
	int r = open_hooks(m, err);
	if (!r && flood_init(&m->flood, settings->flood_records, m->space_bytes))
		r = error_set(err, -ENOMEM, "out of memory");
	if (!r && init_tables(m))
		r = error_set(err, -ENOMEM, "no address space for %llu flows",
		              (unsigned long long)settings->max_flows);
	if (!r && init_direction(m))
		r = error_set(err, -ENOMEM, "out of memory");
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
	direction_fini(&m->direction);
	free(m);
}

/* ---- hooks ----------------------------------------------------------------------------------- */

enum { PROTOCOL_TCP = 6 };

static bool hook_wants(const struct flow_hook *hook, const struct packet *p)
{
	return ((hook->wants & HOOK_TCP) && p->key.protocol == PROTOCOL_TCP)
		|| ((hook->wants & HOOK_PAYLOAD) && p->payload_bytes && p->payload_offset);
}

/* Hooks that want all packets get the array as it is; others a selection, in the same order. */
static void flush_hook(struct meter *m, const struct meter_hook_slot *slot)
{
	struct flow_touch *some[BATCH_MAX];
	struct hook_call call = { .worker = slot->worker, .touch = m->touch_at,
	                          .count = m->touch_count, .offset = slot->offset };
	if (!(slot->hook->wants & HOOK_PACKET)) {
		call.touch = some;
		call.count = 0;
		for (unsigned i = 0; i < m->touch_count; i++)
			if (hook_wants(slot->hook, m->touches[i].packet))
				some[call.count++] = &m->touches[i];
	}
	if (call.count)
		slot->hook->update(&call);
}

static inline __attribute__((always_inline))
void prefetch_spaces(const struct meter *m, unsigned hook)
{
	if (hook >= m->hook_count || !m->hook[hook].hook->update)
		return;
	for (unsigned i = 0; i < m->touch_count; i++)
		spaces_prefetch(&m->hook[hook].lines[m->touches[i].sender], m->touches[i].spaces);
}

void meter_flush_touches(struct meter *m)
{
	bool far = m->counters.active * m->space_bytes > SPACES_NEAR_BYTES;
	if (far)
		prefetch_spaces(m, 0);
	for (unsigned i = 0; i < m->hook_count && m->touch_count; i++) {
		if (far)
			prefetch_spaces(m, i + 1);
		if (m->hook[i].hook->update)
			flush_hook(m, &m->hook[i]);
	}
	m->touch_count = 0;
}

/* Each hook sees its space before it is zeroed, and each its own alone. */
static void hooks_ended(struct meter *m, const struct flow_record *record)
{
	for (unsigned i = 0; i < m->hook_count; i++) {
		const struct flow_hook *hook = m->hook[i].hook;
		struct flow_view view = meter_hook_view(m, &m->hook[i], record);
		if (hook->ended)
			hook->ended(&view, record->reason, record->flow_gone);
		if (!record->flow_gone && hook->scope == HOOK_SCOPE_RECORD && view.space)
			memset(view.space, 0, hook->space_bytes);
	}
}

/* ---- records and flows end ------------------------------------------------------------------- */

static uint64_t packets_of(const struct flow *f, const struct flow_cold *c, unsigned side)
{
	return (uint64_t)c->packets_high[side] << 32 | f->packets[side];
}

/* The record's sums, for the account; the receiver looks at the flow while it is as it was. */
static void hand_out(struct meter *m, const struct flow_record *record)
{
	const struct flow *f = record->flow;
	m->counters.records[record->reason]++;
	m->counters.record_packets += packets_of(f, record->cold, 0) + packets_of(f, record->cold, 1);
	m->counters.record_octets += f->octets[0] + f->octets[1];
	if (m->settings.emit)
		m->settings.emit(m->settings.context, record);
}

/* Hooks that cannot merge add nothing: their fields are absent in the record. */
static void merge_record(struct meter *m, const struct flow_record *record)
{
	uint8_t *space = flood_merge(&m->flood, record);
	m->counters.merged_flows++;
	for (unsigned i = 0; i < m->hook_count && space; i++) {
		const struct meter_hook_slot *slot = &m->hook[i];
		struct flow_view view = meter_hook_view(m, slot, record);
		if (slot->hook->merge)
			slot->hook->merge(space + slot->offset, &view);
	}
}

void meter_count_hooks(const struct meter *m, struct meter_hook_counts *ret)
{
	*ret = (struct meter_hook_counts){ .count = 0 };
	for (unsigned i = 0; i < m->hook_count; i++) {
		const struct flow_hook *hook = m->hook[i].hook;
		if (!hook->count)
			continue;
		struct hook_counts *counts = &ret->hook[ret->count++];
		counts->hook = hook;
		hook->count(m->hook[i].worker, counts->value);
	}
}

/* Before the record is written, and only then may the space still change. */
static void hooks_settle(struct meter *m, const struct flow_record *record)
{
	for (unsigned i = 0; i < m->hook_count; i++) {
		const struct meter_hook_slot *slot = &m->hook[i];
		if (!slot->hook->settle)
			continue;
		struct flow_view view = meter_hook_view(m, slot, record);
		slot->hook->settle(&view, record->flow_gone);
	}
}

/* Exports the record at hand, unless it is empty, and tells the hooks. */
static void end_record(struct meter *m, struct flow_table *t, uint32_t handle, uint8_t reason,
                       bool gone)
{
	struct flow *f = flow_table_at(t, handle);
	struct flow_record record = { .flow = f, .cold = flow_table_cold(t, handle),
	                              .spaces = flow_table_space(t, handle),
	                              .key_bytes = (uint8_t)t->key_bytes, .reason = reason,
	                              .flow_gone = gone };
	meter_flush_touches(m);
	if (!record_is_empty(f, record.cold)) {
		if (reason == END_RESOURCES && flow_is_single(f) && flood_is_on(&m->flood))
			merge_record(m, &record);
		else {
			hooks_settle(m, &record);
			hand_out(m, &record);
		}
		f->state |= FLOW_EXPORTED;
	}
	hooks_ended(m, &record);
}

void meter_flush_flood(struct meter *m)
{
	struct flow_record record;
	while (flood_take(&m->flood, &record)) {
		m->counters.merged_records++;
		hand_out(m, &record);
	}
}

void meter_cut_record(struct meter *m, struct flow_table *t, uint32_t handle, uint8_t reason)
{
	struct flow *f = flow_table_at(t, handle);
	struct flow_cold *c = flow_table_cold(t, handle);
	end_record(m, t, handle, reason, false);
	f->octets[0] = f->octets[1] = 0;
	f->packets[0] = f->packets[1] = 0;
	c->packets_high[0] = c->packets_high[1] = 0;
	f->tcp_flags[0] = f->tcp_flags[1] = f->tcp_flags_high = 0;
	f->first_ns = 0;
	f->state &= (uint8_t)~(FLOW_SPOKE_0 | FLOW_SPOKE_1);
	c->bits &= (uint8_t)~(COLD_ICMP_0 | COLD_ICMP_1 | COLD_INTERFACE_0 | COLD_INTERFACE_1);
}

void meter_close_flow(struct meter *m, struct flow_table *t, uint32_t handle, uint8_t reason)
{
	end_record(m, t, handle, reason, true);
	m->counters.ended[reason]++;
	m->counters.active--;
}

void meter_end_flow(struct meter *m, struct flow_table *t, uint32_t handle, uint8_t reason,
                     uint64_t hash)
{
	meter_close_flow(m, t, handle, reason);
	if (m->finishing)               /* nobody will look for it any more */
		flow_table_at(t, handle)->state = 0;
	else
		flow_table_remove(t, handle, hash);
}

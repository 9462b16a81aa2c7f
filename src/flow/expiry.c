/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines. Where a record is cut depends on its own packets' times alone. The wheel only emits
 * what no packet has cut yet, and only when the source's clock says that no packet can come any
 * more that would belong to it.
 */
#include <string.h>

#include "flow/meter_parts.h"

enum { STALE_SLACK = 65536, OVERFLOW_AHEAD = 8 };

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

/* One of three: linger after an end that was seen, active from the record's first packet on, idle
 * from the last packet on. Of active and idle the earlier, and active where both are at once. An
 * empty record has no active timeout. */
static struct deadline deadline_of(const struct meter *m, const struct flow *f,
                                   const struct flow_cold *c)
{
	if (flow_is_closing(m, f))
		return (struct deadline){ later(f->last_ns, m->settings.linger_ns), END_DETECTED };
	uint64_t idle = later(f->last_ns, m->settings.idle_ns);
	uint64_t active = record_is_empty(f, c)
		? UINT64_MAX : later(f->first_ns, m->settings.active_ns);
	if (active <= idle && active != UINT64_MAX)
		return (struct deadline){ active, END_ACTIVE };
	return (struct deadline){ idle, END_IDLE };
}

bool meter_run_deadlines(struct meter *m, struct flow_table *t, uint32_t handle, uint64_t time_ns,
                          uint64_t hash)
{
	for (;;) {
		struct deadline d = deadline_of(m, flow_table_at(t, handle), flow_table_cold(t, handle));
		if (d.time_ns > time_ns)
			return true;
		if (d.reason != END_ACTIVE) {
			meter_end_flow(m, t, handle, d.reason, hash);
			return false;
		}
		meter_cut_record(m, t, handle, END_ACTIVE);
	}
}

static void want_rebuild(struct meter *m, struct flow_table *t);

/* Entries are never moved: when a flow's deadline goes back before the tick it is in, a second
 * entry is made and the first one becomes stale. */
void meter_schedule(struct meter *m, struct flow_table *t, uint32_t handle)
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

/* A chunk as it is worked on, a copy: what is examined may be put into a chunk that was just given
 * back. Its flows are on their way into the cache when it comes to be due. */
struct due {
	uint32_t tick;
	uint64_t clock_ns;
	struct wheel_chunk chunk;
	uint64_t hash[WHEEL_CHUNK];     /* of those that end */
};

/* Keeps of a chunk what this tick is for, and warms the buckets of the flows that end. */
static void prepare_chunk(struct meter *m, struct flow_table *t, struct due *d)
{
	const void *keys[WHEEL_CHUNK];
	unsigned kept = 0;
	for (unsigned i = 0; i < d->chunk.count; i++) {
		struct flow *f = flow_table_at(t, d->chunk.handle[i]);
		if (!wheel_entry_is_due(f->due_tick, d->tick))
			continue;
		f->due_tick = WHEEL_NEVER;
		keys[kept] = f->key;
		d->chunk.handle[kept] = d->chunk.handle[i];
		kept += (f->state & FLOW_IN_USE) != 0;
	}
	d->chunk.count = kept;
	t->hash_many(&m->secret, keys, kept, d->hash);
	for (unsigned i = 0; i < kept; i++)
		index_prefetch(&t->index, d->hash[i]);
}

/* What the wheel holds is spread over the whole table, so each flow would be a wait. */
static void prefetch_handle(const struct flow_table *t, uint32_t handle)
{
	const uint8_t *f = (const uint8_t *)flow_table_at(t, handle);
	prefetch_write(f);
	if (t->stride > 64)
		prefetch_write(f + 64);
	prefetch_write(flow_table_cold(t, handle));
}

static void prefetch_handles(const struct flow_table *t, const struct wheel_chunk *chunk,
                             uint32_t from)
{
	for (uint32_t i = from; i < chunk->count; i++)
		prefetch_handle(t, chunk->handle[i]);
}

/* A flow that lives on goes back into the wheel, at its next deadline. With each flow that is
 * worked on one of the next chunk is asked for. */
static void run_chunk(struct meter *m, struct flow_table *t, struct due *d,
                      const struct wheel_chunk *next)
{
	prepare_chunk(m, t, d);
	for (unsigned i = 0; i < d->chunk.count; i++) {
		uint32_t handle = d->chunk.handle[i];
		if (i < next->count)
			prefetch_handle(t, next->handle[i]);
		if (i + OVERFLOW_AHEAD < d->chunk.count)
			index_prefetch_overflow(&t->index, d->hash[i + OVERFLOW_AHEAD]);
		if (meter_run_deadlines(m, t, handle, d->clock_ns, d->hash[i]))
			meter_schedule(m, t, handle);
	}
	prefetch_handles(t, next, d->chunk.count);
}

/* The handles of a chunk, to be read when the one before it is prepared. */
static void prefetch_chunk(const struct wheel_chunk *chunk)
{
	for (size_t at = 0; at < sizeof *chunk; at += 64)
		prefetch_read((const uint8_t *)chunk + at);
}

/* Flows that are looked at may be scheduled again at once, so the wheel may grow while its chains
 * are walked; a rebuild would pull them away and waits. */
static void advance_table(struct meter *m, struct flow_table *t, uint64_t clock_ns)
{
	uint32_t tick, chain;
	if (unlikely(wheel_is_lost(&t->wheel, clock_ns))) {
		wheel_start(&t->wheel, clock_ns);
		rebuild_wheel(m, t);
	}
	t->advancing = true;
	while (wheel_next(&t->wheel, clock_ns, &tick, &chain)) {
		static const struct wheel_chunk none;
		struct due due = { .tick = tick, .clock_ns = clock_ns };
		if (chain)
			prefetch_handles(t, &t->wheel.chunks[chain], 0);
		while (chain) {
			due.chunk = t->wheel.chunks[chain];
			chain = wheel_chunk_done(&t->wheel, chain);
			const struct wheel_chunk *next = chain ? &t->wheel.chunks[chain] : &none;
			prefetch_chunk(next);
			run_chunk(m, t, &due, next);
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
	meter_set_limits(m);
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
		meter_flush_flood(m);
}

/* Deadlines first: a flow that ran out before the end has the reason that it would have had. */
static void finish_table(struct meter *m, struct flow_table *t, uint64_t last_ns)
{
	for (uint32_t h = 1; h < t->used; h++)
		if (flow_table_at(t, h)->state & FLOW_IN_USE)
			if (meter_run_deadlines(m, t, h, last_ns, 0))
				meter_end_flow(m, t, h, END_FORCED, 0);
}

void meter_finish(struct meter *m, uint64_t last_ns)
{
	m->finishing = true;
	finish_table(m, &m->table[0], last_ns);
	if (m->settings.plan.standard)
		finish_table(m, &m->table[1], last_ns);
	meter_flush_flood(m);
}

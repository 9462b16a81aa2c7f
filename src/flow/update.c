/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of a packet through a meter.
 *
 * A batch goes through three stages: hash all keys and prefetch their buckets; guess handles by tag
 * and prefetch the flows; update. A packet of a known flow inside its timers, without SYN, FIN or
 * RST, is counted in update_known() with one cache line touched; everything else goes through
 * update_slow(), which holds the rules: TCP reuse, linger, active and idle timeouts, direction.
 */
#include <string.h>

#include "flow/direction.h"
#include "flow/meter_parts.h"

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

/* Remembers a packet for the hooks; there is room for a batch, and every batch ends with a flush.
 * Its record must be open. */
static inline void add_touch(const struct visit *v)
{
	v->meter->touches[v->meter->touch_count++] = (struct flow_touch){
		.flow = flow_table_at(v->table, v->handle), .cold = flow_table_cold(v->table, v->handle),
		.spaces = flow_table_space(v->table, v->handle), .packet = v->packet, .events = v->events,
		.sender = (uint8_t)v->sender,
	};
}

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
	meter_close_flow(m, &m->table[from], victim->handle, END_RESOURCES);
	flow_table_remove(&m->table[from], victim->handle, victim->hash);
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

/* Its own times: idle and active count from its first packet. */
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
	c->interface[s] = p->interface;
	c->bits |= (uint8_t)(COLD_INTERFACE_0 << s);
	/* ICMP is never brief: l4_offset is there. */
	if ((p->key.protocol == 1 || p->key.protocol == 58) && p->l4_offset) {
		c->icmp[s] = p->icmp_type_code;
		c->bits |= (uint8_t)(COLD_ICMP_0 << s);
	}
}

/* The same sums as update_known() makes, for packets that came the slow way. Times are the
 * outermost, whatever the order of packets. */
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

/* Evidence of direction: in the first packet of each side, and in SYNs. */
static void weigh_direction(struct visit *v, struct flow *f, struct flow_cold *c)
{
	struct direction *d = &v->meter->direction;
	struct direction_case evidence = { .table = v->table, .flow = f, .cold = c,
	                                   .packet = v->packet, .sender = v->sender };
	bool turned = v->packet->tcp_flags & TCP_SYN ? direction_handshake(d, &evidence)
		: direction_first_of_side(d, &evidence);
	if (turned)
		v->events |= FLOW_TURNED;
}

/* State of the connection; true when this packet has closed it. */
static bool follow_tcp(const struct visit *v, struct flow *f)
{
	const struct meter *m = v->meter;
	unsigned flags = v->packet->tcp_flags & m->tcp_mask[v->packet->family == 6];
	if (!flags)
		return false;
	bool before = flow_is_closing(m, f);
	if (flags & TCP_FIN)
		f->state |= (uint8_t)(FLOW_FIN_0 << v->sender);
	if (flags & TCP_RST)
		f->state |= FLOW_RST;
	return !before && flow_is_closing(m, f);
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
	bool alive = meter_run_deadlines(v->meter, v->table, v->handle, v->packet->time_ns,
	                                 v->hash);
	if (alive && is_reuse(v, flow_table_at(v->table, v->handle))) {
		meter_end_flow(v->meter, v->table, v->handle, END_DETECTED, v->hash);
		alive = false;
	}
	if (!alive)
		v->handle = HANDLE_NONE;
}

/* In this order, by docs/semantics.md: what is due by this packet's time ends first, so a packet
 * never joins a record that had to end before it; then the flow is found or made, its record
 * opened, the direction judged, and only then the packet counted. */
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
	bool first = !(f->state & (FLOW_SPOKE_0 << v->sender));
	if (first)
		first_of_side(v, f, c);
	if (m->direction.weighs[v->packet->family == 6]
	    && (first || (v->packet->tcp_flags & TCP_SYN)))
		weigh_direction(v, f, c);
	count_packet(v, f, c);
	bool closed = follow_tcp(v, f);
	if (m->wants_touches)
		add_touch(v);
	if (closed && m->settings.linger_ns == 0)
		meter_end_flow(m, v->table, v->handle, END_DETECTED, v->hash);
	else if (closed || (v->events & FLOW_RECORD_OPENED))
		meter_schedule(m, v->table, v->handle);
}

/* ---- stages ---------------------------------------------------------------------------------- */

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
 * all that can speak against it. Flow 0, which nothing found points at, is never in use.
 * `differs`: not 0 if the flow has another key. */
static inline bool update_known(const struct meter *m, struct flow *f, const struct packet *p,
                                unsigned s, uint64_t differs)
{
	uint64_t since_last = p->time_ns - f->last_ns, since_first = p->time_ns - f->first_ns;
	uint32_t packets = f->packets[s] + p->wire_packets, flags = p->tcp_flags;
	uint8_t *flags_state = (uint8_t *)f + offsetof(struct flow, tcp_flags);
	uint32_t word = load_32(flags_state);   /* both flags, their high bits, the state */
	bool slow = (differs != 0) | (since_last >= m->idle_limit) | (since_first >= m->active_limit)
		| ((flags & m->tcp_mask[p->family == 6]) != 0) | m->slow_states[s][word >> 24]
		| (packets < p->wire_packets);
	if (unlikely(slow))
		return false;
	word |= (flags & 0xff) << (8 * s) | (flags >> 8 & 15) << (16 + 4 * s);
	f->last_ns = p->time_ns;
	f->packets[s] = packets;
	f->octets[s] += p->ip_bytes;
	memcpy(flags_state, &word, sizeof word);
	return true;
}
static_assert(offsetof(struct flow, tcp_flags_high) == offsetof(struct flow, tcp_flags) + 2
              && offsetof(struct flow, state) == offsetof(struct flow, tcp_flags) + 3,
              "what update_known() loads as one word");

/* The handle that the tags suggest is compared by the whole key: a wrong guess, a flow in need of
 * the slow way and a new flow all leave here. Compiled once for each key length. */
static inline __attribute__((always_inline))
void update_one(struct meter *m, const struct lookup *l, const struct packet *p, unsigned i,
                unsigned key_bytes)
{
	struct flow_table *t = table_of(m, key_bytes);
	struct flow *f = flow_of(t, l->handle[i], key_bytes);
	unsigned sender = key_bytes == WIDE_KEY ? l->sender[i] : p->sender;
	const void *key = key_bytes == WIDE_KEY ? l->keys[i] : p;
	uint64_t differs = key_differs(f->key, key, key_bytes);
	bool known = update_known(m, f, p, sender, differs);
	if (likely(known)) {
		if (m->wants_touches)
			m->touches[m->touch_count++] = (struct flow_touch){
				.flow = f, .cold = flow_table_cold(t, l->handle[i]),
				.spaces = flow_table_space(t, l->handle[i]), .packet = p,
				.sender = (uint8_t)sender,
			};
		return;
	}
	/* A flow that has ended in this batch still has its key. */
	bool found = !differs && (f->state & FLOW_IN_USE);
	struct visit v = { .meter = m, .table = t, .packet = p, .key = key, .hash = l->hash[i],
	                   .handle = found ? l->handle[i] : HANDLE_NONE, .sender = sender };
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

/* Buckets whose first line had no match: their overflow has arrived by now. */
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

/* Three stages, each over the whole batch, so that the memory which the next one needs is on its
 * way meanwhile: buckets, flows, counters. */
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

/* The same stages over keys that are built here, in memory of the meter. */
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

/* The first packet's time is when ticks begin; a wrong one is found out later (wheel_is_lost()). */
static void start_clock(struct meter *m, uint64_t time_ns)
{
	wheel_start(&m->table[0].wheel, time_ns);
	wheel_start(&m->table[1].wheel, time_ns);
	m->started = true;
}

/* The sums are the meter's own count of what it was given, made apart from what flows count: the
 * accounts compare the two. */
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
	meter_flush_touches(m);
}

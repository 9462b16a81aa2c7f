/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Meters as the settings describe them: see meters.h. Configured once, opened for each worker with
 * its share of the flows that memory allows. What SIGHUP brings is made here for each worker, too,
 * and taken by it between two batches (worker.c).
 */
#include "engine/meters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "identify/sessions.h"

/* A flow's share of hot, cold, wheel and index parts, both families' worst case apart. */
enum { FLOW_BYTES = 160 };

static const uint64_t flows_least = 16, flows_most = 1ull << 30;

/* ---- configuring ----------------------------------------------------------------------------- */

static bool has_full_addresses(const struct key_plan *plan)
{
	return key_plan_has_addresses(plan, false) && key_plan_has_addresses(plan, true);
}

/* Where flows have a client and sessions are asked for. */
static int make_sessions(const struct settings *s, struct meter_config *c, struct error *err)
{
	if (!c->hooks.sessions || !c->plan.mirrored || !has_full_addresses(&c->plan))
		return 0;
	int r = sessions_new(s->identify.session_gap_ns, &c->sessions);
	return r ? error_set(err, r, "no address space for sessions") : 0;
}

/* A list of `values` stands for itself and begins with the key; --fields changes the output's own
 * list. */
static int configure(const struct settings *s, struct meter_config *c, unsigned meters,
                     struct error *err)
{
	const struct meter_entry *e = &c->entry;
	c->key = (struct key_options){ .key = e->key, .vlan_key = e->vlan_key,
	                               .per_interface = e->per_interface, .tunnels = s->tunnels };
	if (e->place && e->values)
		snprintf(c->label, sizeof c->label, "%s: meter %s: values", e->place, e->name);
	else
		snprintf(c->label, sizeof c->label, "--fields");
	c->columns = (struct columns_wish){ .measures = s->measures,
	                                    .networks = s->measure.networks_path != NULL,
	                                    .fields = e->values ? e->values : s->fields,
	                                    .key = e->values ? &c->key : NULL, .several = meters > 1,
	                                    .label = c->label };
	int r = key_plan_parse(&c->key, &c->plan, err);
	if (r)
		return error_prefix(err, r, "--key");
	r = columns_hooks(&c->columns, &e->outputs, &c->hooks, err);
	return r ? r : make_sessions(s, c, err);
}

/* Each may have two templates. */
static int check_ids(const struct meters *m, struct error *err)
{
	for (unsigned i = 0; i < m->count; i++)
		for (unsigned k = 0; k < i; k++) {
			const struct meter_entry *a = &m->list[k].entry, *b = &m->list[i].entry;
			uint64_t low = a->template_id < b->template_id ? a->template_id : b->template_id;
			if (low && a->template_id + b->template_id - 2 * low < 2)
				return error_set(err, -EINVAL, "%s: meter %s: id %u is too near to that of meter "
				                 "%s, %u: each takes two (IPv4, IPv6)", b->place, b->name,
				                 (unsigned)b->template_id, a->name, (unsigned)a->template_id);
		}
	return 0;
}

int meters_configure(const struct settings *s, struct meters *ret, struct error *err)
{
	struct meter_entry entries[METERS_MAX];
	*ret = (struct meters){ .settings = s, .count = settings_meters(s, entries) };
	for (unsigned i = 0; i < ret->count; i++) {
		ret->list[i].entry = entries[i];
		int r = configure(s, &ret->list[i], ret->count, err);
		if (r)
			return r;
	}
	int r = check_ids(ret, err);
	return r ? r : meters_read_networks(s, &ret->networks, err);
}

void meters_fini(struct meters *meters)
{
	networks_release(meters->networks);
	meters->networks = NULL;
	for (unsigned i = 0; i < meters->count; i++) {
		sessions_free(meters->list[i].sessions);
		meters->list[i].sessions = NULL;
	}
}

int meters_read_networks(const struct settings *settings, struct networks **ret,
                         struct error *err)
{
	if (settings->measure.networks_path) {
		int r = networks_load(settings->measure.networks_path, ret, err);
		return r ? error_prefix(err, r, "--networks") : 0;
	}
	*ret = NULL;
	return 0;
}

bool meters_have_full_addresses(const struct meters *meters)
{
	bool full = true;
	for (unsigned i = 0; i < meters->count; i++)
		full &= has_full_addresses(&meters->list[i].plan);
	return full;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* The memory is shared by all meters and workers. A bound that the user gave holds without
 * --memory; with it the smaller of both. */
static uint64_t flow_bound(const struct meters *all, const struct meter_config *c, unsigned workers)
{
	const struct settings *s = all->settings;
	uint64_t flow_bytes = FLOW_BYTES, max_flows = c->entry.max_flows;
	for (unsigned i = 0; i < c->hooks.count; i++)
		flow_bytes += c->hooks.hook[i]->space_bytes;
	uint64_t memory = s->memory_bytes ? s->memory_bytes : memory_of_machine() / 2;
	uint64_t bound = memory / all->count / flow_bytes;
	if (max_flows && (max_flows < bound || !s->memory_bytes))
		bound = max_flows;
	bound = (bound + workers - 1) / workers;
	if (bound < flows_least && !max_flows)
		bound = flows_least;
	return bound < 1 ? 1 : bound < flows_most ? bound : flows_most;
}

/* Both must match: that of the command line and the meter's own. */
int meter_filter_new(const struct settings *s, const struct meter_entry *e,
                     struct packet_filter **ret, struct error *err)
{
	struct packet_filter *common = NULL, *own = NULL;
	int r = s->filter ? packet_filter_new(s->filter, &common, err) : 0;
	if (!r && e->filter)
		r = packet_filter_new(e->filter, &own, err);
	if (r) {
		packet_filter_free(common);
		return r;
	}
	if (common && own)
		packet_filter_narrow(common, own);
	*ret = common ? common : own;
	return 0;
}

static void emit(void *context, const struct flow_record *record)
{
	const struct meter_slot *slot = context;
	for (unsigned i = 0; i < slot->builders.count; i++)
		builder_write(&slot->builders.list[i], record);
	if (slot->twins && !record->merged)
		vlan_twins_see(slot->twins, &slot->meter->secret, record);
}

/* Flow ids are unique in the process without a lock: the worker and the meter are in their upper
 * bits. */
static int open_meter(const struct meters *all, unsigned number, struct worker *w, unsigned workers,
                      struct error *err)
{
	const struct meter_config *c = &all->list[number];
	struct hook_choice hooks[METER_HOOKS_MAX + 1] = { { .hook = NULL } };
	struct identify_settings identify = all->settings->identify;
	identify.sessions = c->sessions;
	identify.wide_keys = !c->plan.standard;
	for (unsigned i = 0; i < c->hooks.count; i++)
		hooks[i] = (struct hook_choice){ c->hooks.hook[i],
		                                 hooks_argument(c->hooks.hook[i], &identify,
		                                                &w->measure) };
	struct meter_slot *slot = &w->meters[number];
	struct meter_settings m = {
		.idle_ns = c->entry.idle_timeout_ns, .active_ns = c->entry.active_timeout_ns,
		.linger_ns = c->entry.tcp_linger_ns,
		.max_flows = flow_bound(all, c, workers), .plan = c->plan,
		.flood_records = (all->settings->flood_records + workers - 1) / workers,
		.evidence = c->entry.direction == DIRECTION_EVIDENCE,
		.first_flow_id = (uint64_t)w->number << 56 | (uint64_t)number << 48 | 1,
		.emit = emit, .context = slot, .hooks = hooks,
	};
	int r = meter_new(&m, &slot->meter, err);
	if (r)
		return r;
	w->meter_count = number + 1;
	if (c->plan.standard && !(slot->twins = calloc(1, sizeof *slot->twins)))
		return error_set(err, -ENOMEM, "out of memory");
	return meter_filter_new(all->settings, &c->entry, &slot->filter, err);
}

int meters_open(const struct meters *meters, struct worker *w, unsigned workers, struct error *err)
{
	int r = 0;
	w->measure = meters->settings->measure;
	w->networks = networks_hold(meters->networks);
	w->measure.networks = &w->networks;
	for (unsigned i = 0; i < meters->count && !r; i++)
		r = open_meter(meters, i, w, workers, err);
	return r;
}

/* ---- changing -------------------------------------------------------------------------------- */

static const struct meter_entry *find_entry(const struct meter_entry *list, unsigned count,
                                            const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	return NULL;
}

/* All filters are compiled before any is put in force: a wrong one changes nothing. */
int meters_change(const struct meters *meters, const struct settings *new,
                  struct worker_change *ret, struct error *err)
{
	struct worker_change change = { 0 };
	struct meter_entry entries[METERS_MAX];
	unsigned count = settings_meters(new, entries);
	for (unsigned i = 0; i < meters->count; i++) {
		const struct meter_entry *old = &meters->list[i].entry;
		const struct meter_entry *e = find_entry(entries, count, old->name);
		const struct settings *s = e ? new : meters->settings;
		struct meter_change *to = &change.meters[i];
		e = e ? e : old;
		*to = (struct meter_change){ .idle_ns = e->idle_timeout_ns,
			.active_ns = e->active_timeout_ns, .linger_ns = e->tcp_linger_ns };
		int r = meter_filter_new(s, e, &to->filter, err);
		if (r) {
			worker_change_drop(&change);
			return r;
		}
	}
	*ret = change;
	return 0;
}

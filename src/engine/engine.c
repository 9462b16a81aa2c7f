/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening order: settings are checked, the source is opened (it may need privileges), the workers'
 * meters are made (outputs ask them which fields there are), outputs are opened, privileges are
 * dropped; then the threads start. Closing is the reverse. The control thread is the caller's: it
 * waits for the workers, draws progress, writes statistics, passes requests of signal handlers on.
 */
#include "engine/engine.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/meters.h"
#include "engine/privileges.h"
#include "engine/progress.h"
#include "engine/pump.h"
#include "engine/sinks.h"
#include "engine/stats.h"
#include "engine/templates.h"
#include "engine/worker.h"

static const long control_interval_ns = 50000000;
static const uint64_t stop_patience_ns = 3000000000;  /* for outputs of a file run, after a stop */

/* A run. Everything is made by engine_open() and stands still until the end; threads get pointers
 * into it. */
struct engine {
	const struct settings *settings;
	struct engine_env env;
	struct pump *pump;              /* NULL without a source (--check) */
	struct sinks sinks;
	bool sinks_open;
	unsigned worker_count;
	struct worker *workers;
	struct meters meters;           /* how each worker's are made */
	struct row_settings rows;       /* what all meters have in common */
	uint32_t *interface_index;      /* ifIndex by the source's number, owned */
	struct metering_options *options;
	struct identify_application *applications;      /* of options data */
	unsigned application_count;
	atomic_bool stop, reopen, stats;        /* requests, set by signal handlers */
	sem_t ended;                    /* workers that have ended */
	struct progress progress;
	bool failed;                    /* the exit status becomes 1 */
};

/* ---- opening --------------------------------------------------------------------------------- */

static uint64_t clock_now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int open_source(const struct settings *s, const struct capture_kind *kind,
                       struct capture **ret, struct error *err)
{
	const struct text_list *names = s->interfaces.count ? &s->interfaces : &s->files;
	struct capture_settings c = { .names = names->items, .name_count = names->count,
	                              .buffer_bytes = s->buffer_bytes, .promiscuous = s->promiscuous,
	                              .snaplen_bytes = kind->live ? (uint32_t)s->snaplen_bytes : 0 };
	if (s->check && !names->count)
		return 0;
	return kind->open(&c, ret, err);
}

/* One worker where the key lacks a full address: packets are dealt by the address pair, and flows
 * must not be cut by that. */
static unsigned choose_workers(const struct engine *e, const struct log *log)
{
	const struct settings *s = e->settings;
	uint64_t wanted = s->workers ? s->workers : 1;
	if (wanted > WORKERS_MAX) {
		log_line(log, LOG_WARNING, "--workers %llu: at most %d are used",
		         (unsigned long long)wanted, WORKERS_MAX);
		wanted = WORKERS_MAX;
	}
	for (unsigned i = 0; i < e->meters.count; i++)
		if (e->meters.list[i].entry.max_flows && wanted > e->meters.list[i].entry.max_flows)
			wanted = e->meters.list[i].entry.max_flows;
	if (wanted > 1 && !meters_have_full_addresses(&e->meters)) {
		log_line(log, LOG_WARNING,
		         "--workers %llu: the key lacks a full address, so one worker is used",
		         (unsigned long long)wanted);
		wanted = 1;
	}
	return (unsigned)wanted;
}

/* A worker that failed half-way counts, so that closing cleans it up as well. */
static int open_workers(struct engine *e, bool live, struct error *err)
{
	e->workers = calloc(e->worker_count, sizeof *e->workers);
	if (!e->workers)
		return error_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < e->worker_count; i++) {
		int r = worker_init(&e->workers[i], i, live);
		e->workers[i].ended = &e->ended;
		if (r == 0)
			r = meters_open(&e->meters, &e->workers[i], e->worker_count, err);
		if (r) {
			e->worker_count = i + 1;
			return r;
		}
	}
	return 0;
}

/* Numbers of interfaces mean something only live: those of a file belong to another machine. */
static int read_interfaces(struct engine *e, const struct capture_kind *kind, struct capture *c)
{
	const struct capture_interface *list;
	unsigned count = c ? kind->interfaces(c, &list) : 0;
	e->rows.interfaces_known = kind->live;
	if (!kind->live || !count)
		return 0;
	e->interface_index = calloc(count, sizeof *e->interface_index);
	if (!e->interface_index)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++)
		e->interface_index[i] = list[i].index;
	e->rows.interface_index = e->interface_index;
	e->rows.interface_count = count;
	return 0;
}

/* Names of applications, where a meter looks for them. */
static int open_applications(struct engine *e, struct error *err)
{
	bool wanted = false;
	for (unsigned i = 0; i < e->meters.count; i++)
		for (unsigned k = 0; k < e->meters.list[i].hooks.count; k++)
			wanted |= e->meters.list[i].hooks.hook[k] == &identify_hook;
	return wanted ? identify_applications(&e->settings->identify, &e->applications,
	                                      &e->application_count, err) : 0;
}

/* What records and options data say of the sampling, and options data of the interfaces. */
static int open_options(struct engine *e, const struct capture_kind *kind, struct capture *c,
                        struct error *err)
{
	e->rows.sample = e->settings->sample > 1 ? (uint32_t)e->settings->sample : 1;
	e->rows.sample_random = e->settings->sample_mode == 1;
	struct metering_options_setup setup = {
		.meters = e->meters.count, .sample = e->rows.sample,
		.sample_random = e->rows.sample_random,
	};
	if (kind->live && c)
		setup.interface_count = kind->interfaces(c, &setup.interfaces);
	int r = open_applications(e, err);
	if (r)
		return r;
	setup.applications = e->applications;
	setup.application_count = e->application_count;
	return metering_options_new(&setup, &e->options, err);
}

static struct row_settings meter_rows(const struct engine *e, unsigned worker, unsigned meter)
{
	struct row_settings rows = e->rows;
	rows.meter = e->workers[worker].meters[meter].meter;
	rows.number = meter + 1;
	rows.uniflow = e->meters.list[meter].entry.uniflow;
	return rows;
}

/* Schemas once for the meter, plans for each worker: a plan remembers what it has worked out. */
static int open_streams(struct engine *e, unsigned meter, struct error *err)
{
	const struct meter_config *c = &e->meters.list[meter];
	struct row_settings rows = meter_rows(e, 0, meter);
	struct sinks_meter m = { .number = meter, .rows = &rows, .columns = c->columns,
	                         .template_id = (uint16_t)c->entry.template_id,
	                         .outputs = &c->entry.outputs };
	int r = sinks_add_meter(&e->sinks, &m, err);
	for (unsigned i = 0; i < e->worker_count && !r; i++) {
		rows = meter_rows(e, i, meter);
		r = builders_new(&e->sinks, meter, &rows, &e->workers[i].meters[meter].builders, err);
	}
	return r;
}

/* Meters that want certain template ids go first, so that no other template takes them. */
static int open_sinks(struct engine *e, bool live, struct error *err)
{
	const char *outputs[OUTPUTS_MAX + 1];
	struct sinks_setup setup = {
		.env = &e->env, .outputs = outputs, .live = live, .sort = e->settings->sort,
		.check = e->settings->check,
		.output_count = settings_outputs(e->settings, outputs, OUTPUTS_MAX + 1),
		.start_ns = clock_now_ns(CLOCK_REALTIME),
		.options = e->options, .sample = e->rows.sample, .sample_random = e->rows.sample_random,
	};
	int r = sinks_open(&setup, &e->sinks, err);
	e->sinks_open = r == 0;
	for (int named = 1; named >= 0; named--)        /* who wants certain template ids goes first */
		for (unsigned i = 0; i < e->meters.count && !r; i++)
			if ((e->meters.list[i].entry.template_id != 0) == named)
				r = open_streams(e, i, err);
	return r;
}

enum { OWN_EXPORT_MAX = 256 };          /* sockets; an output may have one for each collector */

/* What we send ourselves would come back as traffic, and be exported again. */
static unsigned own_export(const struct engine *e, struct pump_endpoint *ret)
{
	struct output_endpoint own[OWN_EXPORT_MAX];
	unsigned count = 0;
	for (unsigned i = 0; i < e->sinks.outputs.count && !e->settings->meter_own_export; i++)
		count += queue_endpoints(e->sinks.outputs.queues[i], own + count, OWN_EXPORT_MAX - count);
	for (unsigned i = 0; i < count; i++) {
		const struct output_endpoint *o = &own[i];
		struct pump_endpoint *p = &ret[i];
		*p = (struct pump_endpoint){ .family = o->family, .protocol = o->protocol,
		                             .local_port = o->local_port, .remote_port = o->remote_port };
		memcpy(p->local, o->local, 16);
		memcpy(p->remote, o->remote, 16);
	}
	return count;
}

/* True when no meter reads more of a packet than its standard key and counters. */
static bool packets_can_be_brief(const struct engine *e)
{
	const struct worker *w = &e->workers[0];
	for (unsigned i = 0; i < w->meter_count; i++)
		if (w->meters[i].meter->wants_touches || !w->meters[i].meter->settings.plan.standard)
			return false;
	return true;
}

/* Filters do, even such as may come with new settings, and evidence for the direction. */
static bool workers_read_frames(const struct engine *e)
{
	const struct worker *w = &e->workers[0];
	for (unsigned i = 0; i < w->meter_count; i++)
		if (w->meters[i].filter || w->meters[i].meter->settings.evidence)
			return true;
	return e->env.reload;
}

static int open_pump(struct engine *e, const struct capture_kind *kind, struct capture *c,
                     struct error *err)
{
	const struct settings *s = e->settings;
	struct pump_endpoint own[OWN_EXPORT_MAX];
	struct pump_setup setup = {
		.kind = kind, .capture = c, .workers = e->worker_count,
		.frames = workers_read_frames(e), .packet_limit = s->packet_limit,
		.packet = { .tunnels = s->tunnels, .icmp_key_none = s->icmp_key == ICMP_KEY_NONE,
		            .brief = packets_can_be_brief(e) },
		.sample = e->rows.sample, .sample_random = e->rows.sample_random, .log = e->env.log,
		.own_export = own, .own_export_count = kind->live ? own_export(e, own) : 0,
	};
	int r = pump_new(&setup, &e->pump, err);
	for (unsigned i = 0; i < e->worker_count && !r; i++)
		e->workers[i].pump = e->pump;
	if (!r)
		metering_options_set_pump(e->options, e->pump);
	return r;
}

static int check(const struct settings *s, struct error *err)
{
	if (s->sort && s->interfaces.count)
		return error_set(err, -EINVAL,
		                 "--sort keeps every record until the end: it is for files (-r),"
		                 " not for a live interface (-i)");
	if (s->sample > UINT32_MAX)
		return error_set(err, -EINVAL, "--sample 1:%llu: expected at most 1:4294967295",
		                 (unsigned long long)s->sample);
	return s->stats ? stats_check(s->stats, err) : 0;
}

/* Everything that can fail by a wrong setting fails here; nothing has been written by then. See the
 * head of this file for the order. */
static int open_all(struct engine *e, const struct capture_kind *kind, struct error *err)
{
	const struct settings *s = e->settings;
	struct capture *c = NULL;
	int r = check(s, err);
	if (!r)
		r = meters_configure(s, &e->meters, err);
	if (!r)
		r = open_source(s, kind, &c, err);
	if (r)
		return r;
	e->worker_count = choose_workers(e, e->env.log);
	r = open_workers(e, kind->live, err);
	if (!r && read_interfaces(e, kind, c))
		r = error_set(err, -ENOMEM, "out of memory");
	if (!r)
		r = open_options(e, kind, c, err);
	if (!r)
		r = open_sinks(e, kind->live, err);
	if (!r && c)
		r = open_pump(e, kind, c, err);
	if (r && c && !e->pump)
		kind->close(c);
	if (!r && s->user)
		r = privileges_drop(s->user, err);
	return r;
}

int engine_open(const struct settings *settings, const struct engine_env *env, struct engine **ret,
                struct error *err)
{
	struct engine *e = calloc(1, sizeof *e);
	if (!e)
		return error_set(err, -ENOMEM, "out of memory");
	e->settings = settings;
	sem_init(&e->ended, 0, 0);
	e->env = *env;
	int r = open_all(e, settings->files.count ? capture_kind_files() : capture_kind_live(), err);
	if (r) {
		engine_close(e);
		return r;
	}
	*ret = e;
	return 0;
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < e->worker_count && e->workers; i++)
		worker_fini(&e->workers[i]);
	if (e->sinks_open)
		sinks_close(&e->sinks);
	pump_free(e->pump);
	free(e->workers);
	metering_options_free(e->options);
	free(e->applications);
	meters_fini(&e->meters);
	free(e->interface_index);
	sem_destroy(&e->ended);
	free(e);
}

/* ---- running --------------------------------------------------------------------------------- */

static void add_meter_account(struct meter_account *to, const struct meter_account *from)
{
	accounts_add_meter(&to->counters, &from->counters);
	accounts_add_hooks(&to->hooks, &from->hooks);
	to->packets += from->packets;
	to->ip_octets += from->ip_octets;
	to->rows += from->rows;
	to->whole_rows += from->whole_rows;
}

/* Each part is a snapshot of its own. While packets flow they are of different moments, so only the
 * last account is compared whole. */
static void collect_accounts(struct engine *e, bool finished, struct accounts *ret)
{
	struct pump_counters p;
	memset(ret, 0, sizeof *ret);
	pump_counters(e->pump, &p);
	ret->source = p.source;
	ret->fates = p.fates;
	ret->unread_frames = p.unread_frames;
	ret->unread_octets = p.unread_octets;
	ret->meter_count = e->meters.count;
	for (unsigned m = 0; m < e->meters.count; m++) {
		ret->meters[m].name = e->meters.list[m].entry.name;
		ret->meters[m].whole_outputs = sinks_whole_outputs(&e->sinks, m);
	}
	for (unsigned i = 0; i < e->worker_count; i++) {
		struct worker_counters w;
		worker_snapshot(&e->workers[i], &w);
		accounts_add_fates(&ret->fates, &w.fates);
		ret->metered_ip_octets += w.metered_ip_octets;
		ret->shared_packets += w.shared_packets;
		ret->shared_octets += w.shared_octets;
		for (unsigned m = 0; m < e->meters.count; m++)
			add_meter_account(&ret->meters[m], &w.meters[m]);
	}
	ret->outputs_balanced = true;
	for (unsigned i = 0; i < e->sinks.outputs.count; i++) {
		struct output_counters c;
		queue_counters(e->sinks.outputs.queues[i], &c);
		ret->accepted += c.accepted;
		ret->outputs_balanced = ret->outputs_balanced && output_counters_balanced(&c);
	}
	ret->finished = finished;
	e->failed = e->failed || p.damaged;
}

/* For -v: what measures had to do without; nothing where they had all they needed. */
static void tell_of_hooks(const struct engine *e, const struct meter_account *m)
{
	for (unsigned i = 0; i < m->hooks.count; i++) {
		const struct hook_counts *c = &m->hooks.hook[i];
		for (unsigned n = 0; c->hook->counters[n]; n++)
			if (c->value[n])
				log_line(e->env.log, LOG_DETAIL, "%s, measure %s: %s %llu", m->name,
				         c->hook->name, c->hook->counters[n],
				         (unsigned long long)c->value[n]);
	}
}

/* An account that does not balance is an error of weir's own, told as such, and the exit status
 * stays: the records are what they are. */
static void write_stats(struct engine *e, bool finished)
{
	struct accounts a;
	struct error err = { "" };
	collect_accounts(e, finished, &a);
	a.one_line = e->settings->stats && !strcmp(e->settings->stats, "-") && !e->env.terminal;
	if (finished && !accounts_balanced(&a, &err))
		log_line(e->env.log, LOG_ERROR, "%s", err.text);
	for (unsigned m = 0; finished && m < a.meter_count; m++)
		tell_of_hooks(e, &a.meters[m]);
	if (e->settings->stats && stats_write(&a, &e->sinks, e->settings->stats, &err)) {
		log_line(e->env.log, LOG_ERROR, "%s", err.text);
		e->failed = true;
	}
}

/* At the end, when all flows have been seen; told once. */
static void warn_of_vlan_twins(const struct engine *e)
{
	uint64_t one_way = 0, twins = 0;
	for (unsigned i = 0; i < e->worker_count; i++)
		for (unsigned m = 0; m < e->meters.count; m++) {
			const struct vlan_twins *t = e->workers[i].meters[m].twins;
			one_way += t ? t->one_way : 0;
			twins += t ? t->twins : 0;
		}
	if (vlan_twins_are_many(one_way, twins))
		log_line(e->env.log, LOG_WARNING, "%llu of %llu one-way flows have their other direction"
		         " in another VLAN: if a mirror port tags one direction only, --no-vlan-key joins"
		         " them",
		         (unsigned long long)twins, (unsigned long long)one_way);
}

/* From counters that workers publish as they go: a little behind, and no worker is asked to
 * stop. */
static struct engine_traffic traffic_so_far(struct engine *e)
{
	struct engine_traffic t = { 0 };
	for (unsigned i = 0; i < e->worker_count; i++) {
		struct worker *w = &e->workers[i];
		t.packets += atomic_load_explicit(&w->progress_packets, memory_order_relaxed);
		t.octets += atomic_load_explicit(&w->progress_octets, memory_order_relaxed);
		t.flows += atomic_load_explicit(&w->progress_flows, memory_order_relaxed);
	}
	return t;
}

static void draw_progress(struct engine *e)
{
	struct capture_counters c = { 0 };
	pump_progress(e->pump, &c);
	struct engine_traffic t = traffic_so_far(e);
	struct progress_state state = { .bytes_read = c.file_bytes_read,
	                                .bytes_total = c.file_bytes_total, .packets = t.packets,
	                                .flows = t.flows };
	progress_update(&e->progress, &state);
}

static void tell_traffic(struct engine *e)
{
	struct engine_traffic t = traffic_so_far(e);
	e->env.traffic(e->env.context, &t);
}

/* Timers, filters and networks can change while packets flow; the rest is told to need a new
 * start. */
static bool only_these_differ(const struct engine *e, const struct settings *new)
{
	static const char *const these[] = {
		"idle-timeout", "active-timeout", "tcp-linger", "filter", "networks", NULL
	};
	return !option_settings_differ(meter_options, e->settings, new, these);
}

/* Networks are read once and shared; filters are compiled for each worker, since a filter has a
 * buffer of its own. */
static int change_workers(struct engine *e, const struct settings *new, struct error *err)
{
	struct networks *networks = NULL;
	int r = meters_read_networks(new, &networks, err);
	for (unsigned i = 0; i < e->worker_count && !r; i++) {
		struct worker_change change;
		r = meters_change(&e->meters, new, &change, err);
		if (r)                  /* found at the first worker: nothing has changed */
			break;
		change.networks = networks_hold(networks);
		worker_change(&e->workers[i], &change);
	}
	networks_release(networks);
	return r;
}

/* Settings that are wrong change nothing. Those that need a new start are told, not obeyed in
 * part. */
static void reload(struct engine *e)
{
	struct error err = { "" };
	if (!e->env.reload)
		return;
	const struct settings *new = e->env.reload(e->env.reload_context, &err);
	if (!new || change_workers(e, new, &err)) {
		log_line(e->env.log, LOG_ERROR, "settings not changed: %s", err.text);
		return;
	}
	log_line(e->env.log, LOG_NOTE, "settings read again%s", only_these_differ(e, new)
	         ? "" : "; timers, filters and networks are in force, other changes need a new start");
}

static void serve_requests(struct engine *e, uint64_t now_ns, uint64_t *next_stats_ns)
{
	if (atomic_exchange(&e->reopen, false)) {
		outputs_reopen(&e->sinks.outputs);
		reload(e);
	}
	bool due = e->settings->stats && e->settings->stats_interval_ns != DURATION_OFF
		&& now_ns >= *next_stats_ns;
	if (due)
		*next_stats_ns = now_ns + e->settings->stats_interval_ns;
	if (atomic_exchange(&e->stats, false) || due)
		write_stats(e, false);
	if (e->env.progress)
		draw_progress(e);
	if (e->env.traffic)
		tell_traffic(e);
}

static bool any_running(struct engine *e)
{
	for (unsigned i = 0; i < e->worker_count; i++)
		if (!atomic_load_explicit(&e->workers[i].finished, memory_order_acquire))
			return true;
	return false;
}

/* Until a worker ends, but no longer than the control interval. */
static void wait_a_little(struct engine *e)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += control_interval_ns;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	sem_clockwait(&e->ended, CLOCK_MONOTONIC, &until);
}

/* An output that stalls must not keep a run alive that has been told to stop. */
static void stop_waiting(struct engine *e)
{
	outputs_stop_waiting(&e->sinks.outputs);
}

/* The control thread's loop. */
static void control(struct engine *e)
{
	uint64_t start = clock_now_ns(CLOCK_MONOTONIC), next_stats = start, stopped = 0;
	if (e->settings->stats_interval_ns != DURATION_OFF)
		next_stats += e->settings->stats_interval_ns;
	while (any_running(e)) {
		wait_a_little(e);
		uint64_t now = clock_now_ns(CLOCK_MONOTONIC);
		if (e->settings->duration_ns != DURATION_OFF && now - start >= e->settings->duration_ns)
			engine_stop(e);
		if (atomic_load(&e->stop) && !stopped)
			stopped = now;
		if (stopped && (e->sinks.outputs.live || now - stopped >= stop_patience_ns))
			stop_waiting(e);
		serve_requests(e, now, &next_stats);
	}
	progress_end(&e->progress);
}

/* Outputs finish after all workers: their last records are in the queues by then. */
int engine_run(struct engine *e, struct error *err)
{
	int r = sinks_start(&e->sinks, err);
	for (unsigned i = 0; i < e->worker_count && !r; i++)
		r = worker_start(&e->workers[i], err);
	if (r) {
		engine_stop(e);
		pump_wake(e->pump);
	} else {
		control(e);
	}
	for (unsigned i = 0; i < e->worker_count; i++)
		worker_join(&e->workers[i]);
	if (r)
		return r;
	e->sinks.hurried = atomic_load(&e->stop);
	if (!sinks_finish(&e->sinks))
		e->failed = true;
	write_stats(e, true);
	warn_of_vlan_twins(e);
	return e->failed ? 1 : 0;
}

void engine_print_templates(const struct engine *e, FILE *out)
{
	templates_print(&e->meters, &e->sinks, out);
}

void engine_stop(struct engine *e)
{
	atomic_store(&e->stop, true);
	pump_stop(e->pump);
}

void engine_request_reopen(struct engine *e) { atomic_store(&e->reopen, true); }

void engine_request_stats(struct engine *e) { atomic_store(&e->stats, true); }

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See collect.h. The collecting thread owns collector, decoder and relay; nobody else looks at
 * them while it runs. For statistics the control thread asks and gets a copy (struct
 * collect_report); a collector that waits for a slow output answers late, and then the copy before
 * is told.
 */
#include "engine/collect.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/collect_report.h"
#include "engine/privileges.h"
#include "engine/progress.h"
#include "engine/stats_file.h"

static const uint64_t control_interval_ns = 50000000;
static const uint64_t read_interval_ns = 100000000;     /* a live collector looks up this often */
static const uint64_t flush_interval_ns = 250000000;
static const uint64_t report_patience_ns = 2000000000;
static const uint64_t stop_patience_ns = 3000000000;    /* for outputs, after a stop */

/* A run. What the thread that collects owns, nobody else looks at while it runs; what both share is
 * atomic or under the lock. */
struct collecting {
	const struct collect_settings *settings;
	struct engine_env env;
	bool live, failed, outputs_open;
	struct collector *collector;    /* the collecting thread's */
	struct outputs outputs;         /* queues: any thread */
	struct relay *relay;            /* the collecting thread's */
	pthread_t thread;               /* that collects */
	atomic_bool stop, reopen, stats, report_wanted, done;
	atomic_uint_fast64_t bytes_read, bytes_total, messages, records;
	pthread_mutex_t lock;           /* of the report */
	struct collect_report *report;  /* the last that the collector gave */
	sem_t reported, ended;          /* for the control thread, which waits */
	struct progress progress;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void emit(void *context, const struct layout *layout, struct record_batch *batch)
{
	struct collecting *c = context;
	relay_put(c->relay, batch, layout->options);
}

static void note(void *context, const char *text)
{
	const struct collecting *c = context;
	log_line(c->env.log, LOG_WARNING, "%s", text);
}

/* The relay needs the outputs open, and the collector asks it whether sampling is wanted: hence the
 * order. */
static int open_outputs(struct collecting *c, struct error *err)
{
	const struct collect_settings *s = c->settings;
	const struct output_env env = { .live = c->live, .terminal = c->env.terminal,
	                                .start_ns = clock_ns(CLOCK_REALTIME) };
	const struct outputs_setup outputs = { .addresses = s->outputs.items,
	                                       .count = s->outputs.count, .env = &env,
	                                       .log = c->env.log };
	int r = outputs_open(&outputs, &c->outputs, err);
	if (r)
		return r;
	c->outputs_open = true;
	struct relay_setup relay = { .outputs = &c->outputs, .fields = s->fields, .wait = !c->live,
	                             .sort = s->sort, .log = c->env.log };
	return relay_new(&relay, &c->relay, err);
}

static int open_collector(struct collecting *c, struct error *err)
{
	const struct collect_settings *s = c->settings;
	struct collector_setup setup = {
		.files = s->files.items, .file_count = s->files.count,
		.listen = s->listen.items, .listen_count = s->listen.count,
		.filter = s->filter, .buffer_bytes = s->buffer_bytes,
		.exporters_max = (unsigned)s->exporters_max,
		.decoder = {
			.template_lifetime_ns = s->template_lifetime_ns == DURATION_OFF ? 0 :
			                        s->template_lifetime_ns,
			.session_bytes = s->exporter_memory_bytes, .total_bytes = s->memory_bytes,
			.layouts_max = 4096, .elements_max = 4096, .domains_max = 1024,
			.options = s->options_data, .sampling = relay_wants_sampling(c->relay),
			.emit = emit, .context = c,
		},
		.note = note, .note_context = c,
	};
	return collector_open(&setup, &c->collector, err);
}

/* Outputs before the collector: a wrong one must not have bound any socket. */
static int open_all(struct collecting *c, struct error *err)
{
	const struct collect_settings *s = c->settings;
	int r = s->stats ? stats_check(s->stats, err) : 0;
	if (!r && s->sort && c->live)
		r = error_set(err, -EINVAL, "--sort keeps every record until the end: it is for files (-r),"
		                            " not for listening (-l)");
	if (!r)
		r = open_outputs(c, err);
	if (!r)
		r = open_collector(c, err);
	if (!r && s->user)
		r = privileges_drop(s->user, err);
	return r;
}

int collecting_open(const struct collect_settings *settings, const struct engine_env *env,
                    struct collecting **ret, struct error *err)
{
	struct collecting *c = calloc(1, sizeof *c);
	if (!c)
		return error_set(err, -ENOMEM, "out of memory");
	c->settings = settings;
	c->env = *env;
	c->live = settings->listen.count > 0;
	pthread_mutex_init(&c->lock, NULL);
	sem_init(&c->reported, 0, 0);
	sem_init(&c->ended, 0, 0);
	int r = open_all(c, err);
	if (r) {
		collecting_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* Outputs go first: their batches point at schemas of the decoder. */
void collecting_close(struct collecting *c)
{
	if (!c)
		return;
	if (c->outputs_open)
		outputs_close(&c->outputs);
	relay_free(c->relay);
	collector_close(c->collector);
	free(c->report);
	pthread_mutex_destroy(&c->lock);
	sem_destroy(&c->reported);
	sem_destroy(&c->ended);
	free(c);
}

/* ---- the collecting thread ------------------------------------------------------------------- */

/* The old report is thrown away, read or not: the newest is what counts. */
static void report(struct collecting *c)
{
	struct collect_report *fresh = collect_report_new(c->collector);
	if (!fresh)
		return;
	fresh->options_emitted = c->settings->options_data;
	pthread_mutex_lock(&c->lock);
	free(c->report);
	c->report = fresh;
	pthread_mutex_unlock(&c->lock);
	sem_post(&c->reported);
}

static void tell_progress(struct collecting *c)
{
	struct collector_counters k;
	collector_counters(c->collector, &k);
	atomic_store_explicit(&c->bytes_read, k.file_bytes_read, memory_order_relaxed);
	atomic_store_explicit(&c->bytes_total, k.file_bytes_total, memory_order_relaxed);
	atomic_store_explicit(&c->messages, k.delivered, memory_order_relaxed);
	atomic_store_explicit(&c->records, relay_counters(c->relay).records, memory_order_relaxed);
}

/* True when there is more to come. */
static bool read_some(struct collecting *c, uint64_t *flushed_ns)
{
	struct error err = { "" };
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r = collector_read(c->collector, now_ns + read_interval_ns, &err);
	if (r < 0 && r != -ENODATA && r != -EINTR) {
		log_line(c->env.log, LOG_ERROR, "%s", err.text);
		c->failed = true;
	}
	if (c->live && (r == 0 || now_ns - *flushed_ns >= flush_interval_ns)) {
		collector_flush(c->collector);
		relay_flush(c->relay);
		*flushed_ns = now_ns;
	}
	if (atomic_load_explicit(&c->report_wanted, memory_order_relaxed) &&
	    atomic_exchange(&c->report_wanted, false))
		report(c);
	if (c->env.progress)
		tell_progress(c);
	return r != -ENODATA;
}

/* At the end sessions end first: what they give up has to be in the last report. */
static void *collecting_thread(void *context)
{
	struct collecting *c = context;
	uint64_t flushed_ns = 0;
	while (!atomic_load_explicit(&c->stop, memory_order_relaxed) && read_some(c, &flushed_ns))
		continue;
	collector_end(c->collector);
	relay_finish(c->relay);
	report(c);
	atomic_store(&c->done, true);
	sem_post(&c->ended);
	return NULL;
}

static int start_thread(struct collecting *c, struct error *err)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&c->thread, NULL, collecting_thread, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r ? error_set(err, -r, "cannot start a thread: %s", strerror(r)) : 0;
}

/* ---- control --------------------------------------------------------------------------------- */

static struct timespec after(uint64_t wait_ns)
{
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + wait_ns;
	return (struct timespec){ .tv_sec = (time_t)(until / 1000000000u),
	                          .tv_nsec = (long)(until % 1000000000u) };
}

static void ask_for_report(struct collecting *c)
{
	while (sem_trywait(&c->reported) == 0)
		continue;
	atomic_store(&c->report_wanted, true);
	struct timespec until = after(report_patience_ns);
	while (!atomic_load(&c->done) && sem_clockwait(&c->reported, CLOCK_MONOTONIC, &until) &&
	       errno == EINTR)
		continue;
}

static int write_text(struct collecting *c, const struct collect_report *r, struct error *err)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return error_set(err, -ENOMEM, "--stats: out of memory");
	collect_report_print(r, &c->outputs, out);
	fclose(out);
	const char *path = c->settings->stats;
	int code = stats_file_write(path, text, !strcmp(path, "-") && !c->env.terminal, err);
	free(text);
	return code;
}

/* The report is a copy; only the outputs' figures are read now. */
static void write_stats(struct collecting *c, bool finished)
{
	struct error err = { "" };
	pthread_mutex_lock(&c->lock);
	struct collect_report *r = c->report;
	if (r) {
		collect_report_outputs(r, &c->outputs, c->relay);
		r->finished = finished;
		if (finished && !collect_report_balanced(r, &err))
			log_line(c->env.log, LOG_ERROR, "%s", err.text);
		if (c->settings->stats && write_text(c, r, &err)) {
			log_line(c->env.log, LOG_ERROR, "%s", err.text);
			c->failed = true;
		}
	}
	pthread_mutex_unlock(&c->lock);
}

static void serve_requests(struct collecting *c, uint64_t now_ns, uint64_t *next_stats_ns)
{
	if (atomic_exchange(&c->reopen, false))
		outputs_reopen(&c->outputs);
	bool due = c->settings->stats && c->settings->stats_interval_ns != DURATION_OFF
		&& now_ns >= *next_stats_ns;
	if (due)
		*next_stats_ns = now_ns + c->settings->stats_interval_ns;
	if (atomic_exchange(&c->stats, false) || due) {
		ask_for_report(c);
		write_stats(c, false);
	}
	if (!c->env.progress)
		return;
	struct progress_state state = {
		.bytes_read = atomic_load(&c->bytes_read), .bytes_total = atomic_load(&c->bytes_total),
		.packets = atomic_load(&c->messages), .flows = atomic_load(&c->records),
	};
	progress_update(&c->progress, &state);
}

/* A run that was stopped gives slow outputs a while, a live one none: whoever stops it wants it to
 * end. */
static void control(struct collecting *c)
{
	uint64_t start = clock_ns(CLOCK_MONOTONIC), next_stats = start, stopped = 0;
	if (c->settings->stats_interval_ns != DURATION_OFF)
		next_stats += c->settings->stats_interval_ns;
	while (!atomic_load(&c->done)) {
		struct timespec until = after(control_interval_ns);
		sem_clockwait(&c->ended, CLOCK_MONOTONIC, &until);
		uint64_t now = clock_ns(CLOCK_MONOTONIC);
		if (c->settings->duration_ns != DURATION_OFF && now - start >= c->settings->duration_ns)
			collecting_stop(c);
		if (atomic_load(&c->stop) && !stopped)
			stopped = now;
		if (stopped && (c->live || now - stopped >= stop_patience_ns))
			outputs_stop_waiting(&c->outputs);
		serve_requests(c, now, &next_stats);
	}
	progress_end(&c->progress);
}

static void tell_exporters(struct collecting *c)
{
	const struct collect_report *r = c->report;
	for (unsigned i = 0; r && i < r->exporter_count; i++) {
		const struct report_exporter *x = &r->exporters[i];
		const struct decode_counters *k = &x->counters;
		log_line(c->env.log, LOG_DETAIL,
		         "%s: %llu messages, %llu discarded; %llu records; %llu lost in %llu gaps, "
		         "%llu restarts; %llu sets without a template", x->name,
		         (unsigned long long)k->messages,
		         (unsigned long long)(k->messages - k->discarded[FAULT_none]),
		         (unsigned long long)k->records, (unsigned long long)k->lost,
		         (unsigned long long)k->gaps, (unsigned long long)k->restarts,
		         (unsigned long long)k->dropped[DECODE_DROP_unknown_template]);
	}
}

int collecting_run(struct collecting *c, struct error *err)
{
	int r = outputs_start(&c->outputs, err);
	if (!r)
		r = start_thread(c, err);
	if (r)
		return r;
	control(c);
	pthread_join(c->thread, NULL);
	if (!outputs_finish(&c->outputs, atomic_load(&c->stop)))
		c->failed = true;
	write_stats(c, true);
	tell_exporters(c);
	return c->failed ? 1 : 0;
}

void collecting_stop(struct collecting *c) { atomic_store(&c->stop, true); }

void collecting_request_reopen(struct collecting *c) { atomic_store(&c->reopen, true); }

void collecting_request_stats(struct collecting *c) { atomic_store(&c->stats, true); }

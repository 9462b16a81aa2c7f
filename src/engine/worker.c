/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint64_t flush_interval_ns = 500000000;

int worker_init(struct worker *w, unsigned number, bool live)
{
	memset(w, 0, sizeof *w);
	w->number = number;
	w->live = live;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	int r = -pthread_cond_init(&w->taken, &attr);
	pthread_condattr_destroy(&attr);
	return r;
}

void worker_fini(struct worker *w)
{
	for (unsigned i = 0; i < w->meter_count; i++) {
		builders_free(w->meters[i].builders, w->meters[i].builder_count);
		packet_filter_free(w->meters[i].filter);
		meter_free(w->meters[i].meter);
		free(w->meters[i].twins);
	}
	if (atomic_load(&w->changed))
		packet_filter_free(w->change.filter);
	pthread_cond_destroy(&w->taken);
	pthread_mutex_destroy(&w->lock);
}

static void flush_builders(struct worker *w)
{
	for (unsigned m = 0; m < w->meter_count; m++)
		for (unsigned b = 0; b < w->meters[m].builder_count; b++)
			builder_flush(&w->meters[m].builders[b]);
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static void count_up(const struct worker *w, struct worker_counters *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->fates = w->fates;
	ret->metered_ip_octets = w->metered_ip_octets;
	for (unsigned m = 0; m < w->meter_count; m++) {
		accounts_add_meter(&ret->meter, &w->meters[m].meter->counters);
		for (unsigned b = 0; b < w->meters[m].builder_count; b++)
			ret->rows += w->meters[m].builders[b].rows
				* w->meters[m].builders[b].stream->queue_count;
	}
}

static void take_snapshot(struct worker *w)
{
	unsigned wanted = atomic_load_explicit(&w->wanted, memory_order_acquire);
	pthread_mutex_lock(&w->lock);
	count_up(w, &w->snapshot);
	atomic_store_explicit(&w->done, wanted, memory_order_release);
	pthread_cond_broadcast(&w->taken);
	pthread_mutex_unlock(&w->lock);
}

void worker_snapshot(struct worker *w, struct worker_counters *ret)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	unsigned want = atomic_fetch_add(&w->wanted, 1) + 1;
	pthread_mutex_lock(&w->lock);
	if (!w->running) {
		count_up(w, ret);
	} else {
		while (atomic_load(&w->done) < want)
			if (pthread_cond_timedwait(&w->taken, &w->lock, &until))
				break;
		*ret = w->snapshot;
	}
	pthread_mutex_unlock(&w->lock);
}

/* ---- changes ------------------------------------------------------------------------------- */

void worker_change(struct worker *w, const struct worker_change *change)
{
	pthread_mutex_lock(&w->lock);
	if (atomic_load(&w->changed))
		packet_filter_free(w->change.filter);   /* the one before was not taken yet */
	w->change = *change;
	atomic_store(&w->changed, true);
	pthread_mutex_unlock(&w->lock);
}

static void take_change(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	struct worker_change c = w->change;
	atomic_store(&w->changed, false);
	pthread_mutex_unlock(&w->lock);
	struct meter_slot *slot = &w->meters[0];
	meter_set_timers(slot->meter, c.idle_ns, c.active_ns, c.linger_ns);
	packet_filter_free(slot->filter);
	slot->filter = c.filter;
}

/* ---- packets --------------------------------------------------------------------------------- */

/* Offers the packets to one meter; marks in `taken` which of them it took. */
static void offer(struct worker *w, struct meter_slot *slot, const struct lane_batch *batch,
                  bool *taken)
{
	const struct packet *chosen[BATCH_MAX];
	unsigned count = 0;
	if (!slot->filter) {
		meter_update(slot->meter, batch->packets, batch->count);
		memset(taken, 1, batch->count * sizeof *taken);
		return;
	}
	for (unsigned i = 0; i < batch->count; i++)
		if (packet_filter_match(slot->filter, batch->packets[i]->frame)) {
			chosen[count++] = batch->packets[i];
			taken[i] = true;
		}
	meter_update(slot->meter, chosen, count);
}

static void count_fates(struct worker *w, const struct lane_batch *batch, const bool *taken)
{
	for (unsigned i = 0; i < batch->count; i++) {
		const struct packet *p = batch->packets[i];
		enum fate fate = taken[i] ? FATE_metered : FATE_filtered;
		w->fates.packets[fate] += p->wire_packets;
		w->fates.octets[fate] += frame_octets(p->frame);
		w->fates.offload_packets += p->wire_packets - 1;
		if (taken[i])
			w->metered_ip_octets += p->ip_bytes;
	}
}

/* All packets metered, by the parser's sums. */
static void count_whole(struct worker *w, const struct packet_batch *packets)
{
	w->fates.packets[FATE_metered] += packets->count + packets->offload_packets;
	w->fates.octets[FATE_metered] += packets->octets;
	w->fates.offload_packets += packets->offload_packets;
	w->metered_ip_octets += packets->ip_octets;
}

static bool has_filter(const struct worker *w)
{
	for (unsigned m = 0; m < w->meter_count; m++)
		if (w->meters[m].filter)
			return true;
	return false;
}

static void meter_packets(struct worker *w, const struct lane_batch *batch)
{
	bool taken[BATCH_MAX] = { false };
	for (unsigned m = 0; m < w->meter_count && batch->count; m++)
		offer(w, &w->meters[m], batch, taken);
	count_fates(w, batch, taken);
}

static void process(struct worker *w, const struct lane_batch *batch)
{
	if (unlikely(atomic_load_explicit(&w->changed, memory_order_relaxed)))
		take_change(w);
	if (likely(batch->whole && !has_filter(w))) {
		for (unsigned m = 0; m < w->meter_count; m++)
			meter_update(w->meters[m].meter, batch->packets, batch->count);
		count_whole(w, batch->whole);
	} else {
		meter_packets(w, batch);
	}
	for (unsigned m = 0; m < w->meter_count; m++)
		meter_advance(w->meters[m].meter, batch->clock_ns);
	if (w->live && batch->clock_ns - w->flushed_ns >= flush_interval_ns) {
		flush_builders(w);
		w->flushed_ns = batch->clock_ns;
	}
	atomic_store_explicit(&w->progress_packets, w->fates.packets[FATE_metered],
	                      memory_order_relaxed);
	atomic_store_explicit(&w->progress_flows, w->meters[0].meter->counters.active,
	                      memory_order_relaxed);
	if (unlikely(atomic_load_explicit(&w->wanted, memory_order_relaxed)
	             != atomic_load_explicit(&w->done, memory_order_relaxed)))
		take_snapshot(w);
}

static void *worker_main(void *argument)
{
	struct worker *w = argument;
	struct lane_batch batch;
	while (pump_next(w->pump, w->number, &batch)) {
		process(w, &batch);
		pump_done(w->pump, &batch);
	}
	for (unsigned m = 0; m < w->meter_count; m++)
		meter_finish(w->meters[m].meter, pump_last_time(w->pump));
	flush_builders(w);
	take_snapshot(w);
	pthread_mutex_lock(&w->lock);
	w->running = false;
	pthread_mutex_unlock(&w->lock);
	atomic_store_explicit(&w->finished, true, memory_order_release);
	sem_post(w->ended);
	return NULL;
}

int worker_start(struct worker *w, struct error *err)
{
	sigset_t all, old;
	sigfillset(&all);               /* signals are the control thread's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	w->running = true;
	int r = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r) {
		w->running = false;
		return error_set(err, -r, "cannot start a worker thread: %s", strerror(r));
	}
	w->thread_started = true;
	return 0;
}

void worker_join(struct worker *w)
{
	if (w->thread_started)
		pthread_join(w->thread, NULL);
	w->thread_started = false;
}

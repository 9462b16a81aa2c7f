/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a worker: see worker.h. Counters are its own and unlocked; a snapshot is asked for
 * by a generation number and made between two batches, and a change of settings is taken there as
 * well. Neighbours: pump.h (packets), meters.c (who makes the meters), sinks.h (rows out).
 */
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
		builders_free(&w->meters[i].builders);
		packet_filter_free(w->meters[i].filter);
		meter_free(w->meters[i].meter);
		free(w->meters[i].twins);
	}
	if (atomic_load(&w->changed))
		worker_change_drop(&w->change);
	networks_release(w->networks);
	pthread_cond_destroy(&w->taken);
	pthread_mutex_destroy(&w->lock);
}

static void flush_builders(struct worker *w)
{
	for (unsigned m = 0; m < w->meter_count; m++)
		for (unsigned b = 0; b < w->meters[m].builders.count; b++)
			builder_flush(&w->meters[m].builders.list[b]);
}

/* ---- snapshots ------------------------------------------------------------------------------- */

/* Rows are counted once for each output that gets them, as the outputs do. */
static void count_meter(const struct meter_slot *slot, struct meter_account *ret)
{
	ret->counters = slot->meter->counters;
	meter_count_hooks(slot->meter, &ret->hooks);
	ret->packets = slot->taken_packets;
	ret->ip_octets = slot->taken_octets;
	for (unsigned i = 0; i < slot->builders.count; i++) {
		const struct builder *b = &slot->builders.list[i];
		uint64_t rows = b->rows * b->stream->queue_count;
		ret->rows += rows;
		ret->whole_rows += b->stream->whole ? rows : 0;
	}
}

/* All counters as they stand, by the worker's own thread or when that has ended. */
static void count_up(const struct worker *w, struct worker_counters *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->fates = w->fates;
	ret->metered_ip_octets = w->metered_ip_octets;
	ret->shared_packets = w->shared_packets;
	ret->shared_octets = w->shared_octets;
	for (unsigned m = 0; m < w->meter_count; m++)
		count_meter(&w->meters[m], &ret->meters[m]);
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

/* A worker that is held up (a source that waits, an output that is slow) answers late: then the
 * snapshot before it is told. */
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

void worker_change_drop(struct worker_change *change)
{
	for (unsigned m = 0; m < METERS_MAX; m++)
		packet_filter_free(change->meters[m].filter);
	networks_release(change->networks);
}

void worker_change(struct worker *w, const struct worker_change *change)
{
	pthread_mutex_lock(&w->lock);
	if (atomic_load(&w->changed))
		worker_change_drop(&w->change);         /* the one before was not taken yet */
	w->change = *change;
	atomic_store(&w->changed, true);
	pthread_mutex_unlock(&w->lock);
}

/* What the change holds becomes the worker's; the old filters and networks go, since no packet of
 * the last batch is under way any more. */
static void take_change(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	struct worker_change c = w->change;
	atomic_store(&w->changed, false);
	pthread_mutex_unlock(&w->lock);
	for (unsigned m = 0; m < w->meter_count; m++) {
		struct meter_slot *slot = &w->meters[m];
		const struct meter_change *new = &c.meters[m];
		meter_set_timers(slot->meter, new->idle_ns, new->active_ns, new->linger_ns);
		packet_filter_free(slot->filter);
		slot->filter = new->filter;
	}
	networks_release(w->networks);
	w->networks = c.networks;
}

/* ---- packets --------------------------------------------------------------------------------- */

static void count_taken(struct meter_slot *slot, const struct packet *const *packets,
                        unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		slot->taken_packets += packets[i]->wire_packets;
		slot->taken_octets += packets[i]->ip_bytes;
	}
}

/* Offers the packets to one meter; counts in `takers` by how many each was taken. */
static void offer(struct meter_slot *slot, const struct lane_batch *batch, uint8_t *takers)
{
	const struct packet *chosen[BATCH_MAX];
	const struct packet *const *packets = batch->packets;
	unsigned count = 0;
	if (!slot->filter) {
		count = batch->count;
		for (unsigned i = 0; i < count; i++)
			takers[i]++;
	} else {
		for (unsigned i = 0; i < batch->count; i++)
			if (packet_filter_match(slot->filter, batch->packets[i]->frame)) {
				chosen[count++] = batch->packets[i];
				takers[i]++;
			}
		packets = chosen;
	}
	meter_update(slot->meter, packets, count);
	count_taken(slot, packets, count);
}

/* With filters each packet may be taken by any number of meters: by none it is filtered, by several
 * it is metered once and shared for each further one. */
static void count_fates(struct worker *w, const struct lane_batch *batch, const uint8_t *takers)
{
	for (unsigned i = 0; i < batch->count; i++) {
		const struct packet *p = batch->packets[i];
		enum fate fate = takers[i] ? FATE_metered : FATE_filtered;
		w->fates.packets[fate] += p->wire_packets;
		w->fates.octets[fate] += frame_octets(p->frame);
		w->fates.offload_packets += p->wire_packets - 1;
		if (takers[i])
			w->metered_ip_octets += p->ip_bytes;
		if (unlikely(takers[i] > 1)) {
			w->shared_packets += (takers[i] - 1u) * (uint64_t)p->wire_packets;
			w->shared_octets += (takers[i] - 1u) * (uint64_t)p->ip_bytes;
		}
	}
}

/* All packets metered, by every meter. */
static void count_all(struct worker *w, const struct lane_batch *batch)
{
	const struct packet_sums *sums = &batch->sums;
	w->fates.packets[FATE_metered] += sums->wire_packets;
	w->fates.octets[FATE_metered] += sums->octets;
	w->fates.offload_packets += sums->wire_packets - batch->count;
	w->metered_ip_octets += sums->ip_octets;
	w->shared_packets += (w->meter_count - 1) * sums->wire_packets;
	w->shared_octets += (w->meter_count - 1) * sums->ip_octets;
	for (unsigned m = 0; m < w->meter_count; m++) {
		w->meters[m].taken_packets += sums->wire_packets;
		w->meters[m].taken_octets += sums->ip_octets;
	}
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
	uint8_t takers[BATCH_MAX] = { 0 };
	for (unsigned m = 0; m < w->meter_count && batch->count; m++)
		offer(&w->meters[m], batch, takers);
	count_fates(w, batch, takers);
}

/* Packets, then the clock: what they have brought to an end is emitted before what time alone ends.
 * Live, batches that are not full leave twice a second. */
static void process(struct worker *w, const struct lane_batch *batch)
{
	if (unlikely(atomic_load_explicit(&w->changed, memory_order_relaxed)))
		take_change(w);
	if (unlikely(has_filter(w))) {
		meter_packets(w, batch);
	} else {
		for (unsigned m = 0; m < w->meter_count; m++)
			meter_update(w->meters[m].meter, batch->packets, batch->count);
		count_all(w, batch);
	}
	for (unsigned m = 0; m < w->meter_count; m++)
		meter_advance(w->meters[m].meter, batch->clock_ns);
	if (w->live && batch->clock_ns - w->flushed_ns >= flush_interval_ns) {
		flush_builders(w);
		w->flushed_ns = batch->clock_ns;
	}
	atomic_store_explicit(&w->progress_packets, w->fates.packets[FATE_metered],
	                      memory_order_relaxed);
	atomic_store_explicit(&w->progress_octets, w->metered_ip_octets, memory_order_relaxed);
	atomic_store_explicit(&w->progress_flows, w->meters[0].meter->counters.active,
	                      memory_order_relaxed);
	if (unlikely(atomic_load_explicit(&w->wanted, memory_order_relaxed)
	             != atomic_load_explicit(&w->done, memory_order_relaxed)))
		take_snapshot(w);
}

/* Timers run on to the last time of the whole input, the same for all workers: so a record ends the
 * same way whichever worker it was in. */
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

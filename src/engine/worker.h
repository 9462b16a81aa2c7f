/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: an array of meters, each with its filter and its builders, and one thread that
 * runs packets through them. Workers share nothing; pump.h gives them packets. A snapshot of
 * the counters is copied out when somebody asks, between two batches, so the counters
 * themselves need no locks.
 */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/error.h"
#include "engine/accounts.h"
#include "engine/pump.h"
#include "engine/sinks.h"
#include "engine/vlan_twins.h"
#include "flow/meter.h"
#include "measure/measure.h"
#include "measure/networks.h"
#include "packet/filter.h"

/* A meter of this worker, with all that belongs to it. */
struct meter_slot {
	struct meter *meter;            /* owned, as all in the slot */
	struct packet_filter *filter;   /* NULL: takes every packet */
	uint64_t taken_packets, taken_octets;   /* wire packets and IP octets that it took */
	struct builders builders;
	struct vlan_twins *twins;       /* NULL: no VLANs in the key */
};

/* A copy at one moment between two batches. */
struct worker_counters {
	struct fate_counters fates;     /* metered and filtered: decided here */
	uint64_t metered_ip_octets;
	uint64_t shared_packets, shared_octets; /* as in struct accounts */
	struct meter_account meters[METERS_MAX];
};

struct meter_change {                   /* what SIGHUP may change while packets flow */
	uint64_t idle_ns, active_ns, linger_ns;
	struct packet_filter *filter;   /* NULL: every packet; owned by whoever holds the change */
};

/* New settings on their way to a worker. */
struct worker_change {
	struct meter_change meters[METERS_MAX];
	struct networks *networks;      /* NULL: none; held by whoever holds the change */
};

/* What is not said to be under the lock is the thread's own while it runs. */
struct worker {
	unsigned number;                /* from 0 */
	struct pump *pump;              /* borrowed */
	bool live;                      /* batches leave twice a second, full or not */
	unsigned meter_count;
	struct meter_slot meters[METERS_MAX];   /* meter_count of them */
	struct measure_settings measure;        /* what its measures are opened with */
	struct networks *networks;      /* held; NULL: none */
	struct fate_counters fates;
	uint64_t metered_ip_octets;
	uint64_t shared_packets, shared_octets;
	uint64_t flushed_ns;            /* source's clock when batches were last sent on */
	pthread_t thread;
	bool thread_started;            /* has to be joined */
	bool running;                   /* under lock: the thread still owns the counters */
	pthread_mutex_t lock;           /* of the snapshot */
	pthread_cond_t taken;
	struct worker_counters snapshot;        /* under lock */
	struct worker_change change;    /* under lock, until taken */
	atomic_bool changed;
	sem_t *ended;                   /* posted when the thread ends; the engine waits there */
	atomic_bool finished;           /* the thread is about to end */
	atomic_uint wanted, done;       /* generations of snapshots */
	_Atomic uint64_t progress_packets, progress_octets, progress_flows;
};

/* The pump and `ended` are set before it starts. */
int worker_init(struct worker *w, unsigned number, bool live);
void worker_fini(struct worker *w);
int worker_start(struct worker *w, struct error *err);
void worker_join(struct worker *w);

/* Hands a change over; the worker takes it between two batches. What it
 * holds becomes the worker's. */
void worker_change(struct worker *w, const struct worker_change *change);

/* A consistent copy of the counters; waits up to a second for a running worker. */
void worker_snapshot(struct worker *w, struct worker_counters *ret);

/* Of a change that nobody takes. */
void worker_change_drop(struct worker_change *change);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One output, one thread, one bounded ring of record batches: see queue.h for the promises.
 *
 * One lock guards everything that both sides see. The output's thread holds it only to take a
 * batch and to publish the outcome of the last one, in the same critical section; the output
 * itself is never called with it. So a snapshot is consistent: a record is in the ring, in
 * flight, or in the output's published counters, never in two of them. The cost is one lock
 * pair a batch on either side.
 *
 * What ends: queue_finish asks the thread to drain and waits until the deadline. Then it takes away
 * what still waits, raises give_up (file.c looks at it between pieces) and waits a little longer. A
 * kind that blocks even then is abandoned with its memory: the process is about to end.
 * Neighbours: output.h (what is called), engine (who calls).
 */
#include "output/queue.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/compiler.h"
#include "base/text.h"

enum { WAKE_BATCHES = 8 };
enum {
	BOUND_RECORDS_DEFAULT = 1 << 20,
	BOUND_BYTES_DEFAULT = 64 << 20,
	BOUND_BYTES_LEAST = 1 << 20,
	RING_FIRST = 64,
};
#define SECOND_NS UINT64_C(1000000000)
#define GRACE_NS (2 * SECOND_NS)        /* from give_up until the thread is abandoned */
#define TICK_LEAST_NS UINT64_C(1000000) /* a kind that asks for "at once" gets
                                         * this, so as not to spin */

/* A schema that the output was told of. */
struct known_schema {
	uint32_t id;
	bool refused;                   /* the output cannot carry it */
};

/* The output, its thread and what waits for it. */
struct queue {
	struct output *output;          /* called by the thread once started, before by the opener */
	struct output_env env;          /* what the output sees: the caller's, with our give_up */
	atomic_bool give_up;
	atomic_bool failed;             /* ever: for the exit status */
	char *name;
	char *fields;                   /* NULL: the address says nothing of them */
	uint64_t bound_records, bound_bytes;
	pthread_t thread;

	/* Only the thread (or whoever runs before it): */
	struct known_schema *schemas;
	unsigned schema_count;
	uint64_t next_tick_ns;          /* CLOCK_REALTIME */
	bool failing;                   /* told, and not well since */

	pthread_mutex_t lock;           /* all below */
	pthread_cond_t filled;          /* the thread waits: work, stop */
	pthread_cond_t drained;         /* puts and finish wait: room, end */
	struct record_batch **ring;     /* ring_size is a power of two; grows up to the bounds */
	unsigned ring_size, head, count;
	uint64_t waiting_records, waiting_bytes;
	uint64_t flight_records;        /* in the batch that the output holds */
	uint64_t accepted;              /* ever put */
	uint64_t dropped[DROP_COUNT];   /* by the queue itself */
	struct output_missed missed;    /* of them, what the output was not yet told */
	struct output_counters counters;        /* the output's own, as of its last call */
	uint64_t deadline_ns;           /* of finish */
	unsigned waiters;               /* threads in queue_put */
	bool asleep;                    /* the thread waits for `filled` */
	bool started, stopping, done, abandoned, reopen, no_waiting;
	bool full;                      /* told that it is full, and not empty since */
	bool unfinished;                /* closed without finish: the output's finish is left out */
	int finish_result;              /* of the output's finish */
	int result;                     /* of queue_finish; only the caller's thread */
};

struct work {                           /* what the thread does next, without the lock */
	struct record_batch *batch;     /* NULL: none */
	bool reopen, finish;
	bool well_again;                /* it was full and has run empty */
	struct output_missed missed;    /* amount.records is 0: nothing */
	int result;                     /* of the output's finish */
};

static void *queue_thread(void *context);
static struct work work_take(struct queue *q);
static void work_do(struct queue *q, struct work *work);
static void work_publish(struct queue *q, const struct work *work);
static void queue_tell(const struct queue *q, const char *text, const char *detail);
static bool queue_wait(struct queue *q, pthread_cond_t *cond, uint64_t time_ns);
static void queue_drop_waiting(struct queue *q, enum output_drop reason);
static void queue_free(struct queue *q);

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What it takes in memory, not only what is used of it. */
static uint64_t batch_bytes(const struct record_batch *batch)
{
	return sizeof *batch + (uint64_t)batch->capacity * batch->schema->row_bytes
		+ batch->arena_capacity;
}

/* Condition variables go by the monotonic clock: a clock that is set must not stretch a
 * deadline. */
static struct queue *queue_new(const struct queue_setup *setup)
{
	struct queue *q = calloc(1, sizeof *q);
	if (!q)
		return NULL;
	const char *name = setup->opened ? setup->name : setup->address->text;
	q->name = strdup(name ? name : setup->opened->kind->scheme);
	q->ring = calloc(RING_FIRST, sizeof(*q->ring));
	q->ring_size = RING_FIRST;
	q->bound_records = setup->bound_records ? setup->bound_records : BOUND_RECORDS_DEFAULT;
	q->bound_bytes = setup->bound_bytes ? setup->bound_bytes : BOUND_BYTES_DEFAULT;
	if (setup->env)
		q->env = *setup->env;
	q->env.give_up = &q->give_up;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, &monotonic);
	pthread_cond_init(&q->drained, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (!q->name || !q->ring) {
		queue_free(q);
		return NULL;
	}
	return q;
}

/* Those of every kind (output_common_parameters). */
static int read_parameters(struct queue *q, const struct queue_setup *setup, struct error *err)
{
	const char *size = address_parameter(setup->address, "queue");
	const char *fields = address_parameter(setup->address, "fields");
	if (size && (text_parse_bytes(size, &q->bound_bytes) < 0 || q->bound_bytes < BOUND_BYTES_LEAST))
		return error_set(err, -EINVAL, "%s: queue is \"%s\", expected a size of 1M or more",
		                 q->name, size);
	if (size)
		q->bound_records = UINT64_MAX;
	if (fields && setup->kind->fixed_fields)
		return error_set(err, -EINVAL, "%s: 'fields' has no effect: the format has fields of its "
		                               "own", q->name);
	if (fields && !(q->fields = strdup(fields)))
		return error_set(err, -ENOMEM, "%s: out of memory", q->name);
	return 0;
}

int queue_open(const struct queue_setup *setup, struct queue **ret, struct error *err)
{
	struct queue *q = queue_new(setup);
	if (!q)
		return error_set(err, -ENOMEM, "out of memory for an output queue");
	q->output = setup->opened;
	int rc = q->output ? 0 : read_parameters(q, setup, err);
	if (rc == 0 && !q->output)
		rc = setup->kind->open(setup->address, &q->env, &q->output, err);
	if (rc < 0) {
		queue_free(q);
		return rc;
	}
	q->output->kind->counters(q->output, &q->counters);
	*ret = q;
	return 0;
}

/* An output is asked once for each schema; a refusal is remembered, so it is told once as well. */
static int schema_announce(struct queue *q, const struct schema *schema, bool *ret_refused,
                           struct error *err)
{
	for (unsigned i = 0; i < q->schema_count; i++) {
		if (q->schemas[i].id == schema->id) {
			*ret_refused = q->schemas[i].refused;
			return 0;
		}
	}
	struct known_schema *grown = realloc(q->schemas, (q->schema_count + 1) * sizeof *grown);
	if (!grown)
		return error_set(err, -ENOMEM, "%s: out of memory", q->name);
	q->schemas = grown;
	int rc = q->output->kind->schema(q->output, schema, err);
	*ret_refused = rc < 0;
	q->schemas[q->schema_count++] = (struct known_schema){ .id = schema->id, .refused = rc < 0 };
	return rc;
}

int queue_schema(struct queue *q, const struct schema *schema, struct error *err)
{
	bool refused = false;
	int rc = schema_announce(q, schema, &refused, err);
	if (rc < 0)
		return rc;
	return refused ? error_set(err, -EINVAL, "%s: cannot carry these fields", q->name) : 0;
}

int queue_start(struct queue *q, struct error *err)
{
	/* Signals are for the main thread; SIGPIPE blocked here makes a closed pipe an EPIPE. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	q->started = true;
	int rc = pthread_create(&q->thread, NULL, queue_thread, q);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		return 0;
	q->started = false;
	return error_set(err, -rc, "%s: cannot start a thread: %s", q->name, strerror(rc));
}

/* With the lock. */
static void count_missed(struct queue *q, const struct record_batch *batch, enum output_drop reason)
{
	struct output_missed *m = &q->missed;
	q->dropped[reason] += batch->count;
	if (!q->output->kind->missed)
		return;
	m->last_ns = clock_ns(CLOCK_REALTIME);
	if (m->amount.records == 0)
		m->first_ns = m->last_ns;
	record_amount_add_rows(&m->amount, batch, 0, batch->count);
}

static bool queue_has_room(const struct queue *q, uint64_t records, uint64_t bytes)
{
	if (q->count == 0)
		return true;            /* a batch larger than the bounds must pass too */
	return q->waiting_records + records <= q->bound_records
		&& q->waiting_bytes + bytes <= q->bound_bytes;
}

/* Doubles while the lock is held: a few pointers are copied. */
static bool ring_grow(struct queue *q)
{
	struct record_batch **grown = malloc(2 * (size_t)q->ring_size * sizeof(*grown));
	if (!grown)
		return false;
	for (unsigned i = 0; i < q->count; i++)
		grown[i] = q->ring[(q->head + i) & (q->ring_size - 1)];
	free(q->ring);
	q->ring = grown;
	q->ring_size *= 2;
	q->head = 0;
	return true;
}

static bool ring_push(struct queue *q, struct record_batch *batch, uint64_t bytes)
{
	if (q->count == q->ring_size && !ring_grow(q))
		return false;
	q->ring[(q->head + q->count) & (q->ring_size - 1)] = record_batch_hold(batch);
	q->count++;
	q->waiting_records += batch->count;
	q->waiting_bytes += bytes;
	return true;
}

/* With the lock. Waking a thread costs as much as encoding a hundred records, so a busy producer
 * lets batches gather; one that falls silent says so by `now`. A tick comes within a second. */
static void wake(struct queue *q, bool now)
{
	if (q->asleep && (now || q->count >= WAKE_BATCHES))
		pthread_cond_signal(&q->filled);
}

/* Whoever waits for room is woken at each batch that leaves. */
static struct record_batch *ring_pop(struct queue *q)
{
	struct record_batch *batch = q->ring[q->head];
	q->head = (q->head + 1) & (q->ring_size - 1);
	q->count--;
	q->waiting_records -= batch->count;
	q->waiting_bytes -= batch_bytes(batch);
	if (q->waiters)
		pthread_cond_broadcast(&q->drained);
	return batch;
}

/* With the lock: an output that keeps the newest gives up the oldest that wait. */
static void make_room(struct queue *q, uint64_t records, uint64_t bytes)
{
	while (q->count && !queue_has_room(q, records, bytes)) {
		struct record_batch *oldest = ring_pop(q);
		count_missed(q, oldest, DROP_QUEUE_FULL);
		record_batch_release(oldest);
		q->full = true;
	}
}

/* Lock held throughout but while waiting. Records count as accepted whether they found room or not:
 * that is what makes the account balance. */
bool queue_put(struct queue *q, struct record_batch *batch, unsigned how)
{
	bool wait = how & QUEUE_WAIT;
	uint64_t records = batch->count, bytes = batch_bytes(batch);
	if (records == 0)
		return true;
	pthread_mutex_lock(&q->lock);
	while (wait && !q->no_waiting && !q->stopping && !queue_has_room(q, records, bytes)) {
		q->waiters++;
		wake(q, true);
		pthread_cond_wait(&q->drained, &q->lock);
		q->waiters--;
	}
	q->accepted += records;
	bool was_full = q->full;
	if (q->output->kind->keeps_newest && !q->stopping)
		make_room(q, records, bytes);
	bool taken = !q->stopping && queue_has_room(q, records, bytes) && ring_push(q, batch, bytes);
	wake(q, how & QUEUE_NOW);
	if (!taken) {
		count_missed(q, batch, DROP_QUEUE_FULL);
		q->full = true;
	}
	bool first = q->full && !was_full;
	pthread_mutex_unlock(&q->lock);
	if (first)
		queue_tell(q, "is too slow: its queue is full, records are dropped and counted", NULL);
	return taken;
}

bool queue_has_room_for(struct queue *q, const struct record_batch *batch)
{
	pthread_mutex_lock(&q->lock);
	bool room = queue_has_room(q, batch->count, batch_bytes(batch));
	pthread_mutex_unlock(&q->lock);
	return room;
}

void queue_missed(struct queue *q, const struct output_missed *missed)
{
	if (!q->output->kind->missed || missed->amount.records == 0)
		return;
	pthread_mutex_lock(&q->lock);
	if (q->missed.amount.records == 0)
		q->missed.first_ns = missed->first_ns;
	q->missed.last_ns = missed->last_ns;
	record_amount_add(&q->missed.amount, &missed->amount);
	pthread_mutex_unlock(&q->lock);
}

void queue_reopen(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->reopen = true;
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

void queue_stop_waiting(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->no_waiting = true;
	pthread_cond_broadcast(&q->drained);
	pthread_mutex_unlock(&q->lock);
}

/* With the lock. False when the time has come. */
static bool queue_wait(struct queue *q, pthread_cond_t *cond, uint64_t time_ns)
{
	if (time_ns == UINT64_MAX)
		return pthread_cond_wait(cond, &q->lock) == 0;
	uint64_t now_ns = clock_ns(CLOCK_REALTIME);
	if (time_ns <= now_ns)
		return false;
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + (time_ns - now_ns);
	struct timespec t = { .tv_sec = (time_t)(until_ns / SECOND_NS),
	                      .tv_nsec = (long)(until_ns % SECOND_NS) };
	return pthread_cond_timedwait(cond, &q->lock, &t) != ETIMEDOUT;
}

/* With the lock: waits for the thread's end, at most until the time. */
static bool queue_wait_done(struct queue *q, uint64_t time_ns)
{
	while (!q->done)
		if (!queue_wait(q, &q->drained, time_ns))
			break;
	return q->done;
}

/* Asks for the end and waits for it; true when the output came to it in time. */
static bool queue_end(struct queue *q, uint64_t deadline_ns, bool unfinished)
{
	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	q->unfinished = unfinished;
	q->deadline_ns = deadline_ns;
	pthread_cond_broadcast(&q->filled);
	pthread_cond_broadcast(&q->drained);
	pthread_mutex_unlock(&q->lock);
	if (!q->started)
		queue_thread(q);        /* all work in the caller's thread */

	pthread_mutex_lock(&q->lock);
	bool in_time = queue_wait_done(q, deadline_ns);
	if (!in_time) {
		queue_drop_waiting(q, DROP_QUEUE_FULL);
		atomic_store(&q->give_up, true);
		q->abandoned = !queue_wait_done(q, clock_ns(CLOCK_REALTIME) + GRACE_NS);
	}
	bool abandoned = q->abandoned;
	pthread_mutex_unlock(&q->lock);
	if (q->started && abandoned)
		pthread_detach(q->thread);
	else if (q->started)
		pthread_join(q->thread, NULL);
	return in_time;
}

int queue_finish(struct queue *q, uint64_t deadline_ns)
{
	if (q->stopping)
		return q->result;
	bool in_time = queue_end(q, deadline_ns, false);
	if (in_time)
		return q->result = q->finish_result;
	atomic_store(&q->failed, true);
	queue_tell(q, "did not finish in time: what still waited is dropped and counted", NULL);
	return q->result = -ETIMEDOUT;
}

void queue_counters(struct queue *q, struct output_counters *ret)
{
	pthread_mutex_lock(&q->lock);
	*ret = q->counters;
	ret->accepted = q->accepted;
	ret->queued += q->waiting_records + q->flight_records;
	for (unsigned i = 0; i < DROP_COUNT; i++)
		ret->dropped[i] += q->dropped[i];
	pthread_mutex_unlock(&q->lock);
}

bool queue_failed(const struct queue *q)
{
	return atomic_load(&q->failed);
}

unsigned queue_endpoints(const struct queue *q, struct output_endpoint *ret, unsigned room)
{
	const struct output_kind *kind = q->output->kind;
	return kind->endpoints ? kind->endpoints(q->output, ret, room) : 0;
}

bool queue_template(const struct queue *q, const struct schema *schema, struct output_template *ret)
{
	return q->output->kind->template && q->output->kind->template(q->output, schema, ret);
}

const char *queue_fields(const struct queue *q) { return q->fields; }

const char *queue_name(const struct queue *q)
{
	return q->name;
}

const struct output_kind *queue_kind(const struct queue *q)
{
	return q->output->kind;
}

void queue_close(struct queue *q)
{
	if (!q)
		return;
	if (q->started && !q->stopping) {
		atomic_store(&q->give_up, true);
		queue_end(q, 0, true);
	}
	if (!q->abandoned)
		queue_free(q);
}

/* --- the thread --- */

/* Each round takes what is to be done under the lock, does it without, and publishes the outcome
 * under the lock again. */
static void *queue_thread(void *context)
{
	struct queue *q = context;
	bool finished = false;
	pthread_mutex_lock(&q->lock);
	while (!finished) {
		struct work work = work_take(q);
		pthread_mutex_unlock(&q->lock);
		work_do(q, &work);
		pthread_mutex_lock(&q->lock);
		if (q->abandoned)
			break;          /* nothing of the caller's may be touched any more */
		work_publish(q, &work);
		finished = work.finish;
	}
	q->done = true;
	pthread_cond_broadcast(&q->drained);
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

/* With the lock: sleeps until there is something to do, a tick at the latest. */
static struct work work_take(struct queue *q)
{
	struct work work = { 0 };
	while (q->count == 0 && !q->reopen && !q->stopping) {
		q->asleep = true;
		uint64_t second_ns = clock_ns(CLOCK_REALTIME) + SECOND_NS;
		bool in_time = queue_wait(q, &q->filled, min_u64(q->next_tick_ns, second_ns));
		q->asleep = false;
		if (!in_time)
			return work;
	}
	if (q->stopping && q->deadline_ns <= clock_ns(CLOCK_REALTIME))
		queue_drop_waiting(q, DROP_QUEUE_FULL);
	if (q->count) {
		work.batch = ring_pop(q);
		q->flight_records = work.batch->count;
	} else {
		work.reopen = q->reopen && !q->stopping;
		work.finish = q->stopping;
		q->reopen = false;
	}
	if (q->count == 0 && q->full) {
		q->full = false;
		work.well_again = true;
	}
	work.missed = q->missed;
	q->missed = (struct output_missed){ 0 };
	return work;
}

/* One message when an output stops working and one when it works again. */
static void work_outcome(struct queue *q, int rc, bool wrote, const struct error *err)
{
	if (rc < 0) {
		atomic_store(&q->failed, true);
		if (!q->failing)
			queue_tell(q, "failed, records are dropped and counted", err->text);
		q->failing = true;
	} else if (wrote && q->failing) {
		q->failing = false;
		queue_tell(q, "works again", NULL);
	}
}

/* A schema that was not announced is told here; records of one that was refused count as
 * unencodable. */
static void work_write(struct queue *q, const struct record_batch *batch)
{
	struct error err = { "" };
	bool refused = false;
	int rc = schema_announce(q, batch->schema, &refused, &err);
	if (rc < 0 || refused) {
		pthread_mutex_lock(&q->lock);
		q->dropped[DROP_UNENCODABLE] += batch->count;
		q->flight_records = 0;
		pthread_mutex_unlock(&q->lock);
		work_outcome(q, rc < 0 ? rc : -EINVAL, false, &err);
		return;
	}
	rc = q->output->kind->write(q->output, batch, &err);
	work_outcome(q, rc, true, &err);
}

/* Called after every piece of work; most calls find that it is not time. */
static void work_tick(struct queue *q)
{
	uint64_t now_ns = clock_ns(CLOCK_REALTIME), next_ns = UINT64_MAX;
	/* A clock that was set back must not silence the ticks. */
	bool early = now_ns < q->next_tick_ns && q->next_tick_ns - now_ns <= SECOND_NS;
	if (early)
		return;
	struct error err = { "" };
	int rc = q->output->kind->tick(q->output, now_ns, &next_ns, &err);
	work_outcome(q, rc, false, &err);
	if (next_ns < now_ns + TICK_LEAST_NS)
		next_ns = now_ns + TICK_LEAST_NS;
	q->next_tick_ns = min_u64(next_ns, now_ns + SECOND_NS);
}

/* In this order: what was missed is told before later records, and a file is reopened behind those
 * that came before the signal. */
static void work_do(struct queue *q, struct work *work)
{
	const struct output_kind *kind = q->output->kind;
	struct error err = { "" };
	if (work->well_again)
		queue_tell(q, "takes records again", NULL);
	if (work->missed.amount.records)
		kind->missed(q->output, &work->missed);
	if (work->batch)
		work_write(q, work->batch);
	if (work->reopen && kind->reopen)
		work_outcome(q, kind->reopen(q->output, &err), false, &err);
	if (!work->finish) {
		work_tick(q);
		return;
	}
	if (q->unfinished)
		return;
	work->result = kind->finish(q->output, q->deadline_ns, &err);
	work_outcome(q, work->result, false, &err);
}

/* With the lock. The last hold may be ours: freeing a batch is cheap enough to do here. */
static void work_publish(struct queue *q, const struct work *work)
{
	q->flight_records = 0;
	q->finish_result = work->result < 0 ? work->result : 0;
	q->output->kind->counters(q->output, &q->counters);
	record_batch_release(work->batch);
}

/* --- helpers --- */

/* What is dropped here was accepted: so it is counted against the output. */
static void queue_drop_waiting(struct queue *q, enum output_drop reason)
{
	while (q->count) {
		struct record_batch *batch = ring_pop(q);
		count_missed(q, batch, reason);
		record_batch_release(batch);
	}
}

static void queue_tell(const struct queue *q, const char *text, const char *detail)
{
	char line[sizeof(struct error) + 256];
	if (!q->env.message)
		return;
	snprintf(line, sizeof line, "output %s %s%s%s", q->name, text, detail && *detail ? ": " : "",
	         detail ? detail : "");
	q->env.message(q->env.context, line);
}

static void queue_free(struct queue *q)
{
	if (q->ring)
		queue_drop_waiting(q, DROP_QUEUE_FULL);
	if (q->output)
		q->output->kind->close(q->output);
	pthread_cond_destroy(&q->filled);
	pthread_cond_destroy(&q->drained);
	pthread_mutex_destroy(&q->lock);
	free(q->schemas);
	free(q->ring);
	free(q->fields);
	free(q->name);
	free(q);
}

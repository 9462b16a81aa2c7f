/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pump with several workers: every packet comes once, to one worker by its address pair, in
 * order, with a clock that is never ahead of what follows; fragments, sampling, the limit and the
 * counters are those of the order in the source. The source is made up here: frame i carries i in
 * its ports, and the tests compute from i what must come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "engine/pump.h"

enum { FRAMES = 20000, HOSTS = 97, FRAME_BYTES = 60, PART = 41, BACK_AT = 6400, WORKERS = 4 };

struct capture {                        /* the made-up source */
	unsigned frames, next;
	bool goes_back;                 /* from frame BACK_AT on, by more than any clock knows */
	uint64_t top_ns;
	atomic_uint delivered, holds;
	uint8_t octets[FRAMES][FRAME_BYTES];
};

/* Kinds of frames by number: a datagram in two parts, no IP packet, or a usual one. */
static bool is_first_part(unsigned i) { return i % PART == 7; }
static bool is_later_part(unsigned i) { return i % PART == 12; }
static bool is_not_ip(unsigned i) { return i % 10 == 3 && !is_first_part(i) && !is_later_part(i); }
static unsigned said(unsigned i) { return is_later_part(i) ? i - 5 : i; }

static uint64_t time_of(const struct capture *c, unsigned i)
{
	uint64_t base = UINT64_C(2000000000000);
	return c->goes_back && i >= BACK_AT ? base / 2 + i : base + i;
}

static void make_frame(uint8_t *f, unsigned i)
{
	unsigned number = said(i), host = number % HOSTS;
	memset(f, 0, FRAME_BYTES);
	f[12] = 8;
	f[13] = is_not_ip(i) ? 6 : 0;
	memcpy(f + 14, (uint8_t[20]){ 0x45, 0, 0, 46, (uint8_t)(number >> 8), (uint8_t)number, 0, 0, 64,
	                              17, 0, 0, 10, 0, 0, (uint8_t)host, 10, 1, 0, 1 }, 20);
	if (is_first_part(i))
		f[20] = 0x20;
	if (is_later_part(i))
		f[21] = 4;
	memcpy(f + 34, (uint8_t[8]){ (uint8_t)(i >> 8), (uint8_t)i, 0, 9, 0, 26 }, 8);
}

static int fake_read(struct capture *c, uint64_t wait_ns, struct frame_batch *ret,
                     struct error *err)
{
	(void)wait_ns;
	(void)err;
	ret->count = 0;
	ret->clock_ns = c->top_ns;
	if (c->next == c->frames)
		return -ENODATA;
	unsigned most = c->next % 27 == 0 ? 17 : BATCH_MAX;     /* turns of all lengths */
	if (c->next < BACK_AT && most > BACK_AT - c->next)
		most = BACK_AT - c->next;
	for (; ret->count < most && c->next < c->frames; ret->count++, c->next++) {
		uint64_t time_ns = time_of(c, c->next);
		ret->frame[ret->count] = (struct frame){
			.data = c->octets[c->next], .time_ns = time_ns, .captured_bytes = FRAME_BYTES,
			.wire_bytes = FRAME_BYTES, .link_type = 1, .interface = 5,
		};
		c->top_ns = time_ns > c->top_ns ? time_ns : c->top_ns;
	}
	ret->clock_ns = c->top_ns;
	ret->hold = c;
	atomic_fetch_add(&c->holds, 1);
	atomic_fetch_add(&c->delivered, ret->count);
	return (int)ret->count;
}

static void fake_release(struct capture *c, void *hold)
{
	if (hold)
		atomic_fetch_sub(&c->holds, 1);
}

static void fake_counters(struct capture *c, struct capture_counters *ret)
{
	*ret = (struct capture_counters){ .frames = atomic_load(&c->delivered) };
}

static void fake_close(struct capture *c) { assert_int_equal(atomic_load(&c->holds), 0); }

static const struct capture_kind fake = {
	.name = "fake", .read = fake_read, .release = fake_release, .counters = fake_counters,
	.close = fake_close,
};

static struct capture *make_source(void)
{
	struct capture *c = calloc(1, sizeof *c);
	assert_non_null(c);
	c->frames = FRAMES;
	for (unsigned i = 0; i < FRAMES; i++)
		make_frame(c->octets[i], i);
	return c;
}

/* ---- what a worker sees ---------------------------------------------------------------------- */

struct seen {
	struct pump *pump;
	const struct capture *source;
	unsigned worker, workers;
	unsigned packets, wrong;        /* taken; not as they must be */
	uint64_t sum;                   /* of their numbers */
	uint64_t octets, clock_ns;
	unsigned stop_at;               /* packets after which it asks all to stop; 0: never */
	int last[HOSTS];                /* number of a pair's last packet; -1: none */
};

static unsigned number_of(const struct packet *p)
{
	return p->key.port[p->sender];
}

/* The packet of a pair with this number comes after the last. */
static bool in_order(struct seen *s, unsigned number)
{
	int *last = &s->last[number % HOSTS];
	bool after = (int)number >= *last;
	*last = (int)number;
	return after;
}

static void see(struct seen *s, const struct packet *p)
{
	unsigned i = number_of(p);
	bool later = p->bits & PACKET_LATER_FRAGMENT;
	bool ok = in_order(s, i) && p->interface == 5 && p->key.port[!p->sender] == 9;
	ok = ok && (!later || p->bits & PACKET_FRAGMENT_JOINED);
	/* Ahead of nothing that follows, but where time goes back: there it has reached what was. */
	bool back = s->source->goes_back && i >= BACK_AT;
	ok = ok && (back ? s->clock_ns >= time_of(s->source, BACK_AT - 1)
	                 : p->time_ns >= s->clock_ns);
	s->wrong += !ok;
	s->packets++;
	s->sum += i + (later ? 5 : 0);
}

static void *work(void *context)
{
	struct seen *s = context;
	struct lane_batch batch;
	while (pump_next(s->pump, s->worker, &batch)) {
		for (unsigned i = 0; i < batch.count; i++)
			see(s, batch.packets[i]);
		s->octets += batch.sums.octets;
		s->clock_ns = batch.clock_ns;
		if (s->stop_at && s->packets >= s->stop_at)
			pump_stop(s->pump);
		pump_done(s->pump, &batch);
	}
	return NULL;
}

struct run {                            /* what all workers saw together */
	unsigned packets, wrong, pairs_shared;
	uint64_t sum, octets;
	struct pump_counters counters;
};

static void add_up(const struct seen *seen, unsigned workers, struct run *run)
{
	for (unsigned w = 0; w < workers; w++) {
		run->packets += seen[w].packets;
		run->wrong += seen[w].wrong;
		run->sum += seen[w].sum;
		run->octets += seen[w].octets;
	}
	for (unsigned h = 0; h < HOSTS; h++) {
		unsigned takers = 0;
		for (unsigned w = 0; w < workers; w++)
			takers += seen[w].last[h] >= 0;
		run->pairs_shared += takers > 1;
	}
}

static unsigned not_ip_before(unsigned frames)
{
	unsigned count = 0;
	for (unsigned i = 0; i < frames; i++)
		count += is_not_ip(i);
	return count;
}

/* A visitor finds the counters of one moment, whenever it comes. */
static void check_counters(struct pump *pump)
{
	struct pump_counters c;
	pump_counters(pump, &c);
	assert_int_equal(c.fates.packets[FATE_not_ip],
	                 not_ip_before((unsigned)(c.source.frames - c.unread_frames)));
}

static struct run run_pump(struct pump_setup *setup, struct capture *source, unsigned stop_at)
{
	static struct seen seen[WORKERS];
	pthread_t threads[WORKERS];
	struct run run = { 0 };
	struct pump *pump;
	struct error err;
	setup->kind = &fake;
	setup->capture = source;
	assert_int_equal(pump_new(setup, &pump, &err), 0);
	for (unsigned w = 0; w < setup->workers; w++) {
		seen[w] = (struct seen){ .pump = pump, .source = source, .worker = w,
		                         .workers = setup->workers, .stop_at = stop_at };
		memset(seen[w].last, 0xff, sizeof seen[w].last);
		assert_int_equal(pthread_create(&threads[w], NULL, work, &seen[w]), 0);
	}
	for (unsigned i = 0; i < 20; i++)
		check_counters(pump);
	for (unsigned w = 0; w < setup->workers; w++)
		pthread_join(threads[w], NULL);
	check_counters(pump);
	pump_counters(pump, &run.counters);
	add_up(seen, setup->workers, &run);
	pump_free(pump);
	return run;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static unsigned chosen_before(unsigned frames, unsigned sample, uint64_t *ret_sum)
{
	unsigned candidates = 0, chosen = 0;
	*ret_sum = 0;
	for (unsigned i = 0; i < frames; i++) {
		if (is_not_ip(i) || candidates++ % sample)
			continue;
		*ret_sum += i;
		chosen++;
	}
	return chosen;
}

static void check_run(const struct run *run, unsigned frames, unsigned sample)
{
	uint64_t sum;
	unsigned chosen = chosen_before(frames, sample, &sum);
	assert_int_equal(run->wrong, 0);
	assert_int_equal(run->pairs_shared, 0);
	assert_int_equal(run->packets, chosen);
	assert_int_equal(run->sum, sum);
	assert_int_equal(run->octets, (uint64_t)chosen * FRAME_BYTES);
	assert_int_equal(run->counters.fates.packets[FATE_sampled_out],
	                 frames - not_ip_before(frames) - chosen);
}

/* For all numbers of workers, brief packets or not, with frames behind them or not. */
static void for_all(unsigned limit, unsigned sample, bool goes_back)
{
	for (unsigned i = 0; i < 3 * WORKERS; i++) {
		struct capture *source = make_source();
		struct pump_setup setup = {
			.workers = 1 + i % WORKERS, .packet_limit = limit, .sample = sample,
			.packet = { .brief = i / WORKERS > 0 }, .frames = i / WORKERS > 1,
		};
		source->goes_back = goes_back;
		struct run run = run_pump(&setup, source, 0);
		check_run(&run, limit ? limit : FRAMES, sample);
		free(source);
	}
}

static void test_all_packets(void **state)
{
	(void)state;
	for_all(0, 1, false);
}

static void test_time_goes_back(void **state)
{
	(void)state;
	for_all(0, 1, true);
}

static void test_sample(void **state)
{
	(void)state;
	for_all(0, 3, false);
}

static void test_limit(void **state)
{
	(void)state;
	for_all(1, 1, false);
	for_all(7777, 1, false);
	for_all(7777, 4, false);
}

/* What was delivered was seen, or has a fate, or counts as unread. */
static void test_stop(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= WORKERS; workers++) {
		struct capture *source = make_source();
		struct pump_setup setup = { .workers = workers, .packet = { .brief = true } };
		struct run run = run_pump(&setup, source, 500);
		uint64_t sum;
		unsigned read = (unsigned)(run.counters.source.frames - run.counters.unread_frames);
		assert_int_equal(run.wrong, 0);
		assert_int_equal(run.packets, chosen_before(read, 1, &sum));
		assert_int_equal(run.sum, sum);
		free(source);
	}
}

/* The twin: the checks see a packet that comes before its time, or with no part joined. */
static void test_twin(void **state)
{
	(void)state;
	struct capture *source = make_source();
	struct packet p = { .key.port = { HOSTS + 1, 9 }, .interface = 5,
	                    .time_ns = time_of(source, HOSTS + 1) };
	struct seen s = { .source = source };
	memset(s.last, 0xff, sizeof s.last);
	see(&s, &p);
	assert_int_equal(s.wrong, 0);
	p.key.port[0] = 1;
	see(&s, &p);
	assert_int_equal(s.wrong, 1);
	p.bits = PACKET_LATER_FRAGMENT;
	see(&s, &p);
	assert_int_equal(s.wrong, 2);
	p.bits = 0;
	s.clock_ns = p.time_ns + 1;
	see(&s, &p);
	assert_int_equal(s.wrong, 3);
	free(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_packets), cmocka_unit_test(test_time_goes_back),
		cmocka_unit_test(test_sample), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_stop), cmocka_unit_test(test_twin),
	};
	return cmocka_run_group_tests_name("engine/pump", tests, NULL, NULL);
}

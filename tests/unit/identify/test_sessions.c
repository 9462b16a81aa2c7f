/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sessions: who joins whom, what a gap is, what gives way, many workers at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/option.h"
#include "identify/sessions.h"

enum { GAP = 30, KEY = 77 };            /* times in these tests are in seconds */

static const uint64_t second = 1000000000;

static struct sessions *open_sessions(uint64_t gap_ns)
{
	struct sessions *s = NULL;
	assert_int_equal(sessions_new(gap_ns, &s), 0);
	return s;
}

static int setup(void **state)
{
	*state = open_sessions(GAP * second);
	return 0;
}

static int teardown(void **state)
{
	sessions_free(*state);
	return 0;
}

static struct session_ref join(struct sessions *s, uint64_t key, uint64_t flow_id, uint64_t from,
                               uint64_t to)
{
	const struct session_flow flow = { .key = key, .flow_id = flow_id, .first_ns = from * second,
	                                   .last_ns = to * second };
	struct session_ref ref = { .id = 0 };
	sessions_join(s, &flow, &ref);
	assert_int_not_equal(ref.id, 0);
	return ref;
}

static void test_gap(void **state)
{
	assert_int_equal(join(*state, KEY, 1, 1000, 1001).id, 1);
	assert_int_equal(join(*state, KEY, 2, 1000 + 1 + GAP, 1100).id, 1);
	assert_int_equal(join(*state, KEY, 3, 1101 + GAP, 1200).id, 3);
	assert_int_equal(join(*state, KEY, 4, 1110, 1111).id, 1);       /* nearer to the first */
	assert_int_equal(join(*state, KEY + 1, 5, 1000, 1001).id, 5);
}

/* Workers are not abreast: what is far apart is, in whichever order it comes. */
static void test_times_that_go_back(void **state)
{
	assert_int_equal(join(*state, KEY, 3, 3000, 3010).id, 3);
	assert_int_equal(join(*state, KEY, 1, 1000, 1010).id, 1);
	assert_int_equal(join(*state, KEY, 2, 2000, 2010).id, 2);
	assert_int_equal(join(*state, KEY, 4, 3000 - GAP - 5, 3000 - GAP).id, 3);
	assert_int_equal(join(*state, KEY, 5, 1040, 1041).id, 1);
	assert_int_equal(join(*state, KEY, 6, 1990, 1995).id, 2);
	assert_int_equal(join(*state, KEY, 7, 0, 0).id, 7);
	assert_int_equal(join(*state, KEY, 8, 900, 5000).id, 1);        /* around all: the earliest */
}

static void test_ends_of_time(void **state)
{
	const struct session_flow last = { .key = KEY, .flow_id = 1, .first_ns = UINT64_MAX,
	                                   .last_ns = UINT64_MAX };
	struct session_ref ref;
	sessions_join(*state, &last, &ref);
	assert_int_equal(join(*state, KEY, 2, 0, 0).id, 2);
	sessions_join(*state, &last, &ref);
	assert_int_equal(ref.id, 1);
	struct sessions *forever = open_sessions(DURATION_OFF);
	assert_int_equal(join(forever, KEY, 1, 0, 0).id, 1);
	sessions_join(forever, &last, &ref);
	assert_int_equal(join(forever, KEY, 3, 1000000, 1000000).id, 1);
	sessions_free(forever);
}

static void test_extend(void **state)
{
	struct session_ref ref = join(*state, KEY, 1, 1000, 1000);
	for (uint64_t at = 1000; at <= 2000; at += 5)
		sessions_extend(*state, &ref, at * second);
	assert_int_equal(join(*state, KEY, 2, 2000 + GAP, 2000 + GAP).id, 1);
	const struct session_ref nowhere = { .id = 1, .place = SESSION_NOWHERE };
	sessions_extend(*state, &nowhere, 9000 * second);
	assert_int_equal(join(*state, KEY, 3, 9000, 9000).id, 3);
}

/* Said of who begins a session for which one that was not over gave way; of nobody else. */
static void test_replacement_is_told(void **state)
{
	for (unsigned i = 0; i < SESSION_WAYS + 3; i++) {
		struct session_ref ref = join(*state, KEY + (uint64_t)i * SESSION_SETS, 100 + i, 1000,
		                              1000);
		assert_int_equal(ref.replaced, i >= SESSION_WAYS);
	}
	uint64_t last = KEY + (uint64_t)(SESSION_WAYS + 2) * SESSION_SETS;
	assert_false(join(*state, last, 200, 1000, 1000).replaced);
	assert_false(join(*state, KEY + 99ull * SESSION_SETS, 300, 2000, 2000).replaced);
}

/* Keys of one set: as many as it has ways, then the one silent for longest gives way. */
static void test_replacement(void **state)
{
	struct session_ref first = { .id = 0 };
	for (unsigned i = 0; i < SESSION_WAYS; i++) {
		struct session_ref ref = join(*state, KEY + (uint64_t)i * SESSION_SETS, 100 + i, 1000 + i,
		                              1000 + i);
		first = i ? first : ref;
	}
	sessions_extend(*state, &first, 1020 * second);         /* the second is the oldest now */
	assert_int_equal(join(*state, KEY + 500ull * SESSION_SETS, 500, 1021, 1021).id, 500);
	for (unsigned i = 0; i < SESSION_WAYS; i++)
		if (i != 1)
			assert_int_equal(join(*state, KEY + (uint64_t)i * SESSION_SETS, 200, 1025, 1025).id,
			                 100 + i);
	assert_int_equal(join(*state, KEY + SESSION_SETS, 300, 1026, 1026).id, 300);
}

/* What has two flows outlasts any number of single ones, but not its own end. */
static void test_what_gives_way_first(void **state)
{
	assert_int_equal(join(*state, KEY, 1, 1000, 1000).id, 1);
	assert_int_equal(join(*state, KEY, 2, 1001, 1001).id, 1);
	for (uint64_t i = 1; i < 100; i++)
		join(*state, KEY + i * SESSION_SETS, 100 + i, 1010, 1010);
	assert_int_equal(join(*state, KEY, 3, 1020, 1020).id, 1);
	for (unsigned i = 1; i < SESSION_WAYS; i++)     /* several flows each: it is the oldest */
		for (unsigned flow = 0; flow < 2; flow++)
			join(*state, KEY + (uint64_t)i * SESSION_SETS, 300 + i, 1031, 1031);
	assert_int_equal(join(*state, KEY + 900ull * SESSION_SETS, 900, 1035, 1035).id, 900);
	assert_int_equal(join(*state, KEY, 4, 1036, 1036).id, 4);
	/* All are over: the singles that come next find room without pushing each other out. */
	for (uint64_t i = 0; i < SESSION_WAYS; i++)
		join(*state, KEY + (2000 + i) * SESSION_SETS, 2000 + i, 5000 + i, 5000 + i);
	for (uint64_t i = 0; i < SESSION_WAYS; i++)
		assert_int_equal(join(*state, KEY + (2000 + i) * SESSION_SETS, 3000, 5010, 5010).id,
		                 2000 + i);
}

static void test_many_flows(void **state)
{
	for (uint64_t i = 1; i < 20000; i++)
		assert_int_equal(join(*state, KEY, i, 1000, 1000).id, 1);
}

/* A flow whose session has given way does not keep the one alive that has its place. */
static void test_place_of_another(void **state)
{
	struct session_ref old = join(*state, KEY, 1, 1000, 1000);
	for (unsigned i = 1; i <= SESSION_WAYS; i++)
		join(*state, KEY + (uint64_t)i * SESSION_SETS, 100 + i, 1001, 1001);
	sessions_extend(*state, &old, 5000 * second);
	for (unsigned i = 1; i <= SESSION_WAYS; i++)
		assert_int_equal(join(*state, KEY + (uint64_t)i * SESSION_SETS, 200 + i, 5001, 5001).id,
		                 200 + i);
}

/* Whatever comes, it takes what it has. */
static void test_flood(void **state)
{
	struct session_ref kept = join(*state, KEY, 1, 1000, 1000);
	for (uint64_t i = 0; i < 4ull * SESSION_SETS * SESSION_WAYS; i++) {
		struct session_ref ref = join(*state, i * 0x9e3779b97f4a7c15, 10 + i, 900, 900);
		assert_true(ref.place < SESSION_NOWHERE);
		sessions_put_parent(*state, 10 + i, &ref);
	}
	assert_int_equal(join(*state, KEY, 2, 1001, 1001).id, kept.id); /* younger than all of it */
}

static void test_parents(void **state)
{
	struct session_ref found = { .id = 0 };
	const struct session_ref one = { .id = 5, .place = 50 }, other = { .id = 6, .place = 60 };
	assert_false(sessions_of_parent(*state, 1, &found));
	sessions_put_parent(*state, 1, &one);
	sessions_put_parent(*state, 2, &other);
	assert_true(sessions_of_parent(*state, 1, &found));
	assert_true(found.id == 5 && found.place == 50);
	sessions_put_parent(*state, 1, &other);
	assert_true(sessions_of_parent(*state, 1, &found));
	assert_true(found.id == 6 && found.place == 60);
	for (uint64_t i = 0; i < 100000; i++)
		sessions_put_parent(*state, 1000 + i, &one);
	assert_true(sessions_of_parent(*state, 1000 + 99999, &found));
	assert_false(sessions_of_parent(*state, 1, &found));
}

/* ---- many workers ---------------------------------------------------------------------------- */

enum { WORKERS = 4, ROUNDS = 20000, SITES = 16 };

struct worker {
	struct sessions *sessions;
	uint64_t number;
	uint64_t found[SITES];          /* the session that it was given */
	bool agreed;
};

static void *work(void *argument)
{
	struct worker *w = argument;
	w->agreed = true;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t site = i % SITES;
		const struct session_flow flow = { .key = site, .flow_id = w->number * ROUNDS + i + 1,
		                                   .first_ns = 1000 * second, .last_ns = 1001 * second };
		struct session_ref ref;
		sessions_join(w->sessions, &flow, &ref);
		sessions_extend(w->sessions, &ref, 1002 * second);
		sessions_put_parent(w->sessions, flow.flow_id, &ref);
		w->agreed &= !w->found[site] || w->found[site] == ref.id;
		w->found[site] = ref.id;
	}
	return NULL;
}

static void test_workers_agree(void **state)
{
	struct worker workers[WORKERS];
	pthread_t threads[WORKERS];
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .sessions = *state, .number = i };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_true(workers[i].agreed);
		assert_memory_equal(workers[i].found, workers[0].found, sizeof workers[0].found);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gap), TEST(test_times_that_go_back), TEST(test_ends_of_time), TEST(test_extend),
		TEST(test_replacement), TEST(test_replacement_is_told), TEST(test_what_gives_way_first),
		TEST(test_many_flows),
		TEST(test_place_of_another), TEST(test_flood), TEST(test_parents),
		TEST(test_workers_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

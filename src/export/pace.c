/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of time for bursts; see pace.h. */
#include "export/pace.h"

#include <time.h>

#include "export/ipfix_common.h"

#define SECOND_NS UINT64_C(1000000000)
#define SLICE_NS (SECOND_NS / 10)       /* how soon the end of waiting is noticed */

enum {
	RATE_DEFAULT = 100000,          /* records/s from a file: see docs/ipfix.md; of them ... */
	RATE_OCTETS = 80,               /* ... a wide one counts as several, each of so many octets */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

uint64_t pace_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int pace_init(struct pace *p, const struct address *address, const struct output_env *env,
              bool loses, struct error *err)
{
	*p = (struct pace){ .env = env, .rate = loses && !env->live ? RATE_DEFAULT : 0 };
	p->rate_is_set = address_parameter(address, "rate") != NULL;
	return ipfix_parameter_count(address, "rate", (uint64_t[]){ 0, SECOND_NS }, &p->rate, err);
}

bool pace_must_hurry(const struct pace *p)
{
	if (p->env->give_up && atomic_load(p->env->give_up))
		return true;
	return p->deadline_ns && clock_ns(CLOCK_REALTIME) >= p->deadline_ns;
}

bool pace_sleep(const struct pace *p, uint64_t until_ns)
{
	uint64_t now_ns = pace_now_ns();
	while (now_ns < until_ns && !pace_must_hurry(p)) {
		uint64_t wait_ns = until_ns - now_ns < SLICE_NS ? until_ns - now_ns : SLICE_NS;
		nanosleep(&(struct timespec){ .tv_nsec = (long)wait_ns }, NULL);
		now_ns = pace_now_ns();
	}
	return now_ns >= until_ns;
}

void pace_wait(struct pace *p, uint64_t records, uint64_t octets)
{
	if (!p->rate_is_set && octets / RATE_OCTETS > records)
		records = octets / RATE_OCTETS;
	if (p->rate == 0 || records == 0)
		return;
	pace_sleep(p, p->slot_ns);
	uint64_t now_ns = pace_now_ns();
	if (p->slot_ns < now_ns)
		p->slot_ns = now_ns;
	p->slot_ns += records * SECOND_NS / p->rate;
}

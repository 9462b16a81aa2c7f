/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See gate.h. A sleeper counts itself before it looks a last time, a teller counts the change
 * before it looks for sleepers, both in the one order that all threads see: one of them notices
 * the other.
 */
#include "engine/gate.h"

#include "base/compiler.h"

void gate_init(struct gate *gate, unsigned spins)
{
	atomic_init(&gate->changes, 0);
	atomic_init(&gate->sleepers, 0);
	gate->spins = spins;
	pthread_mutex_init(&gate->lock, NULL);
	pthread_cond_init(&gate->changed, NULL);
}

void gate_fini(struct gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->lock);
}

void gate_wait(struct gate *gate, unsigned seen)
{
	for (unsigned i = 0; i < gate->spins; i++) {
		if (atomic_load_explicit(&gate->changes, memory_order_relaxed) != seen)
			return;
		pause_briefly();
	}
	pthread_mutex_lock(&gate->lock);
	atomic_fetch_add(&gate->sleepers, 1);
	while (atomic_load(&gate->changes) == seen)
		pthread_cond_wait(&gate->changed, &gate->lock);
	atomic_fetch_sub(&gate->sleepers, 1);
	pthread_mutex_unlock(&gate->lock);
}

void gate_tell(struct gate *gate)
{
	atomic_fetch_add(&gate->changes, 1);
	if (likely(!atomic_load(&gate->sleepers)))
		return;
	pthread_mutex_lock(&gate->lock);
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

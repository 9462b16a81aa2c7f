/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where threads wait until something has changed. Whoever changes what others may wait for says so
 * afterwards; that costs no lock while nobody sleeps. A waiter looks at the gate, then at what it
 * waits for, and waits only as long as nothing was said since it looked: nothing gets lost.
 * It spins before it sleeps where that pays. Neighbours: pump.c (its user).
 */
#ifndef ENGINE_GATE_H
#define ENGINE_GATE_H

#include <pthread.h>
#include <stdatomic.h>

/* One for all who wait in a pump, whatever for. */
struct gate {
	atomic_uint changes;            /* said so far */
	atomic_uint sleepers;
	unsigned spins;                 /* looks before a sleep */
	pthread_mutex_t lock;
	pthread_cond_t changed;         /* for those who sleep */
};

/* spins: 0 where processors are fewer than threads, since spinning would keep away whoever is
 * waited for. */
void gate_init(struct gate *gate, unsigned spins);
void gate_fini(struct gate *gate);

/* To be called before looking at what is waited for; see gate_wait(). */
static inline unsigned gate_look(struct gate *gate)
{
	return atomic_load(&gate->changes);
}

/* Until something changes after a gate_look() that returned `seen`. */
void gate_wait(struct gate *gate, unsigned seen);
/* Something has changed. */
void gate_tell(struct gate *gate);

#endif

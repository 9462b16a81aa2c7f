/* SPDX-License-Identifier: Apache-2.0 */
/* What the kinds of capture source share: the head of their handles, and the list of kinds. */
#ifndef CAPTURE_SOURCE_H
#define CAPTURE_SOURCE_H

#include <stdatomic.h>
#include <stdint.h>

#include "capture/capture.h"

struct capture {                        /* first member of every kind's own struct */
	const struct capture_kind *kind;
};

extern const struct capture_kind capture_file, capture_libpcap;
#ifdef __linux__
extern const struct capture_kind capture_af_packet;
#endif

/* A counter that one thread writes and others may read: no locked instruction needed. */
static inline void counter_add(atomic_uint_fast64_t *counter, uint64_t n)
{
	uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
	atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

#endif

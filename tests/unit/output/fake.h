/* SPDX-License-Identifier: Apache-2.0 */
/* An output for tests that counts what it gets and misbehaves on request. */
#ifndef TEST_OUTPUT_FAKE_H
#define TEST_OUTPUT_FAKE_H

#include <pthread.h>
#include <stdatomic.h>

#include "output/output.h"

struct fake {
	struct output output;
	struct output_counters counters;
	atomic_bool stalled;            /* write blocks while set (and gives up when the queue does) */
	atomic_bool failing;            /* write fails and counts its records as dropped */
	atomic_bool losing;             /* the planted fault: one record a batch is not accounted for */
	atomic_bool refusing;           /* schema() fails */
	atomic_bool hanging;            /* write blocks whatever the queue says */
	const atomic_bool *give_up;
	atomic_uint schemas, ticks, reopens, finishes, closes, writes;
	atomic_ullong rows;
	struct output_missed missed;    /* the sum of what it was told */
	uint64_t last_first_value;      /* first column of the last row seen: order */
	bool in_order;
};

/* env->context must point at a struct fake. */
extern const struct output_kind fake_kind;

/* Not freed by close, so that the test can look at it afterwards. */
void fake_init(struct fake *f);

/* One unsigned64 column; the caller frees. */
struct schema *fake_schema(void);
/* `count` rows with values from first upwards; one hold. */
struct record_batch *fake_batch(const struct schema *schema, unsigned count, uint64_t first);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which octets the payload of a record begins with: how often each value is among the first
 * --payload-octets captured ones of a direction, and the entropy of that.
 *
 * The counts are half a kilobyte for each direction that carries payload, too much for every flow:
 * they come from a pool of the worker (base/pool.h) with the first payload of the record and go
 * back when it ends. Where none was left the record has no values, whatever comes back later: it
 * would not be the first octets.
 */
#include "measure/measure.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "record/list.h"

enum { OCTET_VALUES = 256 };

struct sample {                         /* the beginning of one direction */
	uint32_t octets;                /* counted so far */
	uint16_t count[OCTET_VALUES];
};

struct payload {
	struct sample *sample[2];       /* by key endpoint; NULL: no payload yet, or none was left */
	bool refused[2];                /* none was left */
};

struct payload_worker {
	struct pool pool;               /* of struct sample */
	uint32_t octets_max;            /* of a direction */
	const struct field *count;      /* the element of the list */
};

static void payload_close(void *worker)
{
	struct payload_worker *w = worker;
	pool_fini(&w->pool);
	free(w);
}

/* Address space for as many directions as the option allows; memory comes as they are used. */
static int payload_open(const void *argument, void **ret_worker, struct error *err)
{
	static const char count[] = "payloadOctetValueCount";
	const struct measure_settings *settings = argument;
	struct payload_worker *w = calloc(1, sizeof *w);
	if (!w)
		return error_set(err, -ENOMEM, "out of memory");
	w->octets_max = (uint32_t)settings->payload_octets;
	w->count = field_find(count, sizeof count - 1, NULL);
	int r = pool_init(&w->pool, sizeof(struct sample), settings->payload_flows);
	if (r) {
		free(w);
		return error_set(err, r, "out of memory: --payload-flows");
	}
	*ret_worker = w;
	return 0;
}

static void count_octets(struct sample *s, const struct packet *p, uint32_t octets_max)
{
	uint32_t bytes = 0, left = octets_max - s->octets;
	const uint8_t *at = packet_payload(p, false, &bytes);
	bytes = bytes < left ? bytes : left;
	for (uint32_t i = 0; i < bytes; i++)
		s->count[at[i]]++;
	s->octets += bytes;
}

/* A direction that was refused once stays so for the record: see the head of this file. */
static void payload_update(const struct hook_call *call)
{
	struct payload_worker *w = call->worker;
	for (unsigned i = 0; i < call->count; i++) {
		struct payload *space = touch_space(call, i);
		unsigned sender = call->touch[i]->sender;
		if (!space->sample[sender] && !space->refused[sender]) {
			space->sample[sender] = pool_take(&w->pool);
			space->refused[sender] = !space->sample[sender];
		}
		struct sample *s = space->sample[sender];
		if (s && s->octets < w->octets_max)
			count_octets(s, call->touch[i]->packet, w->octets_max);
	}
}

static void payload_ended(const struct flow_view *view, uint8_t reason, bool gone)
{
	struct payload_worker *w = view->worker;
	struct payload *space = view->space;
	for (unsigned i = 0; i < 2; i++) {
		pool_give(&w->pool, space->sample[i]);
		space->sample[i] = NULL;
	}
}

/* Bits an octet: the sum of p log2(1/p). No term is negative, so small sums lose nothing. */
static double entropy(const struct sample *s)
{
	double sum = 0, octets = s->octets;
	for (unsigned i = 0; i < OCTET_VALUES; i++)
		if (s->count[i])
			sum += s->count[i] * log2(octets / s->count[i]);
	return sum / octets;
}

/* As YAF scales it: 256 for 8 bits, which does not fit. */
static unsigned scaled(double bits)
{
	double value = floor(bits * 256 / 8);
	return value < 255 ? (unsigned)value : 255;
}

enum payload_field { ENTROPY, SCALED, DISTRIBUTION, OCTETS };

static const char *const payload_fields[] = {
	[ENTROPY] = "payloadShannonEntropy", [SCALED] = "payloadEntropy",
	[DISTRIBUTION] = "payloadOctetDistribution", [OCTETS] = "payloadOctetsSampled", NULL
};

static void write_distribution(const struct sample *s, const struct field *element,
                               struct value_writer *w)
{
	struct list_writer list;
	list_begin(&list, w, element, LIST_ORDERED);
	for (unsigned i = 0; i < OCTET_VALUES; i++)
		list_add_unsigned(&list, s->count[i]);
	list_end(&list);
}

static void payload_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct payload_worker *worker = view->worker;
	const struct payload *space = view->space;
	const struct sample *s = space->sample[view->side];
	if (!s)
		return;
	switch ((enum payload_field)field) {
	case ENTROPY:
		value_write_double(w, entropy(s));
		break;
	case SCALED:
		value_write_unsigned(w, scaled(entropy(s)));
		break;
	case DISTRIBUTION:
		write_distribution(s, worker->count, w);
		break;
	case OCTETS:
		value_write_unsigned(w, s->octets);
		break;
	}
}

static void payload_count(const void *worker, uint64_t ret[HOOK_COUNTERS_MAX])
{
	ret[0] = ((const struct payload_worker *)worker)->pool.refused;
}

const struct flow_hook measure_payload = {
	.name = "payload", .help = "entropy and distribution of the first octets of payload",
	.fields = payload_fields, .space_bytes = sizeof(struct payload),
	.hot_bytes = sizeof(struct payload), .wants = HOOK_PAYLOAD, .scope = HOOK_SCOPE_RECORD,
	.costly = true, .open = payload_open, .update = payload_update, .ended = payload_ended,
	.write = payload_write, .close = payload_close,
	.counters = measure_counters, .count = payload_count,
};

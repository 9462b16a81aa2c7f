/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quartiles of IP lengths and of times between packets, from log-linear histograms, and the two
 * histograms of eight bins that ipfixprobe has. The bins of a record are an item of a pool; where
 * none is left, the record lacks the fields. Gaps and clocks are those of timing.c. Definitions:
 * docs/measures.md.
 */
#include "measure/histogram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/pool.h"
#include "flow/direction.h"
#include "measure/measure.h"
#include "measure/moments.h"
#include "measure/segments.h"
#include "record/list.h"

enum { NS_PER_US = 1000, NS_PER_MS = 1000000, LENGTH_MAX = UINT16_MAX };

struct bins {
	uint32_t length[2][HISTOGRAM_BINS_16];          /* of IP packets, by key endpoint */
	uint32_t gap[3][HISTOGRAM_BINS_32];             /* us; [2]: both as one sequence */
	uint32_t payload[2][OCTAVES], payload_gap[2][OCTAVES];  /* octets; ms */
	uint64_t clock_ns[2];                           /* and 1 more; 0: has sent nothing */
	uint64_t payload_ns[2];                         /* of packets with payload; the same */
};

struct histogram {
	struct bins *bins;              /* of the pool */
	bool no_room;
};

struct worker {
	struct pool pool;
	const struct field *element[2][2];      /* sizes, times; of the source, of the destination */
};

static void histogram_close(void *worker)
{
	struct worker *w = worker;
	pool_fini(&w->pool);
	free(w);
}

/* Names of elements are looked up once, and not for each record. */
static int histogram_open(const void *argument, void **ret_worker, struct error *err)
{
	static const char *const names[2][2] = {
		{ "phistSrcSizes", "phistDstSizes" },
		{ "phistSrcInterPacketTime", "phistDstInterPacketTime" },
	};
	const struct measure_settings *settings = argument;
	struct worker *w = calloc(1, sizeof *w);
	if (!w)
		return error_set(err, -ENOMEM, "no memory for the measure histogram");
	for (unsigned i = 0; i < 4; i++)
		w->element[i / 2][i % 2] = field_find(names[i / 2][i % 2], strlen(names[i / 2][i % 2]),
		                                      NULL);
	int r = pool_init(&w->pool, sizeof(struct bins), settings->measure_flows);
	if (r) {
		free(w);
		return error_set(err, r, "no memory for the histograms of %llu flows",
		                 (unsigned long long)settings->measure_flows);
	}
	*ret_worker = w;
	return 0;
}

/* ---- counting -------------------------------------------------------------------------------- */

static inline uint32_t capped(uint64_t value)
{
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

static inline void up(uint32_t *bin, uint32_t by)
{
	*bin = capped((uint64_t)*bin + by);
}

/* Each packet of a super-frame counts by itself. */
static void count_lengths(struct bins *b, const struct packet *p, unsigned sender)
{
	struct segment s = { .bytes = p->ip_bytes, .payload = p->payload_bytes };
	if (unlikely(p->wire_packets > 1))
		s = segment_first(p);
	for (uint32_t i = 0; i < p->wire_packets; i++) {
		up(&b->length[sender][histogram_bin(s.bytes < LENGTH_MAX ? s.bytes : LENGTH_MAX)], 1);
		if (s.payload)
			up(&b->payload[sender][octave_bin(s.payload)], 1);
		if (unlikely(p->wire_packets > 1))
			segment_next(&s, p);
	}
}

/* How far the packet moves a clock on; the packets of a super-frame come together. */
static void count_gap(uint32_t *bins, uint64_t clock, const struct packet *p)
{
	uint64_t now = p->time_ns + 1;
	up(&bins[0], p->wire_packets - 1);
	if (clock)
		up(&bins[histogram_bin(capped((larger_64(now, clock) - clock) / NS_PER_US))], 1);
}

static void count_payload_gap(struct bins *b, const struct packet *p, unsigned sender)
{
	uint64_t now = p->time_ns + 1, clock = b->payload_ns[sender];
	up(&b->payload_gap[sender][0], p->wire_packets - 1);
	if (clock)
		up(&b->payload_gap[sender][octave_bin(capped((larger_64(now, clock) - clock) / NS_PER_MS))],
		   1);
	b->payload_ns[sender] = larger_64(now, clock);
}

static void count(struct bins *b, const struct packet *p, unsigned sender)
{
	count_lengths(b, p, sender);
	count_gap(b->gap[sender], b->clock_ns[sender], p);
	count_gap(b->gap[2], larger_64(b->clock_ns[0], b->clock_ns[1]), p);
	b->clock_ns[sender] = larger_64(b->clock_ns[sender], p->time_ns + 1);
	if (p->payload_bytes)
		count_payload_gap(b, p, sender);
}

/* A record that found no room once stays without: bins that begin late would not be those of the
 * record. */
static void histogram_update(const struct hook_call *call)
{
	struct worker *w = call->worker;
	for (unsigned i = 0; i < call->count; i++) {
		struct histogram *h = touch_space(call, i);
		if (unlikely(!h->bins && !h->no_room)) {
			h->bins = pool_take(&w->pool);
			h->no_room = !h->bins;
		}
		if (likely(h->bins))
			count(h->bins, call->touch[i]->packet, call->touch[i]->sender);
	}
}

static void histogram_ended(const struct flow_view *view, uint8_t reason, bool gone)
{
	struct histogram *h = view->space;
	(void)reason;
	(void)gone;
	pool_give(&((struct worker *)view->worker)->pool, h->bins);
	h->bins = NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

enum field_of_histogram {               /* quartiles by threes: first, median, third */
	LENGTH, GAP = LENGTH + 3, BIFLOW_LENGTH = GAP + 3, BIFLOW_GAP = BIFLOW_LENGTH + 3,
	PAYLOADS = BIFLOW_GAP + 3, PAYLOAD_GAPS,
};

static const char *const histogram_fields[] = {
	"ipTotalLengthFirstQuartile", "ipTotalLengthMedian", "ipTotalLengthThirdQuartile",
	"interArrivalTimeFirstQuartile", "interArrivalTimeMedian", "interArrivalTimeThirdQuartile",
	"biflowIpTotalLengthFirstQuartile", "biflowIpTotalLengthMedian",
	"biflowIpTotalLengthThirdQuartile", "biflowInterArrivalTimeFirstQuartile",
	"biflowInterArrivalTimeMedian", "biflowInterArrivalTimeThirdQuartile",
	"payloadLengthHistogram", "payloadInterArrivalTimeHistogram", NULL
};

struct counts {                         /* of a histogram, or of two added up */
	const uint32_t *one, *other;    /* other: NULL */
	unsigned bins;
};

static uint64_t count_of(const struct counts *c, unsigned bin)
{
	return (uint64_t)c->one[bin] + (c->other ? c->other[bin] : 0);
}

/* The value that at least `quarters` quarters of the values are not above: the middle of its bin,
 * times `unit`. Nothing without values. */
static void write_quartile(struct counts c, unsigned quarters, uint64_t unit,
                           struct value_writer *w)
{
	uint64_t total = 0, below = 0;
	for (unsigned i = 0; i < c.bins; i++)
		total += count_of(&c, i);
	for (unsigned i = 0; i < c.bins && total; i++) {
		below += count_of(&c, i);
		if (below * 4 >= total * quarters) {
			value_write_unsigned(w, histogram_middle(i) * unit);
			return;
		}
	}
}

static void write_octaves(const uint32_t octaves[OCTAVES], const struct field *element,
                          struct value_writer *w)
{
	struct list_writer l;
	list_begin(&l, w, element, LIST_ORDERED);
	for (unsigned i = 0; i < OCTAVES; i++)
		list_add_unsigned(&l, octaves[i]);
	list_end(&l);
}

/* Quartiles of the lengths of both directions together come from adding up the bins while
 * they are walked. */
static void histogram_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct bins *b = ((const struct histogram *)view->space)->bins;
	const struct worker *worker = view->worker;
	unsigned side = view->side, quarters = field % 3 + 1;
	bool is_source = side == direction_initiator(view->flow);
	if (!b)
		return;
	if (field < GAP)
		write_quartile((struct counts){ b->length[side], NULL, HISTOGRAM_BINS_16 }, quarters, 1, w);
	else if (field < BIFLOW_LENGTH)
		write_quartile((struct counts){ b->gap[side], NULL, HISTOGRAM_BINS_32 }, quarters,
		               NS_PER_US, w);
	else if (field < BIFLOW_GAP)
		write_quartile((struct counts){ b->length[0], b->length[1], HISTOGRAM_BINS_16 }, quarters,
		               1, w);
	else if (field < PAYLOADS)
		write_quartile((struct counts){ b->gap[2], NULL, HISTOGRAM_BINS_32 }, quarters, NS_PER_US,
		               w);
	else if (field == PAYLOADS)
		write_octaves(b->payload[side], worker->element[0][!is_source], w);
	else
		write_octaves(b->payload_gap[side], worker->element[1][!is_source], w);
}

static void histogram_count(const void *worker, uint64_t ret[HOOK_COUNTERS_MAX])
{
	ret[0] = ((const struct worker *)worker)->pool.refused;
}

const struct flow_hook measure_histogram = {
	.name = "histogram", .help = "quartiles of lengths and times, histograms",
	.fields = histogram_fields, .space_bytes = sizeof(struct histogram),
	.hot_bytes = sizeof(struct histogram), .wants = HOOK_PACKET, .scope = HOOK_SCOPE_RECORD,
	.costly = true, .open = histogram_open, .update = histogram_update, .ended = histogram_ended,
	.write = histogram_write, .close = histogram_close,
	.counters = measure_counters, .count = histogram_count,
};

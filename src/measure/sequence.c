/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first packets of a record one by one: who sent them, how long they are, when they came, with
 * which TCP flags; as lists (record/list.h). They are kept in an item of a pool for each record;
 * where the pool has none left, the record lacks the lists. Behind the first packets a flow costs
 * one comparison a packet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/pool.h"
#include "measure/measure.h"
#include "record/list.h"

struct item {
	uint64_t time_ns;
	uint32_t ip_bytes, payload_bytes;
	uint16_t tcp_flags;
	uint8_t sender;                 /* key endpoint */
	uint8_t protocol;
};

struct sequence {
	struct item *items;             /* of the pool; NULL: no packet yet, or no room */
	uint32_t count;                 /* of items; or as many as there may be, without room */
	uint32_t reserved;
};

enum field_of_sequence { DIRECTIONS, IP_LENGTHS, PAYLOAD_LENGTHS, TIMES, FLAGS, FIELDS };

struct worker {
	struct pool pool;
	uint32_t most;                  /* packets of a record */
	const struct field *element[FIELDS];    /* what the lists consist of */
};

static const char *const sequence_fields[] = {
	"packetSequenceDirections", "packetSequenceIpLengths", "packetSequencePayloadLengths",
	"packetSequenceTimes", "packetSequenceFlags", NULL
};

static const char *const elements[FIELDS] = {
	"packetDirection", "ipTotalLength", "packetPayloadLength", "packetTimeOffset",
	"tcpControlBits"
};

static void sequence_close(void *worker)
{
	struct worker *w = worker;
	pool_fini(&w->pool);
	free(w);
}

/* An item is as large as all packets that are kept of a record. */
static int sequence_open(const void *argument, void **ret_worker, struct error *err)
{
	const struct measure_settings *settings = argument;
	struct worker *w = calloc(1, sizeof *w);
	if (!w)
		return error_set(err, -ENOMEM, "no memory for the measure sequence");
	w->most = (uint32_t)settings->sequence_packets;
	for (unsigned i = 0; i < FIELDS; i++)
		w->element[i] = field_find(elements[i], strlen(elements[i]), NULL);
	int r = pool_init(&w->pool, w->most * sizeof(struct item), settings->measure_flows);
	if (r) {
		free(w);
		return error_set(err, r, "no memory for the sequences of %llu flows",
		                 (unsigned long long)settings->measure_flows);
	}
	*ret_worker = w;
	return 0;
}

/* Without room the record counts as full: it costs no further look at the pool. */
static void add(struct worker *w, struct sequence *s, const struct flow_touch *touch)
{
	const struct packet *p = touch->packet;
	if (!s->items)
		s->items = pool_take(&w->pool);
	if (!s->items) {
		s->count = w->most;
		return;
	}
	s->items[s->count++] = (struct item){
		.time_ns = p->time_ns, .ip_bytes = p->ip_bytes, .payload_bytes = p->payload_bytes,
		.tcp_flags = p->tcp_flags, .sender = touch->sender, .protocol = p->key.protocol,
	};
}

static void sequence_update(const struct hook_call *call)
{
	struct worker *w = call->worker;
	for (unsigned i = 0; i < call->count; i++) {
		struct sequence *s = touch_space(call, i);
		if (unlikely(s->count < w->most))
			add(w, s, call->touch[i]);
	}
}

static void sequence_ended(const struct flow_view *view, uint8_t reason, bool gone)
{
	struct sequence *s = view->space;
	(void)reason;
	(void)gone;
	pool_give(&((struct worker *)view->worker)->pool, s->items);
	s->items = NULL;
}

static void add_value(struct list_writer *l, unsigned field, const struct item *item,
                      const struct item *first, unsigned source)
{
	if (field == DIRECTIONS)
		list_add_signed(l, item->sender == source ? 1 : -1);
	else if (field == IP_LENGTHS)
		list_add_unsigned(l, item->ip_bytes);
	else if (field == PAYLOAD_LENGTHS)
		list_add_unsigned(l, item->payload_bytes);
	else if (field == TIMES)
		list_add_signed(l, (int64_t)(item->time_ns - first->time_ns));
	else
		list_add_unsigned(l, item->tcp_flags);
}

/* From the side that is asked for: directions change their sign with it. */
static void sequence_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct sequence *s = view->space;
	const struct worker *worker = view->worker;
	struct list_writer l;
	if (!s->items || (field == FLAGS && s->items[0].protocol != 6))
		return;
	list_begin(&l, w, worker->element[field], LIST_ORDERED);
	for (unsigned i = 0; i < s->count; i++)
		add_value(&l, field, &s->items[i], &s->items[0], view->side);
	list_end(&l);
}

static void sequence_count(const void *worker, uint64_t ret[HOOK_COUNTERS_MAX])
{
	ret[0] = ((const struct worker *)worker)->pool.refused;
}

const struct flow_hook measure_sequence = {
	.name = "sequence", .help = "the first packets one by one: direction, lengths, time, flags",
	.fields = sequence_fields, .space_bytes = sizeof(struct sequence),
	.hot_bytes = sizeof(struct sequence), .wants = HOOK_PACKET, .scope = HOOK_SCOPE_RECORD,
	.open = sequence_open, .update = sequence_update, .ended = sequence_ended,
	.write = sequence_write, .close = sequence_close,
	.counters = measure_counters, .count = sequence_count,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Decoders and sessions: making, ending, and the frame around one message. See decode.h. */
#include "ipfix/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/wire.h"
#include "ipfix/decode_session.h"

/* ---- decoder --------------------------------------------------------------------------------- */

/* Options data are learned from in any case, and emitted only if somebody wants them. */
static void emit(void *context, const struct layout *layout, struct record_batch *batch)
{
	const struct decoder *d = context;
	if (layout->options && !d->setup.options)
		record_batch_release(batch);
	else
		d->setup.emit(d->setup.context, layout, batch);
}

/* The scratch template is as large as any can be: templates are read into it and then copied at
 * their own size, so no template costs memory before it is accepted. */
int decoder_new(const struct decoder_setup *setup, struct decoder **ret)
{
	struct decoder *d = calloc(1, sizeof *d);
	struct hash_secret secret;
	if (!d)
		return -ENOMEM;
	hash_secret_init(&secret);
	memcpy(&d->secret, secret.octets, sizeof d->secret);
	d->setup = *setup;
	d->budget.bound = setup->total_bytes;
	struct layouts_setup layouts = { .bound = setup->layouts_max, .secret = d->secret,
	                                 .emit = emit, .context = d };
	d->layouts = layouts_new(&layouts);
	d->elements = elements_new(setup->elements_max, d->secret);
	d->scratch = malloc(sizeof *d->scratch
	                    + DECODE_FIELDS_MAX * sizeof d->scratch->fields[0]);
	if (!d->layouts || !d->elements || !d->scratch) {
		decoder_free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

void decoder_free(struct decoder *d)
{
	if (!d)
		return;
	layouts_free(d->layouts);
	elements_free(d->elements);
	free(d->scratch);
	free(d->defined);
	free(d);
}

void decoder_flush(struct decoder *d)
{
	layouts_flush(d->layouts);
}

uint64_t decoder_bytes(const struct decoder *d)
{
	return d->budget.used;
}

/* ---- sessions -------------------------------------------------------------------------------- */

/* Early data have half of the budget, so that they cannot keep out the templates that they wait
 * for. */
struct decode_session *decode_session_new(struct decoder *decoder,
                                          const struct decode_session_setup *setup)
{
	struct decode_session *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->decoder = decoder;
	s->setup = *setup;
	s->budget = (struct budget){ .bound = decoder->setup.session_bytes,
	                             .parent = &decoder->budget };
	s->early_budget = (struct budget){ .bound = decoder->setup.session_bytes / 2,
	                                   .parent = &s->budget };
	map_init(&s->domains, decoder->secret);
	return s;
}

void decode_session_free(struct decode_session *s)
{
	if (!s)
		return;
	decode_memory_free(s);
	learned_free(s->learned);
	budget_give(s->budget.parent, s->budget.used);
	free(s);
}

void decode_session_end(struct decode_session *s)
{
	uint32_t at = 0;
	struct decode_domain *d;
	while ((d = map_next(&s->domains, &at))) {
		uint32_t position = 0;
		struct decode_slot *slot;
		while ((slot = map_next(&d->slots, &position)))
			decode_early_drop(s, slot, DECODE_DROP_unknown_template);
	}
}

uint64_t decode_session_bytes(const struct decode_session *s)
{
	return s->budget.used;
}

bool decode_session_starved(struct decode_session *s)
{
	bool starved = s->starved;
	s->starved = false;
	return starved;
}

const struct decode_counters *decode_session_counters(const struct decode_session *s)
{
	return &s->counters;
}

/* ---- messages -------------------------------------------------------------------------------- */

static enum decode_fault read_by_version(struct decode_reading *r)
{
	struct wire_reader in = wire_reader_of(r->message->octets, r->message->bytes);
	uint16_t version = wire_u16(&in);
	if (in.failed)
		return FAULT_too_short;
	r->protocol = (enum decode_protocol)version;
	if (version == DECODE_IPFIX)
		return decode_ipfix(r);
	if (version == DECODE_NETFLOW_9)
		return decode_netflow9(r);
	if (version == DECODE_NETFLOW_5)
		return decode_netflow5(r);
	return FAULT_version;
}

/* Of the message as a whole; what was in it is in the reading's own counters. */
static void account(struct decode_reading *r, enum decode_fault fault)
{
	struct decode_counters *c = &r->session->counters;
	c->messages++;
	c->octets += r->message->bytes;
	c->discarded[fault]++;
	c->discarded_octets[fault] += r->message->bytes;
	if (fault == FAULT_none)
		c->by_version[r->protocol == DECODE_IPFIX ? 2 : r->protocol == DECODE_NETFLOW_9]++;
}

/* Of a discarded message only what it did to the memory of templates is counted. */
static void forget_records(struct decode_counters *c)
{
	c->sets = c->template_sets = c->data_sets = 0;
	c->records = c->options_records = 0;
	memset(c->dropped, 0, sizeof c->dropped);
}

/* Rows and early data of the message count only when all of it was read. What its templates let go
 * is decoded last, under the headers it came with. */
enum decode_fault decode_message(struct decode_session *s, const struct decode_message *message)
{
	struct decoder *d = s->decoder;
	struct decode_reading r = { .session = s, .message = message };
	r.context.collection_ms = message->time_ns / 1000000;
	if (s->setup.exporter_family == 4)
		memcpy(r.context.exporter4, s->setup.exporter, 4);
	else
		memcpy(r.context.exporter6, s->setup.exporter, 16);
	layouts_begin(d->layouts);
	enum decode_fault fault = read_by_version(&r);
	if (fault == FAULT_none) {
		layouts_commit(d->layouts);
		decode_early_commit(&r);
	} else {
		layouts_rollback(d->layouts);
		decode_early_rollback(&r);
		forget_records(&r.counters);
	}
	account(&r, fault);
	decode_early_release(&r);
	decode_counters_add(&s->counters, &r.counters);
	return fault;
}

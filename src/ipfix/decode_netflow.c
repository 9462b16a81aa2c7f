/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetFlow v9 (RFC 3954) and v5. A v9 message does not say its length: it ends with its datagram.
 * Exporters pad it with zeros, count sets or records as they please, and number domains ("source
 * ids") on their own; so the count is not held against them. Templates have no withdrawal, and are
 * gone when the exporter's uptime goes back.
 */
#include <stdlib.h>

#include "base/wire.h"
#include "ipfix/decode_session.h"
#include "ipfix/format.h"

/* An uptime that goes back by less is a datagram that came late. */
enum { UPTIME_BACK_MS = 60000 };

/* ---- v9 -------------------------------------------------------------------------------------- */

/* False at the end, too, which may be padded. */
static bool set_next(struct wire_reader *r, struct decode_any_set *ret,
                     enum decode_fault *ret_fault)
{
	return !decode_is_padding(r) && decode_take_set(r, ret, ret_fault);
}

/* Data sets are passed over: without their templates there is nothing to check in them. */
static enum decode_fault check(struct wire_reader sets, struct decode_template *scratch)
{
	enum decode_fault fault = FAULT_none;
	struct decode_any_set set;
	while (fault == FAULT_none && set_next(&sets, &set, &fault)) {
		if (set.id > NETFLOW9_SET_OPTIONS_TEMPLATE)
			continue;
		bool options = set.id == NETFLOW9_SET_OPTIONS_TEMPLATE;
		while (fault == FAULT_none && !decode_is_padding(&set.body))
			if (!decode_template_netflow9(&set.body, options, scratch))
				fault = FAULT_template;
	}
	return fault;
}

static enum decode_fault set_read(struct decode_reading *r, struct decode_any_set *set)
{
	struct decode_template *t = r->session->decoder->scratch;
	r->counters.sets++;
	if (set->id <= NETFLOW9_SET_OPTIONS_TEMPLATE) {
		while (!decode_is_padding(&set->body)) {
			decode_template_netflow9(&set->body, set->id == NETFLOW9_SET_OPTIONS_TEMPLATE, t);
			decode_template_define(r, t);
		}
		r->counters.template_sets++;
		return FAULT_none;
	}
	if (set->id < IPFIX_TEMPLATE_ID_MIN) {
		r->counters.dropped[DECODE_DROP_reserved_set]++;
		return FAULT_none;
	}
	struct decode_set data = { set->body.at, (uint32_t)wire_left(&set->body) };
	return decode_data_set(r, set->id, &data);
}

/* An exporter that has started anew has forgotten its templates (RFC 3954, section 9). */
static void see_uptime(struct decode_reading *r)
{
	struct decode_domain *d = r->domain;
	uint32_t uptime_ms = r->context.uptime_ms;
	if (d->uptime_ms > uptime_ms && d->uptime_ms - uptime_ms > UPTIME_BACK_MS &&
	    d->uptime_ms - uptime_ms < UINT32_MAX - UPTIME_BACK_MS) {
		decode_domain_forget(r->session, d);
		if (d->sequence.known)
			r->counters.restarts++;
		d->sequence.known = false;
	}
	d->uptime_ms = uptime_ms;
}

/* Sequence numbers count messages, so a message that failed after its header was sound has been
 * seen all the same. */
enum decode_fault decode_netflow9(struct decode_reading *r)
{
	struct decode_session *s = r->session;
	struct wire_reader in = wire_reader_of(r->message->octets, r->message->bytes);
	struct decode_any_set set;
	enum decode_fault fault = FAULT_none;
	wire_u32(&in);                  /* version and count */
	r->context.uptime_ms = wire_u32(&in);
	r->context.export_ms = (uint64_t)wire_u32(&in) * 1000;
	uint32_t sequence = wire_u32(&in);
	r->context.domain = wire_u32(&in);
	if (in.failed)
		return FAULT_too_short;
	fault = check(in, s->decoder->scratch);
	if (fault != FAULT_none)
		return fault;
	r->domain = decode_domain_of(s, DECODE_NETFLOW_9, r->context.domain);
	if (!r->domain)
		return FAULT_memory;
	see_uptime(r);
	while (fault == FAULT_none && set_next(&in, &set, &fault))
		fault = set_read(r, &set);
	decode_sequence_see(r, sequence, 1);
	return fault;
}

/* ---- v5 -------------------------------------------------------------------------------------- */

/* The template that v5 does without stands in each domain under the number 0. */
static struct decode_slot *netflow5_slot(struct decode_reading *r)
{
	struct decode_slot *slot = decode_slot_find(r->domain, 0);
	if (slot)
		return slot;
	struct decode_template *t = decode_template_netflow5_new();
	if (t)
		decode_template_define(r, t);
	r->counters.templates = 0;
	free(t);
	slot = decode_slot_find(r->domain, 0);
	return slot && slot->template ? slot : NULL;
}

/* Sampling stands in the header: two bits for how, fourteen for one in how many. */
static uint32_t netflow5_header(struct decode_reading *r, struct wire_reader *in)
{
	struct decode_context *c = &r->context;
	c->uptime_ms = wire_u32(in);
	uint64_t seconds = wire_u32(in);
	c->export_ms = seconds * 1000 + wire_u32(in) / 1000000;
	uint32_t sequence = wire_u32(in);
	c->engine_type = wire_u8(in);
	c->engine_id = wire_u8(in);
	c->domain = (uint32_t)c->engine_type << 8 | c->engine_id;
	uint16_t sampling = wire_u16(in);
	c->sampling_algorithm = (uint8_t)(sampling >> 14);
	c->sampling_interval = sampling & 0x3fff;
	return sequence;
}

/* The records are one set of a template that is always there, so the rest is as in the other
 * versions. */
enum decode_fault decode_netflow5(struct decode_reading *r)
{
	struct wire_reader in = wire_reader_of(r->message->octets, r->message->bytes);
	wire_u16(&in);
	uint16_t count = wire_u16(&in);
	uint32_t sequence = netflow5_header(r, &in);
	if (in.failed)
		return FAULT_too_short;
	struct decode_set set = { in.at, (uint32_t)count * NETFLOW5_RECORD_BYTES };
	if (wire_left(&in) < set.bytes)
		return FAULT_count;
	if (count == 0 || wire_left(&in) - set.bytes >= NETFLOW5_RECORD_BYTES)
		return FAULT_length;
	r->domain = decode_domain_of(r->session, DECODE_NETFLOW_5, r->context.domain);
	struct decode_slot *slot = r->domain ? netflow5_slot(r) : NULL;
	if (!slot)
		return FAULT_memory;
	enum decode_drop drop;
	enum decode_fault fault = decode_slot_records(r, slot, &set, &drop);
	r->counters.sets++;
	if (drop == DECODE_DROP_COUNT)
		r->counters.data_sets++;
	else
		r->counters.dropped[drop]++;
	decode_sequence_see(r, sequence, count);
	return fault;
}

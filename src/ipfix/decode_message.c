/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPFIX messages (RFC 7011, section 3). They are walked twice: first sets and templates are
 * checked, so that nothing is believed of a message whose form is wrong; then they are read.
 */
#include "base/wire.h"
#include "ipfix/decode_session.h"
#include "ipfix/format.h"

bool decode_take_set(struct wire_reader *r, struct decode_any_set *ret,
                     enum decode_fault *ret_fault)
{
	uint16_t id = wire_u16(r), bytes = wire_u16(r);
	const uint8_t *body = bytes < IPFIX_SET_HEADER_BYTES ? NULL :
	                      wire_take(r, bytes - (size_t)IPFIX_SET_HEADER_BYTES);
	if (!body || r->failed) {
		*ret_fault = FAULT_set_length;
		return false;
	}
	ret->id = id;
	ret->body = wire_reader_of(body, bytes - (size_t)IPFIX_SET_HEADER_BYTES);
	return true;
}

/* False at the end, too: sets fill an IPFIX message. */
static bool set_next(struct wire_reader *r, struct decode_any_set *ret,
                     enum decode_fault *ret_fault)
{
	return wire_left(r) > 0 && decode_take_set(r, ret, ret_fault);
}

static bool is_template_set(uint16_t id)
{
	return id == IPFIX_SET_TEMPLATE || id == IPFIX_SET_OPTIONS_TEMPLATE;
}

/* Padding is shorter than the shortest template record; some exporters send more zeros. */
bool decode_is_padding(const struct wire_reader *r)
{
	size_t left = wire_left(r);
	if (left < 4)
		return true;
	for (size_t i = 0; i < left; i++)
		if (r->at[i])
			return false;
	return true;
}

static enum decode_fault templates_check(struct decode_any_set set, struct decode_template *scratch)
{
	bool options = set.id == IPFIX_SET_OPTIONS_TEMPLATE;
	while (!decode_is_padding(&set.body))
		if (!decode_template_ipfix(&set.body, options, scratch))
			return FAULT_template;
	return FAULT_none;
}

static enum decode_fault check(struct wire_reader sets, struct decode_template *scratch)
{
	enum decode_fault fault = FAULT_none;
	struct decode_any_set set;
	while (fault == FAULT_none && set_next(&sets, &set, &fault))
		if (is_template_set(set.id))
			fault = templates_check(set, scratch);
	return fault;
}

/* These have passed the check: reading them again cannot fail. */
static void templates_read(struct decode_reading *r, struct decode_any_set set)
{
	struct decode_template *t = r->session->decoder->scratch;
	bool options = set.id == IPFIX_SET_OPTIONS_TEMPLATE;
	while (!decode_is_padding(&set.body)) {
		decode_template_ipfix(&set.body, options, t);
		if (t->field_count)
			decode_template_define(r, t);
		else
			decode_template_withdraw(r, t);
	}
	r->counters.template_sets++;
}

/* Sets 4 to 255 have no meaning yet: what a later version put there may have had records, so the
 * sequence is not held against the sender. */
static enum decode_fault set_read(struct decode_reading *r, const struct decode_any_set *set)
{
	r->counters.sets++;
	if (is_template_set(set->id)) {
		templates_read(r, *set);
		return FAULT_none;
	}
	if (set->id < IPFIX_TEMPLATE_ID_MIN) {
		r->counters.dropped[DECODE_DROP_reserved_set]++;
		r->uncounted = true;
		return FAULT_none;
	}
	struct decode_set data = { set->body.at, (uint32_t)wire_left(&set->body) };
	return decode_data_set(r, set->id, &data);
}

/* The domain is made only when the message has passed its check: ill-formed ones cost no memory.
 * After a fault nobody knows how many records were in it. */
enum decode_fault decode_ipfix(struct decode_reading *r)
{
	struct decode_session *s = r->session;
	struct wire_reader in = wire_reader_of(r->message->octets, r->message->bytes);
	struct decode_any_set set;
	enum decode_fault fault = FAULT_none;
	wire_u16(&in);
	uint16_t length = wire_u16(&in);
	r->context.export_ms = (uint64_t)wire_u32(&in) * 1000;
	uint32_t sequence = wire_u32(&in);
	r->context.domain = wire_u32(&in);
	if (in.failed)
		return FAULT_too_short;
	if (length != r->message->bytes)
		return FAULT_length;
	fault = check(in, s->decoder->scratch);
	if (fault != FAULT_none)
		return fault;
	r->domain = decode_domain_of(s, DECODE_IPFIX, r->context.domain);
	if (!r->domain)
		return FAULT_memory;
	while (fault == FAULT_none && set_next(&in, &set, &fault))
		fault = set_read(r, &set);
	if (fault == FAULT_none)
		decode_sequence_see(r, sequence, r->records);
	else
		r->domain->sequence.known = false;
	return fault;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Reads IPFIX (RFC 7011) and NetFlow v9 (RFC 3954) as far as sums need; see tally.h. */
#include "tally.h"

#include <string.h>

enum {
	IPFIX = 10, NETFLOW_9 = 9, IPFIX_HEAD = 16, NETFLOW_9_HEAD = 20, SET_HEAD = 4,
	SET_DATA_MIN = 256, VARIABLE = 65535, REVERSE_PEN = 29305,
	OCTET_DELTA = 1, PACKET_DELTA = 2, OUT_BYTES = 23, OUT_PKTS = 24, OCTET_TOTAL = 85,
	PACKET_TOTAL = 86, INITIATOR_OCTETS = 231, RESPONDER_OCTETS = 232, INITIATOR_PACKETS = 298,
	RESPONDER_PACKETS = 299,
};
enum { ADDS_NOTHING, ADDS_PACKETS, ADDS_OCTETS };

/* A part of a message; reading past its end marks it bad and gives zeros. */
struct part {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t take(struct part *part, unsigned bytes)
{
	uint64_t value = 0;

	if ((size_t)(part->end - part->at) < bytes) {
		part->bad = true;
		part->at = part->end;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | part->at[i];
	part->at += bytes;
	return value;
}

static uint8_t what_adds(unsigned element, unsigned enterprise)
{
	if (enterprise != 0 && enterprise != REVERSE_PEN)
		return ADDS_NOTHING;
	switch (element) {
	case OCTET_DELTA: case OUT_BYTES: case OCTET_TOTAL: case INITIATOR_OCTETS:
	case RESPONDER_OCTETS:
		return ADDS_OCTETS;
	case PACKET_DELTA: case OUT_PKTS: case PACKET_TOTAL: case INITIATOR_PACKETS:
	case RESPONDER_PACKETS:
		return ADDS_PACKETS;
	default:
		return ADDS_NOTHING;
	}
}

static void read_fields(struct part *part, struct tally_template *template, unsigned count,
                        bool ipfix)
{
	for (unsigned i = 0; i < count && !part->bad; i++) {
		unsigned element = (unsigned)take(part, 2);
		unsigned length = (unsigned)take(part, 2);
		unsigned enterprise = ipfix && element & 0x8000 ? (unsigned)take(part, 4) : 0;
		template->length[i] = (uint16_t)length;
		template->adds[i] = what_adds(element & 0x7fff, enterprise);
		template->variable |= length == VARIABLE;
		template->record_bytes += length == VARIABLE ? 1 : length;
	}
}

/* The template of an id; or, for a new one, the first place that is free; or NULL. */
static struct tally_template *template_of(struct tally *tally, unsigned id, bool add)
{
	for (unsigned i = 0; i < TALLY_TEMPLATES; i++) {
		struct tally_template *template = &tally->templates[i];
		if (template->id == id || (add && template->id == 0))
			return template;
	}
	return NULL;
}

/* Sets of templates: ids 2 and 3 of IPFIX, 0 and 1 of NetFlow v9. */
static void read_templates(struct tally *tally, struct part *part, bool ipfix, bool options)
{
	while (part->end - part->at >= 4 && !part->bad) {
		struct tally_template template = { .id = (uint16_t)take(part, 2), .options = options };
		unsigned count = (unsigned)take(part, 2);
		if (template.id < SET_DATA_MIN)
			return;                 /* padding */
		if (options && ipfix)
			take(part, 2);          /* how many of them are scopes */
		else if (options)
			count = (count + (unsigned)take(part, 2)) / 4;
		if (count > TALLY_FIELDS) {
			part->bad = true;
			return;
		}
		template.count = (uint16_t)count;
		read_fields(part, &template, count, ipfix);
		struct tally_template *place = template_of(tally, template.id, true);
		if (!part->bad && place)
			*place = template;
	}
}

static void add_record(struct tally *tally, const struct tally_template *template,
                       struct part *part)
{
	for (unsigned i = 0; i < template->count && !part->bad; i++) {
		unsigned length = template->length[i];
		if (length == VARIABLE && (length = (unsigned)take(part, 1)) == 255)
			length = (unsigned)take(part, 2);
		if (template->adds[i] == ADDS_PACKETS && !template->options)
			tally->packets += take(part, length);
		else if (template->adds[i] == ADDS_OCTETS && !template->options)
			tally->octets += take(part, length);
		else if ((size_t)(part->end - part->at) < length)
			part->bad = true;
		else
			part->at += length;
	}
}

static unsigned read_data(struct tally *tally, struct part *part, unsigned id)
{
	const struct tally_template *template = template_of(tally, id, false);
	unsigned records = 0;

	if (!template || template->record_bytes == 0) {
		tally->unknown_sets++;
		return 0;
	}
	while (part->end - part->at >= template->record_bytes && !part->bad) {
		add_record(tally, template, part);
		records += !part->bad;
	}
	if (template->options)
		tally->options_records += records;
	else
		tally->records += records;
	return records;
}

static unsigned read_sets(struct tally *tally, struct part *message, bool ipfix)
{
	unsigned records = 0;

	while (message->end - message->at >= SET_HEAD && !message->bad) {
		unsigned id = (unsigned)take(message, 2);
		unsigned bytes = (unsigned)take(message, 2);
		if (bytes < SET_HEAD || (size_t)(message->end - message->at) < bytes - SET_HEAD) {
			message->bad = true;
			break;
		}
		struct part set = { message->at, message->at + bytes - SET_HEAD, false };
		message->at = set.end;
		if (id >= SET_DATA_MIN)
			records += read_data(tally, &set, id);
		else
			read_templates(tally, &set, ipfix, id == (ipfix ? 3 : 1));
		message->bad |= set.bad;
	}
	return records;
}

static void follow_sequence(struct tally *tally, uint32_t sequence, uint32_t step)
{
	if (tally->started && sequence != tally->sequence)
		tally->lost += sequence - tally->sequence;
	tally->started = true;
	tally->sequence = sequence + step;
}

void tally_message(struct tally *tally, const uint8_t *message, size_t bytes)
{
	struct part part = { message, message + bytes, false };
	unsigned version = (unsigned)take(&part, 2);
	bool ipfix = version == IPFIX;

	tally->messages++;
	if (bytes < (ipfix ? IPFIX_HEAD : NETFLOW_9_HEAD) || (!ipfix && version != NETFLOW_9) ||
	    (ipfix && take(&part, 2) != bytes)) {
		tally->bad_messages++;
		return;
	}
	part.at = message + (ipfix ? 8 : 12);
	uint32_t sequence = (uint32_t)take(&part, 4);
	part.at = message + (ipfix ? IPFIX_HEAD : NETFLOW_9_HEAD);
	unsigned records = read_sets(tally, &part, ipfix);
	follow_sequence(tally, sequence, ipfix ? records : 1);
	tally->bad_messages += part.bad;
}

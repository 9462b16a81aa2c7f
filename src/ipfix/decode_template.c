/* SPDX-License-Identifier: Apache-2.0 */
/* See decode_template.h. */
#include "ipfix/decode_template.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "ipfix/format.h"

/* A variable length takes an octet at least: records have a shortest length that is known. */
static void field_add(struct decode_template *t, const struct decode_field *field)
{
	t->fields[t->field_count++] = *field;
	if (field->length == IPFIX_LENGTH_VARIABLE) {
		t->variable_count++;
		t->bytes_min++;
	} else {
		t->bytes_min += field->length;
	}
}

static void head_read(struct wire_reader *r, bool options, enum decode_protocol protocol,
                      struct decode_template *t)
{
	*t = (struct decode_template){ .id = wire_u16(r), .protocol = (uint8_t)protocol,
	                               .options = options };
}

/* ---- IPFIX ----------------------------------------------------------------------------------- */

static bool ipfix_fields_read(struct wire_reader *r, unsigned count, struct decode_template *t)
{
	if (count > DECODE_FIELDS_MAX)
		return false;
	for (unsigned i = 0; i < count && !r->failed; i++) {
		struct decode_field f = { .id = wire_u16(r), .length = wire_u16(r) };
		if (f.id & IPFIX_ENTERPRISE_BIT) {
			f.id &= (uint16_t)~IPFIX_ENTERPRISE_BIT;
			f.pen = wire_u32(r);
		}
		field_add(t, &f);
	}
	return !r->failed;
}

bool decode_template_ipfix(struct wire_reader *r, bool options, struct decode_template *t)
{
	head_read(r, options, DECODE_IPFIX, t);
	unsigned count = wire_u16(r);
	if (r->failed)
		return false;
	if (count == 0)                 /* a withdrawal; of all when the id is that of the set */
		return t->id >= IPFIX_TEMPLATE_ID_MIN || t->id == IPFIX_SET_TEMPLATE ||
		       t->id == IPFIX_SET_OPTIONS_TEMPLATE;
	if (t->id < IPFIX_TEMPLATE_ID_MIN)
		return false;
	if (!options)
		return ipfix_fields_read(r, count, t);
	t->scope_count = wire_u16(r);
	return !r->failed && t->scope_count > 0 && t->scope_count <= count &&
	       ipfix_fields_read(r, count, t);
}

/* ---- NetFlow v9 ------------------------------------------------------------------------------ */

/* Scopes have numbers of their own (RFC 3954, section 6.1): system, interface, line card, cache,
 * template. The first and fourth name things that no element names; they keep their number as one
 * of Cisco's, which is where the format comes from. */
static void scope_translate(struct decode_field *f)
{
	static const struct decode_field elements[] = {
		[1] = { .pen = 9, .id = 1 }, [2] = { .id = 10 }, [3] = { .id = 141 },
		[4] = { .pen = 9, .id = 4 }, [5] = { .id = 145 },
	};
	if (f->id == 0 || f->id >= array_count(elements))
		return;
	f->pen = elements[f->id].pen;
	f->id = elements[f->id].id;
}

/* Scopes come first and have numbers of their own (RFC 3954, section 6.1), which become those of
 * IPFIX. */
static bool netflow9_fields_read(struct wire_reader *r, unsigned count, struct decode_template *t)
{
	if (t->field_count + count > DECODE_FIELDS_MAX)
		return false;
	for (unsigned i = 0; i < count && !r->failed; i++) {
		struct decode_field f = { .id = wire_u16(r), .length = wire_u16(r) };
		if (t->field_count < t->scope_count)
			scope_translate(&f);
		field_add(t, &f);
	}
	return !r->failed;
}

bool decode_template_netflow9(struct wire_reader *r, bool options, struct decode_template *t)
{
	head_read(r, options, DECODE_NETFLOW_9, t);
	if (!options) {
		unsigned count = wire_u16(r);
		return !r->failed && t->id >= IPFIX_TEMPLATE_ID_MIN && count > 0 &&
		       netflow9_fields_read(r, count, t);
	}
	unsigned scope_bytes = wire_u16(r), option_bytes = wire_u16(r);
	if (r->failed || t->id < IPFIX_TEMPLATE_ID_MIN || scope_bytes % 4 || option_bytes % 4)
		return false;
	t->scope_count = (uint16_t)(scope_bytes / 4);
	return netflow9_fields_read(r, scope_bytes / 4 + option_bytes / 4, t);
}

/* ---- NetFlow v5 ------------------------------------------------------------------------------ */

static const struct decode_field netflow5_fields[] = {
	{ 0, 8, 4 }, { 0, 12, 4 }, { 0, 15, 4 },        /* source, destination, next hop */
	{ 0, 10, 2 }, { 0, 14, 2 },                     /* interfaces in and out */
	{ 0, 2, 4 }, { 0, 1, 4 },                       /* packets, octets */
	{ 0, 22, 4 }, { 0, 21, 4 },                     /* first and last, by the system's uptime */
	{ 0, 7, 2 }, { 0, 11, 2 }, { 0, 210, 1 },       /* ports, padding */
	{ 0, 6, 1 }, { 0, 4, 1 }, { 0, 5, 1 },          /* TCP flags, protocol, type of service */
	{ 0, 16, 2 }, { 0, 17, 2 }, { 0, 9, 1 }, { 0, 13, 1 },  /* AS numbers, masks */
	{ 0, 210, 2 },
};

struct decode_template *decode_template_netflow5_new(void)
{
	struct decode_template *t = calloc(1, sizeof *t + sizeof netflow5_fields);
	if (!t)
		return NULL;
	t->protocol = DECODE_NETFLOW_5;
	for (unsigned i = 0; i < array_count(netflow5_fields); i++)
		field_add(t, &netflow5_fields[i]);
	return t;
}

/* ---- all ------------------------------------------------------------------------------------- */

struct decode_template *decode_template_copy(const struct decode_template *t)
{
	uint64_t bytes = decode_template_bytes(t);
	struct decode_template *copy = malloc(bytes);
	if (copy)
		memcpy(copy, t, bytes);
	return copy;
}

bool decode_template_equal(const struct decode_template *a, const struct decode_template *b)
{
	return a->field_count == b->field_count && a->scope_count == b->scope_count &&
	       a->options == b->options &&
	       memcmp(a->fields, b->fields, a->field_count * sizeof a->fields[0]) == 0;
}

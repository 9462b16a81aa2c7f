/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles templates into plans and runs them; see decode_plan.h. Records of fixed length are cut
 * by their length alone; those with variable fields are walked once to find their ends, which also
 * proves that the columns' loops stay inside the set.
 */
#include "ipfix/decode_plan.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "ipfix/decode_lookup.h"
#include "ipfix/decode_steps.h"
#include "ipfix/format.h"
#include "ipfix/template.h"

enum {
	ELEMENT_PADDING = 210, ELEMENT_OPAQUE = 266,
	ELEMENT_FIRST_UPTIME = 22, ELEMENT_LAST_UPTIME = 21,
	ELEMENT_START_MS = 152, ELEMENT_END_MS = 153,
	CONSTANTS_MAX = 8,
};

struct compiler {                       /* a plan on its way */
	const struct decode_plan_setup *setup;
	struct decode_plan *plan;
	struct column_choice choices[COLUMNS_MAX];
	unsigned count, scope_count;    /* of the choices; the first are scopes */
	bool reverse;                   /* some column is a reverse one */
};

/* ---- elements -------------------------------------------------------------------------------- */

/* What an element is: a field of the table, of the exporter's own telling, or nobody's. */
static const struct field *field_of(const struct compiler *c, uint32_t pen, uint16_t id)
{
	const struct field *f = field_by_id(pen, id);
	if (!f && c->setup->learned)
		f = learned_element(c->setup->learned, pen, id);
	return f;
}

/* The forward element of a reverse one by a bit of its id (ours, CERT's), if the table has it.
 * Asked for before what the exporter tells: it may well describe the reverse one, under a name that
 * is no element's own. */
static const struct field *field_of_reverse_bit(const struct decode_field *wire)
{
	if (!field_reverses_by_bit(wire->pen) || !(wire->id & FIELD_REVERSE_BIT))
		return NULL;
	const struct field *f = field_by_id(wire->pen, wire->id & (uint16_t)~FIELD_REVERSE_BIT);
	return f && field_is_reversible(f) ? f : NULL;
}

/* Reverse elements: IANA's under a number of RFC 5103's own; ours and CERT's by a bit of the id. */
static const struct field *field_of_wire(const struct compiler *c, const struct decode_field *wire,
                                         bool *ret_reverse)
{
	const struct field *f = NULL;
	*ret_reverse = false;
	if (wire->pen == PEN_REVERSE) {
		f = field_by_id(PEN_IANA, wire->id);
		if (f && !field_is_reversible(f))
			f = NULL;
		*ret_reverse = f != NULL;
		return f;
	}
	f = field_of_reverse_bit(wire);
	*ret_reverse = f != NULL;
	if (!f)
		f = field_of(c, wire->pen, wire->id);
	if (!f && field_reverses_by_bit(wire->pen) && wire->id & FIELD_REVERSE_BIT) {
		f = field_of(c, wire->pen, wire->id & (uint16_t)~FIELD_REVERSE_BIT);
		*ret_reverse = f != NULL;
	}
	return f;
}

static bool is_padding(const struct decode_field *wire)
{
	return wire->length == 0 ||
	       (wire->id == ELEMENT_PADDING && (wire->pen == PEN_IANA || wire->pen == PEN_REVERSE));
}

static bool template_has(const struct decode_template *t, uint32_t pen, uint16_t id)
{
	for (unsigned i = 0; i < t->field_count; i++)
		if (t->fields[i].pen == pen && t->fields[i].id == id)
			return true;
	return false;
}

/* NetFlow tells times by the exporter's uptime, which means nothing without the header. */
static const struct field *field_of_uptime(const struct compiler *c,
                                           const struct decode_field *wire)
{
	const struct decode_template *t = c->setup->template;
	if (t->protocol == DECODE_IPFIX || wire->pen != PEN_IANA || wire->length != 4)
		return NULL;
	uint16_t id = wire->id == ELEMENT_FIRST_UPTIME ? ELEMENT_START_MS :
	              wire->id == ELEMENT_LAST_UPTIME ? ELEMENT_END_MS : 0;
	return id && !template_has(t, PEN_IANA, id) ? field_by_id(PEN_IANA, id) : NULL;
}

/* ---- columns --------------------------------------------------------------------------------- */

/* The column's index, or -1 when a row has no room for it. Some are kept for what comes behind. */
static int column_add(struct compiler *c, const struct column_choice *choice)
{
	enum { RESERVED = 32 };
	unsigned room = COLUMNS_MAX - RESERVED;
	if (c->count >= room) {
		c->plan->left_out++;
		return -1;
	}
	c->choices[c->count] = *choice;
	c->reverse |= choice->reverse;
	return (int)c->count++;
}

/* The table's element if its type can hold what comes in this length; else one by number, whose
 * value is kept as it came. */
static int column_of(struct compiler *c, const struct decode_field *wire, struct decode_step *step)
{
	struct column_choice choice = { 0 };
	if (is_padding(wire))
		return -1;
	choice.field = field_of_uptime(c, wire);
	if (choice.field) {
		step->operation = DECODE_UPTIME;
		return column_add(c, &choice);
	}
	choice.field = field_of_wire(c, wire, &choice.reverse);
	if (!choice.field || !decode_operation_of(choice.field, wire->length, &step->operation)) {
		choice.reverse = false;
		choice.field = elements_unknown(c->setup->elements, wire->pen, wire->id,
		                                c->setup->only_known_elements);
		if (!choice.field)      /* the bound on names is reached: kept without one */
			choice.field = field_by_id(PEN_IANA, ELEMENT_OPAQUE);
		decode_operation_of(choice.field, wire->length, &step->operation);
	}
	return column_add(c, &choice);
}

/* Padding has no step, unless it is of variable length: then its length has to be read all the
 * same. */
static void step_of(struct compiler *c, const struct decode_field *wire, uint32_t at)
{
	bool variable = wire->length == IPFIX_LENGTH_VARIABLE;
	struct decode_step step = { .at = (uint16_t)at, .wire_bytes = variable ? 0 : wire->length };
	int column = column_of(c, wire, &step);
	if (column < 0 && !variable)
		return;
	if (column < 0)
		step.operation = DECODE_SKIP;
	else
		step.column = (uint16_t)column;
	c->plan->steps[c->plan->step_count++] = step;
	if (variable)
		c->plan->variable[c->plan->variable_count++] = step;
}

/* A record of fixed fields beyond any message's length is never met; `at` then means nothing. */
static void steps_make(struct compiler *c)
{
	const struct decode_template *t = c->setup->template;
	uint32_t at = 0;
	for (unsigned i = 0; i < t->field_count; i++) {
		step_of(c, &t->fields[i], at);
		at = t->fields[i].length == IPFIX_LENGTH_VARIABLE ? 0 : at + t->fields[i].length;
		if (i + 1u == t->scope_count)
			c->scope_count = c->count;
	}
}

static void lookups_make(struct compiler *c)
{
	struct decode_columns columns = { c->choices, c->count, COLUMNS_MAX - CONSTANTS_MAX };
	c->plan->lookup_count = (uint16_t)decode_lookups_make(c->setup, &columns, c->plan->lookups);
	c->count = columns.count;
}

#define CONTEXT(member) \
	offsetof(struct decode_context, member), sizeof(((struct decode_context *)0)->member)

/* What is known beside the record, unless it says so itself. */
static void constant_add(struct compiler *c, uint16_t id, uint16_t from, uint16_t bytes)
{
	const struct field *field = field_by_id(PEN_IANA, id);
	unsigned at = 0;
	while (at < c->count && (c->choices[at].field != field || c->choices[at].reverse))
		at++;
	if (at < c->plan->told)
		return;
	struct decode_constant *constant = &c->plan->constants[c->plan->constant_count++];
	*constant = (struct decode_constant){ .column = (uint16_t)at, .from = from, .bytes = bytes,
	                                      .if_absent = at < c->count };
	if (at == c->count)
		c->choices[c->count++] = (struct column_choice){ .field = field };
}

/* Only what the template itself does not say: constant_add() looks. */
static void constants_make(struct compiler *c)
{
	const struct decode_plan_setup *s = c->setup;
	if (s->template->protocol == DECODE_NETFLOW_5) {
		constant_add(c, 38, CONTEXT(engine_type));
		constant_add(c, 39, CONTEXT(engine_id));
	}
	if (s->exporter_family == 4)
		constant_add(c, 130, CONTEXT(exporter4));
	if (s->exporter_family == 6)
		constant_add(c, 131, CONTEXT(exporter6));
	constant_add(c, 149, CONTEXT(domain));
	if (s->collection_time)
		constant_add(c, 258, CONTEXT(collection_ms));
}

/* ---- layout ---------------------------------------------------------------------------------- */

/* Offsets are known once the layout is: columns were counted before, rows are laid out by
 * schema_new(). */
static void place(struct compiler *c)
{
	struct decode_plan *p = c->plan;
	const struct schema *schema = p->layout->schema;
	unsigned at = 0;
	for (unsigned i = 0; i < p->step_count; i++) {
		struct decode_step *s = &p->steps[i];
		if (s->operation != DECODE_SKIP) {
			s->offset = schema->column[s->column].offset;
			s->row_bytes = (uint8_t)schema->column[s->column].bytes;
			if (!decode_operation_may_be_absent(s->operation))
				p->presence[s->column / 8] |= (uint8_t)(1u << s->column % 8);
		}
		if (!s->wire_bytes)
			p->variable[at++] = *s;
	}
	for (unsigned i = 0; i < p->constant_count; i++) {
		struct decode_constant *k = &p->constants[i];
		if (!k->if_absent)
			p->presence[k->column / 8] |= (uint8_t)(1u << k->column % 8);
		k->offset = schema->column[k->column].offset;
	}
}

static int layout_make(struct compiler *c, bool *ret_new)
{
	struct layout_request request = { .choices = c->choices, .count = c->count,
	                                  .scope_count = c->scope_count,
	                                  .options = c->setup->template->options,
	                                  .only_known = c->setup->only_known_layouts };
	return layouts_intern(c->setup->layouts, &request, &c->plan->layout, ret_new);
}

static struct decode_plan *plan_alloc(const struct decode_template *t)
{
	struct decode_plan *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->steps = calloc(t->field_count + 1u, sizeof *p->steps);
	p->variable = calloc(t->variable_count + 1u, sizeof *p->variable);
	p->constants = calloc(CONSTANTS_MAX, sizeof *p->constants);
	p->presence = calloc(COLUMNS_MAX / 8, 1);
	p->lookups = calloc(DECODE_LOOKUPS_MAX, sizeof *p->lookups);
	if (p->steps && p->variable && p->constants && p->presence && p->lookups)
		return p;
	decode_plan_free(p);
	return NULL;
}

/* The order matters: what the exporter sends comes first, so `told` divides its columns from
 * ours. */
static int compile(struct compiler *c, bool *ret_new)
{
	const struct decode_template *t = c->setup->template;
	steps_make(c);
	if (c->count == 0 || t->bytes_min == 0)
		return -EINVAL;
	c->plan->told = (uint16_t)c->count;
	lookups_make(c);
	constants_make(c);
	int r = layout_make(c, ret_new);
	if (r)
		return r;
	struct decode_plan *p = c->plan;
	p->bytes_min = t->bytes_min;
	p->presence_bytes = (uint16_t)((p->layout->schema->column_count + 7) / 8);
	p->illegal_reverse = c->reverse && !t->options && !ipfix_has_directional_key(p->layout->schema);
	place(c);
	return 0;
}

int decode_plan_new(const struct decode_plan_setup *setup, struct decode_plan **ret, bool *ret_new)
{
	struct compiler *c = malloc(sizeof *c);
	int r = -ENOMEM;
	*ret_new = false;
	if (c) {
		c->setup = setup;
		c->count = c->scope_count = 0;
		c->reverse = false;
		c->plan = plan_alloc(setup->template);
		r = c->plan ? compile(c, ret_new) : -ENOMEM;
		if (r)
			decode_plan_free(c->plan);
		else
			*ret = c->plan;
	}
	free(c);
	return r;
}

void decode_plan_free(struct decode_plan *p)
{
	if (!p)
		return;
	free(p->steps);
	free(p->variable);
	free(p->constants);
	if (p->lookups)
		decode_lookups_free(p->lookups, p->lookup_count);
	free(p->lookups);
	free(p->presence);
	free(p);
}

uint64_t decode_plan_bytes(const struct decode_template *t)
{
	return sizeof(struct decode_plan) + (t->field_count + 1u) * sizeof(struct decode_step)
		+ (t->variable_count + 1u) * sizeof(struct decode_step)
		+ CONSTANTS_MAX * sizeof(struct decode_constant) + COLUMNS_MAX / 8
		+ DECODE_LOOKUPS_MAX * sizeof(struct decode_lookup);
}

/* ---- running --------------------------------------------------------------------------------- */

/* The end of the record at `at`; NULL when a length runs over the end. */
static const uint8_t *record_end(const struct decode_plan *p, const uint8_t *at,
                                 const uint8_t *end)
{
	uint32_t rest = p->bytes_min - p->variable_count;
	for (unsigned i = 0; i < p->variable_count; i++) {
		const struct decode_step *s = &p->variable[i];
		if ((size_t)(end - at) < s->at + 1u)
			return NULL;
		at += s->at;
		rest -= s->at;
		size_t bytes = 1u + *at;
		if (*at == IPFIX_LENGTH_LONG) {
			if (end - at < 3)
				return NULL;
			bytes = 3u + load_be16(at + 1);
		}
		if ((size_t)(end - at) < bytes)
			return NULL;
		at += bytes;
	}
	return (size_t)(end - at) < rest ? NULL : at + rest;
}

/* Sets the cursors on as many records as the block has room for. */
static int block_cut(const struct decode_plan *p, struct decode_block *b, const uint8_t *at,
                     const uint8_t *end, const uint8_t **ret_at)
{
	uint32_t most = b->batch->capacity - b->batch->count;
	if (most > DECODE_BLOCK_ROWS)
		most = DECODE_BLOCK_ROWS;
	uint32_t count = 0;
	while (count < most && (size_t)(end - at) >= p->bytes_min) {
		b->cursor[count++] = at;
		at = p->variable_count ? record_end(p, at, end) : at + p->bytes_min;
		if (!at)
			return -EBADMSG;
	}
	b->count = count;
	*ret_at = at;
	return 0;
}

/* The same octets into every row of the block. */
static void constants_put(const struct decode_plan *p, const struct decode_block *b)
{
	for (unsigned k = 0; k < p->constant_count; k++) {
		const struct decode_constant *c = &p->constants[k];
		const uint8_t *from = (const uint8_t *)b->context + c->from;
		uint8_t *to = b->rows + c->offset;
		for (uint32_t i = 0; i < b->count && !c->if_absent; i++, to += b->row_bytes)
			memcpy(to, from, c->bytes);
	}
}

/* Behind the look-ups: where they found nothing. */
static void constants_fill(const struct decode_plan *p, const struct decode_block *b)
{
	const struct schema *schema = p->layout->schema;
	for (unsigned k = 0; k < p->constant_count; k++) {
		const struct decode_constant *c = &p->constants[k];
		uint8_t *row = b->rows;
		for (uint32_t i = 0; i < b->count && c->if_absent; i++, row += b->row_bytes) {
			if (record_is_present(schema, row, c->column))
				continue;
			memcpy(row + c->offset, (const uint8_t *)b->context + c->from, c->bytes);
			record_set_present(schema, row, c->column);
		}
	}
}

/* Presence is copied whole for each row; steps that may find nothing then set their bits one by
 * one. */
static void block_decode(const struct decode_plan *p, struct decode_block *b)
{
	const struct schema *schema = p->layout->schema;
	uint32_t first = b->batch->count;
	b->batch->count += b->count;
	b->rows = record_row(b->batch, first);
	b->row_bytes = schema->row_bytes;
	uint8_t *presence = b->rows + schema->presence_offset;
	for (uint32_t i = 0; i < b->count; i++, presence += b->row_bytes)
		memcpy(presence, p->presence, p->presence_bytes);
	constants_put(p, b);
	for (unsigned i = 0; i < p->step_count; i++)
		decode_step_run(&p->steps[i], b);
}

/* Rows are looked at (lookups, learning) while they are still in the cache. */
int decode_plan_run(const struct decode_run *run, const struct decode_set *set,
                    uint32_t *ret_records)
{
	const struct decode_plan *p = run->plan;
	const uint8_t *at = set->octets, *end = at + set->bytes;
	uint32_t records = 0;
	struct decode_block b;          /* cursors are set as far as they are used */
	b.context = run->context;
	while ((size_t)(end - at) >= p->bytes_min) {
		b.batch = layout_room(run->layouts, p->layout);
		if (!b.batch)
			return -ENOMEM;
		int r = block_cut(p, &b, at, end, &at);
		if (r)
			return r;
		block_decode(p, &b);
		if (p->lookup_count) {
			decode_lookups_run(p->lookups, p->lookup_count, run, b.batch,
			                   b.batch->count - b.count);
			constants_fill(p, &b);
		}
		records += b.count;
		if (run->rows)
			run->rows(run->user, b.batch, b.batch->count - b.count);
	}
	*ret_records = records;
	return 0;
}

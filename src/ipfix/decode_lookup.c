/* SPDX-License-Identifier: Apache-2.0 */
/* See decode_lookup.h. Row by row: whoever has such columns pays a look-up for each. */
#include "ipfix/decode_lookup.h"

#include "base/compiler.h"
#include "record/projection.h"

enum {
	INGRESS = 10, EGRESS = 14, SAMPLING_INTERVAL = 34, SAMPLING_ALGORITHM = 35, SAMPLER_ID = 48,
	APPLICATION_ID = 95, APPLICATION_NAME = 96, PROPERTIES_ID = 137, SEQUENCE_ID = 301,
	SELECTOR_ID = 302, PACKET_INTERVAL = 305, PACKET_SPACE = 306, PROBABILITY = 311,
	WEIR_INGRESS_NAME = 2, WEIR_EGRESS_NAME = 3,
};

/* ---- making ---------------------------------------------------------------------------------- */

/* Look-ups and columns that are being made. */
struct maker {
	const struct decode_plan_setup *setup;
	struct decode_columns *columns;
	struct decode_lookup *lookups;
	unsigned count;
};

static int find(const struct decode_columns *c, const struct field *field, bool reverse)
{
	for (unsigned i = 0; i < c->count; i++)
		if (c->choices[i].field == field && c->choices[i].reverse == reverse)
			return (int)i;
	return -1;
}

static int find_iana(const struct decode_columns *c, uint16_t id)
{
	return find(c, field_by_id(PEN_IANA, id), false);
}

/* The column's index, or -1 when there is no room, or it is there already. */
static int column_add(struct decode_columns *c, const struct column_choice *choice)
{
	if (!choice->field || find(c, choice->field, choice->reverse) >= 0 || c->count == c->room)
		return -1;
	c->choices[c->count] = *choice;
	return (int)c->count++;
}

/* Beyond the bound, or the width of a row, the column is left out. */
static void lookup_add(struct maker *m, enum decode_lookup_kind kind, int from,
                       const struct field *field)
{
	int to = m->count < DECODE_LOOKUPS_MAX ?
	         column_add(m->columns, &(struct column_choice){ .field = field }) : -1;
	if (to >= 0)
		m->lookups[m->count++] = (struct decode_lookup){ .kind = (uint8_t)kind,
			.from = (int16_t)from, .to = (uint16_t)to };
}

/* Columns that nothing has been told for would be empty in every row, and are not made. */
static void names_make(struct maker *m)
{
	const struct learned *l = m->setup->learned;
	int application = find_iana(m->columns, APPLICATION_ID);
	if (application >= 0 && learned_has_applications(l))
		lookup_add(m, LOOKUP_APPLICATION, application, field_by_id(PEN_IANA, APPLICATION_NAME));
	int in = find_iana(m->columns, INGRESS), out = find_iana(m->columns, EGRESS);
	if (in >= 0 && learned_has_interfaces(l))
		lookup_add(m, LOOKUP_INTERFACE, in, field_by_id(PEN_WEIR_DEFAULT, WEIR_INGRESS_NAME));
	if (out >= 0 && learned_has_interfaces(l))
		lookup_add(m, LOOKUP_INTERFACE, out, field_by_id(PEN_WEIR_DEFAULT, WEIR_EGRESS_NAME));
}

/* By whichever id the record has; without one by what was told for the domain. */
static void sampling_make(struct maker *m)
{
	static const uint16_t values[] = {
		PACKET_INTERVAL, PACKET_SPACE, PROBABILITY, SAMPLING_INTERVAL, SAMPLING_ALGORITHM
	};
	static const uint16_t ids[] = { SAMPLER_ID, SELECTOR_ID, SEQUENCE_ID };
	int from = -1;
	for (unsigned i = 0; from < 0 && i < array_count(ids); i++)
		from = find_iana(m->columns, ids[i]);
	for (unsigned i = 0; i < array_count(values); i++)
		lookup_add(m, LOOKUP_SAMPLING, from, field_by_id(PEN_IANA, values[i]));
}

/* A record may refer to several sets of properties. */
static void properties_make(struct maker *m)
{
	enum { FIELDS_MOST = 128 };
	struct column_choice fields[FIELDS_MOST];
	const struct field *id = field_by_id(PEN_IANA, PROPERTIES_ID);
	unsigned before = m->columns->count;
	for (unsigned i = 0; i < before && m->count < DECODE_LOOKUPS_MAX; i++)
		if (m->columns->choices[i].field == id)
			m->lookups[m->count++] = (struct decode_lookup){ .kind = LOOKUP_PROPERTIES,
				.from = (int16_t)i };
	if (find(m->columns, id, false) < 0)
		return;
	unsigned count = learned_property_fields(m->setup->learned, m->setup->domain, fields,
	                                         FIELDS_MOST);
	for (unsigned i = 0; i < count; i++)
		column_add(m->columns, &fields[i]);
}

unsigned decode_lookups_make(const struct decode_plan_setup *setup, struct decode_columns *columns,
                             struct decode_lookup *ret)
{
	struct maker m = { setup, columns, ret, 0 };
	if (setup->template->options)
		return 0;
	if (setup->learned)
		properties_make(&m);
	if (setup->learned)
		names_make(&m);
	if (setup->sampling)
		sampling_make(&m);
	return m.count;
}

void decode_lookups_free(struct decode_lookup *lookups, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		projection_free(lookups[i].projection);
}

/* ---- running --------------------------------------------------------------------------------- */

static void text_write(struct value_writer *w, const struct learned_text *text)
{
	if (text)
		value_write_octets(w, text->octets, text->bytes);
}

static void application_run(const struct decode_lookup *k, const struct learned *l,
                            struct value_writer *w)
{
	uint32_t bytes;
	const uint8_t *id = value_read_octets(w->batch, w->row, (unsigned)k->from, &bytes);
	text_write(w, learned_application(l, id, bytes));
}

static void interface_run(const struct decode_lookup *k, const struct learned *l,
                          struct value_writer *w)
{
	uint64_t number = value_read_unsigned(w->batch->schema, w->row, (unsigned)k->from);
	text_write(w, learned_interface(l, (uint32_t)number));
}

/* The last case is samplingInterval, which can say "one in N" and nothing else: it stays absent
 * where several packets in a row are taken. */
static void sampling_write(const struct learned_sampling *s, struct value_writer *w)
{
	uint64_t every = (uint64_t)s->interval + s->space;
	switch (w->batch->schema->column[w->column].field->id) {
	case PROBABILITY:
		if (s->probability > 0)
			value_write_double(w, s->probability);
		break;
	case SAMPLING_ALGORITHM:
		if (s->algorithm)
			value_write_unsigned(w, s->algorithm);
		break;
	case PACKET_INTERVAL:
		if (s->interval)
			value_write_unsigned(w, s->interval);
		break;
	case PACKET_SPACE:
		if (s->interval)
			value_write_unsigned(w, s->space);
		break;
	default:                        /* one packet in so many, where that is true */
		if (s->interval == 1)
			value_write_unsigned(w, every);
	}
}

/* The header of NetFlow v5 speaks for all of its records. */
static void sampling_run(const struct decode_lookup *k, const struct decode_run *run,
                         struct value_writer *w)
{
	const struct decode_context *c = run->context;
	if (c->sampling_interval) {
		sampling_write(&(struct learned_sampling){ 1, c->sampling_interval - 1, 0,
		                                           c->sampling_algorithm }, w);
		return;
	}
	uint64_t id = k->from < 0 ? 0 : value_read_unsigned(w->batch->schema, w->row,
	                                                    (unsigned)k->from);
	const struct learned_sampling *s = run->learned ? learned_sampling(run->learned, c->domain, id)
	                                                : NULL;
	if (s)
		sampling_write(s, w);
}

/* The projection is remembered: records of one template refer to properties of one shape as a
 * rule. */
static void properties_run(struct decode_lookup *k, const struct decode_run *run,
                           struct value_writer *w)
{
	uint64_t id = value_read_unsigned(w->batch->schema, w->row, (unsigned)k->from);
	const struct record_batch *p = learned_properties(run->learned, run->context->domain, id);
	if (!p)
		return;
	if (!k->projection || k->projected_id != p->schema->id) {
		projection_free(k->projection);
		k->projection = projection_new(p->schema, w->batch->schema, false);
		k->projected_id = p->schema->id;
	}
	if (k->projection)
		projection_fill(k->projection, p, record_row(p, 0), w);
}

static void row_run(struct decode_lookup *k, const struct decode_run *run, struct value_writer *w)
{
	switch ((enum decode_lookup_kind)k->kind) {
	case LOOKUP_APPLICATION: application_run(k, run->learned, w); break;
	case LOOKUP_INTERFACE: interface_run(k, run->learned, w); break;
	case LOOKUP_SAMPLING: sampling_run(k, run, w); break;
	case LOOKUP_PROPERTIES: properties_run(k, run, w); break;
	}
}

void decode_lookups_run(struct decode_lookup *lookups, unsigned count, const struct decode_run *run,
                        struct record_batch *batch, uint32_t first)
{
	for (uint32_t i = first; i < batch->count; i++)
		for (unsigned k = 0; k < count; k++) {
			struct value_writer w = { batch, record_row(batch, i), lookups[k].to };
			row_run(&lookups[k], run, &w);
		}
}

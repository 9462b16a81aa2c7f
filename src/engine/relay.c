/* SPDX-License-Identifier: Apache-2.0 */
/* See relay.h. */
#include "engine/relay.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/map.h"
#include "engine/record_sort.h"
#include "flow/rows.h"
#include "record/projection.h"

enum { BATCH_ROWS = 256, CHOSEN_MAX = 2 * OUTPUTS_MAX };

/* How rows of one layout become rows of chosen columns. */
struct from_layout {
	struct projection *forward, *backward;  /* backward NULL: one row is all */
	int reverse_packets, reverse_octets;    /* columns of the layout; -1: none */
};

struct chosen {                         /* fixed columns, and the queues that want them */
	struct schema *schema;
	bool uniflow;                   /* a biflow becomes two rows */
	struct map projections;         /* struct from_layout by the layout's schema id */
	struct record_batch *batch;     /* being filled; NULL: none */
	unsigned queue_count;
	struct queue *queues[OUTPUTS_MAX];
};

/* The way from the decoder to the queues. */
struct relay {
	struct relay_setup setup;
	unsigned plain_count, chosen_count;
	struct queue *plain[OUTPUTS_MAX];       /* take every layout */
	struct chosen chosen[CHOSEN_MAX];
	struct record_sort *sort;       /* NULL: records go on as they come */
	bool sampling;                  /* some output's columns tell of it */
	_Atomic uint64_t records, handed, lost;
};

/* ---- choosing -------------------------------------------------------------------------------- */

/* Who saw it and when: what a collector adds to every record. */
static const char *const collector_fields[] = {
	"exporterIPv4Address", "exporterIPv6Address", "observationDomainId",
	"collectionTimeMilliseconds", NULL
};

static void add_names(const char *const *names, struct column_choice *choices, unsigned *count)
{
	for (; *names && *count < COLUMNS_MAX; names++) {
		struct column_choice choice = { 0 };
		choice.field = field_find(*names, strlen(*names), &choice.reverse);
		if (choice.field)
			choices[(*count)++] = choice;
	}
}

/* The columns that an output has by itself, those that say who has exported, and what the user says
 * of both. */
static int choose(const struct relay *r, const struct queue *q, struct column_choice *ret,
                  unsigned *ret_count, struct error *err)
{
	const struct output_kind *kind = queue_kind(q);
	*ret_count = 0;
	add_names(kind->default_fields ? kind->default_fields : output_standard_fields, ret, ret_count);
	if (kind->fixed_fields)
		return 0;
	add_names(collector_fields, ret, ret_count);
	int code = r->setup.fields
		? column_list_parse(r->setup.fields, NULL, ret, ret_count, err) : 0;
	if (code)
		return error_prefix(err, code, "--fields");
	if (queue_fields(q))
		code = column_list_parse(queue_fields(q), NULL, ret, ret_count, err);
	return code ? error_prefix(err, code, "%s: fields", queue_name(q)) : 0;
}

/* Outputs with equal columns share one batch, projected once. */
static int chosen_add(struct relay *r, struct queue *q, const struct column_list *list,
                      uint8_t family, struct error *err)
{
	struct column_choice kept[COLUMNS_MAX];
	bool uniflow = queue_kind(q)->uniflow;
	unsigned count = 0;
	for (unsigned i = 0; i < list->count; i++) {
		uint8_t own = row_field_family(list->choices[i].field);
		if ((!family || !own || own == family) && !(uniflow && list->choices[i].reverse))
			kept[count++] = list->choices[i];
	}
	struct schema *schema;
	if (schema_new(kept, count, 0, family, &schema))
		return error_set(err, -E2BIG, "%s: too many fields for one record", queue_name(q));
	struct chosen *c = &r->chosen[0];
	while (c < r->chosen + r->chosen_count &&
	       (c->uniflow != uniflow || !schema_equal(c->schema, schema)))
		c++;
	if (c < r->chosen + r->chosen_count) {
		schema_free(schema);
	} else {
		r->chosen_count++;
		c->schema = schema;
		c->uniflow = uniflow;
		map_init(&c->projections, 0x9e3779b97f4a7c15);
	}
	c->queues[c->queue_count++] = q;
	return queue_schema(q, c->schema, err);
}

static bool any_of_family(const struct column_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		if (row_field_family(list->choices[i].field))
			return true;
	return false;
}

/* As it comes, unless the output has columns of its own, or somebody has chosen. */
static int queue_add(struct relay *r, struct queue *q, struct error *err)
{
	struct column_choice choices[COLUMNS_MAX];
	struct column_list list = { .choices = choices };
	const struct output_kind *kind = queue_kind(q);
	if (!r->setup.fields && !queue_fields(q) && !kind->fixed_columns && !kind->uniflow) {
		r->plain[r->plain_count++] = q;
		return 0;
	}
	int code = choose(r, q, choices, &list.count, err);
	if (code)
		return code;
	if (!kind->splits_families || !any_of_family(&list))
		return chosen_add(r, q, &list, 0, err);
	code = chosen_add(r, q, &list, 4, err);
	return code ? code : chosen_add(r, q, &list, 6, err);
}

static bool names_sampling(const struct relay *r)
{
	static const uint16_t elements[] = { 34, 35, 305, 306, 311 };
	for (unsigned c = 0; c < r->chosen_count; c++)
		for (unsigned i = 0; i < array_count(elements); i++)
			if (schema_find(r->chosen[c].schema, field_by_id(PEN_IANA, elements[i]), false) >= 0)
				return true;
	return false;
}

int relay_new(const struct relay_setup *setup, struct relay **ret, struct error *err)
{
	struct relay *r = calloc(1, sizeof *r);
	int code = 0;
	if (!r)
		return error_set(err, -ENOMEM, "out of memory");
	r->setup = *setup;
	if (setup->sort && !(r->sort = record_sort_new()))
		code = error_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < setup->outputs->count && !code; i++)
		code = queue_add(r, setup->outputs->queues[i], err);
	if (code) {
		relay_free(r);
		return code;
	}
	r->sampling = names_sampling(r);
	*ret = r;
	return 0;
}

static void from_layout_free(struct from_layout *f)
{
	projection_free(f->forward);
	projection_free(f->backward);
	free(f);
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->chosen_count; i++) {
		struct chosen *c = &r->chosen[i];
		uint32_t position = 0;
		struct from_layout *from;
		while ((from = map_next(&c->projections, &position)))
			from_layout_free(from);
		map_fini(&c->projections);
		record_batch_release(c->batch);
		schema_free(c->schema);
	}
	record_sort_free(r->sort);
	free(r);
}

bool relay_wants_sampling(const struct relay *r)
{
	return r->sampling;
}

/* ---- records --------------------------------------------------------------------------------- */

static void count(_Atomic uint64_t *counter, uint64_t more)
{
	atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

static void hand(struct relay *r, struct queue *q, struct record_batch *batch)
{
	queue_put(q, batch, r->setup.wait);
	count(&r->handed, batch->count);
}

static void chosen_flush(struct relay *r, struct chosen *c)
{
	struct record_batch *batch = c->batch;
	c->batch = NULL;
	for (unsigned i = 0; batch && batch->count && i < c->queue_count; i++)
		hand(r, c->queues[i], batch);
	record_batch_release(batch);
}

static int column_of(const struct schema *schema, uint16_t id)
{
	return schema_find(schema, field_by_id(PEN_IANA, id), true);
}

/* The way back is made only where something can come back: a layout without reverse counters has
 * none. */
static struct from_layout *from_layout_new(const struct chosen *c, const struct schema *layout)
{
	struct from_layout *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->reverse_octets = column_of(layout, 1);
	f->reverse_packets = column_of(layout, 2);
	bool both = c->uniflow && (f->reverse_octets >= 0 || f->reverse_packets >= 0);
	f->forward = projection_new(layout, c->schema, false);
	f->backward = both ? projection_new(layout, c->schema, true) : NULL;
	if (f->forward && (f->backward || !both))
		return f;
	from_layout_free(f);
	return NULL;
}

/* Found by the layout's id; without memory the row is lost and counted. */
static struct from_layout *from_layout_of(struct chosen *c, const struct schema *layout)
{
	struct from_layout *f = map_get(&c->projections, layout->id);
	if (f)
		return f;
	f = from_layout_new(c, layout);
	if (f && !map_put(&c->projections, layout->id, f))
		return f;
	if (f)
		from_layout_free(f);
	return NULL;
}

static bool has_present(const struct record_batch *batch, const uint8_t *row, uint8_t family)
{
	for (unsigned i = 0; i < batch->schema->column_count; i++)
		if (row_field_family(batch->schema->column[i].field) == family &&
		    record_is_present(batch->schema, row, i))
			return true;
	return false;
}

/* A record of both families, or of none, is one of IPv4. */
static uint8_t family_of(const struct record_batch *batch, const uint8_t *row)
{
	return !has_present(batch, row, 4) && has_present(batch, row, 6) ? 6 : 4;
}

static bool has_reverse(const struct from_layout *f, const struct record_batch *batch,
                        const uint8_t *row)
{
	const struct schema *s = batch->schema;
	int packets = f->reverse_packets, octets = f->reverse_octets;
	return f->backward && ((packets >= 0 && value_read_unsigned(s, row, (unsigned)packets)) ||
	                       (octets >= 0 && value_read_unsigned(s, row, (unsigned)octets)));
}

/* A biflow for an output of uniflows is two rows, the second only when something came back. */
static void row_put(struct relay *r, struct chosen *c, const struct record_batch *batch,
                    const uint8_t *row)
{
	const struct from_layout *f = from_layout_of(c, batch->schema);
	if (c->batch && c->batch->count + 2 > c->batch->capacity)
		chosen_flush(r, c);
	if (!c->batch)
		c->batch = record_batch_new(c->schema, BATCH_ROWS);
	if (!f || !c->batch) {
		count(&r->lost, 1);
		return;
	}
	projection_run(f->forward, batch, row, c->batch);
	if (has_reverse(f, batch, row))
		projection_run(f->backward, batch, row, c->batch);
}

static void chosen_put(struct relay *r, struct chosen *c, const struct record_batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		const uint8_t *row = record_row(batch, i);
		if (!c->schema->family || c->schema->family == family_of(batch, row))
			row_put(r, c, batch, row);
	}
}

static void send(void *context, struct record_batch *batch, bool options)
{
	struct relay *r = context;
	for (unsigned i = 0; i < r->plain_count; i++)
		hand(r, r->plain[i], batch);
	for (unsigned i = 0; i < r->chosen_count && !options; i++)
		chosen_put(r, &r->chosen[i], batch);
	record_batch_release(batch);
}

void relay_put(struct relay *r, struct record_batch *batch, bool options)
{
	count(&r->records, batch->count);
	if (!r->sort || options || !record_sort_keep(r->sort, batch))
		send(r, batch, options);
}

void relay_flush(struct relay *r)
{
	for (unsigned i = 0; i < r->chosen_count; i++)
		chosen_flush(r, &r->chosen[i]);
}

void relay_finish(struct relay *r)
{
	if (r->sort)
		count(&r->lost, record_sort_send(r->sort, send, r));
	relay_flush(r);
}

struct relay_counters relay_counters(const struct relay *r)
{
	return (struct relay_counters){
		.records = atomic_load_explicit(&r->records, memory_order_relaxed),
		.handed = atomic_load_explicit(&r->handed, memory_order_relaxed),
		.lost = atomic_load_explicit(&r->lost, memory_order_relaxed),
	};
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See projection.h. */
#include "record/projection.h"

#include <stdlib.h>

#include "base/compiler.h"

enum projection_way {
	WAY_COPY,                       /* the same octets */
	WAY_OCTETS,                     /* into the other arena */
	WAY_TIME,                       /* from one unit to another */
	WAY_NUMBER, WAY_SIGNED, WAY_FLOAT,
};

/* One value of each row. */
struct projection_step {
	uint16_t from, to;              /* columns */
	uint8_t way;                    /* enum projection_way */
};

/* Columns that have no source have no step. */
struct projection {
	const struct schema *from, *to;
	unsigned count;
	struct projection_step steps[];
};

/* ---- compiling ------------------------------------------------------------------------------- */

/* Elements that say the same in seconds, milliseconds, microseconds and nanoseconds. */
static const uint16_t time_families[][4] = {
	{ 150, 152, 154, 156 },         /* flowStart */
	{ 151, 153, 155, 157 },         /* flowEnd */
	{ 322, 323, 324, 325 },         /* observationTime */
};

static int find(const struct schema *s, uint32_t pen, uint16_t id, bool reverse)
{
	for (unsigned i = 0; i < s->column_count; i++) {
		const struct column *c = &s->column[i];
		if (c->field->id == id && c->field->pen == pen && c->reverse == reverse)
			return (int)i;
	}
	return -1;
}

/* The finest unit that is there: it loses least. */
static int find_time(const struct schema *s, const struct column *wanted)
{
	for (unsigned f = 0; wanted->field->pen == PEN_IANA && f < array_count(time_families); f++) {
		bool member = false;
		for (unsigned i = 0; i < 4; i++)
			member |= time_families[f][i] == wanted->field->id;
		for (int i = 3; member && i >= 0; i--) {
			int found = find(s, PEN_IANA, time_families[f][i], wanted->reverse);
			if (found >= 0)
				return found;
		}
	}
	return -1;
}

static bool is_time(unsigned type)
{
	return type >= TYPE_SECONDS && type <= TYPE_NANOSECONDS;
}

static bool is_signed(unsigned type)
{
	return type >= TYPE_S8 && type <= TYPE_S64;
}

static bool is_float(unsigned type)
{
	return type == TYPE_FLOAT32 || type == TYPE_FLOAT64;
}

/* Equal types are copied as they lie; others go by way of their widest form. */
static enum projection_way way_of(const struct column *from, const struct column *to)
{
	if (from->variable)
		return WAY_OCTETS;
	if (from->field->type == to->field->type)
		return WAY_COPY;
	if (is_time(from->field->type) && is_time(to->field->type))
		return WAY_TIME;
	return is_float(from->field->type) ? WAY_FLOAT :
	       is_signed(from->field->type) ? WAY_SIGNED : WAY_NUMBER;
}

/* Elements of the two ends of a flow. */
static const uint16_t ends[][2] = {
	{ 7, 11 }, { 8, 12 }, { 9, 13 }, { 10, 14 }, { 16, 17 }, { 27, 28 }, { 29, 30 }, { 44, 45 },
	{ 56, 80 }, { 169, 170 }, { 180, 181 }, { 182, 183 },
};

static uint16_t other_end(uint16_t id)
{
	for (unsigned i = 0; i < array_count(ends); i++)
		for (unsigned k = 0; k < 2; k++)
			if (ends[i][k] == id)
				return ends[i][!k];
	return 0;
}

/* The value that the record of the other direction would have: the reverse element if there is one,
 * the other end's element for addresses, ports and the like, and the same one for what both
 * directions share. A counter that has no reverse counts this direction only, so the other one has
 * none. */
static int find_mirrored(const struct schema *from, const struct column *wanted)
{
	const struct field *field = wanted->field;
	int found = find(from, field->pen, field->id, true);
	uint16_t other = field->pen == PEN_IANA ? other_end(field->id) : 0;
	if (found >= 0 || wanted->reverse)
		return wanted->reverse ? -1 : found;
	if (other)
		return find(from, PEN_IANA, other, false);
	if (field->semantics == SEMANTICS_DELTA_COUNTER || field->semantics == SEMANTICS_TOTAL_COUNTER)
		return -1;
	found = find(from, field->pen, field->id, false);
	return found >= 0 ? found : find_time(from, wanted);
}

static int find_forward(const struct schema *from, const struct column *wanted)
{
	int found = find(from, wanted->field->pen, wanted->field->id, wanted->reverse);
	return found >= 0 ? found : find_time(from, wanted);
}

/* Columns that have no source get no step: their values stay absent. */
struct projection *projection_new(const struct schema *from, const struct schema *to, bool mirror)
{
	struct projection *p = malloc(sizeof *p + to->column_count * sizeof p->steps[0]);
	if (!p)
		return NULL;
	*p = (struct projection){ .from = from, .to = to };
	for (unsigned i = 0; i < to->column_count; i++) {
		const struct column *wanted = &to->column[i];
		int found = mirror ? find_mirrored(from, wanted) : find_forward(from, wanted);
		if (found < 0)
			continue;
		p->steps[p->count++] = (struct projection_step){
			.from = (uint16_t)found, .to = (uint16_t)i,
			.way = (uint8_t)way_of(&from->column[found], wanted),
		};
	}
	return p;
}

void projection_free(struct projection *p)
{
	free(p);
}

/* ---- running --------------------------------------------------------------------------------- */

static uint64_t time_ns(const struct schema *s, const uint8_t *row, unsigned column)
{
	static const uint32_t units[] = { 1000000000, 1000000, 1000, 1 };
	return value_read_unsigned(s, row, column) *
	       units[s->column[column].field->type - TYPE_SECONDS];
}

/* By way of the widest form; the writer then saturates to what the column holds. */
static void convert(const struct projection_step *step, const struct record_batch *from,
                    const uint8_t *row, struct value_writer *w)
{
	uint32_t bytes;
	const uint8_t *octets;
	switch ((enum projection_way)step->way) {
	case WAY_OCTETS:
		octets = value_read_octets(from, row, step->from, &bytes);
		value_write_octets(w, octets, bytes);
		break;
	case WAY_TIME:
		value_write_time(w, time_ns(from->schema, row, step->from));
		break;
	case WAY_NUMBER:
		value_write_unsigned(w, value_read_unsigned(from->schema, row, step->from));
		break;
	case WAY_SIGNED:
		value_write_signed(w, value_read_signed(from->schema, row, step->from));
		break;
	case WAY_FLOAT:
		value_write_double(w, value_read_double(from->schema, row, step->from));
		break;
	case WAY_COPY:
		break;
	}
}

/* Present values are kept, which is what lets common properties fill up a record without changing
 * it. */
void projection_fill(const struct projection *p, const struct record_batch *from,
                     const uint8_t *row, struct value_writer *w)
{
	for (unsigned i = 0; i < p->count; i++) {
		const struct projection_step *step = &p->steps[i];
		if (!record_is_present(p->from, row, step->from) ||
		    record_is_present(p->to, w->row, step->to))
			continue;
		w->column = step->to;
		if (step->way == WAY_COPY) {
			const struct column *c = &p->to->column[step->to];
			memcpy(w->row + c->offset, row + p->from->column[step->from].offset, c->bytes);
			record_set_present(p->to, w->row, step->to);
		} else {
			convert(step, from, row, w);
		}
	}
}

void projection_run(const struct projection *p, const struct record_batch *from,
                    const uint8_t *row, struct record_batch *to)
{
	struct value_writer w = { .batch = to, .row = record_batch_append(to) };
	projection_fill(p, from, row, &w);
}

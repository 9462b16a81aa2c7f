/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Common properties (RFC 5473): what many records of a schema have in common is told once, as
 * options data under a commonPropertiesId, and records carry the id in its place. Here the fields
 * that describe the kind of a flow are such properties (protocol, flags, VLANs, interfaces, end
 * reason, ...); addresses, ports, times and counters stay.
 *
 * A schema gets two more: its properties (scope: the id), and itself with the id in their place.
 * Each combination of properties that occurs becomes a row of `known`, found again by its octets in
 * a hash table. There is room for COMMON_MAX of them; records of any other combination go out
 * whole, by the schema's own template. Ids are of the domain, so schemas share the counting, and
 * are never used for something else in a run, so nothing has to be withdrawn. New rows are told
 * before the records that need them, all of them again in a new transport session, and after a
 * time.
 *
 * Costs: a copy of each record, a hash of some 30 octets.
 */
#include "export/session_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

enum { ID_BYTES = 2, COMMON_IDS = 0xffff, ID_COLUMN = 0, SLOTS = 2 * COMMON_MAX };
static_assert(COMMON_IDS < 1 << 8 * ID_BYTES, "ids fit the wire");

/* IANA elements that say of what kind a flow is; of ours, why its source is its source. */
static const uint16_t kinds[] = {
	4, 5, 6, 10, 14, 32, 34, 35, 58, 59, 60, 61, 89, 136, 139, 143, 176, 177, 178, 179, 195, 234,
	235, 239, 243, 244, 245, 246, 254, 256, 305, 306, 311,
};

/* Common properties of one schema. */
struct export_common {
	const struct schema *schema;    /* of the records that come; borrowed */
	struct schema *properties, *reduced;
	struct ipfix_encoder *encoder;  /* of the properties */
	struct record_batch *known;     /* with their ids */
	uint32_t told;                  /* of these rows, in this transport session */
	uint16_t slots[SLOTS];          /* row + 1; 0: free */
	uint16_t *property_of;          /* properties' column: whose value it is; the id has none */
	uint16_t *rest_of;              /* the same for the reduced schema */
	uint32_t saved_bytes;           /* by each record */
	uint64_t records;               /* that were reduced */
	uint64_t cost_octets;           /* of telling the properties */
};

/* What describes the kind of a flow rather than the flow: see the head of this file. */
static bool is_kind(const struct column *column)
{
	const struct field *field = column->field;
	if (column->reverse || column->variable)
		return false;
	if (field->pen == PEN_WEIR_DEFAULT)
		return field->semantics == SEMANTICS_IDENTIFIER;
	for (unsigned i = 0; i < array_count(kinds) && field->pen == PEN_IANA; i++)
		if (kinds[i] == field->id)
			return true;
	return false;
}

/* --- schemas --- */

static struct column_choice choice_of(const struct column *column)
{
	return (struct column_choice){ .field = column->field, .reverse = column->reverse,
	                               .key = column->key, .cap_bytes = column->cap_bytes };
}

/* The id and the columns that are kinds, or that are not; *ret_source: where each comes from. */
static int derive(const struct schema *schema, bool want_kinds, struct schema **ret,
                  uint16_t **ret_source)
{
	struct column_choice choices[COLUMNS_MAX];
	uint16_t *source = calloc(schema->column_count + 1u, sizeof *source);
	unsigned count = 1;
	if (!source)
		return -ENOMEM;
	choices[ID_COLUMN] = (struct column_choice){ .field = field_by_id(PEN_IANA, 137),
	                                             .cap_bytes = ID_BYTES };
	for (unsigned i = 0; i < schema->column_count && count < COLUMNS_MAX; i++) {
		if (is_kind(&schema->column[i]) != want_kinds) {
			choices[ID_COLUMN].key |= schema->column[i].key && !want_kinds;
			continue;
		}
		source[count] = (uint16_t)i;
		choices[count++] = choice_of(&schema->column[i]);
	}
	*ret_source = source;
	return schema_new(choices, count, want_kinds ? 1 : 0, schema->family, ret);
}

static uint32_t bytes_of_kinds(const struct schema *schema)
{
	uint32_t bytes = 0;
	for (unsigned i = 0; i < schema->column_count; i++) {
		const struct column *c = &schema->column[i];
		if (is_kind(c))
			bytes += c->cap_bytes ? c->cap_bytes : c->bytes;
	}
	return bytes;
}

static void common_free(struct export_common *c)
{
	if (!c)
		return;
	ipfix_encoder_free(c->encoder);
	record_batch_release(c->known);
	schema_free(c->properties);
	schema_free(c->reduced);
	free(c->property_of);
	free(c->rest_of);
	free(c);
}

/* Ids come from the top of the range, so that they do not shift those of ordinary templates, which
 * a user may have written down. */
static int common_build(struct export_session *s, struct export_common *c, struct error *err)
{
	int rc = derive(c->schema, true, &c->properties, &c->property_of);
	if (rc == 0)
		rc = derive(c->schema, false, &c->reduced, &c->rest_of);
	if (rc == 0 && !(c->known = record_batch_new(c->properties, COMMON_MAX)))
		rc = -ENOMEM;
	if (rc < 0)
		return error_set(err, rc, "out of memory for common properties");
	c->reduced->process = c->schema->process;
	c->properties->template_id = session_id_from_top(s, IPFIX_TEMPLATE_ID_MAX);
	c->reduced->template_id = session_id_from_top(s, (uint16_t)(c->properties->template_id - 1u));
	c->saved_bytes = bytes_of_kinds(c->schema) - ID_BYTES;
	rc = session_encoder_new(s, c->properties, &c->encoder, err);
	return rc < 0 ? rc : export_session_schema(s, c->reduced, NULL, err);
}

/* A schema whose properties take no more room than the id is left as it is. */
int session_common_add(struct export_session *s, const struct schema *schema, struct error *err)
{
	if (schema->scope_count || bytes_of_kinds(schema) <= ID_BYTES)
		return 0;
	struct export_common **grown = realloc(s->commons, (s->common_count + 1) * sizeof *grown);
	if (!grown)
		return error_set(err, -ENOMEM, "out of memory for common properties");
	s->commons = grown;
	struct export_common *c = calloc(1, sizeof *c);
	if (!c)
		return error_set(err, -ENOMEM, "out of memory for common properties");
	c->schema = schema;
	int rc = common_build(s, c, err);
	if (rc < 0) {
		common_free(c);
		return rc;
	}
	s->commons[s->common_count++] = c;
	return 0;
}

void session_commons_free(struct export_session *s)
{
	for (unsigned i = 0; i < s->common_count; i++)
		common_free(s->commons[i]);
	free(s->commons);
	s->commons = NULL;
	s->common_count = 0;
}

struct export_common *session_common_find(const struct export_session *s,
                                          const struct schema *schema)
{
	for (unsigned i = 0; i < s->common_count; i++)
		if (s->commons[i]->schema->id == schema->id)
			return s->commons[i];
	return NULL;
}

/* Both templates are withdrawn, the reduced one first: it is the one that data refer to. */
int session_common_remove(struct export_session *s, const struct schema *schema, struct error *err)
{
	for (unsigned i = 0; i < s->common_count; i++) {
		struct export_common *c = s->commons[i];
		if (c->schema->id != schema->id)
			continue;
		int rc = export_session_withdraw(s, c->reduced, err);
		rc = first_failure(rc, session_withdraw(s, c->encoder, unless_failed(rc, err)));
		memmove(&s->commons[i], &s->commons[i + 1],
		        (--s->common_count - i) * sizeof s->commons[0]);
		common_free(c);
		return rc;
	}
	return 0;
}

/* --- records --- */

static void copy_value(const struct record_batch *from, const uint8_t *row, unsigned column,
                       struct value_writer *to)
{
	const struct column *c = &from->schema->column[column];
	const struct column *d = &to->batch->schema->column[to->column];
	if (!record_is_present(from->schema, row, column))
		return;
	if (c->variable) {
		uint32_t bytes;
		const uint8_t *octets = value_read_octets(from, row, column, &bytes);
		value_write_octets(to, octets, bytes);
		return;
	}
	memcpy(to->row + d->offset, row + c->offset, c->bytes);
	record_set_present(to->batch->schema, to->row, to->column);
}

static void copy_row(const struct record_batch *from, const uint8_t *row, const uint16_t *source,
                     struct value_writer *to)
{
	for (to->column = ID_COLUMN + 1; to->column < to->batch->schema->column_count; to->column++)
		copy_value(from, row, source[to->column], to);
}

static uint32_t hash_of(const uint8_t *octets, size_t bytes)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < bytes; i += sizeof hash)         /* rows are multiples of 8 */
		hash = (hash ^ load_64(octets + i)) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(hash >> 40);
}

static void set_id(const struct record_batch *batch, uint8_t *row, uint64_t id)
{
	memcpy(row + batch->schema->column[ID_COLUMN].offset, &id, sizeof id);
}

static uint64_t id_at(const struct record_batch *batch, const uint8_t *row)
{
	return load_64(row + batch->schema->column[ID_COLUMN].offset);
}

/* The id of the row's properties, which becomes known if it was not; 0 when there is no room. */
static uint64_t id_of(struct export_session *s, struct export_common *c,
                      const struct record_batch *batch, const uint8_t *row)
{
	_Alignas(8) uint8_t candidate[ROW_BYTES_MAX];
	size_t bytes = c->properties->row_bytes;
	struct value_writer w = { .batch = c->known, .row = candidate };
	memset(candidate, 0, bytes);
	record_set_present(c->properties, candidate, ID_COLUMN);
	copy_row(batch, row, c->property_of, &w);
	uint32_t slot = hash_of(candidate, bytes) % SLOTS;
	for (; c->slots[slot]; slot = (slot + 1) % SLOTS) {
		const uint8_t *there = record_row(c->known, c->slots[slot] - 1u);
		uint64_t id = id_at(c->known, there);
		set_id(c->known, candidate, id);
		if (memcmp(candidate, there, bytes) == 0)
			return id;
	}
	uint8_t *added = s->common_id < COMMON_IDS ? record_batch_append(c->known) : NULL;
	if (!added)
		return 0;
	set_id(c->known, candidate, ++s->common_id);
	memcpy(added, candidate, bytes);
	c->slots[slot] = (uint16_t)c->known->count;
	return s->common_id;
}

/* Rows that found an id go out together at the end, those that found none at once: the order of
 * records changes, what they say does not. Without memory for the reduced rows all go out whole. */
int session_common_write(struct export_session *s, struct export_common *c,
                         const struct record_batch *batch, struct error *err)
{
	struct export_lane *whole = lane_find(s, c->schema), *lane = lane_find(s, c->reduced);
	struct record_batch *reduced = record_batch_new(c->reduced, batch->count);
	int rc = 0;
	for (uint32_t i = 0; i < batch->count; i++) {
		const uint8_t *row = record_row(batch, i);
		uint64_t id = reduced ? id_of(s, c, batch, row) : 0;
		if (id == 0) {
			struct ipfix_rows rows = { .batch = batch, .first = i, .count = 1 };
			rc = first_failure(rc, lane_take(s, whole, &rows, unless_failed(rc, err)));
			continue;
		}
		struct value_writer w = { .batch = reduced, .row = record_batch_append(reduced) };
		value_write_unsigned(&w, id);
		copy_row(batch, row, c->rest_of, &w);
	}
	if (!reduced)
		return rc;
	struct ipfix_rows rows = { .batch = reduced, .count = reduced->count };
	c->records += reduced->count;
	rc = first_failure(rc, lane_take(s, lane, &rows, unless_failed(rc, err)));
	record_batch_release(reduced);
	return rc;
}

/* --- telling --- */

void session_common_announced(struct export_session *s, struct export_common *c)
{
	c->cost_octets += c->encoder->template_bytes + IPFIX_SET_HEADER_BYTES +
	                  lane_find(s, c->reduced)->encoder->template_bytes;
}

const struct ipfix_encoder *session_common_encoder(const struct export_common *c)
{
	return c->encoder;
}

void session_commons_forget(struct export_session *s)
{
	for (unsigned i = 0; i < s->common_count; i++)
		s->commons[i]->told = 0;
}

bool session_commons_pending(const struct export_session *s)
{
	for (unsigned i = 0; i < s->common_count; i++)
		if (s->commons[i]->told < s->commons[i]->known->count)
			return true;
	return false;
}

struct ipfix_rows session_common_untold(struct export_common *c)
{
	struct ipfix_rows rows = { .batch = c->known, .first = c->told,
	                           .count = c->known->count - c->told };
	if (rows.count)
		c->cost_octets += (uint64_t)rows.count * c->encoder->fixed_bytes + IPFIX_SET_HEADER_BYTES;
	c->told = c->known->count;
	return rows;
}

int64_t session_commons_saved(const struct export_session *s)
{
	int64_t saved = 0;
	for (unsigned i = 0; i < s->common_count; i++) {
		const struct export_common *c = s->commons[i];
		saved += (int64_t)(c->records * c->saved_bytes) - (int64_t)c->cost_octets;
	}
	return saved;
}

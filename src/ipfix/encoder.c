/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan, and the loop over it in operations.c's terms; encoder.h says what it promises.
 *
 * Rows are encoded in blocks of up to 64, column by column: the operation is chosen once for a
 * column and a block, and the loop inside is load, swap, store. Each row of the block has a cursor
 * into the message. A step writes at a fixed distance from the cursor; only variable-length fields
 * move it, so records of fixed length never do. Source and destination of a block stay in the
 * first-level cache (64 rows of about 200 octets). A value costs about a nanosecond, whatever its
 * type.
 */
#include "ipfix/encoder.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "ipfix/plan.h"
#include "ipfix/template.h"

static int plan_make(struct ipfix_encoder *e);

static const char *format_name(enum ipfix_format format)
{
	return format == FORMAT_IPFIX ? "IPFIX" : format == FORMAT_NETFLOW9 ? "NetFlow v9"
	                                                                    : "NetFlow v5";
}

static int encoder_allocate(struct ipfix_encoder *e)
{
	size_t columns = e->schema->column_count + 1u;          /* a scope that is no column */
	if (columns < NETFLOW5_RECORD_BYTES)
		columns = NETFLOW5_RECORD_BYTES;        /* its record has no more fields than octets */
	e->steps = calloc(columns, sizeof *e->steps);
	e->variable = calloc(columns, sizeof *e->variable);
	e->template_record = malloc(6 + 8 * columns);
	return e->steps && e->variable && e->template_record ? 0 : -ENOMEM;
}

int ipfix_encoder_new(const struct schema *schema, const struct ipfix_encoder_settings *settings,
                      struct ipfix_encoder **ret, struct error *err)
{
	struct ipfix_encoder *e = calloc(1, sizeof *e);
	if (!e)
		return error_set(err, -ENOMEM, "out of memory for a template");
	e->schema = schema;
	e->settings = *settings;
	e->start_column = e->end_column = e->foreign_column = -1;
	int rc = encoder_allocate(e);
	if (rc == 0)
		rc = settings->format == FORMAT_NETFLOW5 ? netflow5_plan(e) : plan_make(e);
	if (rc == -EINVAL)
		error_set(err, rc, "none of the fields can be carried by %s%s%s",
		          format_name(settings->format), *e->note ? ": " : "", e->note);
	else if (rc < 0)
		error_set(err, rc, "out of memory for a template");
	if (rc < 0) {
		ipfix_encoder_free(e);
		return rc;
	}
	*ret = e;
	return 0;
}

void ipfix_encoder_free(struct ipfix_encoder *e)
{
	if (!e)
		return;
	free(e->steps);
	free(e->variable);
	free(e->template_record);
	free(e);
}

/* --- the plan --- */

/* Cut at its size: it is a hint, and the first few say what it is about. */
static void note_add(struct ipfix_encoder *e, const struct column *column, const char *reason)
{
	char name[128];
	field_column_name(column->field, column->reverse, name, sizeof name);
	size_t length = strlen(e->note);
	snprintf(e->note + length, sizeof e->note - length, "%s%s (%s)", length ? ", " : "", name,
	         reason);
}

/* Appends a step; *segment is where it writes behind the last variable-length field. */
static struct ipfix_step *step_add(struct ipfix_encoder *e, enum ipfix_operation operation,
                                   unsigned wire_bytes, uint16_t *segment)
{
	struct ipfix_step *step = &e->steps[e->step_count++];
	step->operation = (uint8_t)operation;
	step->wire_bytes = (uint16_t)wire_bytes;
	step->at = *segment;
	*segment = (uint16_t)(wire_bytes ? *segment + wire_bytes : 0);
	e->fixed_bytes = (uint16_t)(e->fixed_bytes + wire_bytes);
	return step;
}

static void step_of_column(struct ipfix_encoder *e, unsigned i,
                           const struct ipfix_field_specifier *specifier, uint16_t *segment)
{
	const struct column *column = &e->schema->column[i];
	bool variable = specifier->length == IPFIX_LENGTH_VARIABLE;
	unsigned wire_bytes = variable ? 0 : specifier->length;
	enum ipfix_operation operation = specifier->uptime ? IPFIX_UPTIME
	                                 : ipfix_operation_of(column, wire_bytes);
	struct ipfix_step *step = step_add(e, operation, wire_bytes, segment);
	step->column = (uint16_t)i;
	step->offset = column->offset;
	step->row_bytes = (uint8_t)column->bytes;
	step->cap_bytes = column->variable && column->cap_bytes ? column->cap_bytes : UINT16_MAX;
	step->counts = (uint8_t)record_counter_of(column);
	if (variable)
		e->variable[e->variable_count++] = *step;
	if (specifier->uptime && specifier->id == NETFLOW9_FIRST_SWITCHED)
		e->start_column = (int16_t)i;
	else if (specifier->uptime)
		e->end_column = (int16_t)i;
}

/* NetFlow v9 knows few scopes: an interface is one, everything else speaks of the system. */
static uint8_t *netflow9_scope(struct ipfix_encoder *e, uint8_t *at, uint16_t *segment)
{
	struct ipfix_field_specifier system = { .id = NETFLOW9_SCOPE_SYSTEM, .length = 4 };
	if (e->settings.format != FORMAT_NETFLOW9 || e->schema->scope_count == 0)
		return at;
	e->scope_count = 1;
	if (ipfix_is_interface_scope(e->schema))
		return at;
	step_add(e, IPFIX_ZERO, system.length, segment);
	return ipfix_specifier_write(&system, at);
}

/* Identifier, and how many fields or, for NetFlow v9's options, how many octets they take here. */
static void template_head(struct ipfix_encoder *e)
{
	uint16_t fields = e->step_count, scopes = e->scope_count;
	uint16_t words[3] = { e->settings.template_id, fields, scopes };
	if (e->settings.format == FORMAT_NETFLOW9 && scopes) {
		words[1] = (uint16_t)(4 * scopes);
		words[2] = (uint16_t)(4 * (fields - scopes));
	}
	for (unsigned i = 0; i < array_count(words); i++)
		words[i] = __builtin_bswap16(words[i]);
	memcpy(e->template_record, words, e->schema->scope_count ? 6 : 4);
}

/* The template record is written as columns are found possible: it and the plan cannot disagree. */
static int plan_make(struct ipfix_encoder *e)
{
	const struct schema *schema = e->schema;
	bool directional = ipfix_has_directional_key(schema);
	uint16_t segment = 0;
	uint8_t *at = e->template_record + (schema->scope_count ? 6 : 4);
	at = netflow9_scope(e, at, &segment);
	for (unsigned i = 0; i < schema->column_count; i++) {
		const struct column *column = &schema->column[i];
		struct ipfix_field_specifier specifier;
		const char *reason = "no field names an endpoint";
		if ((column->reverse && !directional) ||
		    !ipfix_specify(schema, i, &e->settings, &specifier, &reason)) {
			if (reason)
				note_add(e, column, reason);
			continue;
		}
		at = ipfix_specifier_write(&specifier, at);
		step_of_column(e, i, &specifier, &segment);
		if (i < schema->scope_count && e->settings.format == FORMAT_IPFIX)
			e->scope_count++;
	}
	if (e->step_count == e->scope_count)
		return -EINVAL;
	e->template_bytes = (uint16_t)(at - e->template_record);
	template_head(e);
	return 0;
}

static_assert(6 + 8 * (COLUMNS_MAX + 1) <= UINT16_MAX, "template_bytes is 16 bits");
static_assert(COLUMNS_MAX * 32 + 4 <= UINT16_MAX, "fixed_bytes is 16 bits");

/* --- measuring: only variable-length fields need a look at the rows --- */

/* Asks the same function that the encoding asks: so both agree on every octet. */
static size_t row_wire_bytes(const struct ipfix_encoder *e, const struct record_batch *batch,
                             const uint8_t *row)
{
	size_t total = e->fixed_bytes;
	for (unsigned i = 0; i < e->variable_count; i++) {
		const struct ipfix_step *step = &e->variable[i];
		size_t bytes;
		ipfix_slice(batch, row + step->offset, step, &bytes);
		total += ipfix_length_bytes(bytes) + bytes;
	}
	return total;
}

/* Rows of fixed length need no look; others are measured one by one, and those that do not fit are
 * left for the next message. */
uint32_t ipfix_encoder_measure(const struct ipfix_encoder *e, const struct ipfix_rows *rows,
                               size_t room, size_t *ret_bytes)
{
	uint32_t count = rows->count < IPFIX_BLOCK_ROWS ? rows->count : IPFIX_BLOCK_ROWS;
	if (e->variable_count == 0) {
		size_t fit = room / e->fixed_bytes;
		count = fit < count ? (uint32_t)fit : count;
		*ret_bytes = (size_t)count * e->fixed_bytes;
		return count;
	}
	size_t total = 0;
	uint32_t taken = 0;
	for (; taken < count; taken++) {
		const uint8_t *row = record_row(rows->batch, rows->first + taken);
		size_t bytes = row_wire_bytes(e, rows->batch, row);
		if (bytes > room - total)
			break;
		total += bytes;
	}
	*ret_bytes = total;
	return taken;
}

/* Start and end alone can be uptimes; 0 is an absent time and bounds nothing. */
bool ipfix_encoder_times(const struct ipfix_encoder *e, const struct ipfix_rows *rows,
                         uint64_t *ret_earliest_ms, uint64_t *ret_latest_ms)
{
	uint64_t earliest_ms = UINT64_MAX, latest_ms = 0;
	const int16_t columns[2] = { e->start_column, e->end_column };
	for (unsigned k = 0; k < 2; k++) {
		if (columns[k] < 0)
			continue;
		const uint8_t *row = record_row(rows->batch, rows->first);
		size_t offset = e->schema->column[columns[k]].offset;
		for (uint32_t i = 0; i < rows->count; i++, row += e->schema->row_bytes) {
			uint64_t ms = load_64(row + offset);
			earliest_ms = ms && ms < earliest_ms ? ms : earliest_ms;
			latest_ms = ms > latest_ms ? ms : latest_ms;
		}
	}
	if (latest_ms == 0)
		return false;
	*ret_earliest_ms = earliest_ms;
	*ret_latest_ms = latest_ms;
	return true;
}

/* --- rows --- */

/* Records of variable length are measured once more here. */
static void cursors_init(const struct ipfix_encoder *e, struct ipfix_block *b, uint8_t *to)
{
	for (uint32_t i = 0; i < b->count; i++) {
		b->cursor[i] = to;
		to += e->variable_count == 0 ? e->fixed_bytes :
		      row_wire_bytes(e, b->batch, b->rows + i * b->row_bytes);
	}
}

/* Columns are the outer loop: the operation is chosen once for up to 64 rows. */
void ipfix_encoder_rows(const struct ipfix_encoder *e, const struct ipfix_rows *rows, uint8_t *to,
                        struct record_amount *amount)
{
	struct ipfix_block b;   /* the cursors are set below: no need to clear 512 octets */
	b.encoder = e;
	b.batch = rows->batch;
	b.rows = record_row(rows->batch, rows->first);
	b.row_bytes = rows->batch->schema->row_bytes;
	b.count = rows->count;
	b.boot_ms = rows->boot_ms;
	memset(b.sums, 0, sizeof b.sums);
	cursors_init(e, &b, to);
	if (e->zero_first)
		memset(to, 0, (size_t)e->fixed_bytes * b.count);
	for (unsigned i = 0; i < e->step_count; i++)
		ipfix_operations[e->steps[i].operation](&e->steps[i], &b);
	amount->records += rows->count;
	amount->packets += b.sums[RECORD_COUNTS_PACKETS];
	amount->octets += b.sums[RECORD_COUNTS_OCTETS];
}

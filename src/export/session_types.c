/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the elements of enterprises in our templates are, for collectors that never heard of them:
 * RFC 5610, one options record for each element. Reverse elements of our own enterprise are
 * elements by themselves; those of IANA are not told, nor their reverse.
 */
#include "export/session_parts.h"

#include <string.h>

#include "base/compiler.h"
#include "ipfix/template.h"

const char *const session_type_fields[] = {
	"privateEnterpriseNumber", "informationElementId", "informationElementDataType",
	"informationElementSemantics", "informationElementUnits", "informationElementName",
	"informationElementDescription", NULL
};

/* RFC 5610, section 3.6, and the registry since. */
static const struct { const char *name; uint8_t number; } units[] = {
	{ "bits", 1 }, { "octets", 2 }, { "packets", 3 }, { "flows", 4 }, { "seconds", 5 },
	{ "milliseconds", 6 }, { "microseconds", 7 }, { "nanoseconds", 8 }, { "4-octet words", 9 },
	{ "messages", 10 }, { "hops", 11 }, { "entries", 12 }, { "frames", 13 }, { "ports", 14 },
	{ "inferred", 15 },
};

static unsigned unit_number(const char *unit)
{
	for (unsigned i = 0; i < array_count(units); i++)
		if (strcmp(units[i].name, unit) == 0)
			return units[i].number;
	return 0;
}

/* A search through some dozens, once in a while. */
static bool is_told(const struct record_batch *batch, const struct ipfix_field_specifier *element)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		const uint8_t *row = record_row(batch, i);
		if (value_read_unsigned(batch->schema, row, 0) == element->pen &&
		    value_read_unsigned(batch->schema, row, 1) == element->id)
			return true;
	}
	return false;
}

static void put_text(struct value_writer *w, const char *text)
{
	value_write_octets(w, text, (uint32_t)strlen(text));
	w->column++;
}

static void tell(struct record_batch *batch, const struct column *column,
                 const struct ipfix_field_specifier *element)
{
	const struct field *field = column->field;
	struct value_writer w = { batch, record_batch_append(batch), 0 };
	char name[128];
	if (!w.row)
		return;
	const uint64_t numbers[] = { element->pen, element->id, field->type, field->semantics,
	                             unit_number(field->unit) };
	for (; w.column < array_count(numbers); w.column++)
		value_write_unsigned(&w, numbers[w.column]);
	field_column_name(field, column->reverse, name, sizeof name);
	put_text(&w, name);
	put_text(&w, field->text);
}

/* Each element once, however many templates name it. */
void session_types(const struct export_session *s, struct record_batch *batch)
{
	if (s->config.format != FORMAT_IPFIX)
		return;
	for (unsigned i = 0; i < s->lane_count; i++) {
		const struct ipfix_encoder *e = s->lanes[i]->encoder;
		for (unsigned k = 0; k < e->step_count; k++) {
			unsigned column = e->steps[k].column;
			struct ipfix_field_specifier element;
			const char *reason;
			if (!ipfix_specify(e->schema, column, &e->settings, &element, &reason) ||
			    element.pen == PEN_IANA || element.pen == PEN_REVERSE || is_told(batch, &element))
				continue;
			tell(batch, &e->schema->column[column], &element);
		}
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir meter --check` in YAML: see templates.h. Templates are printed from the octets that
 * outputs would send, read back here, and not from what made them: so what is shown is what a
 * collector gets.
 */
#include "engine/templates.h"

#include <inttypes.h>
#include <string.h>

#include "base/compiler.h"
#include "record/value_text.h"

enum { SPECIFIER_BYTES = 4, PEN_BYTES = 4, ENTERPRISE_BIT = 0x8000, LENGTH_VARIABLE = 65535 };

/* Text in double quotes means the same in YAML as in JSON. */
static void print_text(FILE *out, const char *text)
{
	char quoted[2048];
	value_escape_json(text, strlen(text), quoted, sizeof quoted);
	fputs(quoted, out);
}

/* As in a configuration; "off" alone would be a boolean to some readers. */
static void print_timer(FILE *out, const char *name, uint64_t ns)
{
	fprintf(out, "  %s: ", name);
	if (ns == DURATION_OFF)
		fputs("\"off\"\n", out);
	else if (ns % 1000000000 == 0)
		fprintf(out, "%" PRIu64 "s\n", ns / 1000000000);
	else
		fprintf(out, "%" PRIu64 ".%09" PRIu64 "s\n", ns / 1000000000, ns % 1000000000);
}

static void print_filter(FILE *out, const struct settings *s, const struct meter_entry *e)
{
	if (!s->filter && !e->filter)
		return;
	fputs("  filter: [", out);
	if (s->filter)
		print_text(out, s->filter);
	fputs(s->filter && e->filter ? ", " : "", out);
	if (e->filter)
		print_text(out, e->filter);
	fputs("]\n", out);
}

static void print_names(FILE *out, const char *label, const struct column_choice *list,
                        unsigned count)
{
	char name[128];
	size_t at = (size_t)fprintf(out, "%s: [", label), indent = at;
	for (unsigned i = 0; i < count; i++) {
		size_t length = field_column_name(list[i].field, list[i].reverse, name, sizeof name);
		bool wrap = i && at + length > 96;
		if (wrap)
			at = indent;
		fprintf(out, wrap ? "\n%*s%s%s" : "%*s%s%s", wrap ? (int)indent : i > 0, "", name,
		        i + 1 < count ? "," : "");
		at += length + 2;
	}
	fputs("]\n", out);
}

static void print_meter(FILE *out, const struct settings *s, const struct meter_config *c)
{
	struct column_choice key[KEY_COLUMNS_MAX];
	unsigned count = key_columns(&c->key, key);
	fputs("- name: ", out);
	print_text(out, c->entry.name);
	fputc('\n', out);
	print_filter(out, s, &c->entry);
	print_names(out, "  key", key, count);
	fprintf(out, "  records: %s\n", c->plan.mirrored && !c->entry.uniflow ? "biflows" : "uniflows");
	print_timer(out, "idle-timeout", c->entry.idle_timeout_ns);
	print_timer(out, "active-timeout", c->entry.active_timeout_ns);
	print_timer(out, "tcp-linger", c->entry.tcp_linger_ns);
}

/* ---- templates ------------------------------------------------------------------------------- */

/* A field specifier as it was read back from a template. */
struct specifier {
	uint16_t id, length;
	uint32_t pen;
};

/* What the element is called in the schema that the template was made of. */
static bool is_of(const struct column *c, const struct specifier *s)
{
	if (s->pen == PEN_IANA || s->pen == PEN_REVERSE)
		return c->field->pen == PEN_IANA && c->field->id == s->id
			&& c->reverse == (s->pen == PEN_REVERSE);
	bool own = c->field->pen == PEN_WEIR_DEFAULT;   /* its number can be configured */
	return (own || c->field->pen == s->pen)
		&& (c->field->id | (c->reverse ? FIELD_REVERSE_BIT : 0)) == s->id;
}

/* The element is looked up among the columns first: they know whether it is a key. */
static void print_specifier(FILE *out, const struct schema *schema, const struct specifier *s)
{
	char name[128] = "unknown";
	const struct column *column = NULL;
	for (unsigned i = 0; i < schema->column_count && !column; i++)
		if (is_of(&schema->column[i], s))
			column = &schema->column[i];
	/* NetFlow v9 tells times by other elements than the columns'. */
	const struct field *field = column ? column->field : field_by_id(s->pen, s->id);
	if (field)
		field_column_name(field, column && column->reverse, name, sizeof name);
	size_t length = strlen(name);
	fprintf(out, "    - {name: %s,%*s id: %5u, pen: %5" PRIu32 ", length: %5u", name,
	        (int)(length < 32 ? 32 - length : 0), "", s->id, s->pen, s->length);
	if (column && column->key)
		fputs(", key: true", out);
	if (column && s->length == LENGTH_VARIABLE && column->cap_bytes)
		fprintf(out, ", most: %u", column->cap_bytes);
	fputs("}\n", out);
}

/* The octets of a template record (RFC 7011, section 3.4.1). */
static void print_fields(FILE *out, const struct schema *schema, const struct output_template *t)
{
	const uint8_t *at = t->record + SPECIFIER_BYTES, *end = t->record + t->bytes;
	fputs("    fields:\n", out);
	while (at + SPECIFIER_BYTES <= end) {
		struct specifier s = { .id = load_be16(at), .length = load_be16(at + 2) };
		at += SPECIFIER_BYTES;
		if (s.id & ENTERPRISE_BIT && at + PEN_BYTES <= end) {
			s.pen = load_be32(at);
			s.id &= ENTERPRISE_BIT - 1;
			at += PEN_BYTES;
		}
		print_specifier(out, schema, &s);
	}
	if (*t->note) {
		fputs("    left-out: ", out);
		print_text(out, t->note);
		fputc('\n', out);
	}
}

static void print_template(FILE *out, const struct stream *stream, const struct queue *q)
{
	struct output_template t;
	fputs("  - output: ", out);
	print_text(out, queue_name(q));
	fputc('\n', out);
	if (stream->schema->family)
		fprintf(out, "    packets: IPv%u\n", stream->schema->family);
	if (stream->uniflow)
		fputs("    records: uniflows\n", out);
	if (queue_template(q, stream->schema, &t)) {
		fprintf(out, "    id: %u\n", t.id);
		print_fields(out, stream->schema, &t);
		return;
	}
	struct column_choice columns[COLUMNS_MAX];
	for (unsigned i = 0; i < stream->schema->column_count; i++)
		columns[i] = (struct column_choice){ .field = stream->schema->column[i].field,
		                                     .reverse = stream->schema->column[i].reverse };
	print_names(out, "    columns", columns, stream->schema->column_count);
}

void templates_print(const struct meters *meters, const struct sinks *sinks, FILE *out)
{
	fputs("meters:\n", out);
	for (unsigned m = 0; m < meters->count; m++) {
		print_meter(out, meters->settings, &meters->list[m]);
		fputs("  templates:\n", out);
		for (unsigned q = 0; q < sinks->outputs.count; q++)
			for (unsigned i = 0; i < sinks->stream_count; i++) {
				const struct stream *stream = &sinks->streams[i];
				for (unsigned k = 0; k < stream->queue_count && stream->meter == m; k++)
					if (stream->queues[k] == sinks->outputs.queues[q])
						print_template(out, stream, sinks->outputs.queues[q]);
			}
	}
}

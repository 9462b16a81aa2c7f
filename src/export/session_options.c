/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options data of the exporting process: which records say what was exported (RFC 7011, section
 * 4.1) and what could not be (4.3), which fields are flow keys (4.4), what elements of enterprises
 * are (RFC 5610, session_types.c); and those of the metering process, which the engine gives
 * (output_env.options). They go out with templates and after a time; session_send.c sends them.
 */
#include "export/session_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

enum own { OWN_STATISTICS, OWN_RELIABILITY, OWN_KEYS, OWN_TYPES };

enum { FIELDS_MAX = 10, ROWS = 256, KEY_BITS = 64, EXPORTING_PROCESS = 1 };

static const char *const statistics_fields[] = {
	"observationDomainId", "meteringProcessId", "exportedMessageTotalCount",
	"exportedFlowRecordTotalCount", "exportedOctetTotalCount", NULL
};
static const char *const reliability_fields[] = {
	"exportingProcessId", "notSentFlowTotalCount", "notSentPacketTotalCount",
	"notSentOctetTotalCount", "observationTimeMilliseconds", "observationTimeMilliseconds", NULL
};
static const char *const key_fields[] = { "templateId", "flowKeyIndicator", NULL };

static const struct {
	unsigned scopes;
	const char *const *fields;
} tables[OPTION_TABLES_OWN] = {
	[OWN_STATISTICS] = { 2, statistics_fields },
	[OWN_RELIABILITY] = { 1, reliability_fields },
	[OWN_KEYS] = { 1, key_fields },
	[OWN_TYPES] = { 2, session_type_fields },
};

static int schema_of(unsigned table, struct schema **ret)
{
	struct column_choice choices[FIELDS_MAX] = { { 0 } };
	unsigned count = 0;
	for (const char *const *name = tables[table].fields; *name; name++)
		choices[count++].field = field_find(*name, strlen(*name), NULL);
	return schema_new(choices, count, tables[table].scopes, 0, ret);
}

int session_options_new(struct export_session *s)
{
	if (!s->config.options_refresh_ns || s->config.format == FORMAT_NETFLOW5)
		return 0;
	s->options = calloc(1, sizeof *s->options);
	int rc = s->options ? 0 : -ENOMEM;
	for (unsigned i = 0; i < OPTION_TABLES_OWN && rc == 0; i++)
		rc = schema_of(i, &s->options->own[i]);
	return rc;
}

void session_options_free(struct export_session *s)
{
	struct export_options *o = s->options;
	if (!o)
		return;
	for (unsigned i = 0; i < o->template_count; i++)
		ipfix_encoder_free(o->templates[i].encoder);
	for (unsigned i = 0; i < OPTION_TABLES_OWN; i++)
		schema_free(o->own[i]);
	free(o->templates);
	free(o);
	s->options = NULL;
}

bool session_options_due(const struct export_session *s)
{
	return s->options && s->now_ns - s->options->sent_ns >= s->config.options_refresh_ns;
}

/* --- counting --- */

/* Beyond the bound all share the last one: the sum stays right. */
static struct process_account *account_of(struct export_options *o, uint32_t process)
{
	for (unsigned i = 0; i < o->process_count; i++)
		if (o->processes[i].process == process)
			return &o->processes[i];
	if (o->process_count == PROCESSES_MAX)
		return &o->processes[PROCESSES_MAX - 1];
	struct process_account *account = &o->processes[o->process_count++];
	*account = (struct process_account){ .process = process };
	return account;
}

void session_options_count(struct export_session *s, uint32_t process,
                           const struct export_message *messages, unsigned count)
{
	if (!s->options)
		return;
	struct process_account *account = account_of(s->options, process);
	for (unsigned i = 0; i < count; i++) {
		account->messages += !messages[i].lost;
		account->records += messages[i].lost ? 0 : messages[i].amount.records;
		account->octets += messages[i].lost ? 0 : messages[i].bytes;
	}
}

/* --- rows --- */

static bool begin_row(struct value_writer *w, struct record_batch *batch)
{
	*w = (struct value_writer){ .batch = batch, .row = record_batch_append(batch) };
	return w->row != NULL;
}

static void put_numbers(struct value_writer *w, const uint64_t *values, unsigned count)
{
	for (unsigned i = 0; i < count; i++, w->column++)
		value_write_unsigned(w, values[i]);
}

static void statistics_row(const struct export_session *s, struct record_batch *batch,
                           const struct process_account *account)
{
	struct value_writer w;
	if (!begin_row(&w, batch))
		return;
	put_numbers(&w, (uint64_t[]){ s->config.domain, account->process, account->messages,
	                              account->records, account->octets }, 5);
}

/* With one process all messages are its own, those with templates too. */
static void make_statistics(const struct export_session *s, struct record_batch *batch)
{
	const struct export_options *o = s->options;
	const struct export_session_counters *c = &s->counters;
	struct process_account all = { .messages = c->messages, .records = c->sent,
	                               .octets = c->octets };
	for (unsigned i = 0; i < s->lane_count && !all.process; i++)
		all.process = s->lanes[i]->schema->process;
	if (o->process_count <= 1)
		statistics_row(s, batch, &all);
	for (unsigned i = 0; i < o->process_count && o->process_count > 1; i++)
		statistics_row(s, batch, &o->processes[i]);
}

/* Times only when something was lost: absent else. */
static void make_reliability(const struct export_session *s, struct record_batch *batch)
{
	const struct output_missed *m = &s->counters.missed;
	struct value_writer w;
	if (!begin_row(&w, batch))
		return;
	put_numbers(&w, (uint64_t[]){ EXPORTING_PROCESS, m->amount.records, m->amount.packets,
	                              m->amount.octets }, 4);
	if (m->amount.records == 0)
		return;
	value_write_time(&w, m->first_ns);
	w.column++;
	value_write_time(&w, m->last_ns);
}

/* Bit n is field n of the template. */
static uint64_t keys_of(const struct ipfix_encoder *encoder)
{
	uint64_t keys = 0;
	for (unsigned i = 0; i < encoder->step_count && i < KEY_BITS; i++)
		if (encoder->schema->column[encoder->steps[i].column].key)
			keys |= UINT64_C(1) << i;
	return keys;
}

/* flowKeyIndicator has 64 bits: of wider templates the first 64 fields are told. */
static void make_keys(const struct export_session *s, struct record_batch *batch)
{
	for (unsigned i = 0; i < s->lane_count; i++) {
		const struct ipfix_encoder *encoder = s->lanes[i]->encoder;
		uint64_t keys = keys_of(encoder);
		struct value_writer w;
		if (keys && begin_row(&w, batch))
			put_numbers(&w, (uint64_t[]){ encoder->settings.template_id, keys }, 2);
	}
}

/* Without memory, or with too many batches, this table is left out of the round: the next one tells
 * it. */
static void make_own(struct export_session *s, unsigned table)
{
	struct export_options *o = s->options;
	struct record_batch *batch = record_batch_new(o->own[table], ROWS);
	if (!batch || o->batch_count == OPTION_BATCHES_MAX) {
		record_batch_release(batch);
		return;
	}
	if (table == OWN_STATISTICS)
		make_statistics(s, batch);
	else if (table == OWN_RELIABILITY)
		make_reliability(s, batch);
	else if (table == OWN_KEYS)
		make_keys(s, batch);
	else
		session_types(s, batch);
	if (batch->count)
		o->batches[o->batch_count++] = batch;
	else
		record_batch_release(batch);
}

/* --- what the metering process says --- */

static const struct field *named(const char *name)
{
	return field_find(name, strlen(name), NULL);
}

/* The domain is ours to tell; the batch is the caller's alone. */
static void set_domain(const struct export_session *s, struct record_batch *batch)
{
	int column = schema_find(batch->schema, named("observationDomainId"), false);
	for (uint32_t i = 0; i < batch->count && column >= 0; i++) {
		struct value_writer w = { batch, record_row(batch, i), (unsigned)column };
		if (!record_is_present(batch->schema, w.row, w.column))
			value_write_unsigned(&w, s->config.domain);
	}
}

/* NetFlow v9 collectors know few options. */
static bool is_for_format(const struct export_session *s, const struct schema *schema)
{
	static const char *const known[] = {
		"samplingAlgorithm", "interfaceName", "exportedFlowRecordTotalCount",
	};
	for (unsigned i = 0; i < array_count(known); i++)
		if (schema_find(schema, named(known[i]), false) >= 0)
			return true;
	return s->config.format == FORMAT_IPFIX;
}

/* Not when the run is to end at once: asking takes locks of others. */
static void read_metering(struct export_session *s)
{
	struct export_options *o = s->options;
	const struct output_env *env = s->config.env;
	bool hurry = env && env->give_up && atomic_load(env->give_up);
	if (env && env->options && !hurry)
		o->batch_count += env->options(env->options_context, o->batches + o->batch_count,
		                               OPTION_BATCHES_MAX - o->batch_count);
}

/* --- templates --- */

const struct ipfix_encoder *session_options_encoder(const struct export_options *o,
                                                    const struct schema *schema)
{
	for (unsigned i = 0; i < o->template_count; i++)
		if (o->templates[i].schema->id == schema->id)
			return o->templates[i].encoder;
	return NULL;
}

static bool is_known(const struct export_options *o, const struct schema *schema)
{
	for (unsigned i = 0; i < o->template_count; i++)
		if (o->templates[i].schema->id == schema->id)
			return true;
	return false;
}

/* A schema that the format cannot carry is remembered without an encoder, so it is not tried
 * again. */
static void add_template(struct export_session *s, const struct schema *schema)
{
	struct export_options *o = s->options;
	struct ipfix_encoder *encoder = NULL;
	if (is_known(o, schema))
		return;
	struct option_template *grown = realloc(o->templates,
	                                        (o->template_count + 1) * sizeof *grown);
	if (!grown)
		return;
	o->templates = grown;
	if (is_for_format(s, schema))
		session_encoder_new(s, schema, &encoder, NULL);
	o->templates[o->template_count++] = (struct option_template){ schema, encoder };
}

void session_options_collect(struct export_session *s)
{
	struct export_options *o = s->options;
	if (!o)
		return;
	o->sent_ns = s->now_ns;
	for (unsigned i = 0; i < OPTION_TABLES_OWN; i++)
		make_own(s, i);
	read_metering(s);
	for (unsigned i = 0; i < o->batch_count; i++) {
		set_domain(s, o->batches[i]);
		add_template(s, o->batches[i]->schema);
	}
}

void session_options_release(struct export_session *s)
{
	struct export_options *o = s->options;
	for (unsigned i = 0; o && i < o->batch_count; i++)
		record_batch_release(o->batches[i]);
	if (o)
		o->batch_count = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* See collect_report.h. */
#include "engine/collect_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/stats.h"
#include "record/value_text.h"

/* ---- copying --------------------------------------------------------------------------------- */

/* Called by the thread that collects, between two messages: so all figures are of one moment. */
struct collect_report *collect_report_new(struct collector *c)
{
	const struct exporters *e = collector_exporters(c);
	unsigned count = e->by_address.count;
	struct collect_report *r = calloc(1, sizeof *r + count * sizeof r->exporters[0]);
	if (!r)
		return NULL;
	collector_counters(c, &r->transport);
	r->total = e->gone;
	r->given_up = e->given_up;
	r->forgotten = e->forgotten;
	for (const struct exporter *x = e->oldest; x && r->exporter_count < count; x = x->newer) {
		struct report_exporter *to = &r->exporters[r->exporter_count++];
		memcpy(to->name, x->name, sizeof to->name);
		to->sessions = x->sessions;
		to->sessions_ever = x->sessions_ever;
		to->last_ns = x->last_ns;
		exporter_counters(x, &to->counters);
		decode_counters_add(&r->total, &to->counters);
	}
	return r;
}

void collect_report_outputs(struct collect_report *r, const struct outputs *outputs,
                            const struct relay *relay)
{
	r->relay = relay_counters(relay);
	r->accepted = 0;
	r->outputs_balanced = true;
	for (unsigned i = 0; i < outputs->count; i++) {
		struct output_counters c;
		queue_counters(outputs->queues[i], &c);
		r->accepted += c.accepted;
		r->outputs_balanced = r->outputs_balanced && output_counters_balanced(&c);
	}
}

/* ---- comparing ------------------------------------------------------------------------------- */

static bool same(uint64_t a, uint64_t b, const char *what, struct error *err)
{
	if (a == b)
		return true;
	error_set(err, -EPROTO, "accounts do not balance: %s (%llu against %llu)", what,
	          (unsigned long long)a, (unsigned long long)b);
	return false;
}

/* Each message, octet and set is in exactly one of the sums. */
static bool session_balanced(const struct decode_counters *c, struct error *err)
{
	uint64_t messages = 0, octets = 0, sets = c->template_sets + c->data_sets + c->waiting;
	for (unsigned i = 0; i < FAULT_COUNT; i++) {
		messages += c->discarded[i];
		octets += c->discarded_octets[i];
	}
	for (unsigned i = 0; i < DECODE_DROP_COUNT; i++)
		sets += c->dropped[i];
	return same(c->messages, messages, "messages read and what became of them", err)
		&& same(c->octets, octets, "octets read and what became of them", err)
		&& same(c->sets, sets, "sets read and what became of them", err);
}

static bool packets_balanced(const struct collector_counters *c, struct error *err)
{
	uint64_t sum = c->datagrams + c->not_export + c->filtered + c->truncated + c->fragments
		+ c->segments;
	return same(c->packets, sum, "packets of captures and what became of them", err);
}

bool collect_report_balanced(const struct collect_report *r, struct error *err)
{
	uint64_t emitted = r->total.records + (r->options_emitted ? r->total.options_records : 0);
	bool fine = packets_balanced(&r->transport, err)
		&& same(r->transport.delivered, r->total.messages,
	                 "messages delivered and messages read", err)
		&& same(r->transport.delivered_octets, r->total.octets,
		        "octets delivered and octets read", err)
		&& session_balanced(&r->total, err);
	if (!fine || !r->finished)
		return fine;
	if (!r->outputs_balanced) {
		error_set(err, -EPROTO,
		          "accounts do not balance: an output lost records without counting them");
		return false;
	}
	return same(r->total.waiting, 0, "sets that still wait, and none", err)
		&& same(emitted, r->relay.records, "records decoded and records that came", err)
		&& same(r->relay.handed, r->accepted, "records handed on and records that outputs accepted",
		        err);
}

/* ---- printing -------------------------------------------------------------------------------- */

static void put(FILE *out, const char *name, uint64_t value, const char *end)
{
	fprintf(out, "\"%s\": %llu%s", name, (unsigned long long)value, end);
}

static void put_faults(FILE *out, const char *name, const uint64_t *values, uint64_t all)
{
	fprintf(out, "\"%s\": {", name);
	put(out, "received", all, ", ");
	for (unsigned i = 0; i < FAULT_COUNT; i++)
		put(out, decode_fault_name((enum decode_fault)i), values[i],
		    i + 1 == FAULT_COUNT ? "}" : ", ");
}

static void put_sets(FILE *out, const struct decode_counters *c)
{
	fprintf(out, "\"sets\": {");
	put(out, "received", c->sets, ", ");
	put(out, "templates", c->template_sets, ", ");
	put(out, "data", c->data_sets, ", ");
	put(out, "waiting", c->waiting, ", ");
	for (unsigned i = 0; i < DECODE_DROP_COUNT; i++)
		put(out, decode_drop_name((enum decode_drop)i), c->dropped[i],
		    i + 1 == DECODE_DROP_COUNT ? "}" : ", ");
}

static void put_templates(FILE *out, const struct decode_counters *c)
{
	fprintf(out, "\"templates\": {");
	put(out, "defined", c->templates, ", ");
	put(out, "withdrawn", c->withdrawals, ", ");
	put(out, "expired", c->templates_expired, ", ");
	put(out, "refused", c->templates_refused, ", ");
	put(out, "conflicts", c->conflicts, ", ");
	put(out, "withdrawals_ignored", c->withdrawals_ignored, ", ");
	put(out, "elements_left_out", c->elements_left_out, "}");
}

static void put_sequence(FILE *out, const struct decode_counters *c)
{
	fprintf(out, "\"sequence\": {");
	put(out, "gaps", c->gaps, ", ");
	put(out, "lost", c->lost, ", ");
	put(out, "reordered", c->reordered, ", ");
	put(out, "restarts", c->restarts, "}");
}

static void put_account(FILE *out, const struct decode_counters *c, const char *between)
{
	put_faults(out, "messages", c->discarded, c->messages);
	fputs(between, out);
	put_faults(out, "octets", c->discarded_octets, c->octets);
	fprintf(out, "%s\"versions\": {", between);
	put(out, "netflow5", c->by_version[0], ", ");
	put(out, "netflow9", c->by_version[1], ", ");
	put(out, "ipfix", c->by_version[2], "}");
	fputs(between, out);
	put_sets(out, c);
	fputs(between, out);
	put(out, "records", c->records, between);
	put(out, "options_records", c->options_records, between);
	put(out, "early_sets", c->early, between);
	put_templates(out, c);
	fputs(between, out);
	put_sequence(out, c);
}

static void put_transport(FILE *out, const struct collector_counters *c)
{
	fprintf(out, "  \"capture\": {");
	put(out, "packets", c->packets, ", ");
	put(out, "octets", c->octets, ", ");
	put(out, "datagrams", c->datagrams, ", ");
	put(out, "not_export", c->not_export, ", ");
	put(out, "filtered", c->filtered, ", ");
	put(out, "truncated", c->truncated, ", ");
	put(out, "fragments", c->fragments, ", ");
	put(out, "tcp_segments", c->segments, ", ");
	put(out, "reassembled", c->reassembled, "},\n  \"transport\": {");
	put(out, "delivered", c->delivered, ", ");
	put(out, "delivered_octets", c->delivered_octets, ", ");
	put(out, "kernel_drop", c->kernel_drops, ", ");
	put(out, "sessions_refused", c->sessions_refused, ", ");
	put(out, "handshakes_failed", c->handshakes_failed, ", ");
	put(out, "refused", c->refused, "},\n");
}

static void put_exporters(FILE *out, const struct collect_report *r)
{
	fprintf(out, "  ");
	put(out, "exporters_given_up", r->given_up, ",\n  ");
	put(out, "sessions_forgotten", r->forgotten, ",\n");
	fprintf(out, "  \"exporters\": [\n");
	for (unsigned i = 0; i < r->exporter_count; i++) {
		const struct report_exporter *x = &r->exporters[i];
		char name[4 * EXPORTER_NAME_MAX];
		value_escape_json(x->name, strlen(x->name), name, sizeof name);
		fprintf(out, "    {\"exporter\": %s, ", name);
		put(out, "sessions", x->sessions, ", ");
		put(out, "sessions_ever", x->sessions_ever, ", ");
		put(out, "last_message_milliseconds", x->last_ns / 1000000, ", ");
		put_account(out, &x->counters, ", ");
		fprintf(out, "}%s\n", i + 1 == r->exporter_count ? "" : ",");
	}
	fprintf(out, "  ],\n");
}

void collect_report_print(const struct collect_report *r, const struct outputs *outputs, FILE *out)
{
	fprintf(out, "{\n  ");
	put_account(out, &r->total, ",\n  ");
	fprintf(out, ",\n");
	put_transport(out, &r->transport);
	put_exporters(out, r);
	fprintf(out, "  \"outputs\": {\n");
	for (unsigned i = 0; i < outputs->count; i++)
		stats_print_output(out, outputs->queues[i], i + 1 == outputs->count);
	fprintf(out, "  },\n  \"balanced\": %s\n}\n",
	        !r->finished ? "null" : collect_report_balanced(r, NULL) ? "true" : "false");
}

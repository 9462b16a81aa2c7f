/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of a run as JSON (stats.h), from one struct accounts that was taken at one moment. It
 * is made as text and then written (stats_file.c), so a full disk leaves the file before it as it
 * was.
 */
#include "engine/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/value_text.h"

static const char *const reason_names[] = {
	"unknown", "idle", "active", "end_detected", "forced_end", "lack_of_resources"
};

static void print_number(FILE *out, const char *name, uint64_t value, bool last)
{
	fprintf(out, "\"%s\": %llu%s", name, (unsigned long long)value, last ? "" : ", ");
}

static void print_fates(FILE *out, const char *name, const uint64_t *values, uint64_t seen)
{
	fprintf(out, "  \"%s\": {", name);
	print_number(out, "seen", seen, false);
	for (unsigned i = 0; i < FATE_COUNT; i++)
		print_number(out, fate_name((enum fate)i), values[i], i + 1 == FATE_COUNT);
	fprintf(out, "},\n");
}

/* null where the source cannot know: nobody shall read it as none. */
static void print_drops(FILE *out, const struct capture_counters *c)
{
	fprintf(out, "  \"capture\": {");
	print_number(out, "frames", c->frames, false);
	if (c->drops_known) {
		print_number(out, "kernel_drop", c->kernel_drops, false);
		print_number(out, "interface_drop", c->interface_drops, true);
	} else {
		fprintf(out, "\"kernel_drop\": null, \"interface_drop\": null");
	}
	fprintf(out, "},\n");
}

static void print_reasons(FILE *out, const char *name, const uint64_t *values, const char *end)
{
	fprintf(out, "\"%s\": {", name);
	for (unsigned i = 1; i < array_count(reason_names); i++)
		print_number(out, reason_names[i], values[i], i + 1 == array_count(reason_names));
	fprintf(out, "}%s", end);
}

static uint64_t records_of(const struct meter_counters *m)
{
	uint64_t records = 0;
	for (unsigned i = 0; i < array_count(m->records); i++)
		records += m->records[i];
	return records;
}

static void print_flows(FILE *out, const struct meter_counters *m)
{
	fprintf(out, "  \"flows\": {");
	print_number(out, "created", m->created, false);
	print_number(out, "active", m->active, false);
	print_number(out, "active_max", m->active_max, false);
	print_reasons(out, "ended", m->ended, "},\n");
	fprintf(out, "  \"records\": %llu,\n  ", (unsigned long long)records_of(m));
	print_reasons(out, "records_ended", m->records, ",\n");
	fprintf(out, "  \"flood\": {");
	print_number(out, "merged_flows", m->merged_flows, false);
	print_number(out, "merged_records", m->merged_records, true);
	fprintf(out, "},\n");
}

/* An object for each measure that counts what it had to do without. */
static void print_hooks(FILE *out, const struct meter_hook_counts *hooks)
{
	fprintf(out, "\"measures\": {");
	for (unsigned i = 0; i < hooks->count; i++) {
		const struct hook_counts *c = &hooks->hook[i];
		fprintf(out, "\"%s\": {", c->hook->name);
		for (unsigned n = 0; c->hook->counters[n]; n++)
			print_number(out, c->hook->counters[n], c->value[n], !c->hook->counters[n + 1]);
		fprintf(out, "}%s", i + 1 == hooks->count ? "" : ", ");
	}
	fprintf(out, "}");
}

static void print_meter(FILE *out, const struct meter_account *m, bool last)
{
	char name[1024];
	value_escape_json(m->name, strlen(m->name), name, sizeof name);
	fprintf(out, "    %s: {", name);
	print_number(out, "packets", m->packets, false);
	print_number(out, "ip_octets", m->ip_octets, false);
	print_number(out, "flows", m->counters.created, false);
	print_number(out, "active", m->counters.active, false);
	print_number(out, "records", records_of(&m->counters), false);
	print_number(out, "record_packets", m->counters.record_packets, false);
	print_number(out, "record_ip_octets", m->counters.record_octets, false);
	print_hooks(out, &m->hooks);
	fprintf(out, "}%s\n", last ? "" : ",");
}

static void print_meters(FILE *out, const struct accounts *a)
{
	fprintf(out, "  \"meters\": {\n");
	for (unsigned i = 0; i < a->meter_count; i++)
		print_meter(out, &a->meters[i], i + 1 == a->meter_count);
	fprintf(out, "  },\n");
}

void stats_print_output(FILE *out, struct queue *q, bool last)
{
	struct output_counters c;
	char name[1024];
	queue_counters(q, &c);
	value_escape_json(queue_name(q), strlen(queue_name(q)), name, sizeof name);
	fprintf(out, "    %s: {", name);
	print_number(out, "accepted", c.accepted, false);
	print_number(out, "acknowledged", c.acknowledged, false);
	print_number(out, "sent", c.sent, false);
	print_number(out, "queued", c.queued, false);
	print_number(out, "spilled", c.spilled, false);
	fprintf(out, "\"dropped\": {");
	for (unsigned i = 0; i < DROP_COUNT; i++)
		print_number(out, output_drop_name((enum output_drop)i), c.dropped[i], i + 1 == DROP_COUNT);
	fprintf(out, "}, ");
	print_number(out, "octets", c.octets, false);
	print_number(out, "messages", c.messages, true);
	if (c.saved_octets)
		fprintf(out, ", \"saved_octets\": %lld", (long long)c.saved_octets);
	fprintf(out, "}%s\n", last ? "" : ",");
}

static void print_lines(const struct accounts *a, const struct sinks *sinks, FILE *out)
{
	struct meter_counters all;
	uint64_t packets = a->source.frames - a->unread_frames + a->fates.offload_packets;
	fprintf(out, "{\n");
	print_fates(out, "packets", a->fates.packets, packets);
	print_fates(out, "octets", a->fates.octets, a->source.octets - a->unread_octets);
	fprintf(out, "  \"metered_ip_octets\": %llu,\n", (unsigned long long)a->metered_ip_octets);
	print_drops(out, &a->source);
	accounts_sum_meters(a, &all);
	print_flows(out, &all);
	print_meters(out, a);
	fprintf(out, "  \"outputs\": {\n");
	for (unsigned i = 0; i < sinks->outputs.count; i++)
		stats_print_output(out, sinks->outputs.queues[i], i + 1 == sinks->outputs.count);
	fprintf(out, "  },\n  \"balanced\": %s\n}\n",
	        !a->finished ? "null" : accounts_balanced(a, NULL) ? "true" : "false");
}

int stats_write(const struct accounts *a, const struct sinks *sinks, const char *path,
                struct error *err)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return error_set(err, -ENOMEM, "--stats: out of memory");
	print_lines(a, sinks, out);
	fclose(out);
	int r = stats_file_write(path, text, a->one_line, err);
	free(text);
	return r;
}

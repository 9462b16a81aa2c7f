/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/value_text.h"

enum { PATH_BYTES = 4096 };

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

static void print_flows(FILE *out, const struct meter_counters *m)
{
	uint64_t records = 0;
	for (unsigned i = 0; i < array_count(m->records); i++)
		records += m->records[i];
	fprintf(out, "  \"flows\": {");
	print_number(out, "created", m->created, false);
	print_number(out, "active", m->active, false);
	print_number(out, "active_max", m->active_max, false);
	print_reasons(out, "ended", m->ended, "},\n");
	fprintf(out, "  \"records\": {");
	print_number(out, "total", records, false);
	print_reasons(out, "ended", m->records, "},\n");
}

static void print_output(FILE *out, struct queue *q, bool last)
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
	fprintf(out, "}%s\n", last ? "" : ",");
}

void stats_print(const struct accounts *a, const struct sinks *sinks, FILE *out)
{
	uint64_t packets = a->source.frames - a->unread_frames + a->fates.offload_packets;
	fprintf(out, "{\n");
	print_fates(out, "packets", a->fates.packets, packets);
	print_fates(out, "octets", a->fates.octets, a->source.octets - a->unread_octets);
	fprintf(out, "  \"metered_ip_octets\": %llu,\n", (unsigned long long)a->meter.octets);
	print_drops(out, &a->source);
	print_flows(out, &a->meter);
	fprintf(out, "  \"outputs\": {\n");
	for (unsigned i = 0; i < sinks->queue_count; i++)
		print_output(out, sinks->queues[i], i + 1 == sinks->queue_count);
	fprintf(out, "  },\n  \"balanced\": %s\n}\n",
	        !a->finished ? "null" : accounts_balanced(a, NULL) ? "true" : "false");
}

static int open_part(const char *path, char part[PATH_BYTES], FILE **ret, struct error *err)
{
	if (snprintf(part, PATH_BYTES, "%s.part", path) >= PATH_BYTES)
		return error_set(err, -ENAMETOOLONG, "--stats %.200s...: the name is too long", path);
	*ret = fopen(part, "we");
	if (!*ret)
		return error_set(err, -errno, "--stats %s: cannot write there: %s", path, strerror(errno));
	return 0;
}

int stats_check(const char *path, struct error *err)
{
	char part[PATH_BYTES];
	FILE *f;
	if (!strcmp(path, "-"))
		return 0;
	int r = open_part(path, part, &f, err);
	if (r)
		return r;
	fclose(f);
	unlink(part);
	return 0;
}

int stats_write(const struct accounts *a, const struct sinks *sinks, const char *path,
                struct error *err)
{
	if (!strcmp(path, "-")) {
		stats_print(a, sinks, stdout);
		return fflush(stdout) ? error_set(err, -errno, "--stats -: %s", strerror(errno)) : 0;
	}
	char part[PATH_BYTES];
	FILE *f;
	int r = open_part(path, part, &f, err);
	if (r)
		return r;
	stats_print(a, sinks, f);
	bool failed = ferror(f) != 0;
	failed = fclose(f) != 0 || failed;
	if (failed || rename(part, path)) {
		r = -errno;
		unlink(part);
		return error_set(err, r, "--stats %s: cannot write there: %s", path, strerror(-r));
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output/part.h"
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
	print_number(out, "record_ip_octets", m->counters.record_octets, true);
	fprintf(out, "}%s\n", last ? "" : ",");
}

static void print_meters(FILE *out, const struct accounts *a)
{
	fprintf(out, "  \"meters\": {\n");
	for (unsigned i = 0; i < a->meter_count; i++)
		print_meter(out, &a->meters[i], i + 1 == a->meter_count);
	fprintf(out, "  },\n");
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
	for (unsigned i = 0; i < sinks->queue_count; i++)
		print_output(out, sinks->queues[i], i + 1 == sinks->queue_count);
	fprintf(out, "  },\n  \"balanced\": %s\n}\n",
	        !a->finished ? "null" : accounts_balanced(a, NULL) ? "true" : "false");
}

/* The same as one line: line ends and the indentation behind them go. Names hold no line ends,
 * since they are escaped. */
static void print_one_line(const struct accounts *a, const struct sinks *sinks, FILE *out)
{
	char *text = NULL;
	size_t length = 0;
	FILE *lines = open_memstream(&text, &length);
	if (!lines)
		return;
	print_lines(a, sinks, lines);
	fclose(lines);
	bool indent = false;
	for (size_t i = 0; i < length; i++) {
		indent = text[i] == '\n' || (indent && text[i] == ' ');
		if (!indent)
			fputc(text[i], out);
	}
	fputc('\n', out);
	free(text);
}

void stats_print(const struct accounts *a, const struct sinks *sinks, FILE *out)
{
	if (a->one_line)
		print_one_line(a, sinks, out);
	else
		print_lines(a, sinks, out);
}

/* A pipe that nobody reads would hold up the run when it is opened; the descriptor that says
 * whether somebody does makes the next opening pass at once. -1 where there is no pipe. */
static int look_at_pipe(const char *path, int *ret_fd, struct error *err)
{
	struct stat status;
	*ret_fd = -1;
	if (stat(path, &status) || !S_ISFIFO(status.st_mode))
		return 0;
	*ret_fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (*ret_fd >= 0)
		return 0;
	return error_set(err, -errno, "%s: %s", path,
	                 errno == ENXIO ? "nobody reads this pipe" : strerror(errno));
}

/* A device or pipe is not opened before there is something to write: a reader would notice. */
int stats_check(const char *path, struct error *err)
{
	struct stat status;
	if (!stat(path, &status) && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
		return access(path, W_OK) ? error_set(err, -errno, "--stats %s: cannot write there: %s",
		                                      path, strerror(errno)) : 0;
	struct part part;
	int r = part_open(path, &part, err);
	if (r)
		return error_prefix(err, r, "--stats");
	part_discard(&part);
	return 0;
}

/* The stream has a descriptor of its own, so that closing it leaves the part's for the rename. */
static int fill_part(const struct accounts *a, const struct sinks *sinks, const struct part *part,
                     struct error *err)
{
	int fd = fcntl(part->fd, F_DUPFD_CLOEXEC, 0);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		int r = -errno;
		if (fd >= 0)
			close(fd);
		return error_set(err, r, "%s: %s", part->name, strerror(-r));
	}
	stats_print(a, sinks, f);
	bool failed = fflush(f) != 0 || ferror(f);
	int code = failed ? errno : 0;
	if (fclose(f) && !failed)
		code = errno;
	return code ? error_set(err, -code, "%s: cannot write: %s", part->name, strerror(code)) : 0;
}

int stats_write(const struct accounts *a, const struct sinks *sinks, const char *path,
                struct error *err)
{
	struct part part;
	int pipe_fd;
	int r = look_at_pipe(path, &pipe_fd, err);
	if (r)
		return error_prefix(err, r, "--stats");
	r = part_open(path, &part, err);
	if (!r && (r = fill_part(a, sinks, &part, err)))
		part_discard(&part);
	else if (!r)
		r = part_complete(&part, true, false, err);
	if (pipe_fd >= 0)
		close(pipe_fd);
	return r ? error_prefix(err, r, "--stats") : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir meter`: settings from the command line and a YAML file, then an engine that runs by them.
 * What needs more than one option to judge is judged here; what a single value may be is judged by
 * its type (base/option.h) or by the room that uses it, when the engine opens.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "engine/engine.h"

enum { OUTPUTS_MOST = 64 };

struct reader {                         /* the command line, and what has been made of it */
	int argc;
	char **argv;
	struct settings settings;
	struct option_set *set;         /* owns what the settings point to, and points to them */
	struct reader *again;           /* the same, of the last SIGHUP */
};

static void reader_free(struct reader *r);
static int read_all(struct reader *r, struct error *err);
static int read_settings(struct option_set *set, struct settings *s, int argc, char **argv,
                         struct error *err);
static int check(const struct settings *s, struct error *err);
static int meter(const struct settings *s, struct reader *reader, struct error *err);

static int meter_run(int argc, char **argv)
{
	struct reader reader = { .argc = argc, .argv = argv };
	struct error err = { "" };
	int status = STATUS_USER;
	if (read_all(&reader, &err) == 0)
		status = meter(&reader.settings, &reader, &err);
	if (*err.text)
		command_fail("%s", err.text);
	reader_free(reader.again);
	option_set_free(reader.set);
	return status;
}

static void reader_free(struct reader *r)
{
	if (r)
		option_set_free(r->set);
	free(r);
}

static int read_all(struct reader *r, struct error *err)
{
	int code = option_set_new(meter_options, &r->settings, &r->set, err);
	if (code == 0)
		code = read_settings(r->set, &r->settings, r->argc, r->argv, err);
	return code == 0 ? check(&r->settings, err) : code;
}

/* --check shows templates, and these are IPFIX. */
static const char *default_output(const struct settings *s)
{
	return s->check ? "ipfix:-" : terminal_is(stdout) ? "table:" : "json:-";
}

static int read_settings(struct option_set *set, struct settings *s, int argc, char **argv,
                         struct error *err)
{
	int r = arguments_read(set, argc, argv, &s->config, err);
	if (r == 0 && s->outputs.count == 0)
		r = option_set_default(set, "output", default_output(s), err);
	return r;
}

static int check_outputs(const struct settings *s, struct error *err)
{
	struct meter_entry meters[METERS_MAX];
	const char *outputs[OUTPUTS_MOST];
	unsigned meter_count = settings_meters(s, meters);
	unsigned count = settings_outputs(s, outputs, OUTPUTS_MOST);
	for (unsigned i = 0; i < meter_count; i++) {
		int r = arguments_check_twice(&meters[i].outputs, err);
		if (r < 0)
			return r;
	}
	return arguments_check_standard_output(outputs, count, s->stats, err);
}

static int check(const struct settings *s, struct error *err)
{
	if (s->write_packets)
		return error_set(err, -ENOSYS, "-w/--write: writing packets is not built yet");
	if (s->files.count == 0 && s->interfaces.count == 0 && !s->check)
		return error_set(err, -EINVAL, "nothing to meter: name a capture file with -r FILE or a "
		                               "live interface with -i INTERFACE");
	if (arguments_check_meter(s, err))
		return -EINVAL;
	if (s->stats_interval_ns != DURATION_OFF && !s->stats)
		return error_set(err, -EINVAL, "--stats-interval has nothing to write to: expected --stats "
		                               "FILE beside it");
	return check_outputs(s, err);
}

/* Read into settings of their own: the old ones are in use until the engine has taken the new ones,
 * and kept as long as it may look at them. */
static const struct settings *reload(void *context, struct error *err)
{
	struct reader *reader = context, *fresh = calloc(1, sizeof *fresh);
	if (!fresh) {
		error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	fresh->argc = reader->argc;
	fresh->argv = reader->argv;
	if (read_all(fresh, err)) {
		reader_free(fresh);
		return NULL;
	}
	reader_free(reader->again);
	reader->again = fresh;
	return &fresh->settings;
}

static void stop(void *engine) { engine_stop(engine); }
static void reopen(void *engine) { engine_request_reopen(engine); }
static void stats(void *engine) { engine_request_stats(engine); }

/* Status 2 for what is wrong before anything ran, 1 for what failed later. */
static int meter(const struct settings *s, struct reader *reader, struct error *err)
{
	const struct log log = {
		.level = s->quiet ? LOG_WARNING : s->verbose ? LOG_DETAIL : LOG_NOTE,
	};
	const struct engine_env env = {
		.log = &log,
		.progress = s->files.count > 0 && !s->quiet && terminal_is(stderr),
		.terminal = terminal_is(stdout),
		.reload = s->config || s->measure.networks_path ? reload : NULL, .reload_context = reader,
	};
	struct engine *engine = NULL;
	signals_prepare();
	if (engine_open(s, &env, &engine, err) < 0)
		return STATUS_USER;
	int r = 0;
	if (s->check) {
		engine_print_templates(engine, stdout);
	} else {
		signals_direct(&(struct signal_target){ stop, reopen, stats, engine });
		r = engine_run(engine, err);
		signals_release();
	}
	engine_close(engine);
	return r == 0 ? STATUS_FINE : STATUS_FAILED;
}

static const struct topic topics[] = {
	{ "Values", "Durations read 90 (seconds), 1m30s, 2h, 100ms or off. Sizes read 1500, 64KiB, "
	            "512M or 1G (powers of 1024), counts 1000, 10k or 4M (powers of 1000). Fields have "
	            "the names that `weir fields` lists. FILTER is a pcap-filter(7) expression; it "
	            "means the same for tagged packets." },
	{ "Configuration", "-f FILE reads a YAML file whose keys are the long names above, such as "
	                   "'idle-timeout: 30s'; what is repeatable takes a list, and so do lists "
	                   "of fields. The command line wins over the file. A list of meters makes "
	                   "several; each has templates of its own, and --check prints them." },
	{ "Signals", "SIGINT and SIGTERM end the run: all flows are written first; a second one ends "
	             "it at once. SIGHUP reopens the output files and reads the file of -f again: "
	             "timers, filters and --networks change, the rest at the next start. SIGUSR1 "
	             "writes --stats." },
	{ "Exit status", "0 when all went well, 1 when some input was damaged or an output failed "
	                 "(what was whole is metered and written), 2 for a mistake in options, files "
	                 "or values (nothing is written)." },
	{ 0 },
};

static const struct example examples[] = {
	{ "weir meter -r capture.pcap",
	  "shows the flows of a capture file as a table; into a pipe the same writes JSON lines" },
	{ "weir meter -r monday/ -o monday.csv.gz -o monday.ipfix tcp port 443",
	  "reads a directory of captures as one, keeps HTTPS, writes two files, one compressed" },
	{ "weir meter -i eth0 -o ipfix+udp://collector.example.net:4739",
	  "meters an interface and exports IPFIX to a collector" },
	{ "weir meter -i eth0 -o 'json:flows-%F-%H%M.json?rotate=5m' --stats stats.json",
	  "writes a new JSON file every five minutes, and at the end an account of every packet" },
	{ "weir meter -r capture.pcap -d off -t off --tcp-linger off -o json:- | jq .",
	  "one record a flow however long it lasts, for another program to read" },
	{ 0 },
};

const struct command command_meter = {
	.name = "meter",
	.help = "meter capture files or live interfaces: packets in, flow records out",
	.synopsis = "[OPTION]... [FILTER]",
	.text = "Reads packets from capture files (-r) or live interfaces (-i), makes bidirectional "
	        "flows of them and writes a record for each to every output (-o). FILTER narrows what "
	        "is metered. Every packet is accounted for: metered, or counted with the reason why "
	        "not (--stats).",
	.options = meter_options,
	.outputs = true,
	.topics = topics,
	.examples = examples,
	.run = meter_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir collect`: settings from the command line and a YAML file, then a collector that runs by
 * them (engine/collect.h). The mirror of meter.c.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "engine/collect.h"

/* What needs two options to judge; the mirror of meter.c's. */
static int check(const struct collect_settings *s, struct error *err)
{
	if (s->files.count == 0 && s->listen.count == 0)
		return error_set(err, -EINVAL, "nothing to collect: name an address to listen at with "
		                               "-l ipfix+udp://[::]:4739 or a file with -r FILE");
	if (s->files.count > 0 && s->listen.count > 0)
		return error_set(err, -EINVAL, "-r %.100s and -l %.100s: expected files or addresses to "
		                               "listen at, not both", s->files.items[0],
		                 s->listen.items[0]);
	if (s->filter && s->listen.count > 0)
		return error_set(err, -EINVAL, "a filter is for captures (-r); -l %.100s receives "
		                               "messages, not packets", s->listen.items[0]);
	if (s->verbose && s->quiet)
		return error_set(err, -EINVAL, "-v and -q contradict each other");
	if (s->stats_interval_ns != DURATION_OFF && !s->stats)
		return error_set(err, -EINVAL, "--stats-interval has nothing to write to: expected --stats "
		                               "FILE beside it");
	int r = arguments_check_twice(&s->outputs, err);
	return r ? r : arguments_check_standard_output(s->outputs.items, s->outputs.count, s->stats,
	                                               err);
}

static void stop(void *collecting) { collecting_stop(collecting); }
static void reopen(void *collecting) { collecting_request_reopen(collecting); }
static void stats(void *collecting) { collecting_request_stats(collecting); }

static int collect(const struct collect_settings *s, struct error *err)
{
	const struct log log = {
		.level = s->quiet ? LOG_WARNING : s->verbose ? LOG_DETAIL : LOG_NOTE,
	};
	const struct engine_env env = {
		.log = &log,
		.progress = s->files.count > 0 && !s->quiet && terminal_is(stderr),
		.terminal = terminal_is(stdout),
	};
	struct collecting *c = NULL;
	signals_prepare();
	if (collecting_open(s, &env, &c, err) < 0)
		return STATUS_USER;
	int r = 0;
	if (!s->check) {
		signals_direct(&(struct signal_target){ stop, reopen, stats, c });
		r = collecting_run(c, err);
		signals_release();
	}
	collecting_close(c);
	return r == 0 ? STATUS_FINE : STATUS_FAILED;
}

/* The output by default depends on who reads: a person gets a table, a program JSON. */
static int collect_run(int argc, char **argv)
{
	struct collect_settings settings = { 0 };
	struct option_set *set = NULL;
	struct error err = { "" };
	int status = STATUS_USER;
	int r = option_set_new(collect_options, &settings, &set, &err);
	if (r == 0)
		r = arguments_read(set, argc, argv, &settings.config, &err);
	if (r == 0 && settings.outputs.count == 0)
		r = option_set_default(set, "output", terminal_is(stdout) ? "table:" : "json:-", &err);
	if (r == 0 && check(&settings, &err) == 0)
		status = collect(&settings, &err);
	if (*err.text)
		command_fail("%s", err.text);
	option_set_free(set);
	return status;
}

static const struct topic topics[] = {
	{ "Records", "A record has every element that the exporter sent, under the names that `weir "
	             "fields` lists; one that nobody knows is kept as octets e<enterprise>id<number>. "
	             "exporterIPv4Address or exporterIPv6Address, observationDomainId and "
	             "collectionTimeMilliseconds say who sent it and when; times of NetFlow by uptime "
	             "become flowStartMilliseconds and flowEndMilliseconds. CSV and table have fixed "
	             "columns: the usual ones, or those of --fields." },
	{ "Values", "Durations read 90 (seconds), 1m30s, 2h, 100ms or off. Sizes read 1500, 64KiB, "
	            "512M or 1G (powers of 1024), counts 1000, 10k or 4M (powers of 1000)." },
	{ "Configuration", "-f FILE reads a YAML file whose keys are the long names above, such as "
	                   "'template-lifetime: 1h'; what is repeatable takes a list. The command line "
	                   "wins over the file." },
	{ "Signals", "SIGINT and SIGTERM end the run: what has come is written first; a second one "
	             "ends it at once. SIGHUP reopens the output files. SIGUSR1 writes --stats." },
	{ "Exit status", "0 when all went well, 1 when a file was damaged or an output failed, 2 for a "
	                 "mistake in options, files or values (nothing is written). Malformed messages "
	                 "are no failure: they are counted and told." },
	{ 0 },
};

static const struct example examples[] = {
	{ "weir collect -l ipfix+udp://[::]:4739 -o 'json:flows-%F-%H%M.json?rotate=5m'",
	  "collects NetFlow and IPFIX and writes a new JSON file every five minutes" },
	{ "weir collect -r flows.ipfix -o flows.csv --fields "
	  "sourceIPv4Address,destinationIPv4Address,octetDeltaCount",
	  "takes three columns out of an IPFIX file" },
	{ "weir collect -r export-traffic.pcap --stats - -o null:",
	  "tells what exporters in a capture sent, and what was wrong with it" },
	{ "weir collect -l ipfix+udp://[::]:2055 -o ipfix+udp://collector.example.net:4739",
	  "turns NetFlow into IPFIX for another collector" },
	{ 0 },
};

const struct command command_collect = {
	.name = "collect",
	.help = "collect NetFlow v5, v9 and IPFIX: export messages in, flow records out",
	.synopsis = "[OPTION]... [FILTER]",
	.text = "Receives the messages of exporters (-l), or reads them from files and captures (-r), "
	        "and writes the records in them to every output (-o). Every message and record is "
	        "accounted for by exporter: decoded, or counted with the reason why not (--stats).",
	.options = collect_options,
	.outputs = true,
	.topics = topics,
	.examples = examples,
	.run = collect_run,
};

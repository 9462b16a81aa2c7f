/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir spy`: which applications there are in a capture or on an interface. It is a meter like any
 * other, with the fields of applications and its records by callback (spy_table.h); its options are
 * those of the meter that make sense for it, with the same names. What --live says comes from the
 * hook of applications itself, in the threads of the workers, and from the engine's own counts.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/signals.h"
#include "cli/spy_table.h"
#include "cli/terminal.h"
#include "engine/engine.h"

/* A run of the command. */
struct spy {
	struct settings meter;          /* what the options below say, and else its defaults */
	bool live, flows, json;
	struct option_set *defaults, *set;
	struct spy_table table;         /* what is printed at the end */
	struct engine_traffic shown;    /* when the last line of statistics was printed */
	uint64_t shown_ns;              /* monotonic; 0: not yet */
};

#define AT(member) (uint16_t)offsetof(struct spy, member)
#define METER(member) (uint16_t)offsetof(struct spy, meter.member)

static const struct option options[] = {
	{ .name = "read", .letter = 'r', .type = OPTION_LIST, .offset = METER(files),
	  .argument = "FILE", .group = "Input",
	  .help = "read a capture file (pcap or pcapng, also .gz and .zst), a directory of them, or - "
	          "for standard input" },
	{ .name = "interface", .letter = 'i', .type = OPTION_LIST, .offset = METER(interfaces),
	  .argument = "INTERFACE", .help = "look at a live interface; there may be several" },
	{ .name = "filter", .type = OPTION_TEXT, .offset = METER(filter), .argument = "EXPRESSION",
	  .help = "look only at what this pcap-filter(7) expression matches; the same as the words "
	          "behind the options" },
	{ .name = "snaplen", .letter = 's', .type = OPTION_BYTES, .offset = METER(snaplen_bytes),
	  .argument = "SIZE", .default_text = "2048", .minimum = "64", .maximum = "256KiB",
	  .help = "octets of each live packet to look at; counters are of whole packets" },
	{ .name = "no-promiscuous", .letter = 'p', .type = OPTION_INVERSE,
	  .offset = METER(promiscuous),
	  .help = "leave the interface as it is instead of switching to promiscuous mode" },
	{ .name = "buffer", .letter = 'B', .type = OPTION_BYTES, .offset = METER(buffer_bytes),
	  .argument = "SIZE", .default_text = "64M", .minimum = "256KiB",
	  .help = "size of the kernel's capture ring: what it holds is how long a burst may last" },
	{ .name = "count", .letter = 'c', .type = OPTION_COUNT, .offset = METER(packet_limit),
	  .argument = "NUMBER", .help = "stop after so many packets" },
	{ .name = "duration", .letter = 'D', .type = OPTION_DURATION, .offset = METER(duration_ns),
	  .argument = "DURATION", .default_text = "off", .help = "stop after so long" },

	{ .name = "idle-timeout", .letter = 'd', .type = OPTION_DURATION,
	  .offset = METER(idle_timeout_ns), .argument = "DURATION", .default_text = "5m",
	  .minimum = "1ms", .group = "Flows",
	  .help = "a flow without packets for so long is over; what comes then is another" },
	{ .name = "tcp-linger", .type = OPTION_DURATION, .offset = METER(tcp_linger_ns),
	  .argument = "DURATION", .default_text = "5s",
	  .help = "wait so long for stragglers after FIN from both sides or RST; off: a TCP end closes "
	          "nothing" },
	{ .name = "max-flows", .letter = 'm', .type = OPTION_COUNT, .offset = METER(max_flows),
	  .argument = "NUMBER", .default_text = "0",
	  .help = "most flows kept at once, older ones give way; 0: as many as half the memory of the "
	          "machine holds" },
	{ .name = "tunnels", .type = OPTION_FLAG, .offset = METER(tunnels),
	  .help = "look at the innermost packet of GRE, IP-in-IP, VXLAN, Geneve, GTP-U and the like" },
	{ .name = "identify", .type = OPTION_TEXT, .offset = METER(identify.backends),
	  .argument = "LIST",
	  .help = "what names applications, in the order asked, as with weir meter" },
	{ .name = "identify-tcp", .type = OPTION_COUNT, .offset = METER(identify.tcp_packets),
	  .argument = "NUMBER", .default_text = "80", .minimum = "1", .maximum = "10k",
	  .help = "packets with payload of a TCP flow to look at before giving up" },
	{ .name = "identify-udp", .type = OPTION_COUNT, .offset = METER(identify.udp_packets),
	  .argument = "NUMBER", .default_text = "24", .minimum = "1", .maximum = "10k",
	  .help = "the same of UDP and other flows" },

	{ .name = "live", .letter = 'l', .type = OPTION_FLAG, .offset = AT(live), .group = "Output",
	  .help = "print a line when the application of a flow becomes known, and statistics every two "
	          "seconds" },
	{ .name = "flows", .type = OPTION_FLAG, .offset = AT(flows),
	  .help = "print a line for each flow instead of the table" },
	{ .name = "json", .type = OPTION_FLAG, .offset = AT(json),
	  .help = "print a JSON object for each application, or with --flows for each flow" },

	{ .name = "workers", .letter = 'j', .type = OPTION_COUNT, .offset = METER(workers),
	  .argument = "NUMBER", .default_text = "1", .minimum = "1", .maximum = "256",
	  .group = "Running", .help = "threads that look at packets" },
	{ .name = "user", .letter = 'u', .type = OPTION_TEXT, .offset = METER(user),
	  .argument = "USER", .help = "become this user once sources are open" },
	{ .name = "verbose", .letter = 'v', .type = OPTION_FLAG, .offset = METER(verbose),
	  .help = "say more on standard error" },
	{ .name = "quiet", .letter = 'q', .type = OPTION_FLAG, .offset = METER(quiet),
	  .help = "say only warnings and errors" },
	{ 0 },
};

static const uint64_t statistics_interval_ns = 2000000000;

/* ---- settings -------------------------------------------------------------------------------- */

/* The meter's defaults first, for what is no option here. */
static int read_settings(struct spy *s, int argc, char **argv, struct error *err)
{
	static const char *const no_file = NULL;
	int r = option_set_new(meter_options, &s->meter, &s->defaults, err);
	if (!r)
		r = option_set_new(options, s, &s->set, err);
	if (!r)
		r = arguments_read(s->set, argc, argv, &no_file, err);
	s->meter.active_timeout_ns = DURATION_OFF;      /* a flow is one record */
	s->meter.fields = spy_fields;
	return r;
}

static int check(const struct spy *s, struct error *err)
{
	if (!s->meter.files.count && !s->meter.interfaces.count)
		return error_set(err, -EINVAL, "nothing to look at: name a capture file with -r FILE or a "
		                               "live interface with -i INTERFACE");
	if (s->live && s->json)
		return error_set(err, -EINVAL, "--live and --json: lines for people and JSON would be "
		                               "mixed on standard output; expected one of them");
	return arguments_check_meter(&s->meter, err);
}

/* ---- what the engine tells ------------------------------------------------------------------- */

static void take_records(void *context, const struct record_batch *batch)
{
	struct spy *s = context;
	if (s->flows)
		spy_print_flows(batch, s->json, stdout);
	else
		spy_table_add(&s->table, batch);
}

/* From the workers' threads: a line is one call, which the stream keeps whole. */
static void print_found(void *context, const struct identify_found *found)
{
	char ends[2][SPY_END_BYTES] = { "?", "?" };
	const struct identify_flow *f = &found->flow;
	for (unsigned i = 0; i < 2 && f->family; i++)
		spy_end_text(f->address[i], f->family, f->port[i], ends[i]);
	printf("%s > %s  %s%s%s\n", ends[0], ends[1], found->application, found->master ? ":" : "",
	       found->master ? found->master : "");
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void print_statistics(const struct spy *s, const struct engine_traffic *t, uint64_t now)
{
	char time_text[32] = "";
	time_t wall = time(NULL);
	struct tm parts;
	double seconds = (double)(now - s->shown_ns) / 1e9;
	if (gmtime_r(&wall, &parts))
		strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%SZ", &parts);
	printf("=== %s === %" PRIu64 " octets, %" PRIu64 " packets, %.0f octets/s, %.0f packets/s, "
	       "%" PRIu64 " flows\n", time_text, t->octets, t->packets,
	       (double)(t->octets - s->shown.octets) / seconds,
	       (double)(t->packets - s->shown.packets) / seconds, t->flows);
}

static void take_traffic(void *context, const struct engine_traffic *traffic)
{
	struct spy *s = context;
	uint64_t now = now_ns();
	if (s->shown_ns && now - s->shown_ns < statistics_interval_ns)
		return;
	if (s->shown_ns)
		print_statistics(s, traffic, now);
	s->shown = *traffic;
	s->shown_ns = now;
}

/* ---- running --------------------------------------------------------------------------------- */

static void stop(void *engine) { engine_stop(engine); }
static void ignore(void *engine) { }

static int run_engine(struct spy *s, struct error *err)
{
	const struct log log = {
		.level = s->meter.quiet ? LOG_WARNING : s->meter.verbose ? LOG_DETAIL : LOG_NOTE,
	};
	const struct engine_env env = {
		.log = &log, .records = take_records, .context = s,
		.traffic = s->live ? take_traffic : NULL,
		.progress = s->meter.files.count > 0 && !s->live && !s->flows && !s->meter.quiet
			&& terminal_is(stderr),
	};
	struct engine *engine = NULL;
	if (engine_open(&s->meter, &env, &engine, err) < 0)
		return STATUS_USER;
	signals_direct(&(struct signal_target){ stop, ignore, ignore, engine });
	int r = engine_run(engine, err);
	signals_release();
	engine_close(engine);
	return r == 0 ? STATUS_FINE : STATUS_FAILED;
}

/* A table that lacks flows for want of memory is printed, and said to be incomplete. */
static int spy(struct spy *s, struct error *err)
{
	if (s->live) {
		setvbuf(stdout, NULL, _IOLBF, 0);
		s->meter.identify.found = print_found;
		s->meter.identify.context = s;
	}
	signals_prepare();
	int status = run_engine(s, err);
	if (status == STATUS_USER)
		return status;
	if (!s->flows)
		spy_table_print(&s->table, s->json ? SPY_JSON : terminal_is(stdout) ? SPY_ALIGNED
		                : SPY_TABS, stdout);
	if (!s->table.out_of_memory)
		return status;
	error_set(err, -ENOMEM, "out of memory: the table is not complete");
	return STATUS_FAILED;
}

static int spy_run(int argc, char **argv)
{
	struct spy s = { .live = false };
	struct error err = { "" };
	int status = STATUS_USER;
	if (read_settings(&s, argc, argv, &err) == 0 && check(&s, &err) == 0)
		status = spy(&s, &err);
	if (*err.text)
		command_fail("%s", err.text);
	spy_table_fini(&s.table);
	option_set_free(s.set);
	option_set_free(s.defaults);
	return status;
}

static const struct topic topics[] = {
	{ "Table", "A line for each application, most octets first: flows, packets and octets from "
	           "the initiator and back, the share of all octets, and the first host names that its "
	           "flows asked for. On a terminal columns are aligned; elsewhere tabs separate them. "
	           "Flows whose application nobody knows are Unknown." },
	{ "Flows", "With --flows a line for each flow when it ends: a hash of its key that is the same "
	           "in every run and for both directions, its packets, its ends (the lower address "
	           "first, whoever began), its application and, behind a colon, what that runs over." },
	{ "Live", "With --live a line each time that the application of a flow becomes known, or turns "
	          "out to be another: initiator > responder, application, what it runs over. Every two "
	          "seconds a line that starts with === tells octets and packets so far, their rates "
	          "since the line before, and the flows that are alive. The table comes at the end." },
	{ "Signals", "SIGINT and SIGTERM end the run: all flows are concluded first; a second one ends "
	             "it at once." },
	{ "Exit status", "0 when all went well, 1 when some input was damaged (what was whole is "
	                 "counted), 2 for a mistake in options, files or values." },
	{ 0 },
};

static const struct example examples[] = {
	{ "weir spy -r capture.pcap", "says which applications there are in a capture" },
	{ "weir spy -r capture.pcap --flows udp", "names the application of every UDP flow" },
	{ "weir spy -i eth0 --live --duration 1m",
	  "watches an interface for a minute, then prints the table" },
	{ "weir spy -r capture.pcap --json | jq -r .application",
	  "lists the applications for another program" },
	{ 0 },
};

const struct command command_spy = {
	.name = "spy",
	.help = "say which applications there are in captures or on live interfaces",
	.synopsis = "-r FILE | -i INTERFACE [OPTION]... [FILTER]",
	.text = "Looks into the payload of flows and says which applications they are of: a table by "
	        "application, a line for each flow, or lines as they become known. weir meter "
	        "--measure applications gives the same as fields of records.",
	.options = options,
	.topics = topics,
	.examples = examples,
	.run = spy_run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* `weir explain`: what the meter does with each packet of a file, and why. */
#include <errno.h>

#include "base/log.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "engine/explain.h"

/* What tells of records, accounts and packets in files: explain writes none of these. */
static const char *const unused[] = {
	"write", "stats", "stats-interval", "sort", "fields", NULL
};

/* Options that would have no effect are refused, not ignored: the user meant something by them. */
static int check(const struct option_set *set, const struct settings *s, struct error *err)
{
	for (const char *const *name = unused; *name; name++)
		if (option_is_set(set, *name))
			return error_set(err, -EINVAL, "--%s: explain writes lines for people to standard "
			                               "output and nothing else; expected no --%s",
			                 *name, *name);
	if (s->interfaces.count > 0)
		return error_set(err, -EINVAL, "-i %.100s: explain reads files: expected -r FILE",
		                 s->interfaces.items[0]);
	if (s->files.count == 0)
		return error_set(err, -EINVAL, "nothing to explain: name a capture file with -r FILE");
	if (s->meters.count > 1)
		return error_set(err, -EINVAL, "meters: explain follows one meter, found %u",
		                 s->meters.count);
	if (s->outputs.count > 0)
		return error_set(err, -EINVAL, "-o %.200s: explain writes lines for people to standard "
		                               "output; expected no output", s->outputs.items[0]);
	return 0;
}

static int explain(const struct settings *s, struct error *err)
{
	const struct log log = { .level = s->quiet ? LOG_WARNING : LOG_NOTE };
	int r = explain_run(s, &log, stdout, err);
	return r < 0 ? STATUS_USER : r;
}

static int explain_command(int argc, char **argv)
{
	struct settings settings = { 0 };
	struct option_set *set = NULL;
	struct error err = { "" };
	int status = STATUS_USER;
	if (option_set_new(meter_options, &settings, &set, &err) == 0 &&
	    arguments_read(set, argc, argv, &settings.config, &err) == 0 &&
	    check(set, &settings, &err) == 0)
		status = explain(&settings, &err);
	if (*err.text)
		command_fail("%s", err.text);
	option_set_free(set);
	return status;
}

static const struct topic topics[] = {
	{ "Lines",
	  "A packet's line has its number in the capture, its time since the first packet, protocol, "
	  "sender > receiver, TCP flags and IP octets; or the fate of a frame that is not metered. "
	  "Below it stand the flow that it belongs to, in which direction, why the initiator is the "
	  "initiator, and for a new flow its key. Lines that start with > tell of records and flows "
	  "that end, and why." },
	{ "Options", "Those of weir meter that decide about flows: --idle-timeout, --active-timeout, "
	  "--tcp-linger, --key, --no-vlan-key, --per-interface, --icmp-key, --tunnels, --direction, "
	  "--max-flows, and a FILTER behind them." },
	{ 0 },
};

static const struct example examples[] = {
	{ "weir explain -r capture.pcap", "says for each packet which flow it belongs to, and why" },
	{ "weir explain -r capture.pcap --tcp-linger 0 host 192.0.2.1 and tcp",
	  "follows the connections of one host, closing each at its end" },
	{ 0 },
};

const struct command command_explain = {
	.name = "explain",
	.help = "say for each packet of a file its fate or its flow, and why",
	.synopsis = "-r FILE [OPTION]... [FILTER]",
	.text = "Runs the packets of capture files through the meter one by one and says what it "
	        "decides: why a packet is not metered, which flow it belongs to and in which "
	        "direction, what the timers did, why a record or flow ended.",
	.options = meter_options,
	.topics = topics,
	.examples = examples,
	.run = explain_command,
};

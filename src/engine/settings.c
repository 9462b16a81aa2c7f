/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything `weir meter` can be told, once: this table feeds the command line, the YAML file,
 * --help, the manual and shell completion. The defaults are those of docs/semantics.md.
 * What a value means beyond its type (keys, fields, filters) is checked by the room that uses it.
 */
#include "engine/settings.h"

#include <string.h>

#include "config.h"
#include "engine/columns.h"
#include "flow/key.h"
#include "packet/filter.h"

#define AT(member) (uint16_t)offsetof(struct settings, member)
#define IN(member) (uint16_t)offsetof(struct meter_entry, member)

static int check_key(const char *text, struct error *err);
static int check_fields(const char *text, struct error *err);
static int check_filter(const char *text, struct error *err);
static int check_measures(const char *text, struct error *err);
static int check_backends(const char *text, struct error *err);

static const char *const icmp_keys[] = {
	[ICMP_KEY_TYPE] = "type", [ICMP_KEY_NONE] = "none", NULL
};
static const char *const directions[] = {
	[DIRECTION_EVIDENCE] = "evidence", [DIRECTION_FIRST] = "first", NULL
};
static const char *const sample_modes[] = { "count", "random", NULL };

static const struct option entry_options[] = {
	{ .name = "name", .type = OPTION_TEXT, .offset = IN(name), .argument = "NAME",
	  .help = "what --stats and messages call it" },
	{ .name = "id", .type = OPTION_COUNT, .offset = IN(template_id), .argument = "NUMBER",
	  .minimum = "256", .maximum = "65534",
	  .help = "id of its first template, its second has the next; without it the next that are "
	          "free" },
	{ .name = "filter", .type = OPTION_TEXT, .offset = IN(filter), .argument = "EXPRESSION",
	  .check = check_filter, .own = true,
	  .help = "which packets it takes, as in --filter; where both are given both must match" },
	{ .name = "key", .type = OPTION_TEXT, .offset = IN(key), .argument = "FIELDS",
	  .check = check_key, .joined = true, .help = "fields that make a flow, as in --key" },
	{ .name = "values", .type = OPTION_TEXT, .offset = IN(values), .argument = "FIELDS",
	  .check = check_fields, .joined = true,
	  .help = "fields of a record behind those of its key, name=64 cuts a text; or changes to "
	          "the default ones, as in --fields" },
	{ .name = "idle-timeout", .type = OPTION_DURATION, .offset = IN(idle_timeout_ns),
	  .argument = "DURATION", .minimum = "1ms", .help = "as --idle-timeout" },
	{ .name = "active-timeout", .type = OPTION_DURATION, .offset = IN(active_timeout_ns),
	  .argument = "DURATION", .minimum = "1ms", .help = "as --active-timeout" },
	{ .name = "tcp-linger", .type = OPTION_DURATION, .offset = IN(tcp_linger_ns),
	  .argument = "DURATION", .help = "as --tcp-linger" },
	{ .name = "max-flows", .type = OPTION_COUNT, .offset = IN(max_flows), .argument = "NUMBER",
	  .help = "as --max-flows; meters share --memory in equal parts" },
	{ .name = "no-vlan-key", .type = OPTION_INVERSE, .offset = IN(vlan_key),
	  .help = "as --no-vlan-key" },
	{ .name = "per-interface", .type = OPTION_FLAG, .offset = IN(per_interface),
	  .help = "as --per-interface" },
	{ .name = "direction", .type = OPTION_CHOICE, .offset = IN(direction), .choices = directions,
	  .default_text = "evidence", .help = "as --direction" },
	{ .name = "uniflow", .type = OPTION_FLAG, .offset = IN(uniflow), .help = "as --uniflow" },
	{ .name = "output", .type = OPTION_LIST, .offset = IN(outputs), .argument = "ADDRESS",
	  .help = "where its records go, instead of the outputs of all" },
	{ 0 },
};

static const struct option_entry_kind meter_entries = {
	.table = entry_options, .bytes = sizeof(struct meter_entry),
	.place_offset = offsetof(struct meter_entry, place), .most = METERS_MAX,
};

const struct option meter_options[] = {
	{ .name = "read", .letter = 'r', .type = OPTION_LIST, .offset = AT(files), .argument = "FILE",
	  .group = "Input",
	  .help = "read a capture file (pcap or pcapng, also .gz and .zst), a directory of them, or - "
	          "for standard input" },
	{ .name = "interface", .letter = 'i', .type = OPTION_LIST, .offset = AT(interfaces),
	  .argument = "INTERFACE", .help = "meter a live interface; several share one flow table" },
	{ .name = "filter", .type = OPTION_TEXT, .offset = AT(filter), .argument = "EXPRESSION",
	  .check = check_filter,
	  .help = "meter only what this pcap-filter(7) expression matches; the same as the words "
	          "behind the options" },
	{ .name = "snaplen", .letter = 's', .type = OPTION_BYTES, .offset = AT(snaplen_bytes),
	  .argument = "SIZE", .default_text = "2048", .minimum = "64", .maximum = "256KiB",
	  .help = "octets of each live packet to look at; counters are of whole packets" },
	{ .name = "no-promiscuous", .letter = 'p', .type = OPTION_INVERSE, .offset = AT(promiscuous),
	  .help = "leave the interface as it is instead of switching to promiscuous mode" },
	{ .name = "buffer", .letter = 'B', .type = OPTION_BYTES, .offset = AT(buffer_bytes),
	  .argument = "SIZE", .default_text = "64M", .minimum = "256KiB",
	  .help = "size of the kernel's capture ring: what it holds is how long a burst may last" },
	{ .name = "count", .letter = 'c', .type = OPTION_COUNT, .offset = AT(packet_limit),
	  .argument = "NUMBER", .help = "stop after so many packets" },
	{ .name = "duration", .type = OPTION_DURATION, .offset = AT(duration_ns),
	  .argument = "DURATION",
	  .default_text = "off", .help = "stop after so long" },
	{ .name = "sample", .type = OPTION_RATIO, .offset = AT(sample), .argument = "1:N",
	  .default_text = "1:1", .help = "meter one packet of N; counters stay those of the sample" },
	{ .name = "sample-mode", .type = OPTION_CHOICE, .offset = AT(sample_mode),
	  .default_text = "count",
	  .choices = sample_modes, .help = "take every Nth packet, or each with probability 1/N" },
	{ .name = "meter-own-export", .type = OPTION_FLAG, .offset = AT(meter_own_export),
	  .help = "meter the datagrams that weir itself sends, too" },

	{ .name = "idle-timeout", .letter = 'd', .type = OPTION_DURATION, .offset = AT(idle_timeout_ns),
	  .argument = "DURATION", .default_text = "30s", .minimum = "1ms", .group = "Flows",
	  .help = "a flow without packets for so long is over" },
	{ .name = "active-timeout", .letter = 't', .type = OPTION_DURATION,
	  .offset = AT(active_timeout_ns), .argument = "DURATION", .default_text = "120s",
	  .minimum = "1ms",
	  .help = "a flow that goes on gives a record at least so often" },
	{ .name = "tcp-linger", .type = OPTION_DURATION, .offset = AT(tcp_linger_ns),
	  .argument = "DURATION", .default_text = "5s",
	  .help = "wait so long for stragglers after FIN from both sides or RST; off: a TCP end closes "
	          "nothing" },
	{ .name = "max-flows", .letter = 'm', .type = OPTION_COUNT, .offset = AT(max_flows),
	  .argument = "NUMBER", .default_text = "0",
	  .help = "most flows kept at once, older ones give way; 0: as many as --memory holds" },
	{ .name = "flood-records", .type = OPTION_COUNT, .offset = AT(flood_records),
	  .argument = "NUMBER", .default_text = "10k",
	  .help = "flows of one packet that give way are records of their own, up to so many a second; "
	          "those beyond are merged by protocol and destination; 0: no limit" },
	{ .name = "memory", .type = OPTION_BYTES, .offset = AT(memory_bytes), .argument = "SIZE",
	  .minimum = "1M", .help = "most memory for flows; without it half of the machine's" },
	{ .name = "key", .letter = 'k', .type = OPTION_TEXT, .offset = AT(key), .argument = "FIELDS",
	  .check = check_key, .joined = true,
	  .help = "fields that make a flow, such as sourceIPv4Address/24,destinationIPv4Address; "
	          "without it VLANs, addresses, protocol and ports, both directions in one" },
	{ .name = "no-vlan-key", .type = OPTION_INVERSE, .offset = AT(vlan_key),
	  .help = "leave VLAN ids out of the key, for mirror ports that tag one direction only" },
	{ .name = "per-interface", .type = OPTION_FLAG, .offset = AT(per_interface),
	  .help = "the same flow on two interfaces is two flows" },
	{ .name = "icmp-key", .type = OPTION_CHOICE, .offset = AT(icmp_key), .default_text = "type",
	  .choices = icmp_keys, .help = "type: a request and its reply are one flow, other types are "
	                                "flows of their own; none: all ICMP of two hosts is one flow" },
	{ .name = "tunnels", .type = OPTION_FLAG, .offset = AT(tunnels),
	  .help = "meter the innermost packet of GRE, IP-in-IP, VXLAN, Geneve, GTP-U and the like" },
	{ .name = "direction", .type = OPTION_CHOICE, .offset = AT(direction),
	  .default_text = "evidence",
	  .choices = directions,
	  .help = "evidence: the first sender is the initiator unless the packets say otherwise; "
	          "first: always" },
	{ .name = "uniflow", .type = OPTION_FLAG, .offset = AT(uniflow),
	  .help = "write two records, one a direction" },

	{ .name = "output", .letter = 'o', .type = OPTION_LIST, .offset = AT(outputs),
	  .argument = "ADDRESS", .group = "Output",
	  .help = "where records go: a file told by its name, or an address such as json:- or "
	          "ipfix+udp://HOST:PORT; without it table: on a terminal, else json:-" },
	{ .name = "measure", .type = OPTION_TEXT, .offset = AT(measures), .argument = "LIST",
	  .check = check_measures, .joined = true,
	  .help = "measures whose fields records get besides, such as tcp,sizes; default: the usual "
	          "ones, all: all but those that cost much; a field of --fields opens its own" },
	{ .name = "identify", .type = OPTION_TEXT, .offset = AT(identify.backends),
	  .argument = "LIST", .check = check_backends, .joined = true,
	  .help = WEIR_HAVE_NDPI
	          ? "what names applications, in the order asked: ndpi (payload), expect (announced by "
	            "other flows), port (registered services); without it ndpi,expect"
	          : "what names applications, in the order asked: expect (announced by other flows), "
	            "port (registered services); without it expect,port; ndpi (payload) is not in "
	            "this build" },
	{ .name = "identify-tcp", .type = OPTION_COUNT, .offset = AT(identify.tcp_packets),
	  .argument = "NUMBER", .default_text = "80", .minimum = "1", .maximum = "10k",
	  .help = "packets of a TCP flow to look at before giving up, from its first payload on" },
	{ .name = "identify-udp", .type = OPTION_COUNT, .offset = AT(identify.udp_packets),
	  .argument = "NUMBER", .default_text = "24", .minimum = "1", .maximum = "10k",
	  .help = "the same of UDP and other flows" },
	{ .name = "identify-flows", .type = OPTION_COUNT, .offset = AT(identify.states),
	  .argument = "NUMBER", .default_text = "64k", .minimum = "1", .maximum = "16M",
	  .help = "flows that each worker looks into at a time; those beyond are guessed" },
	{ .name = "identify-texts", .type = OPTION_BYTES, .offset = AT(identify.text_bytes),
	  .argument = "SIZE", .default_text = "64M",
	  .help = "memory of each worker for host names and the like of its flows" },
	{ .name = "identify-memory", .type = OPTION_BYTES, .offset = AT(identify.memory_bytes),
	  .argument = "SIZE", .default_text = "256M",
	  .help = "memory of each worker for messages that libndpi puts together; a flow that finds "
	          "none left is guessed" },
	{ .name = "session-gap", .type = OPTION_DURATION, .offset = AT(identify.session_gap_ns),
	  .argument = "DURATION", .default_text = "30s", .minimum = "1ms",
	  .help = "what a client does with a site is one session (applicationSessionId) until it has "
	          "been silent there for longer; off: for ever" },
	{ .name = "payload-octets", .type = OPTION_COUNT, .offset = AT(measure.payload_octets),
	  .argument = "NUMBER", .default_text = "1024", .minimum = "1", .maximum = "65535",
	  .help = "octets of payload that the measure payload looks at, each way in a record" },
	{ .name = "payload-flows", .type = OPTION_COUNT, .offset = AT(measure.payload_flows),
	  .argument = "NUMBER", .default_text = "64k", .minimum = "1", .maximum = "16M",
	  .help = "directions of flows whose payload each worker looks at at a time" },
	{ .name = "sequence-packets", .type = OPTION_COUNT, .offset = AT(measure.sequence_packets),
	  .argument = "NUMBER", .default_text = "30", .minimum = "1", .maximum = "1k",
	  .help = "packets of each record that the measure sequence lists" },
	{ .name = "idle-gap", .type = OPTION_DURATION, .offset = AT(measure.idle_gap_ns),
	  .argument = "DURATION", .default_text = "5s", .minimum = "1ms",
	  .help = "the measure activity calls a flow idle that is silent for so long" },
	{ .name = "measure-flows", .type = OPTION_COUNT, .offset = AT(measure.measure_flows),
	  .argument = "NUMBER", .default_text = "64k", .minimum = "1", .maximum = "16M",
	  .help = "flows that each worker has sequences and histograms of at a time; others have "
	          "none" },
	{ .name = "networks", .type = OPTION_TEXT, .offset = AT(measure.networks_path),
	  .argument = "FILE",
	  .help = "label both ends of records with the networks of FILE, a line each: prefix, AS "
	          "number, name, site; adds the fields of the measure networks" },
	{ .name = "community-seed", .type = OPTION_COUNT, .offset = AT(measure.community_seed),
	  .argument = "NUMBER", .default_text = "0", .maximum = "65535",
	  .help = "seed of communityId; tools that shall agree have the same" },
	{ .name = "fields", .type = OPTION_TEXT, .offset = AT(fields), .argument = "LIST",
	  .check = check_fields, .joined = true,
	  .help = "fields of a record by name, or changes to the default ones: "
	          "+tcpControlBits,-vlanId" },
	{ .name = "meters", .type = OPTION_ENTRIES, .offset = AT(meters), .entry = &meter_entries,
	  .help = "several meters at once: a packet counts in each whose filter takes it; what one "
	          "does not say is as the options say" },
	{ .name = "sort", .type = OPTION_FLAG, .offset = AT(sort),
	  .help = "records of a file in one order, whatever the number of workers" },
	{ .name = "stats", .type = OPTION_TEXT, .offset = AT(stats), .argument = "FILE",
	  .help = "write what happened to every packet and record as one JSON object to FILE or - at "
	          "the end and on SIGUSR1" },
	{ .name = "stats-interval", .type = OPTION_DURATION, .offset = AT(stats_interval_ns),
	  .argument = "DURATION", .default_text = "off", .minimum = "100ms",
	  .help = "write --stats this often, too" },
	{ .name = "write", .letter = 'w', .type = OPTION_TEXT, .offset = AT(write_packets),
	  .argument = "FILE", .help = "kept for writing packets; not built yet" },

	{ .name = "config", .letter = 'f', .type = OPTION_TEXT, .offset = AT(config),
	  .argument = "FILE",
	  .command_line_only = true, .group = "Running",
	  .help = "read options from a YAML file; the command line wins over it" },
	{ .name = "check", .type = OPTION_FLAG, .offset = AT(check), .command_line_only = true,
	  .help = "check options, files and addresses, print the meters and the templates that they "
	          "make (as YAML), and stop; without -o those of IPFIX" },
	{ .name = "workers", .letter = 'j', .type = OPTION_COUNT, .offset = AT(workers),
	  .argument = "NUMBER", .default_text = "1", .minimum = "1", .maximum = "256",
	  .help = "threads that meter; the records are the same for any number" },
	{ .name = "user", .letter = 'u', .type = OPTION_TEXT, .offset = AT(user), .argument = "USER",
	  .help = "become this user once sources and outputs are open" },
	{ .name = "verbose", .letter = 'v', .type = OPTION_FLAG, .offset = AT(verbose),
	  .help = "say more on standard error" },
	{ .name = "quiet", .letter = 'q', .type = OPTION_FLAG, .offset = AT(quiet),
	  .help = "say only warnings and errors" },
	{ 0 },
};

/* ---- what a value may be, beyond its type ---------------------------------------------------- */

static int check_key(const char *text, struct error *err)
{
	struct key_plan plan;
	return key_plan_parse(&(struct key_options){ .key = text, .vlan_key = true }, &plan, err);
}

/* Changes are judged against a list of everything. */
static int check_fields(const char *text, struct error *err)
{
	struct column_choice available[COLUMNS_MAX], choices[COLUMNS_MAX];
	const struct column_list list = columns_available(available);
	unsigned chosen = list.count;
	memcpy(choices, available, chosen * sizeof *choices);
	return column_list_parse(text, &list, choices, &chosen, err);
}

static int check_measures(const char *text, struct error *err)
{
	struct hook_set hooks;
	return hooks_parse(text, &hooks, err);
}

static int check_backends(const char *text, struct error *err)
{
	struct identify_choice choice;
	return identify_choose(text, &choice, err);
}

static int check_filter(const char *text, struct error *err)
{
	struct packet_filter *filter;
	int r = packet_filter_new(text, &filter, err);
	if (r == 0)
		packet_filter_free(filter);
	return r;
}

/* ---- meters ---------------------------------------------------------------------------------- */

unsigned settings_meters(const struct settings *s, struct meter_entry ret[METERS_MAX])
{
	for (unsigned i = 0; i < s->meters.count; i++)
		memcpy(&ret[i], s->meters.items[i], sizeof ret[i]);
	if (s->meters.count)
		return s->meters.count;
	ret[0] = (struct meter_entry){
		.name = "flows", .key = s->key, .vlan_key = s->vlan_key, .per_interface = s->per_interface,
		.idle_timeout_ns = s->idle_timeout_ns, .active_timeout_ns = s->active_timeout_ns,
		.tcp_linger_ns = s->tcp_linger_ns, .max_flows = s->max_flows, .direction = s->direction,
		.uniflow = s->uniflow, .outputs = s->outputs,
	};
	return 1;
}

unsigned settings_outputs(const struct settings *s, const char **ret, unsigned room)
{
	struct meter_entry meters[METERS_MAX];
	unsigned meter_count = settings_meters(s, meters), count = 0;
	for (unsigned m = 0; m < meter_count; m++)
		for (unsigned i = 0; i < meters[m].outputs.count; i++) {
			const char *output = meters[m].outputs.items[i];
			unsigned k = 0;
			while (k < count && strcmp(ret[k], output))
				k++;
			if (k == count && count < room)
				ret[count++] = output;
		}
	return count;
}

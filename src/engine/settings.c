/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything `weir meter` can be told, once: this table feeds the command line, the YAML file,
 * --help, the manual and shell completion. The defaults are those of docs/semantics.md.
 * What a value means beyond its type (keys, fields, filters) is checked by the room that uses it.
 */
#include "engine/settings.h"

#define AT(member) (uint16_t)offsetof(struct settings, member)

static const char *const icmp_keys[] = {
	[ICMP_KEY_TYPE] = "type", [ICMP_KEY_NONE] = "none", NULL
};
static const char *const directions[] = {
	[DIRECTION_EVIDENCE] = "evidence", [DIRECTION_FIRST] = "first", NULL
};
static const char *const sample_modes[] = { "count", "random", NULL };

const struct option meter_options[] = {
	{ .name = "read", .letter = 'r', .type = OPTION_LIST, .offset = AT(files), .argument = "FILE",
	  .group = "Input",
	  .help = "read a capture file (pcap or pcapng, also .gz and .zst), a directory of them, or - "
	          "for standard input" },
	{ .name = "interface", .letter = 'i', .type = OPTION_LIST, .offset = AT(interfaces),
	  .argument = "INTERFACE", .help = "meter a live interface; several share one flow table" },
	{ .name = "filter", .type = OPTION_TEXT, .offset = AT(filter), .argument = "EXPRESSION",
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
	{ .name = "fields", .type = OPTION_TEXT, .offset = AT(fields), .argument = "LIST",
	  .help = "fields of a record by name, or changes to the default ones: "
	          "+tcpControlBits,-vlanId" },
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
	  .help = "check options, files and addresses, and stop" },
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything `weir collect` can be told, once: this table feeds the command line, the YAML file,
 * --help, the manual and shell completion. What it shares with `weir meter` has the same names.
 */
#include "engine/collect_settings.h"

#define AT(member) (uint16_t)offsetof(struct collect_settings, member)

const struct option collect_options[] = {
	{ .name = "listen", .letter = 'l', .type = OPTION_LIST, .offset = AT(listen),
	  .argument = "ADDRESS", .group = "Input",
	  .help = "listen for exporters at an address such as ipfix+udp://[::]:4739; NetFlow v5, v9 "
	          "and IPFIX are told apart by their version" },
	{ .name = "read", .letter = 'r', .type = OPTION_LIST, .offset = AT(files), .argument = "FILE",
	  .help = "read a file of IPFIX or NetFlow messages, or a capture (pcap or pcapng) of such "
	          "traffic, also .gz and .zst, a directory of them, or - for standard input" },
	{ .name = "filter", .type = OPTION_TEXT, .offset = AT(filter), .argument = "EXPRESSION",
	  .help = "of a capture read only what this pcap-filter(7) expression matches; the same as the "
	          "words behind the options" },
	{ .name = "buffer", .letter = 'B', .type = OPTION_BYTES, .offset = AT(buffer_bytes),
	  .argument = "SIZE", .default_text = "32M", .minimum = "64KiB",
	  .help = "size of a socket's receive buffer: what it holds is how long a burst may last" },
	{ .name = "duration", .type = OPTION_DURATION, .offset = AT(duration_ns),
	  .argument = "DURATION", .default_text = "off", .help = "stop after so long" },

	{ .name = "template-lifetime", .type = OPTION_DURATION, .offset = AT(template_lifetime_ns),
	  .argument = "DURATION", .default_text = "30m", .minimum = "1s", .group = "Exporters",
	  .help = "over UDP and DTLS a template that has not been repeated for so long is forgotten" },
	{ .name = "exporters", .type = OPTION_COUNT, .offset = AT(exporters_max),
	  .argument = "NUMBER", .default_text = "1024", .minimum = "1", .maximum = "1M",
	  .help = "most exporters at once; beyond it the one idle for longest is given up" },
	{ .name = "exporter-memory", .type = OPTION_BYTES, .offset = AT(exporter_memory_bytes),
	  .argument = "SIZE", .default_text = "4M", .minimum = "64KiB",
	  .help = "most memory for the templates of one exporter and for data that came ahead of "
	          "them" },
	{ .name = "memory", .type = OPTION_BYTES, .offset = AT(memory_bytes), .argument = "SIZE",
	  .default_text = "256M", .minimum = "1M", .help = "the same for all exporters together" },
	{ .name = "options-data", .type = OPTION_FLAG, .offset = AT(options_data),
	  .help = "write options data (statistics, sampling, names) as records, too, to outputs that "
	          "take every layout" },

	{ .name = "output", .letter = 'o', .type = OPTION_LIST, .offset = AT(outputs),
	  .argument = "ADDRESS", .group = "Output",
	  .help = "where records go: a file told by its name, or an address such as json:- or "
	          "ipfix+udp://HOST:PORT; without it table: on a terminal, else json:-" },
	{ .name = "fields", .type = OPTION_TEXT, .offset = AT(fields), .argument = "LIST",
	  .help = "fields of a record by name, or changes to the default ones: "
	          "+tcpControlBits,-vlanId; without it JSON and IPFIX get all that exporters send" },
	{ .name = "sort", .type = OPTION_FLAG, .offset = AT(sort),
	  .help = "records of files by their start" },
	{ .name = "stats", .type = OPTION_TEXT, .offset = AT(stats), .argument = "FILE",
	  .help = "write what happened to every message and record, by exporter, as one JSON object to "
	          "FILE or - at the end and on SIGUSR1" },
	{ .name = "stats-interval", .type = OPTION_DURATION, .offset = AT(stats_interval_ns),
	  .argument = "DURATION", .default_text = "off", .minimum = "100ms",
	  .help = "write --stats this often, too" },

	{ .name = "config", .letter = 'f', .type = OPTION_TEXT, .offset = AT(config),
	  .argument = "FILE", .command_line_only = true, .group = "Running",
	  .help = "read options from a YAML file; the command line wins over it" },
	{ .name = "check", .type = OPTION_FLAG, .offset = AT(check), .command_line_only = true,
	  .help = "check options, files and addresses, and stop" },
	{ .name = "user", .letter = 'u', .type = OPTION_TEXT, .offset = AT(user), .argument = "USER",
	  .help = "become this user once sockets and outputs are open" },
	{ .name = "verbose", .letter = 'v', .type = OPTION_FLAG, .offset = AT(verbose),
	  .help = "say more on standard error: at the end, the account of each exporter" },
	{ .name = "quiet", .letter = 'q', .type = OPTION_FLAG, .offset = AT(quiet),
	  .help = "say only warnings and errors" },
	{ 0 },
};

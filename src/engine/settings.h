/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `weir meter` (and libweir) can be told: one struct, one table of options that fills it from
 * the command line and YAML and gives help, manual and completion.
 */
#ifndef ENGINE_SETTINGS_H
#define ENGINE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/option.h"

enum direction_setting { DIRECTION_EVIDENCE, DIRECTION_FIRST };
enum icmp_key_setting { ICMP_KEY_TYPE, ICMP_KEY_NONE };

struct settings {
	struct text_list files;         /* -r: capture files, directories, "-" */
	struct text_list interfaces;    /* -i */
	struct text_list outputs;       /* -o */
	const char *config;             /* -f */
	const char *write_packets;      /* -w: reserved; an error until it is built */
	uint64_t snaplen_bytes;         /* -s */
	bool promiscuous;               /* -p switches it off */
	uint64_t packet_limit;          /* -c: stop after so many packets; 0: none */
	uint64_t duration_ns;           /* --duration: stop after so long; DURATION_OFF: none */
	uint64_t buffer_bytes;          /* -B */
	const char *filter;             /* the trailing BPF expression, joined by blanks; NULL: none */

	uint64_t idle_timeout_ns;       /* -d, default 30s */
	uint64_t active_timeout_ns;     /* -t, default 120s */
	uint64_t tcp_linger_ns;         /* --tcp-linger, default 5s */
	uint64_t max_flows;             /* -m; 0: by memory */
	uint64_t flood_records;         /* --flood-records, default 10k; 0: no limit */
	uint64_t memory_bytes;          /* --memory; default: half of what the machine has */

	const char *key;                /* -k: NULL is the standard biflow key */
	bool vlan_key;                  /* --no-vlan-key */
	bool per_interface;             /* --per-interface */
	int icmp_key;                   /* --icmp-key type|none */
	bool tunnels;                   /* --tunnels */
	int direction;                  /* --direction evidence|first */
	bool uniflow;                   /* --uniflow: two records instead of a biflow */
	uint64_t sample;                /* --sample 1:N; 0 or 1: all */
	int sample_mode;                /* --sample-mode count|random */
	bool meter_own_export;

	uint64_t workers;               /* -j */
	const char *user;               /* -u: drop to this user after opening */

	const char *fields;             /* --fields */
	bool sort;                      /* --sort */
	const char *stats;              /* --stats FILE|- */
	uint64_t stats_interval_ns;     /* --stats-interval */
	bool check;                     /* --check: validate and stop */
	bool verbose, quiet;            /* -v, -q */
};

extern const struct option meter_options[];

#endif

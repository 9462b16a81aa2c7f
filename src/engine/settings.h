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
#include "identify/identify.h"
#include "measure/measure.h"

enum direction_setting { DIRECTION_EVIDENCE, DIRECTION_FIRST };
enum icmp_key_setting { ICMP_KEY_TYPE, ICMP_KEY_NONE };
enum { METERS_MAX = 16 };

/* One of `meters` in YAML; what it does not say is as the settings say. */
struct meter_entry {
	const char *place;              /* "weir.yaml:4:3"; NULL: there is no list */
	const char *name;
	uint64_t template_id;           /* of its first template; 0: the next that is free */
	const char *filter;             /* beside that of the settings: both must match */
	const char *key;
	bool vlan_key, per_interface;
	const char *values;             /* columns behind those of the key; NULL: `fields` decide */
	uint64_t idle_timeout_ns, active_timeout_ns, tcp_linger_ns;
	uint64_t max_flows;
	int direction;
	bool uniflow;
	struct text_list outputs;
};

/* Filled by the table, through an option_set, which owns all strings and lists. Nothing in it is
 * judged beyond its type: that is the engine's. */
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

	struct option_entries meters;   /* struct meter_entry each; none: one meter as said above */
	const char *measures;           /* --measure: a list of hooks; NULL: none by name */
	struct measure_settings measure;
	struct identify_settings identify;
	const char *fields;             /* --fields */
	bool sort;                      /* --sort */
	const char *stats;              /* --stats FILE|- */
	uint64_t stats_interval_ns;     /* --stats-interval */
	bool check;                     /* --check: validate and stop */
	bool verbose, quiet;            /* -v, -q */
};

extern const struct option meter_options[];

/* The meters: those of the list, or the one that the settings describe. Lists and texts are
 * borrowed from the settings. Returns the number. */
unsigned settings_meters(const struct settings *settings, struct meter_entry ret[METERS_MAX]);

/* Each output that some meter names, once; borrowed. Returns the number, at most `room`. */
unsigned settings_outputs(const struct settings *settings, const char **ret, unsigned room);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What `weir collect` can be told: one struct, and the one table of options that fills it. */
#ifndef ENGINE_COLLECT_SETTINGS_H
#define ENGINE_COLLECT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/option.h"

/* Filled by the table, through an option_set, which owns all strings and lists. */
struct collect_settings {
	struct text_list listen;        /* -l */
	struct text_list files;         /* -r */
	struct text_list outputs;       /* -o */
	const char *config;             /* -f */
	const char *filter;             /* of packets in captures; NULL: none */
	uint64_t buffer_bytes;          /* -B: of a receiving socket */
	uint64_t duration_ns;           /* --duration; DURATION_OFF: none */

	uint64_t template_lifetime_ns;  /* DURATION_OFF: for ever */
	uint64_t exporters_max;
	uint64_t exporter_memory_bytes; /* templates and what waits for them, of one session */
	uint64_t memory_bytes;          /* of all sessions */
	bool options_data;              /* options data as records */

	const char *fields;             /* --fields */
	bool sort;                      /* --sort */
	const char *stats;              /* --stats FILE|- */
	uint64_t stats_interval_ns;     /* --stats-interval */
	bool check;                     /* --check: validate and stop */
	const char *user;               /* -u */
	bool verbose, quiet;            /* -v, -q */
};

extern const struct option collect_options[];

#endif

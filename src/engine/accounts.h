/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every packet and record is accounted for. The figures are counted in different rooms and
 * compared here: the source's own count, the parser's fates, the tables' packets, and the
 * sums over records emitted. With several meters a packet is metered when at least one took it, and
 * each meter has an account of its own.
 */
#ifndef ENGINE_ACCOUNTS_H
#define ENGINE_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"
#include "engine/settings.h"
#include "flow/meter.h"
#include "output/output.h"
#include "packet/fate.h"

struct meter_account {                  /* of one meter, summed over workers */
	const char *name;
	struct meter_counters counters; /* summed over workers */
	struct meter_hook_counts hooks; /* what its hooks had to do without */
	uint64_t packets, ip_octets;            /* of packets that its filter took, counted there */
	uint64_t rows;                          /* records handed to outputs, summed over outputs */
	uint64_t whole_rows;                    /* of them, rows that are a whole record each */
	unsigned whole_outputs;                 /* outputs that get such rows */
};

/* All figures of a run at one moment; a copy that nobody else writes. */
struct accounts {
	struct capture_counters source; /* what the source itself counted */
	uint64_t unread_frames, unread_octets;  /* delivered behind a limit (-c), never looked at */
	struct fate_counters fates;
	uint64_t metered_ip_octets;             /* of packets with FATE_metered, as parsed */
	uint64_t shared_packets, shared_octets; /* wire packets and IP octets of packets that more than
	                                         * one meter took, for each meter behind the first */
	unsigned meter_count;
	struct meter_account meters[METERS_MAX];        /* meter_count of them */
	uint64_t accepted;                      /* what the outputs say they were handed */
	bool outputs_balanced;                  /* accepted = acknowledged + sent + ...
	                                         * for each output */
	bool one_line;                  /* for --stats: standard output that is no terminal */
	bool finished;                          /* every flow has been flushed:
	                                         * records can be compared too */
};

/* Sums over threads; first and last times are the outermost. */
void accounts_add_fates(struct fate_counters *to, const struct fate_counters *from);
void accounts_add_meter(struct meter_counters *to, const struct meter_counters *from);
/* Both of one meter, from different workers; or to is empty. */
void accounts_add_hooks(struct meter_hook_counts *to, const struct meter_hook_counts *from);
/* All meters together. */
void accounts_sum_meters(const struct accounts *a, struct meter_counters *ret);

/* True when all agree; otherwise the message says which two do not, and by how much. */
bool accounts_balanced(const struct accounts *a, struct error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of a collection: copied out by the thread that collects, compared and printed by the
 * one that controls. Every message, set and record is accounted for:
 *   packets of captures = datagrams with messages + those without, by reason
 *   messages and octets that transports delivered = those that sessions read
 *   messages = decoded + discarded by reason
 *   sets = templates + decoded + waiting + dropped by reason
 *   records decoded = records that came to the outputs
 *   records handed to outputs = accepted by them, and each output's own balance
 */
#ifndef ENGINE_COLLECT_REPORT_H
#define ENGINE_COLLECT_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "collect/collector.h"
#include "engine/outputs.h"
#include "engine/relay.h"

/* An exporter as it stood when the report was made. */
struct report_exporter {
	char name[EXPORTER_NAME_MAX];
	unsigned sessions;              /* that are open */
	uint64_t sessions_ever, last_ns;
	struct decode_counters counters;        /* of all its sessions, past ones too */
};

/* One allocation, handed from the thread that collects to the one that prints. */
struct collect_report {
	struct collector_counters transport;    /* what came, before any decoding */
	struct decode_counters total;   /* of all exporters, those given up too */
	struct relay_counters relay;    /* what went on to the outputs */
	bool options_emitted;           /* options data are records, too */
	bool finished;                  /* all is flushed: outputs can be compared */
	uint64_t given_up;              /* exporters that are no longer told apart */
	uint64_t forgotten;             /* sessions that lost their templates for want of memory */
	uint64_t accepted;              /* by outputs */
	bool outputs_balanced;
	unsigned exporter_count;
	struct report_exporter exporters[];
};

/* What the collector says now; free() it. NULL: no memory. */
struct collect_report *collect_report_new(struct collector *collector);
/* Adds what outputs say. */
void collect_report_outputs(struct collect_report *report, const struct outputs *outputs,
                            const struct relay *relay);

/* True when all agree; else the message says which two do not, and by how much. */
bool collect_report_balanced(const struct collect_report *report, struct error *err);

/* As one JSON object, the form of --stats. */
void collect_report_print(const struct collect_report *report, const struct outputs *outputs,
                          FILE *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every packet and record is accounted for. The figures are counted in different rooms and
 * compared here: the source's own count, the parser's fates, the tables' packets, and the
 * sums over records emitted.
 */
#ifndef ENGINE_ACCOUNTS_H
#define ENGINE_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"
#include "flow/meter.h"
#include "output/output.h"
#include "packet/fate.h"

struct accounts {
	struct capture_counters source;
	uint64_t unread_frames, unread_octets;  /* delivered behind a limit (-c), never looked at */
	struct fate_counters fates;
	uint64_t metered_ip_octets;             /* of packets with FATE_metered, as parsed */
	struct meter_counters meter;            /* summed over workers */
	uint64_t rows;                          /* records handed to outputs, summed over outputs */
	uint64_t accepted;                      /* what the outputs say they were handed */
	bool outputs_balanced;                  /* accepted = acknowledged + sent + ...
	                                         * for each output */
	bool one_line;                  /* for --stats: standard output that is no terminal */
	bool finished;                          /* every flow has been flushed:
	                                         * records can be compared too */
};

void accounts_add_fates(struct fate_counters *to, const struct fate_counters *from);
void accounts_add_meter(struct meter_counters *to, const struct meter_counters *from);

/* True when all agree; otherwise the message says which two do not, and by how much. */
bool accounts_balanced(const struct accounts *a, struct error *err);

#endif

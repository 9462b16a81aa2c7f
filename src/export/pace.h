/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast an exporter sends (RFC 5476 calls for a limit that can be set), and when it may no
 * longer wait: give_up, and the deadline of finishing. For all outputs that send to collectors.
 */
#ifndef EXPORT_PACE_H
#define EXPORT_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "output/output.h"

/* Of one output. A burst has a slot of time in proportion to what is in it; the next one waits for
 * its end. */
struct pace {
	const struct output_env *env;   /* borrowed; give_up is looked at */
	uint64_t rate;                  /* records/s; 0: unpaced */
	bool rate_is_set;               /* by the user: counts records, however long they are */
	uint64_t slot_ns;               /* CLOCK_MONOTONIC: when the next burst may leave */
	uint64_t deadline_ns;           /* CLOCK_REALTIME, while finishing; 0: none */
};

/* The parameter "rate"; without it files are paced where the transport would lose datagrams. */
int pace_init(struct pace *p, const struct address *address, const struct output_env *env,
              bool loses, struct error *err);

/* Waiting is over. */
bool pace_must_hurry(const struct pace *p);
/* Sleeps until that time (CLOCK_MONOTONIC), or until waiting is over: then false. */
bool pace_sleep(const struct pace *p, uint64_t until_ns);
/* Waits for the burst's slot and books the next one. What was idle may not be caught up with. */
void pace_wait(struct pace *p, uint64_t records, uint64_t octets);

uint64_t pace_now_ns(void);             /* CLOCK_MONOTONIC */

#define PACE_PARAMETER \
	"rate", "NUMBER", "records a second, 0 unpaced (default: 0 live, 100k from files)"
#define PACE_PARAMETER_RELIABLE \
	"rate", "NUMBER", "records a second, 0 unpaced (default 0)"

#endif

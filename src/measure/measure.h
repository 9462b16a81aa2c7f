/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures: features of flows, each a hook (flow/hook.h) in a file of its own. A measure that no
 * output asks for is not opened and costs nothing.
 */
#ifndef MEASURE_MEASURE_H
#define MEASURE_MEASURE_H

#include "flow/hook.h"

struct networks;                        /* networks.h */

extern const struct flow_hook *const measures[];        /* NULL-terminated, in the order they run */

/* Packets of one direction in the record. */
static inline uint64_t flow_packets(const struct flow_view *view, unsigned side)
{
	return view->flow->packets[side] + ((uint64_t)view->cold->packets_high[side] << 32);
}

/* Of the measures that have a pool: no_room, records (of payload their sides) that it refused. */
extern const char *const measure_counters[];

/* One for a worker; borrowed by the hooks as long as it runs. */
struct measure_settings {               /* what their open() gets */
	uint64_t sequence_packets;      /* of each record that are kept one by one */
	uint64_t payload_octets;        /* looked at of each direction of a record, below 2^16 */
	uint64_t payload_flows;         /* directions looked at at a time, by each worker */
	uint64_t idle_gap_ns;           /* a flow that is silent for so long is idle */
	uint64_t measure_flows;         /* with what is kept in pools, a worker */
	uint64_t community_seed;        /* --community-seed, 16 bits */
	const char *networks_path;      /* --networks; NULL: none */
	struct networks **networks;     /* what it says, now: the worker's place for it, which changes
	                                 * between records only */
};

#endif

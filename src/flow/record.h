/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record of a flow that leaves a meter: what meter.c and flood.c hand out, and what rows.c and
 * other receivers read.
 */
#ifndef FLOW_RECORD_H
#define FLOW_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/flow.h"

enum record_varies {                    /* in what the flows of a merged record differ */
	/* Of endpoint 0, the initiator, and of endpoint 1: address or prefix, and port. */
	VARIES_SOURCE = 1, VARIES_DESTINATION = 2,
	VARIES_SOURCE_PORT = 4, VARIES_DESTINATION_PORT = 8,
	VARIES_PROTOCOL = 16, VARIES_VLAN = 32, VARIES_TUNNEL = 64, VARIES_LABEL = 128,
	VARIES_BASIS = 256,
};

/* A record that ends: flow and cold as they stand (before they are reset), borrowed for the call:
 * who wants to keep something copies it. */
struct flow_record {
	const struct flow *flow;        /* with the record's counters */
	const struct flow_cold *cold;   /* of the same flow */
	uint8_t *spaces;                /* of all hooks; NULL when there are none */
	uint64_t merged;                /* flows that were merged into it (flood.h); 0: it is one
	                                 * flow's own */
	uint32_t varies;                /* enum record_varies: no value of the record */
	uint8_t key_bytes;              /* 16, 40 or 56: how to read flow->key */
	uint8_t reason;                 /* enum flow_end_reason */
	bool flow_gone;                 /* false: the flow lives on in a further record */
};

#endif

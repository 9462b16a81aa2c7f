/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is the initiator. The sender of the first packet is, until evidence says otherwise; a
 * flow may turn only before its first record has been exported. A handshake (SYN or SYN-ACK) is
 * the strongest evidence. Where the first packet is none, what it says by its protocol counts
 * (roles.h), then a server remembered (servers.h), then the ports (services.h).
 *
 * Nothing of this is asked of a packet of a known flow: only of the first, of the other side's
 * first, and of SYNs.
 */
#ifndef FLOW_DIRECTION_H
#define FLOW_DIRECTION_H

#include <stdbool.h>

#include "flow/flow.h"
#include "flow/servers.h"
#include "flow/services.h"
#include "flow/table.h"

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PUSH = 8, TCP_ACK = 16 };

struct direction {                      /* a meter's; all zero: the first packet alone decides */
	bool weighs[2];                 /* by family (4, 6): evidence counts */
	bool brief;                     /* line 1 of packets may not have been filled */
	struct servers servers;
	struct services services;       /* what ports say */
};

struct direction_case {                 /* a packet, counted into its flow or about to be */
	const struct flow_table *table; /* the flow's */
	struct flow *flow;
	struct flow_cold *cold;         /* of the same flow */
	const struct packet *packet;
	unsigned sender;                /* endpoint of the flow's key */
};

int  direction_init(struct direction *d);                /* 0 or -ENOMEM */
void direction_fini(struct direction *d);               /* a zeroed one is fine */

/* The sender of a new flow's first packet. */
void direction_start(struct flow *flow, struct flow_cold *cold, unsigned sender);

/* Weighs evidence that `initiator` (0 or 1) is the initiator. True if the flow turned. */
bool direction_weigh(struct flow *flow, struct flow_cold *cold, unsigned initiator,
                     enum flow_basis basis);

/* What the first packet of either side says, if it is no SYN; true if the flow turned. The flow's
 * state says whether the other side has spoken. */
bool direction_first_of_side(struct direction *d, const struct direction_case *c);

/* What a SYN or SYN-ACK says; true if the flow turned. */
bool direction_handshake(struct direction *d, const struct direction_case *c);

/* The key endpoint (0 or 1) that is the record's source. */
static inline unsigned direction_initiator(const struct flow *flow)
{
	return (flow->state & FLOW_INITIATOR_1) != 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is the initiator. The sender of the first packet is, until evidence says otherwise; a
 * flow may turn only before its first record has been exported. The first packet of a handshake
 * (SYN or SYN-ACK) is the strongest evidence; remembered servers, protocol knowledge and
 * registered ports are weaker.
 */
#ifndef FLOW_DIRECTION_H
#define FLOW_DIRECTION_H

#include <stdbool.h>

#include "flow/flow.h"

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PUSH = 8, TCP_ACK = 16 };

/* The sender of a new flow's first packet. */
void direction_start(struct flow *flow, struct flow_cold *cold, unsigned sender);

/* Weighs evidence that `initiator` (0 or 1) is the initiator. True if the flow turned. */
bool direction_weigh(struct flow *flow, struct flow_cold *cold, unsigned initiator,
                     enum flow_basis basis);

/* What a TCP packet from `sender` says; true if the flow turned. */
bool direction_tcp(struct flow *flow, struct flow_cold *cold, unsigned sender, unsigned tcp_flags);

static inline unsigned direction_initiator(const struct flow *flow)
{
	return (flow->state & FLOW_INITIATOR_1) != 0;
}

#endif

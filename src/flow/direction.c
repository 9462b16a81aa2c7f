/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/direction.h"

/* Stronger evidence has the higher rank; equal evidence changes nothing. */
static unsigned rank(uint8_t basis)
{
	static const uint8_t ranks[] = {
		[BASIS_NONE] = 0, [BASIS_FIRST_PACKET] = 1, [BASIS_REGISTERED_PORT] = 2,
		[BASIS_PROTOCOL] = 3, [BASIS_REMEMBERED_SERVER] = 4, [BASIS_SYN_ACK] = 5, [BASIS_SYN] = 5,
	};
	return basis < sizeof ranks ? ranks[basis] : 0;
}

static void set_initiator(struct flow *flow, unsigned side)
{
	flow->state = (uint8_t)((flow->state & ~FLOW_INITIATOR_1) | (side ? FLOW_INITIATOR_1 : 0));
}

void direction_start(struct flow *flow, struct flow_cold *cold, unsigned sender)
{
	set_initiator(flow, sender);
	cold->basis = BASIS_FIRST_PACKET;
}

bool direction_weigh(struct flow *flow, struct flow_cold *cold, unsigned initiator,
                     enum flow_basis basis)
{
	if ((flow->state & FLOW_EXPORTED) || rank((uint8_t)basis) <= rank(cold->basis))
		return false;
	cold->basis = (uint8_t)basis;
	if (direction_initiator(flow) == initiator)
		return false;
	set_initiator(flow, initiator);
	cold->bits ^= COLD_TURNED;
	return true;
}

bool direction_tcp(struct flow *flow, struct flow_cold *cold, unsigned sender, unsigned tcp_flags)
{
	if (!(tcp_flags & TCP_SYN))
		return false;
	if (tcp_flags & TCP_ACK)
		return direction_weigh(flow, cold, sender ^ 1, BASIS_SYN_ACK);
	return direction_weigh(flow, cold, sender, BASIS_SYN);
}

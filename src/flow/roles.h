/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a protocol says of who asked whom: a DNS response, a DHCP offer, a TLS ClientHello. Looked
 * at in the first packet of a flow and the first answer to it, when its handshake is not there.
 * Only messages that one of the two roles alone can send count. UDP is known by its ports, and both
 * the port and the message must say the same; TCP by its first octets. Neighbour: direction.c.
 */
#ifndef FLOW_ROLES_H
#define FLOW_ROLES_H

#include <stdbool.h>
#include <stdint.h>

enum role { ROLE_UNKNOWN, ROLE_CLIENT, ROLE_SERVER };

enum role_rule {                        /* what a message is looked at as */
	RULE_NONE, RULE_DNS, RULE_DHCP, RULE_DHCP6, RULE_NTP, RULE_SNMP, RULE_RADIUS, RULE_TFTP,
	RULE_SIP, RULE_STUN, RULE_COAP, RULE_SSDP, RULE_IKE, RULE_OPENVPN, RULE_SEGMENT, RULE_COUNT
};

enum { ROLE_PORTS = 8192 };             /* none of them has a port from here on */
extern const uint8_t role_rules[ROLE_PORTS];    /* enum role_rule, by port of UDP */

/* Of the two rules of a datagram that with the lower port: it is the older service. */
static inline enum role_rule role_rule_of(const uint16_t port[2])
{
	uint16_t low = port[0] < port[1] ? port[0] : port[1];
	uint16_t high = port[0] < port[1] ? port[1] : port[0];
	unsigned first = low < ROLE_PORTS ? role_rules[low] : RULE_NONE;
	unsigned second = high < ROLE_PORTS ? role_rules[high] : RULE_NONE;
	return first ? first : second;
}

/* What the sender of this message is. Ports are of no matter to RULE_SEGMENT: TCP is known by its
 * octets. */
enum role role_by_rule(enum role_rule rule, uint16_t from_port, uint16_t to_port,
                       const uint8_t *payload, uint32_t payload_bytes);
enum role role_of_icmp(uint8_t protocol, uint8_t type);

#endif

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

/* What the sender of this message is. */
enum role role_of_datagram(uint16_t from_port, uint16_t to_port, const uint8_t *payload,
                           uint32_t payload_bytes);
enum role role_of_segment(const uint8_t *payload, uint32_t payload_bytes);
enum role role_of_icmp(uint8_t protocol, uint8_t type);

/* False: role_of_datagram() knows no protocol of this port. */
bool role_has_port(uint16_t port);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which end of a flow is the server by its port: a registered port against an ephemeral one. The
 * weakest evidence there is; direction.c weighs it. The ports stand in services.def, here they are
 * a bit each.
 */
#ifndef FLOW_SERVICES_H
#define FLOW_SERVICES_H

#include <stdbool.h>
#include <stdint.h>

enum { SERVICE_PORTS = 49152 };         /* from here on nothing can be registered: RFC 6335 */

struct services {
	uint64_t tcp[SERVICE_PORTS / 64], udp[SERVICE_PORTS / 64];
};

void services_init(struct services *services);

/* UDP: the services of UDP; all other protocols have TCP's. */
bool services_has(const struct services *services, uint8_t protocol, uint16_t port);

/* 0 or 1: this end's port is a server's and the other's a client's; -1: they do not say.
 *
 * Ports are of five kinds: registered below 1024; registered above; others up to 32767; others up
 * to 49151, where Linux begins to give ports to clients; and those above, which are for clients
 * alone (RFC 6335). Of no kind are ports from 512 to 1023 that are not registered, which clients
 * with privileges use, and ftp-data (20), from which servers open connections.
 * A flow of TCP that is met without its handshake is under way, and its first packet is anybody's:
 * the kind that stands first in this list is the server's. With other protocols the first packet
 * says more: there only a registered port against one from 32768 on names the server.
 */
int services_weigh(const struct services *services, uint8_t protocol, const uint16_t port[2]);

#endif

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

struct services {                       /* a bit for each port */
	uint64_t tcp[65536 / 64], udp[65536 / 64];
};

enum service_kind {                     /* of a port, in the order of who is the server */
	KIND_SYSTEM,                    /* registered, below 1024 */
	KIND_REGISTERED,                /* registered above that */
	KIND_USER,                      /* another below 32768 */
	KIND_CLIENT,                    /* another below 49152: Linux gives them to clients */
	KIND_DYNAMIC,                   /* for clients alone: RFC 6335 */
	KIND_NONE                       /* ftp-data (20), from which servers open connections, and what
	                                 * is not registered from 512 to 1023: clients with privileges
	                                 * use it */
};

/* Fills the bits from services.def. */
void services_init(struct services *services);

struct service {                        /* a line of services.def */
	uint16_t port;
	uint8_t  transports;            /* as services.c reads them */
	const char *name;               /* as IANA has registered it */
	const char *category;           /* NULL: none fits */
};

/* The number of a service by its port, from 1 on, of TCP and UDP; 0: there is none. */
unsigned services_find(uint8_t protocol, uint16_t port);
const struct service *services_get(unsigned number);    /* NULL: no such number */
unsigned services_count(void);                          /* the highest number */

/* UDP (and UDP-Lite) has its own services; all other protocols have TCP's. */
static inline const uint64_t *services_of(const struct services *s, uint8_t protocol)
{
	return protocol == 17 || protocol == 136 ? s->udp : s->tcp;
}

/* ports: of services_of(). Ports of clients are drawn at random: nothing here is a branch. */
static inline enum service_kind service_kind_of(const uint64_t *ports, uint16_t port)
{
	unsigned registered = ports[port / 64] >> port % 64 & 1;
	unsigned none = (port == 0) | (port == 20) | (port - 512u < 512);
	unsigned other = KIND_USER + (port >= 32768) + (port >= 49152);
	other = none ? KIND_NONE : other;
	return registered ? (port >= 1024 ? KIND_REGISTERED : KIND_SYSTEM) : other;
}

/* 0 or 1: this end's port is a server's and the other's a client's; -1: they do not say.
 *
 * A flow of TCP that is met without its handshake is under way, and its first packet is anybody's:
 * the kind that comes first is the server's. With other protocols the first packet says more: there
 * only a registered port against one from 32768 on names the server. */
static inline int services_weigh(uint8_t protocol, const enum service_kind kind[2])
{
	unsigned low = kind[1] < kind[0], least = kind[low], most = kind[low ^ 1];
	bool silent = (least == most) | (most == KIND_NONE)
		| ((protocol != 6) & ((least > KIND_REGISTERED) | (most < KIND_CLIENT)));
	return silent ? -1 : (int)low;
}

#endif

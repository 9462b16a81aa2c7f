/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers remembered: a table of ends (address, port, protocol) that were seen answering. What it
 * learns comes from handshakes, which are proof, and from first answers of flows without one, which
 * count once several clients have had one. direction.c asks it when a flow begins without better
 * evidence.
 *
 * Fixed size, set-associative, keyed: an end's set follows from the meter's keyed hash, so nobody
 * can aim at one. A full set gives up what is out of date, then what the fewest clients have
 * used, then what is oldest; ends that several clients have used outlast any number of single
 * answers. One cache line a set; memory comes as sets are used.
 */
#ifndef FLOW_SERVERS_H
#define FLOW_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

enum {
	SERVER_SETS = 16384, SERVER_WAYS = 4,   /* 65,536 servers in 1 MiB */
	SERVER_PEERS = 2,               /* clients that are remembered by themselves */
	SERVER_SEVERAL = 3,             /* clients that make up for a handshake */
	SERVER_CLIENTS_MAX = 8,         /* no more are counted, so that it can be unlearned */
	SERVER_AGE_S = 3 * 3600,        /* longer than the two hours of TCP's keep-alive */
	SERVER_AGE_SEVERAL_S = 24 * 3600
};

/* One place: 16 octets, four to a cache line. */
struct server {
	uint32_t tag;                   /* of the hash; 0: free */
	uint32_t seen_s;                /* when it last answered, seconds since 1970 */
	uint16_t peer[SERVER_PEERS];    /* short tags of the last clients, latest first */
	uint16_t port;                  /* of the last client */
	uint8_t  clients;               /* that differ, one after the other */
	uint8_t  handshake;             /* has accepted a connection */
};

/* One meter's memory. */
struct servers {
	struct region region;           /* empty: remembers nothing */
	uint64_t learned;               /* how often; 0: there is nothing to look for */
};

struct server_end {                     /* of a flow */
	uint64_t hash;                  /* keyed, of address, port, protocol and VLANs */
	uint16_t port;
};

/* How sure it is that an end is a server; a higher value is surer. */
enum server_trust {
	SERVER_UNKNOWN,
	SERVER_OF_PEER,                 /* has answered this very peer, lately */
	SERVER_OF_SEVERAL,              /* has answered several */
	SERVER_BY_HANDSHAKE             /* has accepted a connection */
};

int  servers_init(struct servers *servers);             /* 0 or -ENOMEM */
void servers_fini(struct servers *servers);             /* a zeroed one is fine */

/* It has answered. Clients count as different that are none of the last ones and have another port
 * than the last, or an ephemeral one: who answers many at one port of a service is their client. */
void servers_learn(struct servers *servers, const struct server_end *server,
                   const struct server_end *client, bool handshake, uint32_t now_s);
/* It was seen as a client. */
void servers_forget(struct servers *servers, const struct server_end *end);
/* It spoke first to `peer`: unless that is one of its last clients, one of them is unlearned. */
void servers_doubt(struct servers *servers, const struct server_end *end,
                   const struct server_end *peer, uint32_t now_s);
/* What is remembered of an end, for a flow with `peer`, as of now_s. */
enum server_trust servers_recall(const struct servers *servers, const struct server_end *end,
                                 const struct server_end *peer, uint32_t now_s);

#endif

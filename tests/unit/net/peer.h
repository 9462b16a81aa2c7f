/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listener under test with a record of what it told, and plain sockets that talk to it. peer.c
 * is shared by the tests of listeners and connections.
 */
#ifndef TESTS_UNIT_NET_PEER_H
#define TESTS_UNIT_NET_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "net/listener.h"

enum { PEER_LOG_MAX = 256 };

struct heard {
	struct listener *listener;
	struct listener_setup setup;
	unsigned opened, closed, notes;
	unsigned message_count;
	uint64_t octets;
	struct {
		uint64_t session;
		struct net_endpoint remote;
		uint32_t bytes, first;          /* its length, its octets 4 to 7 */
		uint16_t stream;
	} messages[PEER_LOG_MAX];               /* the first of them */
	char reason[512];                       /* of the last close */
	char note[512];                         /* the last */
	char peer[256];                         /* of the last opened session */
	uint64_t last_opened, last_closed;      /* ids */
	bool proves;                            /* marks sessions that deliver as proven */
	uint32_t refuses_first;                 /* a message with these octets 4 to 7 is refused */
};

/* Port 0; fails the test when it cannot listen. */
void heard_open(struct heard *h, enum net_transport transport);
void heard_open_with(struct heard *h);          /* with h->setup */
void heard_close(struct heard *h);
uint16_t heard_port(const struct heard *h);
/* Polls until so much was heard or 5 s are over. */
void heard_poll_messages(struct heard *h, unsigned count);
void heard_poll_closed(struct heard *h, unsigned count);
void heard_poll_opened(struct heard *h, unsigned count);
void heard_poll_for(struct heard *h, unsigned ms);
struct listener_counters heard_counters(struct heard *h);

/* A plain socket connected to 127.0.0.1 or ::1 at the port. */
int peer_connect(int type, bool is_v6, uint16_t port);
/* A message with IPFIX's header: version 10, its length, and `first` behind. */
void peer_message(uint8_t *octets, uint16_t bytes, uint32_t first);
uint64_t monotonic_ns(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams to one peer: a connected UDP socket, what its path takes, and many datagrams in one
 * call where the kernel can cut them apart (UDP_SEGMENT, about a fifth of the cost of single
 * sends). Knows nothing of IPFIX; export/ipfix_udp.c decides what a failure means.
 */
#ifndef NET_UDP_H
#define NET_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/endpoint.h"

enum { UDP_BURST_MAX = 64, UDP_BURST_BYTES_MAX = 65000 };

/* A connected socket and what was found out about it. */
struct udp_peer {
	int fd;                         /* -1: not open */
	bool is_ipv6;
	bool segments;                  /* UDP_SEGMENT has not been refused so far */
};

/* Borrowed until udp_send() has returned. */
struct udp_datagram {
	const uint8_t *octets;
	uint32_t bytes;
};

/* Borrowed for the call. */
struct udp_setup {
	const char *host;               /* a name or an address */
	uint16_t port;
	const char *source;             /* a local address or name to send from; NULL: any */
	unsigned wait_ms;               /* a send waits at most so long for room in the socket */
};

/* Resolves the host (which may block), tries its addresses in order, binds to the source and
 * connects. On an error the message says what was tried. */
int udp_open(const struct udp_setup *setup, struct udp_peer *ret, struct error *err);
/* Fine when it is not open. */
void udp_close(struct udp_peer *peer);

/* The largest IP packet that the path to the peer takes, as far as the kernel knows; 0: unknown. */
uint32_t udp_path_mtu(const struct udp_peer *peer);
/* Octets of IP and UDP headers before the payload. */
uint32_t udp_header_bytes(const struct udp_peer *peer);

/* How many of the datagrams, from the first, one udp_send() can take: all of one length, the
 * last may be shorter. At least 1. */
unsigned udp_run(const struct udp_peer *peer, const struct udp_datagram *datagrams, unsigned count);
/* Sends such a run: all or none. 0 or a negative errno; -ECONNREFUSED tells of an earlier
 * datagram. */
int udp_send(struct udp_peer *peer, const struct udp_datagram *datagrams, unsigned count);

/* The error that waits at the socket, taken from it: an ICMP answer to what was sent. 0: none. */
int udp_pending_error(const struct udp_peer *peer);

#endif

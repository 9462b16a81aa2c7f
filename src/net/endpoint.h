/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a transport session (address and port), the transports there are, and names turned
 * into addresses. IPv4 is IPv4 wherever it comes from: what a dual-stack socket calls
 * ::ffff:a.b.c.d is a.b.c.d here, so one exporter is the same by either socket. Neighbours:
 * listener.h and connection.h use it.
 */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

enum net_transport { NET_UDP, NET_TCP, NET_TLS, NET_DTLS, NET_SCTP, NET_TRANSPORT_COUNT };

/* "udp", "tcp", "tls", "dtls", "sctp". */
const char *net_transport_name(enum net_transport transport);
/* The transport that a scheme names behind its '+' ("ipfix+tls"); false if it names none. */
bool net_transport_of_scheme(const char *scheme, enum net_transport *ret);
bool net_transport_is_secure(enum net_transport transport);     /* TLS, DTLS */
bool net_transport_is_stream(enum net_transport transport);     /* TCP, TLS: no borders */
uint8_t net_transport_protocol(enum net_transport transport);   /* the IP protocol number */

struct net_endpoint {                   /* no padding: compared and hashed as octets */
	uint8_t octets[16];             /* IPv4 in the first four */
	uint32_t zone;                  /* interface of a link-local IPv6 address; 0: none */
	uint16_t port;
	uint8_t family;                 /* 4 or 6; 0: unknown */
	uint8_t unused;
};

enum { NET_ENDPOINT_TEXT = 64 };

/* False (and all zero) for another family of addresses. */
bool net_endpoint_of(const struct sockaddr *address, struct net_endpoint *ret);
/* For a socket of that family: AF_INET6 gets IPv4 as a mapped address. Returns the length, 0 when
 * an AF_INET socket cannot reach the endpoint. */
socklen_t net_endpoint_sockaddr(const struct net_endpoint *e, int family,
                                struct sockaddr_storage *ret);
bool net_endpoint_equal(const struct net_endpoint *a, const struct net_endpoint *b);
/* "192.0.2.1:4739", "[2001:db8::1]:4739"; returns the buffer. */
const char *net_endpoint_text(const struct net_endpoint *e, char *buffer, size_t size);
/* The address alone: "192.0.2.1", "2001:db8::1". */
const char *net_endpoint_host(const struct net_endpoint *e, char *buffer, size_t size);

/* The ends of a socket; false when it has none. */
bool net_endpoint_local(int fd, struct net_endpoint *ret);
bool net_endpoint_remote(int fd, struct net_endpoint *ret);

enum { NET_ENDPOINTS_MAX = 8 };

/* What a name stands for, as far as it is tried. */
struct net_endpoint_list {
	unsigned count;
	struct net_endpoint at[NET_ENDPOINTS_MAX];      /* `count` of them */
};

/* The addresses of a name in the system's order; may block. `passive`: to listen at, where NULL and
 * "::" mean every address. */
int net_resolve(const char *host, uint16_t port, bool passive, struct net_endpoint_list *ret,
                struct error *err);

#endif

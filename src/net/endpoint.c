/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints and names: see endpoint.h. The table of transports is the one place that knows their
 * names, protocol numbers and what kind they are.
 */
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

_Static_assert(sizeof(struct net_endpoint) == 24, "endpoints are compared as octets");

static const struct {
	const char *name;
	uint8_t protocol;
	bool is_secure, is_stream;
} transports[NET_TRANSPORT_COUNT] = {
	[NET_UDP] = { "udp", IPPROTO_UDP, false, false },
	[NET_TCP] = { "tcp", IPPROTO_TCP, false, true },
	[NET_TLS] = { "tls", IPPROTO_TCP, true, true },
	[NET_DTLS] = { "dtls", IPPROTO_UDP, true, false },
	[NET_SCTP] = { "sctp", IPPROTO_SCTP, false, false },
};

const char *net_transport_name(enum net_transport transport) { return transports[transport].name; }
bool net_transport_is_secure(enum net_transport t) { return transports[t].is_secure; }
bool net_transport_is_stream(enum net_transport t) { return transports[t].is_stream; }
uint8_t net_transport_protocol(enum net_transport t) { return transports[t].protocol; }

bool net_transport_of_scheme(const char *scheme, enum net_transport *ret)
{
	const char *plus = strchr(scheme, '+');
	for (unsigned i = 0; plus && i < array_count(transports); i++) {
		if (strcmp(plus + 1, transports[i].name) != 0)
			continue;
		*ret = (enum net_transport)i;
		return true;
	}
	return false;
}

/* All octets are written, since endpoints are compared as octets. */
bool net_endpoint_of(const struct sockaddr *address, struct net_endpoint *ret)
{
	*ret = (struct net_endpoint){ 0 };
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
		ret->family = 4;
		ret->port = ntohs(v4->sin_port);
		memcpy(ret->octets, &v4->sin_addr, 4);
		return true;
	}
	if (address->sa_family != AF_INET6)
		return false;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
	ret->port = ntohs(v6->sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		ret->family = 4;
		memcpy(ret->octets, v6->sin6_addr.s6_addr + 12, 4);
		return true;
	}
	ret->family = 6;
	ret->zone = v6->sin6_scope_id;
	memcpy(ret->octets, &v6->sin6_addr, 16);
	return true;
}

socklen_t net_endpoint_sockaddr(const struct net_endpoint *e, int family,
                                struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof *ret);
	if (family == AF_INET) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ret;
		v4->sin_family = AF_INET;
		v4->sin_port = htons(e->port);
		memcpy(&v4->sin_addr, e->octets, 4);
		return e->family == 4 ? sizeof *v4 : 0;
	}
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ret;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(e->port);
	if (e->family == 4) {
		memset(v6->sin6_addr.s6_addr + 10, 0xff, 2);
		memcpy(v6->sin6_addr.s6_addr + 12, e->octets, 4);
	} else {
		memcpy(&v6->sin6_addr, e->octets, 16);
		v6->sin6_scope_id = e->zone;
	}
	return sizeof *v6;
}

bool net_endpoint_equal(const struct net_endpoint *a, const struct net_endpoint *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

const char *net_endpoint_host(const struct net_endpoint *e, char *buffer, size_t size)
{
	char text[INET6_ADDRSTRLEN], zone[IF_NAMESIZE];
	if (!inet_ntop(e->family == 6 ? AF_INET6 : AF_INET, e->octets, text, sizeof text))
		text[0] = '\0';
	if (e->zone && if_indextoname(e->zone, zone))
		snprintf(buffer, size, "%s%%%s", text, zone);
	else
		snprintf(buffer, size, "%s", text);
	return buffer;
}

const char *net_endpoint_text(const struct net_endpoint *e, char *buffer, size_t size)
{
	char host[NET_ENDPOINT_TEXT];
	net_endpoint_host(e, host, sizeof host);
	snprintf(buffer, size, e->family == 6 ? "[%s]:%u" : "%s:%u", host, e->port);
	return buffer;
}

bool net_endpoint_local(int fd, struct net_endpoint *ret)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof address;
	return getsockname(fd, (struct sockaddr *)&address, &size) == 0
	       && net_endpoint_of((struct sockaddr *)&address, ret);
}

bool net_endpoint_remote(int fd, struct net_endpoint *ret)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof address;
	return getpeername(fd, (struct sockaddr *)&address, &size) == 0
	       && net_endpoint_of((struct sockaddr *)&address, ret);
}

/* SOCK_STREAM only keeps getaddrinfo() from naming each address once for every type of socket. */
int net_resolve(const char *host, uint16_t port, bool passive, struct net_endpoint_list *ret,
                struct error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = passive ? AI_PASSIVE : 0 };
	struct addrinfo *found;
	struct net_endpoint_list list = { 0 };
	char service[8];
	snprintf(service, sizeof service, "%u", port);
	if (passive && !host)
		host = "::";
	int rc = getaddrinfo(host, service, &hints, &found);
	if (rc != 0) {
		int code = rc == EAI_SYSTEM && errno ? errno : ENOENT;
		return error_set(err, -code, "cannot resolve \"%s\": %s", host,
		                 rc == EAI_SYSTEM ? strerror(code) : gai_strerror(rc));
	}
	for (const struct addrinfo *a = found; a && list.count < NET_ENDPOINTS_MAX; a = a->ai_next)
		list.count += net_endpoint_of(a->ai_addr, &list.at[list.count]);
	freeaddrinfo(found);
	if (list.count == 0)
		return error_set(err, -ENOENT, "\"%s\" has no IPv4 or IPv6 address", host);
	*ret = list;
	return 0;
}

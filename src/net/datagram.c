/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many datagrams with one call, for listeners over UDP, DTLS and SCTP: recvmmsg, and UDP_GRO where
 * the kernel hands on what a sender gave it in one piece (UDP_SEGMENT) without cutting it first.
 * The kernel's drops come from SO_MEMINFO, a count of 32 bits that is carried on here.
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/compiler.h"
#include "net/listener_inner.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

enum {
	BATCH = 32,
	DATAGRAM_BYTES = 65536,         /* the longest there is, or many coalesced */
	TURN_BATCHES = 16,              /* then the others have their turn */
	CONTROL_BYTES = 64,
};

/* Buffers for one call, in use again with the next. */
struct datagram_reader {
	struct mmsghdr headers[BATCH];
	struct iovec pieces[BATCH];
	struct sockaddr_storage from[BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL_BYTES];
	uint8_t octets[BATCH][DATAGRAM_BYTES];          /* touched as far as datagrams are long */
};

int datagram_reader_new(struct datagram_reader **ret)
{
	struct datagram_reader *r = malloc(sizeof *r);
	if (!r)
		return -ENOMEM;
	memset(r->headers, 0, sizeof r->headers);
	for (unsigned i = 0; i < BATCH; i++) {
		r->pieces[i] = (struct iovec){ r->octets[i], DATAGRAM_BYTES };
		struct msghdr *m = &r->headers[i].msg_hdr;
		m->msg_iov = &r->pieces[i];
		m->msg_iovlen = 1;
		m->msg_name = &r->from[i];
		m->msg_control = r->control[i];
	}
	*ret = r;
	return 0;
}

void datagram_reader_free(struct datagram_reader *reader)
{
	free(reader);
}

void datagram_socket(struct listener *l, unsigned socket)
{
	int fd = l->sockets[socket], yes = 1;
	int bytes = l->setup.buffer_bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)l->setup.buffer_bytes;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	setsockopt(fd, IPPROTO_UDP, UDP_GRO, &yes, sizeof yes);
}

void datagram_ask_local(struct listener *l, unsigned socket)
{
	int fd = l->sockets[socket], yes = 1;
	if (l->families[socket] == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes);
	else
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
}

struct told {                           /* by control messages */
	uint32_t segment_bytes;         /* of datagrams that were put together; 0: it is one */
	struct net_endpoint local;
};

/* A link-local address means nothing without its interface. */
static void local_of(const struct cmsghdr *c, struct net_endpoint *ret)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct in6_pktinfo info_v6;
	struct in_pktinfo info_v4;
	if (c->cmsg_level == IPPROTO_IPV6) {
		memcpy(&info_v6, CMSG_DATA(c), sizeof info_v6);
		v6.sin6_addr = info_v6.ipi6_addr;
		if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr))
			v6.sin6_scope_id = info_v6.ipi6_ifindex;
		net_endpoint_of((struct sockaddr *)&v6, ret);
	} else {
		memcpy(&info_v4, CMSG_DATA(c), sizeof info_v4);
		v4.sin_addr = info_v4.ipi_addr;
		net_endpoint_of((struct sockaddr *)&v4, ret);
	}
}

/* Control messages are there only if the socket was asked for them. */
static struct told told_by(struct msghdr *m)
{
	struct told told = { 0 };
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		int bytes;
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&bytes, CMSG_DATA(c), sizeof bytes);
			told.segment_bytes = bytes > 0 ? (uint32_t)bytes : 0;
		} else if ((c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
		           || (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)) {
			local_of(c, &told.local);
		}
	}
	return told;
}

/* What the kernel has put together (UDP_GRO) is cut at the segment's length again: the last piece
 * may be shorter. */
static void deliver(struct listener *l, unsigned socket, struct mmsghdr *header,
                    datagram_function *function)
{
	struct msghdr *m = &header->msg_hdr;
	struct told told = told_by(m);
	uint32_t total = header->msg_len, at = 0;
	uint32_t segment = told.segment_bytes ? told.segment_bytes : total;
	struct datagram d = { .local = told.local };
	if (m->msg_namelen == 0 || !net_endpoint_of(m->msg_name, &d.remote))
		return;
	if (d.local.family)
		d.local.port = l->port;
	do {
		d.octets = (const uint8_t *)m->msg_iov->iov_base + at;
		d.bytes = total - at < segment ? total - at : segment;
		function(l, socket, &d);
		at += segment;
	} while (at < total);
}

static void say_local(struct msghdr *m, const struct net_endpoint *local, int family)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct sockaddr_storage address;
	net_endpoint_sockaddr(local, family, &address);
	if (family == AF_INET6) {
		struct in6_pktinfo info = { .ipi6_ifindex = local->zone };
		info.ipi6_addr = ((struct sockaddr_in6 *)(void *)&address)->sin6_addr;
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof info);
		memcpy(CMSG_DATA(c), &info, sizeof info);
	} else {
		struct in_pktinfo info = { 0 };
		info.ipi_spec_dst = ((struct sockaddr_in *)(void *)&address)->sin_addr;
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof info);
		memcpy(CMSG_DATA(c), &info, sizeof info);
	}
	m->msg_controllen = CMSG_ALIGN(c->cmsg_len);
}

int datagram_send(const struct listener *l, unsigned socket, const struct datagram *d)
{
	struct sockaddr_storage to;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES] = { 0 };
	struct iovec piece = { (void *)(uintptr_t)d->octets, d->bytes };
	struct msghdr m = { .msg_name = &to, .msg_iov = &piece, .msg_iovlen = 1,
	                    .msg_control = control, .msg_controllen = sizeof control };
	m.msg_namelen = net_endpoint_sockaddr(&d->remote, l->families[socket], &to);
	if (d->local.family)
		say_local(&m, &d->local, l->families[socket]);
	else
		m.msg_controllen = 0;
	return sendmsg(l->sockets[socket], &m, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* A bounded number of batches a turn, so that a flood at one socket does not keep the others
 * waiting. */
void datagram_read(struct datagram_reader *r, struct listener *l, unsigned socket,
                   datagram_function *function)
{
	for (unsigned turn = 0; turn < TURN_BATCHES; turn++) {
		for (unsigned i = 0; i < BATCH; i++) {
			r->headers[i].msg_hdr.msg_namelen = sizeof r->from[i];
			r->headers[i].msg_hdr.msg_controllen = CONTROL_BYTES;
		}
		int count = recvmmsg(l->sockets[socket], r->headers, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < count; i++)
			deliver(l, socket, &r->headers[i], function);
		if (count < BATCH)
			return;
	}
}

/* The kernel's counter has 32 bits: differences are added up, so it may wrap between two looks. */
uint64_t datagram_drops(struct listener *l)
{
	uint32_t memory[SK_MEMINFO_VARS];
	uint64_t drops = 0;
	if (l->transport->socket_type == SOCK_STREAM)
		return 0;
	for (unsigned i = 0; i < l->socket_count; i++) {
		socklen_t size = sizeof memory;
		if (getsockopt(l->sockets[i], SOL_SOCKET, SO_MEMINFO, memory, &size) == 0) {
			uint32_t now = memory[SK_MEMINFO_DROPS];
			l->drops_before[i] += (uint32_t)(now - l->drops[i]);
			l->drops[i] = now;
		}
		drops += l->drops_before[i];
	}
	return drops;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One connected UDP socket; see udp.h. */
#include "net/udp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { SEND_BUFFER_BYTES = 1 << 20, IPV4_UDP_BYTES = 28, IPV6_UDP_BYTES = 48 };

static int resolve(const char *host, const char *port, int family, struct addrinfo **ret,
                   struct error *err)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_DGRAM };
	int rc = getaddrinfo(host, port, &hints, ret);
	if (rc == 0)
		return 0;
	int code = rc == EAI_SYSTEM && errno ? errno : ENOENT;
	return error_set(err, -code, "cannot resolve \"%s\": %s", host,
	                 rc == EAI_SYSTEM ? strerror(code) : gai_strerror(rc));
}

/* Of the family of the address that is tried: a source of the other one fails there, and the next
 * address is tried. */
static int bind_source(int fd, const char *source, int family, struct error *err)
{
	struct addrinfo *local;
	int rc = resolve(source, NULL, family, &local, err);
	if (rc < 0)
		return error_prefix(err, rc, "source");
	if (bind(fd, local->ai_addr, local->ai_addrlen) < 0)
		rc = error_set(err, -errno, "cannot send from \"%s\": %s", source, strerror(errno));
	freeaddrinfo(local);
	return rc;
}

static void set_options(int fd, unsigned wait_ms)
{
	struct timeval wait = { .tv_sec = wait_ms / 1000, .tv_usec = (wait_ms % 1000) * 1000 };
	int bytes = SEND_BUFFER_BYTES;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

static int connect_to(const struct addrinfo *to, const char *source, int *ret_fd, struct error *err)
{
	int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, -errno, "cannot open a UDP socket: %s", strerror(errno));
	int rc = source ? bind_source(fd, source, to->ai_family, err) : 0;
	if (rc == 0 && connect(fd, to->ai_addr, to->ai_addrlen) < 0)
		rc = error_set(err, -errno, "cannot reach it: %s", strerror(errno));
	if (rc < 0) {
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

int udp_open(const struct udp_setup *setup, struct udp_peer *ret, struct error *err)
{
	char port[8];
	struct addrinfo *found;
	int fd = -1;
	snprintf(port, sizeof port, "%u", setup->port);
	int rc = resolve(setup->host, port, AF_UNSPEC, &found, err);
	if (rc < 0)
		return rc;
	rc = -ENOENT;
	for (const struct addrinfo *to = found; to && rc < 0; to = to->ai_next) {
		rc = connect_to(to, setup->source, &fd, err);
		if (rc == 0)
			*ret = (struct udp_peer){ .fd = fd, .is_ipv6 = to->ai_family == AF_INET6,
			                          .segments = true };
	}
	freeaddrinfo(found);
	if (rc == 0)
		set_options(fd, setup->wait_ms);
	return rc;
}

void udp_close(struct udp_peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
}

uint32_t udp_path_mtu(const struct udp_peer *peer)
{
	int mtu = 0;
	socklen_t size = sizeof mtu;
	int level = peer->is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
	if (getsockopt(peer->fd, level, peer->is_ipv6 ? IPV6_MTU : IP_MTU, &mtu, &size) < 0 || mtu < 0)
		return 0;
	return (uint32_t)mtu;
}

uint32_t udp_header_bytes(const struct udp_peer *peer)
{
	return peer->is_ipv6 ? IPV6_UDP_BYTES : IPV4_UDP_BYTES;
}

unsigned udp_run(const struct udp_peer *peer, const struct udp_datagram *datagrams, unsigned count)
{
	uint32_t total = datagrams[0].bytes;
	unsigned n = 1;
	if (!peer->segments)
		return 1;
	while (n < count && n < UDP_BURST_MAX && datagrams[n].bytes <= datagrams[0].bytes &&
	       total + datagrams[n].bytes <= UDP_BURST_BYTES_MAX) {
		total += datagrams[n].bytes;
		if (datagrams[n++].bytes < datagrams[0].bytes)
			break;
	}
	return n;
}

static int send_segments(const struct udp_peer *peer, const struct udp_datagram *datagrams,
                         unsigned count)
{
	struct iovec pieces[UDP_BURST_MAX];
	union {
		char octets[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr align;
	} control = { { 0 } };
	for (unsigned i = 0; i < count; i++) {
		pieces[i].iov_base = (void *)(uintptr_t)datagrams[i].octets;
		pieces[i].iov_len = datagrams[i].bytes;
	}
	struct msghdr message = {
		.msg_iov = pieces, .msg_iovlen = count,
		.msg_control = control.octets, .msg_controllen = sizeof control.octets,
	};
	uint16_t segment_bytes = (uint16_t)datagrams[0].bytes;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = IPPROTO_UDP;
	header->cmsg_type = UDP_SEGMENT;
	header->cmsg_len = CMSG_LEN(sizeof segment_bytes);
	memcpy(CMSG_DATA(header), &segment_bytes, sizeof segment_bytes);
	return sendmsg(peer->fd, &message, 0) < 0 ? -errno : 0;
}

int udp_send(struct udp_peer *peer, const struct udp_datagram *datagrams, unsigned count)
{
	int rc;
	do {
		if (count > 1)
			rc = send_segments(peer, datagrams, count);
		else
			rc = send(peer->fd, datagrams->octets, datagrams->bytes, 0) < 0 ? -errno : 0;
	} while (rc == -EINTR);
	return rc;
}

int udp_pending_error(const struct udp_peer *peer)
{
	int code = 0;
	socklen_t size = sizeof code;
	if (getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		return -errno;
	return -code;
}

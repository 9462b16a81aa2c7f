/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends the frames of the bench out of an interface at an even pace, and says how many went.
 *
 *   bench_send INTERFACE PACKETS_PER_SECOND SECONDS FLOWS [xdp|mmsg]
 *
 * xdp:  the kernel's XDP test run (xdp.h), which reaches more than a million frames a second.
 * mmsg: sendmmsg() past the queueing discipline; what the kernel refuses is sent again.
 * Without either the first that works. Ends with the line sent=N octets=N seconds=S by=NAME, where
 * `sent` is what was handed to the interface: whether it took all of it, its own counters say.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"
#include "frames.h"
#include "xdp.h"

enum { BURST = 32, SECONDS_MAX = 600, PAUSE_US = 20, SEND_BUFFER_BYTES = 4 << 20 };

struct sender {
	int socket;
	uint32_t flows;
	uint64_t sent;
	uint8_t frame[BURST][FRAME_BYTES_MAX];
	struct iovec part[BURST];
	struct mmsghdr message[BURST];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what, int error)
{
	fprintf(stderr, "bench_send: %s: %s\n", what, strerror(error));
	exit(1);
}

static int open_socket(uint32_t ifindex)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_ifindex = (int)ifindex };
	int one = 1, buffer = SEND_BUFFER_BYTES;
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
		die("cannot send on the interface", errno);
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
	return fd;
}

static void mmsg_burst(struct sender *s)
{
	for (unsigned i = 0; i < BURST; i++) {
		uint32_t flow = frame_draw(1, s->sent + i, s->flows);
		unsigned bytes = frame_make(s->frame[i], 4, flow, FRAME_ACK);
		s->part[i] = (struct iovec){ s->frame[i], bytes };
		s->message[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &s->part[i], .msg_iovlen = 1 } };
	}
	int took = sendmmsg(s->socket, s->message, BURST, 0);
	if (took < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
		die("sendmmsg", errno);
	s->sent += took > 0 ? (uint64_t)took : 0;
}

static void mmsg_send(struct sender *s, const struct xdp_plan *plan)
{
	double start = now();

	s->flows = plan->flows;
	s->socket = open_socket(plan->ifindex);
	while (s->sent < plan->packets) {
		if ((now() - start) * (double)plan->per_second < (double)(s->sent + BURST))
			usleep(PAUSE_US);
		else
			mmsg_burst(s);
	}
}

/* By XDP where that works or is asked for, else by sendmmsg(); says which way it took. */
static const char *send_all(struct sender *s, const struct xdp_plan *plan, const char *wish)
{
	if (!wish || strcmp(wish, "xdp") == 0) {
		int rc = xdp_send(plan, &s->sent);
		if (rc == 0)
			return "xdp";
		if (wish)
			die("XDP test run", -rc);
	}
	mmsg_send(s, plan);
	return "mmsg";
}

int main(int argc, char **argv)
{
	static struct sender s;

	if (argc != 5 && argc != 6) {
		fputs("usage: bench_send INTERFACE PACKETS_PER_SECOND SECONDS FLOWS [xdp|mmsg]\n", stderr);
		return 2;
	}
	struct xdp_plan plan = {
		.ifindex = if_nametoindex(argv[1]),
		.per_second = number_argument("PACKETS_PER_SECOND", argv[2], UINT32_MAX),
		.flows = (uint32_t)number_argument("FLOWS", argv[4], XDP_FLOWS_MAX),
	};
	if (plan.ifindex == 0)
		die(argv[1], errno);
	plan.packets = plan.per_second * number_argument("SECONDS", argv[3], SECONDS_MAX);
	double start = now();
	const char *way = send_all(&s, &plan, argc == 6 ? argv[5] : NULL);
	printf("sent=%" PRIu64 " octets=%" PRIu64 " seconds=%.3f by=%s\n", s.sent,
	       s.sent * (FRAME_IPV4_BYTES - FRAME_ETHERNET_BYTES), now() - start, way);
	return 0;
}

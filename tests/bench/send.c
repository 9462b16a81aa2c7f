/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends the frames of the bench out of an interface at an even pace, and says how many went.
 *
 *   bench_send INTERFACE PACKETS_PER_SECOND SECONDS FLOWS
 *
 * sendmmsg() past the queueing discipline; what the kernel refuses is sent again, so that "sent" is
 * what the interface took. Ends with one line: sent=N octets=N seconds=S refused=N.
 */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "frames.h"

enum { BURST = 32 };

struct sender {
	int socket;
	uint32_t flows;
	uint64_t sent;          /* packets that the interface took */
	uint64_t refused;       /* times that it took less than a burst */
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

static int open_socket(const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = 0 };
	int one = 1, buffer = 4 << 20;
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	address.sll_ifindex = (int)if_nametoindex(interface);
	if (fd < 0 || address.sll_ifindex == 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		fprintf(stderr, "bench_send: cannot send on %s: %s\n", interface, strerror(errno));
		exit(1);
	}
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	return fd;
}

static void send_burst(struct sender *s, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t flow = frame_draw(1, s->sent + i, s->flows);
		unsigned bytes = frame_make(s->frame[i], 4, flow, FRAME_ACK);
		s->part[i] = (struct iovec){ s->frame[i], bytes };
		s->message[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &s->part[i], .msg_iovlen = 1 } };
	}
	int took = sendmmsg(s->socket, s->message, count, 0);
	if (took < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR) {
		fprintf(stderr, "bench_send: %s\n", strerror(errno));
		exit(1);
	}
	s->refused += took != (int)count;
	s->sent += took > 0 ? (uint64_t)took : 0;
}

static double send_all(struct sender *s, double rate, double seconds)
{
	uint64_t total = (uint64_t)(rate * seconds);
	double start = now();

	while (s->sent < total) {
		double due = (now() - start) * rate;
		uint64_t behind = due > (double)s->sent ? (uint64_t)due - s->sent : 0;
		if (behind > total - s->sent)
			behind = total - s->sent;
		if (behind == 0) {
			usleep(20);
			continue;
		}
		send_burst(s, behind > BURST ? BURST : (unsigned)behind);
	}
	return now() - start;
}

int main(int argc, char **argv)
{
	static struct sender s;

	if (argc != 5) {
		fprintf(stderr, "usage: bench_send INTERFACE PACKETS_PER_SECOND SECONDS FLOWS\n");
		return 2;
	}
	s.socket = open_socket(argv[1]);
	s.flows = (uint32_t)strtoul(argv[4], NULL, 10);
	double took = send_all(&s, strtod(argv[2], NULL), strtod(argv[3], NULL));
	printf("sent=%" PRIu64 " octets=%" PRIu64 " seconds=%.3f refused=%" PRIu64 "\n",
	       s.sent, s.sent * (FRAME_IPV4_BYTES - FRAME_ETHERNET_BYTES), took, s.refused);
	return 0;
}

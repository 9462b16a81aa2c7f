/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes exported messages on a UDP port of loopback as fast as they come and adds them up.
 *
 *   bench_sink [-d N]
 *   bench_sink -f FILE         messages of an IPFIX file instead of datagrams
 *
 * Prints "port=N", receives until standard input ends and the socket has been silent for a while,
 * then prints one line: datagrams=, messages=, records=, options=, packets=, octets=, bad=,
 * unknown=, lost= (by sequence numbers) and dropped= (by the kernel). -d loses the datagram with
 * that number: the planted fault that the bench must notice. Neighbour: tally.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tally.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
	BUFFER_BYTES = 512 << 20, DATAGRAM_BYTES = 65536, BURST = 32, CONTROL_BYTES = 64,
	SILENCE_MS = 200,
};

struct sink {
	int fd;
	uint64_t datagrams;
	uint64_t lose;          /* the datagram of this number, from 1, is lost on purpose */
	struct tally tally;
	struct mmsghdr message[BURST];
	struct iovec part[BURST];
	uint8_t control[BURST][CONTROL_BYTES];
	uint8_t octets[BURST][DATAGRAM_BYTES];
};

static void die(const char *what)
{
	fprintf(stderr, "bench_sink: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void open_socket(struct sink *sink)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int bytes = BUFFER_BYTES, one = 1;

	sink->fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (sink->fd < 0 || bind(sink->fd, (struct sockaddr *)&address, size) < 0 ||
	    getsockname(sink->fd, (struct sockaddr *)&address, &size) < 0)
		die("cannot listen on loopback");
	if (setsockopt(sink->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
		setsockopt(sink->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	setsockopt(sink->fd, IPPROTO_UDP, UDP_GRO, &one, sizeof one);
	printf("port=%u\n", ntohs(address.sin_port));
	fflush(stdout);
}

/* The size of the datagrams that the kernel handed over in one piece; 0: only one. */
static size_t segment_bytes(struct msghdr *header)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		int bytes;
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&bytes, CMSG_DATA(c), sizeof bytes);
			return (size_t)bytes;
		}
	}
	return 0;
}

static void take_datagrams(struct sink *sink, const uint8_t *octets, size_t bytes, size_t segment)
{
	for (size_t at = 0; at < bytes; at += segment) {
		size_t one = bytes - at < segment ? bytes - at : segment;
		if (++sink->datagrams != sink->lose)
			tally_message(&sink->tally, octets + at, one);
	}
}

static void prepare(struct sink *sink)
{
	for (unsigned i = 0; i < BURST; i++) {
		sink->part[i] = (struct iovec){ sink->octets[i], DATAGRAM_BYTES };
		sink->message[i].msg_hdr = (struct msghdr){
			.msg_iov = &sink->part[i], .msg_iovlen = 1,
			.msg_control = sink->control[i], .msg_controllen = CONTROL_BYTES,
		};
	}
}

static void receive(struct sink *sink)
{
	prepare(sink);
	int count = recvmmsg(sink->fd, sink->message, BURST, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		size_t bytes = sink->message[i].msg_len;
		size_t segment = segment_bytes(&sink->message[i].msg_hdr);
		take_datagrams(sink, sink->octets[i], bytes, segment ? segment : bytes);
	}
}

static void receive_all(struct sink *sink)
{
	struct pollfd wait[2] = { { .fd = sink->fd, .events = POLLIN },
		                  { .fd = STDIN_FILENO, .events = POLLIN } };
	char ignored[64];

	for (;;) {
		int ready = poll(wait, 2, wait[1].fd < 0 ? SILENCE_MS : -1);
		if (ready == 0)
			return;
		if (wait[0].revents)
			receive(sink);
		if (wait[1].revents && read(STDIN_FILENO, ignored, sizeof ignored) <= 0)
			wait[1].fd = -1;
	}
}

static uint64_t dropped_by_kernel(const struct sink *sink)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof info;

	getsockopt(sink->fd, SOL_SOCKET, SO_MEMINFO, info, &size);
	return info[SK_MEMINFO_DROPS];
}

static void read_file(struct sink *sink, const char *path)
{
	uint8_t *octets = sink->octets[0];
	FILE *file = fopen(path, "rb");

	if (!file)
		die(path);
	while (fread(octets, 4, 1, file) == 1) {
		size_t bytes = (size_t)octets[2] << 8 | octets[3];
		if (bytes < 16 || fread(octets + 4, bytes - 4, 1, file) != 1) {
			sink->tally.bad_messages++;
			break;
		}
		tally_message(&sink->tally, octets, bytes);
	}
	fclose(file);
}

static void print_sums(const struct sink *sink, uint64_t dropped)
{
	const struct tally *t = &sink->tally;

	printf("datagrams=%" PRIu64 " messages=%" PRIu64 " records=%" PRIu64 " options=%" PRIu64
	       " packets=%" PRIu64 " octets=%" PRIu64 " bad=%" PRIu64 " unknown=%" PRIu64
	       " lost=%" PRIu64 " dropped=%" PRIu64 "\n", sink->datagrams, t->messages, t->records,
	       t->options_records, t->packets, t->octets, t->bad_messages, t->unknown_sets, t->lost,
	       dropped);
}

int main(int argc, char **argv)
{
	static struct sink sink;
	int option;

	while ((option = getopt(argc, argv, "d:f:")) != -1) {
		switch (option) {
		case 'd':
			sink.lose = strtoull(optarg, NULL, 10);
			break;
		case 'f':
			read_file(&sink, optarg);
			print_sums(&sink, 0);
			return 0;
		default:
			fprintf(stderr, "usage: bench_sink [-d N] | -f FILE\n");
			return 2;
		}
	}
	open_socket(&sink);
	receive_all(&sink);
	print_sums(&sink, dropped_by_kernel(&sink));
	return 0;
}

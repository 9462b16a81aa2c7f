/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SCTP peer for tests that shares nothing with src/net: usrsctp with its own sockets and
 * threads, as its makers mean it to be used. Takes associations one after another and writes each
 * message as it comes: association, stream (16 bits each, network order), length (32 bits), octets.
 *
 * usage: sctp_sink PORT UDP-PORT FILE          (UDP-PORT 0: IP protocol 132)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <usrsctp.h>

enum { MESSAGE_BYTES = 1 << 17, STREAMS = 16 };

static void fail(const char *what)
{
	fprintf(stderr, "sctp_sink: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void note(int file, uint16_t association, uint16_t stream, const void *octets,
                 uint32_t bytes)
{
	uint16_t head[2] = { htons(association), htons(stream) };
	uint32_t length = htonl(bytes);
	struct iovec pieces[] = { { head, sizeof head }, { &length, sizeof length },
	                          { (void *)(uintptr_t)octets, bytes } };
	if (writev(file, pieces, 3) < 0)
		fail("write");
}

/* To the end of the association. */
static void serve(struct socket *so, int file, uint16_t association)
{
	static uint8_t octets[MESSAGE_BYTES];
	int yes = 1;
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_RECVRCVINFO, &yes, sizeof yes);
	for (;;) {
		struct sctp_rcvinfo info = { 0 };
		struct sockaddr_storage from;
		socklen_t from_size = sizeof from, info_size = sizeof info;
		unsigned type = 0;
		int flags = 0;
		ssize_t n = usrsctp_recvv(so, octets, sizeof octets, (struct sockaddr *)&from, &from_size,
		                          &info, &info_size, &type, &flags);
		if (n <= 0)
			break;
		if (!(flags & MSG_NOTIFICATION))
			note(file, association, info.rcv_sid, octets, (uint32_t)n);
	}
	usrsctp_close(so);
}

int main(int count, char **arguments)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	struct sctp_initmsg streams = { .sinit_num_ostreams = STREAMS, .sinit_max_instreams = STREAMS };
	if (count != 4)
		return 2;
	at.sin_port = htons((uint16_t)atoi(arguments[1]));
	int file = open(arguments[3], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (file < 0)
		fail(arguments[3]);
	usrsctp_init((uint16_t)atoi(arguments[2]), NULL, NULL);
	struct socket *so = usrsctp_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
	if (!so)
		fail("socket");
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_INITMSG, &streams, sizeof streams);
	if (usrsctp_bind(so, (struct sockaddr *)&at, sizeof at) < 0 || usrsctp_listen(so, 1) < 0)
		fail("bind");
	puts("ready");
	fflush(stdout);
	for (uint16_t association = 1;; association++) {
		struct socket *one = usrsctp_accept(so, NULL, NULL);
		if (!one)
			fail("accept");
		serve(one, file, association);
	}
}

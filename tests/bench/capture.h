/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes plain pcap files, microseconds, Ethernet, and counts what it writes; any failure ends the
 * program with a message. For the generators of the bench: generate.c and repeat.c.
 */
#ifndef BENCH_CAPTURE_H
#define BENCH_CAPTURE_H

#include <stdint.h>
#include <stdio.h>

enum { CAPTURE_FIRST_SECOND = 1700000000 };

struct capture {
	const char *path;
	FILE *file;
	uint64_t packets;       /* written so far */
	uint64_t ip_octets;     /* of their IP packets, by the IP headers */
};

/* One frame: `captured` octets are written of `length`; `ip_octets` are what its IP header says. */
struct capture_frame {
	const uint8_t *octets;
	uint32_t captured, length, ip_octets;
	uint64_t time_us;       /* since CAPTURE_FIRST_SECOND */
};

void capture_open(struct capture *capture, const char *path);
void capture_write(struct capture *capture, const struct capture_frame *frame);

/* Ends the file and prints "packets=N octets=N flows=N". */
void capture_close(struct capture *capture, uint64_t flows);

/* A whole number from an argument, or the end of the program. */
uint64_t number_argument(const char *name, const char *text, uint64_t most);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector: messages from files, captures and listeners go to the decoder, in the session of who
 * sent them. Everything happens in the calls of one thread. Neighbours: exporters.h (accounts),
 * files.c and listen.c (who bring messages), ipfix/decode.h (what is made of them), engine/ (who
 * calls).
 */
#ifndef COLLECT_COLLECTOR_H
#define COLLECT_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "collect/exporters.h"

struct collector;

/* Borrowed until close. */
struct collector_setup {
	const char *const *files;       /* files of messages, captures, directories, "-" */
	unsigned file_count;
	const char *const *listen;      /* addresses: ipfix+udp://[::]:4739 */
	unsigned listen_count;
	const char *filter;             /* captures: only packets that this BPF expression takes; NULL:
	                                 * all */
	uint64_t buffer_bytes;          /* of a receiving socket */
	unsigned exporters_max;
	struct decoder_setup decoder;   /* emit is called from collector_read() and _flush() */
	/* A line for the log, at a bounded rate. May be NULL. */
	void (*note)(void *context, const char *text);
	void *note_context;             /* of note */
};

/* What came that is no message of a session. */
struct collector_counters {
	/* Of captures: packets = the next six. */
	uint64_t packets, octets;
	uint64_t datagrams;             /* that carry a message, or complete one of fragments */
	uint64_t not_export;            /* packets that carry no export message */
	uint64_t filtered;              /* that the filter left out */
	uint64_t truncated;             /* messages that the capture cut */
	uint64_t fragments;             /* pieces of datagrams, but those that complete one */
	uint64_t segments;              /* of TCP streams that carry messages */
	uint64_t reassembled;           /* datagrams that were made whole */
	uint64_t delivered;             /* messages given to sessions */
	uint64_t delivered_octets;
	uint64_t received;              /* messages that listeners delivered */
	uint64_t kernel_drops;          /* datagrams lost for want of room in a socket */
	uint64_t sessions_refused;      /* connections and sessions that there was no room for */
	uint64_t handshakes_failed;
	uint64_t refused;               /* messages without a session: no memory */
	uint64_t file_bytes_read, file_bytes_total;
	bool damaged;                   /* some file was */
};

/* On an error nothing is left behind. */
int collector_open(const struct collector_setup *setup, struct collector **ret, struct error *err);
/* Reads for a while, at most until deadline_ns (CLOCK_MONOTONIC). 1: something was read; 0: nothing
 * came; -ENODATA: all files have been read and there is no listener; else a failure. */
int collector_read(struct collector *c, uint64_t deadline_ns, struct error *err);
/* Emits what has been decoded. */
void collector_flush(struct collector *c);
/* Ends all sessions: what waits for templates is given up. Before the accounts are read last. */
void collector_end(struct collector *c);
void collector_close(struct collector *c);              /* NULL is fine */

/* As of now, with what the kernel has dropped so far. In the thread that reads, or when none
 * does. */
void collector_counters(struct collector *c, struct collector_counters *ret);
/* Who has exported so far; as of the last call of collector_read(). */
const struct exporters *collector_exporters(const struct collector *c);

#endif

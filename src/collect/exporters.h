/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who exports to us, and in which transport sessions. An exporter is an address; its account stays
 * when its sessions end, so that a restart is seen as one. Both are bounded: the oldest idle one is
 * given up, those that never gave a record first, so that a flood of invented addresses does not
 * push out who is real.
 *
 * When the memory of all is used up the exporter that has been idle for longest forgets its
 * templates, so that whoever comes next is not refused.
 *
 * Sessions end in whatever brings messages (files.c, listen.c): here they are only owned.
 */
#ifndef COLLECT_EXPORTERS_H
#define COLLECT_EXPORTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "ipfix/decode.h"

enum { EXPORTER_NAME_MAX = 256 };

/* Everything that came from one address, or out of one file. */
struct exporter {
	char name[EXPORTER_NAME_MAX];   /* its address, or the file that its messages stand in */
	uint8_t family;                 /* 4 or 6; 0: a file */
	uint8_t address[16];            /* IPv4 in the first four octets */
	unsigned sessions;              /* that are open */
	uint64_t sessions_ever;
	uint64_t last_ns;               /* of its last message, by that message's clock */
	struct decode_counters ended;   /* of sessions that are closed */
	struct collect_session *first;  /* of those that are open */
	struct exporter *older, *newer; /* by use */
	uint64_t key;
};

/* A transport session: the decoder's part, and whom it counts for. Owned by `exporters`, ended by
 * whoever opened it. */
struct collect_session {
	struct exporter *exporter;
	struct decode_session_setup setup; /* by which `decode` was made, and is made anew when it
	                                    * has to forget */
	struct decode_session *decode;  /* owned */
	struct collect_session *next;   /* of the exporter */
};

/* All of them, in a list by use and a map by address. */
struct exporters {
	struct decoder *decoder;        /* borrowed */
	unsigned bound;
	struct map by_address;          /* struct exporter by `key` */
	struct exporter *oldest, *newest;       /* the ends of the list by use; owned */
	uint64_t given_up;              /* exporters whose account was added to the next */
	uint64_t forgotten;             /* sessions that lost their templates for want of memory */
	struct decode_counters gone;
};

/* How an exporter is told apart; borrowed for the call. */
struct exporter_address {
	uint8_t family;                 /* 0: a file, told apart by `name` alone */
	uint8_t octets[16];
	const char *name;               /* for messages and records of accounts */
};

/* bound: exporters that are told apart; beyond it old accounts go into a common one. */
void exporters_init(struct exporters *e, struct decoder *decoder, unsigned bound, uint64_t secret);
/* After whoever opened sessions has closed them. */
void exporters_fini(struct exporters *e);

/* NULL: no memory. */
struct collect_session *collect_session_open(struct exporters *e,
                                             const struct exporter_address *address,
                                             enum decode_transport transport);
void collect_session_close(struct exporters *e, struct collect_session *session);

/* Reads a message and notes when it came. */
enum decode_fault collect_session_message(struct exporters *e, struct collect_session *session,
                                  const struct decode_message *message);

/* The account of an exporter with its open sessions. */
void exporter_counters(const struct exporter *exporter, struct decode_counters *ret);

#endif

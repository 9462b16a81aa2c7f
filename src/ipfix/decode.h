/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages in, rows out: NetFlow v5, v9 and IPFIX, told apart by their version, whatever brought
 * them. A decoder is shared by all sessions of a collection; a session is one exporter's transport
 * session: its domains, templates, sequence numbers, what it has told in options, and its account.
 *
 * Template memory follows RFC 7011, section 8. By session and domain; over datagrams templates
 * expire, are replaced silently and never withdrawn; over streams a withdrawal is obeyed, and a
 * different template for an id in use is counted as a conflict and used. Data ahead of their
 * template wait for it, within bounds. A malformed message is discarded whole: no row of it is left
 * (templates that stood before the place stay).
 *
 * One thread. Neighbours: decode_plan.h (records), layouts.h (rows), learned.h (options), collect/
 * (who brings messages).
 */
#ifndef IPFIX_DECODE_H
#define IPFIX_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "ipfix/decode_counters.h"
#include "ipfix/layouts.h"

struct decoder;
struct decode_session;

/* How much strangers may make us remember, and who takes the rows. */
struct decoder_setup {
	uint64_t template_lifetime_ns;  /* over datagrams; 0: for ever */
	uint64_t session_bytes;         /* templates, waiting data and what was learned: each session's
	                                 * bound */
	uint64_t total_bytes;           /* and that of all sessions */
	unsigned layouts_max, elements_max;
	unsigned domains_max;           /* in a session */
	bool options;                   /* options data are emitted too */
	bool sampling;                  /* columns for what is known of sampling */
	void (*emit)(void *context, const struct layout *layout, struct record_batch *batch);
	void *context;                  /* of emit */
};

/* One for a collection. Bounds are in the setup; what it makes beyond them is refused and counted,
 * never an error. 0 or -ENOMEM. */
int decoder_new(const struct decoder_setup *setup, struct decoder **ret);
/* After all sessions. Schemas end here. */
void decoder_free(struct decoder *decoder);
/* Emits what has been decoded so far. */
void decoder_flush(struct decoder *decoder);
/* Octets that sessions hold of the total bound. */
uint64_t decoder_bytes(const struct decoder *decoder);

enum decode_transport { DECODE_DATAGRAMS, DECODE_STREAM, DECODE_SCTP, DECODE_FILE };

/* Who speaks, and by what: the transport decides about templates, the address becomes a column. */
struct decode_session_setup {
	enum decode_transport transport;
	uint8_t exporter_family;        /* 4 or 6; 0: unknown (files) */
	uint8_t exporter[16];           /* IPv4 in the first four octets */
};

/* NULL: no memory. The decoder is borrowed and outlives it. */
struct decode_session *decode_session_new(struct decoder *decoder,
                                          const struct decode_session_setup *setup);
/* Data that still wait are counted as dropped. NULL is fine. */
void decode_session_free(struct decode_session *session);

/* Borrowed for the call. */
struct decode_message {
	const uint8_t *octets;          /* a whole message; a datagram may hold nothing else */
	uint32_t bytes;
	uint64_t time_ns;               /* when it came, since 1970; clocks template lifetimes */
	bool time_is_collection;        /* and is told in the records */
	uint16_t stream;                /* SCTP */
};

/* Reads one message: FAULT_none, or why it was discarded. */
enum decode_fault decode_message(struct decode_session *session,
                                 const struct decode_message *message);

/* Data that wait for templates at the end are given up; to call before the counters are read for
 * the last time. */
void decode_session_end(struct decode_session *session);
/* Octets that it holds. */
uint64_t decode_session_bytes(const struct decode_session *session);
/* True once after something of the session found no room, though it had taken little of its own
 * bound: the memory of all sessions is used up. */
bool decode_session_starved(struct decode_session *session);

/* As of the last message; borrowed until the session is freed. */
const struct decode_counters *decode_session_counters(const struct decode_session *session);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records out. An output is opened from an address (`ipfix+udp://host:4739?mtu=1400`, `json:-`),
 * gets record batches, and accounts for each record:
 *   accepted = acknowledged + sent + queued + spilled + sum of dropped
 * Kinds know nothing of threads: queue.h runs each opened one in a thread of its own behind
 * a bounded queue, so a stalled output delays nobody else. One file per kind; output_kinds[]
 * lists them.
 */
#ifndef OUTPUT_OUTPUT_H
#define OUTPUT_OUTPUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/address.h"
#include "record/amount.h"
#include "record/record.h"

struct output;                          /* a kind embeds it first in its own struct */
struct option;

enum output_drop {                      /* reasons, with names for --stats */
	DROP_QUEUE_FULL,                /* live: the output could not take it in time */
	DROP_SEND_FAILED,               /* the transport refused it (UDP: ICMP errors, no route) */
	DROP_TOO_LARGE,                 /* does not fit a message of this output's mtu */
	DROP_UNENCODABLE,               /* the format cannot carry it (NetFlow v5 and IPv6) */
	DROP_WRITE_FAILED,              /* disk full, pipe closed */
	DROP_COUNT
};

struct output_counters {
	uint64_t accepted;              /* records handed to the output */
	uint64_t acknowledged;          /* written to a file, committed, or confirmed by a peer */
	uint64_t sent;                  /* given to a transport that confirms nothing (UDP) */
	uint64_t queued, spilled;       /* in memory, on disk */
	uint64_t dropped[DROP_COUNT];
	uint64_t octets;                /* written or sent */
	uint64_t messages;              /* datagrams, messages, transactions: what
	                                 * the kind calls a unit */
	int64_t saved_octets;           /* by telling once what records have in common; negative
	                                 * while it costs more than it saves; 0: not asked for */
};

/* What the engine tells an output at open; borrowed until close. */
struct output_env {
	bool live;                      /* a live source: never wait for long, drop and count */
	bool check;                     /* only to see whether it can be: no collector is called */
	bool terminal;                  /* standard output is a terminal (colour, alignment) */
	uint64_t start_ns;              /* when the metering process started, since 1970 */
	/* Options data of the metering process, as things are now: batches of records with scope
	 * columns, a hold of each for the caller; returns how many. Their schemas live until close; an
	 * observationDomainId that is absent is the output's. Any thread. NULL: none. */
	unsigned (*options)(void *options_context, struct record_batch *ret[], unsigned room);
	void *options_context;          /* of options */
	uint32_t sample;                /* 1:N of all packets are metered; 0 or 1: all */
	bool sample_random;             /* each with probability 1/N, not the first of every N */
	void (*message)(void *context, const char *text);       /* a line for the log; any thread */
	void *context;
	/* Set by the queue when waiting is over: a call that blocks returns soon. NULL: never. */
	const atomic_bool *give_up;
};

struct output_missed {                  /* records that never came to the output */
	struct record_amount amount;
	uint64_t first_ns, last_ns;     /* when, since 1970 */
};

/* A socket that exports: what it sends and what comes back is not metered live. */
struct output_endpoint {
	uint8_t family, protocol;       /* 4 or 6; IP protocol number */
	uint8_t local[16], remote[16];  /* IPv4 in the first 4 octets */
	uint16_t local_port, remote_port;       /* local 0: any */
};

/* A template as an output sends it; borrowed from the output. */
struct output_template {
	uint16_t id;                    /* of the template; 256 and up */
	const uint8_t *record;          /* as it stands in a template set */
	size_t bytes;
	const char *note;               /* columns that it leaves out, and why; "" if none */
};

struct output_kind {
	const char *scheme;             /* "json", "ipfix", "ipfix+udp" */
	const char *help;               /* one line */
	const char *const *parameters;  /* name, "argument", "help" triples, NULL-terminated:
	                                 * feeds help and manual */
	const char *const *default_fields;      /* element names, NULL-terminated;
	                                         * NULL: the standard list */
	bool fixed_columns;             /* named once: every record is of one schema */
	bool splits_families;           /* wants one schema for IPv4 and one for IPv6 (templates) */
	bool uniflow;                   /* its records have one direction: a biflow becomes two */
	bool keeps_newest;              /* live: of what waits for it the oldest is dropped first */
	bool fixed_fields;              /* the format has fields of its own: always default_fields */

	/* Fails with a message that names the address; leaves nothing half-done. */
	int (*open)(const struct address *address, const struct output_env *env, struct output **ret,
	            struct error *err);
	/* Called for each schema before its first batch; the schema lives until close. */
	int (*schema)(struct output *o, const struct schema *schema, struct error *err);
	/* Takes the rows (borrowed for the call). May block. A failure is a message that names the file
	 * or peer; what was lost is counted by the output itself. It is called again all the same. */
	int (*write)(struct output *o, const struct record_batch *batch, struct error *err);
	/* Told what the queue dropped since the last call, before the next call of another function;
	 * the queue counts it. NULL: no interest. */
	void (*missed)(struct output *o, const struct output_missed *missed);
	/* Flush, refresh, reconnect, rotate. Called at or after the time it asked for, and when idle at
	 * least once a second. *ret_next_ns: when it wants to be called again (CLOCK_REALTIME ns). */
	int (*tick)(struct output *o, uint64_t now_ns, uint64_t *ret_next_ns, struct error *err);
	int (*reopen)(struct output *o, struct error *err);     /* SIGHUP; NULL: nothing to do */
	/* Writes out what is buffered, waiting no longer than deadline_ns (CLOCK_REALTIME). */
	int (*finish)(struct output *o, uint64_t deadline_ns, struct error *err);
	void (*counters)(const struct output *o, struct output_counters *ret); /* so far; balanced at
	                                                                        * any time */
	/* Its sockets, at most `room`; returns how many. NULL: none. */
	unsigned (*endpoints)(const struct output *o, struct output_endpoint *ret, unsigned room);
	/* Of a schema that it was told of; NULL: it sends no templates. */
	bool (*template)(const struct output *o, const struct schema *schema,
	                 struct output_template *ret);
	void (*close)(struct output *o);        /* frees everything; unfinished records are lost */
};

/* The head of every kind's handle; container_of() leads from it to the kind's own. */
struct output {
	const struct output_kind *kind; /* set by open() */
};

extern const struct output_kind *const output_kinds[];         /* NULL-terminated */

/* Parameters that every address takes, as in output_kind.parameters; queue.c reads them. */
extern const char *const output_common_parameters[];

/* NULL when no kind has this scheme. */
const struct output_kind *output_kind_find(const char *scheme);
const char *output_drop_name(enum output_drop reason);          /* "queue_full" */

/* accepted == acknowledged + sent + queued + spilled + sum of dropped: weir checks it at exit. */
bool output_counters_balanced(const struct output_counters *counters);

/* For open, once it has asked for its parameters: an error that names the first one which the kind
 * does not have, and those that it has. */
int output_check_parameters(const struct output_kind *kind, const struct address *address,
                            struct error *err);

/* The fields of records when nothing else is said: JSON, CSV and table. NULL-terminated. */
extern const char *const output_standard_fields[];

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records in: the mirror of output.h. A source of records (a collector, an IPFIX file, a store)
 * gives record batches that go to the same outputs as metered ones. No kind exists yet; the shape
 * is fixed here so that what is written against it needs no change when they come.
 */
#ifndef OUTPUT_SOURCE_H
#define OUTPUT_SOURCE_H

#include <stdint.h>

#include "base/error.h"
#include "net/address.h"
#include "record/record.h"

struct record_source;                   /* a kind embeds it first in its own struct */

struct record_source_kind {
	const char *scheme;             /* "ipfix", "ipfix+udp", "sqlite" */
	const char *help;               /* one line */
	const char *const *parameters;  /* name, "argument", "help" triples, NULL-terminated */

	/* Fails with a message that names the address; leaves nothing half-done. */
	int (*open)(const struct address *address, struct record_source **ret, struct error *err);
	/* The next batch, held once for the caller. Waits at most until deadline_ns (CLOCK_REALTIME).
	 * 0; -EAGAIN: none yet; -ENODATA: the end; else a failure with a message. */
	int (*next)(struct record_source *s, uint64_t deadline_ns, struct record_batch **ret,
	            struct error *err);
	void (*close)(struct record_source *s); /* frees everything */
};

struct record_source {
	const struct record_source_kind *kind;  /* set by open() */
};

#endif

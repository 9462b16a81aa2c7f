/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds up what IPFIX and NetFlow v9 messages say: records, packets and octets in both directions,
 * and gaps in the sequence numbers. Written apart from weir's own reader, so that the bench checks
 * weir by other means. Neighbour: sink.c.
 */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TALLY_TEMPLATES = 16, TALLY_FIELDS = 1024 };

/* A template: where in a record the counters are. */
struct tally_template {
	uint16_t id;                /* 0: none */
	uint16_t count;             /* fields */
	uint16_t record_bytes;      /* the least; exact unless `variable` */
	bool variable;              /* fields of variable length */
	bool options;
	uint16_t length[TALLY_FIELDS];
	uint8_t adds[TALLY_FIELDS]; /* what each field is added to: enum in tally.c */
};

struct tally {
	uint64_t messages, records, options_records;
	uint64_t packets, octets;       /* forward and reverse together */
	uint64_t bad_messages;          /* that are not what they should be */
	uint64_t unknown_sets;          /* without a template */
	uint64_t lost;                  /* by the sequence numbers: records (IPFIX), messages (v9) */
	uint32_t sequence;              /* expected next */
	bool started;
	struct tally_template templates[TALLY_TEMPLATES];       /* in the order of arrival */
};

/* One message of `bytes` octets. */
void tally_message(struct tally *tally, const uint8_t *message, size_t bytes);

#endif

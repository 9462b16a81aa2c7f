/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets of the decoder share: a decoder with tight bounds, whose account must
 * balance and whose rows must be readable after every message. Neighbours: fuzz_ipfix.c,
 * fuzz_netflow9.c, fuzz_netflow5.c, fuzz_templates.c.
 */
#ifndef TESTS_DECODE_HARNESS_H
#define TESTS_DECODE_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipfix/decode.h"

enum { HARNESS_SESSION_BYTES = 256 * 1024, HARNESS_TOTAL_BYTES = 400 * 1024 };

struct harness {
	struct decoder *decoder;
	struct decode_session *session;
	uint64_t rows;                  /* emitted */
	bool options;
};

void check(bool truth);                 /* else abort */

/* Reads every octet of every value, and writes it as JSON. */
void harness_read_row(const struct record_batch *batch, const uint8_t *row);

void harness_init(struct harness *h, enum decode_transport transport, bool options);
/* Gives a message and checks everything. */
enum decode_fault harness_message(struct harness *h, const struct decode_message *message);
/* Ends the session; nothing may wait, everything decoded must have come out. */
void harness_fini(struct harness *h);

/* Messages from a fuzzer's octets, each behind two octets of length (modulo 4096) and one of how it
 * comes: bit 0, a minute later; bit 1, its header is left as it is, else version and length are
 * put right; bits 2 to 3, SCTP stream. The first octet chooses transport and options. */
int harness_fuzz(uint16_t version, const uint8_t *data, size_t size);

#endif

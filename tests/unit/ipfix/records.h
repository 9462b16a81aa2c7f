/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas and rows for tests of the IPFIX rooms: written by name, so that a test reads as a
 * table. */
#ifndef TESTS_RECORDS_H
#define TESTS_RECORDS_H

#include "record/record.h"

/* A schema of named columns ("octetDeltaCount", "reverseOctetDeltaCount", "interfaceName=4"). */
struct schema *records_schema(const char *names, unsigned scope_count);

/* Appends a row; the setters below write into the last one. */
void records_row(struct record_batch *batch);
void records_unsigned(struct record_batch *batch, unsigned column, uint64_t value);
void records_octets(struct record_batch *batch, unsigned column, const void *octets,
                    uint32_t bytes);
void records_text(struct record_batch *batch, unsigned column, const char *text);

#endif

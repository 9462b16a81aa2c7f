/* SPDX-License-Identifier: Apache-2.0 */
/* The account of a run as one JSON object (--stats): what became of every packet, flow and
 * record. */
#ifndef ENGINE_STATS_H
#define ENGINE_STATS_H

#include <stdio.h>

#include "engine/accounts.h"
#include "engine/sinks.h"
#include "engine/stats_file.h"

/* `"ADDRESS": { ... }` of one output, with a comma unless it is the last. */
void stats_print_output(FILE *out, struct queue *q, bool last);

/* Writes to a file by an atomic rename; a device, a pipe with a reader or "-" (standard output) in
 * place, as outputs do. */
int stats_write(const struct accounts *accounts, const struct sinks *sinks, const char *path,
                struct error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The account of a run as one JSON object (--stats): what became of every packet, flow and
 * record. */
#ifndef ENGINE_STATS_H
#define ENGINE_STATS_H

#include <stdio.h>

#include "engine/accounts.h"
#include "engine/sinks.h"

/* Writes the object and a newline. `balanced` is null until the run has finished. */
void stats_print(const struct accounts *accounts, const struct sinks *sinks, FILE *out);

/* Finds out early whether stats_write() will be able to write there; leaves nothing behind. */
int stats_check(const char *path, struct error *err);

/* Writes to a file by an atomic rename; a device, a pipe with a reader or "-" (standard output) in
 * place, as outputs do. */
int stats_write(const struct accounts *accounts, const struct sinks *sinks, const char *path,
                struct error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir explain`: one packet at a time through the same parser and meter as always, saying
 * for each its fate or its flow, who sent it and why that side is the initiator, what
 * timers decided, why flows end.
 */
#ifndef ENGINE_EXPLAIN_H
#define ENGINE_EXPLAIN_H

#include <stdio.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/settings.h"

/* Reads the files of the settings and writes lines to `out`; of several meters the first is
 * followed. 0; 1 when some input was damaged; negative with a message when it could not run. */
int explain_run(const struct settings *settings, const struct log *log, FILE *out,
                struct error *err);

#endif

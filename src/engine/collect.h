/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `weir collect` as it runs: a collector in a thread of its own, outputs in theirs, and the
 * caller's thread that controls. The mirror of engine.h.
 */
#ifndef ENGINE_COLLECT_H
#define ENGINE_COLLECT_H

#include "engine/collect_settings.h"
#include "engine/engine.h"

struct collecting;

/* Opens files, sockets and outputs as the settings say (both borrowed until close), drops
 * privileges. On an error nothing is left behind. Of env: log, progress, terminal. */
int collecting_open(const struct collect_settings *settings, const struct engine_env *env,
                    struct collecting **ret, struct error *err);

/* Runs until all files are read, or to collecting_stop(). 0; 1 when a file was damaged or an output
 * failed; negative with a message when it could not run. */
int collecting_run(struct collecting *c, struct error *err);

/* Async-signal-safe, any thread. */
void collecting_stop(struct collecting *c);
void collecting_request_reopen(struct collecting *c);   /* SIGHUP: output files */
void collecting_request_stats(struct collecting *c);    /* SIGUSR1 */

void collecting_close(struct collecting *c);            /* NULL is fine */

#endif

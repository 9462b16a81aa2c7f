/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine wires sources, parser, meters and outputs together and runs their threads.
 * It is the only room that knows all stages. Commands and libweir's public face sit on this.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/settings.h"
#include "record/record.h"

struct engine;

struct engine_traffic {                 /* metered so far */
	uint64_t packets, octets;       /* wire packets, IP octets */
	uint64_t flows;                 /* alive now */
};

/* What surrounds a run: copied; what it points to is borrowed until close. */
struct engine_env {
	const struct log *log;          /* for all messages */
	/* libweir: records by callback, instead of or beside -o; called from
	 * one thread; may be NULL. */
	void (*records)(void *context, const struct record_batch *batch);
	void *context;                  /* of records and traffic */
	/* SIGHUP: reads the settings anew, valid until the next call or engine_close(); NULL with a
	 * message when they are wrong, and then nothing changes; NULL pointer: nothing to read. */
	const struct settings *(*reload)(void *reload_context, struct error *err);
	void *reload_context;
	/* Called several times a second by the thread of engine_run(); may be NULL. */
	void (*traffic)(void *context, const struct engine_traffic *traffic);
	bool progress;                  /* draw a progress line on standard error (a terminal) */
	bool terminal;                  /* standard output is a terminal */
};

/* Opens sources and outputs as the settings say (both borrowed until close), drops privileges.
 * Settings that are only checked (--check) need no source.
 * On an error nothing is left behind; the message says what, where and what was expected. */
int engine_open(const struct settings *settings, const struct engine_env *env, struct engine **ret,
                struct error *err);

/* --check: what the meters are and which templates they make, as YAML. */
void engine_print_templates(const struct engine *e, FILE *out);

/* Runs to the end of the input, to a limit, or to engine_stop(). 0; or 1 when some
 * input was damaged or an output failed (logged as it happened); negative with a
 * message when it could not run. */
int engine_run(struct engine *e, struct error *err);

/* Async-signal-safe, any thread. */
void engine_stop(struct engine *e);             /* finish: flush flows and outputs */
void engine_request_reopen(struct engine *e);   /* SIGHUP: files and settings */
void engine_request_stats(struct engine *e);    /* SIGUSR1: write --stats now */

void engine_close(struct engine *e);            /* NULL is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libweir: a flow meter inside your program. Open one, set options by the names that
 * `weir meter --help` lists, run it, get every record by a callback. Several meters can live in
 * one process.
 *
 *	struct weir *w;
 *	if (weir_open(&w) == 0 && weir_set(w, "read", "capture.pcap") == 0) {
 *		weir_on_record(w, print_record, NULL);
 *		if (weir_run(w) < 0)
 *			fprintf(stderr, "%s\n", weir_error(w));
 *	}
 *	weir_close(w);
 *
 * Functions return 0 or a negative errno; weir_error() then says what, where and what was expected.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A meter; not for two threads at a time but for weir_stop(). */
struct weir;
struct weir_record;                     /* one flow record; valid during the callback */

const char *weir_version(void);         /* "0.1.0" */

int weir_open(struct weir **ret);
void weir_close(struct weir *w);        /* NULL is fine */

/* Sets an option by its long name ("read", "interface", "idle-timeout", "fields", ...), with the
 * value as on the command line. Options that repeat add up. Flags take "true" or "false". "config"
 * names a YAML file that weir_run() reads; what is set here wins over it. */
int weir_set(struct weir *w, const char *name, const char *value);

/* Called once for each record, from one thread of the meter's own. */
void weir_on_record(struct weir *w,
                    void (*callback)(void *context, const struct weir_record *record),
                    void *context);

/* Runs to the end of the input, or to weir_stop(). 0; 1 when some input was damaged or an
 * output failed (whole packets before the damage have been metered); negative when it could
 * not run. Once a meter. */
int weir_run(struct weir *w);

/* Ends weir_run() early: flows are flushed first. Any thread; async-signal-safe. */
void weir_stop(struct weir *w);

const char *weir_error(const struct weir *w);   /* of the last call that failed; "" if none has */

/* Values by IPFIX element name ("octetDeltaCount", "reverseOctetDeltaCount"). False when
 * the record has no such field or no value in it: absent is not zero. Times are in the
 * unit that the name says. */
bool weir_record_unsigned(const struct weir_record *record, const char *name, uint64_t *ret);
/* As text: numbers in decimal, addresses in their usual form. Cut at `size`, always terminated. */
bool weir_record_text(const struct weir_record *record, const char *name, char *buffer,
                      size_t size);
/* The record as one line of JSON, without the newline; the length that it
 * needs, as snprintf does. */
size_t weir_record_json(const struct weir_record *record, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif

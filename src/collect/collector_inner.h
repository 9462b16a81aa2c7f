/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of collector.h: what its files share. */
#ifndef COLLECT_COLLECTOR_INNER_H
#define COLLECT_COLLECTOR_INNER_H

#include "collect/collector.h"

struct collect_files;
struct collect_listen;

struct note_rate {                      /* at most so many lines in a while */
	uint64_t since_ns;              /* CLOCK_MONOTONIC */
	unsigned lines;
	uint64_t held_back;             /* lines beyond the rate since */
};

/* The handle. The two ways in are opened by their own files and closed before the exporters whose
 * sessions they hold. */
struct collector {
	struct collector_setup setup;   /* as it was given */
	struct decoder *decoder;        /* of all sessions; owned */
	struct exporters exporters;     /* their accounts and sessions */
	struct collector_counters counters;     /* transports add to them as they go */
	struct collect_files *files;    /* NULL: none, or all read */
	struct collect_listen *listen;  /* NULL: none */
	uint64_t now_ns;                /* CLOCK_REALTIME, of this round */
	struct note_rate rate;
};

/* Gives a message to its session and says so when it was malformed. */
enum decode_fault collector_message(struct collector *c, struct collect_session *session,
                                    const struct decode_message *message);
void collector_note(struct collector *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* All files are checked now and read later. On an error nothing is left. */
int collect_files_open(struct collector *c, struct collect_files **ret, struct error *err);
/* As collector_read(). */
int collect_files_read(struct collect_files *f, struct error *err);
void collect_files_end(struct collect_files *f);
void collect_files_close(struct collect_files *f);
void collect_files_counters(struct collect_files *f, struct collector_counters *ret);

/* All addresses are bound now. On an error nothing is left. */
int collect_listen_open(struct collector *c, struct collect_listen **ret, struct error *err);
int collect_listen_read(struct collect_listen *l, uint64_t deadline_ns, struct error *err);
void collect_listen_counters(const struct collect_listen *l, struct collector_counters *ret);
void collect_listen_close(struct collect_listen *l);    /* with its sessions; NULL is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The meters of a run: from what settings say of each to the slots that every worker has, and what
 * SIGHUP may change in them. Neighbours: settings.h (the entries), worker.h (the slots), columns.h
 * (what their records hold), templates.h (which prints all of it).
 */
#ifndef ENGINE_METERS_H
#define ENGINE_METERS_H

#include "engine/columns.h"
#include "engine/settings.h"
#include "engine/worker.h"

/* One meter, judged and ready to be opened in any number of workers. */
struct meter_config {
	struct meter_entry entry;       /* texts borrowed from the settings */
	struct key_options key;
	struct key_plan plan;           /* what `key` means */
	struct hook_set hooks;          /* that give the fields that are asked for */
	struct sessions *sessions;      /* shared by its workers; NULL: it has none */
	struct columns_wish columns;    /* points into this struct: not to be copied */
	char label[256];
};

/* Those of the run. Only networks may change while it goes on. */
struct meters {
	const struct settings *settings;
	struct networks *networks;      /* of --networks; NULL: none */
	unsigned count;
	struct meter_config list[METERS_MAX];
};

/* `ret` stays where it is. The error says where the meter stands. */
int meters_configure(const struct settings *settings, struct meters *ret, struct error *err);
void meters_fini(struct meters *meters);        /* zeroed ones are fine */

/* Workers can share a source only if every key holds both full addresses: they are dealt by these.
 */
bool meters_have_full_addresses(const struct meters *meters);

/* Makes the meters of a worker; `workers` share what there is of memory. */
int meters_open(const struct meters *meters, struct worker *worker, unsigned workers,
                struct error *err);

/* What the settings and the meter say, both; NULL when neither does. */
int meter_filter_new(const struct settings *settings, const struct meter_entry *entry,
                     struct packet_filter **ret, struct error *err);

/* What new settings say of timers and filters of the meters that there are, told by their names; a
 * meter that is no more stays as it is. For one worker. */
int meters_change(const struct meters *meters, const struct settings *settings,
                  struct worker_change *ret, struct error *err);
/* What new settings say of networks, from the file as it is now; NULL when nothing. */
int meters_read_networks(const struct settings *settings, struct networks **ret,
                         struct error *err);

#endif

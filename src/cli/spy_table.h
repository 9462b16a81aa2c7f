/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `weir spy` says of flows that are over: gathered by application, or a line each. spy.c feeds
 * it with the engine's records; live lines are its own.
 */
#ifndef CLI_SPY_TABLE_H
#define CLI_SPY_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "record/record.h"

extern const char spy_fields[];         /* that the records must have, as --fields takes them */

enum spy_form { SPY_ALIGNED, SPY_TABS, SPY_JSON };

enum { SPY_NAME_BYTES = 64, SPY_HOST_BYTES = 80, SPY_HOSTS = 3, SPY_END_BYTES = 56 };

struct spy_counts { uint64_t flows, packets[2], octets[2]; };   /* [0] by the initiator */

struct spy_row {                        /* an application */
	char name[SPY_NAME_BYTES];
	struct spy_counts counts;       /* of all its flows */
	unsigned host_count;
	char hosts[SPY_HOSTS][SPY_HOST_BYTES];  /* the first different ones */
};

/* Its rows are as many as the backends have names. All zero is an empty one. */
struct spy_table {
	struct spy_row *rows;           /* by name, in the order they came; owned */
	unsigned count, room;
	bool out_of_memory;             /* and therefore incomplete */
};

/* Frees the rows; fine for an empty one. */
void spy_table_fini(struct spy_table *table);

/* Adds the flows of a batch. */
void spy_table_add(struct spy_table *table, const struct record_batch *batch);
/* Most octets first. */
void spy_table_print(struct spy_table *table, enum spy_form form, FILE *out);

/* A line for each flow: the lower end first, whoever began. */
void spy_print_flows(const struct record_batch *batch, bool json, FILE *out);

/* "192.0.2.1:80", "2001:db8::1:80" would be two things: "[2001:db8::1]:80". `out` has room for
 * SPY_END_BYTES. */
void spy_end_text(const uint8_t *address, unsigned family, unsigned port, char *out);

#endif

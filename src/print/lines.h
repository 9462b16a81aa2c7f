/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What json, csv and table have in common: an output that writes each record as a line of text to a
 * file (output/file.h). A format compiles a schema once into a plan of its own and then turns rows
 * into lines, in the file's buffer, by that plan. Used by json.c, csv.c and table.c.
 */
#ifndef PRINT_LINES_H
#define PRINT_LINES_H

#include "output/file.h"
#include "output/output.h"

struct lines;

struct line_format {
	const struct output_kind *kind;
	/* A plan for the schema (which lives until close). Fails with a message. */
	int (*plan_new)(struct lines *l, const struct schema *schema, void **ret_plan,
	                struct error *err);
	void (*plan_free)(void *plan);
	/* Octets that this row's line needs at most. */
	size_t (*bound)(struct lines *l, const void *plan, const struct record_batch *batch,
	                const uint8_t *row);
	/* Writes the line with its end; returns its length, at most bound(). */
	size_t (*line)(struct lines *l, void *plan, const struct record_batch *batch,
	               const uint8_t *row, char *at);
	/* What each file starts with; the first plan, NULL when there is none yet. NULL: nothing. */
	int (*head)(struct lines *l, const void *plan, struct error *err);
};

/* The plan of one schema, in the order in which schemas were announced; owned. */
struct line_plan {
	uint32_t schema_id;
	void *plan;
};

/* The head of json's, csv's and table's own structs. */
struct lines {
	struct output output;
	const struct line_format *format;
	const struct output_env *env;
	struct file_writer *file;
	struct line_plan *plans;
	unsigned plan_count;
	unsigned last;                  /* index of the plan of the last batch */
};

/* Opens the file of an address into `l`, which the kind has allocated; checks that all parameters
 * were known, so the kind reads its own before. On an error nothing is left open. */
int lines_open(struct lines *l, const struct line_format *format, const struct address *address,
               const struct output_env *env, struct error *err);
/* Frees plans and the file, not `l`. */
void lines_fini(struct lines *l);

/* Members of output_kind. */
int lines_schema(struct output *o, const struct schema *schema, struct error *err);
int lines_write(struct output *o, const struct record_batch *batch, struct error *err);
int lines_tick(struct output *o, uint64_t now_ns, uint64_t *ret_next_ns, struct error *err);
int lines_reopen(struct output *o, struct error *err);
int lines_finish(struct output *o, uint64_t deadline_ns, struct error *err);
void lines_counters(const struct output *o, struct output_counters *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a finished flow record to rows of a schema. A plan is compiled once per schema: the record
 * is unfolded into a flow_image (initiator first, times in every unit), and each column is a copy
 * out of it, guarded by a condition that decides presence. Columns of hooks call the hook.
 */
#ifndef FLOW_ROWS_H
#define FLOW_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/meter.h"
#include "record/record.h"

/* What rows say that flows do not know. Copied into the plan; pointers are borrowed until it is
 * freed. */
struct row_settings {
	const struct meter *meter;      /* whose records these are (key plan, hooks); borrowed */
	uint32_t number;                /* of the meter: meteringProcessId */
	bool uniflow;                   /* a biflow becomes one row a direction */
	bool interfaces_known;          /* ingressInterface has a meaning */
	const uint32_t *interface_index;/* ifIndex by the source's interface number; borrowed */
	unsigned interface_count;
	uint32_t sample;                /* 1:N in force; 1: all packets */
	bool sample_random;             /* each with probability 1/N, not the first of every N */
};

struct row_plan;

/* Fails with -ENOTSUP and a message that names a column which neither the
 * flow nor a hook provides. */
int row_plan_new(const struct schema *schema, const struct row_settings *settings,
                 struct row_plan **ret, struct error *err);
void row_plan_free(struct row_plan *plan);

/* Appends the record as one row, or two when uniflow. The batch must have room for two. One thread
 * at a time: a plan remembers what it has worked out. */
void row_plan_write(struct row_plan *plan, const struct flow_record *record,
                    struct record_batch *batch);

/* Every field that flows and these hooks can give, for checks; the first *ret_all of them are what
 * `--fields all` means: costly hooks have to be named. Returns the number. */
unsigned row_fields(const struct flow_hook *const *hooks, struct column_choice *ret, unsigned room,
                    unsigned *ret_all);

/* A hook's fields, and their reverses where they have one. Returns the number. */
unsigned row_hook_fields(const struct flow_hook *hook, struct column_choice *ret, unsigned room);

/* 4 or 6 when a field belongs to one address family alone, else 0. */
uint8_t row_field_family(const struct field *field);

/* True when records of this meter can ever have a value in this column. */
bool row_choice_is_possible(const struct row_settings *settings,
                            const struct column_choice *choice);

/* 4 or 6; 0 when the key does not say. */
uint8_t row_record_family(const struct flow_record *record);

#endif

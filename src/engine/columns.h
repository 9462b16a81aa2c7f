/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which columns the records of a meter have in an output: what the configuration says, or the
 * output's own list, less what such records can never have. Used by sinks.c, which makes schemas
 * (templates) of them, and by meters.c, which opens the measures that give them.
 */
#ifndef ENGINE_COLUMNS_H
#define ENGINE_COLUMNS_H

#include "base/error.h"
#include "engine/hooks.h"
#include "flow/rows.h"
#include "output/output.h"

struct columns_wish {                   /* borrowed */
	const char *measures;           /* --measure: fields of these besides; NULL: none */
	bool networks;                  /* and of the measure of that name, but not behind a list */
	const char *fields;             /* a list, or changes to the output's own; NULL: that one */
	const struct key_options *key;  /* its columns stand before those of a list; NULL: they do
	                                 * not */
	bool several;                   /* there are records of other meters: the output's own list says
	                                 * whose these are */
	const char *label;              /* begins messages */
	const char *output_fields;      /* what the output's address says: a list, or changes to what
	                                 * it would have; NULL: nothing */
	const char *output;             /* its name */
};

/* The outcome, in the order in which columns are written. */
struct columns {
	struct column_choice choices[COLUMNS_MAX];      /* each knows whether it is part of the key */
	unsigned count;
};

/* What can be asked for: every field that flows and all hooks give. The list points to `room`. */
struct column_list columns_available(struct column_choice room[COLUMNS_MAX]);

/* The columns that records of a meter have in an output of this kind. -EINVAL with a message that
 * begins with wish->label, or names the output whose address is wrong. */
int columns_choose(const struct columns_wish *wish, const struct output_kind *kind,
                   const struct row_settings *rows, struct columns *ret, struct error *err);

/* The hooks that give what is asked for, by the wish or by one of the addresses. */
int columns_hooks(const struct columns_wish *wish, const struct text_list *outputs,
                  struct hook_set *ret, struct error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * null: takes records and does nothing with them: for measuring, and for runs that want only
 * --stats.
 * Neighbours: output.h (the shape), kinds.c (the list).
 */
#include <errno.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "output/output.h"

extern const struct output_kind output_null;

/* The output: an account and nothing else. */
struct null_output {
	struct output output;
	struct output_counters counters;
};

static int null_open(const struct address *address, const struct output_env *env,
                     struct output **ret, struct error *err)
{
	int rc = output_check_parameters(&output_null, address, err);
	if (rc < 0)
		return rc;
	struct null_output *o = calloc(1, sizeof *o);
	if (!o)
		return error_set(err, -ENOMEM, "%s: out of memory", address->text);
	o->output.kind = &output_null;
	*ret = &o->output;
	return 0;
}

static int null_schema(struct output *o, const struct schema *schema, struct error *err)
{
	return 0;
}

static int null_write(struct output *output, const struct record_batch *batch, struct error *err)
{
	struct null_output *o = container_of(output, struct null_output, output);
	o->counters.accepted += batch->count;
	o->counters.acknowledged += batch->count;
	o->counters.messages++;
	return 0;
}

static int null_tick(struct output *o, uint64_t now_ns, uint64_t *ret_next_ns, struct error *err)
{
	*ret_next_ns = UINT64_MAX;
	return 0;
}

static int null_finish(struct output *o, uint64_t deadline_ns, struct error *err)
{
	return 0;
}

static void null_counters(const struct output *output, struct output_counters *ret)
{
	*ret = ((const struct null_output *)output)->counters;
}

static void null_close(struct output *output)
{
	free(container_of(output, struct null_output, output));
}

const struct output_kind output_null = {
	.scheme = "null",
	.help = "counts records and drops them",
	.open = null_open,
	.schema = null_schema,
	.write = null_write,
	.tick = null_tick,
	.finish = null_finish,
	.counters = null_counters,
	.close = null_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Records by callback: see callback.h. Not in output_kinds[], since no address names a function. */
#include "output/callback.h"

#include <errno.h>
#include <stdlib.h>

#include "base/compiler.h"

/* The output: a function of libweir's user. */
struct callback_output {
	struct output output;
	void (*records)(void *context, const struct record_batch *batch);
	void *context;
	struct output_counters counters;
};

static const struct output_kind callback_kind;

int callback_output_new(void (*records)(void *context, const struct record_batch *batch),
                        void *context, struct output **ret)
{
	struct callback_output *o = calloc(1, sizeof *o);
	if (!o)
		return -ENOMEM;
	o->output.kind = &callback_kind;
	o->records = records;
	o->context = context;
	*ret = &o->output;
	return 0;
}

static int callback_schema(struct output *o, const struct schema *schema, struct error *err)
{
	return 0;
}

static int callback_write(struct output *output, const struct record_batch *batch,
                          struct error *err)
{
	struct callback_output *o = container_of(output, struct callback_output, output);
	o->records(o->context, batch);
	o->counters.accepted += batch->count;
	o->counters.acknowledged += batch->count;
	o->counters.messages++;
	return 0;
}

static int callback_tick(struct output *o, uint64_t now_ns, uint64_t *ret_next_ns,
                         struct error *err)
{
	*ret_next_ns = UINT64_MAX;
	return 0;
}

static int callback_finish(struct output *o, uint64_t deadline_ns, struct error *err)
{
	return 0;
}

static void callback_counters(const struct output *output, struct output_counters *ret)
{
	*ret = ((const struct callback_output *)output)->counters;
}

static void callback_close(struct output *output)
{
	free(container_of(output, struct callback_output, output));
}

static const struct output_kind callback_kind = {
	.scheme = "callback",
	.help = "hands records to a function of the program that embeds libweir",
	.schema = callback_schema,
	.write = callback_write,
	.tick = callback_tick,
	.finish = callback_finish,
	.counters = callback_counters,
	.close = callback_close,
};

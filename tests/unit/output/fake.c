/* SPDX-License-Identifier: Apache-2.0 */
/* The misbehaving output of the queue's tests: see fake.h. */
#include "fake.h"

#include <errno.h>
#include <unistd.h>

#include "base/compiler.h"

static struct fake *fake_of(struct output *o)
{
	return container_of(o, struct fake, output);
}

static int fake_open(const struct address *address, const struct output_env *env,
                     struct output **ret, struct error *err)
{
	struct fake *f = env->context;
	f->give_up = env->give_up;
	*ret = &f->output;
	return 0;
}

static int fake_schema_told(struct output *o, const struct schema *schema, struct error *err)
{
	atomic_fetch_add(&fake_of(o)->schemas, 1);
	return atomic_load(&fake_of(o)->refusing)
		? error_set(err, -EINVAL, "fake: not this schema") : 0;
}

static void look_at_rows(struct fake *f, const struct record_batch *batch)
{
	for (unsigned i = 0; i < batch->count; i++) {
		uint64_t value = value_read_unsigned(batch->schema, record_row(batch, i), 0);
		if (value <= f->last_first_value)
			f->in_order = false;
		f->last_first_value = value;
	}
	atomic_fetch_add(&f->rows, batch->count);
}

static int fake_write(struct output *o, const struct record_batch *batch, struct error *err)
{
	struct fake *f = fake_of(o);
	atomic_fetch_add(&f->writes, 1);
	while (atomic_load(&f->hanging))
		usleep(1000);
	while (atomic_load(&f->stalled) && !(f->give_up && atomic_load(f->give_up)))
		usleep(1000);
	look_at_rows(f, batch);
	f->counters.accepted += batch->count;
	if (atomic_load(&f->failing)) {
		f->counters.dropped[DROP_WRITE_FAILED] += batch->count;
		return error_set(err, -EIO, "fake: no more paper");
	}
	f->counters.acknowledged += batch->count - atomic_load(&f->losing);
	return 0;
}

static void fake_missed(struct output *o, const struct output_missed *missed)
{
	struct fake *f = fake_of(o);
	if (f->missed.amount.records == 0)
		f->missed.first_ns = missed->first_ns;
	f->missed.last_ns = missed->last_ns;
	record_amount_add(&f->missed.amount, &missed->amount);
}

static int fake_tick(struct output *o, uint64_t now_ns, uint64_t *ret_next_ns, struct error *err)
{
	atomic_fetch_add(&fake_of(o)->ticks, 1);
	*ret_next_ns = now_ns + 1000000;
	return 0;
}

static int fake_reopen(struct output *o, struct error *err)
{
	atomic_fetch_add(&fake_of(o)->reopens, 1);
	return 0;
}

static int fake_finish(struct output *o, uint64_t deadline_ns, struct error *err)
{
	atomic_fetch_add(&fake_of(o)->finishes, 1);
	return 0;
}

static void fake_counters(const struct output *o, struct output_counters *ret)
{
	*ret = ((const struct fake *)o)->counters;
}

static void fake_close(struct output *o)
{
	atomic_fetch_add(&fake_of(o)->closes, 1);
}

const struct output_kind fake_kind = {
	.scheme = "fake", .open = fake_open, .schema = fake_schema_told, .write = fake_write,
	.missed = fake_missed, .tick = fake_tick,
	.reopen = fake_reopen, .finish = fake_finish, .counters = fake_counters, .close = fake_close,
};

void fake_init(struct fake *f)
{
	*f = (struct fake){ .output.kind = &fake_kind, .in_order = true };
}

struct schema *fake_schema(void)
{
	struct column_choice choice = { .field = field_find("octetDeltaCount", 15, NULL) };
	struct schema *schema;
	return choice.field && schema_new(&choice, 1, 0, 0, &schema) == 0 ? schema : NULL;
}

struct record_batch *fake_batch(const struct schema *schema, unsigned count, uint64_t first)
{
	struct record_batch *batch = record_batch_new(schema, count);
	for (unsigned i = 0; i < count; i++) {
		struct value_writer w = { .batch = batch, .row = record_batch_append(batch), .column = 0 };
		value_write_unsigned(&w, first + i);
	}
	return batch;
}

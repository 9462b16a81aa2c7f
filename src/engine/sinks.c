/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams, and rows on their way into them: see sinks.h. A worker fills a batch of each stream of
 * its own; only whole batches are handed on, by their holders' count, so nothing is copied and
 * workers meet at the queues alone. With --sort batches are kept, and rows leave by time when all
 * have come.
 */
#include "engine/sinks.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "output/callback.h"

enum { BATCH_ROWS = 256 };

/* ---- streams --------------------------------------------------------------------------------- */

static bool same_stream(const struct stream *a, const struct stream *b)
{
	return a->meter == b->meter && a->uniflow == b->uniflow && schema_equal(a->schema, b->schema);
}

/* Owns the schema from here on. */
static int find_stream(struct sinks *s, const struct stream *wanted, struct stream **ret,
                       struct error *err)
{
	for (unsigned i = 0; i < s->stream_count; i++)
		if (same_stream(&s->streams[i], wanted)) {
			schema_free(wanted->schema);
			*ret = &s->streams[i];
			return 0;
		}
	if (s->stream_count == STREAMS_MAX) {
		schema_free(wanted->schema);
		return error_set(err, -E2BIG, "more than %d different record layouts", STREAMS_MAX);
	}
	*ret = &s->streams[s->stream_count++];
	**ret = *wanted;
	return 0;
}

struct layout {                         /* of a meter's records in an output */
	struct columns columns;
	uint8_t family;                 /* 4 or 6: only what such records have; 0: all of it */
};

/* Outputs that want the same columns of a meter share one stream, and so its batches. */
static int add_stream(struct sinks *s, const struct sinks_meter *m, struct queue *q,
                      const struct layout *layout, struct error *err)
{
	struct column_choice kept[COLUMNS_MAX];
	unsigned n = 0;
	const struct columns *c = &layout->columns;
	for (unsigned i = 0; i < c->count; i++) {
		uint8_t own = row_field_family(c->choices[i].field);
		if (!layout->family || !own || own == layout->family)
			kept[n++] = c->choices[i];
	}
	bool uniflow = queue_kind(q)->uniflow;
	struct stream *stream = NULL, wanted = { .meter = m->number, .uniflow = uniflow,
	                                  .whole = !uniflow && !m->rows->uniflow };
	if (schema_new(kept, n, 0, layout->family, &wanted.schema))
		return error_set(err, -E2BIG, "%s: too many fields for one record", queue_name(q));
	if (m->template_id)
		wanted.schema->template_id = (uint16_t)(m->template_id + (layout->family == 6));
	wanted.schema->process = m->number + 1;
	int r = find_stream(s, &wanted, &stream, err);
	if (r)
		return r;
	stream->queues[stream->queue_count++] = q;
	return queue_schema(q, stream->schema, err);
}

/* A template for each family, where records know theirs and it matters. */
static bool has_families(const struct sinks_meter *m, const struct columns *columns)
{
	for (unsigned i = 0; i < columns->count; i++)
		if (row_field_family(columns->choices[i].field))
			return m->rows->meter->settings.plan.fields & KEY_FAMILY;
	return false;
}

/* An output that wants one template for each address family gets two streams, unless no column
 * belongs to a family. */
static int add_streams(struct sinks *s, const struct sinks_meter *m, struct queue *q,
                       struct error *err)
{
	struct layout layout = { .family = 0 };
	const struct output_kind *kind = queue_kind(q);
	struct row_settings rows = *m->rows;
	rows.uniflow |= kind->uniflow;
	struct columns_wish wish = m->columns;
	wish.output_fields = queue_fields(q);
	wish.output = queue_name(q);
	int r = columns_choose(&wish, kind, &rows, &layout.columns, err);
	if (r)
		return r;
	if (!kind->splits_families || !has_families(m, &layout.columns))
		return add_stream(s, m, q, &layout, err);
	layout.family = 4;
	r = add_stream(s, m, q, &layout, err);
	layout.family = 6;
	return r ? r : add_stream(s, m, q, &layout, err);
}

static bool is_for(const struct sinks *s, const struct sinks_meter *m, const struct queue *q)
{
	for (unsigned i = 0; i < m->outputs->count && q != s->callback; i++)
		if (strcmp(m->outputs->items[i], queue_name(q)) == 0)
			return true;
	return q == s->callback;
}

int sinks_add_meter(struct sinks *s, const struct sinks_meter *m, struct error *err)
{
	int r = 0;
	for (unsigned i = 0; i < s->outputs.count && !r; i++) {
		struct queue *q = s->outputs.queues[i];
		if (!is_for(s, m, q))
			continue;
		r = add_streams(s, m, q, err);
		s->whole_outputs[m->number] += !m->rows->uniflow && !queue_kind(q)->uniflow;
	}
	return r;
}

unsigned sinks_whole_outputs(const struct sinks *s, unsigned meter)
{
	return s->whole_outputs[meter];
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_callback(struct sinks *s, const struct sinks_setup *setup,
                         const struct output_env *env, struct error *err)
{
	struct queue_setup queue = { .env = env, .name = "callback" };
	int r = callback_output_new(setup->env->records, setup->env->context, &queue.opened);
	if (r)
		return error_set(err, r, "out of memory");
	r = outputs_add(&s->outputs, &queue, err);
	if (!r)
		s->callback = s->outputs.queues[s->outputs.count - 1];
	return r;
}

int sinks_open(const struct sinks_setup *setup, struct sinks *s, struct error *err)
{
	const struct output_env env = { .live = setup->live, .start_ns = setup->start_ns,
	                                .terminal = setup->env->terminal, .check = setup->check,
	                                .options = setup->options ? metering_options_read : NULL,
	                                .options_context = setup->options,
	                                .sample = setup->sample,
	                                .sample_random = setup->sample_random };
	const struct outputs_setup outputs = { .addresses = setup->outputs,
	                                       .count = setup->output_count, .env = &env,
	                                       .log = setup->env->log };
	memset(s, 0, sizeof *s);
	s->sort = setup->sort;
	s->log = setup->env->log;
	pthread_mutex_init(&s->sort_lock, NULL);
	int r = outputs_open(&outputs, &s->outputs, err);
	if (!r && setup->env->records) {
		const struct output_env told = outputs_env(&env, s->log);
		r = open_callback(s, setup, &told, err);
	}
	if (r)
		sinks_close(s);
	return r;
}

int sinks_start(struct sinks *s, struct error *err)
{
	return outputs_start(&s->outputs, err);
}

void sinks_close(struct sinks *s)
{
	outputs_close(&s->outputs);
	for (unsigned i = 0; i < s->stream_count; i++)
		schema_free(s->streams[i].schema);
	free(s->sorted);
	pthread_mutex_destroy(&s->sort_lock);
	s->stream_count = 0;
	s->sorted = NULL;
}

/* ---- sorting --------------------------------------------------------------------------------- */

/* Ties are broken by stream and then by octets, so the order is the same for any number of
 * workers. */
static int compare_rows(const void *a, const void *b)
{
	const struct sorted_row *x = a, *y = b;
	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	if (x->end_ns != y->end_ns)
		return x->end_ns < y->end_ns ? -1 : 1;
	if (x->stream != y->stream)
		return x->stream < y->stream ? -1 : 1;
	return memcmp(record_row(x->batch, x->row), record_row(y->batch, y->row),
	              x->batch->schema->row_bytes);
}

static void put(const struct sinks *s, const struct stream *stream, struct record_batch *batch,
                bool now)
{
	unsigned how = (s->outputs.live ? 0 : QUEUE_WAIT) | (now ? QUEUE_NOW : 0);
	for (unsigned i = 0; i < stream->queue_count; i++)
		queue_put(stream->queues[i], batch, how);
	record_batch_release(batch);
}

static void put_open(struct sinks *s, struct record_batch *open[STREAMS_MAX])
{
	for (unsigned i = 0; i < s->stream_count; i++) {
		if (open[i])
			put(s, &s->streams[i], open[i], false);
		open[i] = NULL;
	}
}

/* Rows of several streams alternate, so each stream has a batch open. When one is full all are
 * put: what an output gets of two streams (IPv4 and IPv6) is then never further out of order than
 * one batch. */
static void send_sorted(struct sinks *s)
{
	struct record_batch *open[STREAMS_MAX] = { NULL };
	if (s->sorted_count)
		qsort(s->sorted, s->sorted_count, sizeof *s->sorted, compare_rows);
	for (size_t i = 0; i < s->sorted_count; i++) {
		struct sorted_row *row = &s->sorted[i];
		struct record_batch **batch = &open[row->stream];
		if (*batch && (*batch)->count == (*batch)->capacity)
			put_open(s, open);
		if (!*batch)
			*batch = record_batch_new(s->streams[row->stream].schema, BATCH_ROWS);
		if (!*batch || !record_batch_copy_row(*batch, row->batch, record_row(row->batch, row->row)))
			log_line(s->log, LOG_ERROR, "out of memory while sorting: a record is lost");
		record_batch_release(row->batch);
	}
	put_open(s, open);
	s->sorted_count = 0;
}

/* Keeps a batch for later; each row holds it once. */
static bool keep_sorted(struct sinks *s, const struct builder *b, struct record_batch *batch)
{
	pthread_mutex_lock(&s->sort_lock);
	if (s->sorted_count + batch->count > s->sorted_room) {
		size_t room = s->sorted_room * 2 + 65536;
		struct sorted_row *more = realloc(s->sorted, room * sizeof *more);
		if (!more) {
			pthread_mutex_unlock(&s->sort_lock);
			return false;
		}
		s->sorted = more;
		s->sorted_room = room;
	}
	for (uint32_t i = 0; i < batch->count; i++) {
		struct sorted_row *row = &s->sorted[s->sorted_count++];
		*row = b->keys[i];
		row->batch = record_batch_hold(batch);
		row->row = i;
		row->stream = (uint32_t)(b->stream - s->streams);
	}
	pthread_mutex_unlock(&s->sort_lock);
	record_batch_release(batch);
	return true;
}

/* ---- builders -------------------------------------------------------------------------------- */

/* An output of uniflows has them, whatever the meter was told. */
static int builder_init(struct builder *b, struct sinks *s, struct stream *stream,
                        const struct row_settings *rows, struct error *err)
{
	struct row_settings own = *rows;
	own.uniflow |= stream->uniflow;
	b->sinks = s;
	b->stream = stream;
	int r = row_plan_new(stream->schema, &own, &b->plan, err);
	if (!r && s->sort && !(b->keys = calloc(BATCH_ROWS, sizeof *b->keys)))
		r = error_set(err, -ENOMEM, "out of memory");
	return r;
}

int builders_new(struct sinks *s, unsigned meter, const struct row_settings *rows,
                 struct builders *ret, struct error *err)
{
	struct builders made = { .list = calloc(s->stream_count + 1u, sizeof *made.list) };
	if (!made.list)
		return error_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < s->stream_count; i++) {
		if (s->streams[i].meter != meter)
			continue;
		int r = builder_init(&made.list[made.count++], s, &s->streams[i], rows, err);
		if (r) {
			builders_free(&made);
			return r;
		}
	}
	*ret = made;
	return 0;
}

void builders_free(struct builders *builders)
{
	for (unsigned i = 0; i < builders->count; i++) {
		struct builder *b = &builders->list[i];
		record_batch_release(b->batch);
		for (unsigned k = 0; k < BUILDER_KEEPS; k++)
			record_batch_release(b->kept[k]);
		row_plan_free(b->plan);
		free(b->keys);
	}
	free(builders->list);
	*builders = (struct builders){ 0 };
}

static void send_batch(struct builder *b, bool now)
{
	struct record_batch *batch = b->batch;
	b->batch = NULL;
	if (!batch)
		return;
	if (b->sinks->sort && keep_sorted(b->sinks, b, batch))
		return;
	put(b->sinks, b->stream, batch, now);
}

void builder_flush(struct builder *b) { send_batch(b, true); }

/* Makes a batch that went out empty again. With as many workers as processors an output's thread
 * gets none for milliseconds, and every batch would be new memory: a capture file can wait. */
static bool take_back(const struct builder *b, struct record_batch *batch)
{
	if (record_batch_reuse(batch))
		return true;
	if (!batch || b->sinks->outputs.live)
		return false;
	sched_yield();
	return record_batch_reuse(batch);
}

/* The batch that went out longest ago, if every output is done with it: its memory is there and
 * warm. Else a new one takes its place. */
static struct record_batch *open_batch(struct builder *b)
{
	if (b->sinks->sort)             /* they all stay */
		return record_batch_new(b->stream->schema, BATCH_ROWS);
	struct record_batch **oldest = &b->kept[b->next_kept++ % BUILDER_KEEPS];
	if (!take_back(b, *oldest)) {
		record_batch_release(*oldest);
		*oldest = record_batch_new(b->stream->schema, BATCH_ROWS);
	}
	return *oldest ? record_batch_hold(*oldest) : NULL;
}

/* A stream of one family takes no records of the other. */
void builder_write(struct builder *b, const struct flow_record *record)
{
	uint8_t family = b->stream->schema->family;
	if (family && family != row_record_family(record))
		return;
	if (b->batch && b->batch->count + 2 > b->batch->capacity)
		send_batch(b, false);
	if (!b->batch)
		b->batch = open_batch(b);
	if (!b->batch)
		return;                 /* no memory: the accounts will show the records missing */
	uint32_t before = b->batch->count;
	row_plan_write(b->plan, record, b->batch);
	for (uint32_t i = before; i < b->batch->count && b->keys; i++)
		b->keys[i] = (struct sorted_row){ .start_ns = record->flow->first_ns,
		                                  .end_ns = record->flow->last_ns };
	b->rows += b->batch->count - before;
}

bool sinks_finish(struct sinks *s)
{
	if (s->sort)
		send_sorted(s);
	return outputs_finish(&s->outputs, s->hurried);
}

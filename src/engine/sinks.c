/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sinks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "measure/measure.h"
#include "output/callback.h"

enum { BATCH_ROWS = 256 };

/* ---- which fields an output gets ------------------------------------------------------------- */

static unsigned choices_of_names(const char *const *names, struct column_choice *ret)
{
	unsigned count = 0;
	for (; *names && count < COLUMNS_MAX; names++) {
		bool reverse = false;
		const struct field *field = field_find(*names, strlen(*names), &reverse);
		if (field)
			ret[count++] = (struct column_choice){ .field = field, .reverse = reverse };
	}
	return count;
}

/* What the key says beyond the standard one belongs into a record by itself. */
static const char *const key_fields[] = {
	"sourceIPv4Prefix", "sourceIPv4PrefixLength",
	"destinationIPv4Prefix", "destinationIPv4PrefixLength",
	"sourceIPv6Prefix", "sourceIPv6PrefixLength",
	"destinationIPv6Prefix", "destinationIPv6PrefixLength",
	"flowLabelIPv6", "layer2SegmentId", "greKey", "samplingPacketInterval", "samplingPacketSpace",
	"samplingProbability",
	NULL
};

static unsigned drop_impossible(const struct row_settings *rows, struct column_choice *choices,
                                unsigned count)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < count; i++)
		if (row_choice_is_possible(rows, &choices[i]))
			choices[kept++] = choices[i];
	return kept;
}

static unsigned default_choices(const struct output_kind *kind, const struct row_settings *rows,
                                struct column_choice *ret)
{
	unsigned count = choices_of_names(kind->default_fields ? kind->default_fields
	                                  : output_standard_fields, ret);
	struct column_choice more[array_count(key_fields)];
	unsigned extra = choices_of_names(key_fields, more);
	for (unsigned i = 0; i < extra && count < COLUMNS_MAX; i++)
		ret[count++] = more[i];
	return drop_impossible(rows, ret, count);
}

/* Every field that a flow or any measure gives. */
static unsigned available_fields(struct column_choice *ret)
{
	return row_fields(measures, ret, COLUMNS_MAX);
}

int sinks_measures(const struct settings *settings,
                   const struct flow_hook *ret[METER_HOOKS_MAX + 1], struct error *err)
{
	struct column_choice available[COLUMNS_MAX], choices[COLUMNS_MAX];
	unsigned possible = available_fields(available);
	unsigned count = choices_of_names(output_standard_fields, choices);
	unsigned wanted = 0;
	int r = 0;
	if (settings->fields)
		r = column_list_parse(settings->fields, &(struct column_list){ available, possible },
		                      choices, &count, err);
	if (r)
		return error_prefix(err, r, "--fields");
	for (unsigned m = 0; measures[m] && wanted < METER_HOOKS_MAX; m++)
		for (unsigned i = 0; i < count; i++)
			if (measure_of_field(choices[i].field) == measures[m]) {
				ret[wanted++] = measures[m];
				break;
			}
	ret[wanted] = NULL;
	return 0;
}

static int choose_fields(const struct sinks_setup *setup, const struct output_kind *kind,
                         struct column_choice *ret, unsigned *ret_count, struct error *err)
{
	struct column_choice available[COLUMNS_MAX];
	unsigned possible = available_fields(available);
	*ret_count = default_choices(kind, setup->rows, ret);
	if (!setup->settings->fields || kind->fixed_fields)
		return 0;
	int r = column_list_parse(setup->settings->fields, &(struct column_list){ available, possible },
	                          ret, ret_count, err);
	if (r)
		return error_prefix(err, r, "--fields");
	if (kind->splits_families)      /* a template has no absent values */
		*ret_count = drop_impossible(setup->rows, ret, *ret_count);
	if (!*ret_count)
		return error_set(err, -EINVAL, "--fields %s: no field is left", setup->settings->fields);
	return 0;
}

/* ---- streams --------------------------------------------------------------------------------- */

static int stream_of_schema(struct sinks *s, struct schema *schema, bool uniflow,
                            struct stream **ret, struct error *err)
{
	for (unsigned i = 0; i < s->stream_count; i++)
		if (s->streams[i].uniflow == uniflow && schema_equal(s->streams[i].schema, schema)) {
			schema_free(schema);
			*ret = &s->streams[i];
			return 0;
		}
	if (s->stream_count == STREAMS_MAX) {
		schema_free(schema);
		return error_set(err, -E2BIG, "more than %d different record layouts", STREAMS_MAX);
	}
	*ret = &s->streams[s->stream_count++];
	(*ret)->schema = schema;
	(*ret)->uniflow = uniflow;
	return 0;
}

static int add_stream(struct sinks *s, struct queue *q, const struct column_list *list,
                      uint8_t family, struct error *err)
{
	struct column_choice kept[COLUMNS_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < list->count; i++) {
		uint8_t own = row_field_family(list->choices[i].field);
		if (!family || !own || own == family)
			kept[n++] = list->choices[i];
	}
	struct schema *schema;
	struct stream *stream = NULL;
	if (schema_new(kept, n, 0, family, &schema))
		return error_set(err, -E2BIG, "%s: too many fields for one record", queue_name(q));
	int r = stream_of_schema(s, schema, queue_kind(q)->uniflow, &stream, err);
	if (r)
		return r;
	stream->queues[stream->queue_count++] = q;
	return queue_schema(q, stream->schema, err);
}

static bool any_of_family(const struct column_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		if (row_field_family(list->choices[i].field))
			return true;
	return false;
}

static int add_streams(struct sinks *s, const struct sinks_setup *setup, struct queue *q,
                       struct error *err)
{
	struct column_choice choices[COLUMNS_MAX];
	unsigned count = 0;
	const struct output_kind *kind = queue_kind(q);
	struct row_settings rows = *setup->rows;
	rows.uniflow |= kind->uniflow;
	struct sinks_setup own = *setup;
	own.rows = &rows;
	int r = choose_fields(&own, kind, choices, &count, err);
	if (r)
		return r;
	for (unsigned i = 0; i < count; i++)
		choices[i].key = !choices[i].reverse
			&& key_plan_has(&rows.meter->settings.plan, choices[i].field);
	const struct column_list list = { choices, count };
	if (!kind->splits_families || !any_of_family(&list))
		return add_stream(s, q, &list, 0, err);
	r = add_stream(s, q, &list, 4, err);
	return r ? r : add_stream(s, q, &list, 6, err);
}

/* ---- opening --------------------------------------------------------------------------------- */

static void output_message(void *context, const char *text)
{
	const struct log *log = context;
	log_line(log, LOG_WARNING, "%s", text);
}

static int unknown_kind(const struct address *a, struct error *err)
{
	char known[256] = "";
	struct text_nearest nearest = { .word = a->scheme };
	for (const struct output_kind *const *k = output_kinds; *k; k++) {
		text_nearest_offer(&nearest, (*k)->scheme);
		strncat(known, *known ? ", " : "", sizeof known - strlen(known) - 1);
		strncat(known, (*k)->scheme, sizeof known - strlen(known) - 1);
	}
	return error_set(err, -EINVAL, "--output %s: no output is called '%s'%s%s; expected one of %s",
	                 a->text, a->scheme, nearest.best ? "; did you mean " : "",
	                 nearest.best ? nearest.best : "", known);
}

static int open_queue(struct sinks *s, const struct sinks_setup *setup,
                      const struct queue_setup *queue, struct error *err)
{
	if (s->queue_count == SINKS_MAX)
		return error_set(err, -E2BIG, "more than %d outputs", SINKS_MAX);
	struct queue *q;
	int r = queue_open(queue, &q, err);
	if (r)
		return r;
	s->queues[s->queue_count++] = q;
	return add_streams(s, setup, q, err);
}

static int open_address(struct sinks *s, const struct sinks_setup *setup, const char *text,
                        const struct output_env *env, struct error *err)
{
	struct address address;
	int r = address_parse(text, &address, err);
	if (r)
		return r;
	struct queue_setup queue = { .kind = output_kind_find(address.scheme), .address = &address,
	                             .env = env };
	if (queue.kind)
		r = open_queue(s, setup, &queue, err);
	else
		r = unknown_kind(&address, err);
	address_fini(&address);
	return r;
}

static int open_callback(struct sinks *s, const struct sinks_setup *setup,
                         const struct output_env *env, struct error *err)
{
	struct queue_setup queue = { .env = env, .name = "callback" };
	int r = callback_output_new(setup->env->records, setup->env->context, &queue.opened);
	return r ? error_set(err, r, "out of memory") : open_queue(s, setup, &queue, err);
}

int sinks_open(const struct sinks_setup *setup, struct sinks *s, struct error *err)
{
	union { const struct log *log; void *context; } log = { .log = setup->env->log };
	struct output_env env = { .live = setup->live, .start_ns = setup->start_ns,
	                          .message = output_message, .context = log.context,
	                          .terminal = setup->env->terminal };
	memset(s, 0, sizeof *s);
	s->live = setup->live;
	s->sort = setup->settings->sort;
	s->log = setup->env->log;
	pthread_mutex_init(&s->sort_lock, NULL);
	int r = 0;
	for (unsigned i = 0; i < setup->settings->outputs.count && !r; i++)
		r = open_address(s, setup, setup->settings->outputs.items[i], &env, err);
	if (!r && setup->env->records)
		r = open_callback(s, setup, &env, err);
	if (r)
		sinks_close(s);
	return r;
}

int sinks_start(struct sinks *s, struct error *err)
{
	for (unsigned i = 0; i < s->queue_count; i++) {
		int r = queue_start(s->queues[i], err);
		if (r)
			return r;
	}
	s->started = true;
	return 0;
}

void sinks_close(struct sinks *s)
{
	for (unsigned i = 0; i < s->queue_count; i++)
		queue_close(s->queues[i]);
	for (unsigned i = 0; i < s->stream_count; i++)
		schema_free(s->streams[i].schema);
	free(s->sorted);
	pthread_mutex_destroy(&s->sort_lock);
	s->queue_count = s->stream_count = 0;
	s->sorted = NULL;
}

/* ---- sorting --------------------------------------------------------------------------------- */

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
	unsigned how = (s->live ? 0 : QUEUE_WAIT) | (now ? QUEUE_NOW : 0);
	for (unsigned i = 0; i < stream->queue_count; i++)
		queue_put(stream->queues[i], batch, how);
	record_batch_release(batch);
}

/* Copies a row with what it has in the arena. False when there is no memory for it. */
static bool copy_row(struct record_batch *to, const struct sorted_row *from)
{
	const struct schema *schema = to->schema;
	const uint8_t *row = record_row(from->batch, from->row);
	uint8_t *copy = record_batch_append(to);
	if (!copy)
		return false;
	memcpy(copy, row, schema->row_bytes);
	for (unsigned i = 0; i < schema->column_count; i++) {
		if (!schema->column[i].variable || !record_is_present(schema, row, i))
			continue;
		uint32_t bytes;
		const uint8_t *octets = value_read_octets(from->batch, row, i, &bytes);
		struct value_writer w = { to, copy, i };
		value_write_octets(&w, octets, bytes);
	}
	return true;
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
		if (!*batch || !copy_row(*batch, row))
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

int builders_new(struct sinks *s, const struct row_settings *rows, struct builder **ret,
                 unsigned *ret_count, struct error *err)
{
	struct builder *builders = calloc(s->stream_count + 1u, sizeof *builders);
	if (!builders)
		return error_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < s->stream_count; i++) {
		struct builder *b = &builders[i];
		b->sinks = s;
		b->stream = &s->streams[i];
		struct row_settings own = *rows;
		own.uniflow |= b->stream->uniflow;
		int r = row_plan_new(b->stream->schema, &own, &b->plan, err);
		if (!r && s->sort && !(b->keys = calloc(BATCH_ROWS, sizeof *b->keys)))
			r = error_set(err, -ENOMEM, "out of memory");
		if (r) {
			builders_free(builders, i + 1);
			return r;
		}
	}
	*ret = builders;
	*ret_count = s->stream_count;
	return 0;
}

void builders_free(struct builder *builders, unsigned count)
{
	for (unsigned i = 0; i < count && builders; i++) {
		record_batch_release(builders[i].batch);
		for (unsigned k = 0; k < BUILDER_KEEPS; k++)
			record_batch_release(builders[i].kept[k]);
		row_plan_free(builders[i].plan);
		free(builders[i].keys);
	}
	free(builders);
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

/* The batch that went out longest ago, if every output is done with it: its memory is there and
 * warm. Else a new one takes its place. */
static struct record_batch *open_batch(struct builder *b)
{
	if (b->sinks->sort)             /* they all stay */
		return record_batch_new(b->stream->schema, BATCH_ROWS);
	struct record_batch **oldest = &b->kept[b->next_kept++ % BUILDER_KEEPS];
	if (!record_batch_reuse(*oldest)) {
		record_batch_release(*oldest);
		*oldest = record_batch_new(b->stream->schema, BATCH_ROWS);
	}
	return *oldest ? record_batch_hold(*oldest) : NULL;
}

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
	bool fine = true;
	if (s->sort)
		send_sorted(s);
	for (unsigned i = 0; i < s->queue_count; i++) {
		uint64_t patience_ns = s->live || s->hurried ? 5000000000ull : 0;
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
		queue_finish(s->queues[i], patience_ns ? now_ns + patience_ns : UINT64_MAX);
		fine = fine && !queue_failed(s->queues[i]);
	}
	return fine;
}

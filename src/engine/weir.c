/* SPDX-License-Identifier: Apache-2.0 */
/* The public face of libweir (include/weir/weir.h) on top of the engine. */
#include "weir/weir.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "engine/engine.h"
#include "record/value_text.h"

/* What users of libweir hold. */
struct weir {
	struct settings settings;       /* filled by options */
	struct option_set *options;     /* owns all texts of the settings */
	struct log log;
	struct error error;             /* the last one, for weir_error() */
	pthread_mutex_t lock;           /* of error: lines come from the engine's threads */
	_Atomic(struct engine *) engine;        /* kept until weir_close: weir_stop may come late */
	atomic_bool stopped;
	void (*callback)(void *context, const struct weir_record *record);
	void *context;
};

/* A row, for the time of the callback. */
struct weir_record {
	const struct record_batch *batch;
	const uint8_t *row;
};

const char *weir_version(void) { return WEIR_VERSION; }

/* A library says nothing on its own: the last line is what weir_error() gives. */
static void keep_line(void *context, enum log_level level, const char *text)
{
	struct weir *w = context;
	if (level != LOG_ERROR)
		return;
	pthread_mutex_lock(&w->lock);
	error_set(&w->error, 0, "%s", text);
	pthread_mutex_unlock(&w->lock);
}

int weir_open(struct weir **ret)
{
	struct weir *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	w->log = (struct log){ .level = LOG_ERROR, .write = keep_line, .context = w };
	int r = option_set_new(meter_options, &w->settings, &w->options, &w->error);
	if (r) {
		free(w);
		return r;
	}
	*ret = w;
	return 0;
}

void weir_close(struct weir *w)
{
	if (!w)
		return;
	engine_close(atomic_load(&w->engine));
	option_set_free(w->options);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int weir_set(struct weir *w, const char *name, const char *value)
{
	return option_set_value(w->options, name, value, name, &w->error);
}

void weir_on_record(struct weir *w,
                    void (*callback)(void *context, const struct weir_record *record),
                    void *context)
{
	w->callback = callback;
	w->context = context;
}

static void take_batch(void *context, const struct record_batch *batch)
{
	struct weir *w = context;
	for (uint32_t i = 0; i < batch->count; i++) {
		struct weir_record record = { batch, record_row(batch, i) };
		w->callback(w->context, &record);
	}
}

static int check(struct weir *w)
{
	if (!w->settings.files.count && !w->settings.interfaces.count)
		return error_set(&w->error, -EINVAL, "nothing to meter: set \"read\" or \"interface\"");
	if (w->settings.files.count && w->settings.interfaces.count)
		return error_set(&w->error, -EINVAL, "set \"read\" or \"interface\", not both");
	return 0;
}

/* The engine's pointer is published before the run, so that weir_stop() reaches it from any thread;
 * a stop that came earlier is made up for. */
int weir_run(struct weir *w)
{
	struct engine_env env = { .log = &w->log, .records = w->callback ? take_batch : NULL,
	                          .context = w };
	struct engine *e = NULL;
	w->error.text[0] = '\0';
	if (atomic_load(&w->engine))
		return error_set(&w->error, -EBUSY, "this meter has run already: open another one");
	int r = w->settings.config ? option_read_yaml(w->options, w->settings.config, &w->error) : 0;
	if (!r)
		r = check(w);
	if (!r)
		r = engine_open(&w->settings, &env, &e, &w->error);
	if (r)
		return r;
	atomic_store(&w->engine, e);
	if (atomic_load(&w->stopped))
		engine_stop(e);
	struct error err = { "" };
	r = engine_run(e, &err);
	if (r < 0)
		w->error = err;
	return r;
}

void weir_stop(struct weir *w)
{
	atomic_store(&w->stopped, true);
	struct engine *e = atomic_load(&w->engine);
	if (e)
		engine_stop(e);
}

const char *weir_error(const struct weir *w) { return w->error.text; }

static int find_column(const struct weir_record *record, const char *name)
{
	bool reverse = false;
	const struct field *field = field_find(name, strlen(name), &reverse);
	int column = field ? schema_find(record->batch->schema, field, reverse) : -1;
	if (column < 0 || !record_is_present(record->batch->schema, record->row, (unsigned)column))
		return -1;
	return column;
}

bool weir_record_unsigned(const struct weir_record *record, const char *name, uint64_t *ret)
{
	int column = find_column(record, name);
	if (column < 0)
		return false;
	unsigned type = record->batch->schema->column[column].field->type;
	bool number = (type >= TYPE_U8 && type <= TYPE_U64) || type == TYPE_BOOLEAN
		|| (type >= TYPE_SECONDS && type <= TYPE_NANOSECONDS);
	if (number)
		*ret = value_read_unsigned(record->batch->schema, record->row, (unsigned)column);
	return number;
}

bool weir_record_text(const struct weir_record *record, const char *name, char *buffer, size_t size)
{
	int column = find_column(record, name);
	if (column < 0 || !size)
		return false;
	value_to_text(record->batch, record->row, (unsigned)column, buffer, size);
	return true;
}

struct text {                           /* what snprintf counts, piece by piece */
	char *at;
	size_t room, length;
};

static void add(struct text *t, const char *piece, size_t length)
{
	for (size_t i = 0; i < length; i++, t->length++)
		if (t->length + 1 < t->room)
			t->at[t->length] = piece[i];
}

static void add_column(struct text *t, const struct weir_record *record, unsigned column)
{
	const struct schema *schema = record->batch->schema;
	char name[128], value[4096];
	add(t, t->length > 1 ? ",\"" : "\"", t->length > 1 ? 2 : 1);
	add(t, name, field_column_name(schema->column[column].field, schema->column[column].reverse,
	                               name, sizeof name));
	size_t length = value_to_json(record->batch, record->row, column, value, sizeof value);
	add(t, "\":", 2);
	if (length < sizeof value)
		add(t, value, length);
	else
		add(t, "null", 4);      /* a text of that size is no value for a line */
}

size_t weir_record_json(const struct weir_record *record, char *buffer, size_t size)
{
	struct text t = { .at = buffer, .room = size };
	add(&t, "{", 1);
	for (unsigned i = 0; i < record->batch->schema->column_count; i++)
		if (record_is_present(record->batch->schema, record->row, i))
			add_column(&t, record, i);
	add(&t, "}", 1);
	if (size)
		buffer[t.length < size ? t.length : size - 1] = '\0';
	return t.length;
}

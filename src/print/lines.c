/* SPDX-License-Identifier: Apache-2.0 */
/* A record a line, whatever the format: see lines.h. */
#include "print/lines.h"

#include <errno.h>
#include <stdlib.h>

#include "base/compiler.h"

static struct lines *lines_of(struct output *o)
{
	return container_of(o, struct lines, output);
}

static int lines_head(void *context, struct file_writer *f, struct error *err)
{
	struct lines *l = context;
	return l->format->head ? l->format->head(l, l->plan_count ? l->plans[0].plan : NULL, err) : 0;
}

/* The parameters are checked behind the file's own, since every reader marks those that it
 * knows. */
int lines_open(struct lines *l, const struct line_format *format, const struct address *address,
               const struct output_env *env, struct error *err)
{
	l->output.kind = format->kind;
	l->format = format;
	l->env = env;
	struct file_head head = { .write = lines_head, .context = l };
	int rc = file_writer_open(address, env, &head, &l->file, err);
	if (rc < 0)
		return rc;
	rc = output_check_parameters(format->kind, address, err);
	if (rc < 0) {
		file_writer_close(l->file);
		l->file = NULL;
	}
	return rc;
}

void lines_fini(struct lines *l)
{
	for (unsigned i = 0; i < l->plan_count; i++)
		l->format->plan_free(l->plans[i].plan);
	free(l->plans);
	file_writer_close(l->file);
}

int lines_schema(struct output *o, const struct schema *schema, struct error *err)
{
	struct lines *l = lines_of(o);
	struct line_plan *grown = realloc(l->plans, (l->plan_count + 1) * sizeof *grown);
	if (!grown)
		return error_set(err, -ENOMEM, "out of memory for a schema");
	l->plans = grown;
	void *plan;
	int rc = l->format->plan_new(l, schema, &plan, err);
	if (rc < 0)
		return rc;
	l->last = l->plan_count;
	l->plans[l->plan_count++] = (struct line_plan){ .schema_id = schema->id, .plan = plan };
	return 0;
}

/* NULL for a schema that was never told. */
static void *plan_of(struct lines *l, uint32_t schema_id)
{
	if (likely(l->last < l->plan_count && l->plans[l->last].schema_id == schema_id))
		return l->plans[l->last].plan;
	for (unsigned i = 0; i < l->plan_count; i++) {
		if (l->plans[i].schema_id == schema_id) {
			l->last = i;
			return l->plans[i].plan;
		}
	}
	return NULL;
}

/* The bound is asked for each row: strings make it vary. What the file takes is whole lines. */
int lines_write(struct output *o, const struct record_batch *batch, struct error *err)
{
	struct lines *l = lines_of(o);
	void *plan = plan_of(l, batch->schema->id);
	if (unlikely(!plan)) {
		file_writer_lost(l->file, batch->count, DROP_UNENCODABLE);
		return error_set(err, -EINVAL, "records of an unknown schema");
	}
	for (uint32_t i = 0; i < batch->count; i++) {
		const uint8_t *row = record_row(batch, i);
		size_t bound = l->format->bound(l, plan, batch, row);
		uint8_t *room = file_writer_room(l->file, bound, err);
		if (unlikely(!room)) {
			file_writer_lost(l->file, batch->count - i, DROP_WRITE_FAILED);
			return -EIO;
		}
		size_t length = l->format->line(l, plan, batch, row, (char *)room);
		file_writer_commit(l->file, length, 1);
	}
	return file_writer_batch_done(l->file, err);
}

int lines_tick(struct output *o, uint64_t now_ns, uint64_t *ret_next_ns, struct error *err)
{
	return file_writer_tick(lines_of(o)->file, now_ns, ret_next_ns, err);
}

int lines_reopen(struct output *o, struct error *err)
{
	return file_writer_reopen(lines_of(o)->file, err);
}

int lines_finish(struct output *o, uint64_t deadline_ns, struct error *err)
{
	return file_writer_finish(lines_of(o)->file, deadline_ns, err);
}

void lines_counters(const struct output *o, struct output_counters *ret)
{
	file_writer_counters(((const struct lines *)o)->file, ret);
}

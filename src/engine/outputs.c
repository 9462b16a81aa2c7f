/* SPDX-License-Identifier: Apache-2.0 */
/* See outputs.h. */
#include "engine/outputs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

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
		size_t used = strlen(known);
		snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", (*k)->scheme);
	}
	return error_set(err, -EINVAL, "--output %s: no output is called '%s'%s%s; expected one of %s",
	                 a->text, a->scheme, nearest.best ? "; did you mean " : "",
	                 nearest.best ? nearest.best : "", known);
}

int outputs_add(struct outputs *o, const struct queue_setup *setup, struct error *err)
{
	if (o->count == OUTPUTS_MAX)
		return error_set(err, -E2BIG, "more than %d outputs", OUTPUTS_MAX);
	int r = queue_open(setup, &o->queues[o->count], err);
	o->count += r == 0;
	return r;
}

/* The kind is told by the scheme alone; whatever else is wrong in the address is the kind's to
 * say. */
static int open_one(struct outputs *o, const char *text, const struct output_env *env,
                    struct error *err)
{
	struct address address;
	int r = address_parse(text, &address, err);
	if (r)
		return r;
	struct queue_setup queue = { .kind = output_kind_find(address.scheme), .address = &address,
	                             .env = env };
	r = queue.kind ? outputs_add(o, &queue, err) : unknown_kind(&address, err);
	address_fini(&address);
	return r;
}

struct output_env outputs_env(const struct output_env *env, const struct log *log)
{
	union { const struct log *log; void *context; } context = { .log = log };
	struct output_env ret = *env;
	ret.message = output_message;
	ret.context = context.context;
	return ret;
}

int outputs_open(const struct outputs_setup *setup, struct outputs *o, struct error *err)
{
	const struct output_env env = outputs_env(setup->env, setup->log);
	int r = 0;
	*o = (struct outputs){ .live = env.live };
	for (unsigned i = 0; i < setup->count && !r; i++)
		r = open_one(o, setup->addresses[i], &env, err);
	if (r)
		outputs_close(o);
	return r;
}

int outputs_start(struct outputs *o, struct error *err)
{
	int r = 0;
	for (unsigned i = 0; i < o->count && !r; i++)
		r = queue_start(o->queues[i], err);
	return r;
}

void outputs_reopen(struct outputs *o)
{
	for (unsigned i = 0; i < o->count; i++)
		queue_reopen(o->queues[i]);
}

void outputs_stop_waiting(struct outputs *o)
{
	for (unsigned i = 0; i < o->count; i++)
		queue_stop_waiting(o->queues[i]);
}

bool outputs_finish(struct outputs *o, bool hurried)
{
	const uint64_t patience_ns = 5000000000u;
	bool fine = true;
	for (unsigned i = 0; i < o->count; i++) {
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
		queue_finish(o->queues[i], o->live || hurried ? now_ns + patience_ns : UINT64_MAX);
		fine = fine && !queue_failed(o->queues[i]);
	}
	return fine;
}

void outputs_close(struct outputs *o)
{
	for (unsigned i = 0; i < o->count; i++)
		queue_close(o->queues[i]);
	o->count = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipfix:FILE: IPFIX messages one after another (RFC 5655), templates at the start of each file.
 * Each file is a transport session of its own: it can be read without those before it, and its
 * sequence begins at 0. Rotation, compression, names and the account of what reached the disk are
 * output/file.h's business.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "export/ipfix_common.h"
#include "ipfix/format.h"
#include "output/file.h"

extern const struct output_kind output_ipfix_file;

enum { MESSAGE_BYTES_DEFAULT = 16384, MESSAGE_BYTES_MIN = 128 };

/* The output: a session that a file's writer takes. */
struct ipfix_file {
	struct output output;
	const struct output_env *env;
	struct file_writer *file;
	struct export_session session;
	char *name;                     /* the address as written */
};

static struct ipfix_file *self_of(struct output *o)
{
	return container_of(o, struct ipfix_file, output);
}

/* --- the session's sender --- */

/* Here a rotation happens, if one is due: it calls file_head() before the messages get their
 * numbers. */
static void file_ready(void *context, uint32_t bytes)
{
	struct ipfix_file *o = context;
	file_writer_room(o->file, bytes, NULL);
}

/* The first failure is the one that is told; messages behind it are tried all the same. */
static int file_send(void *context, struct export_message *messages, unsigned count,
                     struct error *err)
{
	struct ipfix_file *o = context;
	int rc = 0;
	for (unsigned i = 0; i < count; i++) {
		int r = file_writer_put(o->file, messages[i].octets, messages[i].bytes,
		                        messages[i].amount.records,
		                        rc < 0 ? NULL : err);
		messages[i].lost = r < 0;
		rc = rc < 0 ? rc : r;
	}
	return rc;
}

static int file_head(void *context, struct file_writer *f, struct error *err)
{
	struct ipfix_file *o = context;
	export_session_restart(&o->session);
	return export_session_announce(&o->session, err);
}

/* --- output_kind --- */

static int session_open(struct ipfix_file *o, const struct address *address, struct error *err)
{
	struct export_session_config config = { .burst_messages = 1, .env = o->env };
	struct export_sender sender = { .ready = file_ready, .send = file_send, .context = o };
	uint64_t bytes = MESSAGE_BYTES_DEFAULT;
	uint64_t bounds[2] = { MESSAGE_BYTES_MIN, IPFIX_MESSAGE_BYTES_MAX };
	int rc = ipfix_parameter_count(address, "mtu", bounds, &bytes, err);
	if (rc == 0)
		rc = ipfix_parameters_message(address, &config, err);
	if (rc < 0)
		return rc;
	config.message_bytes = (uint32_t)bytes;
	return export_session_init(&o->session, &config, &sender, err);
}

static void file_close(struct output *output)
{
	struct ipfix_file *o = self_of(output);
	file_writer_close(o->file);
	export_session_fini(&o->session);
	free(o->name);
	free(o);
}

/* The session comes first: opening the file writes its head, which is the session's templates. */
static int file_open(const struct address *address, const struct output_env *env,
                     struct output **ret,
                     struct error *err)
{
	struct ipfix_file *o = calloc(1, sizeof *o);
	if (!o || !(o->name = strdup(address->text))) {
		free(o);
		return error_set(err, -ENOMEM, "%s: out of memory", address->text);
	}
	o->output.kind = &output_ipfix_file;
	o->env = env;
	struct file_head head = { .write = file_head, .context = o };
	int rc = session_open(o, address, err);
	if (rc == 0)
		rc = file_writer_open(address, env, &head, &o->file, err);
	if (rc == 0)
		rc = output_check_parameters(&output_ipfix_file, address, err);
	if (rc < 0) {
		file_close(&o->output);
		return rc;
	}
	*ret = &o->output;
	return 0;
}

static int file_schema(struct output *output, const struct schema *schema, struct error *err)
{
	struct ipfix_file *o = self_of(output);
	return ipfix_add_schema(&o->session, schema, o->env, o->name, err);
}

static bool file_template(const struct output *output, const struct schema *schema,
                          struct output_template *ret)
{
	const struct ipfix_file *o = (const struct ipfix_file *)output;
	return export_session_template(&o->session, schema, ret);
}

static int file_write(struct output *output, const struct record_batch *batch, struct error *err)
{
	struct ipfix_file *o = self_of(output);
	return export_session_write(&o->session, batch, err);
}

static void file_missed(struct output *output, const struct output_missed *missed)
{
	export_session_missed(&self_of(output)->session, missed);
}

/* What waits belongs to the file that is open now, so it goes there before a rotation. */
static int file_tick(struct output *output, uint64_t now_ns, uint64_t *ret_next_ns,
                     struct error *err)
{
	struct ipfix_file *o = self_of(output);
	int rc = export_session_flush(&o->session, err);
	int r = file_writer_tick(o->file, now_ns, ret_next_ns, rc < 0 ? NULL : err);
	return rc < 0 ? rc : r;
}

static int file_reopen(struct output *output, struct error *err)
{
	struct ipfix_file *o = self_of(output);
	int rc = export_session_flush(&o->session, err);
	int r = file_writer_reopen(o->file, rc < 0 ? NULL : err);
	return rc < 0 ? rc : r;
}

static int file_finish(struct output *output, uint64_t deadline_ns, struct error *err)
{
	struct ipfix_file *o = self_of(output);
	int rc = export_session_finish(&o->session, err);
	int r = file_writer_finish(o->file, deadline_ns, rc < 0 ? NULL : err);
	return rc < 0 ? rc : r;
}

/* The writer knows what it was given; what has not come to it yet the session knows. */
static void file_counters(const struct output *output, struct output_counters *ret)
{
	const struct ipfix_file *o = (const struct ipfix_file *)output;
	const struct export_session_counters *c = &o->session.counters;
	file_writer_counters(o->file, ret);
	ret->accepted += c->waiting + c->too_large;
	ret->queued += c->waiting;
	ret->dropped[DROP_TOO_LARGE] += c->too_large;
	ret->messages = c->messages;
	ret->saved_octets = export_session_saved(&o->session);
}

static const char *const file_parameters[] = {
	FILE_PARAMETERS,
	"mtu", "OCTETS", "longest message (default 16384)",
	IPFIX_MESSAGE_PARAMETERS,
	NULL
};

const struct output_kind output_ipfix_file = {
	.scheme = "ipfix",
	.help = "IPFIX messages in a file (RFC 5655)",
	.parameters = file_parameters,
	.default_fields = ipfix_default_fields,
	.splits_families = true,
	.open = file_open,
	.schema = file_schema,
	.write = file_write,
	.missed = file_missed,
	.tick = file_tick,
	.reopen = file_reopen,
	.finish = file_finish,
	.counters = file_counters,
	.template = file_template,
	.close = file_close,
};

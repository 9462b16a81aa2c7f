/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the session share: session.c (records in, time), session_lane.c (schemas and
 * templates), session_send.c (messages out), session_boot.c (NetFlow's times). Private to them.
 */
#ifndef EXPORT_SESSION_PARTS_H
#define EXPORT_SESSION_PARTS_H

#include "export/session.h"

#define SECOND_NS UINT64_C(1000000000)

struct export_lane {                    /* records of one template on their way */
	const struct schema *schema;    /* borrowed */
	struct ipfix_encoder *encoder;  /* NULL: the format cannot carry such records */
	uint32_t filling;               /* the message that takes records; those before are full */
	uint32_t records;               /* in all of them */
	uint64_t oldest_ns;             /* since when the first of them waits */
	uint8_t *octets;                /* burst_messages times message_bytes */
	struct ipfix_message *messages;
	struct export_message *burst;   /* the same for the sender */
};

/* Keeps the first failure: rc so far, what happened next, and where its message goes. */
static inline int first_failure(int rc, int next)
{
	return rc < 0 ? rc : next;
}

/* err while nothing has failed, else NULL: the first message stays. */
static inline struct error *unless_failed(int rc, struct error *err)
{
	return rc < 0 ? NULL : err;
}

/* The stream of flow records. */
static inline enum export_stream session_stream(const struct export_session *s)
{
	return s->config.data_stream ? EXPORT_STREAM_DATA : EXPORT_STREAM_CONTROL;
}

struct option_template {                /* of options data */
	const struct schema *schema;    /* borrowed */
	struct ipfix_encoder *encoder;  /* NULL: it cannot be told in this format, or is too large */
};

struct process_account {                /* what was exported of one metering process */
	uint32_t process;
	uint64_t messages, records, octets;     /* that left */
};

enum { OPTION_TABLES_OWN = 4, OPTION_BATCHES_MAX = 16, PROCESSES_MAX = 64 };

/* Options data of a session: schemas of its own, templates of all, and what was counted for
 * them. */
struct export_options {
	struct schema *own[OPTION_TABLES_OWN];  /* owned; NULL: not told in this format */
	struct option_template *templates;      /* of own and of the metering process's schemas */
	unsigned template_count;
	struct record_batch *batches[OPTION_BATCHES_MAX];       /* while they are being sent */
	unsigned batch_count;
	uint64_t sent_ns;               /* when they last went out */
	unsigned process_count;
	struct process_account processes[PROCESSES_MAX];
};

/* session.c: the configured clock in ns since 1970; takes a time as that of the call at hand;
 * counts records that no message will carry, for what is told of them (RFC 7011, section 4.3). */
uint64_t session_clock(const struct export_session *s);
void session_time(struct export_session *s, uint64_t now_ns);
void session_missed(struct export_session *s, const struct record_amount *amount);
/* Puts rows into messages of the lane; full ones leave. */
int lane_take(struct export_session *s, struct export_lane *lane, const struct ipfix_rows *rows,
              struct error *err);

/* session_lane.c: what messages that begin now look like; the lane of a schema, NULL when it was
 * not added; begins the lane's message of that index. */
struct ipfix_form session_form(const struct export_session *s, uint32_t limit);
struct export_lane *lane_find(const struct export_session *s, const struct schema *schema);
void lane_begin(const struct export_session *s, struct export_lane *lane, uint32_t index);
void lane_free(struct export_lane *lane);

/* session_send.c: lets the transport make itself ready for so many octets, if it wants to; sends
 * one message, all templates with options data, what a lane or all of them hold. Records that were
 * lost on the way are counted there. */
void session_ready(struct export_session *s, uint32_t bytes);
int session_send_one(struct export_session *s, struct ipfix_message *m, bool *ret_lost,
                     struct error *err);
int session_templates(struct export_session *s, struct error *err);
bool session_templates_due(const struct export_session *s);
int lane_flush(struct export_session *s, struct export_lane *lane, struct error *err);
int session_flush_lanes(struct export_session *s, struct error *err);

int session_options(struct export_session *s, struct error *err);       /* data alone */

/* session_options.c: s->options is NULL throughout where none are wanted. 0 or -ENOMEM. */
int session_options_new(struct export_session *s);
void session_options_free(struct export_session *s);
bool session_options_due(const struct export_session *s);
/* Makes the batches as things are now, and a template for each new schema among them. */
void session_options_collect(struct export_session *s);
void session_options_release(struct export_session *s);
const struct ipfix_encoder *session_options_encoder(const struct export_options *o,
                                                    const struct schema *schema);
void session_options_count(struct export_session *s, uint32_t process,
                           const struct export_message *messages, unsigned count);

/* session_common.c: what schemas share (RFC 5473); no commons where that is not wanted. */
enum { COMMON_MAX = 1024 };             /* combinations of properties of a schema */
struct export_common;
/* See session_common.c for what these do. 0, or an error with a message. */
int session_common_add(struct export_session *s, const struct schema *schema, struct error *err);
int session_common_remove(struct export_session *s, const struct schema *schema,
                          struct error *err);
void session_commons_free(struct export_session *s);
struct export_common *session_common_find(const struct export_session *s,
                                          const struct schema *schema);
int session_common_write(struct export_session *s, struct export_common *c,
                         const struct record_batch *batch, struct error *err);
const struct ipfix_encoder *session_common_encoder(const struct export_common *c);
/* Both of its templates went out: they cost octets, too. */
void session_common_announced(struct export_session *s, struct export_common *c);
/* The collector has to be told all again; something has to be told; what (now it is told). */
void session_commons_forget(struct export_session *s);
bool session_commons_pending(const struct export_session *s);
struct ipfix_rows session_common_untold(struct export_common *c);
/* Octets, less those of telling. */
int64_t session_commons_saved(const struct export_session *s);

/* session_types.c: RFC 5610, what elements of enterprises in the templates are. */
extern const char *const session_type_fields[];
void session_types(const struct export_session *s, struct record_batch *batch);

/* session_lane.c, too: an encoder under the next id, if its template fits a message. */
uint16_t session_id_from_top(const struct export_session *s, uint16_t id);      /* free, downward */
/* Sends a withdrawal, where the transport has that and the template went out. */
int session_withdraw(struct export_session *s, const struct ipfix_encoder *encoder,
                     struct error *err);
int session_encoder_new(struct export_session *s, const struct schema *schema,
                        struct ipfix_encoder **ret, struct error *err);

/* session_boot.c: another boot for messages from here on, if the present one does not serve. */
int session_boot(struct export_session *s, const struct export_lane *lane,
                 const struct ipfix_rows *rows, struct error *err);
void session_boot_set(struct export_session *s, uint64_t earliest_ms);
uint64_t session_boot_time_ns(const struct export_session *s, uint64_t boot_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transport session seen from the exporter, whatever carries it and in whichever format (IPFIX,
 * NetFlow v9, v5): templates before data and again and again, messages that fill up, sequence
 * numbers, nothing held back for longer than a moment. Each transport brings a sender.
 *
 * Each schema has a lane: messages being filled with records of this one template, sent in bursts
 * of up to `burst_messages`. So full messages of a lane have one length, as UDP segmentation
 * offload wants it. Sequence numbers are given when a burst leaves. In IPFIX and v5 they count
 * every record that was taken, or should have been, and could not be sent, so a collector sees the
 * gap (RFC 7011, sections 3.1 and 10.2.2); in v9 they count messages, so lost messages are seen.
 *
 * NetFlow tells times since boot, in 32 bits of milliseconds, 49 days. The boot is an hour before
 * the first record; when it is too long ago, or a record is older, another one is chosen. Where
 * records are older than those 49 days (files) the header's time is that of the latest record.
 *
 * Account: taken = sent + lost + too_large + unencodable + waiting, at any time between calls. Not
 * thread-safe.
 */
#ifndef EXPORT_SESSION_H
#define EXPORT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "ipfix/message.h"
#include "output/output.h"
#include "record/record.h"

/* Each has a sequence of its own. All are one unless config.data_stream says otherwise. */
enum export_stream { EXPORT_STREAM_CONTROL, EXPORT_STREAM_DATA, EXPORT_STREAM_COUNT };

struct export_message {                 /* one message on its way */
	const uint8_t *octets;
	uint32_t bytes;                 /* of the message, header included */
	enum export_stream stream;      /* CONTROL: templates and options data, never given up */
	struct record_amount amount;    /* flow records in it; none: templates, options data */
	bool lost;                      /* set by the sender when it did not go */
};

/* The transport's side of a session: functions that the session calls, with the transport's own
 * context. */
struct export_sender {
	/* Makes ready to take `bytes` octets; may begin a new transport session by
	 * export_session_restart() or _announce(). A failure shows when sending. NULL: always ready. */
	void (*ready)(void *context, uint32_t bytes);
	/* Sends the messages in order and marks those that were lost. A negative return with a message
	 * when the output has failed; a transport that loses datagrams returns 0. */
	int (*send)(void *context, struct export_message *messages, unsigned count, struct error *err);
	void *context;
};

/* Fixed for the life of a session; copied at init. */
struct export_session_config {
	enum ipfix_format format;
	uint32_t pen;                   /* enterprise of our own elements; 0: PEN_WEIR_DEFAULT */
	bool uptime;                    /* NetFlow v9: times since boot (else as IPFIX has them) */
	bool common;                    /* IPFIX: common properties are told apart (RFC 5473) */
	bool withdraws;                 /* the transport is reliable: templates can be withdrawn */
	bool data_stream;               /* flow records go by a stream of their own (SCTP) */
	uint16_t sampling;              /* NetFlow v5: for the header */
	uint32_t message_bytes;         /* longest message; export_session_limit() can lower it */
	uint32_t domain;                /* observation domain id */
	uint32_t burst_messages;        /* messages of a lane that leave together; at least 1 */
	uint32_t template_messages;     /* templates again after so many messages; 0: never */
	uint64_t template_refresh_ns;   /* templates again after so long; 0: never */
	uint64_t options_refresh_ns;    /* options data again after so long, and with templates; 0: no
	                                 * options data at all */
	const struct output_env *env;   /* whose options data go along; NULL: only the session's own */
	uint64_t hold_ns;               /* a record waits no longer for its message to fill up */
	bool pad;                       /* pad sets to multiples of 4 octets */
	uint64_t (*clock)(void *context);       /* ns since 1970; NULL: the system's */
	void *clock_context;
};

struct export_session_counters {        /* records, but for the last ones */
	uint64_t taken, sent, lost, too_large, unencodable, waiting;
	uint64_t messages, octets;      /* that were sent */
	struct output_missed missed;    /* lost, too large, and dropped before they came here */
};

struct export_lane;                     /* session_parts.h */
struct export_options;
struct export_common;

/* All that a session knows. Read by session_*.c; outputs read counters and config. */
struct export_session {
	struct export_session_config config;    /* with defaults filled in */
	struct export_sender sender;    /* how messages leave */
	struct export_lane **lanes;     /* in the order of template ids, from 256 on */
	unsigned lane_count;
	struct export_options *options; /* NULL: none are wanted */
	struct export_common **commons;
	unsigned common_count;
	uint32_t common_id;             /* the last commonPropertiesId; 0: none yet */
	uint64_t commons_ns;            /* when all common properties went out */
	uint32_t limit_bytes;           /* of messages that begin now */
	bool announced;                 /* all templates went out in this transport session */
	uint8_t *template_octets;       /* where template messages are made */
	uint32_t sequence[EXPORT_STREAM_COUNT];
	uint16_t last_id;               /* of the last template; 0: none yet */
	uint64_t boot_ms, latest_ms;    /* NetFlow: see above; the latest time in a record so far */
	uint32_t time_s;                /* export time of the last message */
	uint64_t now_ns;                /* as of the last call */
	uint64_t templates_ns;          /* when all templates went out */
	uint32_t messages_since;        /* messages after that */
	struct export_session_counters counters;
};

/* The sender's context and the clock's are borrowed until fini. */
int export_session_init(struct export_session *s, const struct export_session_config *config,
                        const struct export_sender *sender, struct error *err);
void export_session_fini(struct export_session *s);

/* Adds a lane and its template; fails when the template fits no message. ret_note (may be NULL):
 * which columns the template leaves out and why, "" if none; valid until fini. */
int export_session_schema(struct export_session *s, const struct schema *schema,
                          const char **ret_note,
                          struct error *err);

/* The template of a schema that was added; false when it was not. Borrowed until fini. */
bool export_session_template(const struct export_session *s, const struct schema *schema,
                             struct output_template *ret);

/* No more records of this schema: sends what waits, withdraws the template where the transport has
 * that, and forgets it. Ids are used again only when all others have been. */
int export_session_withdraw(struct export_session *s, const struct schema *schema,
                            struct error *err);

/* Takes all rows, whatever fails on the way; the first failure is returned. Rows of a schema
 * that was not added are an -EINVAL, and lost. */
int export_session_write(struct export_session *s, const struct record_batch *batch,
                         struct error *err);

/* Sends what has waited long enough, repeats templates when it is time. *ret_next_ns: call again
 * then. */
int export_session_tick(struct export_session *s, uint64_t now_ns, uint64_t *ret_next_ns,
                        struct error *err);

/* Sends all that waits; templates first if they never went out. */
int export_session_flush(struct export_session *s, struct error *err);
/* The same, and options data behind it, for the last time. */
int export_session_finish(struct export_session *s, struct error *err);

/* Sends all templates now. */
int export_session_announce(struct export_session *s, struct error *err);
/* All templates go out before the next data: the collector may have lost them. */
void export_session_forget(struct export_session *s);
/* A new transport session: sequence 0, and as export_session_forget(). */
void export_session_restart(struct export_session *s);

/* Messages that begin from now on become no longer than this, nor longer than was said at init. */
void export_session_limit(struct export_session *s, uint32_t message_bytes);

/* The sender has learnt that the last it had sent did not arrive. */
void export_session_revoke(struct export_session *s, const struct record_amount *amount);

/* Octets that common properties have saved so far; negative while telling them cost more. */
int64_t export_session_saved(const struct export_session *s);

/* Records were dropped before they came here. */
void export_session_missed(struct export_session *s, const struct output_missed *missed);

#endif

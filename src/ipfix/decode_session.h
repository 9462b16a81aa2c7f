/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of decode.h: a session's memory. decode_memory.c keeps domains and templates,
 * decode_early.c data ahead of them, decode_sequence.c watches sequence numbers; decode_message.c,
 * decode_netflow.c and decode_records.c read messages.
 */
#ifndef IPFIX_DECODE_SESSION_H
#define IPFIX_DECODE_SESSION_H

#include "base/map.h"
#include "ipfix/budget.h"
#include "ipfix/decode.h"
#include "ipfix/decode_plan.h"
#include "ipfix/learned.h"

/* What all sessions share. */
struct decoder {
	struct decoder_setup setup;     /* as it was given */
	struct budget budget;
	struct layouts *layouts;        /* shapes of rows; owned */
	struct elements *elements;      /* fields that the table lacks; owned */
	uint64_t secret;                /* of all maps by numbers that strangers choose */
	struct decode_template *scratch;        /* room for any template */
	struct decode_slot **defined;   /* by the message being read: data may wait for them */
	unsigned defined_count, defined_room;
};

struct early_set {                      /* a data set ahead of its template */
	struct early_set *next;
	uint16_t id;
	struct decode_context context;
	uint32_t bytes;
	uint8_t octets[];
};

struct decode_slot {                    /* a template id in a domain */
	uint16_t id;
	bool queued;                    /* in decoder.defined */
	bool unusable;                  /* records of it cannot be decoded; `drop` says why */
	uint8_t drop;                   /* enum decode_drop */
	struct decode_template *template;       /* NULL: none yet, or withdrawn, or expired */
	struct decode_plan *plan;       /* NULL: not compiled yet */
	struct learned_options *options;        /* what to learn from its records */
	uint32_t generation;            /* of what was learned, when the plan was made */
	uint64_t refreshed_ns;          /* when the template came last */
	struct early_set *early, **early_end;   /* data that wait for it, first to last */
};

struct decode_sequence {                /* of a domain, or of a stream within it */
	bool known;
	uint32_t next;                  /* expected */
	uint64_t export_ms;             /* of the message before */
};

/* An observation domain (RFC 7011, section 2) of one exporter, or what NetFlow calls source or
 * engine. */
struct decode_domain {
	uint64_t key;                   /* protocol << 32 | id */
	struct map slots;               /* by template id */
	struct decode_slot *last;       /* used last */
	struct decode_sequence sequence;
	struct map streams;             /* SCTP: struct decode_sequence by stream, 1 and up */
	uint32_t uptime_ms;             /* NetFlow v9: of the last message */
};

/* One exporter's transport session. Everything in it is charged to `budget`. */
struct decode_session {
	struct decoder *decoder;        /* borrowed */
	struct decode_session_setup setup;      /* who speaks, and by what transport */
	struct budget budget, early_budget; /* all that it holds; the part of data ahead of templates */
	struct map domains;             /* by protocol << 32 | id */
	struct decode_domain *last;
	struct learned *learned;        /* NULL until there is something to learn */
	struct decode_counters counters;
	unsigned layouts_made, elements_made;   /* at this session's wish */
	bool starved;                   /* since it was asked last */
};

struct decode_reading {                 /* a message being read */
	struct decode_session *session;
	struct decode_domain *domain;   /* made when the message has passed its check */
	const struct decode_message *message;   /* borrowed */
	enum decode_protocol protocol;
	struct decode_context context;
	uint32_t records;               /* decoded: what sequence numbers count */
	struct early_set *early;        /* its data ahead of their templates, last first */
	bool uncounted;                 /* some set could not be decoded: its records are not known */
	struct decode_counters counters;        /* added to the session's when all is well */
};

/* ---- memory ---- */

/* NULL when there are too many, or no memory. */
struct decode_domain *decode_domain_of(struct decode_session *s, enum decode_protocol protocol,
                                       uint32_t id);
/* NULL when there is none. */
struct decode_slot *decode_slot_find(struct decode_domain *d, uint16_t id);
/* Made when there is none; NULL when there is no room. */
struct decode_slot *decode_slot_make(struct decode_session *s, struct decode_domain *d,
                                     uint16_t id);
/* Remembers a template, by the rules of the session's transport. */
void decode_template_define(struct decode_reading *r, const struct decode_template *t);
void decode_template_withdraw(struct decode_reading *r, const struct decode_template *t);
/* Forgets what has not been repeated in time. True when the template can be used. */
bool decode_slot_is_alive(struct decode_reading *r, struct decode_slot *slot);
/* Data that wait for this template are decoded once the message has been read. */
void decode_slot_announce(struct decoder *d, struct decode_slot *slot);
/* The exporter has begun anew: all its templates are gone. */
void decode_domain_forget(struct decode_session *s, struct decode_domain *d);
void decode_memory_free(struct decode_session *s);
void decode_plan_drop(struct decode_slot *slot);

/* ---- early data ---- */

/* Keeps a copy of a data set that has no template yet, or counts it as dropped. */
void decode_early_keep(struct decode_reading *r, uint16_t id, const struct decode_set *set);
/* The message turned out well: its data wait. Or not: they are gone. */
void decode_early_commit(struct decode_reading *r);
void decode_early_rollback(struct decode_reading *r);
/* Decodes what has waited for the templates that the message has brought. */
void decode_early_release(struct decode_reading *r);
void decode_early_drop(struct decode_session *s, struct decode_slot *slot, enum decode_drop why);

/* ---- records ---- */

struct decode_any_set {                 /* of templates or data, in IPFIX or NetFlow v9 */
	uint16_t id;
	struct wire_reader body;        /* behind its header; borrowed from the message */
};

/* Takes the next set from what is left of a message. False, with *ret_fault, when it is cut. */
bool decode_take_set(struct wire_reader *r, struct decode_any_set *ret,
                     enum decode_fault *ret_fault);

/* Nothing but zeros, or too short for anything. */
bool decode_is_padding(const struct wire_reader *r);

/* Reads a data set. */
enum decode_fault decode_data_set(struct decode_reading *r, uint16_t id,
                                  const struct decode_set *set);
/* The same by its slot, whose template is there; DECODE_DROP_COUNT or why nothing came of it in
 * *ret_drop. */
enum decode_fault decode_slot_records(struct decode_reading *r, struct decode_slot *slot,
                                      const struct decode_set *set, enum decode_drop *ret_drop);

/* ---- sequence ---- */

/* Compares and moves on; `step` is what the message counts for. */
void decode_sequence_see(struct decode_reading *r, uint32_t sequence, uint32_t step);

/* ---- messages ---- */

enum decode_fault decode_ipfix(struct decode_reading *r);
enum decode_fault decode_netflow9(struct decode_reading *r);
enum decode_fault decode_netflow5(struct decode_reading *r);

#endif

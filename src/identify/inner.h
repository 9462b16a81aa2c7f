/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the hook share: identify.c (packets and ends), packet.c (what a backend is
 * shown), text.c (attributes), session.c, fields.c (records). Nobody else includes it. */
#ifndef IDENTIFY_INNER_H
#define IDENTIFY_INNER_H

#include "base/pool.h"
#include "identify/ends.h"
#include "identify/identify.h"
#include "identify/sessions.h"

enum identify_stage { STAGE_NEW, STAGE_LOOKING, STAGE_OVER };

struct looking {                        /* an item of the pool */
	struct identified *owner;
	struct identify_flow flow;      /* the owner's ends */
	uint8_t state[] __attribute__((aligned(8)));    /* of all backends */
};

struct identified {                     /* a flow's space */
	struct looking *looking;        /* while backends look at it; from the pool */
	struct text_piece *text;        /* attributes; NULL: none */
	struct identity identity;
	uint16_t packets;               /* shown to backends */
	uint8_t  stage;                 /* enum identify_stage */
	uint8_t  protocol;              /* of the packets shown: others are not */
	uint8_t  enough;                /* bit i: backend i has seen enough */
	uint8_t  watching;              /* bit i: backend i wants all payload */
	uint16_t text_bytes;            /* of attributes */
	uint64_t parent;                /* id of the flow that has announced it; 0: none */
	uint64_t session;               /* its id; 0: none yet */
	uint64_t noted_ns;              /* of the packet that the session was last told of; before,
	                                 * of the flow's first */
	uint32_t place;                 /* of the session in its table */
};
static_assert(sizeof(struct identified) <= 64, "a cache line");

enum { IP_BYTES_MAX = 65535, PACKET_PADDING = 64 };

enum { SITES_KNOWN = 512 };
struct site_known { uint64_t host, site; };     /* hashes */

/* All that the hook keeps beside flows; most of it is the copy of a packet. */
struct identify_worker {
	struct identify_settings settings;
	struct identify_choice choice;
	void *backend[IDENTIFY_BACKENDS_MAX];           /* what their open() gave */
	uint32_t state_offset[IDENTIFY_BACKENDS_MAX];
	uint64_t time_ms;
	struct pool pool, pieces;                       /* struct looking; of attributes */
	struct identify_counts counts;                  /* of the hook itself; others count more */
	uint64_t hand;                                  /* the item that gives way next */
	const struct identified *whole_of;              /* the flow whose attributes lie in `whole` */
	struct attribute_list whole;
	struct site_known sites[SITES_KNOWN];           /* by the host's hash */
	uint64_t session_step_ns;                       /* sessions are told of packets so often */
	uint8_t copy[IP_BYTES_MAX + PACKET_PADDING];    /* last: a sanitizer sees what lies behind */
};

/* ---- identify.c ---- */

/* What the backend that gave the answer calls a number of its own; NULL: nothing. */
const char *identify_text(const struct identify_worker *w, const struct identity *identity,
                          enum identify_name kind, unsigned number);

/* ---- packet.c ---- */

/* What backends may be shown of a packet, where it lies in its frame; false when it must not be
 * shown. */
bool identify_packet_find(struct identify_worker *w, const struct flow_touch *touch,
                          struct identify_packet *ret);
/* Turns it to the copy that packet() is shown, valid until the next. */
void identify_packet_copy(struct identify_worker *w, struct identify_packet *packet);

/* ---- text.c ---- */

int text_open(struct identify_worker *w);               /* 0 or -ENOMEM */
/* Keeps what there is room for as a whole; the flow has none yet. */
void text_keep(struct identify_worker *w, struct identified *s, const struct attribute_list *list);
/* Until the next call. */
const struct attribute_list *text_of(struct identify_worker *w, const struct identified *s);
void text_drop(struct identify_worker *w, struct identified *s);

/* ---- session.c ---- */

struct session_moment {                 /* a flow that has come so far */
	const struct flow *flow;
	uint32_t key_bytes;             /* 16, 40 or 56: how to read flow->key (flow/key.h) */
	uint64_t flow_id;
	uint64_t first_ns, last_ns;     /* its first packet, and its latest */
};

/* Unless it has one, or there is nothing to go by; without settings.sessions never. */
void session_decide(struct identify_worker *w, struct identified *s,
                    const struct session_moment *at);
/* It has had a packet; only where it has a session. */
void session_note(struct identify_worker *w, struct identified *s, uint64_t time_ns);

/* ---- fields.c ---- */

extern const char *const identify_field_names[];
void identify_write(const struct flow_view *view, unsigned field, struct value_writer *w);

#endif

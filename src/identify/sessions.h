/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sessions of a meter: what one client's use of one site or service opens. A session has a key
 * (of client and site, made by session.c), the id of its first flow, and the time from its first
 * to its last packet known. A flow joins the session of its key that is within the gap of the
 * flow's own time, or begins one. There may be several of a key, so it does not matter in which
 * order flows come that lie far apart.
 *
 * All workers of a meter share them, since the flows of a client to several servers of a site are
 * dealt to different ones: sets are under striped locks, taken when a flow becomes known and a few
 * times each gap while it lasts. Fixed size, set-associative, keyed: a full set gives
 * up what is over, then what has a single flow, then the rest; of several what has been silent for
 * longest. Memory comes as sets are used.
 */
#ifndef IDENTIFY_SESSIONS_H
#define IDENTIFY_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SESSION_SETS = 8192, SESSION_WAYS = 8,          /* 65,536 sessions in 2 MiB */
	SESSION_PARENT_SETS = 1024, SESSION_PARENT_WAYS = 4     /* 4,096 in 96 KiB */
};

enum { SESSION_NOWHERE = SESSION_SETS * SESSION_WAYS };         /* no place in the table */

struct sessions;

/* `gap_ns`: DURATION_OFF for sessions that never end. 0 or -ENOMEM. */
int  sessions_new(uint64_t gap_ns, struct sessions **ret);
void sessions_free(struct sessions *sessions);          /* NULL is fine */

struct session_ref {                    /* of a flow */
	uint64_t id;                    /* 0: it has none */
	uint32_t place;                 /* in the table; what stands there may be another by now */
	bool replaced;                  /* it has begun, and one that was not over gave way */
};

/* A flow that looks for its session. */
struct session_flow {
	uint64_t key;
	uint64_t flow_id;               /* not 0 */
	uint64_t first_ns, last_ns;     /* its packets so far */
};

/* Under the secret of these sessions. */
uint64_t sessions_key(const struct sessions *sessions, const void *octets, size_t bytes);

/* The session of this key that is within the gap of the flow, or a new one with the flow's id. Any
 * thread. */
void sessions_join(struct sessions *sessions, const struct session_flow *flow,
                   struct session_ref *ret);
/* A flow of it has had a packet. */
void sessions_extend(struct sessions *sessions, const struct session_ref *ref, uint64_t time_ns);

/* Remembers the session of a flow that announces others, and tells it to these. */
void sessions_put_parent(struct sessions *sessions, uint64_t flow_id,
                         const struct session_ref *ref);
bool sessions_of_parent(struct sessions *sessions, uint64_t flow_id, struct session_ref *ret);

/* How often a flow that lasts says so: an eighth of the gap. */
uint64_t sessions_step_ns(const struct sessions *sessions);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is expected: ends (address, port, protocol, and who may come) that flows have announced,
 * with the flow that did. A worker's own; fixed size. Each announcing flow has room for a few and
 * then overwrites its own oldest, so that one cannot push out what others have announced; flows
 * give way to newer ones, the one whose first announcement is oldest first. What nobody came to is
 * forgotten after EXPECTATION_MS. The index is keyed: nobody can aim at one of its chains.
 */
#ifndef IDENTIFY_EXPECTATIONS_H
#define IDENTIFY_EXPECTATIONS_H

#include "base/hash.h"
#include "base/map.h"
#include "identify/announce.h"
#include "identify/identify.h"

enum {
	EXPECTATION_PARENTS = 1024, EXPECTATIONS_EACH = 16, EXPECTATION_BUCKETS = 4096,
	EXPECTATION_MS = 180000
};

/* An end that somebody is expected at, in one of the places of whoever announced it. */
struct expectation {
	struct announced end;           /* port 0: free */
	uint32_t next;                  /* in its chain: place plus 1; 0: the last */
	uint8_t  kind;                  /* enum announce_kind */
	uint64_t expires_ms;
};

/* A flow that has announced something. */
struct expectation_parent {
	uint64_t flow_id;               /* 0: free */
	uint32_t next;                  /* of its places, the one to be written next */
};

/* One worker's memory of announcements. */
struct expectations {
	struct expectation *places;     /* EXPECTATIONS_EACH of each parent, in their order */
	struct expectation_parent *parents;
	uint32_t *buckets;              /* the first of a chain: place plus 1 */
	struct map by_flow;             /* parents */
	struct hash_secret secret;
	uint32_t next_parent;
	uint64_t live;                  /* places in use */
	uint64_t announced;             /* ends taken in, not counting repetitions */
	uint64_t replaced;              /* of those: overwritten before they had expired */
};

struct expected {                       /* what was found */
	uint64_t parent;                /* flow id */
	uint8_t  kind;                  /* enum announce_kind */
};

int  expectations_init(struct expectations *e);         /* 0 or -ENOMEM */
void expectations_fini(struct expectations *e);         /* a zeroed one is fine */

/* Takes an end in, or renews the one that the same flow has announced before. */
void expectations_add(struct expectations *e, const struct announced *end, struct expected what,
                      uint64_t now_ms);

/* Whether one of the flow's ends is expected; not by the flow itself. */
bool expectations_find(const struct expectations *e, const struct identify_flow *flow,
                       uint64_t flow_id, uint64_t now_ms, struct expected *ret);

#endif

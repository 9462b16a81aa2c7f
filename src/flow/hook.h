/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks: measures, identification, the wall, packet reports, explain. A hook sees the packets of
 * flows in batches, in packet order, has zeroed space per flow, and writes fields into records.
 */
#ifndef FLOW_HOOK_H
#define FLOW_HOOK_H

#include <stdbool.h>

#include "base/error.h"
#include "flow/flow.h"
#include "record/record.h"

/* What a packet has done to its flow; bits of flow_touch.events. */
enum flow_event {
	FLOW_CREATED = 1,               /* first packet of a new flow */
	FLOW_TURNED = 2,                /* initiator changed by this packet */
	FLOW_RECORD_OPENED = 4,         /* first packet of a record (also with CREATED) */
	FLOW_IDENTIFIED = 8, FLOW_DECIDED = 16  /* set by hooks for those behind them */
};

/* A packet and the flow that it was counted into. Valid until the batch has been handed to all
 * hooks. */
struct flow_touch {
	struct flow *flow;              /* already counts the packet */
	struct flow_cold *cold;         /* of the same flow */
	uint8_t *spaces;                /* of all hooks; NULL when none has any */
	const struct packet *packet;
	uint32_t events;                /* enum flow_event */
	uint8_t sender;                 /* key endpoint (0 or 1) that sent the
	                                 * packet, in this meter's key */
};

struct hook_call {                      /* touches that a hook wants, in packet order */
	void *worker;                   /* what its open() gave */
	struct flow_touch *const *touch;
	unsigned count;                 /* at most BATCH_MAX */
	uint32_t offset;                /* of its space */
};

/* The hook's own space of the flow: zeroed when the flow begins, and with HOOK_SCOPE_RECORD when a
 * record is cut, too. Only with space_bytes. */
static inline void *touch_space(const struct hook_call *call, unsigned i)
{
	return call->touch[i]->spaces + call->offset;
}

struct key_plan;                        /* key.h */

struct flow_view {                      /* a record as a hook sees it when it writes */
	const struct flow *flow;
	const struct flow_cold *cold;
	void *worker;                   /* what open() gave */
	void *space;                    /* the hook's own; NULL if it has none */
	unsigned side;                  /* key endpoint whose direction is asked for */
	uint8_t key_bytes;              /* 16, 40 or 56: how to read flow->key (key.h) */
	const struct key_plan *plan;    /* what that key holds */
};

enum hook_wants { HOOK_PACKET = 1, HOOK_TCP = 2, HOOK_PAYLOAD = 4, HOOK_END = 8 };
enum { HOOK_COUNTERS_MAX = 8 };
enum hook_scope { HOOK_SCOPE_FLOW, HOOK_SCOPE_RECORD };  /* what is zeroed when a record is cut */

/* What a hook is and does; constant, and the same for all meters and workers. */
struct flow_hook {
	const char *name, *help;        /* for --measure and `weir help`; one line */
	const char *const *fields;              /* elements that it can give,
	                                         * NULL-terminated; may be NULL */
	uint16_t space_bytes;                   /* per flow, 8-aligned; large or short-lived
	                                         * state is a pointer in it */
	/* What most packets touch of it, to be fetched before: so much of its beginning, and behind
	 * that, of a part for each key endpoint, the sender's. 0: none. */
	uint16_t hot_bytes, side_bytes;
	uint16_t wants;                         /* enum hook_wants; never called for the rest */
	uint16_t scope;                         /* enum hook_scope */
	bool standard;                          /* one of `--measure default` */
	bool costly;                            /* not among `all`: has to be named */
	bool biflow;                            /* its fields speak of the biflow: none has a reverse */
	/* A worker's: argument is what came with the hook (struct hook_choice). NULL: no worker. */
	int  (*open)(const void *argument, void **ret_worker, struct error *err);
	void (*update)(const struct hook_call *call); /* touches in packet order; NULL: no packets
	                                               * are of interest */
	/* A record is about to be written: what is open can be concluded. Not called where the flow is
	 * merged into a record of many. */
	void (*settle)(const struct flow_view *view, bool gone);
	/* A record ends, and with it the flow if `gone`. view->side is the initiator's. The space is
	 * zeroed behind this: what it points at is given back here. */
	void (*ended)(const struct flow_view *view, uint8_t reason, bool gone);
	/* Writes fields[field] as it stands in the direction of view->side. Absent: write nothing. */
	void (*write)(const struct flow_view *view, unsigned field, struct value_writer *w);
	/* Adds the space of a flow that is merged into a record of many to that record's, which is zero
	 * to begin with and has the initiator as endpoint 0. NULL: merged records lack its fields. */
	void (*merge)(void *space, const struct flow_view *from);
	void (*close)(void *worker);    /* what open() gave; NULL: nothing to close */
	/* What it had to do without: names, NULL-terminated, and of a worker so far how often, in
	 * that order (ret is zero). NULL, both: nothing is counted. */
	const char *const *counters;
	void (*count)(const void *worker, uint64_t ret[HOOK_COUNTERS_MAX]);
};
struct hook_choice {                    /* a hook that is to run */
	const struct flow_hook *hook;
	const void *argument;           /* for open(); borrowed */
};

/* Before the table ends a flow inside a batch it hands the touches so far to the hooks.
 * Hooks run in list order and may set events for those behind them. */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks: measures, identification, the wall, packet reports, explain. A hook sees the packets of
 * flows in batches, in packet order, has zeroed space per flow, and writes fields into records.
 */
#ifndef FLOW_HOOK_H
#define FLOW_HOOK_H

#include "base/error.h"
#include "flow/flow.h"
#include "record/record.h"

enum flow_event {
	FLOW_CREATED = 1,               /* first packet of a new flow */
	FLOW_TURNED = 2,                /* initiator changed by this packet */
	FLOW_RECORD_OPENED = 4,         /* first packet of a record (also with CREATED) */
	FLOW_IDENTIFIED = 8, FLOW_DECIDED = 16  /* set by hooks for those behind them */
};

struct flow_touch {
	struct flow *flow;
	struct flow_cold *cold;
	void *space;                    /* this hook's zeroed space of the flow;
	                                 * NULL if space_bytes is 0 */
	const struct packet *packet;
	uint32_t events;                /* enum flow_event */
	uint8_t sender;                 /* key endpoint (0 or 1) that sent the
	                                 * packet, in this meter's key */
};

struct flow_view {                      /* a record as a hook sees it when it writes */
	const struct flow *flow;
	const struct flow_cold *cold;
	const void *space;
	unsigned side;                  /* key endpoint whose direction is asked for */
};

enum hook_wants { HOOK_PACKET = 1, HOOK_TCP = 2, HOOK_PAYLOAD = 4, HOOK_END = 8 };
enum hook_scope { HOOK_SCOPE_FLOW, HOOK_SCOPE_RECORD };  /* what is zeroed when a record is cut */

struct flow_hook {
	const char *name, *help;
	const char *const *fields;              /* elements that it can give,
	                                         * NULL-terminated; may be NULL */
	uint16_t space_bytes;                   /* per flow, 8-aligned; large or short-lived
	                                         * state is a pointer in it */
	uint16_t wants;                         /* enum hook_wants; never called for the rest */
	uint16_t scope;                         /* enum hook_scope */
	int  (*open)(void *argument, void **ret_worker, struct error *err);
	void (*update)(void *worker, struct flow_touch *touches, unsigned count);
	/* A record ends, and with it the flow if `gone`. view->side is the initiator's. */
	void (*ended)(void *worker, const struct flow_view *view, uint8_t reason, bool gone);
	/* Writes fields[field] as it stands in the direction of view->side. Absent: write nothing. */
	void (*write)(const struct flow_view *view, unsigned field, struct value_writer *w);
	/* Adds the space of a flow that is merged into a record of many to that record's, which is zero
	 * to begin with and has the initiator as endpoint 0. NULL: merged records lack its fields. */
	void (*merge)(void *space, const struct flow_view *from);
	void (*close)(void *worker);
};
/* Before the table ends a flow inside a batch it hands the touches so far to the hooks.
 * Hooks run in list order and may set events for those behind them. */

#endif

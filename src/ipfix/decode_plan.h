/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From data records to rows: the mirror of encoder.h. A template is compiled once into columns and
 * a plan; records are then decoded in blocks, column by column. Each element of a template is a
 * column in the template's order; what is known beside the record follows:
 * - NetFlow's times by uptime become flowStart/EndMilliseconds in their place;
 * - names of applications and interfaces, sampling and common properties that the exporter has told
 *   in options (learned.h);
 * - exporterIPv4Address or exporterIPv6Address, observationDomainId, collectionTimeMilliseconds,
 *   unless the template has them.
 *
 * An element twice in a template is two columns of one field, in order. An element of unknown
 * number, or of a length that its type cannot have, is kept as octets e<pen>id<id>. Padding is left
 * out. A value of variable length without octets is absent: the wire has no other way to say so.
 */
#ifndef IPFIX_DECODE_PLAN_H
#define IPFIX_DECODE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "ipfix/decode_template.h"
#include "ipfix/elements.h"
#include "ipfix/layouts.h"

enum { DECODE_BLOCK_ROWS = 64 };

struct learned;

struct decode_context {                 /* what all records of a message share */
	uint64_t collection_ms;         /* when it was received; 0: unknown */
	uint64_t export_ms;             /* the header's time */
	uint32_t uptime_ms;             /* NetFlow: the exporter's uptime at that time */
	uint32_t domain;
	uint8_t exporter4[4], exporter6[16];    /* who sent it; one of them is used */
	uint8_t engine_type, engine_id; /* NetFlow v5 */
	uint8_t sampling_algorithm;
	uint32_t sampling_interval;     /* 0: not told */
};

struct decode_step;
struct decode_lookup;

struct decode_constant {                /* a column that the context fills */
	uint16_t column, offset;        /* offset in the row */
	uint16_t from, bytes;           /* in struct decode_context */
	bool if_absent;                 /* common properties may know it better */
};

/* Of one template in one session: what a peer's records become. It is made anew when options have
 * told more (learned_generation()). */
struct decode_plan {
	struct layout *layout;          /* borrowed */
	uint32_t bytes_min;             /* octets of the shortest record; > 0 */
	uint16_t step_count, variable_count, constant_count, lookup_count;
	uint16_t presence_bytes;        /* of a row */
	uint16_t told;                  /* columns, from the first, that the exporter sends */
	uint16_t left_out;              /* elements behind the last column that a row has room for */
	bool illegal_reverse;           /* reverse elements, but no end of a flow (RFC 5103, 4) */
	struct decode_step *steps;      /* in the order of the record */
	struct decode_step *variable;   /* those that move the cursor once more */
	struct decode_constant *constants;
	struct decode_lookup *lookups;  /* run behind the steps */
	uint8_t *presence;              /* of columns that are always there */
};

/* What a plan depends on. All of it is borrowed for the call but layouts and elements, which
 * outlive the plan. */
struct decode_plan_setup {
	const struct decode_template *template; /* that is compiled */
	struct layouts *layouts;        /* where the plan's layout is, or is made */
	struct elements *elements;      /* where fields that the table lacks are */
	const struct learned *learned;  /* NULL: nothing */
	uint32_t domain;
	uint8_t exporter_family;        /* 4, 6; 0: unknown */
	bool collection_time;           /* known */
	bool sampling;                  /* columns for what is known of sampling */
	/* Make no new ones: the session had its share. */
	bool only_known_layouts, only_known_elements;
};

/* -EINVAL: records of this template have no octets or nothing but padding; -ENOSPC: too many
 * layouts; -ENOMEM. *ret_new: a layout was made. */
int decode_plan_new(const struct decode_plan_setup *setup, struct decode_plan **ret, bool *ret_new);
void decode_plan_free(struct decode_plan *plan);        /* NULL is fine */
/* The most memory that a plan of this template takes: to be reserved with the template, so that one
 * that is remembered can be used. */
uint64_t decode_plan_bytes(const struct decode_template *template);

struct decode_set {                     /* the records of one set, without its header */
	const uint8_t *octets;
	uint32_t bytes;                 /* padding included */
};

struct decode_run {                     /* what records are decoded with */
	const struct decode_plan *plan;
	const struct decode_context *context;   /* of the message */
	struct layouts *layouts;
	const struct learned *learned;  /* that the plan was made with */
	/* Sees the rows from `first` on, as they were appended. NULL: nobody does. */
	void (*rows)(void *user, const struct record_batch *batch, uint32_t first);
	void *user;                     /* of rows */
};

/* Appends the records of the set to the plan's layout; what is left behind the last, too short for
 * a record, is padding. 0 with *ret_records; -EBADMSG: a variable length runs over the end;
 * -ENOMEM. Rows of a failed set are taken back by layouts_rollback(). */
int decode_plan_run(const struct decode_run *run, const struct decode_set *set,
                    uint32_t *ret_records);

#endif

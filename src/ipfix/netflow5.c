/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one record of NetFlow v5, 48 octets, as a plan: each place takes the first of its elements
 * that the schema has, and what nobody fills is zero. ICMP's type and code stand in the place of
 * the destination port, which ICMP has not. Counters are 32 bits wide and interfaces 16: larger
 * values are the largest that fit.
 */
#include <errno.h>

#include "base/compiler.h"
#include "ipfix/plan.h"

enum { SOURCE_IPV6_ADDRESS = 27 };

/* A place in the record, and an element that can stand there. */
struct place {
	uint16_t id;                    /* of an IANA element */
	uint8_t at, bytes;
	uint8_t operation;
};

static const struct place places[] = {
	{ 8, 0, 4, IPFIX_COPY_4 }, { 44, 0, 4, IPFIX_COPY_4 },         /* source address, prefix */
	{ 12, 4, 4, IPFIX_COPY_4 }, { 45, 4, 4, IPFIX_COPY_4 },        /* destination */
	{ 15, 8, 4, IPFIX_COPY_4 },                     /* next hop */
	{ 10, 12, 2, IPFIX_REDUCED }, { 14, 14, 2, IPFIX_REDUCED },    /* interfaces */
	{ 2, 16, 4, IPFIX_REDUCED }, { 1, 20, 4, IPFIX_REDUCED },      /* packets, octets */
	{ 152, 24, 4, IPFIX_UPTIME }, { 153, 28, 4, IPFIX_UPTIME },    /* first, last */
	{ 7, 32, 2, IPFIX_SWAP_16 }, { 11, 34, 2, IPFIX_SWAP_16 },     /* ports */
	{ 32, 34, 2, IPFIX_OR_16 },                     /* ICMP type and code */
	{ 6, 37, 1, IPFIX_REDUCED_FLAGS },              /* TCP flags */
	{ 4, 38, 1, IPFIX_COPY_1 }, { 5, 39, 1, IPFIX_COPY_1 },        /* protocol, class of service */
	{ 9, 44, 1, IPFIX_COPY_1 }, { 13, 45, 1, IPFIX_COPY_1 },       /* prefix lengths */
};

static bool is_taken(const struct ipfix_encoder *e, const struct place *place)
{
	for (unsigned i = 0; i < e->step_count && place->operation != IPFIX_OR_16; i++)
		if (e->steps[i].at == place->at)
			return true;
	return false;
}

/* IPv6 flows have no place in the record; foreign_column lets the sender find and count them. */
int netflow5_plan(struct ipfix_encoder *e)
{
	for (unsigned i = 0; i < array_count(places); i++) {
		const struct place *place = &places[i];
		const struct field *field = field_by_id(PEN_IANA, place->id);
		int column = field ? schema_find(e->schema, field, false) : -1;
		if (column < 0 || is_taken(e, place))
			continue;
		const struct column *c = &e->schema->column[column];
		e->steps[e->step_count++] = (struct ipfix_step){
			.column = (uint16_t)column, .offset = c->offset, .row_bytes = (uint8_t)c->bytes,
			.at = place->at, .wire_bytes = place->bytes, .operation = place->operation,
			.counts = (uint8_t)record_counter_of(c),
		};
		if (place->operation == IPFIX_UPTIME)
			*(place->at == 24 ? &e->start_column : &e->end_column) = (int16_t)column;
	}
	e->foreign_column = (int16_t)schema_find(e->schema, field_by_id(PEN_IANA, SOURCE_IPV6_ADDRESS),
	                                         false);
	e->fixed_bytes = NETFLOW5_RECORD_BYTES;
	e->zero_first = true;
	return e->step_count ? 0 : -EINVAL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What records stand for: see amount.h. Only the two delta counters count, in both directions;
 * totals of an exporter would count the same traffic again with each record.
 */
#include "record/amount.h"

enum { OCTET_DELTA_COUNT = 1, PACKET_DELTA_COUNT = 2 };

enum record_counter record_counter_of(const struct column *column)
{
	const struct field *field = column->field;
	if (field->pen != PEN_IANA || field->type != TYPE_U64)
		return RECORD_COUNTS_NOTHING;
	return field->id == PACKET_DELTA_COUNT ? RECORD_COUNTS_PACKETS :
	       field->id == OCTET_DELTA_COUNT ? RECORD_COUNTS_OCTETS : RECORD_COUNTS_NOTHING;
}

static uint64_t column_sum(const struct record_batch *batch, unsigned column, uint32_t first,
                           uint32_t count)
{
	uint64_t sum = 0;
	for (uint32_t i = first; i < first + count; i++)
		sum += value_read_unsigned(batch->schema, record_row(batch, i), column);
	return sum;
}

void record_amount_add_rows(struct record_amount *to, const struct record_batch *batch,
                            uint32_t first, uint32_t count)
{
	to->records += count;
	for (unsigned i = 0; i < batch->schema->column_count; i++) {
		enum record_counter what = record_counter_of(&batch->schema->column[i]);
		if (what == RECORD_COUNTS_PACKETS)
			to->packets += column_sum(batch, i, first, count);
		else if (what == RECORD_COUNTS_OCTETS)
			to->octets += column_sum(batch, i, first, count);
	}
}

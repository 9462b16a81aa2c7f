/* SPDX-License-Identifier: Apache-2.0 */
/* From flows to rows: every field that flows can give has the width of its
 * type and the right value. */
#include "flow_fixture.h"

#include "flow/rows.h"

static struct fixture x;
static struct record_batch *batch;
static struct row_plan *plan;

static void write_rows(void *context, const struct flow_record *record)
{
	row_plan_write(plan, record, batch);
}

static uint64_t value(unsigned row, const char *name)
{
	bool reverse;
	const struct field *field = field_find(name, strlen(name), &reverse);
	int column = schema_find(batch->schema, field, reverse);
	assert_true(column >= 0);
	assert_true(record_is_present(batch->schema, record_row(batch, row), (unsigned)column));
	return value_read_unsigned(batch->schema, record_row(batch, row), (unsigned)column);
}

static bool is_present(unsigned row, const char *name)
{
	bool reverse;
	const struct field *field = field_find(name, strlen(name), &reverse);
	return record_is_present(batch->schema, record_row(batch, row),
	                         (unsigned)schema_find(batch->schema, field, reverse));
}

/* A TCP flow opened by endpoint 1, three packets against one. */
static struct schema *meter_one(bool uniflow)
{
	struct column_choice choices[COLUMNS_MAX];
	struct schema *schema;
	struct meter_settings s = fixture_settings(&x);
	s.emit = write_rows;
	assert_int_equal(meter_new(&s, &x.meter, NULL), 0);
	struct row_settings rows = { .meter = x.meter, .uniflow = uniflow, .sample = 1 };
	unsigned all, count = row_fields(NULL, choices, COLUMNS_MAX, &all);
	assert_true(count > 60);
	assert_int_equal(schema_new(choices, count, 0, 0, &schema), 0);
	assert_int_equal(row_plan_new(schema, &rows, &plan, NULL), 0);
	batch = record_batch_new(schema, 8);
	fixture_send(&x, 1, 0, TCP_SYN);
	fixture_send(&x, 0, 0.25, TCP_SYN | TCP_ACK);
	fixture_send(&x, 1, 0.5, TCP_ACK | 0x100);
	fixture_send(&x, 1, 1.5, TCP_ACK);
	fixture_finish(&x, 2);
	row_plan_free(plan);
	return schema;
}

static void a_biflow_is_one_row_with_the_initiator_first(void **state)
{
	struct schema *schema = meter_one(false);
	assert_int_equal(batch->count, 1);
	assert_int_equal(value(0, "sourceTransportPort"), 80);
	assert_int_equal(value(0, "destinationTransportPort"), 1000);
	assert_int_equal(value(0, "packetDeltaCount"), 3);
	assert_int_equal(value(0, "octetDeltaCount"), 300);
	assert_int_equal(value(0, "reversePacketDeltaCount"), 1);
	assert_int_equal(value(0, "reverseOctetDeltaCount"), 100);
	assert_int_equal(value(0, "responderOctets"), 100);
	assert_int_equal(value(0, "tcpControlBits"), TCP_SYN | TCP_ACK | 0x100);
	assert_int_equal(value(0, "reverseTcpControlBits"), TCP_SYN | TCP_ACK);
	assert_int_equal(value(0, "flowStartMilliseconds"), START / 1000000);
	assert_int_equal(value(0, "flowEndMicroseconds"), START / 1000 + 1500000);
	assert_int_equal(value(0, "flowEndSeconds"), START / SECOND + 1);
	assert_int_equal(value(0, "flowDurationMilliseconds"), 1500);
	assert_int_equal(value(0, "biflowDirection"), 1);
	assert_int_equal(value(0, "flowDirectionBasis"), BASIS_SYN);
	assert_int_equal(value(0, "deltaFlowCount"), 1);
	assert_int_equal(value(0, "flowEndReason"), END_FORCED);
	assert_false(is_present(0, "sourceIPv6Address"));
	assert_false(is_present(0, "icmpTypeCodeIPv4"));
	assert_false(is_present(0, "dot1qCustomerVlanId"));
	record_batch_release(batch);
	schema_free(schema);
}

static void uniflow_makes_a_row_each_way(void **state)
{
	struct schema *schema = meter_one(true);
	assert_int_equal(batch->count, 2);
	assert_int_equal(value(0, "sourceTransportPort"), 80);
	assert_int_equal(value(0, "packetDeltaCount"), 3);
	assert_int_equal(value(1, "sourceTransportPort"), 1000);
	assert_int_equal(value(1, "packetDeltaCount"), 1);
	assert_false(is_present(0, "reversePacketDeltaCount"));
	assert_false(is_present(1, "biflowDirection"));
	record_batch_release(batch);
	schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_biflow_is_one_row_with_the_initiator_first),
		cmocka_unit_test(uniflow_makes_a_row_each_way),
	};
	return cmocka_run_group_tests_name("flow/rows", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What rows stand for: both directions, absent counters nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record/amount.h"

static struct column_choice named(const char *name)
{
	struct column_choice choice = { 0 };
	choice.field = field_find(name, strlen(name), &choice.reverse);
	assert_non_null(choice.field);
	return choice;
}

static void test_rows(void **state)
{
	struct column_choice choices[] = {
		named("octetDeltaCount"), named("reverseOctetDeltaCount"), named("packetDeltaCount"),
		named("reversePacketDeltaCount"), named("octetTotalCount"),
	};
	struct schema *schema;
	assert_int_equal(schema_new(choices, 5, 0, 0, &schema), 0);
	struct record_batch *batch = record_batch_new(schema, 4);
	for (unsigned row = 0; row < 4; row++) {
		struct value_writer w = { batch, record_batch_append(batch), 0 };
		for (; w.column < (row == 2 ? 1 : 5); w.column++)
			value_write_unsigned(&w, 1000 * (row + 1) + w.column);
	}
	struct record_amount amount = { 1, 1, 1 };
	record_amount_add_rows(&amount, batch, 1, 2);
	assert_int_equal(amount.records, 1 + 2);
	assert_int_equal(amount.octets, 1 + 2000 + 2001 + 3000);
	assert_int_equal(amount.packets, 1 + 2002 + 2003);
	record_amount_add(&amount, &(struct record_amount){ 1, 2, 3 });
	assert_int_equal(amount.records, 4);
	assert_int_equal(amount.packets, 4008);
	assert_int_equal(amount.octets, 7005);
	record_batch_release(batch);
	schema_free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The account of a collection, and its twins: a planted fault must be seen, and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/collect_report.h"

/* Ten messages, two of them discarded; seven sets, one of each end; 100 records to two outputs. */
static struct collect_report whole(void)
{
	struct collect_report r = {
		.transport = { .packets = 21, .datagrams = 6, .not_export = 5, .filtered = 4,
		               .truncated = 3, .fragments = 2, .segments = 1, .delivered = 10,
		               .delivered_octets = 1000 },
		.total = { .messages = 10, .octets = 1000, .sets = 7, .template_sets = 2, .data_sets = 4,
		           .records = 100, .options_records = 5 },
		.relay = { .records = 100, .handed = 200 },
		.finished = true, .accepted = 200, .outputs_balanced = true,
	};
	r.total.discarded[FAULT_none] = 8;
	r.total.discarded[FAULT_record] = 2;
	r.total.discarded_octets[FAULT_none] = 900;
	r.total.discarded_octets[FAULT_record] = 100;
	r.total.dropped[DECODE_DROP_empty] = 1;
	return r;
}

static void refused(const struct collect_report *r, const char *says)
{
	struct error err = { "" };
	assert_false(collect_report_balanced(r, &err));
	assert_non_null(strstr(err.text, says));
}

static void test_balanced(void **state)
{
	struct collect_report r = whole();
	assert_true(collect_report_balanced(&r, NULL));
	r.options_emitted = true;
	r.relay.records = 105;
	assert_true(collect_report_balanced(&r, NULL));
}

static void test_a_packet_without_an_end(void **state)
{
	struct collect_report r = whole();
	r.transport.fragments--;
	refused(&r, "packets of captures and what became of them (21 against 20)");
}

static void test_a_message_that_nobody_read(void **state)
{
	struct collect_report r = whole();
	r.transport.delivered++;
	refused(&r, "messages delivered and messages read (11 against 10)");
	r = whole();
	r.transport.delivered_octets--;
	refused(&r, "octets delivered and octets read");
}

static void test_a_message_without_an_end(void **state)
{
	struct collect_report r = whole();
	r.total.discarded[FAULT_record]--;
	refused(&r, "messages read and what became of them (10 against 9)");
	r = whole();
	r.total.discarded_octets[FAULT_none]++;
	refused(&r, "octets read and what became of them");
}

static void test_a_set_without_an_end(void **state)
{
	struct collect_report r = whole();
	r.total.dropped[DECODE_DROP_empty]--;
	refused(&r, "sets read and what became of them (7 against 6)");
}

static void test_what_still_waits(void **state)
{
	struct collect_report r = whole();
	r.total.waiting++;
	r.total.sets++;
	refused(&r, "still wait");
	r.finished = false;             /* while it runs that is as it should be */
	assert_true(collect_report_balanced(&r, NULL));
}

static void test_a_record_lost_on_the_way(void **state)
{
	struct collect_report r = whole();
	r.relay.records--;
	refused(&r, "records decoded and records that came (100 against 99)");
	r = whole();
	r.accepted--;
	refused(&r, "records handed on and records that outputs accepted (200 against 199)");
	r = whole();
	r.outputs_balanced = false;
	refused(&r, "an output lost records");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_balanced),
		cmocka_unit_test(test_a_packet_without_an_end),
		cmocka_unit_test(test_a_message_that_nobody_read),
		cmocka_unit_test(test_a_message_without_an_end),
		cmocka_unit_test(test_a_set_without_an_end),
		cmocka_unit_test(test_what_still_waits),
		cmocka_unit_test(test_a_record_lost_on_the_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

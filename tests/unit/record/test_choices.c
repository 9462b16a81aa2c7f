/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of columns as people write them (record/choices.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "record/record.h"

static struct column_choice available[5];       /* octets both ways, packets, vlanId, app name */

static int set_up(void **state)
{
	available[0].field = available[1].field = field_by_id(0, 1);
	available[1].reverse = true;
	available[2].field = field_by_id(0, 2);
	available[3].field = field_by_id(0, 58);
	available[4].field = field_by_id(0, 96);
	return 0;
}

/* Parses on top of "octetDeltaCount,vlanId" and writes the outcome as text. */
static int outcome(const char *text, char *list, size_t size, struct error *err)
{
	struct column_choice choices[COLUMNS_MAX] = { available[0], available[3] };
	unsigned count = 2;
	struct column_list list_of_all = { .choices = available, .count = array_count(available) };
	int r = column_list_parse(text, &list_of_all, choices, &count, err);
	size_t at = 0;
	*list = '\0';
	for (unsigned i = 0; i < count; i++) {
		char name[64];
		field_column_name(choices[i].field, choices[i].reverse, name, sizeof name);
		at += (size_t)snprintf(list + at, size - at, "%s%s", i ? "," : "", name);
		if (choices[i].cap_bytes)
			at += (size_t)snprintf(list + at, size - at, "=%u", choices[i].cap_bytes);
	}
	return r;
}

static void good_lists(void **state)
{
	static const struct { const char *text, *list; } cases[] = {
		{ "packetDeltaCount", "packetDeltaCount" },
		{ " vlanId , reverseOctetDeltaCount\n", "vlanId,reverseOctetDeltaCount" },
		{ "applicationName=64,vlanId", "applicationName=64,vlanId" },
		{ "applicationName = 64", "applicationName=64" },
		{ "octetDeltaCount=4,vlanId=1,packetDeltaCount=8",
		  "octetDeltaCount=4,vlanId=1,packetDeltaCount=8" },
		{ "vlanId,packetDeltaCount,vlanId", "vlanId,packetDeltaCount" },
		{ "applicationName,vlanId,applicationName=9", "applicationName=9,vlanId" },
		{ "+packetDeltaCount", "octetDeltaCount,vlanId,packetDeltaCount" },
		{ "-vlanId", "octetDeltaCount" },
		{ "+packetDeltaCount,-octetDeltaCount", "vlanId,packetDeltaCount" },
		{ "-reverseOctetDeltaCount", "octetDeltaCount,vlanId" },
		{ "-octetDeltaCount,+octetDeltaCount", "vlanId,octetDeltaCount" },
		{ "+octetDeltaCount", "octetDeltaCount,vlanId" },
		{ "+ applicationName=65535", "octetDeltaCount,vlanId,applicationName=65535" },
		{ "all", "octetDeltaCount,reverseOctetDeltaCount,packetDeltaCount,vlanId,"
		         "applicationName" },
		{ "all,-vlanId,-octetDeltaCount",
		  "reverseOctetDeltaCount,packetDeltaCount,applicationName" },
		{ "+all", "octetDeltaCount,vlanId,reverseOctetDeltaCount,packetDeltaCount,"
		          "applicationName" },
		{ "-all,+vlanId", "vlanId" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		char list[512];
		struct error err = { "" };
		if (outcome(cases[i].text, list, sizeof list, &err) != 0)
			fail_msg("'%s' was refused: %s", cases[i].text, err.text);
		assert_string_equal(list, cases[i].list);
	}
}

static void bad_lists(void **state)
{
	static const struct { const char *text, *says; } cases[] = {
		{ "octetDeltaCont", "\"octetDeltaCont\", did you mean \"octetDeltaCount\"" },
		{ "vlanId,reverseOctetDeltaCont", "\"reverseOctetDeltaCont\", did you mean" },
		{ "+tcpContrlBits", "did you mean \"tcpControlBits\"" },
		{ "nothingLikeAnything", "\"nothingLikeAnything\", expected the name" },
		{ "reverseFlowEndReason", "\"reverseFlowEndReason\"" },
		{ "flowEndReason", "\"flowEndReason\" exists" },
		{ "reverseVlanId", "\"reverseVlanId\" exists" },
		{ "", "between the commas" }, { "vlanId,", "between the commas" },
		{ ",vlanId", "between the commas" }, { "+", "between the commas" },
		{ "vlanId,,packetDeltaCount", "between the commas" },
		{ "+vlanId,packetDeltaCount", "expected + or - before" },
		{ "vlanId=4", "fixed length of 2 octets and cannot have 4" },
		{ "octetDeltaCount=9", "fixed length of 8" }, { "applicationName=", "1 to 65535" },
		{ "applicationName=0", "1 to 65535" }, { "applicationName=65536", "1 to 65535" },
		{ "applicationName=x", "1 to 65535" }, { "applicationName=4 4", "1 to 65535" },
		{ "applicationName=99999999999999999999", "1 to 65535" },
		{ "=4", "" }, { "-vlanId,-octetDeltaCount", "no field is left" },
		{ "-all", "no field is left" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		char list[512];
		struct error err = { "" };
		if (outcome(cases[i].text, list, sizeof list, &err) != -EINVAL)
			fail_msg("'%s' was not refused", cases[i].text);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s': %s", cases[i].text, err.text);
		assert_string_equal(list, "octetDeltaCount,vlanId");    /* nothing half-done */
		assert_int_equal(outcome(cases[i].text, list, sizeof list, NULL), -EINVAL);
	}
}

static void whole_table(void **state)
{
	struct column_choice choices[COLUMNS_MAX];
	unsigned count = 0;
	struct error err = { "" };
	const char *text = "flowEndReason,reverseTcpControlBits";
	assert_int_equal(column_list_parse(text, NULL, choices, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_int_equal(choices[0].field->id, 136);
	assert_true(choices[1].reverse);
}

static void too_many(void **state)
{
	static struct column_choice many[COLUMNS_MAX + 1];
	struct column_choice choices[COLUMNS_MAX];
	unsigned count = 0;
	struct error err = { "" };
	for (unsigned i = 0; i < array_count(many); i++)
		many[i].field = &field_table[i];
	struct column_list all = { .choices = many, .count = COLUMNS_MAX };
	assert_int_equal(column_list_parse("all", &all, choices, &count, &err), 0);
	assert_int_equal(count, COLUMNS_MAX);
	all.count = COLUMNS_MAX + 1;
	assert_int_equal(column_list_parse("all", &all, choices, &count, &err), -E2BIG);
	assert_int_equal(count, COLUMNS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lists), cmocka_unit_test(bad_lists),
		cmocka_unit_test(whole_table), cmocka_unit_test(too_many),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}

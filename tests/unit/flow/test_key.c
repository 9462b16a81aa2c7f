/* SPDX-License-Identifier: Apache-2.0 */
/* Key plans: what --key makes of words, and the wide keys that packets get by them. */
#include "flow_fixture.h"

static struct fixture x;

static int parse(const char *text, struct key_plan *plan, struct error *err)
{
	struct key_options options = { .key = text, .vlan_key = true };
	return key_plan_parse(&options, plan, err);
}

static void equal_prefixes_of_both_ends_make_biflows(void **state)
{
	struct key_plan plan;
	struct key_wide a, b;
	assert_int_equal(parse("sourceIPv4Address/24,destinationIPv4Address/24", &plan, NULL), 0);
	assert_true(plan.mirrored && plan.prefixes && !plan.standard && !plan.full_tuple[0]);
	struct packet p = fixture_packet(&x, 0, 0, 0), q = fixture_packet(&x, 1, 0, 0);
	memcpy(p.key.address.v4[1], "\x0a\x00\x01\x09", 4);
	memcpy(q.key.address.v4[1], "\x0a\x00\x01\x07", 4);
	assert_int_equal(key_wide_build(&plan, &p, &a), 0);
	assert_int_equal(key_wide_build(&plan, &q, &b), 1);
	assert_memory_equal(&a, &b, sizeof a);
	assert_int_equal(a.base.address.v6[1][3], 0);
}

static void unequal_sides_make_uniflows(void **state)
{
	struct key_plan plan;
	assert_int_equal(parse("sourceIPv4Address/24,protocolIdentifier", &plan, NULL), 0);
	assert_false(plan.mirrored);
	assert_int_equal(parse("sourceIPv4Address/24,destinationIPv4Address/16", &plan, NULL), 0);
	assert_false(plan.mirrored);
	assert_int_equal(parse("sourceIPv4Address,destinationIPv4Address,flowLabelIPv6",
	                       &plan, NULL), 0);
	assert_false(plan.mirrored);
}

static void the_full_tuple_is_recognised(void **state)
{
	struct key_plan plan;
	assert_int_equal(parse("sourceIPv4Address,destinationIPv4Address,protocolIdentifier,"
	                       "sourceTransportPort,destinationTransportPort", &plan, NULL), 0);
	assert_true(plan.full_tuple[0] && !plan.full_tuple[1] && plan.mirrored);
}

static void wrong_words_are_named(void **state)
{
	struct key_plan plan;
	struct error err = { "" };
	assert_true(parse("sourceIPv4Adress", &plan, &err) < 0);
	assert_non_null(strstr(err.text, "sourceIPv4Adress"));
	assert_non_null(strstr(err.text, "sourceIPv4Address"));
	assert_true(parse("sourceIPv4Address/33", &plan, &err) < 0);
	assert_non_null(strstr(err.text, "1 to 32"));
	assert_true(parse("vlanId/3", &plan, &err) < 0);
	assert_true(parse("", &plan, &err) < 0);
	assert_true(parse("octetDeltaCount", &plan, &err) < 0);
}

static void the_standard_plan_becomes_wide_when_it_must(void **state)
{
	struct key_plan plan;
	struct key_options options = { .vlan_key = true };
	assert_int_equal(key_plan_parse(&options, &plan, NULL), 0);
	assert_true(plan.standard && plan.mirrored && plan.full_tuple[1]);
	options.per_interface = true;
	assert_int_equal(key_plan_parse(&options, &plan, NULL), 0);
	assert_true(!plan.standard && plan.mirrored && plan.full_tuple[1]);
	options = (struct key_options){ .vlan_key = false };
	assert_int_equal(key_plan_parse(&options, &plan, NULL), 0);
	struct key_wide wide;
	struct packet p = fixture_packet(&x, 0, 0, 0);
	p.key.vlan[0] = 0x12;
	key_wide_build(&plan, &p, &wide);
	assert_int_equal(key_vlan_outer(&wide.base), 0);
	assert_int_equal(wide.base.port[1], 80);
}

static bool has(const struct key_plan *plan, const char *name)
{
	return key_plan_has(plan, field_find(name, strlen(name), NULL));
}

static void fields_of_the_key_are_known(void **state)
{
	struct key_plan plan;
	assert_int_equal(parse(NULL, &plan, NULL), 0);
	assert_true(has(&plan, "sourceIPv4Address") && has(&plan, "destinationIPv6Address"));
	assert_true(has(&plan, "sourceTransportPort") && has(&plan, "protocolIdentifier"));
	assert_true(has(&plan, "vlanId") && has(&plan, "icmpTypeCodeIPv6"));
	assert_false(has(&plan, "sourceIPv4Prefix") || has(&plan, "sourceIPv4PrefixLength"));
	assert_false(has(&plan, "octetDeltaCount") || has(&plan, "ingressInterface"));
	assert_int_equal(parse("sourceIPv4Address/24,ingressInterface", &plan, NULL), 0);
	assert_true(has(&plan, "sourceIPv4Prefix") && has(&plan, "sourceIPv4PrefixLength"));
	assert_true(has(&plan, "ingressInterface"));
	assert_false(has(&plan, "sourceIPv4Address") || has(&plan, "destinationIPv4Prefix"));
	assert_false(has(&plan, "protocolIdentifier"));
}

static void check_columns(const struct key_options *options, const char *expected)
{
	struct column_choice columns[KEY_COLUMNS_MAX];
	char text[512] = "";
	unsigned count = key_columns(options, columns);
	for (unsigned i = 0; i < count; i++) {
		assert_false(columns[i].reverse);
		strcat(strcat(text, i ? " " : ""), columns[i].field->name);
	}
	assert_string_equal(text, expected);
}

static void a_key_has_its_columns(void **state)
{
	check_columns(&(struct key_options){ .key = "vlanId, protocolIdentifier,vlanId" },
	              "vlanId protocolIdentifier");
	check_columns(&(struct key_options){ .key = "destinationIPv6Address/48,sourceIPv4Prefix,"
	                                            "sourceIPv6Prefix/128,destinationIPv4Address/31" },
	              "destinationIPv6Prefix destinationIPv6PrefixLength sourceIPv4Address "
	              "sourceIPv6Address destinationIPv4Prefix destinationIPv4PrefixLength");
	check_columns(&(struct key_options){ .key = "sourceTransportPort", .per_interface = true,
	                                     .tunnels = true },
	              "sourceTransportPort ingressInterface layer2SegmentId greKey");
	check_columns(&(struct key_options){ .vlan_key = false },
	              "sourceIPv4Address sourceIPv6Address destinationIPv4Address "
	              "destinationIPv6Address protocolIdentifier sourceTransportPort "
	              "destinationTransportPort icmpTypeCodeIPv4 icmpTypeCodeIPv6");
}

/* No key leaves a column out that key_plan_has() does not know as its own. */
static void columns_are_of_the_key(void **state)
{
	static const char *const keys[] = {
		NULL, "sourceIPv4Address/24,destinationIPv4Address", "ipVersion,ipClassOfService",
		"ingressInterface,flowLabelIPv6,sourceIPv6Address/64",
	};
	for (unsigned i = 0; i < array_count(keys); i++) {
		struct key_options options = { .key = keys[i], .vlan_key = true };
		struct column_choice columns[KEY_COLUMNS_MAX];
		struct key_plan plan;
		assert_int_equal(key_plan_parse(&options, &plan, NULL), 0);
		unsigned count = key_columns(&options, columns);
		assert_true(count > 0);
		for (unsigned k = 0; k < count; k++)
			assert_true(key_plan_has(&plan, columns[k].field));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_prefixes_of_both_ends_make_biflows),
		cmocka_unit_test(unequal_sides_make_uniflows),
		cmocka_unit_test(the_full_tuple_is_recognised),
		cmocka_unit_test(wrong_words_are_named),
		cmocka_unit_test(fields_of_the_key_are_known),
		cmocka_unit_test(a_key_has_its_columns),
		cmocka_unit_test(columns_are_of_the_key),
		cmocka_unit_test(the_standard_plan_becomes_wide_when_it_must),
	};
	return cmocka_run_group_tests_name("flow/key", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The field table is well-formed and its look-ups agree with it (record/field.c, fields.def). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"
#include "record/field.h"

/* From the IANA registry and our own list, written down by hand. */
static const struct field known[] = {
	{ "octetDeltaCount", "", 0, 1, TYPE_U64, SEMANTICS_DELTA_COUNTER, "octets", "" },
	{ "packetDeltaCount", "", 0, 2, TYPE_U64, SEMANTICS_DELTA_COUNTER, "packets", "" },
	{ "protocolIdentifier", "", 0, 4, TYPE_U8, SEMANTICS_IDENTIFIER, "", "" },
	{ "tcpControlBits", "", 0, 6, TYPE_U16, SEMANTICS_FLAGS, "", "" },
	{ "sourceTransportPort", "", 0, 7, TYPE_U16, SEMANTICS_IDENTIFIER, "", "" },
	{ "sourceIPv4Address", "", 0, 8, TYPE_IPV4, SEMANTICS_DEFAULT, "", "" },
	{ "ingressInterface", "", 0, 10, TYPE_U32, SEMANTICS_IDENTIFIER, "", "" },
	{ "destinationTransportPort", "", 0, 11, TYPE_U16, SEMANTICS_IDENTIFIER, "", "" },
	{ "destinationIPv4Address", "", 0, 12, TYPE_IPV4, SEMANTICS_DEFAULT, "", "" },
	{ "sourceIPv6Address", "", 0, 27, TYPE_IPV6, SEMANTICS_DEFAULT, "", "" },
	{ "destinationIPv6Address", "", 0, 28, TYPE_IPV6, SEMANTICS_DEFAULT, "", "" },
	{ "icmpTypeCodeIPv4", "", 0, 32, TYPE_U16, SEMANTICS_IDENTIFIER, "", "" },
	{ "vlanId", "", 0, 58, TYPE_U16, SEMANTICS_IDENTIFIER, "", "" },
	{ "flowDirection", "", 0, 61, TYPE_U8, SEMANTICS_IDENTIFIER, "", "" },
	{ "octetTotalCount", "", 0, 85, TYPE_U64, SEMANTICS_TOTAL_COUNTER, "octets", "" },
	{ "applicationId", "", 0, 95, TYPE_OCTET_ARRAY, SEMANTICS_DEFAULT, "", "" },
	{ "flowEndReason", "", 0, 136, TYPE_U8, SEMANTICS_IDENTIFIER, "", "" },
	{ "icmpTypeCodeIPv6", "", 0, 139, TYPE_U16, SEMANTICS_IDENTIFIER, "", "" },
	{ "flowId", "", 0, 148, TYPE_U64, SEMANTICS_IDENTIFIER, "", "" },
	{ "flowStartSeconds", "", 0, 150, TYPE_SECONDS, SEMANTICS_DEFAULT, "seconds", "" },
	{ "flowEndSeconds", "", 0, 151, TYPE_SECONDS, SEMANTICS_DEFAULT, "seconds", "" },
	{ "flowStartMilliseconds", "", 0, 152, TYPE_MILLISECONDS, 0, "milliseconds", "" },
	{ "flowEndMilliseconds", "", 0, 153, TYPE_MILLISECONDS, 0, "milliseconds", "" },
	{ "flowStartMicroseconds", "", 0, 154, TYPE_MICROSECONDS, 0, "microseconds", "" },
	{ "flowEndMicroseconds", "", 0, 155, TYPE_MICROSECONDS, 0, "microseconds", "" },
	{ "flowStartNanoseconds", "", 0, 156, TYPE_NANOSECONDS, 0, "nanoseconds", "" },
	{ "flowEndNanoseconds", "", 0, 157, TYPE_NANOSECONDS, 0, "nanoseconds", "" },
	{ "biflowDirection", "", 0, 239, TYPE_U8, SEMANTICS_IDENTIFIER, "", "" },
	{ "dot1qCustomerVlanId", "", 0, 245, TYPE_U16, SEMANTICS_IDENTIFIER, "", "" },
	{ "dataRecordsReliability", "", 0, 276, TYPE_BOOLEAN, SEMANTICS_DEFAULT, "", "" },
	{ "basicList", "", 0, 291, TYPE_BASIC_LIST, SEMANTICS_LIST, "", "" },
	{ "samplingPacketInterval", "", 0, 305, TYPE_U32, SEMANTICS_QUANTITY, "packets", "" },
	{ "layer2OctetDeltaCount", "", 0, 352, TYPE_U64, SEMANTICS_DELTA_COUNTER, "octets", "" },
	{ "mibObjectValueGauge", "", 0, 440, TYPE_U32, SEMANTICS_SNMP_GAUGE, "", "" },
	{ "tcpOptionsFull", "", 0, 520, TYPE_U256, SEMANTICS_FLAGS, "", "" },
	{ "flowDirectionBasis", "", 32473, 1, TYPE_U8, SEMANTICS_IDENTIFIER, "", "" },
	{ "packetDirection", "", 8057, 1016, TYPE_S8, SEMANTICS_DEFAULT, "", "" },
	{ "smallPacketCount", "", 6871, 500, TYPE_U32, SEMANTICS_TOTAL_COUNTER, "packets", "" },
};

static const struct field *find(const char *name, bool *ret_reverse)
{
	return field_find(name, strlen(name), ret_reverse);
}

static void *look_up(void *unused)
{
	uintptr_t found = 0;
	for (size_t i = 0; i < array_count(known); i++)
		found += field_by_id(known[i].pen, known[i].id) == find(known[i].name, NULL);
	return (void *)found;
}

/* Comes first: the indexes are filled while all ask. A thread sanitizer would see a race. */
static void first_look_up_in_many_threads(void **state)
{
	pthread_t threads[4];
	for (size_t i = 0; i < array_count(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look_up, NULL), 0);
	for (size_t i = 0; i < array_count(threads); i++) {
		void *found;
		assert_int_equal(pthread_join(threads[i], &found), 0);
		assert_int_equal((uintptr_t)found, array_count(known));
	}
}

static void known_fields(void **state)
{
	for (size_t i = 0; i < array_count(known); i++) {
		const struct field *k = &known[i], *f = field_by_id(k->pen, k->id);
		if (!f)
			fail_msg("no field %u/%u", k->pen, k->id);
		assert_string_equal(f->name, k->name);
		assert_string_equal(f->unit, k->unit);
		assert_int_equal(f->type, k->type);
		assert_int_equal(f->semantics, k->semantics);
		assert_ptr_equal(find(k->name, NULL), f);
	}
}

static void every_field_is_found(void **state)
{
	assert_in_range(field_count, 1200, 4000);
	for (unsigned i = 0; i < field_count; i++) {
		const struct field *f = &field_table[i];
		bool reverse = true;
		assert_ptr_equal(find(f->name, &reverse), f);
		assert_false(reverse);
		assert_ptr_equal(field_by_id(f->pen, f->id), f);
	}
}

static void every_line_is_well_formed(void **state)
{
	for (unsigned i = 0; i < field_count; i++) {
		const struct field *f = &field_table[i];
		assert_true(f->type < TYPE_COUNT);
		assert_true(f->semantics <= SEMANTICS_SNMP_GAUGE);
		assert_in_range(f->id, 1, f->pen ? 0x3fff : 0x7fff);
		assert_true(isalpha((unsigned char)f->name[0]));
		for (const char *c = f->name; *c; c++)
			assert_true(isalnum((unsigned char)*c) || *c == '-');
		if (strlen(f->text) < 5 || strlen(f->text) > 90)
			fail_msg("%s: text of %zu characters", f->name, strlen(f->text));
		for (const char *c = f->text; *c; c++)
			assert_true(isprint((unsigned char)*c));
	}
}

/* SQL columns ignore case, so names must differ by more than that. */
static void names_and_numbers_are_unique(void **state)
{
	for (unsigned i = 0; i < field_count; i++)
		for (unsigned j = 0; j < i; j++) {
			const struct field *a = &field_table[i], *b = &field_table[j];
			if (strcasecmp(a->name, b->name) == 0)
				fail_msg("two fields %s", a->name);
			if (a->pen == b->pen && a->id == b->id)
				fail_msg("two fields %u/%u", a->pen, a->id);
		}
}

/* Only what the reader never sees side by side: families, and times in several units. */
static void short_names_repeat_only_in_twins(void **state)
{
	static const char *const twins[] = { "src", "dst", "icmp", "start", "end", "duration" };
	for (unsigned i = 0; i < field_count; i++)
		for (unsigned j = 0; j < i; j++) {
			const char *name = field_table[i].short_name;
			bool twin = *name == '\0' || strcmp(name, field_table[j].short_name) != 0;
			for (size_t k = 0; k < array_count(twins) && !twin; k++)
				twin = strcmp(name, twins[k]) == 0;
			if (!twin)
				fail_msg("%s is the short name of two fields", name);
		}
}

static void colliding_names_have_owners(void **state)
{
	static const struct { const char *name; uint32_t pen; uint16_t id; } owners[] = {
		{ "httpUserAgent", 0, 468 }, { "certHttpUserAgent", 6871, 111 },
		{ "flowmonHttpUserAgent", 39499, 20 }, { "httpHost", 6871, 117 },
		{ "flowmonHttpHost", 39499, 1 }, { "cesnetSIPVia", 8057, 105 },
		{ "connectionId", 9, 12242 }, { "netscalerConnectionId", 5951, 133 },
		{ "userName", 0, 371 }, { "flowmonUsername", 39499, 7232 },
	};
	for (size_t i = 0; i < array_count(owners); i++) {
		const struct field *f = find(owners[i].name, NULL);
		if (!f || f->pen != owners[i].pen || f->id != owners[i].id)
			fail_msg("%s is not %u/%u", owners[i].name, owners[i].pen, owners[i].id);
	}
}

static void unknown_names_and_numbers(void **state)
{
	bool reverse = true;
	static const char *const names[] = {
		"octetdeltacount", "octetDeltaCoun", "octetDeltaCounts", "reverse",
		"reverseNothing",
		"reverseoctetDeltaCount", "reversereverseOctetDeltaCount", "ReverseOctetDeltaCount",
		"octets", " octetDeltaCount", "",
	};
	for (size_t i = 0; i < array_count(names); i++)
		assert_null(find(names[i], &reverse));
	assert_true(reverse);                           /* written only on success */
	assert_null(field_find("octetDeltaCount\0x", 17, &reverse));
	assert_null(field_by_id(0, 0));
	assert_null(field_by_id(0, 97));
	assert_null(field_by_id(PEN_REVERSE, 1));
	assert_null(field_by_id(1, 1));
	assert_ptr_equal(field_find("octetDeltaCount,x", 15, NULL), field_by_id(0, 1));
}

static void reverse_names(void **state)
{
	static const struct { const char *name; uint32_t pen; uint16_t id; } good[] = {
		{ "reverseOctetDeltaCount", 0, 1 }, { "reversePacketDeltaCount", 0, 2 },
		{ "reverseTcpControlBits", 0, 6 }, { "reverseIngressInterface", 0, 10 },
		{ "reverseIcmpTypeCodeIPv4", 0, 32 }, { "reverseIcmpTypeCodeIPv6", 0, 139 },
		{ "reverseFlowStartMicroseconds", 0, 154 }, { "reverseVlanId", 0, 58 },
		{ "reverseVRFname", 0, 236 }, { "reverseIPSecSPI", 0, 295 },
		{ "reverseMinimumTTL", 0, 52 }, { "reverseObservationPointId", 0, 138 },
	};
	for (size_t i = 0; i < array_count(good); i++) {
		bool reverse = false;
		const struct field *f = find(good[i].name, &reverse);
		if (!f || !reverse || f->pen != good[i].pen || f->id != good[i].id)
			fail_msg("%s is not the reverse of %u", good[i].name, good[i].id);
		assert_null(find(good[i].name, NULL));
	}
}

/* RFC 5103, section 6.1: flowId, templateId, observationDomainId, commonPropertiesId; sections 5.2
 * and 5.3 of RFC 5102; paddingOctets; biflowDirection. Then the flow key and flowEndReason. */
static void not_reversible(void **state)
{
	static const uint16_t iana[] = {
		148, 145, 149, 137, 130, 131, 217, 211, 212, 213, 214, 215, 216, 173, 41, 40, 42,
		163,
		164, 165, 166, 167, 168, 210, 239, 4, 7, 8, 11, 12, 27, 28, 44, 45, 169, 170, 136,
	};
	char name[80];
	bool reverse = false;
	for (size_t i = 0; i < array_count(iana); i++) {
		const struct field *f = field_by_id(0, iana[i]);
		assert_false(field_is_reversible(f));
		field_column_name(f, true, name, sizeof name);
		assert_null(find(name, &reverse));
	}
	assert_false(field_is_reversible(field_by_id(PEN_WEIR_DEFAULT, 1)));
	assert_false(field_is_reversible(field_by_id(PEN_CERT, 507)));
	assert_true(field_is_reversible(field_by_id(PEN_CERT, 500)));
	assert_false(field_is_reversible(field_by_id(8057, 1013)));
	assert_null(find("reverseFlowDirectionBasis", &reverse));
}

/* CERT has a forward element of such a name: it is that element, not the reverse of another. */
static void a_forward_name_that_begins_with_reverse(void **state)
{
	bool reverse = true;
	const struct field *f = find("reverseFlowDeltaMilliseconds", &reverse);
	assert_non_null(f);
	assert_int_equal(f->id, 21);
	assert_false(reverse);
}

static void column_names_lead_back(void **state)
{
	for (unsigned i = 0; i < field_count; i++) {
		char name[128];
		bool reverse = false;
		const struct field *f = &field_table[i];
		size_t length = field_column_name(f, true, name, sizeof name);
		assert_int_equal(length, strlen(f->name) + 7);
		assert_int_equal(length, strlen(name));
		assert_ptr_equal(find(name, &reverse), field_is_reversible(f) ? f : NULL);
		assert_int_equal(reverse, field_is_reversible(f));
	}
}

static void column_name_is_cut(void **state)
{
	char name[12];
	const struct field *f = field_by_id(0, 1);
	assert_int_equal(field_column_name(f, false, name, sizeof name), 15);
	assert_string_equal(name, "octetDeltaC");
	assert_int_equal(field_column_name(f, true, name, sizeof name), 22);
	assert_string_equal(name, "reverseOcte");
	assert_int_equal(field_column_name(f, true, name, 8), 22);
	assert_string_equal(name, "reverse");
	assert_int_equal(field_column_name(f, true, name, 0), 22);
}

static void types_and_semantics(void **state)
{
	assert_string_equal(field_type_name(TYPE_U64), "unsigned64");
	assert_string_equal(field_type_name(TYPE_MILLISECONDS), "dateTimeMilliseconds");
	assert_string_equal(field_type_name(TYPE_SUB_TEMPLATE_MULTI_LIST), "subTemplateMultiList");
	assert_string_equal(field_type_name(TYPE_COUNT), "unknown");
	assert_string_equal(field_semantics_name(SEMANTICS_DELTA_COUNTER), "deltaCounter");
	assert_int_equal(field_type_bytes(TYPE_MAC), 6);
	assert_int_equal(field_type_bytes(TYPE_IPV6), 16);
	assert_int_equal(field_type_bytes(TYPE_STRING), 0);
	assert_int_equal(field_type_bytes(TYPE_BASIC_LIST), 0);
	assert_true(field_type_reduces(TYPE_U64, 1) && field_type_reduces(TYPE_U64, 7));
	assert_true(field_type_reduces(TYPE_S16, 1) && field_type_reduces(TYPE_FLOAT64, 4));
	assert_false(field_type_reduces(TYPE_U64, 8) || field_type_reduces(TYPE_U64, 0));
	assert_false(field_type_reduces(TYPE_U8, 1) || field_type_reduces(TYPE_FLOAT64, 2));
	assert_false(field_type_reduces(TYPE_IPV4, 3) || field_type_reduces(TYPE_MILLISECONDS, 4));
	assert_false(field_type_reduces(TYPE_STRING, 4) || field_type_reduces(TYPE_BOOLEAN, 0));
	for (unsigned t = 0; t < TYPE_COUNT; t++)
		assert_non_null(field_type_name(t));
	/* RFC 5610 numbers, and RFC 9740's */
	assert_int_equal(TYPE_STRING, 13);
	assert_int_equal(TYPE_IPV6, 19);
	assert_int_equal(TYPE_SUB_TEMPLATE_MULTI_LIST, 22);
	assert_int_equal(TYPE_U256, 23);
}

static void suggestions(void **state)
{
	assert_string_equal(field_suggest("octetDeltaCont"), "octetDeltaCount");
	assert_string_equal(field_suggest("sourceIpv4Adress"), "sourceIPv4Address");
	assert_string_equal(field_suggest("FLOWENDREASON"), "flowEndReason");
	assert_string_equal(field_suggest("packets"), "packetDeltaCount");
	assert_null(field_suggest("somethingElseEntirely"));
	assert_null(field_suggest(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_look_up_in_many_threads), cmocka_unit_test(known_fields),
		cmocka_unit_test(every_field_is_found),
		cmocka_unit_test(every_line_is_well_formed),
		cmocka_unit_test(names_and_numbers_are_unique),
		cmocka_unit_test(short_names_repeat_only_in_twins),
		cmocka_unit_test(colliding_names_have_owners),
		cmocka_unit_test(unknown_names_and_numbers), cmocka_unit_test(reverse_names),
		cmocka_unit_test(not_reversible),
		cmocka_unit_test(a_forward_name_that_begins_with_reverse),
		cmocka_unit_test(column_names_lead_back), cmocka_unit_test(column_name_is_cut),
		cmocka_unit_test(types_and_semantics), cmocka_unit_test(suggestions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages octet by octet. The expected octets were worked out by hand from RFC 7011, sections 3.1
 * (header), 3.3.2 (set header), 3.4.1 and 3.4.2.2 (templates), 3.2 (field specifiers), 6.1
 * (values), 7 (variable length), and RFC 5103, section 6.1 (reverse elements: the same id,
 * enterprise 29305 = 0x7279).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "record/list.h"
#include "message_fixture.h"

/* 1700000000 s = 0x6553f100; sequence 7, domain 0x0a000001. */
static const struct ipfix_header header = {
	.time_ns = UINT64_C(1700000000999999999), .sequence = 7, .domain = 0x0a000001,
};
#define HEADER(length) \
	0x00, 0x0a, (length) >> 8, (length) & 255, 0x65, 0x53, 0xf1, 0x00, \
	0x00, 0x00, 0x00, 0x07, 0x0a, 0x00, 0x00, 0x01

static void begin(struct ipfix_message *m, uint8_t *octets, uint32_t limit, bool pad)
{
	struct ipfix_form form = { .limit = limit, .pad = pad };
	ipfix_message_begin(m, octets, &form);
}

static void test_template_and_data(void **state)
{
	struct fixture f;
	fixture_init(&f, "sourceIPv4Address,destinationTransportPort,protocolIdentifier,"
	             "octetDeltaCount,reverseOctetDeltaCount,flowStartMilliseconds");
	records_row(f.batch);
	records_octets(f.batch, 0, (uint8_t[]){ 192, 0, 2, 1 }, 4);
	records_unsigned(f.batch, 1, 443);
	records_unsigned(f.batch, 2, 6);
	records_unsigned(f.batch, 3, 1000);
	records_unsigned(f.batch, 4, 70000);
	records_unsigned(f.batch, 5, UINT64_C(1700000000123));
	records_row(f.batch);           /* all absent: zeros */
	records_octets(f.batch, 0, (uint8_t[]){ 192, 0, 2, 2 }, 4);

	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_int_equal(add_rows(&f), 2);
	assert_int_equal(f.message.amount.records, 2);
	/* Template set: 4 + 4 + 5 * 4 + 8 = 36. Record: 4+2+1+8+8+8 = 31; data set 4 + 62 = 66. */
	static const uint8_t expected[] = {
		HEADER(16 + 36 + 66),
		0x00, 0x02, 0x00, 36,                           /* template set */
		0x01, 0x00, 0x00, 6,                            /* template 256 of 6 fields */
		0x00, 0x08, 0x00, 0x04,                         /* sourceIPv4Address 8 */
		0x00, 0x0b, 0x00, 0x02,                         /* destinationTransportPort 11 */
		0x00, 0x04, 0x00, 0x01,                         /* protocolIdentifier 4 */
		0x00, 0x01, 0x00, 0x08,                         /* octetDeltaCount 1 */
		0x80, 0x01, 0x00, 0x08, 0x00, 0x00, 0x72, 0x79, /* its reverse */
		0x00, 0x98, 0x00, 0x08,                         /* flowStartMilliseconds 152 */
		0x01, 0x00, 0x00, 66,                           /* data set of template 256 */
		192, 0, 2, 1, 0x01, 0xbb, 6,
		0, 0, 0, 0, 0, 0, 0x03, 0xe8, 0, 0, 0, 0, 0, 0x01, 0x11, 0x70,
		0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x7b, /* 1700000000123 */
		192, 0, 2, 2, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	};
	check_octets(&f, &header, expected, sizeof expected);
	fixture_fini(&f);
}

static void test_value_types(void **state)
{
	struct fixture f;
	fixture_init(&f, "sourceIPv6Address,sourceMacAddress,dataRecordsReliability,dot1qDEI,"
	             "flowStartSeconds,flowStartMicroseconds,flowStartNanoseconds,samplingProbability,"
	             "tlsClientKeyLength,tcpOptionsFull");
	static const uint8_t ipv6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	static const uint8_t bits[32] = { 0x80, [31] = 0x01 };
	double quarter = 0.25;
	records_row(f.batch);
	records_octets(f.batch, 0, ipv6, sizeof ipv6);
	records_octets(f.batch, 1, (uint8_t[]){ 2, 0, 0, 0, 0, 9 }, 6);
	records_unsigned(f.batch, 2, 1);
	records_unsigned(f.batch, 3, 0);
	records_unsigned(f.batch, 4, 1700000000);
	records_unsigned(f.batch, 5, UINT64_C(1700000000500000));
	records_unsigned(f.batch, 6, UINT64_C(1700000000000000001));
	struct value_writer w = { f.batch, record_row(f.batch, 0), 7 };
	value_write_double(&w, quarter);
	w.column = 8;
	value_write_signed(&w, -2);
	memcpy(record_row(f.batch, 0) + f.schema->column[9].offset, bits, sizeof bits);
	assert_int_equal(add_rows(&f), 1);
	/* 16+6+1+1+4+8+8+8+4+32 = 88; 1700000000 + 2208988800 = 0xe8fe6f80 in NTP seconds. */
	static const uint8_t expected[] = {
		HEADER(16 + 4 + 88), 0x01, 0x00, 0x00, 92,
		0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
		2, 0, 0, 0, 0, 9,
		1, 2,                                           /* true, false */
		0x65, 0x53, 0xf1, 0x00,
		0xe8, 0xfe, 0x6f, 0x80, 0x80, 0x00, 0x00, 0x00, /* and a half */
		0xe8, 0xfe, 0x6f, 0x80, 0x00, 0x00, 0x00, 0x05, /* and a nanosecond */
		0x3f, 0xd0, 0, 0, 0, 0, 0, 0,                   /* 2^-2: exponent 1021 = 0x3fd */
		0xff, 0xff, 0xff, 0xfe,
		0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	};
	check_octets(&f, &header, expected, sizeof expected);
	fixture_fini(&f);
}

/* RFC 7011, section 7: one length octet below 255, else 255 and two more. */
static void test_variable_lengths(void **state)
{
	struct fixture f;
	char text[300];
	memset(text, 'x', sizeof text);
	fixture_init(&f, "protocolIdentifier,interfaceName,sourceTransportPort,applicationName=3");
	records_row(f.batch);
	records_unsigned(f.batch, 0, 17);
	records_unsigned(f.batch, 2, 53);
	records_text(f.batch, 3, "dns-over");
	records_row(f.batch);
	records_octets(f.batch, 1, text, 254);
	records_row(f.batch);
	records_octets(f.batch, 1, text, 255);
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_int_equal(add_rows(&f), 3);
	ipfix_message_seal(&f.message, &header);
	static const uint8_t template_set[] = {
		0x00, 0x02, 0x00, 24, 0x01, 0x00, 0x00, 4,
		0x00, 0x04, 0x00, 0x01, 0x00, 82, 0xff, 0xff, 0x00, 0x07, 0x00, 0x02, 0x00, 96, 0xff, 0xff,
	};
	assert_memory_equal(f.octets + 16, template_set, sizeof template_set);
	/* Records: 1+1+2+(1+3) = 8; 1+(1+254)+2+1 = 259; 1+(3+255)+2+1 = 262. Set: 4 + 529 = 0x215. */
	const uint8_t *at = f.octets + 16 + 24;
	static const uint8_t first[] = { 0x01, 0x00, 0x02, 0x15, 17, 0, 0, 53, 3, 'd', 'n', 's' };
	assert_memory_equal(at, first, sizeof first);
	at += sizeof first;
	assert_int_equal(at[1], 254);
	assert_memory_equal(at + 2, text, 254);
	assert_memory_equal(at + 256, "\0\0\0", 3);
	at += 259;
	assert_memory_equal(at + 1, "\xff\x00\xff", 3);
	assert_memory_equal(at + 4, text, 255);
	assert_memory_equal(at + 259, "\0\0\0", 3);
	assert_ptr_equal(at + 262, f.octets + f.message.bytes);
	fixture_fini(&f);
}

/* RFC 6313, section 4.5.1: a list is a field of variable length; behind its length stand semantic,
 * element, element length, values. Absent it still has a head (section 4.5): undefined semantic,
 * no values of one octet of padding (210). */
static void test_list(void **state)
{
	struct fixture f;
	struct list_writer l;
	fixture_init(&f, "ingressInterface,basicList,protocolIdentifier");
	records_row(f.batch);
	records_unsigned(f.batch, 0, 1);
	struct value_writer w = { f.batch, record_row(f.batch, 0), 1 };
	list_begin(&l, &w, field_find("egressInterface", 15, NULL), LIST_EXACTLY_ONE_OF);
	list_add_unsigned(&l, 2);
	list_add_unsigned(&l, 4);
	list_add_unsigned(&l, 8);
	list_end(&l);
	records_unsigned(f.batch, 2, 17);
	records_row(f.batch);
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_int_equal(add_rows(&f), 2);
	/* Template set 4 + 16; records 4 + 1 + 17 + 1 = 23 and 4 + 1 + 5 + 1 = 11, set 4 + 34. */
	static const uint8_t expected[] = {
		HEADER(16 + 20 + 38), 0x00, 0x02, 0x00, 20, 0x01, 0x00, 0x00, 3,
		0x00, 0x0a, 0x00, 0x04, 0x01, 0x23, 0xff, 0xff, 0x00, 0x04, 0x00, 0x01,
		0x01, 0x00, 0x00, 38,
		0, 0, 0, 1, 17, 0x01, 0x00, 0x0e, 0x00, 0x04, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 8, 17,
		0, 0, 0, 0, 5, 0xff, 0x00, 0xd2, 0x00, 0x01, 0,
	};
	check_octets(&f, &header, expected, sizeof expected);
	fixture_fini(&f);
}

/* RFC 5103, section 6.2: the reverse PEN speaks of IANA elements only, so ours use a bit of
 * their ids. */
static void test_own_reverse(void **state)
{
	static const struct field own = { .name = "ownCount", .short_name = "", .pen = PEN_WEIR_DEFAULT,
	                                  .id = 0x0123, .type = TYPE_U16, .unit = "", .text = "" };
	static const struct field foreign = { .name = "foreignCount", .short_name = "", .pen = 9,
	                                      .id = 5, .type = TYPE_U16, .unit = "", .text = "" };
	struct column_choice choices[] = {
		{ .field = field_find("sourceTransportPort", 19, NULL) },
		{ .field = &own }, { .field = &own, .reverse = true },
		{ .field = &foreign }, { .field = &foreign, .reverse = true },
		{ .field = field_find("biflowDirection", 15, NULL), .reverse = true },
		{ .field = field_find("subTemplateList", 15, NULL) },
	};
	struct schema *schema;
	struct fixture f;
	assert_int_equal(schema_new(choices, 7, 0, 0, &schema), 0);
	memset(&f, 0, sizeof f);
	fixture_schema(&f, schema);
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	/* 32473 = 0x7ed9. Four fields are left of seven: 4 + 4 + 4 + 3 * 8 = 36. */
	static const uint8_t expected[] = {
		HEADER(16 + 36), 0x00, 0x02, 0x00, 36, 0x01, 0x00, 0x00, 4,
		0x00, 0x07, 0x00, 0x02,
		0x81, 0x23, 0x00, 0x02, 0x00, 0x00, 0x7e, 0xd9,
		0xc1, 0x23, 0x00, 0x02, 0x00, 0x00, 0x7e, 0xd9,
		0x80, 0x05, 0x00, 0x02, 0x00, 0x00, 0x00, 0x09,
	};
	check_octets(&f, &header, expected, sizeof expected);
	assert_non_null(strstr(f.encoder->note, "reverseForeignCount"));
	assert_non_null(strstr(f.encoder->note, "reverseBiflowDirection"));
	assert_non_null(strstr(f.encoder->note, "subTemplateList"));
	assert_null(strstr(f.encoder->note, "ownCount"));
	fixture_fini(&f);
}

/* RFC 5103, section 4: reverse elements without a directional key field must not be sent. */
static void test_reverse_needs_an_endpoint(void **state)
{
	struct fixture f;
	fixture_init(&f, "vlanId,octetDeltaCount,reverseOctetDeltaCount");
	assert_int_equal(f.encoder->step_count, 2);
	assert_non_null(strstr(f.encoder->note, "reverseOctetDeltaCount"));
	fixture_fini(&f);
	fixture_init(&f, "ingressInterface,octetDeltaCount,reverseOctetDeltaCount");
	assert_int_equal(f.encoder->step_count, 3);
	assert_string_equal(f.encoder->note, "");
	fixture_fini(&f);
}

static void test_nothing_left(void **state)
{
	struct schema *schema = records_schema("subTemplateList", 0);
	struct ipfix_encoder_settings settings = { .template_id = 256 };
	struct ipfix_encoder *encoder = NULL;
	struct error err = { "" };
	assert_int_equal(ipfix_encoder_new(schema, &settings, &encoder, &err), -22);
	assert_null(encoder);
	assert_non_null(strstr(err.text, "subTemplateList"));
	schema_free(schema);
}

/* RFC 7011, section 3.4.2.2: set 3, and the number of scope fields behind the number of fields. */
static void test_options_template(void **state)
{
	struct fixture f;
	memset(&f, 0, sizeof f);
	fixture_schema(&f, records_schema("ingressInterface,interfaceName", 1));
	records_row(f.batch);
	records_unsigned(f.batch, 0, 2);
	records_text(f.batch, 1, "eth0");
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_int_equal(add_rows(&f), 1);
	assert_int_equal(f.message.amount.records, 1); /* options data are data records */
	static const uint8_t expected[] = {
		HEADER(16 + 18 + 13),
		0x00, 0x03, 0x00, 18, 0x01, 0x00, 0x00, 2, 0x00, 1,
		0x00, 0x0a, 0x00, 0x04, 0x00, 82, 0xff, 0xff,
		0x01, 0x00, 0x00, 13, 0, 0, 0, 2, 4, 'e', 't', 'h', '0',
	};
	check_octets(&f, &header, expected, sizeof expected);
	fixture_fini(&f);
}

/* RFC 7011, section 3.3.1: zero octets, shorter than any record of the set. */
static void test_padding(void **state)
{
	struct fixture f;
	fixture_init(&f, "protocolIdentifier,sourceTransportPort,vlanId");      /* 5 octets a record */
	records_row(f.batch);
	begin(&f.message, f.octets, sizeof f.octets, true);
	memset(f.octets, 0xee, sizeof f.octets);
	assert_int_equal(add_rows(&f), 1);
	static const uint8_t padded[] = {
		HEADER(16 + 12), 0x01, 0x00, 0x00, 12, 0, 0, 0, 0, 0, 0, 0, 0,
	};
	check_octets(&f, &header, padded, sizeof padded);
	fixture_fini(&f);

	/* Records of 2 octets: padding by 2 would be too much. */
	fixture_init(&f, "protocolIdentifier,ipClassOfService");
	records_row(f.batch);
	begin(&f.message, f.octets, sizeof f.octets, true);
	assert_int_equal(add_rows(&f), 1);
	static const uint8_t unpadded[] = { HEADER(16 + 6), 0x01, 0x00, 0x00, 6, 0, 0 };
	check_octets(&f, &header, unpadded, sizeof unpadded);
	fixture_fini(&f);
}

static void test_limits(void **state)
{
	struct fixture f;
	fixture_init(&f, "sourceIPv4Address,sourceTransportPort");      /* records of 6 octets */
	for (unsigned i = 0; i < 150; i++)
		records_row(f.batch);
	for (uint32_t rows = 0; rows < 130; rows++) {
		uint32_t exact = 16 + 4 + rows * 6;
		begin(&f.message, f.octets, exact, false);
		assert_int_equal(add_rows(&f), rows);
		assert_int_equal(f.message.bytes, rows ? exact : 16);
		begin(&f.message, f.octets, exact + 5, false);
		assert_int_equal(add_rows(&f), rows);
		begin(&f.message, f.octets, exact - (rows > 0), false);
		assert_int_equal(add_rows(&f), rows ? rows - 1 : 0);
	}
	begin(&f.message, f.octets, 16 + 4 + f.encoder->template_bytes, false);
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_false(ipfix_message_add_template(&f.message, f.encoder));
	begin(&f.message, f.octets, 16 + 3 + f.encoder->template_bytes, false);
	assert_false(ipfix_message_add_template(&f.message, f.encoder));
	assert_true(ipfix_message_is_empty(&f.message));
	fixture_fini(&f);
}

/* Padding is left out where the message has no room for it, and the message never grows past its
 * limit. */
static void test_limits_with_padding(void **state)
{
	struct fixture f;
	fixture_init(&f, "protocolIdentifier,sourceTransportPort,vlanId");
	for (unsigned i = 0; i < 20; i++)
		records_row(f.batch);
	for (uint32_t limit = 20; limit < 120; limit++) {
		begin(&f.message, f.octets, limit, true);
		ipfix_message_add_template(&f.message, f.encoder);
		add_rows(&f);
		assert_in_range(ipfix_message_seal(&f.message, &header), 16, limit);
	}
	fixture_fini(&f);
}

static void test_longest_message(void **state)
{
	static uint8_t octets[70000];
	struct fixture f;
	fixture_init(&f, "interfaceName");
	char text[600];
	memset(text, 'y', sizeof text);
	for (unsigned i = 0; i < 200; i++) {
		records_row(f.batch);
		records_octets(f.batch, 0, text, sizeof text);
	}
	begin(&f.message, octets, sizeof octets, false);
	/* (65535 - 20) / 603 = 108 */
	assert_int_equal(add_rows(&f), 108);
	assert_int_equal(ipfix_message_seal(&f.message, &header), 20 + 108 * 603);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_template_and_data),
		cmocka_unit_test(test_value_types),
		cmocka_unit_test(test_variable_lengths),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_own_reverse),
		cmocka_unit_test(test_reverse_needs_an_endpoint),
		cmocka_unit_test(test_nothing_left),
		cmocka_unit_test(test_options_template),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limits_with_padding),
		cmocka_unit_test(test_longest_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

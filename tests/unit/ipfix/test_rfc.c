/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The examples of RFC 7011, appendix A, and what its text demands of reduced sizes (6.2), padding
 * (3.3.1) and withdrawals (8.1); lists after RFC 6313, section 8.1; our elements under another
 * enterprise. Octets are those of the RFCs or worked out from them by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "message_fixture.h"
#include "record/list.h"

static const struct ipfix_header header = { .time_ns = 0, .sequence = 0, .domain = 0 };

static void seal(struct fixture *f)
{
	ipfix_message_seal(&f->message, &header);
}

static const struct {
	const char *source, *destination, *hop;
	uint32_t packets, octets;
} flows[] = {
	{ "\xc0\x00\x02\x0c", "\xc0\x00\x02\xfe", "\xc0\x00\x02\x01", 5009, 5344385 },
	{ "\xc0\x00\x02\x1b", "\xc0\x00\x02\x17", "\xc0\x00\x02\x02", 748, 388934 },
	{ "\xc0\x00\x02\x38", "\xc0\x00\x02\x41", "\xc0\x00\x02\x03", 5, 6534 },
};

/* A.2.1 and A.3: five elements, the counters reduced to four octets; 28 and 64 octets of sets. */
static void test_example_of_ie(void **state)
{
	static struct fixture f;
	fixture_init(&f, "sourceIPv4Address,destinationIPv4Address,ipNextHopIPv4Address,"
	             "packetDeltaCount=4,octetDeltaCount=4");
	for (unsigned i = 0; i < 3; i++) {
		records_row(f.batch);
		records_octets(f.batch, 0, flows[i].source, 4);
		records_octets(f.batch, 1, flows[i].destination, 4);
		records_octets(f.batch, 2, flows[i].hop, 4);
		records_unsigned(f.batch, 3, flows[i].packets);
		records_unsigned(f.batch, 4, flows[i].octets);
	}
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_int_equal(add_rows(&f), 3);
	seal(&f);
	static const uint8_t expected[] = {
		0x00, 0x02, 0x00, 28, 0x01, 0x00, 0x00, 5,
		0, 8, 0, 4, 0, 12, 0, 4, 0, 15, 0, 4, 0, 2, 0, 4, 0, 1, 0, 4,
		0x01, 0x00, 0x00, 64,
		0xc0, 0, 2, 12, 0xc0, 0, 2, 254, 0xc0, 0, 2, 1, 0, 0, 0x13, 0x91, 0, 0x51, 0x8c, 0x81,
		0xc0, 0, 2, 27, 0xc0, 0, 2, 23, 0xc0, 0, 2, 2, 0, 0, 0x02, 0xec, 0, 0x05, 0xef, 0x46,
		0xc0, 0, 2, 56, 0xc0, 0, 2, 65, 0xc0, 0, 2, 3, 0, 0, 0x00, 0x05, 0, 0x00, 0x19, 0x86,
	};
	assert_int_equal(f.message.bytes, 16 + sizeof expected);
	assert_memory_equal(f.octets + 16, expected, sizeof expected);
	assert_int_equal(f.message.amount.packets, 5009 + 748 + 5);
	assert_int_equal(f.message.amount.octets, 5344385 + 388934 + 6534);
	fixture_fini(&f);
}

/* A.2.2: an element of an enterprise among them: the bit, and four octets more. */
static void test_example_of_enterprise(void **state)
{
	static const struct field own = { .name = "ownCount", .pen = PEN_WEIR_DEFAULT, .id = 15,
	                                  .type = TYPE_U32 };
	static struct fixture f;
	struct column_choice choices[] = {
		{ .field = field_by_id(0, 8) }, { .field = field_by_id(0, 12) }, { .field = &own },
		{ .field = field_by_id(0, 2), .cap_bytes = 4 },
		{ .field = field_by_id(0, 1), .cap_bytes = 4 },
	};
	struct schema *schema;
	assert_int_equal(schema_new(choices, 5, 0, 0, &schema), 0);
	f = (struct fixture){ .settings = { .template_id = 257, .pen = 0x00abcdef } };
	fixture_schema(&f, schema);
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	seal(&f);
	static const uint8_t expected[] = {
		0x00, 0x02, 0x00, 32, 0x01, 0x01, 0x00, 5,
		0, 8, 0, 4, 0, 12, 0, 4, 0x80, 15, 0, 4, 0x00, 0xab, 0xcd, 0xef, 0, 2, 0, 4, 0, 1, 0, 4,
	};
	assert_int_equal(f.message.bytes, 16 + sizeof expected);
	assert_memory_equal(f.octets + 16, expected, sizeof expected);
	fixture_fini(&f);
}

/* A.4.1 and A.4.4: options of a line card, counters reduced to two octets. The template set is
 * padded to 24 octets; records of 8 octets need none. */
static void test_example_of_options(void **state)
{
	static struct fixture f;
	f = (struct fixture){ .settings = { .template_id = 258 }, .form = { .pad = true } };
	fixture_schema(&f, records_schema("lineCardId,exportedMessageTotalCount=2,"
	                                  "exportedFlowRecordTotalCount=2", 1));
	static const unsigned values[2][3] = { { 1, 345, 10201 }, { 2, 690, 20402 } };
	for (unsigned i = 0; i < 2; i++) {
		records_row(f.batch);
		for (unsigned k = 0; k < 3; k++)
			records_unsigned(f.batch, k, values[i][k]);
	}
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_int_equal(add_rows(&f), 2);
	seal(&f);
	static const uint8_t expected[] = {
		0x00, 0x03, 0x00, 24, 0x01, 0x02, 0x00, 3, 0x00, 1,
		0, 141, 0, 4, 0, 41, 0, 2, 0, 42, 0, 2, 0, 0,
		0x01, 0x02, 0x00, 20,
		0, 0, 0, 1, 0x01, 0x59, 0x27, 0xd9, 0, 0, 0, 2, 0x02, 0xb2, 0x4f, 0xb2,
	};
	assert_int_equal(f.message.bytes, 16 + sizeof expected);
	assert_memory_equal(f.octets + 16, expected, sizeof expected);
	fixture_fini(&f);
}

/* 6.2: any integer in fewer octets, float64 as float32. What does not fit is the nearest that
 * does; the sign stays; of flags the low ones stay. */
static void test_reduced(void **state)
{
	static const struct field s32 = { .name = "s", .pen = 0, .id = 0x101, .type = TYPE_S32 };
	static const struct field flags = { .name = "f", .pen = 0, .id = 0x102, .type = TYPE_U16,
	                                    .semantics = SEMANTICS_FLAGS };
	static struct fixture f;
	struct column_choice choices[] = {
		{ .field = field_by_id(0, 1), .cap_bytes = 3 },
		{ .field = field_by_id(0, 10), .cap_bytes = 1 },
		{ .field = &s32, .cap_bytes = 2 }, { .field = &flags, .cap_bytes = 1 },
		{ .field = field_by_id(0, 311), .cap_bytes = 4 },
	};
	struct schema *schema;
	assert_int_equal(schema_new(choices, 5, 0, 0, &schema), 0);
	f = (struct fixture){ 0 };
	fixture_schema(&f, schema);
	static const struct { uint64_t octets, interface; int64_t s; unsigned flags; double p; }
	rows[] = {
		{ 0x123456, 255, -2, 0x0112, 0.125 },
		{ 0x1000000, 256, -40000, 0x0100, 1e-300 },
		{ UINT64_MAX, UINT32_MAX, 40000, 0xff, 1e300 },
	};
	for (unsigned i = 0; i < 3; i++) {
		records_row(f.batch);
		struct value_writer w = { f.batch, record_row(f.batch, i), 2 };
		records_unsigned(f.batch, 0, rows[i].octets);
		records_unsigned(f.batch, 1, rows[i].interface);
		value_write_signed(&w, rows[i].s);
		records_unsigned(f.batch, 3, rows[i].flags);
		w.column = 4;
		value_write_double(&w, rows[i].p);
	}
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_int_equal(add_rows(&f), 3);
	seal(&f);
	static const uint8_t expected[] = {
		0x00, 0x02, 0x00, 28, 0x01, 0x00, 0x00, 5,
		0, 1, 0, 3, 0, 10, 0, 1, 0x01, 0x01, 0, 2, 0x01, 0x02, 0, 1, 0x01, 0x37, 0, 4,
		0x01, 0x00, 0x00, 37,
		0x12, 0x34, 0x56, 0xff, 0xff, 0xfe, 0x12, 0x3e, 0, 0, 0,
		0xff, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0, 0, 0, 0,
		0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0x7f, 0x80, 0, 0,
	};
	assert_int_equal(f.message.bytes, 16 + sizeof expected);
	assert_memory_equal(f.octets + 16, expected, sizeof expected);
	fixture_fini(&f);
}

/* 8.1: id and no fields, in a set 2 or 3; several in one set; all of them by id 2 or 3. Data of the
 * template come before. */
static void test_withdrawals(void **state)
{
	static struct fixture f;
	fixture_init(&f, "protocolIdentifier");
	records_row(f.batch);
	records_unsigned(f.batch, 0, 6);
	assert_int_equal(add_rows(&f), 1);
	assert_true(ipfix_message_add_withdrawal(&f.message, 256, false));
	assert_true(ipfix_message_add_withdrawal(&f.message, 257, false));
	assert_true(ipfix_message_add_withdrawal(&f.message, 3, true));
	seal(&f);
	static const uint8_t expected[] = {
		0x01, 0x00, 0x00, 5, 6,
		0x00, 0x02, 0x00, 12, 0x01, 0x00, 0x00, 0x00, 0x01, 0x01, 0x00, 0x00,
		0x00, 0x03, 0x00, 8, 0x00, 0x03, 0x00, 0x00,
	};
	assert_int_equal(f.message.bytes, 16 + sizeof expected);
	assert_memory_equal(f.octets + 16, expected, sizeof expected);
	assert_int_equal(f.message.amount.records, 1);
	f.form.limit = 16 + 7;
	ipfix_message_begin(&f.message, f.octets, &f.form);
	assert_false(ipfix_message_add_withdrawal(&f.message, 256, false));
	assert_true(ipfix_message_is_empty(&f.message));
	f.form = (struct ipfix_form){ .format = FORMAT_NETFLOW9, .limit = 1000 };
	ipfix_message_begin(&f.message, f.octets, &f.form);
	assert_false(ipfix_message_add_withdrawal(&f.message, 256, false));
	fixture_fini(&f);
}

/* RFC 6313, section 8.1: a multicast packet to all of the interfaces 1, 4 and 8; the RFC has the
 * list's length in three octets, which RFC 7011 leaves to the exporter below 255. */
static void test_multicast_list(void **state)
{
	static struct fixture f;
	struct list_writer l;
	fixture_init(&f, "ingressInterface,sourceIPv4Address,destinationIPv4Address,basicList");
	records_row(f.batch);
	records_unsigned(f.batch, 0, 9);
	records_octets(f.batch, 1, "\xc0\x00\x02\xc9", 4);
	records_octets(f.batch, 2, "\xe9\xfc\x00\x01", 4);
	struct value_writer w = { f.batch, record_row(f.batch, 0), 3 };
	list_begin(&l, &w, field_by_id(0, 14), LIST_ALL_OF);
	list_add_unsigned(&l, 1);
	list_add_unsigned(&l, 4);
	list_add_unsigned(&l, 8);
	list_end(&l);
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_int_equal(add_rows(&f), 1);
	seal(&f);
	static const uint8_t expected[] = {
		0x00, 0x02, 0x00, 24, 0x01, 0x00, 0x00, 4,
		0, 10, 0, 4, 0, 8, 0, 4, 0, 12, 0, 4, 0x01, 0x23, 0xff, 0xff,
		0x01, 0x00, 0x00, 34, 0, 0, 0, 9, 0xc0, 0, 2, 201, 0xe9, 0xfc, 0, 1,
		17, 0x03, 0, 14, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 8,
	};
	assert_int_equal(f.message.bytes, 16 + sizeof expected);
	assert_memory_equal(f.octets + 16, expected, sizeof expected);
	fixture_fini(&f);
}

/* Our enterprise in templates, for the reverse too, and at the head of lists. */
static void test_pen(void **state)
{
	static const struct field own = { .name = "ownCount", .pen = PEN_WEIR_DEFAULT, .id = 0x0123,
	                                  .type = TYPE_U8 };
	struct column_choice choices[] = {
		{ .field = field_by_id(0, 7) }, { .field = &own }, { .field = &own, .reverse = true },
		{ .field = field_by_id(0, 291) },
	};
	static struct fixture f;
	struct schema *schema;
	struct list_writer l;
	assert_int_equal(schema_new(choices, 4, 0, 0, &schema), 0);
	f = (struct fixture){ .settings = { .pen = 55555 } };          /* 0xd903 */
	fixture_schema(&f, schema);
	records_row(f.batch);
	struct value_writer w = { f.batch, record_row(f.batch, 0), 3 };
	list_begin(&l, &w, &own, LIST_ORDERED);
	list_add_unsigned(&l, 6);
	list_end(&l);
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_int_equal(add_rows(&f), 1);
	seal(&f);
	static const uint8_t expected[] = {
		0x00, 0x02, 0x00, 32, 0x01, 0x00, 0x00, 4, 0, 7, 0, 2,
		0x81, 0x23, 0, 1, 0, 0, 0xd9, 0x03, 0xc1, 0x23, 0, 1, 0, 0, 0xd9, 0x03,
		0x01, 0x23, 0xff, 0xff,
		0x01, 0x00, 0x00, 19, 0, 0, 0, 0, 10, 0x04, 0x81, 0x23, 0, 1, 0, 0, 0xd9, 0x03, 6,
	};
	assert_int_equal(f.message.bytes, 16 + sizeof expected);
	assert_memory_equal(f.octets + 16, expected, sizeof expected);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example_of_ie), cmocka_unit_test(test_example_of_enterprise),
		cmocka_unit_test(test_example_of_options), cmocka_unit_test(test_reduced),
		cmocka_unit_test(test_withdrawals), cmocka_unit_test(test_multicast_list),
		cmocka_unit_test(test_pen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

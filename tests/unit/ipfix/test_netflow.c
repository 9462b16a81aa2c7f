/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetFlow v9 and v5 octet by octet, worked out by hand: v9 from RFC 3954 (section 5.1 header, 5.2
 * templates, 5.3 data, 6.1 options templates), v5 from its fixed layout.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "message_fixture.h"

/* Export at 1700000000.25 s (0x6553f100); boot 2000 s before the whole second. */
static const struct ipfix_header header = {
	.time_ns = UINT64_C(1700000000250000000), .sequence = 0x01020304, .domain = 0x0a05,
	.sampling = 0x4064,
};
#define BOOT_MS UINT64_C(1699998000000)

static void init(struct fixture *f, enum ipfix_format format, bool uptime, const char *names,
                 unsigned scope_count)
{
	*f = (struct fixture){ .settings = { .format = format, .uptime = uptime },
	                       .form = { .boot_ms = BOOT_MS, .pad = true } };
	fixture_schema(f, records_schema(names, scope_count));
}

/* v9 tells the second after the export, 1700000001, which is 2001000 ms (0x1e8868) after the boot:
 * boot = 1700000001000 - 2001000. Template FlowSet id 0. Three records of 27 octets and 3 of
 * padding: 4 + 81 + 3 = 88. Count: one template record and three data records. */
static void test_netflow9(void **state)
{
	static struct fixture f;
	init(&f, FORMAT_NETFLOW9, true, "flowStartMilliseconds,flowEndMilliseconds,sourceIPv4Address,"
	     "octetDeltaCount,packetDeltaCount=4,vlanId,protocolIdentifier,reverseOctetDeltaCount,"
	     "interfaceName=8,flowDirectionBasis", 0);
	records_row(f.batch);
	records_unsigned(f.batch, 0, BOOT_MS + 1);
	records_unsigned(f.batch, 1, BOOT_MS + 0x10000);
	records_octets(f.batch, 2, "\xc0\x00\x02\x01", 4);
	records_unsigned(f.batch, 3, UINT64_C(0x0102030405060708));
	records_unsigned(f.batch, 4, 0xffffffff);
	records_unsigned(f.batch, 5, 7);
	records_unsigned(f.batch, 6, 17);
	records_row(f.batch);
	records_unsigned(f.batch, 0, BOOT_MS - 1);
	records_unsigned(f.batch, 1, BOOT_MS + (UINT64_C(1) << 32));
	records_unsigned(f.batch, 4, UINT64_C(1) << 32);
	records_row(f.batch);
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_int_equal(add_rows(&f), 3);
	assert_int_equal(f.message.amount.packets, UINT64_C(0x1ffffffff));
	assert_int_equal(f.message.amount.octets, UINT64_C(0x0102030405060708));
	static const uint8_t expected[] = {
		0x00, 0x09, 0x00, 4, 0x00, 0x1e, 0x88, 0x68, 0x65, 0x53, 0xf1, 0x01,
		0x01, 0x02, 0x03, 0x04, 0x00, 0x00, 0x0a, 0x05,
		0x00, 0x00, 0x00, 36, 0x01, 0x00, 0x00, 7,
		0, 22, 0, 4, 0, 21, 0, 4, 0, 8, 0, 4, 0, 1, 0, 8, 0, 2, 0, 4, 0, 58, 0, 2, 0, 4, 0, 1,
		0x01, 0x00, 0x00, 88,
		0, 0, 0, 1, 0, 1, 0, 0, 0xc0, 0, 2, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff, 0xff, 0xff,
		0, 7, 17,
		0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0xff, 0xff, 0xff, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0,
	};
	check_octets(&f, &header, expected, sizeof expected);
	assert_non_null(strstr(f.encoder->note, "reverseOctetDeltaCount (NetFlow v9 has one"));
	assert_non_null(strstr(f.encoder->note, "interfaceName (NetFlow v9 has no variable length)"));
	assert_non_null(strstr(f.encoder->note, "flowDirectionBasis (NetFlow v9 has no elements of"));
	fixture_fini(&f);
}

/* Without `uptime` times are the elements 152 and 153, as IPFIX has them. */
static void test_netflow9_absolute_times(void **state)
{
	static struct fixture f;
	init(&f, FORMAT_NETFLOW9, false, "flowStartMilliseconds", 0);
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	static const uint8_t expected[] = { 0, 0, 0, 12, 1, 0, 0, 1, 0, 152, 0, 8 };
	ipfix_message_seal(&f.message, &header);
	assert_memory_equal(f.octets + 20, expected, sizeof expected);
	fixture_fini(&f);
}

/* Options templates: FlowSet id 1; octets of scope fields, octets of option fields. An interface
 * is a scope of its own (2), everything else speaks of the system (1), which has no value here.
 * Names have a fixed length, filled up with zeros. 4 + 6 + 12 + 2 of padding; records of 4 + 8. */
static void test_netflow9_interfaces(void **state)
{
	static struct fixture f;
	init(&f, FORMAT_NETFLOW9, true, "ingressInterface,interfaceName=5,interfaceDescription=3", 1);
	records_row(f.batch);
	records_unsigned(f.batch, 0, 2);
	records_text(f.batch, 1, "eth0");
	records_text(f.batch, 2, "uplink");
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_int_equal(add_rows(&f), 1);
	static const uint8_t expected[] = {
		0x00, 0x09, 0x00, 2, 0x00, 0x1e, 0x88, 0x68, 0x65, 0x53, 0xf1, 0x01,
		0x01, 0x02, 0x03, 0x04, 0x00, 0x00, 0x0a, 0x05,
		0x00, 0x01, 0x00, 24, 0x01, 0x00, 0x00, 4, 0x00, 8,
		0, 2, 0, 4, 0, 82, 0, 5, 0, 83, 0, 3, 0, 0,
		0x01, 0x00, 0x00, 16, 0, 0, 0, 2, 'e', 't', 'h', '0', 0, 'u', 'p', 'l',
	};
	check_octets(&f, &header, expected, sizeof expected);
	fixture_fini(&f);
}

static void test_netflow9_system(void **state)
{
	static struct fixture f;
	init(&f, FORMAT_NETFLOW9, true,
	     "observationDomainId,exportedMessageTotalCount=4,exportedFlowRecordTotalCount=4", 1);
	records_row(f.batch);
	records_unsigned(f.batch, 0, 9);
	records_unsigned(f.batch, 1, 3);
	records_unsigned(f.batch, 2, 0x1234);
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	assert_int_equal(add_rows(&f), 1);
	static const uint8_t expected[] = {
		0x00, 0x01, 0x00, 24, 0x01, 0x00, 0x00, 4, 0x00, 8,
		0, 1, 0, 4, 0, 41, 0, 4, 0, 42, 0, 4, 0, 0,
		0x01, 0x00, 0x00, 16, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0x12, 0x34,
	};
	assert_int_equal(ipfix_message_seal(&f.message, &header), 20 + sizeof expected);
	assert_memory_equal(f.octets + 20, expected, sizeof expected);
	assert_string_equal(f.encoder->note, "");
	fixture_fini(&f);
}

/* v5 tells nanoseconds: 250000000 = 0x0ee6b280, and 2000250 ms (0x1e857a) since the boot. */
#define V5_FIELDS "flowStartMilliseconds,flowEndMilliseconds,sourceIPv4Address," \
	"destinationIPv4Address,ipNextHopIPv4Address,ingressInterface,egressInterface," \
	"packetDeltaCount,octetDeltaCount,sourceTransportPort,destinationTransportPort," \
	"icmpTypeCodeIPv4,tcpControlBits,protocolIdentifier,ipClassOfService," \
	"sourceIPv4PrefixLength,destinationIPv4PrefixLength,vlanId"

static void test_netflow5(void **state)
{
	static struct fixture f;
	init(&f, FORMAT_NETFLOW5, false, V5_FIELDS, 0);
	records_row(f.batch);
	records_unsigned(f.batch, 0, BOOT_MS + 0x01020304);
	records_unsigned(f.batch, 1, BOOT_MS + 0x01020305);
	records_octets(f.batch, 2, "\xc0\x00\x02\x01", 4);
	records_octets(f.batch, 3, "\xc6\x33\x64\x02", 4);
	records_octets(f.batch, 4, "\xcb\x00\x71\x03", 4);
	records_unsigned(f.batch, 5, 0x0102);
	records_unsigned(f.batch, 6, 0x10000);
	records_unsigned(f.batch, 7, 0x0a0b0c0d);
	records_unsigned(f.batch, 8, UINT64_C(0x100000000));
	records_unsigned(f.batch, 9, 40000);
	records_unsigned(f.batch, 10, 443);
	records_unsigned(f.batch, 12, 0x0112);
	records_unsigned(f.batch, 13, 6);
	records_unsigned(f.batch, 14, 0xb8);
	records_unsigned(f.batch, 15, 24);
	records_unsigned(f.batch, 16, 16);
	records_unsigned(f.batch, 17, 99);
	records_row(f.batch);
	records_unsigned(f.batch, 11, 0x0800);
	records_unsigned(f.batch, 13, 1);
	assert_true(ipfix_message_add_template(&f.message, f.encoder));
	memset(f.octets, 0xee, sizeof f.octets);
	assert_int_equal(add_rows(&f), 2);
	static const uint8_t expected[] = {
		0x00, 0x05, 0x00, 2, 0x00, 0x1e, 0x85, 0x7a, 0x65, 0x53, 0xf1, 0x00,
		0x0e, 0xe6, 0xb2, 0x80, 0x01, 0x02, 0x03, 0x04, 0x0a, 0x05, 0x40, 0x64,
		0xc0, 0, 2, 1, 0xc6, 0x33, 0x64, 2, 0xcb, 0, 0x71, 3, 0x01, 0x02, 0xff, 0xff,
		0x0a, 0x0b, 0x0c, 0x0d, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 1, 2, 3, 5,
		0x9c, 0x40, 0x01, 0xbb, 0, 0x12, 6, 0xb8, 0, 0, 0, 0, 24, 16, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0x08, 0x00, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	};
	check_octets(&f, &header, expected, sizeof expected);
	assert_int_equal(f.message.amount.octets, UINT64_C(0x100000000));
	fixture_fini(&f);
}

/* Prefixes of a coarser key stand where addresses do. */
static void test_netflow5_prefixes(void **state)
{
	static struct fixture f;
	init(&f, FORMAT_NETFLOW5, false, "sourceIPv4Prefix,destinationIPv4Prefix", 0);
	records_row(f.batch);
	records_octets(f.batch, 0, "\x0a\x00\x00\x00", 4);
	records_octets(f.batch, 1, "\x0b\x00\x00\x00", 4);
	assert_int_equal(add_rows(&f), 1);
	assert_memory_equal(f.octets + 24, "\x0a\0\0\0\x0b\0\0\0", 8);
	fixture_fini(&f);
}

/* At most 30 records, and no more than fit the limit. */
static void test_netflow5_full(void **state)
{
	static struct fixture f;
	init(&f, FORMAT_NETFLOW5, false, V5_FIELDS, 0);
	for (unsigned i = 0; i < 100; i++)
		records_row(f.batch);
	assert_int_equal(add_rows(&f), 30);
	assert_int_equal(add_rows(&f), 0);
	assert_int_equal(ipfix_message_seal(&f.message, &header), 24 + 30 * 48);
	f.form.limit = 24 + 3 * 48 + 47;
	ipfix_message_begin(&f.message, f.octets, &f.form);
	assert_int_equal(add_rows(&f), 3);
	assert_int_equal(f.octets[23], 0x64);
	fixture_fini(&f);
}

static void test_nothing_for_them(void **state)
{
	struct schema *schema = records_schema("flowDirectionBasis,vlanId=1", 0);
	struct ipfix_encoder_settings settings = { .format = FORMAT_NETFLOW5 };
	struct ipfix_encoder *encoder = NULL;
	struct error err = { "" };
	assert_int_equal(ipfix_encoder_new(schema, &settings, &encoder, &err), -22);
	assert_non_null(strstr(err.text, "NetFlow v5"));
	settings.format = FORMAT_NETFLOW9;
	assert_int_equal(ipfix_encoder_new(schema, &settings, &encoder, &err), 0);
	assert_int_equal(encoder->step_count, 1);
	ipfix_encoder_free(encoder);
	schema_free(schema);
}

static void test_times(void **state)
{
	static struct fixture f;
	uint64_t earliest = 0, latest = 0;
	init(&f, FORMAT_NETFLOW5, false, "flowEndMilliseconds,flowStartMilliseconds,vlanId", 0);
	struct ipfix_rows rows = { .batch = f.batch };
	for (unsigned i = 0; i < 3; i++) {
		records_row(f.batch);
		records_unsigned(f.batch, 0, i == 1 ? 0 : 2000 + i);
		records_unsigned(f.batch, 1, i == 1 ? 0 : 1000 - i);
	}
	rows.count = 3;
	assert_true(ipfix_encoder_times(f.encoder, &rows, &earliest, &latest));
	assert_int_equal(earliest, 998);
	assert_int_equal(latest, 2002);
	rows.first = rows.count = 1;
	assert_false(ipfix_encoder_times(f.encoder, &rows, &earliest, &latest));
	fixture_fini(&f);
	init(&f, FORMAT_NETFLOW9, false, "flowEndMilliseconds", 0);
	records_row(f.batch);
	records_unsigned(f.batch, 0, 1);
	rows = (struct ipfix_rows){ .batch = f.batch, .count = 1 };
	assert_false(ipfix_encoder_times(f.encoder, &rows, &earliest, &latest));
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_netflow9), cmocka_unit_test(test_netflow9_absolute_times),
		cmocka_unit_test(test_netflow9_interfaces), cmocka_unit_test(test_netflow9_system),
		cmocka_unit_test(test_netflow5), cmocka_unit_test(test_netflow5_prefixes),
		cmocka_unit_test(test_netflow5_full), cmocka_unit_test(test_nothing_for_them),
		cmocka_unit_test(test_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Common properties, octet by octet after RFC 5473: an options template whose scope is the
 * commonPropertiesId (137), its records, and data records that have the id in the place of the
 * properties. What is told when, and what happens without room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "kept.h"
#include "../ipfix/records.h"

struct fixture {
	struct export_session session;
	struct schema *schema;
	struct kept kept;
};

static void init(struct fixture *f, const char *fields)
{
	struct export_session_config config = {
		.common = true, .withdraws = true, .message_bytes = MESSAGE_BYTES, .domain = 1,
		.template_refresh_ns = 600 * SECOND_NS, .hold_ns = SECOND_NS / 2,
	};
	memset(f, 0, sizeof *f);
	struct export_sender sender = kept_start(&f->kept, &config);
	f->schema = records_schema(fields, 0);
	assert_int_equal(export_session_init(&f->session, &config, &sender, NULL), 0);
	assert_int_equal(export_session_schema(&f->session, f->schema, NULL, NULL), 0);
}

static void fini(struct fixture *f)
{
	export_session_fini(&f->session);
	schema_free(f->schema);
}

/* Rows of (protocol, port, VLAN). */
static void write_rows(struct fixture *f, const unsigned (*rows)[3], unsigned count)
{
	struct record_batch *batch = record_batch_new(f->schema, count);
	for (unsigned i = 0; i < count; i++) {
		records_row(batch);
		for (unsigned k = 0; k < 3; k++)
			records_unsigned(batch, k, rows[i][k]);
	}
	assert_int_equal(export_session_write(&f->session, batch, NULL), 0);
	record_batch_release(batch);
}

#define FIELDS "protocolIdentifier,sourceTransportPort,vlanId"

/*
 * Templates: 256 with all fields; 65534 with the id and the port; options 65535 with the id as
 * scope, protocol and VLAN. Then both properties: id 1 is (6, 100), id 2 is (17, 200). In the next
 * message the records: ids 1, 2, 1 and the ports.
 */
static void test_octets(void **state)
{
	static struct fixture f;
	static const unsigned rows[][3] = { { 6, 1000, 100 }, { 17, 53, 200 }, { 6, 1001, 100 } };
	init(&f, FIELDS);
	write_rows(&f, rows, 3);
	assert_int_equal(export_session_flush(&f.session, NULL), 0);
	static const uint8_t first[] = {
		0x00, 0x02, 0x00, 32, 1, 0, 0, 3, 0, 4, 0, 1, 0, 7, 0, 2, 0, 58, 0, 2,
		0xff, 0xfe, 0, 2, 0, 137, 0, 2, 0, 7, 0, 2,
		0x00, 0x03, 0x00, 22, 0xff, 0xff, 0, 3, 0, 1, 0, 137, 0, 2, 0, 4, 0, 1, 0, 58, 0, 2,
		0xff, 0xff, 0x00, 14, 0, 1, 6, 0, 100, 0, 2, 17, 0, 200,
	};
	static const uint8_t second[] = {
		0xff, 0xfe, 0x00, 16, 0, 1, 0x03, 0xe8, 0, 2, 0, 53, 0, 1, 0x03, 0xe9,
	};
	assert_int_equal(f.kept.count, 2);
	assert_int_equal(f.kept.bytes[0], 16 + sizeof first);
	assert_memory_equal(f.kept.octets[0] + 16, first, sizeof first);
	assert_int_equal(f.kept.bytes[1], 16 + sizeof second);
	assert_memory_equal(f.kept.octets[1] + 16, second, sizeof second);
	assert_int_equal(load_be32(f.kept.octets[1] + 8), 2);   /* the properties are data records */
	assert_int_equal(f.session.counters.sent, 3);
	/* Saved 1 of 5 octets three times; told for 14 octets, templates of 22 and 12. */
	assert_int_equal(export_session_saved(&f.session), 3 * 1 - 14 - 22 - 12);
	fini(&f);
}

/* New properties are told before the records that need them, and known ones only once. */
static void test_told_once(void **state)
{
	static struct fixture f;
	static const unsigned first[][3] = { { 6, 1, 100 } }, second[][3] = { { 6, 2, 100 } },
	                      third[][3] = { { 6, 3, 101 } };
	init(&f, FIELDS);
	write_rows(&f, first, 1);
	export_session_flush(&f.session, NULL);
	f.kept.count = 0;
	write_rows(&f, second, 1);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.kept.count, 1);
	write_rows(&f, third, 1);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.kept.count, 3);
	static const uint8_t told[] = { 0xff, 0xff, 0x00, 9, 0, 2, 6, 0, 101 };
	assert_int_equal(f.kept.bytes[1], 16 + sizeof told);
	assert_memory_equal(f.kept.octets[1] + 16, told, sizeof told);
	assert_memory_equal(f.kept.octets[2] + 16, "\xff\xfe\0\x08\0\2\0\3", 8);
	fini(&f);
}

/* All of them again in a new transport session, when some were lost, and after a time. */
static void test_told_again(void **state)
{
	static struct fixture f;
	static const unsigned rows[][3] = { { 6, 1, 100 }, { 6, 2, 101 } };
	static const uint8_t told[] = { 0xff, 0xff, 0x00, 14, 0, 1, 6, 0, 100, 0, 2, 6, 0, 101 };
	uint64_t next_ns;
	init(&f, FIELDS);
	f.kept.losing = true;
	write_rows(&f, rows, 2);
	export_session_flush(&f.session, NULL);
	f.kept.losing = false;
	for (unsigned i = 0; i < 3; i++) {
		if (i == 1)
			export_session_restart(&f.session);
		f.kept.now_ns += i == 2 ? 600 * SECOND_NS : 0;
		f.kept.count = 0;
		export_session_tick(&f.session, f.kept.now_ns, &next_ns, NULL);
		write_rows(&f, rows + 1, 1);
		export_session_flush(&f.session, NULL);
		assert_int_equal(f.kept.count, 2);
		assert_memory_equal(f.kept.octets[0] + f.kept.bytes[0] - sizeof told, told, sizeof told);
		assert_memory_equal(f.kept.octets[1] + 16, "\xff\xfe\0\x08\0\2\0\2", 8);
	}
	fini(&f);
}

/* Ids are of the domain: a second schema goes on counting. */
static void test_ids_are_shared(void **state)
{
	static struct fixture f;
	static const unsigned rows[][3] = { { 6, 1, 100 } };
	init(&f, FIELDS);
	struct schema *other = records_schema("vlanId,dot1qCustomerVlanId,octetDeltaCount", 0);
	assert_int_equal(export_session_schema(&f.session, other, NULL, NULL), 0);
	write_rows(&f, rows, 1);
	struct record_batch *batch = record_batch_new(other, 1);
	records_row(batch);
	assert_int_equal(export_session_write(&f.session, batch, NULL), 0);
	record_batch_release(batch);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.kept.count, 3);
	assert_memory_equal(f.kept.octets[1] + 16, "\xff\xfe\0\x08\0\1\0\1", 8);
	assert_memory_equal(f.kept.octets[2] + 16, "\xff\xfc\0\x0e\0\2\0\0\0\0\0\0\0\0", 14);
	fini(&f);
	schema_free(other);
}

/* Behind 1,024 combinations records go out whole; each record once. */
static void test_no_room(void **state)
{
	static struct fixture f;
	static unsigned rows[1100][3];
	for (unsigned i = 0; i < 1100; i++)
		rows[i][0] = 6, rows[i][1] = i, rows[i][2] = i;
	init(&f, FIELDS);
	write_rows(&f, rows, 1100);
	write_rows(&f, rows, 1100);
	export_session_flush(&f.session, NULL);
	unsigned whole = 0, reduced = 0, told = 0;
	for (unsigned i = 0; i < f.kept.count; i++)
		for (uint32_t at = 16; at < f.kept.bytes[i]; at += load_be16(f.kept.octets[i] + at + 2)) {
			const uint8_t *set = f.kept.octets[i] + at;
			unsigned id = load_be16(set), octets = load_be16(set + 2) - 4;
			whole += id == 256 ? octets / 5 : 0;
			reduced += id == 65534 ? octets / 4 : 0;
			told += id == 65535 ? octets / 5 : 0;
		}
	assert_int_equal(told, 1024);
	assert_int_equal(reduced, 2 * 1024);
	assert_int_equal(whole, 2 * 76);
	assert_int_equal(f.session.counters.sent, 2200);
	fini(&f);
}

/* Where nothing would be saved, there is nothing but the template. Withdrawals take all three. */
static void test_template_alone_and_withdrawal(void **state)
{
	static struct fixture f;
	init(&f, "octetDeltaCount,vlanId");
	export_session_announce(&f.session, NULL);
	assert_int_equal(f.kept.bytes[0], 16 + 16);
	fini(&f);
	init(&f, FIELDS);
	export_session_announce(&f.session, NULL);
	f.kept.count = 0;
	assert_int_equal(export_session_withdraw(&f.session, f.schema, NULL), 0);
	assert_int_equal(f.kept.count, 3);
	assert_memory_equal(f.kept.octets[0] + 16, "\0\2\0\x08\xff\xfe\0\0", 8);
	assert_memory_equal(f.kept.octets[1] + 16, "\0\3\0\x08\xff\xff\0\0", 8);
	assert_memory_equal(f.kept.octets[2] + 16, "\0\2\0\x08\1\0\0\0", 8);
	fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_octets), cmocka_unit_test(test_told_once),
		cmocka_unit_test(test_told_again), cmocka_unit_test(test_ids_are_shared),
		cmocka_unit_test(test_no_room), cmocka_unit_test(test_template_alone_and_withdrawal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

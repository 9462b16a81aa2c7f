/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options data of a session, octet by octet after RFC 7011, sections 4.1, 4.3 and 4.4, and RFC
 * 5610; what the metering process gives; when they go out, and that sequence numbers count them.
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
	struct output_env env;
	struct schema *schema, *given;          /* given: of the metering process's options */
	struct kept kept;
};

/* The metering process's: one row, whose domain it leaves to the session. */
static unsigned fixture_options(void *context, struct record_batch *ret[], unsigned room)
{
	struct fixture *f = context;
	assert_true(room > 0);
	if (!f->given)
		return 0;
	ret[0] = record_batch_new(f->given, 1);
	records_row(ret[0]);
	records_unsigned(ret[0], 1, 0x0102030405060708);
	return 1;
}

/* The schema is of metering process 2, its ports and addresses are keys. */
static void init(struct fixture *f, struct export_session_config config, const char *fields)
{
	memset(f, 0, sizeof *f);
	struct export_sender sender = kept_start(&f->kept, &config);
	f->env = (struct output_env){ .options = fixture_options, .options_context = f };
	config.env = &f->env;
	config.message_bytes = config.message_bytes ? config.message_bytes : MESSAGE_BYTES;
	config.domain = 7;
	config.options_refresh_ns = 60 * SECOND_NS;
	f->schema = records_schema(fields, 0);
	f->schema->process = 2;
	for (unsigned i = 0; i < f->schema->column_count; i++)
		f->schema->column[i].key = f->schema->column[i].field->type == TYPE_IPV4 ||
		                           f->schema->column[i].field->id == 4;
	assert_int_equal(export_session_init(&f->session, &config, &sender, NULL), 0);
	assert_int_equal(export_session_schema(&f->session, f->schema, NULL, NULL), 0);
}

static void fini(struct fixture *f)
{
	export_session_fini(&f->session);
	schema_free(f->schema);
	schema_free(f->given);
}

static void write_rows(struct fixture *f, unsigned count)
{
	struct record_batch *batch = record_batch_new(f->schema, count);
	for (unsigned i = 0; i < count; i++) {
		records_row(batch);
		for (unsigned k = 0; k < f->schema->column_count; k++)
			if (!f->schema->column[k].reverse && f->schema->column[k].field->type == TYPE_U64)
				records_unsigned(batch, k, 100 + i);
	}
	export_session_write(&f->session, batch, NULL);
	record_batch_release(batch);
}

static void tick(struct fixture *f, uint64_t *ret_next_ns)
{
	uint64_t next_ns;
	assert_int_equal(export_session_tick(&f->session, f->kept.now_ns,
	                                     ret_next_ns ? ret_next_ns : &next_ns, NULL), 0);
}

/*
 * The first message: template 256; options templates 257 to 259, then their data. Nothing was sent
 * yet, nothing lost. Fields of 256: protocol (key), address (key), octets, address (key): bits 0, 1
 * and 3 = 0x0b. Options templates: 6 + 5 * 4 = 26, 6 + 6 * 4 = 30, 6 + 2 * 4 = 14, each in a set.
 */
static void test_first_message(void **state)
{
	static struct fixture f;
	init(&f, (struct export_session_config){ 0 },
	     "protocolIdentifier,sourceIPv4Address,octetDeltaCount,destinationIPv4Address");
	tick(&f, NULL);
	static const uint8_t expected[] = {
		0x00, 0x02, 0x00, 24, 1, 0, 0, 4, 0, 4, 0, 1, 0, 8, 0, 4, 0, 1, 0, 8, 0, 12, 0, 4,
		0x00, 0x03, 0x00, 30,
		1, 1, 0, 5, 0, 2, 0, 149, 0, 4, 0, 143, 0, 4, 0, 41, 0, 8, 0, 42, 0, 8, 0, 40, 0, 8,
		0x00, 0x03, 0x00, 34,
		1, 2, 0, 6, 0, 1, 0, 144, 0, 4, 0, 166, 0, 8, 0, 167, 0, 8, 0, 168, 0, 8,
		1, 67, 0, 8, 1, 67, 0, 8,
		0x00, 0x03, 0x00, 18, 1, 3, 0, 2, 0, 1, 0, 145, 0, 2, 0, 173, 0, 8,
		1, 1, 0, 36, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		1, 2, 0, 48, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		1, 3, 0, 14, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b,
	};
	assert_int_equal(f.kept.count, 1);
	assert_int_equal(f.kept.bytes[0], 16 + sizeof expected);
	assert_memory_equal(f.kept.octets[0] + 16, expected, sizeof expected);
	assert_int_equal(load_be32(f.kept.octets[0] + 8), 0);
	fini(&f);
}

/* Options data are data records: the sequence counts them, the account of flow records does not. */
static void test_sequence_and_account(void **state)
{
	static struct fixture f;
	init(&f, (struct export_session_config){ 0 }, "octetDeltaCount,protocolIdentifier");
	write_rows(&f, 5);
	assert_int_equal(export_session_flush(&f.session, NULL), 0);
	assert_int_equal(f.kept.count, 2);
	assert_int_equal(load_be32(f.kept.octets[1] + 8), 3);        /* statistics, reliability, keys */
	assert_int_equal(export_session_finish(&f.session, NULL), 0);
	assert_int_equal(f.kept.count, 3);
	assert_int_equal(load_be32(f.kept.octets[2] + 8), 3 + 5);
	assert_int_equal(f.session.counters.taken, 5);
	assert_int_equal(f.session.counters.sent, 5);
	fini(&f);
}

/* At the end the figures are those of what went before: two messages, five records, their octets.
 * The template is known, so the message has data alone. */
static void test_statistics(void **state)
{
	static struct fixture f;
	init(&f, (struct export_session_config){ 0 }, "octetDeltaCount,protocolIdentifier");
	write_rows(&f, 5);
	assert_int_equal(export_session_finish(&f.session, NULL), 0);
	const uint8_t *at = f.kept.octets[2] + 16;
	assert_memory_equal(at, "\1\1\0\x24\0\0\0\7\0\0\0\2", 12);
	assert_int_equal(load_be64(at + 12), 2);
	assert_int_equal(load_be64(at + 20), 5);
	assert_int_equal(load_be64(at + 28), f.kept.bytes[0] + f.kept.bytes[1]);
	fini(&f);
}

/* Lost by the sender, too large (none here), and dropped ahead: records, packets, octets, and when
 * the first and the last were. */
static void test_reliability(void **state)
{
	static struct fixture f;
	init(&f, (struct export_session_config){ 0 }, "octetDeltaCount,packetDeltaCount");
	struct output_missed missed = { .amount = { 10, 20, 30 }, .first_ns = 5 * SECOND_NS,
	                                .last_ns = 6 * SECOND_NS };
	export_session_missed(&f.session, &missed);
	tick(&f, NULL);
	assert_int_equal(load_be32(f.kept.octets[0] + 8), 10);       /* the gap shows at once */
	f.kept.losing = true;
	write_rows(&f, 2);
	export_session_flush(&f.session, NULL);
	f.kept.losing = false;
	f.kept.count = 0;
	export_session_finish(&f.session, NULL);
	const uint8_t *at = f.kept.octets[0] + 16;
	while (load_be16(at) != 258)
		at += load_be16(at + 2);
	assert_int_equal(load_be64(at + 8), 12);
	assert_int_equal(load_be64(at + 16), 20 + 100 + 101);
	assert_int_equal(load_be64(at + 24), 30 + 100 + 101);
	assert_int_equal(load_be64(at + 32), 5000);
	assert_int_equal(load_be64(at + 40), 1700000000000);
	fini(&f);
}

/* RFC 5610: enterprise and element are the scope. Our flowDirectionBasis: unsigned8 (1),
 * identifier (4), no units. IANA's elements and their reverse are not told. */
static void test_types(void **state)
{
	static struct fixture f;
	init(&f, (struct export_session_config){ .pen = 55555 },
	     "sourceIPv4Address,reverseOctetDeltaCount,flowDirectionBasis");
	tick(&f, NULL);
	const uint8_t *at = f.kept.octets[0] + 16, *end = f.kept.octets[0] + f.kept.bytes[0];
	while (at < end && load_be16(at) != 260)
		at += load_be16(at + 2);
	assert_true(at < end);
	static const uint8_t head[] = { 0, 0, 0xd9, 0x03, 0, 1, 1, 4, 0, 0, 18 };
	assert_memory_equal(at + 4, head, sizeof head);
	assert_memory_equal(at + 4 + sizeof head, "flowDirectionBasis", 18);
	const struct field *field = field_find("flowDirectionBasis", 18, NULL);
	size_t length = strlen(field->text);
	assert_int_equal(load_be16(at + 2), 4 + sizeof head + 18 + 1 + length);
	assert_memory_equal(at + 4 + sizeof head + 19, field->text, length);
	fini(&f);
}

/* What the metering process gives comes behind, with the session's domain; an unknown schema
 * brings its template, later too. */
static void test_given(void **state)
{
	static struct fixture f;
	init(&f, (struct export_session_config){ 0 }, "octetDeltaCount");
	tick(&f, NULL);
	uint32_t sequence = 2;          /* statistics, reliability; no keys */
	f.given = records_schema("observationDomainId,ignoredPacketTotalCount", 1);
	f.kept.now_ns += 60 * SECOND_NS;
	tick(&f, NULL);
	assert_int_equal(f.kept.count, 2);
	assert_int_equal(load_be32(f.kept.octets[1] + 8), sequence);
	static const uint8_t last[] = { 1, 3, 0, 16, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t template[] = { 1, 3, 0, 2, 0, 1, 0, 149, 0, 4, 0, 164, 0, 8 };
	const uint8_t *o = f.kept.octets[1];
	assert_memory_equal(o + f.kept.bytes[1] - sizeof last, last, sizeof last);
	assert_int_equal(load_be16(o + 16), 2);         /* all templates once more */
	const uint8_t *options = o + 16 + load_be16(o + 18);    /* two that are known, then this */
	options += load_be16(options + 2);
	options += load_be16(options + 2);
	assert_memory_equal(options + 4, template, sizeof template);
	f.kept.now_ns += 60 * SECOND_NS;
	tick(&f, NULL);
	assert_int_equal(f.kept.count, 3);
	assert_int_equal(load_be16(f.kept.octets[2] + 16), 257);     /* data alone */
	fini(&f);
}

/* Again after a minute, with templates whenever those go out, and not in between. */
static void test_again(void **state)
{
	static struct fixture f;
	uint64_t next_ns = 0;
	init(&f, (struct export_session_config){ .template_refresh_ns = 90 * SECOND_NS },
	     "octetDeltaCount");
	tick(&f, &next_ns);
	assert_int_equal(next_ns, f.kept.now_ns + 60 * SECOND_NS);
	f.kept.now_ns += 59 * SECOND_NS;
	tick(&f, NULL);
	assert_int_equal(f.kept.count, 1);
	f.kept.now_ns += SECOND_NS;
	tick(&f, NULL);
	assert_int_equal(f.kept.count, 2);
	assert_int_equal(load_be16(f.kept.octets[1] + 16), 257);
	f.kept.now_ns += 30 * SECOND_NS;
	tick(&f, &next_ns);
	assert_int_equal(f.kept.count, 3);
	assert_int_equal(load_be16(f.kept.octets[2] + 16), 2);
	assert_int_equal(next_ns, f.kept.now_ns + 60 * SECOND_NS);
	fini(&f);
}

/* Small messages: templates and rows go on in the next one, each within the limit; what fits none
 * is left out. */
static void test_small_messages(void **state)
{
	static struct fixture f;
	init(&f, (struct export_session_config){ .message_bytes = 64 }, "octetDeltaCount");
	tick(&f, NULL);
	assert_true(f.kept.count > 2);
	uint32_t sequence = 0;
	for (unsigned i = 0; i < f.kept.count; i++) {
		assert_true(f.kept.bytes[i] <= 64);
		assert_int_equal(load_be32(f.kept.octets[i] + 8), sequence);
		sequence += load_be16(f.kept.octets[i] + 16) >= 256;
	}
	fini(&f);
	init(&f, (struct export_session_config){ .message_bytes = 40 }, "octetDeltaCount");
	tick(&f, NULL);                 /* 30 octets of a template do not fit 20 */
	assert_int_equal(f.kept.count, 1);
	fini(&f);
}

/* Lost options templates go again with the next data. */
static void test_lost(void **state)
{
	static struct fixture f;
	init(&f, (struct export_session_config){ 0 }, "octetDeltaCount");
	f.kept.losing = true;
	tick(&f, NULL);
	f.kept.losing = false;
	tick(&f, NULL);
	assert_int_equal(f.kept.count, 2);
	assert_int_equal(load_be16(f.kept.octets[1] + 16), 2);
	assert_int_equal(load_be32(f.kept.octets[1] + 8), 2);   /* those that were lost are missing */
	fini(&f);
}

/* NetFlow v9: statistics in the terms of its own, nothing that it does not know. */
static void test_netflow9(void **state)
{
	static struct fixture f;
	init(&f, (struct export_session_config){ .format = FORMAT_NETFLOW9 }, "octetDeltaCount");
	f.given = records_schema("observationDomainId,ignoredPacketTotalCount", 1);
	tick(&f, NULL);
	static const uint8_t options[] = {
		0, 1, 0, 26, 1, 1, 0, 4, 0, 12, 0, 1, 0, 4, 0, 41, 0, 8, 0, 42, 0, 8, 0, 40, 0, 8,
		1, 1, 0, 32,
	};
	assert_memory_equal(f.kept.octets[0] + 20 + 12, options, sizeof options);
	assert_int_equal(f.kept.bytes[0], 20 + 12 + 26 + 32);
	fini(&f);
	init(&f, (struct export_session_config){ .format = FORMAT_NETFLOW5 }, "octetDeltaCount");
	tick(&f, NULL);
	assert_int_equal(export_session_finish(&f.session, NULL), 0);
	assert_int_equal(f.kept.count, 0);
	fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_message), cmocka_unit_test(test_sequence_and_account),
		cmocka_unit_test(test_statistics), cmocka_unit_test(test_reliability),
		cmocka_unit_test(test_types), cmocka_unit_test(test_given), cmocka_unit_test(test_again),
		cmocka_unit_test(test_small_messages), cmocka_unit_test(test_lost),
		cmocka_unit_test(test_netflow9),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

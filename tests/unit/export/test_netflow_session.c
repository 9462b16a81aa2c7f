/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetFlow sessions: sequence numbers in the units of each version, times since a boot that serves
 * the records, and what v5 cannot carry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "export/session.h"
#include "../ipfix/records.h"

#define SECOND_NS UINT64_C(1000000000)
#define DAY_MS UINT64_C(86400000)

enum { NOTES_MAX = 64 };

struct note {                           /* a message: header, and the first record's start */
	uint16_t version, count;
	uint32_t uptime_ms, time_s, time_ns, sequence, first_ms;
	bool data;
};

struct fixture {
	struct export_session session;
	struct schema *schema;
	struct note notes[NOTES_MAX];
	unsigned count;
	uint64_t now_ns;
};

static uint64_t fixture_clock(void *context)
{
	return ((struct fixture *)context)->now_ns;
}

/* v9: header of 20 octets, the start is the first field; v5: 24 octets, the start at 24. */
static struct note read_note(const uint8_t *o)
{
	struct note n = { .version = load_be16(o), .count = load_be16(o + 2),
	                  .uptime_ms = load_be32(o + 4), .time_s = load_be32(o + 8) };
	n.time_ns = n.version == 5 ? load_be32(o + 12) : 0;
	n.sequence = load_be32(o + (n.version == 9 ? 12 : 16));
	n.data = n.version == 5 || load_be16(o + 20) >= 256;
	n.first_ms = load_be32(o + (n.version == 9 ? 24 : 24 + 24));
	return n;
}

static int fixture_send(void *context, struct export_message *messages, unsigned count,
                        struct error *err)
{
	struct fixture *f = context;
	for (unsigned i = 0; i < count; i++) {
		assert_true(f->count < NOTES_MAX);
		f->notes[f->count++] = read_note(messages[i].octets);
	}
	return 0;
}

static void init(struct fixture *f, enum ipfix_format format, uint8_t family)
{
	struct export_session_config config = {
		.format = format, .uptime = true, .message_bytes = 24 + 2 * 48, .domain = 1,
		.clock = fixture_clock, .clock_context = f, .burst_messages = 4,
	};
	struct export_sender sender = { .send = fixture_send, .context = f };
	struct column_choice choices[] = {
		{ .field = field_by_id(0, 152) }, { .field = field_by_id(0, 153) },
		{ .field = field_by_id(0, 1) },
	};
	memset(f, 0, sizeof *f);
	f->now_ns = 1700000000 * SECOND_NS;
	assert_int_equal(schema_new(choices, 3, 0, family, &f->schema), 0);
	assert_int_equal(export_session_init(&f->session, &config, &sender, NULL), 0);
	assert_int_equal(export_session_schema(&f->session, f->schema, NULL, NULL), 0);
}

static void fini(struct fixture *f)
{
	export_session_fini(&f->session);
	schema_free(f->schema);
}

static void write_times(struct fixture *f, const uint64_t *starts_ms, unsigned count)
{
	struct record_batch *batch = record_batch_new(f->schema, count);
	for (unsigned i = 0; i < count; i++) {
		records_row(batch);
		records_unsigned(batch, 0, starts_ms[i]);
		records_unsigned(batch, 1, starts_ms[i] + 500);
	}
	assert_int_equal(export_session_write(&f->session, batch, NULL), 0);
	record_batch_release(batch);
	assert_int_equal(export_session_flush(&f->session, NULL), 0);
}

/* What a collector calculates: the boot is the header's time less the uptime. */
static uint64_t start_of(const struct note *n)
{
	return (uint64_t)n->time_s * 1000 + n->time_ns / 1000000 - n->uptime_ms + n->first_ms;
}

static const struct note *last(const struct fixture *f)
{
	assert_true(f->count > 0);
	return &f->notes[f->count - 1];
}

static void test_sequence_of_v9(void **state)
{
	static struct fixture f;
	const uint64_t now_ms = UINT64_C(1700000000000) - 5000;
	const uint64_t starts[] = { now_ms, now_ms, now_ms, now_ms, now_ms, now_ms, now_ms };
	struct output_missed missed = { .amount = { 50, 0, 0 } };
	init(&f, FORMAT_NETFLOW9, 4);
	write_times(&f, starts, 7);
	export_session_missed(&f.session, &missed);     /* records, not messages */
	write_times(&f, starts, 7);
	for (unsigned i = 0; i < f.count; i++) {
		assert_int_equal(f.notes[i].sequence, i);
		assert_int_equal(f.notes[i].data, i > 0);
	}
	assert_int_equal(f.notes[0].count, 1);          /* the template's record */
	fini(&f);
}

static void test_sequence_of_v5(void **state)
{
	static struct fixture f;
	const uint64_t now_ms = UINT64_C(1700000000000) - 5000;
	const uint64_t starts[] = { now_ms, now_ms, now_ms, now_ms, now_ms };
	struct output_missed missed = { .amount = { 50, 0, 0 } };
	init(&f, FORMAT_NETFLOW5, 4);
	write_times(&f, starts, 5);
	assert_int_equal(f.count, 3);
	assert_int_equal(f.notes[2].sequence, 4);
	assert_int_equal(f.notes[2].count, 1);
	export_session_missed(&f.session, &missed);
	write_times(&f, starts, 1);
	assert_int_equal(last(&f)->sequence, 55);
	fini(&f);
}

static void test_v5_has_no_ipv6(void **state)
{
	static struct fixture f;
	const uint64_t starts[] = { 1, 2, 3 };
	init(&f, FORMAT_NETFLOW5, 6);
	write_times(&f, starts, 3);
	assert_int_equal(f.count, 0);
	assert_int_equal(f.session.counters.unencodable, 3);
	assert_int_equal(f.session.counters.taken, 3);
	fini(&f);
}

/* Where a schema serves both families (collected records), each row is looked at. */
static void test_v5_leaves_ipv6_rows_out(void **state)
{
	static struct fixture f;
	struct column_choice choices[] = {
		{ .field = field_by_id(0, 152) }, { .field = field_by_id(0, 8) },
		{ .field = field_by_id(0, 27) },
	};
	struct schema *both;
	init(&f, FORMAT_NETFLOW5, 4);
	assert_int_equal(schema_new(choices, 3, 0, 0, &both), 0);
	assert_int_equal(export_session_schema(&f.session, both, NULL, NULL), 0);
	struct record_batch *batch = record_batch_new(both, 5);
	for (unsigned i = 0; i < 5; i++) {
		records_row(batch);
		records_octets(batch, i % 3 == 0 ? 2 : 1, "2001:db8::a:b:c:d", i % 3 == 0 ? 16 : 4);
	}
	assert_int_equal(export_session_write(&f.session, batch, NULL), 0);
	assert_int_equal(export_session_flush(&f.session, NULL), 0);
	assert_int_equal(f.session.counters.unencodable, 2);
	assert_int_equal(f.session.counters.sent, 3);
	assert_int_equal(f.session.counters.taken, 5);
	record_batch_release(batch);
	fini(&f);
	schema_free(both);
}

/* Records of now, of yesterday behind those, of ten years ago, and of now again: each time a
 * collector finds the start, and no uptime runs over. */
static void test_boot(void **state)
{
	static struct fixture f;
	const uint64_t now_ms = UINT64_C(1700000000000);
	const uint64_t starts[] = {
		now_ms - 3000, now_ms - DAY_MS, now_ms - 3000, now_ms - 3650 * DAY_MS,
		now_ms - 3650 * DAY_MS + 40 * DAY_MS, now_ms - 3500 * DAY_MS, now_ms - 1000,
	};
	for (unsigned format = FORMAT_NETFLOW9; format <= FORMAT_NETFLOW5; format++) {
		init(&f, (enum ipfix_format)format, 4);
		for (unsigned i = 0; i < array_count(starts); i++) {
			write_times(&f, &starts[i], 1);
			assert_int_equal(start_of(last(&f)), starts[i]);
			assert_true(last(&f)->uptime_ms >= last(&f)->first_ms + 500);
		}
		fini(&f);
	}
}

/* A live run for two months: the boot moves on before 49.7 days are over. */
static void test_long_run(void **state)
{
	static struct fixture f;
	init(&f, FORMAT_NETFLOW9, 4);
	for (unsigned day = 0; day < 60; day++) {
		uint64_t start_ms = f.now_ns / 1000000 - 60000;
		f.count = 0;
		write_times(&f, &start_ms, 1);
		assert_int_equal(start_of(last(&f)), start_ms);
		assert_int_equal(last(&f)->time_s, f.now_ns / SECOND_NS);
		f.now_ns += 86400 * SECOND_NS;
	}
	fini(&f);
}

/* Records of both sides of a new boot are told by their own. */
static void test_mixed_batch(void **state)
{
	static struct fixture f;
	const uint64_t now_ms = UINT64_C(1700000000000);
	const uint64_t starts[] = { now_ms - 1000, now_ms - 30 * DAY_MS };
	init(&f, FORMAT_NETFLOW9, 4);
	write_times(&f, starts, 2);
	assert_int_equal(start_of(last(&f)), starts[0]);
	assert_int_equal(last(&f)->count, 2);
	fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequence_of_v9), cmocka_unit_test(test_sequence_of_v5),
		cmocka_unit_test(test_v5_has_no_ipv6), cmocka_unit_test(test_v5_leaves_ipv6_rows_out),
		cmocka_unit_test(test_boot),
		cmocka_unit_test(test_long_run), cmocka_unit_test(test_mixed_batch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder by hand: the messages of RFC 7011's appendix A octet by octet, the rules of template
 * memory by transport, sequence numbers by stream, and every bound. Values of all types are tested
 * through the program (tests/interop/test_collect.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ipfix/decode.h"

enum { ROWS_KEPT = 64, VALUES_KEPT = 8 };

struct fixture {
	struct decoder *decoder;
	struct decode_session *session;
	uint64_t now_ns;
	uint64_t rows;
	uint64_t values[ROWS_KEPT][VALUES_KEPT];        /* of the first columns, as numbers */
	struct decoder_setup setup;
	uint8_t octets[65536];          /* the message being made */
	uint32_t bytes, set_at;
	uint32_t sequence, domain, export_s;
	uint16_t stream;
};

/* ---- messages -------------------------------------------------------------------------------- */

static void put_8(struct fixture *f, unsigned value)
{
	f->octets[f->bytes++] = (uint8_t)value;
}

static void put_16(struct fixture *f, unsigned value)
{
	put_8(f, value >> 8);
	put_8(f, value);
}

static void put_32(struct fixture *f, uint32_t value)
{
	put_16(f, value >> 16);
	put_16(f, value & 0xffff);
}

static void begin(struct fixture *f)
{
	f->bytes = 0;
	put_16(f, 10);
	put_16(f, 0);
	put_32(f, f->export_s);
	put_32(f, f->sequence);
	put_32(f, f->domain);
}

static void set(struct fixture *f, unsigned id)
{
	f->set_at = f->bytes;
	put_16(f, id);
	put_16(f, 0);
}

static void close_set(struct fixture *f)
{
	uint32_t bytes = f->bytes - f->set_at;
	f->octets[f->set_at + 2] = (uint8_t)(bytes >> 8);
	f->octets[f->set_at + 3] = (uint8_t)bytes;
}

/* A template whose fields are sourceTransportPort and so many octets of octetDeltaCount. */
static void template(struct fixture *f, unsigned id, unsigned octets)
{
	set(f, 2);
	put_16(f, id);
	put_16(f, 2);
	put_16(f, 7);
	put_16(f, 2);
	put_16(f, 1);
	put_16(f, octets);
	close_set(f);
}

static void withdrawal(struct fixture *f, unsigned id)
{
	set(f, 2);
	put_16(f, id);
	put_16(f, 0);
	close_set(f);
}

/* A record for template(f, id, 4). */
static void record(struct fixture *f, unsigned id, unsigned port, uint32_t octets)
{
	set(f, id);
	put_16(f, port);
	put_32(f, octets);
	close_set(f);
}

static enum decode_fault give(struct fixture *f)
{
	f->octets[2] = (uint8_t)(f->bytes >> 8);
	f->octets[3] = (uint8_t)f->bytes;
	enum decode_fault fault = decode_message(f->session, &(struct decode_message){
		.octets = f->octets, .bytes = f->bytes, .time_ns = f->now_ns, .stream = f->stream });
	decoder_flush(f->decoder);
	return fault;
}

static void emit(void *context, const struct layout *layout, struct record_batch *batch)
{
	struct fixture *f = context;
	for (uint32_t i = 0; i < batch->count; i++, f->rows++)
		for (unsigned c = 0; f->rows < ROWS_KEPT && c < VALUES_KEPT
		     && c < batch->schema->column_count; c++)
			f->values[f->rows][c] = value_read_unsigned(batch->schema, record_row(batch, i), c);
	record_batch_release(batch);
}

static void init(struct fixture *f, enum decode_transport transport)
{
	memset(f, 0, sizeof *f);
	f->setup = (struct decoder_setup){
		.template_lifetime_ns = 1800000000000u, .session_bytes = 1 << 20,
		.total_bytes = 4 << 20, .layouts_max = 8, .elements_max = 8, .domains_max = 4,
		.emit = emit, .context = f,
	};
	f->now_ns = 1700000000000000000;
	f->export_s = 1700000000;
	f->domain = 1;
	assert_int_equal(decoder_new(&f->setup, &f->decoder), 0);
	f->session = decode_session_new(f->decoder, &(struct decode_session_setup){
		.transport = transport });
	assert_non_null(f->session);
}

static const struct decode_counters *counters(const struct fixture *f)
{
	return decode_session_counters(f->session);
}

static void fini(struct fixture *f)
{
	decode_session_free(f->session);
	assert_int_equal(decoder_bytes(f->decoder), 0);
	decoder_free(f->decoder);
}

/* ---- the RFC's own messages ------------------------------------------------------------------ */

/* RFC 7011, appendix A: A.1 (message header), A.2.1 (template), A.3 (data), A.4.1 (options template
 * with scope lineCardId), A.4.3 (options data). */
static const uint8_t appendix[] = {
	0x00, 0x0a, 0x00, 0x98, 0x65, 0x53, 0xf1, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x30, 0x39,
	/* template set: 256, five fields of four octets: 8, 12, 15, 2, 1 */
	0x00, 0x02, 0x00, 0x1c, 0x01, 0x00, 0x00, 0x05,
	0x00, 0x08, 0x00, 0x04, 0x00, 0x0c, 0x00, 0x04, 0x00, 0x0f, 0x00, 0x04,
	0x00, 0x02, 0x00, 0x04, 0x00, 0x01, 0x00, 0x04,
	/* options template set: 258, three fields, one of them scope: 141/4, 41/2, 42/2; padding */
	0x00, 0x03, 0x00, 0x18, 0x01, 0x02, 0x00, 0x03, 0x00, 0x01,
	0x00, 0x8d, 0x00, 0x04, 0x00, 0x29, 0x00, 0x02, 0x00, 0x2a, 0x00, 0x02, 0x00, 0x00,
	/* data set: 192.0.2.12 192.0.2.254 192.0.2.1 5009 5344385, and two more */
	0x01, 0x00, 0x00, 0x40,
	0xc0, 0x00, 0x02, 0x0c, 0xc0, 0x00, 0x02, 0xfe, 0xc0, 0x00, 0x02, 0x01,
	0x00, 0x00, 0x13, 0x91, 0x00, 0x51, 0x8c, 0x81,
	0xc0, 0x00, 0x02, 0x1b, 0xc0, 0x00, 0x02, 0x17, 0xc0, 0x00, 0x02, 0x02,
	0x00, 0x00, 0x02, 0xec, 0x00, 0x05, 0xef, 0x46,
	0xc0, 0x00, 0x02, 0x38, 0xc0, 0x00, 0x02, 0x41, 0xc0, 0x00, 0x02, 0x03,
	0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x19, 0x86,
	/* options data set: line card 1, 345 messages, 10201 records; line card 2, 690 and 20402 */
	0x01, 0x02, 0x00, 0x14,
	0x00, 0x00, 0x00, 0x01, 0x01, 0x59, 0x27, 0xd9, 0x00, 0x00, 0x00, 0x02, 0x02, 0xb2, 0x4f, 0xb2,
};

static void test_appendix(void **state)
{
	struct fixture f;
	init(&f, DECODE_DATAGRAMS);
	assert_int_equal(decode_message(f.session, &(struct decode_message){
		.octets = appendix, .bytes = sizeof appendix, .time_ns = f.now_ns }), FAULT_none);
	decoder_flush(f.decoder);
	assert_int_equal(f.rows, 3);            /* options data are not asked for */
	assert_int_equal(counters(&f)->options_records, 2);
	static const uint64_t expected[3][2] = { { 5009, 5344385 }, { 748, 388934 }, { 5, 6534 } };
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(f.values[i][3], expected[i][0]);
		assert_int_equal(f.values[i][4], expected[i][1]);
		assert_int_equal(f.values[i][5], 12345);        /* the domain */
	}
	fini(&f);
}

/* Every cut of the message, told as what it is: nothing but "length" or "too short". */
static void test_every_cut(void **state)
{
	for (uint32_t bytes = 0; bytes < sizeof appendix; bytes++) {
		struct fixture f;
		init(&f, DECODE_DATAGRAMS);
		uint8_t *cut = malloc(bytes ? bytes : 1);
		memcpy(cut, appendix, bytes);
		enum decode_fault fault = decode_message(f.session, &(struct decode_message){
			.octets = cut, .bytes = bytes, .time_ns = f.now_ns });
		assert_int_equal(fault, bytes < 16 ? FAULT_too_short : FAULT_length);
		assert_int_equal(f.rows, 0);
		free(cut);
		fini(&f);
	}
}

/* ---- templates by transport ------------------------------------------------------------------ */

static void test_another_template_for_an_id(void **state)
{
	static const struct { enum decode_transport transport; uint64_t conflicts; } cases[] = {
		{ DECODE_DATAGRAMS, 0 }, { DECODE_STREAM, 1 }, { DECODE_SCTP, 1 }, { DECODE_FILE, 0 },
	};
	for (unsigned i = 0; i < 4; i++) {
		struct fixture f;
		init(&f, cases[i].transport);
		begin(&f);
		template(&f, 256, 4);
		template(&f, 256, 4);           /* the same again is no conflict */
		template(&f, 256, 8);
		give(&f);
		assert_int_equal(counters(&f)->conflicts, cases[i].conflicts);
		assert_int_equal(counters(&f)->templates, 2);
		begin(&f);                      /* and the new one is in force */
		set(&f, 256);
		put_16(&f, 80);
		put_32(&f, 1);
		put_32(&f, 2);
		close_set(&f);
		give(&f);
		assert_int_equal(f.rows, 1);
		assert_int_equal(f.values[0][1], 0x100000002);
		fini(&f);
	}
}

static void test_withdrawals(void **state)
{
	static const struct { enum decode_transport transport; bool obeyed; } cases[] = {
		{ DECODE_DATAGRAMS, false }, { DECODE_STREAM, true }, { DECODE_SCTP, true },
		{ DECODE_FILE, true },
	};
	for (unsigned i = 0; i < 4; i++)
		for (unsigned all = 0; all < 2; all++) {
			struct fixture f;
			init(&f, cases[i].transport);
			begin(&f);
			template(&f, 256, 4);
			withdrawal(&f, all ? 2 : 256);
			record(&f, 256, 80, 5);
			assert_int_equal(give(&f), FAULT_none);
			assert_int_equal(f.rows, cases[i].obeyed ? 0 : 1);
			assert_int_equal(counters(&f)->withdrawals, cases[i].obeyed);
			assert_int_equal(counters(&f)->withdrawals_ignored, !cases[i].obeyed);
			fini(&f);
		}
}

/* Templates belong to the session, sequence numbers to the stream (RFC 7011, section 3.1). */
static void test_streams_of_sctp(void **state)
{
	struct fixture f;
	init(&f, DECODE_SCTP);
	begin(&f);
	template(&f, 256, 4);
	give(&f);
	for (f.stream = 0; f.stream < 4; f.stream++)
		for (f.sequence = 0; f.sequence < 3; f.sequence++) {
			begin(&f);
			record(&f, 256, 80, 5);
			give(&f);
		}
	assert_int_equal(f.rows, 12);
	assert_int_equal(counters(&f)->gaps, 0);
	assert_int_equal(counters(&f)->restarts, 0);
	f.stream = 2;
	f.sequence = 10;
	begin(&f);
	record(&f, 256, 80, 5);
	give(&f);
	assert_int_equal(counters(&f)->lost, 7);
	fini(&f);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* Templates of every id, in every domain: memory stays within the session's bound. */
static void test_flood_of_templates(void **state)
{
	struct fixture f;
	init(&f, DECODE_DATAGRAMS);
	for (f.domain = 0; f.domain < 6; f.domain++)
		for (unsigned id = 256; id < 65536;) {
			begin(&f);
			for (unsigned n = 0; n < 1000 && id < 65536; n++, id++)
				template(&f, id, 4);
			give(&f);
			assert_true(decoder_bytes(f.decoder) <= f.setup.session_bytes);
		}
	assert_true(counters(&f)->templates_refused > 0);
	assert_true(counters(&f)->discarded[FAULT_memory] >= 2 * 66);   /* domains 4 and 5 */
	f.domain = 0;
	begin(&f);
	record(&f, 256, 80, 5);         /* what was there before is still there */
	give(&f);
	assert_int_equal(f.rows, 1);
	fini(&f);
}

/* Data of every id without templates: half of the session's bound at most, the rest counted. */
static void test_flood_of_early_data(void **state)
{
	struct fixture f;
	init(&f, DECODE_DATAGRAMS);
	uint64_t sets = 0;
	for (unsigned id = 256; id < 65536;) {
		begin(&f);
		for (unsigned n = 0; n < 1000 && id < 65536; n++, id++, sets++)
			record(&f, id, 80, 5);
		give(&f);
		assert_true(decoder_bytes(f.decoder) <= f.setup.session_bytes);
	}
	const struct decode_counters *c = counters(&f);
	assert_int_equal(c->waiting + c->dropped[DECODE_DROP_no_room], sets);
	assert_true(c->waiting > 0 && c->dropped[DECODE_DROP_no_room] > 0);
	begin(&f);
	template(&f, 300, 4);           /* there is room for templates all the same */
	give(&f);
	assert_int_equal(c->templates, 1);
	assert_int_equal(f.rows, 1);
	uint64_t waited = c->waiting;
	decode_session_end(f.session);
	assert_int_equal(c->waiting, 0);
	assert_int_equal(c->dropped[DECODE_DROP_unknown_template], waited);
	fini(&f);
}

/* Two sessions at the bound of all: the second says that it starves. */
static void test_bound_of_all_sessions(void **state)
{
	struct fixture f;
	init(&f, DECODE_DATAGRAMS);
	struct decode_session *others[8];
	for (unsigned i = 0; i < 8; i++) {
		others[i] = f.session;
		for (unsigned id = 256; id < 20000;) {
			begin(&f);
			for (unsigned n = 0; n < 1000; n++, id++)
				template(&f, id, 4);
			give(&f);
		}
		assert_true(decoder_bytes(f.decoder) <= f.setup.total_bytes);
		f.session = decode_session_new(f.decoder, &(struct decode_session_setup){
			.transport = DECODE_DATAGRAMS });
	}
	assert_false(decode_session_starved(others[0]));
	assert_true(decode_session_starved(others[7]));
	assert_false(decode_session_starved(others[7]));        /* told once */
	for (unsigned i = 0; i < 8; i++)
		decode_session_free(others[i]);
	fini(&f);
}

static void many_layouts(struct fixture *f, unsigned first)
{
	begin(f);
	for (unsigned n = first; n < first + 20; n++) {
		set(f, 2);
		put_16(f, 256 + n);
		put_16(f, 1);
		put_16(f, 1 + n);
		put_16(f, 4);
		close_set(f);
	}
	for (unsigned n = first; n < first + 20; n++) {
		set(f, 256 + n);
		put_32(f, n);
		close_set(f);
	}
	assert_int_equal(give(f), FAULT_none);
}

/* More layouts than a session may make: counted, those that are known go on, and another session
 * has its own share. */
static void test_bound_of_layouts(void **state)
{
	struct fixture f;
	init(&f, DECODE_FILE);
	many_layouts(&f, 0);
	unsigned share = f.setup.layouts_max / 2;
	assert_int_equal(f.rows, share);
	assert_int_equal(counters(&f)->dropped[DECODE_DROP_layouts], 20 - share);
	struct decode_session *first = f.session;
	f.session = decode_session_new(f.decoder, &(struct decode_session_setup){
		.transport = DECODE_FILE });
	many_layouts(&f, 0);            /* the same are known */
	many_layouts(&f, 40);
	assert_int_equal(f.rows, 3 * share);
	decode_session_free(first);
	fini(&f);
}

/* More unknown elements than may have names of their own: kept without one. */
static void test_bound_of_elements(void **state)
{
	struct fixture f;
	init(&f, DECODE_FILE);
	begin(&f);
	set(&f, 2);
	put_16(&f, 256);
	put_16(&f, 20);
	for (unsigned n = 0; n < 20; n++) {
		put_16(&f, 0x8001 + n);
		put_16(&f, 1);
		put_32(&f, 424242);
	}
	close_set(&f);
	set(&f, 256);
	for (unsigned n = 0; n < 20; n++)
		put_8(&f, n);
	close_set(&f);
	assert_int_equal(give(&f), FAULT_none);
	assert_int_equal(f.rows, 1);
	fini(&f);
}

/* A template wider than a row: what fits is kept, the rest is counted. */
static void test_template_wider_than_a_row(void **state)
{
	struct fixture f;
	init(&f, DECODE_FILE);
	begin(&f);
	set(&f, 2);
	put_16(&f, 256);
	put_16(&f, 2000);
	for (unsigned n = 0; n < 2000; n++) {
		put_16(&f, 7);
		put_16(&f, 2);
	}
	close_set(&f);
	set(&f, 256);
	for (unsigned n = 0; n < 2000; n++)
		put_16(&f, n);
	close_set(&f);
	assert_int_equal(give(&f), FAULT_none);
	assert_int_equal(f.rows, 1);
	assert_int_equal(f.values[0][5], 5);
	assert_true(counters(&f)->elements_left_out > 0 && counters(&f)->elements_left_out < 2000);
	fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appendix),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_another_template_for_an_id),
		cmocka_unit_test(test_withdrawals),
		cmocka_unit_test(test_streams_of_sctp),
		cmocka_unit_test(test_flood_of_templates),
		cmocka_unit_test(test_flood_of_early_data),
		cmocka_unit_test(test_bound_of_all_sessions),
		cmocka_unit_test(test_bound_of_layouts),
		cmocka_unit_test(test_bound_of_elements),
		cmocka_unit_test(test_template_wider_than_a_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

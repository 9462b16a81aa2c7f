/* SPDX-License-Identifier: Apache-2.0 */
/* Exporters and their sessions: accounts that outlive sessions, bounds, and who gives way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collect/exporters.h"

/* A template 256 of sourceTransportPort, and a set of one record by it. */
static const uint8_t message[] = {
	0x00, 0x0a, 0x00, 0x22, 0x65, 0x53, 0xf1, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
	0x00, 0x02, 0x00, 0x0c, 0x01, 0x00, 0x00, 0x01, 0x00, 0x07, 0x00, 0x02,
	0x01, 0x00, 0x00, 0x06, 0x00, 0x50,
};
static const uint8_t data_only[] = {
	0x00, 0x0a, 0x00, 0x16, 0x65, 0x53, 0xf1, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01,
	0x01, 0x00, 0x00, 0x06, 0x00, 0x50,
};

static uint64_t rows;

static void emit(void *context, const struct layout *layout, struct record_batch *batch)
{
	rows += batch->count;
	record_batch_release(batch);
}

struct fixture {
	struct decoder *decoder;
	struct exporters exporters;
};

static void init(struct fixture *f, unsigned exporters_max, uint64_t total_bytes)
{
	struct decoder_setup setup = { .session_bytes = 64 * 1024, .total_bytes = total_bytes,
	                               .layouts_max = 16, .elements_max = 16, .domains_max = 16,
	                               .emit = emit };
	rows = 0;
	assert_int_equal(decoder_new(&setup, &f->decoder), 0);
	exporters_init(&f->exporters, f->decoder, exporters_max, 12345);
}

static void fini(struct fixture *f)
{
	exporters_fini(&f->exporters);
	assert_int_equal(decoder_bytes(f->decoder), 0);
	decoder_free(f->decoder);
}

static struct collect_session *open_from(struct fixture *f, unsigned host)
{
	char name[16];
	struct exporter_address address = { .family = 4, .name = name };
	snprintf(name, sizeof name, "192.0.2.%u", host);
	address.octets[3] = (uint8_t)host;
	struct collect_session *s = collect_session_open(&f->exporters, &address, DECODE_DATAGRAMS);
	assert_non_null(s);
	return s;
}

static void give(struct fixture *f, struct collect_session *s, const uint8_t *octets,
                 uint32_t bytes)
{
	struct decode_message m = { .octets = octets, .bytes = bytes, .time_ns = 1 };
	assert_int_equal(collect_session_message(&f->exporters, s, &m), FAULT_none);
}

static const struct exporter *find(const struct fixture *f, const char *name)
{
	const struct exporter *x = f->exporters.oldest;
	while (x && strcmp(x->name, name) != 0)
		x = x->newer;
	return x;
}

static void test_an_account_outlives_its_sessions(void **state)
{
	struct fixture f;
	struct decode_counters c;
	init(&f, 8, 1 << 20);
	for (unsigned n = 0; n < 3; n++) {
		struct collect_session *s = open_from(&f, 1);
		give(&f, s, message, sizeof message);
		collect_session_close(&f.exporters, s);
	}
	struct collect_session *open = open_from(&f, 1);
	give(&f, open, message, sizeof message);
	const struct exporter *x = find(&f, "192.0.2.1");
	assert_int_equal(x->sessions, 1);
	assert_int_equal(x->sessions_ever, 4);
	exporter_counters(x, &c);
	assert_int_equal(c.messages, 4);
	assert_int_equal(c.records, 4);
	collect_session_close(&f.exporters, open);
	fini(&f);
}

static void test_sessions_share_no_templates(void **state)
{
	struct fixture f;
	init(&f, 8, 1 << 20);
	struct collect_session *a = open_from(&f, 1), *b = open_from(&f, 1);
	give(&f, a, message, sizeof message);
	give(&f, b, data_only, sizeof data_only);
	assert_int_equal(decode_session_counters(b->decode)->waiting, 1);
	collect_session_close(&f.exporters, a);
	collect_session_close(&f.exporters, b);
	struct decode_counters c;
	exporter_counters(find(&f, "192.0.2.1"), &c);
	assert_int_equal(c.dropped[DECODE_DROP_unknown_template], 1);
	fini(&f);
}

/* The one idle for longest goes, and what it had counts on in the sum. */
static void test_bound_of_exporters(void **state)
{
	struct fixture f;
	init(&f, 3, 1 << 20);
	for (unsigned host = 1; host <= 3; host++) {
		struct collect_session *s = open_from(&f, host);
		give(&f, s, message, sizeof message);
		collect_session_close(&f.exporters, s);
	}
	struct collect_session *again = open_from(&f, 1);
	give(&f, again, message, sizeof message);
	struct collect_session *new = open_from(&f, 4);
	assert_null(find(&f, "192.0.2.2"));
	assert_non_null(find(&f, "192.0.2.1"));
	assert_int_equal(f.exporters.given_up, 1);
	assert_int_equal(f.exporters.gone.records, 1);
	collect_session_close(&f.exporters, again);
	collect_session_close(&f.exporters, new);
	fini(&f);
}

static void template_message(uint8_t octets[28], unsigned id)
{
	memcpy(octets, message, 28);
	octets[3] = 28;
	octets[20] = (uint8_t)(id >> 8);
	octets[21] = (uint8_t)id;
}

static void flood(struct fixture *f, struct collect_session *s)
{
	uint8_t octets[28];
	for (unsigned id = 256; id < 1256; id++) {
		template_message(octets, id);
		give(f, s, octets, sizeof octets);
	}
}

/* Memory for two sessions: a third makes the one idle for longest forget, not the others. */
static void test_memory_of_all(void **state)
{
	struct fixture f;
	init(&f, 8, 2 * 64 * 1024);
	struct collect_session *a = open_from(&f, 1), *b = open_from(&f, 2), *c = open_from(&f, 3);
	flood(&f, a);
	flood(&f, b);
	for (unsigned n = 0; n < 100 && !f.exporters.forgotten; n++) {
		uint8_t octets[28];
		template_message(octets, 300 + n);
		collect_session_message(&f.exporters, c, &(struct decode_message){
			.octets = octets, .bytes = sizeof octets, .time_ns = 1 });
	}
	assert_int_equal(f.exporters.forgotten, 1);
	assert_int_equal(decode_session_bytes(a->decode), 0);
	give(&f, b, data_only, sizeof data_only);
	give(&f, c, message, sizeof message);
	assert_true(decode_session_bytes(c->decode) > 0);
	decoder_flush(f.decoder);
	assert_int_equal(rows, 2);
	give(&f, a, message, sizeof message);   /* it is taken up again when its templates come */
	decoder_flush(f.decoder);
	assert_int_equal(rows, 3);
	collect_session_close(&f.exporters, a);
	collect_session_close(&f.exporters, b);
	collect_session_close(&f.exporters, c);
	fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_account_outlives_its_sessions),
		cmocka_unit_test(test_sessions_share_no_templates),
		cmocka_unit_test(test_bound_of_exporters),
		cmocka_unit_test(test_memory_of_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

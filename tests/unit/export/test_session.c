/* SPDX-License-Identifier: Apache-2.0 */
/* Templates in time, sequence numbers, bursts, and the account of every record, with a sender
 * that notes. */
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

enum { NOTES_MAX = 4096 };

struct note {                           /* one message, as a reader of the octets sees it */
	uint32_t bytes, records, sequence, time_s;
	unsigned set_id;                /* of the first set: 2 is a template set */
	unsigned burst;                 /* which call of send brought it */
	enum export_stream stream;
};

struct fixture {
	struct export_session session;
	struct schema *schema[2];
	struct note notes[NOTES_MAX];
	unsigned note_count, bursts;
	unsigned lose_from, lose_to;    /* messages with these numbers are lost */
	uint64_t now_ns;
};

static uint64_t fixture_clock(void *context)
{
	return ((struct fixture *)context)->now_ns;
}

static int fixture_send(void *context, struct export_message *messages, unsigned count,
                        struct error *err)
{
	struct fixture *f = context;
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *o = messages[i].octets;
		assert_true(f->note_count < NOTES_MAX);
		assert_int_equal(load_be16(o), 10);
		assert_int_equal(load_be16(o + 2), messages[i].bytes);
		messages[i].lost = f->note_count >= f->lose_from && f->note_count < f->lose_to;
		f->notes[f->note_count++] = (struct note){
			.bytes = messages[i].bytes, .records = (uint32_t)messages[i].amount.records,
			.sequence = load_be32(o + 8), .time_s = load_be32(o + 4),
			.set_id = load_be16(o + 16), .burst = f->bursts,
			.stream = messages[i].stream,
		};
	}
	f->bursts++;
	return 0;
}

/* Messages of 16 + 4 + n * 10 octets. */
static const struct export_session_config standard = {
	.message_bytes = 120, .domain = 1, .burst_messages = 4, .hold_ns = SECOND_NS / 2,
	.template_refresh_ns = 600 * SECOND_NS,
};

static void fixture_init(struct fixture *f, const struct export_session_config *config)
{
	struct export_session_config c = *config;
	struct export_sender sender = { .send = fixture_send, .context = f };
	memset(f, 0, sizeof *f);
	f->now_ns = 1700000000 * SECOND_NS;
	c.clock = fixture_clock;
	c.clock_context = f;
	f->schema[0] = records_schema("sourceIPv4Address,sourceTransportPort,ingressInterface", 0);
	f->schema[1] = records_schema("sourceTransportPort,interfaceName", 0);
	assert_int_equal(export_session_init(&f->session, &c, &sender, NULL), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(export_session_schema(&f->session, f->schema[i], NULL, NULL), 0);
}

static void fixture_fini(struct fixture *f)
{
	export_session_fini(&f->session);
	schema_free(f->schema[0]);
	schema_free(f->schema[1]);
}

static void check_account(const struct fixture *f)
{
	const struct export_session_counters *c = &f->session.counters;
	assert_int_equal(c->taken, c->sent + c->lost + c->too_large + c->waiting);
}

static void write_rows(struct fixture *f, unsigned count)
{
	struct record_batch *batch = record_batch_new(f->schema[0], count);
	for (unsigned i = 0; i < count; i++)
		records_row(batch);
	assert_int_equal(export_session_write(&f->session, batch, NULL), 0);
	record_batch_release(batch);
	check_account(f);
}

static void write_text(struct fixture *f, unsigned bytes)
{
	struct record_batch *batch = record_batch_new(f->schema[1], 1);
	char text[1000];
	memset(text, 'a', sizeof text);
	records_row(batch);
	records_octets(batch, 1, text, bytes);
	assert_int_equal(export_session_write(&f->session, batch, NULL), 0);
	record_batch_release(batch);
	check_account(f);
}

static uint64_t tick(struct fixture *f)
{
	uint64_t next_ns = 0;
	assert_int_equal(export_session_tick(&f->session, f->now_ns, &next_ns, NULL), 0);
	check_account(f);
	return next_ns;
}

static unsigned templates_from(const struct fixture *f, unsigned first)
{
	unsigned count = 0;
	for (unsigned i = first; i < f->note_count; i++)
		count += f->notes[i].set_id == 2;
	return count;
}

/* Ten records fit 120 octets; four messages make a burst; templates are first and do not count. */
static void test_bursts_and_sequence(void **state)
{
	static struct fixture f;
	fixture_init(&f, &standard);
	write_rows(&f, 39);
	assert_int_equal(f.note_count, 0);
	write_rows(&f, 50);
	assert_int_equal(f.note_count, 1 + 8);
	assert_int_equal(f.notes[0].set_id, 2);
	assert_int_equal(f.notes[0].records, 0);
	for (unsigned i = 0; i < 8; i++) {
		const struct note *note = &f.notes[1 + i];
		assert_int_equal(note->set_id, 256);
		assert_int_equal(note->sequence, i * 10);
		assert_int_equal(note->records, 10);
		assert_int_equal(note->bytes, 120);
		assert_int_equal(note->burst, 1 + i / 4);
	}
	assert_int_equal(export_session_flush(&f.session, NULL), 0);
	assert_int_equal(f.notes[9].sequence, 80);
	assert_int_equal(f.notes[9].bytes, 16 + 4 + 9 * 10);
	assert_int_equal(f.session.counters.sent, 89);
	check_account(&f);
	fixture_fini(&f);
}

static void test_sequence_wraps(void **state)
{
	static struct fixture f;
	fixture_init(&f, &standard);
	f.session.sequence[0] = UINT32_MAX - 14;
	write_rows(&f, 40);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.notes[1].sequence, UINT32_MAX - 14);
	assert_int_equal(f.notes[2].sequence, UINT32_MAX - 4);
	assert_int_equal(f.notes[3].sequence, 5);
	fixture_fini(&f);
}

/* SCTP: templates and flow records go by streams of their own, each with its sequence. */
static void test_streams_have_sequences_of_their_own(void **state)
{
	static struct fixture f;
	struct export_session_config config = standard;
	config.data_stream = true;
	config.template_messages = 2;
	fixture_init(&f, &config);
	write_rows(&f, 40);
	export_session_flush(&f.session, NULL);
	for (unsigned i = 0, records = 0; i < f.note_count; i++) {
		bool is_template = f.notes[i].set_id == 2;
		assert_int_equal(f.notes[i].stream, is_template ? EXPORT_STREAM_CONTROL
		                 : EXPORT_STREAM_DATA);
		assert_int_equal(f.notes[i].sequence, is_template ? 0 : records);
		records += f.notes[i].records;
	}
	assert_int_equal(templates_from(&f, 0), 2);
	fixture_fini(&f);
}

static void test_idle_flush(void **state)
{
	static struct fixture f;
	fixture_init(&f, &standard);
	tick(&f);
	assert_int_equal(f.note_count, 1);      /* templates, before any record */
	write_rows(&f, 3);
	f.now_ns += SECOND_NS / 4;
	assert_int_equal(tick(&f), f.now_ns + SECOND_NS / 4);
	assert_int_equal(f.note_count, 1);
	f.now_ns += SECOND_NS / 4;
	tick(&f);
	assert_int_equal(f.note_count, 2);
	assert_int_equal(f.notes[1].records, 3);
	assert_int_equal(f.notes[1].time_s, 1700000000);
	f.now_ns += 100 * SECOND_NS;
	tick(&f);
	assert_int_equal(f.note_count, 2);      /* nothing to send */
	fixture_fini(&f);
}

static void test_refresh_by_time(void **state)
{
	static struct fixture f;
	fixture_init(&f, &standard);
	write_rows(&f, 1);
	export_session_flush(&f.session, NULL);
	assert_int_equal(templates_from(&f, 0), 1);
	f.now_ns += 600 * SECOND_NS - 1;
	assert_int_equal(tick(&f), f.now_ns + 1);
	assert_int_equal(templates_from(&f, 1), 0);
	f.now_ns += 1;
	assert_int_equal(tick(&f), f.now_ns + 600 * SECOND_NS);
	assert_int_equal(templates_from(&f, 1), 1);
	assert_int_equal(f.notes[2].sequence, 1);       /* as the data message that follows */
	f.now_ns += 600 * SECOND_NS;
	write_rows(&f, 40 + 1);                 /* data at that time: templates go before them */
	assert_int_equal(f.notes[3].set_id, 2);
	assert_int_equal(f.notes[4].sequence, 1);
	fixture_fini(&f);
}

/* After exactly so many messages, also in the middle of what could have been one burst. */
static void test_refresh_by_messages(void **state)
{
	for (unsigned every = 1; every < 10; every++) {
		static struct fixture f;
		struct export_session_config config = standard;
		config.template_messages = every;
		fixture_init(&f, &config);
		for (unsigned i = 0; i < 7; i++)
			write_rows(&f, 57);
		export_session_flush(&f.session, NULL);
		unsigned since = every;
		for (unsigned i = 0; i < f.note_count; i++) {
			if (f.notes[i].set_id == 2) {
				assert_int_equal(since, every);
				since = 0;
			} else {
				since++;
			}
			assert_in_range(since, 0, every);
		}
		assert_int_equal(f.session.counters.sent, 7 * 57);
		fixture_fini(&f);
	}
}

static void test_too_large(void **state)
{
	static struct fixture f;
	fixture_init(&f, &standard);
	write_text(&f, 120 - 16 - 4 - 2 - 1);   /* fills a message */
	write_text(&f, 120 - 16 - 4 - 2);       /* one octet more */
	write_text(&f, 1000);
	write_text(&f, 5);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.session.counters.too_large, 2);
	assert_int_equal(f.session.counters.sent, 2);
	assert_int_equal(f.notes[1].bytes, 120);
	assert_int_equal(f.notes[2].records, 1);
	write_rows(&f, 1);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.notes[3].sequence, 4);       /* four came before, two of them missing */
	check_account(&f);
	fixture_fini(&f);
}

static void test_loss_shows_in_sequence(void **state)
{
	static struct fixture f;
	fixture_init(&f, &standard);
	f.lose_from = 2;
	f.lose_to = 4;
	write_rows(&f, 45);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.session.counters.lost, 20);
	assert_int_equal(f.session.counters.sent, 25);
	assert_int_equal(f.notes[4].sequence, 30);
	assert_int_equal(f.notes[5].sequence, 40);
	export_session_revoke(&f.session, &(struct record_amount){ 5, 0, 0 });
	assert_int_equal(f.session.counters.lost, 25);
	export_session_revoke(&f.session, &(struct record_amount){ 1000, 0, 0 });
	assert_int_equal(f.session.counters.sent, 0);
	check_account(&f);
	fixture_fini(&f);
}

/* Data must not be left without templates because those were lost. */
static void test_lost_templates_go_again(void **state)
{
	static struct fixture f;
	fixture_init(&f, &standard);
	f.lose_to = 1;
	write_rows(&f, 80);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.notes[0].set_id, 2);
	assert_int_equal(f.notes[5].set_id, 2);
	assert_int_equal(templates_from(&f, 0), 2);
	fixture_fini(&f);
}

static void test_restart(void **state)
{
	static struct fixture f;
	fixture_init(&f, &standard);
	write_rows(&f, 40);
	export_session_flush(&f.session, NULL);
	unsigned before = f.note_count;
	export_session_restart(&f.session);
	write_rows(&f, 40);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.notes[before].set_id, 2);
	assert_int_equal(f.notes[before + 1].sequence, 0);
	fixture_fini(&f);
}

/* RFC 7011, section 8.2: no data may be older than their template. */
static void test_clock_set_back(void **state)
{
	static struct fixture f;
	fixture_init(&f, &standard);
	write_rows(&f, 40);
	export_session_flush(&f.session, NULL);
	unsigned before = f.note_count;
	f.now_ns -= 3600 * SECOND_NS;
	write_rows(&f, 40);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.notes[before].set_id, 2);
	assert_int_equal(f.notes[before].time_s, 1700000000 - 3600);
	assert_int_equal(f.notes[before + 1].time_s, 1700000000 - 3600);
	fixture_fini(&f);
}

static void test_several_template_messages(void **state)
{
	static struct fixture f;
	struct export_session_config config = standard;
	config.message_bytes = 16 + 4 + 4 + 3 * 4;      /* just the first template */
	fixture_init(&f, &config);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.note_count, 2);
	assert_int_equal(templates_from(&f, 0), 2);
	fixture_fini(&f);
}

static void test_template_that_does_not_fit(void **state)
{
	static struct fixture f;
	struct error err = { "" };
	fixture_init(&f, &standard);
	struct schema *wide = records_schema(
		"sourceIPv4Address,octetDeltaCount,reverseOctetDeltaCount,packetDeltaCount,"
		"reversePacketDeltaCount,flowStartSeconds,flowEndSeconds,sourceTransportPort,"
		"destinationTransportPort,vlanId,protocolIdentifier,ingressInterface,egressInterface,"
		"tcpControlBits,reverseTcpControlBits,flowEndReason,ipClassOfService,minimumTTL,maximumTTL,"
		"flowLabelIPv6,samplingInterval,isMulticast", 0);
	assert_int_equal(export_session_schema(&f.session, wide, NULL, &err), -90);
	assert_non_null(strstr(err.text, "22 fields"));
	schema_free(wide);
	fixture_fini(&f);
}

static void test_unknown_schema(void **state)
{
	static struct fixture f;
	fixture_init(&f, &standard);
	struct schema *other = records_schema("vlanId", 0);
	struct record_batch *batch = record_batch_new(other, 1);
	records_row(batch);
	assert_int_equal(export_session_write(&f.session, batch, NULL), -22);
	assert_int_equal(f.session.counters.lost, 1);
	check_account(&f);
	record_batch_release(batch);
	schema_free(other);
	fixture_fini(&f);
}

static void test_narrower_path(void **state)
{
	static struct fixture f;
	fixture_init(&f, &standard);
	write_rows(&f, 15);             /* one message is full, the second has begun as before */
	export_session_limit(&f.session, 60);
	write_rows(&f, 100);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.session.counters.sent, 115);
	for (unsigned i = 3; i < f.note_count; i++)
		assert_in_range(f.notes[i].bytes, 1, 60);
	export_session_limit(&f.session, 5000);
	write_rows(&f, 400);
	for (unsigned i = f.note_count - 4; i < f.note_count; i++)
		assert_int_equal(f.notes[i].bytes, 120);
	fixture_fini(&f);
}

/* RFC 7011, section 8.1: what waits goes first, then id and no fields; the id stays unused as long
 * as others are free. Over UDP nothing is sent (8.4), and nothing before the template was. */
static void test_withdrawal(void **state)
{
	static struct fixture f;
	struct export_session_config reliable = standard;
	struct output_template template;
	for (unsigned withdraws = 0; withdraws < 2; withdraws++) {
		reliable.withdraws = withdraws;
		fixture_init(&f, &reliable);
		write_rows(&f, 1);
		assert_int_equal(export_session_withdraw(&f.session, f.schema[0], NULL), 0);
		assert_int_equal(f.note_count, 2 + withdraws);
		assert_int_equal(f.notes[1].records, 1);
		if (withdraws)
			assert_int_equal(f.notes[2].bytes, 16 + 4 + 4);
		assert_false(export_session_template(&f.session, f.schema[0], &template));
		assert_int_equal(export_session_schema(&f.session, f.schema[0], NULL, NULL), 0);
		assert_true(export_session_template(&f.session, f.schema[0], &template));
		assert_int_equal(template.id, 258);
		check_account(&f);
		fixture_fini(&f);
	}
	fixture_init(&f, &reliable);
	assert_int_equal(export_session_withdraw(&f.session, f.schema[0], NULL), 0);
	assert_int_equal(f.note_count, 0);
	fixture_fini(&f);
}

/* The circle of ids goes round behind 65535, past those in use. */
static void test_ids_go_round(void **state)
{
	static struct fixture f;
	struct output_template template;
	fixture_init(&f, &standard);
	f.session.last_id = 65534;
	const unsigned expected[] = { 65535, 258, 259 };        /* 256 and 257 are in use */
	for (unsigned i = 0; i < 3; i++) {
		struct schema *schema = records_schema("vlanId", 0);
		assert_int_equal(export_session_schema(&f.session, schema, NULL, NULL), 0);
		assert_true(export_session_template(&f.session, schema, &template));
		assert_int_equal(template.id, expected[i]);
		assert_int_equal(export_session_withdraw(&f.session, schema, NULL), 0);
		schema_free(schema);
	}
	fixture_fini(&f);
}

/* Records dropped ahead are missing in the sequence, not in the account: the queue has counted
 * them. NetFlow v9 counts messages. */
static void test_missed(void **state)
{
	static struct fixture f;
	struct output_missed missed = { .amount = { 1000, 2000, 3000 }, .first_ns = 1, .last_ns = 2 };
	fixture_init(&f, &standard);
	write_rows(&f, 10);
	export_session_flush(&f.session, NULL);
	export_session_missed(&f.session, &missed);
	export_session_missed(&f.session, &missed);
	write_rows(&f, 10);
	export_session_flush(&f.session, NULL);
	assert_int_equal(f.notes[f.note_count - 1].sequence, 10 + 2000);
	assert_int_equal(f.session.counters.taken, 20);
	assert_int_equal(f.session.counters.missed.amount.packets, 4000);
	assert_int_equal(f.session.counters.missed.first_ns, 1);
	check_account(&f);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bursts_and_sequence),
		cmocka_unit_test(test_sequence_wraps),
		cmocka_unit_test(test_streams_have_sequences_of_their_own),
		cmocka_unit_test(test_idle_flush),
		cmocka_unit_test(test_refresh_by_time),
		cmocka_unit_test(test_refresh_by_messages),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_loss_shows_in_sequence),
		cmocka_unit_test(test_lost_templates_go_again),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_several_template_messages),
		cmocka_unit_test(test_template_that_does_not_fit),
		cmocka_unit_test(test_unknown_schema),
		cmocka_unit_test(test_narrower_path),
		cmocka_unit_test(test_withdrawal),
		cmocka_unit_test(test_ids_go_round),
		cmocka_unit_test(test_missed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

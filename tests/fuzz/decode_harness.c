/* SPDX-License-Identifier: Apache-2.0 */
/* See decode_harness.h. */
#include "decode_harness.h"

#include <stdlib.h>
#include <string.h>

#include "record/value_text.h"

enum { MESSAGE_MAX = 4096, HEADER_MAX = 24 };
#define MINUTE_NS UINT64_C(60000000000)

void check(bool truth)
{
	if (!truth)
		abort();
}

void harness_read_row(const struct record_batch *batch, const uint8_t *row)
{
	static char text[1 << 20];
	for (unsigned i = 0; i < batch->schema->column_count; i++) {
		uint32_t bytes;
		const uint8_t *octets = value_read_octets(batch, row, i, &bytes);
		uint8_t sum = 0;
		for (uint32_t k = 0; k < bytes; k++)
			sum ^= octets[k];       /* a sanitizer sees a wrong slice */
		text[0] = (char)sum;
		value_to_json(batch, row, i, text, sizeof text);
	}
}

static void emit(void *context, const struct layout *layout, struct record_batch *batch)
{
	struct harness *h = context;
	check(batch->count > 0 && batch->count <= batch->capacity);
	check(!layout->options || h->options);
	for (uint32_t i = 0; i < batch->count; i++)
		harness_read_row(batch, record_row(batch, i));
	h->rows += batch->count;
	record_batch_release(batch);
}

void harness_init(struct harness *h, enum decode_transport transport, bool options)
{
	*h = (struct harness){ .options = options };
	struct decoder_setup setup = {
		.template_lifetime_ns = 10 * MINUTE_NS, .session_bytes = HARNESS_SESSION_BYTES,
		.total_bytes = HARNESS_TOTAL_BYTES, .layouts_max = 64, .elements_max = 64,
		.domains_max = 8, .options = options, .sampling = options, .emit = emit, .context = h,
	};
	struct decode_session_setup session = { .transport = transport, .exporter_family = 4,
	                                        .exporter = { 192, 0, 2, 1 } };
	check(decoder_new(&setup, &h->decoder) == 0);
	h->session = decode_session_new(h->decoder, &session);
	check(h->session);
}

static void check_account(const struct harness *h)
{
	const struct decode_counters *c = decode_session_counters(h->session);
	uint64_t messages = 0, octets = 0, sets = c->template_sets + c->data_sets + c->waiting;
	for (unsigned i = 0; i < FAULT_COUNT; i++) {
		messages += c->discarded[i];
		octets += c->discarded_octets[i];
	}
	for (unsigned i = 0; i < DECODE_DROP_COUNT; i++)
		sets += c->dropped[i];
	check(messages == c->messages && octets == c->octets && sets == c->sets);
	check(decoder_bytes(h->decoder) <= HARNESS_SESSION_BYTES);
}

enum decode_fault harness_message(struct harness *h, const struct decode_message *message)
{
	enum decode_fault fault = decode_message(h->session, message);
	check(fault < FAULT_COUNT);
	check_account(h);
	return fault;
}

void harness_fini(struct harness *h)
{
	decode_session_end(h->session);
	decoder_flush(h->decoder);
	check_account(h);
	const struct decode_counters *c = decode_session_counters(h->session);
	check(c->waiting == 0);
	check(h->rows == c->records + (h->options ? c->options_records : 0));
	decode_session_free(h->session);
	check(decoder_bytes(h->decoder) == 0);
	decoder_free(h->decoder);
}

static void put_header_right(uint16_t version, uint8_t *octets, size_t bytes)
{
	if (bytes < 4)
		return;
	octets[0] = 0;
	octets[1] = (uint8_t)version;
	if (version == 10) {
		octets[2] = (uint8_t)(bytes >> 8);
		octets[3] = (uint8_t)bytes;
	} else if (version == 5 && bytes >= HEADER_MAX) {
		size_t records = (bytes - HEADER_MAX) / 48;
		octets[2] = (uint8_t)(records >> 8);
		octets[3] = (uint8_t)records;
	}
}

int harness_fuzz(uint16_t version, const uint8_t *data, size_t size)
{
	struct harness h;
	uint64_t now_ns = MINUTE_NS;
	if (size == 0)
		return 0;
	harness_init(&h, (enum decode_transport)(data[0] & 3), data[0] & 4);
	for (size_t at = 1; at + 3 <= size;) {
		size_t bytes = (size_t)(data[at] << 8 | data[at + 1]) % MESSAGE_MAX;
		uint8_t how = data[at + 2];
		at += 3;
		if (bytes > size - at)
			bytes = size - at;
		uint8_t *octets = malloc(bytes ? bytes : 1);
		check(octets);
		memcpy(octets, data + at, bytes);
		at += bytes;
		if (!(how & 2))
			put_header_right(version, octets, bytes);
		now_ns += how & 1 ? MINUTE_NS : 0;
		harness_message(&h, &(struct decode_message){
			.octets = octets, .bytes = (uint32_t)bytes, .time_ns = now_ns,
			.time_is_collection = true, .stream = how >> 2 & 3 });
		free(octets);
	}
	harness_fini(&h);
	return 0;
}

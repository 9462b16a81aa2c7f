/* SPDX-License-Identifier: Apache-2.0 */
/* A schema, what it compiles to, rows and a message. Included after cmocka.h. */
#ifndef TESTS_UNIT_IPFIX_MESSAGE_FIXTURE_H
#define TESTS_UNIT_IPFIX_MESSAGE_FIXTURE_H

#include "ipfix/message.h"
#include "records.h"

struct fixture {
	struct ipfix_encoder_settings settings;
	struct ipfix_form form;
	struct schema *schema;
	struct ipfix_encoder *encoder;
	struct record_batch *batch;
	uint8_t octets[4096];
	struct ipfix_message message;
};

/* Settings and form may be set before; the schema is the fixture's from here on. */
static inline void fixture_schema(struct fixture *f, struct schema *schema)
{
	f->schema = schema;
	if (!f->settings.template_id)
		f->settings.template_id = 256;
	f->form.format = f->settings.format;
	if (!f->form.limit)
		f->form.limit = sizeof f->octets;
	assert_int_equal(ipfix_encoder_new(schema, &f->settings, &f->encoder, NULL), 0);
	f->batch = record_batch_new(schema, 200);
	ipfix_message_begin(&f->message, f->octets, &f->form);
}

static inline void fixture_init(struct fixture *f, const char *names)
{
	*f = (struct fixture){ 0 };
	fixture_schema(f, records_schema(names, 0));
}

static inline void fixture_fini(struct fixture *f)
{
	record_batch_release(f->batch);
	ipfix_encoder_free(f->encoder);
	schema_free(f->schema);
}

static inline void check_octets(struct fixture *f, const struct ipfix_header *header,
                                const uint8_t *expected, size_t bytes)
{
	assert_int_equal(ipfix_message_seal(&f->message, header), bytes);
	assert_memory_equal(f->octets, expected, bytes);
}

static inline uint32_t add_rows(struct fixture *f)
{
	return ipfix_message_add_rows(&f->message, f->encoder, f->batch, 0, f->batch->count);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the metering process that need no packets: sampling, interfaces, applications. What the
 * pump counts is proven by tests/interop/test_options.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "engine/metering_options.h"
#include "record/value_text.h"

enum { ROOM = 16 };

struct fixture {
	struct metering_options *options;
	struct record_batch *batches[ROOM];
	unsigned count;
};

static void init(struct fixture *f, const struct metering_options_setup *setup)
{
	assert_int_equal(metering_options_new(setup, &f->options, NULL), 0);
	f->count = metering_options_read(f->options, f->batches, ROOM);
}

static void fini(struct fixture *f)
{
	for (unsigned i = 0; i < f->count; i++)
		record_batch_release(f->batches[i]);
	metering_options_free(f->options);
}

/* The table whose first value field this is, as "scope|value|value" lines. */
static const char *table(const struct fixture *f, const char *field)
{
	static char text[1024];
	size_t at = 0;
	text[0] = '\0';
	for (unsigned b = 0; b < f->count; b++) {
		const struct record_batch *batch = f->batches[b];
		const struct schema *schema = batch->schema;
		if (strcmp(schema->column[schema->scope_count].field->name, field) != 0)
			continue;
		for (unsigned i = 0; i < batch->count; i++)
			for (unsigned k = 0; k < schema->column_count; k++) {
				at += value_to_text(batch, record_row(batch, i), k, text + at, sizeof text - at);
				text[at++] = k + 1 < schema->column_count ? '|' : '\n';
				text[at] = '\0';
			}
	}
	return text;
}

static void test_sampling(void **state)
{
	struct fixture f;
	init(&f, &(struct metering_options_setup){ .meters = 1, .sample = 100 });
	assert_string_equal(table(&f, "observationPointId"), "1|1|1\n");
	assert_string_equal(table(&f, "selectorAlgorithm"), "1|1|1|99\n");
	assert_string_equal(table(&f, "samplingInterval"), "|100|1\n");
	assert_int_equal(f.count, 3);
	fini(&f);
	init(&f, &(struct metering_options_setup){ .meters = 1, .sample = 8, .sample_random = true });
	assert_string_equal(table(&f, "selectorAlgorithm"), "1|4|0.125\n");
	assert_string_equal(table(&f, "samplingInterval"), "|8|2\n");
	fini(&f);
	init(&f, &(struct metering_options_setup){ .meters = 1, .sample = 1 });
	assert_int_equal(f.count, 0);
	fini(&f);
}

static void test_interfaces(void **state)
{
	struct fixture f;
	const struct capture_interface interfaces[] = {
		{ .name = "no-such-0", .index = 3 }, { .name = "../no-such", .index = 4 },
	};
	init(&f, &(struct metering_options_setup){ .interfaces = interfaces, .interface_count = 2 });
	assert_string_equal(table(&f, "interfaceName"), "3|no-such-0|\n4|../no-such|\n");
	fini(&f);
}

/* RFC 6759: engine 13 and a selector of 24 bits. */
static void test_applications(void **state)
{
	struct fixture f;
	const struct identify_application names[] = {
		{ { 13, 0, 0, 5 }, 4, "DNS" }, { { 3, 0, 123 }, 3, "NTP" },
	};
	init(&f, &(struct metering_options_setup){ .applications = names, .application_count = 2 });
	assert_string_equal(table(&f, "applicationName"),
	                    "0d000005|DNS\n03007b|NTP\n");
	fini(&f);
}

/* With less room than tables the first ones come, and nothing is written behind. */
static void test_little_room(void **state)
{
	struct metering_options *options;
	struct record_batch *batches[2] = { NULL, NULL };
	const struct metering_options_setup setup = { .meters = 1, .sample = 100 };
	assert_int_equal(metering_options_new(&setup, &options, NULL), 0);
	assert_int_equal(metering_options_read(options, batches, 1), 1);
	assert_non_null(batches[0]);
	assert_null(batches[1]);
	record_batch_release(batches[0]);
	metering_options_free(options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sampling), cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_applications), cmocka_unit_test(test_little_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ipfix:FILE: each file begins with templates and sequence 0, and the accounts agree with what
 * is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "output/output.h"
#include "../ipfix/records.h"

extern const struct output_kind output_ipfix_file;

struct fixture {
	char folder[64];
	struct output_env env;
	struct output *output;
	struct schema *schema;
};

static int output_try(struct fixture *f, const char *name, struct error *err)
{
	char text[256];
	struct address address;
	snprintf(text, sizeof text, "ipfix:%s/%s%soptions=off", f->folder, name,
	         strchr(name, '?') ? "&" : "?");
	int rc = address_parse(text, &address, err);
	if (rc < 0)
		return rc;
	rc = output_ipfix_file.open(&address, &f->env, &f->output, err);
	address_fini(&address);
	return rc;
}

static void fixture_init(struct fixture *f, const char *name)
{
	struct error err = { "" };
	*f = (struct fixture){ .folder = "/tmp/weir-ipfix-XXXXXX" };
	assert_non_null(mkdtemp(f->folder));
	if (output_try(f, name, &err) < 0)
		fail_msg("%s", err.text);
	f->schema = records_schema("sourceIPv4Address,octetDeltaCount,applicationName", 0);
	assert_int_equal(output_ipfix_file.schema(f->output, f->schema, NULL), 0);
}

static void fixture_fini(struct fixture *f)
{
	char command[128];
	if (f->output)
		output_ipfix_file.close(f->output);
	schema_free(f->schema);
	snprintf(command, sizeof command, "rm -r %s", f->folder);
	assert_int_equal(system(command), 0);
}

static struct output_counters counters_of(const struct fixture *f)
{
	struct output_counters counters;
	output_ipfix_file.counters(f->output, &counters);
	assert_true(output_counters_balanced(&counters));
	return counters;
}

static void write_rows(struct fixture *f, unsigned count)
{
	struct record_batch *batch = record_batch_new(f->schema, count);
	for (unsigned i = 0; i < count; i++) {
		records_row(batch);
		records_text(batch, 2, "dns");
	}
	assert_int_equal(output_ipfix_file.write(f->output, batch, NULL), 0);
	record_batch_release(batch);
	counters_of(f);
}

struct content {
	unsigned messages, templates;
	uint32_t records;
};

/* Messages of a file; records have 4 + 8 + 1 + 3 octets. */
static struct content content_of(const struct fixture *f, const char *name, long *ret_bytes)
{
	static uint8_t octets[4 << 20];
	char path[160];
	struct content c = { 0 };
	snprintf(path, sizeof path, "%s/%s", f->folder, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t size = fread(octets, 1, sizeof octets, file), at = 0;
	fclose(file);
	while (at < size) {
		const uint8_t *m = octets + at;
		assert_true(size - at >= 20);
		assert_int_equal(load_be16(m), 10);
		assert_int_equal(load_be32(m + 8), c.records);
		c.messages++;
		if (load_be16(m + 16) == 2)
			c.templates++;
		else
			c.records += (load_be16(m + 2) - 20u) / 16;
		if (c.messages == 1)
			assert_int_equal(load_be16(m + 16), 2);
		at += load_be16(m + 2);
	}
	assert_int_equal(at, size);
	*ret_bytes = (long)size;
	return c;
}

static void test_file(void **state)
{
	struct fixture f;
	long bytes;
	fixture_init(&f, "a.ipfix");
	for (unsigned i = 0; i < 100; i++)
		write_rows(&f, 77);
	assert_int_equal(output_ipfix_file.finish(f.output, UINT64_MAX, NULL), 0);
	struct content c = content_of(&f, "a.ipfix", &bytes);
	struct output_counters counters = counters_of(&f);
	assert_int_equal(c.records, 7700);
	assert_int_equal(c.templates, 1);
	/* (16384 - 20) / 16 = 1022 records a message */
	assert_int_equal(c.messages, 1 + 8);
	assert_int_equal(counters.acknowledged, 7700);
	assert_int_equal(counters.octets, bytes);
	assert_int_equal(counters.messages, 9);
	fixture_fini(&f);
}

static void test_without_records(void **state)
{
	struct fixture f;
	long bytes;
	fixture_init(&f, "empty.ipfix");
	assert_int_equal(output_ipfix_file.finish(f.output, UINT64_MAX, NULL), 0);
	struct content c = content_of(&f, "empty.ipfix", &bytes);
	assert_int_equal(c.messages, 1);
	assert_int_equal(c.templates, 1);
	fixture_fini(&f);
}

/* What waits for a fuller message belongs to the file before the rotation. */
static void test_reopen_begins_anew(void **state)
{
	struct fixture f;
	long bytes;
	fixture_init(&f, "r.ipfix?rotate=1h");
	write_rows(&f, 10);
	assert_int_equal(output_ipfix_file.reopen(f.output, NULL), 0);
	write_rows(&f, 20);
	assert_int_equal(output_ipfix_file.finish(f.output, UINT64_MAX, NULL), 0);
	assert_int_equal(content_of(&f, "r.ipfix", &bytes).records, 10);
	assert_int_equal(content_of(&f, "r-1.ipfix", &bytes).records, 20);
	assert_int_equal(counters_of(&f).acknowledged, 30);
	fixture_fini(&f);
}

static void test_rotation_by_size(void **state)
{
	struct fixture f;
	long bytes;
	uint32_t records = 0;
	fixture_init(&f, "s.ipfix?rotate-size=1000&mtu=500");
	for (unsigned i = 0; i < 10; i++)
		write_rows(&f, 60);
	assert_int_equal(output_ipfix_file.finish(f.output, UINT64_MAX, NULL), 0);
	for (unsigned i = 0; i < 20 && records < 600; i++) {
		char name[32];
		snprintf(name, sizeof name, i ? "s-%u.ipfix" : "s.ipfix", i);
		struct content c = content_of(&f, name, &bytes);
		assert_int_equal(c.templates, 1);
		records += c.records;
	}
	assert_int_equal(records, 600);
	fixture_fini(&f);
}

static void test_too_large(void **state)
{
	struct fixture f;
	fixture_init(&f, "t.ipfix?mtu=128");
	struct record_batch *batch = record_batch_new(f.schema, 2);
	char text[200];
	memset(text, 'x', sizeof text);
	records_row(batch);
	records_octets(batch, 2, text, sizeof text);
	records_row(batch);
	records_text(batch, 2, "dns");
	assert_int_equal(output_ipfix_file.write(f.output, batch, NULL), 0);
	record_batch_release(batch);
	assert_int_equal(output_ipfix_file.finish(f.output, UINT64_MAX, NULL), 0);
	struct output_counters counters = counters_of(&f);
	assert_int_equal(counters.dropped[DROP_TOO_LARGE], 1);
	assert_int_equal(counters.acknowledged, 1);
	assert_int_equal(counters.accepted, 2);
	fixture_fini(&f);
}

static void test_full_disk(void **state)
{
	struct fixture f = { .folder = "/dev" };
	struct error err = { "" };
	assert_int_equal(output_try(&f, "full", &err), 0);
	f.schema = records_schema("sourceIPv4Address,octetDeltaCount,applicationName", 0);
	assert_int_equal(output_ipfix_file.schema(f.output, f.schema, NULL), 0);
	write_rows(&f, 50);
	assert_true(output_ipfix_file.finish(f.output, UINT64_MAX, &err) < 0);
	assert_non_null(strstr(err.text, "/dev/full"));
	struct output_counters counters = counters_of(&f);
	assert_int_equal(counters.dropped[DROP_WRITE_FAILED], 50);
	assert_int_equal(counters.acknowledged, 0);
	output_ipfix_file.close(f.output);
	schema_free(f.schema);
}

static void test_wrong_parameters(void **state)
{
	struct fixture f;
	struct error err = { "" };
	fixture_init(&f, "w.ipfix");
	output_ipfix_file.close(f.output);
	f.output = NULL;
	assert_true(output_try(&f, "w.ipfix?mtu=10", &err) < 0);
	assert_non_null(strstr(err.text, "128 to 65535"));
	assert_true(output_try(&f, "w.ipfix?template-refresh=1m", &err) < 0);
	assert_non_null(strstr(err.text, "template-refresh"));
	assert_null(f.output);
	fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_without_records),
		cmocka_unit_test(test_reopen_begins_anew),
		cmocka_unit_test(test_rotation_by_size),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_wrong_parameters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

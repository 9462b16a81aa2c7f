/* SPDX-License-Identifier: Apache-2.0 */
/* json: names, numbers, texts, absence, 64-bit integers as texts;
 * expectations are written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

static const char *json_of(const char *parameters, const char *names, const char *const *rows)
{
	struct rows_file f;
	struct error err = { "" };
	struct schema *schema = rows_schema(names);
	struct record_batch *batch = record_batch_new(schema, 16);
	rows_open(&f, "json", parameters);
	assert_int_equal(f.output->kind->schema(f.output, schema, &err), 0);
	for (; *rows; rows++)
		rows_add(batch, *rows);
	rows_write(&f, batch);
	const char *text = rows_finish(&f);
	record_batch_release(batch);
	schema_free(schema);
	return text;
}

#define ROWS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_a_flow(void **state)
{
	const char *names = "flowStartMicroseconds,sourceIPv4Address,sourceIPv6Address,"
	                    "sourceTransportPort,protocolIdentifier,octetDeltaCount,"
	                    "reverseOctetDeltaCount";
	assert_string_equal(
		json_of("", names, ROWS("1700000000123456|192.0.2.1|-|443|6|18446744073709551615|0",
		                        "1700000000123457|-|2001:db8::1|53|17|1|-")),
		"{\"flowStartMicroseconds\":1700000000123456,\"sourceIPv4Address\":\"192.0.2.1\","
		"\"sourceTransportPort\":443,\"protocolIdentifier\":6,"
		"\"octetDeltaCount\":18446744073709551615,\"reverseOctetDeltaCount\":0}\n"
		"{\"flowStartMicroseconds\":1700000000123457,\"sourceIPv6Address\":\"2001:db8::1\","
		"\"sourceTransportPort\":53,\"protocolIdentifier\":17,\"octetDeltaCount\":1}\n");
}

static void test_int64_as_text(void **state)
{
	const char *names =
		"flowEndMilliseconds,octetDeltaCount,ingressInterface,mibObjectValueInteger";
	assert_string_equal(json_of("?int64=string", names, ROWS("1700000000123|7|4000000000|-5")),
	                    "{\"flowEndMilliseconds\":\"1700000000123\",\"octetDeltaCount\":\"7\","
	                    "\"ingressInterface\":4000000000,\"mibObjectValueInteger\":-5}\n");
}

static void test_nothing_present(void **state)
{
	assert_string_equal(json_of("", "octetDeltaCount,vlanId", ROWS("-|-", "-|3")),
	                    "{}\n{\"vlanId\":3}\n");
}

static void test_texts_are_escaped(void **state)
{
	struct rows_file f;
	struct error err = { "" };
	struct schema *schema = rows_schema("interfaceName,sourceMacAddress");
	struct record_batch *batch = record_batch_new(schema, 2);
	struct value_writer w = { .batch = batch, .row = record_batch_append(batch) };
	value_write_octets(&w, "a\"b\\\n\x01\xc3\xa9", 8);
	w.column = 1;
	value_write_octets(&w, "\x00\x11\x22\x33\x44\xff", 6);
	rows_open(&f, "json", "");
	assert_int_equal(f.output->kind->schema(f.output, schema, &err), 0);
	rows_write(&f, batch);
	assert_string_equal(rows_finish(&f),
	                    "{\"interfaceName\":\"a\\\"b\\\\\\n\\u0001\xc3\xa9\","
	                    "\"sourceMacAddress\":\"00:11:22:33:44:ff\"}\n");
	record_batch_release(batch);
	schema_free(schema);
}

/* Longer than the buffer, every octet of it escaped to six. */
static void test_long_text_has_room(void **state)
{
	enum { LENGTH = 60000 };
	struct rows_file f;
	struct error err = { "" };
	struct schema *schema = rows_schema("interfaceDescription");
	struct record_batch *batch = record_batch_new(schema, 1);
	struct value_writer w = { .batch = batch, .row = record_batch_append(batch) };
	char *octets = malloc(LENGTH);
	memset(octets, 1, LENGTH);
	value_write_octets(&w, octets, LENGTH);
	rows_open(&f, "json", "");
	assert_int_equal(f.output->kind->schema(f.output, schema, &err), 0);
	rows_write(&f, batch);
	const char *text = rows_finish(&f);
	assert_int_equal(strlen(text), strlen("{\"interfaceDescription\":\"\"}\n") + 6 * LENGTH);
	free(octets);
	record_batch_release(batch);
	schema_free(schema);
}

static void test_no_infinity(void **state)
{
	struct rows_file f;
	struct error err = { "" };
	struct schema *schema = rows_schema("samplingProbability,vlanId");
	struct record_batch *batch = record_batch_new(schema, 2);
	double values[] = { HUGE_VAL, 0.25 };
	for (unsigned i = 0; i < 2; i++) {
		struct value_writer w = { .batch = batch, .row = record_batch_append(batch) };
		memcpy(w.row + schema->column[0].offset, &values[i], sizeof values[i]);
		record_set_present(schema, w.row, 0);
	}
	rows_open(&f, "json", "");
	assert_int_equal(f.output->kind->schema(f.output, schema, &err), 0);
	rows_write(&f, batch);
	assert_string_equal(rows_finish(&f), "{}\n{\"samplingProbability\":0.25}\n");
	record_batch_release(batch);
	schema_free(schema);
}

static void test_several_schemas(void **state)
{
	struct rows_file f;
	struct error err = { "" };
	struct schema *one = rows_schema("vlanId"), *two = rows_schema("octetDeltaCount");
	struct record_batch *a = record_batch_new(one, 1), *b = record_batch_new(two, 1);
	rows_add(a, "5");
	rows_add(b, "6");
	rows_open(&f, "json", "");
	assert_int_equal(f.output->kind->schema(f.output, one, &err), 0);
	assert_int_equal(f.output->kind->schema(f.output, two, &err), 0);
	rows_write(&f, a);
	rows_write(&f, b);
	rows_write(&f, a);
	assert_string_equal(rows_finish(&f),
	                    "{\"vlanId\":5}\n{\"octetDeltaCount\":6}\n{\"vlanId\":5}\n");
	record_batch_release(a);
	record_batch_release(b);
	schema_free(one);
	schema_free(two);
}

static void test_wrong_parameter(void **state)
{
	struct address address;
	struct error err = { "" };
	struct output *o = NULL;
	struct output_env env = { 0 };
	assert_int_equal(address_parse("json:-?int64=words", &address, &err), 0);
	assert_true(output_kind_find("json")->open(&address, &env, &o, &err) < 0);
	assert_string_equal(err.text,
	                    "json:-?int64=words: int64 is \"words\", expected number or string");
	address_fini(&address);
}

/* RFC 6313: protocols, an empty list, a list of lists, and octets that are no list. */
static void test_lists(void **state)
{
	assert_string_equal(json_of("", "basicList", ROWS("04000400010611", "ff00040001",
	                                                  "040123ffff06ff0004000106", "ff0004")),
	                    "{\"basicList\":[6,17]}\n{\"basicList\":[]}\n"
	                    "{\"basicList\":[[6]]}\n{\"basicList\":\"ff0004\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_flow),
		cmocka_unit_test(test_int64_as_text),
		cmocka_unit_test(test_nothing_present),
		cmocka_unit_test(test_texts_are_escaped),
		cmocka_unit_test(test_long_text_has_room),
		cmocka_unit_test(test_no_infinity),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_several_schemas),
		cmocka_unit_test(test_wrong_parameter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

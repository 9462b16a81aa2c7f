/* SPDX-License-Identifier: Apache-2.0 */
/* The list of kinds, names of drops, the standard fields, the balance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/compiler.h"
#include "output/output.h"

static void test_every_kind_is_whole(void **state)
{
	for (unsigned i = 0; output_kinds[i]; i++) {
		const struct output_kind *k = output_kinds[i];
		assert_ptr_equal(output_kind_find(k->scheme), k);
		assert_true(k->help && k->open && k->schema && k->write && k->tick && k->finish &&
		            k->counters && k->close);
		unsigned words = 0;
		while (k->parameters && k->parameters[words])
			words++;
		assert_int_equal(words % 3, 0);
	}
	assert_null(output_kind_find("carrier-pigeon"));
}

static void test_standard_fields_exist(void **state)
{
	for (unsigned i = 0; output_standard_fields[i]; i++) {
		bool reverse;
		const char *name = output_standard_fields[i];
		const struct field *field = field_find(name, strlen(name), &reverse);
		assert_non_null(field);
		assert_int_equal(reverse, strncmp(name, "reverse", 7) == 0);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(output_standard_fields[j], name);
	}
}

static void test_drops_have_names(void **state)
{
	for (unsigned i = 0; i < DROP_COUNT; i++)
		assert_true(strlen(output_drop_name(i)) > 3);
	assert_string_equal(output_drop_name(DROP_QUEUE_FULL), "queue_full");
}

static void test_balance(void **state)
{
	struct output_counters c = { .accepted = 31, .acknowledged = 1, .sent = 2, .queued = 4,
	                             .spilled = 8 };
	c.dropped[DROP_WRITE_FAILED] = 16;
	assert_true(output_counters_balanced(&c));
	c.dropped[DROP_QUEUE_FULL] = 1;
	assert_false(output_counters_balanced(&c));
	c.accepted++;
	assert_true(output_counters_balanced(&c));
}

static void test_null_takes_all(void **state)
{
	struct address address;
	struct error err = { "" };
	struct output *o;
	struct output_env env = { 0 };
	struct output_counters c;
	assert_int_equal(address_parse("null:", &address, &err), 0);
	const struct output_kind *kind = output_kind_find(address.scheme);
	assert_int_equal(kind->open(&address, &env, &o, &err), 0);
	struct record_batch batch = { .count = 5 };
	assert_int_equal(kind->write(o, &batch, &err), 0);
	kind->counters(o, &c);
	assert_true(c.accepted == 5 && c.acknowledged == 5);
	kind->close(o);
	address_fini(&address);
}

static void test_unknown_parameter(void **state)
{
	struct address address;
	struct error err = { "" };
	struct output *o = NULL;
	struct output_env env = { 0 };
	assert_int_equal(address_parse("json:/dev/null?rotat=5m", &address, &err), 0);
	assert_true(output_kind_find("json")->open(&address, &env, &o, &err) < 0);
	assert_non_null(strstr(err.text, "rotat"));
	assert_non_null(strstr(err.text, "rotate"));
	assert_non_null(strstr(err.text, "int64"));
	assert_null(o);
	address_fini(&address);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_is_whole),
		cmocka_unit_test(test_standard_fields_exist),
		cmocka_unit_test(test_drops_have_names),
		cmocka_unit_test(test_balance),
		cmocka_unit_test(test_null_takes_all),
		cmocka_unit_test(test_unknown_parameter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

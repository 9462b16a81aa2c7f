/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options (engine/settings.c): defaults, and that it is fit to be help, manual and
 * YAML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/compiler.h"
#include "engine/settings.h"

static const uint64_t second = 1000000000;

static void defaults(void **state)
{
	struct settings s;
	struct option_set *set;
	struct error err = { "" };
	memset(&s, 0xa5, sizeof s);     /* whatever was there before */
	s.files = s.interfaces = s.outputs = (struct text_list){ 0 };
	if (option_set_new(meter_options, &s, &set, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(s.files.count + s.interfaces.count + s.outputs.count, 0);
	assert_null(s.config);
	assert_null(s.write_packets);
	assert_null(s.filter);
	assert_int_equal(s.snaplen_bytes, 2048);
	assert_true(s.promiscuous);
	assert_int_equal(s.packet_limit, 0);
	assert_true(s.duration_ns == DURATION_OFF);
	assert_int_equal(s.buffer_bytes, 64 << 20);
	assert_int_equal(s.idle_timeout_ns, 30 * second);
	assert_int_equal(s.active_timeout_ns, 120 * second);
	assert_int_equal(s.tcp_linger_ns, 5 * second);
	assert_int_equal(s.max_flows, 0);
	assert_int_equal(s.flood_records, 10000);
	assert_int_equal(s.memory_bytes, 0);
	assert_null(s.key);
	assert_true(s.vlan_key);
	assert_false(s.per_interface);
	assert_int_equal(s.icmp_key, ICMP_KEY_TYPE);
	assert_false(s.tunnels);
	assert_int_equal(s.direction, DIRECTION_EVIDENCE);
	assert_false(s.uniflow);
	assert_int_equal(s.sample, 1);
	assert_int_equal(s.sample_mode, 0);
	assert_false(s.meter_own_export);
	assert_int_equal(s.workers, 1);
	assert_null(s.user);
	assert_null(s.fields);
	assert_false(s.sort);
	assert_null(s.stats);
	assert_true(s.stats_interval_ns == DURATION_OFF);
	assert_false(s.check);
	assert_false(s.verbose);
	assert_false(s.quiet);
	option_set_free(set);
}

static void table_is_sound(void **state)
{
	for (const struct option *o = meter_options; o->name; o++) {
		assert_non_null(o->help);
		assert_int_equal(strcspn(o->help, "\n\t"), strlen(o->help));
		assert_true(o != meter_options || o->group);
		assert_true(o->type != OPTION_CHOICE || o->choices);
		assert_true(!option_takes_value(o) || o->argument || o->choices);
		assert_true(option_takes_value(o) || !o->argument);
		for (const struct option *other = meter_options; other < o; other++) {
			assert_string_not_equal(other->name, o->name);
			if (o->letter)
				assert_int_not_equal(other->letter, o->letter);
			assert_int_not_equal(other->offset, o->offset);
		}
	}
}

static void letters(void **state)
{
	static const struct {
		char letter;
		const char *name;
	} expected[] = {
		{ 'i', "interface" }, { 'r', "read" }, { 'o', "output" }, { 'f', "config" }, { 's',
		                                                                               "snaplen" },
		{ 'p', "no-promiscuous" }, { 'c', "count" }, { 'v', "verbose" }, { 'q', "quiet" },
		{ 'd', "idle-timeout" }, { 't', "active-timeout" }, { 'm', "max-flows" }, { 'B', "buffer" },
		{ 'k', "key" }, { 'j', "workers" }, { 'u', "user" }, { 'w', "write" },
		{ 0, "tcp-linger" }, { 0, "memory" }, { 0, "no-vlan-key" }, { 0, "per-interface" },
		{ 0, "icmp-key" }, { 0, "tunnels" }, { 0, "direction" }, { 0, "uniflow" }, { 0, "sample" },
		{ 0, "fields" }, { 0, "sort" }, { 0, "stats" }, { 0, "duration" },
	};
	for (size_t i = 0; i < array_count(expected); i++) {
		const struct option *o = meter_options;
		while (o->name && strcmp(o->name, expected[i].name) != 0)
			o++;
		if (!o->name || o->letter != expected[i].letter)
			fail_msg("--%s is missing or has another letter", expected[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults), cmocka_unit_test(table_is_sound), cmocka_unit_test(letters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

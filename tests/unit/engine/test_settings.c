/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options (engine/settings.c): defaults, and that it is fit to be help, manual and
 * YAML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

struct bench {
	struct settings settings;
	struct option_set *set;
	struct error err;
};

static int read_text(struct bench *b, const char *text)
{
	char path[] = "test_settings_XXXXXX";
	memset(b, 0, sizeof *b);
	assert_int_equal(option_set_new(meter_options, &b->settings, &b->set, &b->err), 0);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	int r = option_read_yaml(b->set, path, &b->err);
	unlink(path);
	return r;
}

static void one_meter_without_a_list(void **state)
{
	struct bench b;
	struct meter_entry meters[METERS_MAX];
	assert_int_equal(read_text(&b, "idle-timeout: 7s\nkey: [sourceIPv4Address/24, vlanId]\n"
	                               "uniflow: yes\noutput: [a, b]\nmax-flows: 9\n"), 0);
	assert_int_equal(settings_meters(&b.settings, meters), 1);
	assert_null(meters[0].place);
	assert_string_equal(meters[0].name, "flows");
	assert_string_equal(meters[0].key, "sourceIPv4Address/24,vlanId");
	assert_true(meters[0].idle_timeout_ns == 7 * second);
	assert_true(meters[0].active_timeout_ns == 120 * second);
	assert_true(meters[0].uniflow && meters[0].vlan_key);
	assert_int_equal(meters[0].max_flows, 9);
	assert_int_equal(meters[0].outputs.count, 2);
	option_set_free(b.set);
}

static void meters_of_a_list(void **state)
{
	struct bench b;
	struct meter_entry meters[METERS_MAX];
	assert_int_equal(read_text(&b, "idle-timeout: 7s\nfilter: ip\noutput: [a]\nvlan-key: no\n"
	                               "meters:\n- {name: x, active-timeout: 9s, direction: first}\n"
	                               "- {name: y, filter: tcp, output: [b, a], vlan-key: yes,\n"
	                               "   values: [octetDeltaCount=4, +vlanId], tcp-linger: off}\n"),
	                 0);
	assert_int_equal(settings_meters(&b.settings, meters), 2);
	assert_true(meters[0].idle_timeout_ns == 7 * second);
	assert_true(meters[0].active_timeout_ns == 9 * second);
	assert_true(meters[1].active_timeout_ns == 120 * second);
	assert_true(meters[1].tcp_linger_ns == DURATION_OFF);
	assert_int_equal(meters[0].direction, DIRECTION_FIRST);
	assert_int_equal(meters[1].direction, DIRECTION_EVIDENCE);
	assert_null(meters[0].filter);          /* narrows, is no default */
	assert_string_equal(meters[1].filter, "tcp");
	assert_string_equal(meters[1].values, "octetDeltaCount=4,+vlanId");
	assert_false(meters[0].vlan_key);
	assert_true(meters[1].vlan_key);
	const char *outputs[4];
	assert_int_equal(settings_outputs(&b.settings, outputs, 4), 2);
	assert_string_equal(outputs[0], "a");
	assert_string_equal(outputs[1], "b");
	assert_int_equal(settings_outputs(&b.settings, outputs, 1), 1);
	option_set_free(b.set);
}

/* The same table, but for what an entry has of its own, so that defaults mean the same. */
static void entries_are_as_options(void **state)
{
	const struct option *list = meter_options;
	while (list->type != OPTION_ENTRIES)
		list++;
	for (const struct option *o = list->entry->table; o->name; o++) {
		const struct option *outer = meter_options;
		while (outer->name && strcmp(outer->name, o->name) != 0)
			outer++;
		if (!outer->name)
			continue;               /* name, id, values */
		assert_int_equal(o->type, outer->type);
		assert_ptr_equal(o->choices, outer->choices);
		assert_true(o->check == outer->check);
		assert_int_equal(o->joined, outer->joined);
		assert_true(o->minimum == outer->minimum || strcmp(o->minimum, outer->minimum) == 0);
	}
}

static void values_are_judged_where_they_stand(void **state)
{
	static const struct {
		const char *text, *place, *says;
	} cases[] = {
		{ "key: [vlanId, vlanID]\n", ":1:15: ", "did you mean vlanId?" },
		{ "fields: [+octetDeltaCount, -octetDeltaCuont]\n", ":1:28: ", "octetDeltaCount" },
		{ "fields: all,-octetDeltaCuont\n", ":1:9: ", "fields: unknown field" },
		{ "filter: tcp prt 80\n", ":1:9: ", "filter: " },
		{ "meters:\n- name: x\n  filter: tcp prt 80\n", ":3:11: ", "filter: " },
		{ "meters:\n- name: x\n  values: [mplsVpnRouteDistinguisher]\n", ":3:12: ",
		  "nothing here gives it" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct bench b;
		assert_int_equal(read_text(&b, cases[i].text), -EINVAL);
		if (!strstr(b.err.text, cases[i].place) || !strstr(b.err.text, cases[i].says))
			fail_msg("'%s': %s", cases[i].text, b.err.text);
		option_set_free(b.set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults), cmocka_unit_test(table_is_sound), cmocka_unit_test(letters),
		cmocka_unit_test(one_meter_without_a_list), cmocka_unit_test(meters_of_a_list),
		cmocka_unit_test(entries_are_as_options),
		cmocka_unit_test(values_are_judged_where_they_stand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

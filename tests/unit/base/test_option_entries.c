/* SPDX-License-Identifier: Apache-2.0 */
/* Options that are lists of mappings (base/option_entries.c): what entries say, what they take from
 * outside, who wins, and messages with line and column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/compiler.h"
#include "options.h"

struct bench {
	struct things things;
	struct option_set *set;
	struct error err;
	char path[64];
};

static int read_text(struct bench *b, const char *text)
{
	snprintf(b->path, sizeof b->path, "test_entries_XXXXXX");
	int fd = mkstemp(b->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	int r = option_read_yaml(b->set, b->path, &b->err);
	unlink(b->path);
	return r;
}

static void begin(struct bench *b, const char *text)
{
	memset(b, 0, sizeof *b);
	assert_int_equal(option_set_new(table, &b->things, &b->set, &b->err), 0);
	if (text && read_text(b, text) != 0)
		fail_msg("%s", b->err.text);
}

static const struct room *room(const struct bench *b, unsigned i)
{
	assert_true(i < b->things.rooms.count);
	return b->things.rooms.items[i];
}

static void entries_are_read(void **state)
{
	struct bench b;
	begin(&b, "rooms:\n"
	          "- name: hall\n  count: 7\n  idle-timeout: 2s\n  sort: yes\n  read: [a, b]\n"
	          "  colours: [red, blue]\n"
	          "- {name: attic, colours: 'green,red', promiscuous: no}\n");
	assert_int_equal(b.things.rooms.count, 2);
	assert_string_equal(room(&b, 0)->name, "hall");
	assert_int_equal(room(&b, 0)->count, 7);
	assert_int_equal(room(&b, 0)->idle, 2000000000);
	assert_true(room(&b, 0)->sort);
	assert_int_equal(room(&b, 0)->files.count, 2);
	assert_string_equal(room(&b, 0)->files.items[1], "b");
	assert_string_equal(room(&b, 0)->colours, "red,blue");
	assert_non_null(strstr(room(&b, 0)->place, ":2:3"));
	assert_string_equal(room(&b, 1)->name, "attic");
	assert_string_equal(room(&b, 1)->colours, "green,red");
	assert_false(room(&b, 1)->promiscuous);
	assert_non_null(strstr(room(&b, 1)->place, ":8:3"));
	assert_true(option_is_set(b.set, "rooms"));
	option_set_free(b.set);
}

static void what_is_outside_is_the_default(void **state)
{
	struct bench b;
	begin(&b, "rooms:\n- {name: one}\n- {name: two, count: 3, read: [x], colours: red}\n"
	          "sample: 1:5\ncount: 9\n"
	          "sort: on\nread: [p, q]\npromiscuous: off\ncolours: [blue, red]\n");
	assert_int_equal(room(&b, 0)->count, 9);
	assert_int_equal(room(&b, 0)->idle, 30000000000);       /* the default of the outer table */
	assert_true(room(&b, 0)->sort);
	assert_false(room(&b, 0)->promiscuous);
	assert_string_equal(room(&b, 0)->colours, "blue,red");
	assert_int_equal(room(&b, 0)->files.count, 2);
	assert_string_equal(room(&b, 0)->files.items[0], "p");
	assert_int_equal(room(&b, 0)->sample, 0);       /* the entry's own */
	assert_int_equal(room(&b, 1)->count, 3);
	assert_string_equal(room(&b, 1)->colours, "red");
	assert_int_equal(room(&b, 1)->files.count, 1);
	assert_string_equal(room(&b, 1)->name, "two");  /* a name is the entry's own */
	option_set_free(b.set);
}

static void a_later_default_reaches_entries(void **state)
{
	struct bench b;
	begin(&b, "rooms:\n- {name: one}\n- {name: two, read: [x]}\n");
	assert_int_equal(option_set_default(b.set, "read", "z", &b.err), 0);
	assert_string_equal(room(&b, 0)->files.items[0], "z");
	assert_string_equal(room(&b, 1)->files.items[0], "x");
	assert_false(option_is_set(b.set, "read"));
	option_set_free(b.set);
}

static void the_command_line_wins(void **state)
{
	static const char text[] = "rooms:\n- {name: one, count: 3, read: [x, y], idle-timeout: 1s}\n";
	char line[] = "-c5", list[] = "--read=l";
	char *argv[] = { line, list };
	struct text_list rest;
	for (int first = 0; first < 2; first++) {
		struct bench b;
		begin(&b, first ? text : NULL);
		assert_int_equal(option_parse_arguments(b.set, 2, argv, &rest, &b.err), 0);
		if (!first && read_text(&b, text) != 0)
			fail_msg("%s", b.err.text);
		assert_int_equal(room(&b, 0)->count, 5);
		assert_int_equal(room(&b, 0)->idle, 1000000000);
		assert_int_equal(room(&b, 0)->files.count, 1);
		assert_string_equal(room(&b, 0)->files.items[0], "l");
		assert_int_equal(option_set_value(b.set, "count", "6", "count", &b.err), 0);
		assert_int_equal(room(&b, 0)->count, 6);
		option_set_free(b.set);
	}
}

static void an_empty_list_is_none(void **state)
{
	struct bench b;
	begin(&b, "rooms: []\n");
	assert_int_equal(b.things.rooms.count, 0);
	option_set_free(b.set);
}

/* Each wrong file, where its message must point, and what it must say. */
static void wrong(void **state)
{
	static const struct {
		const char *text, *place, *says;
	} cases[] = {
		{ "rooms: hall\n", ":1:8: ", "rooms: expected a list, such as '- name: NAME'" },
		{ "rooms: {name: hall}\n", ":1:8: ", "expected a list" },
		{ "rooms:\n- hall\n", ":2:3: ",
		  "expected a mapping of names to values, such as 'name: NAME'" },
		{ "rooms:\n- [hall]\n", ":2:3: ", "expected a mapping" },
		{ "rooms: &a\n- *a\n", ":1:8: ", "expected a mapping" },
		{ "rooms:\n- name: hall\n  cuont: 3\n", ":3:3: ",
		  "unknown option 'cuont'; did you mean count?" },
		{ "rooms:\n- name: hall\n  count: many\n", ":3:10: ",
		  "count: found 'many', expected a number" },
		{ "rooms:\n- name: hall\n  count: 20k\n", ":3:10: ", "out of range" },
		{ "rooms:\n- name: hall\n  name: hall\n", ":3:3: ", "name is given twice" },
		{ "rooms:\n- count: 3\n", ":2:3: ",
		  "an entry of rooms without its name, expected 'name: NAME'" },
		{ "rooms:\n- name: x\n- name: x\n", ":3:3: ", "two entries have the name 'x'" },
		{ "rooms:\n- {name: a}\n- {name: b}\n- {name: c}\n- {name: d}\n", ":5:3: ",
		  "more than 3 entries" },
		{ "rooms:\n- name: x\n  colours: [red, grey]\n", ":3:18: ",
		  "colours: 'grey' is no colour" },
		{ "rooms:\n- name: x\n  colours: red,grey\n", ":3:12: ", "'red,grey' is no colour" },
		{ "rooms:\n- name: x\n  colours: [red, [blue]]\n", ":3:18: ",
		  "found a list, expected text" },
		{ "rooms:\n- name: x\n  colours: []\n", ":3:12: ", "the value is empty" },
		{ "rooms:\n- name: x\n  rooms: []\n", ":3:3: ", "unknown option 'rooms'" },
		{ "rooms:\n- name: [x]\n", ":2:9: ", "found a list, expected NAME" },
		{ "colours:\n- red\n- grey\n", ":3:3: ", "colours: 'grey' is no colour" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct bench b;
		begin(&b, NULL);
		if (read_text(&b, cases[i].text) >= 0)
			fail_msg("'%s' was read", cases[i].text);
		if (strncmp(b.err.text, b.path, strlen(b.path)) != 0 ||
		    strncmp(b.err.text + strlen(b.path), cases[i].place, strlen(cases[i].place)) != 0 ||
		    !strstr(b.err.text, cases[i].says))
			fail_msg("'%s': %s", cases[i].text, b.err.text);
		option_set_free(b.set);
	}
}

static void no_such_option_on_a_line(void **state)
{
	char word[] = "--rooms=x";
	char *argv[] = { word };
	struct text_list rest;
	struct bench b;
	begin(&b, NULL);
	assert_true(option_parse_arguments(b.set, 1, argv, &rest, &b.err) < 0);
	assert_non_null(strstr(b.err.text, "--rooms stands in a configuration file only"));
	assert_true(option_set_value(b.set, "rooms", "x", "rooms", &b.err) < 0);
	assert_non_null(strstr(b.err.text, "expected a list in a configuration file"));
	option_set_free(b.set);
}

static void a_checked_value_names_its_place(void **state)
{
	char word[] = "--colours", value[] = "grey";
	char *argv[] = { word, value };
	struct text_list rest;
	struct bench b;
	begin(&b, NULL);
	assert_true(option_parse_arguments(b.set, 2, argv, &rest, &b.err) < 0);
	assert_string_equal(b.err.text, "--colours: 'grey' is no colour");
	option_set_free(b.set);
}

static void help_shows_entries(void **state)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	assert_non_null(out);
	option_print_help(table, out, 100);
	option_print_manual(table, out);
	fclose(out);
	assert_non_null(strstr(text, "  rooms:                       rooms of a house\n"));
	assert_non_null(strstr(text, "  - name: NAME                 what it is called\n"));
	assert_non_null(strstr(text, "    colours: LIST              its colours\n"));
	assert_null(strstr(text, "--rooms"));
	assert_non_null(strstr(text, "\\fBrooms:\\fR\nrooms of a house\n"));
	assert_non_null(strstr(text, "\\fBcolours:\\fR \\fILIST\\fR\nits colours\n"));
	free(text);
}

/* Two settings of one table. */
static bool differ(const char *one, const char *other, const char *const *but)
{
	struct bench a, b;
	begin(&a, one);
	begin(&b, other);
	bool differ = option_settings_differ(table, &a.things, &b.things, but);
	option_set_free(a.set);
	option_set_free(b.set);
	return differ;
}

static void settings_are_compared(void **state)
{
	static const char *const none[] = { NULL }, *const some[] = { "count", "rooms", NULL };
	static const char *const pairs[][2] = {
		{ "sort: yes", "sort: no" }, { "promiscuous: yes", "promiscuous: no" },
		{ "name: a", "name: b" }, { "name: a", "sort: no" }, { "read: [a, b]", "read: [a]" },
		{ "read: [a, b]", "read: [b, a]" }, { "buffer: 1M", "buffer: 2M" },
		{ "idle-timeout: 1s", "idle-timeout: off" }, { "sample: 1:2", "sample: 1:3" },
		{ "direction: first", "direction: evidence" },
	};
	for (unsigned i = 0; i < array_count(pairs); i++) {
		assert_true(differ(pairs[i][0], pairs[i][1], none));
		assert_true(differ(pairs[i][0], pairs[i][1], some));
		assert_false(differ(pairs[i][0], pairs[i][0], none));
	}
	assert_false(differ("count: 1000", "count: 1k", none));
	assert_true(differ("count: 1000", "count: 2k", none));
	assert_false(differ("count: 1000", "count: 2k", some));
}

static void entries_are_compared(void **state)
{
	static const char *const none[] = { NULL }, *const some[] = { "count", NULL };
	static const char *const rooms_but[] = { "rooms", NULL };
	const char *one = "rooms:\n- {name: hall, read: [a]}\n- {name: attic, count: 3}\n";
	const char *count = "rooms:\n- {name: hall, read: [a]}\n- {name: attic, count: 4}\n";
	const char *turned = "rooms:\n- {name: attic, count: 3}\n- {name: hall, read: [a]}\n";
	assert_false(differ(one, one, none));
	assert_true(differ(one, count, none));
	assert_false(differ(one, count, some));
	assert_true(differ(one, turned, some));
	assert_true(differ(one, "rooms:\n- {name: hall, read: [a]}\n", some));
	assert_true(differ(one, "sort: no", some));
	assert_false(differ(one, "sort: no", rooms_but));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_read), cmocka_unit_test(what_is_outside_is_the_default),
		cmocka_unit_test(a_later_default_reaches_entries), cmocka_unit_test(the_command_line_wins),
		cmocka_unit_test(an_empty_list_is_none), cmocka_unit_test(wrong),
		cmocka_unit_test(no_such_option_on_a_line),
		cmocka_unit_test(a_checked_value_names_its_place), cmocka_unit_test(help_shows_entries),
		cmocka_unit_test(settings_are_compared), cmocka_unit_test(entries_are_compared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

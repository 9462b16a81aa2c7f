/* SPDX-License-Identifier: Apache-2.0 */
/* Options from the command line (base/option.c, option_arguments.c) and their help
 * (option_help.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "options.h"

struct bench {
	struct things things;
	struct option_set *set;
	struct text_list rest;
	struct error err;
};

static void begin(struct bench *b)
{
	memset(b, 0, sizeof *b);
	assert_int_equal(option_set_new(table, &b->things, &b->set, &b->err), 0);
}

/* Parses words separated by '|'. */
static int parse(struct bench *b, const char *line)
{
	static char words[1000];
	char *argv[40];
	int argc = 0;
	snprintf(words, sizeof words, "%s", line);
	for (char *at = *line ? words : NULL; at;) {
		char *end = strchr(at, '|');
		if (end)
			*end++ = '\0';
		argv[argc++] = at;
		at = end;
	}
	argv[argc] = NULL;
	return option_parse_arguments(b->set, argc, argv, &b->rest, &b->err);
}

static void defaults(void **state)
{
	struct bench b;
	begin(&b);
	assert_false(b.things.sort);
	assert_true(b.things.promiscuous);
	assert_null(b.things.name);
	assert_int_equal(b.things.files.count, 0);
	assert_int_equal(b.things.count, 5);
	assert_int_equal(b.things.size, 2 << 20);
	assert_int_equal(b.things.idle, 30000000000);
	assert_int_equal(b.things.sample, 1);
	assert_int_equal(b.things.mode, 1);
	assert_false(option_is_set(b.set, "count"));
	assert_false(option_is_set(b.set, "nothing"));
	option_set_free(b.set);
	option_set_free(NULL);
}

static void long_forms(void **state)
{
	struct bench b;
	begin(&b);
	assert_int_equal(parse(&b, "--sort|--promiscuous|--no-promiscuous|--name|x "
	                           "y|--read=a|--read|b|--read|c"
	                       "|--read=d|--read=e|--count=1k|--buffer|64KiB|--idle-timeout=off"
	                       "|--sample|1:100|--direction|first"), 0);
	assert_true(b.things.sort);
	assert_false(b.things.promiscuous);
	assert_string_equal(b.things.name, "x y");
	assert_int_equal(b.things.files.count, 5);
	assert_string_equal(b.things.files.items[0], "a");
	assert_string_equal(b.things.files.items[4], "e");
	assert_int_equal(b.things.count, 1000);
	assert_int_equal(b.things.size, 65536);
	assert_true(b.things.idle == DURATION_OFF);
	assert_int_equal(b.things.sample, 100);
	assert_int_equal(b.things.mode, 0);
	assert_true(option_is_set(b.set, "count"));
	assert_int_equal(b.rest.count, 0);
	option_set_free(b.set);
	assert_null(b.things.files.items);
}

static void short_forms(void **state)
{
	struct bench b;
	begin(&b);
	assert_int_equal(parse(&b, "-Spc7|-r|a|-rb|-d1m30s|-n|-x|--name=last|--no-sort"), 0);
	assert_false(b.things.sort);            /* the later one counts */
	assert_false(b.things.promiscuous);
	assert_int_equal(b.things.count, 7);
	assert_int_equal(b.things.files.count, 2);
	assert_string_equal(b.things.files.items[1], "b");
	assert_int_equal(b.things.idle, 90000000000);
	assert_string_equal(b.things.name, "last");
	option_set_free(b.set);
}

static void rest_of_line(void **state)
{
	struct bench b;
	begin(&b);
	assert_int_equal(parse(&b, "tcp|-S|port|-|--read=-|80|--|-c|--sort"), 0);
	assert_int_equal(b.rest.count, 6);
	assert_string_equal(b.rest.items[0], "tcp");
	assert_string_equal(b.rest.items[2], "-");
	assert_string_equal(b.rest.items[4], "-c");
	assert_true(b.things.sort);
	assert_string_equal(b.things.files.items[0], "-");
	assert_int_equal(parse(&b, ""), 0);     /* again, and empty */
	assert_int_equal(b.rest.count, 0);
	option_set_free(b.set);
}

/* Each wrong line, and what its message must say. */
static void wrong(void **state)
{
	static const struct {
		const char *line, *says[3];
	} cases[] = {
		{ "--srot", { "unknown option --srot", "did you mean --sort?" } },
		{ "--idle", { "unknown option --idle", "--idle-timeout?" } },
		{ "--zzz=3", { "unknown option --zzz" } },
		{ "--=3", { "unknown option --" } },
		{ "-Z", { "unknown option -Z" } },
		{ "-SZ", { "unknown option -Z in -SZ" } },
		{ "-idle-timeout", { "unknown option -idle-timeout", "did you mean --idle-timeout?" } },
		{ "--sort=yes", { "--sort takes no value", "'yes'" } },
		{ "--read", { "--read wants a value", "FILE" } },
		{ "-r", { "-r wants a value" } },
		{ "--direction", { "--direction wants a value", "first|evidence" } },
		{ "--name=", { "--name", "empty" } },
		{ "--count=ten", { "--count", "'ten'", "1000, 10k or 4M" } },
		{ "--count=-1", { "--count", "'-1'" } },
		{ "-c0", { "-c", "'0' is out of range", "1 to 10k" } },
		{ "-c|10001", { "-c", "out of range" } },
		{ "-c|99999999999999999999", { "-c", "out of range" } },
		{ "-B|1000", { "-B", "too small", "1K or more" } },
		{ "-B|big", { "-B", "'big'", "64KiB" } },
		{ "-B|99999999P", { "-B", "'99999999P'" } },
		{ "-d|0", { "-d", "too small", "1ms or more, or off" } },
		{ "-d|5 min", { "-d", "'5 min'", "1m30s" } },
		{ "--sample|100", { "--sample", "1:N" } },
		{ "--sample|1:0", { "--sample", "1:N" } },
		{ "--sample|2:5", { "--sample", "1:N" } },
		{ "--direction|frist", { "--direction", "'frist'", "did you mean first?" } },
		{ "--no-read", { "unknown option --no-read" } },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct bench b;
		begin(&b);
		if (parse(&b, cases[i].line) != -EINVAL)
			fail_msg("'%s' was taken", cases[i].line);
		for (size_t k = 0; k < 3 && cases[i].says[k]; k++)
			if (!strstr(b.err.text, cases[i].says[k]))
				fail_msg("'%s' says: %s", cases[i].line, b.err.text);
		option_set_free(b.set);
	}
}

static void endless_words(void **state)
{
	struct bench b;
	char *word = malloc(100003);
	assert_non_null(word);
	memset(word, 'y', 100002);
	memcpy(word, "--", 2);
	word[100002] = '\0';
	char *argv[] = { word, NULL };
	begin(&b);
	assert_int_equal(option_parse_arguments(b.set, 1, argv, &b.rest, &b.err), -EINVAL);
	word[50000] = '=';
	assert_int_equal(option_parse_arguments(b.set, 1, argv, &b.rest, &b.err), -EINVAL);
	memcpy(word, "--name=", 7);
	assert_int_equal(option_parse_arguments(b.set, 1, argv, &b.rest, &b.err), 0);
	assert_int_equal(strlen(b.things.name), 99995);
	memcpy(word, "--count", 7);
	word[7] = '=';
	assert_int_equal(option_parse_arguments(b.set, 1, argv, &b.rest, &b.err), -EINVAL);
	option_set_free(b.set);
	free(word);
}

static void by_name(void **state)
{
	struct bench b;
	begin(&b);
	assert_int_equal(option_set_value(b.set, "count", "9", "here", &b.err), 0);
	assert_int_equal(b.things.count, 9);
	assert_int_equal(option_set_value(b.set, "sort", "true", "here", &b.err), 0);
	assert_true(b.things.sort);
	assert_int_equal(option_set_value(b.set, "no-promiscuous", "on", "here", &b.err), 0);
	assert_false(b.things.promiscuous);
	assert_int_equal(option_set_value(b.set, "sort", "maybe", "here", &b.err), -EINVAL);
	assert_string_equal(b.err.text, "here: found 'maybe', expected true or false");
	assert_int_equal(option_set_value(b.set, "cuont", "9", "here", &b.err), -EINVAL);
	assert_string_equal(b.err.text, "here: unknown option 'cuont'; did you mean count?");
	assert_int_equal(option_set_value(b.set, "count", "x", "here", NULL), -EINVAL);
	assert_int_equal(b.things.count, 9);
	option_set_free(b.set);
}

/* A table whose default does not fit its type is caught when it is bound. */
static void wrong_table(void **state)
{
	static const struct option broken[] = {
		{ .name = "read", .type = OPTION_LIST, .offset = AT(files), .default_text = "x" },
		{ .name = "count", .type = OPTION_COUNT, .offset = AT(count), .default_text = "five" },
		{ 0 },
	};
	struct things things = { 0 };
	struct option_set *set = NULL;
	struct error err = { "" };
	assert_int_equal(option_set_new(broken, &things, &set, &err), -EINVAL);
	assert_null(set);
	assert_non_null(strstr(err.text, "count: found 'five'"));
}

static void help(void **state)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	option_print_help(table, out, 80);
	fclose(out);
	assert_non_null(strstr(text, "One:\n  -S, --sort                   sorts\n"));
	assert_non_null(strstr(text, "\n\nTwo:\n  -r, --read FILE              reads (repeatable)\n"));
	assert_non_null(strstr(text, "  -d, --idle-timeout DURATION  ends (default: 30s)\n"));
	assert_non_null(strstr(text, "      --direction first|evidence\n"));
	free(text);
}

static void manual(void **state)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	option_print_manual(table, out);
	option_print_troff(".a\\b\n'c-d", out);
	fclose(out);
	assert_non_null(strstr(text, ".SS One\n.TP\n\\fB\\-S\\fR, \\fB\\-\\-sort\\fR\nsorts\n"));
	assert_non_null(strstr(text, "\\fB\\-\\-idle\\-timeout\\fR \\fIDURATION\\fR\nends (default: "
	                             "30s)\n"));
	assert_non_null(strstr(text, "\\&.a\\eb\n\\&'c\\-d"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults), cmocka_unit_test(long_forms), cmocka_unit_test(short_forms),
		cmocka_unit_test(rest_of_line), cmocka_unit_test(wrong), cmocka_unit_test(endless_words),
		cmocka_unit_test(by_name), cmocka_unit_test(wrong_table), cmocka_unit_test(help),
		cmocka_unit_test(manual),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Options from a YAML file (base/option_yaml.c): values, who wins, and messages with line and
 * column. */
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
#include "options.h"

struct bench {
	struct things things;
	struct option_set *set;
	struct error err;
	char path[64];
};

static void begin(struct bench *b)
{
	memset(b, 0, sizeof *b);
	assert_int_equal(option_set_new(table, &b->things, &b->set, &b->err), 0);
}

static int read_octets(struct bench *b, const void *octets, size_t bytes)
{
	snprintf(b->path, sizeof b->path, "test_yaml_XXXXXX");
	int fd = mkstemp(b->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, bytes), bytes);
	close(fd);
	int r = option_read_yaml(b->set, b->path, &b->err);
	unlink(b->path);
	return r;
}

static int read_text(struct bench *b, const char *text)
{
	return read_octets(b, text, strlen(text));
}

static void parse(struct bench *b, int argc, const char *const *words)
{
	struct text_list rest;
	char *argv[8];
	for (int i = 0; i < argc; i++)
		argv[i] = strdup(words[i]);
	assert_int_equal(option_parse_arguments(b->set, argc, argv, &rest, &b->err), 0);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
}

static void values(void **state)
{
	struct bench b;
	begin(&b);
	assert_int_equal(read_text(&b,
		"# a comment\nsort: yes\nno-promiscuous: true\nname: \"a b\"\nread:\n  - one.pcap\n  - "
		"'2'\n"
		"count: 10\nbuffer: 4M\nidle-timeout: 1m30s\nsample: 1:10\ndirection: first\n"), 0);
	assert_true(b.things.sort);
	assert_false(b.things.promiscuous);
	assert_string_equal(b.things.name, "a b");
	assert_int_equal(b.things.files.count, 2);
	assert_string_equal(b.things.files.items[1], "2");
	assert_int_equal(b.things.count, 10);
	assert_int_equal(b.things.size, 4 << 20);
	assert_int_equal(b.things.idle, 90000000000);
	assert_int_equal(b.things.sample, 10);
	assert_int_equal(b.things.mode, 0);
	assert_true(option_is_set(b.set, "sort"));
	option_set_free(b.set);
}

static void empty_files(void **state)
{
	static const char *const texts[] = { "", "\n\n", "# nothing\n", "---\n", "---\n...\n", "~\n",
	                                     "{}\n" };
	for (size_t i = 0; i < array_count(texts); i++) {
		struct bench b;
		begin(&b);
		if (read_text(&b, texts[i]) != 0)
			fail_msg("'%s': %s", texts[i], b.err.text);
		assert_int_equal(b.things.count, 5);
		option_set_free(b.set);
	}
}

static void other_forms(void **state)
{
	struct bench b;
	begin(&b);
	assert_int_equal(read_text(&b, "{promiscuous: off, no-sort: false, read: lone, direction: &d "
	                               "first}"), 0);
	assert_false(b.things.promiscuous);
	assert_true(b.things.sort);
	assert_int_equal(b.things.files.count, 1);
	assert_int_equal(b.things.mode, 0);
	option_set_free(b.set);
	begin(&b);
	assert_int_equal(read_text(&b, "read: []\nname: &n x\ndirection: \"first\"\n"), 0);
	assert_int_equal(b.things.files.count, 0);
	option_set_free(b.set);
}

static void command_line_wins(void **state)
{
	static const char *const words[] = { "-c7", "--read=line" };
	static const char text[] = "count: 9\nread: [file, other]\nname: from-file\n";
	struct bench b;
	begin(&b);
	parse(&b, 2, words);
	assert_int_equal(read_text(&b, text), 0);
	assert_int_equal(b.things.count, 7);
	assert_int_equal(b.things.files.count, 1);
	assert_string_equal(b.things.files.items[0], "line");
	assert_string_equal(b.things.name, "from-file");
	option_set_free(b.set);
	begin(&b);                      /* and the other way round */
	assert_int_equal(read_text(&b, text), 0);
	assert_int_equal(b.things.files.count, 2);
	parse(&b, 2, words);
	assert_int_equal(b.things.count, 7);
	assert_int_equal(b.things.files.count, 1);
	option_set_free(b.set);
	begin(&b);                      /* what loses is checked all the same */
	parse(&b, 2, words);
	assert_int_equal(read_text(&b, "count: many\n"), -EINVAL);
	option_set_free(b.set);
}

/* Each wrong file, where its message must point, and what it must say. */
static void wrong(void **state)
{
	static const struct {
		const char *text, *place, *says;
	} cases[] = {
		{ "count: ten\n", ":1:8: ", "count: found 'ten', expected a number" },
		{ "sort: true\n\nidle-timeout: soon\n", ":3:15: ", "idle-timeout: found 'soon'" },
		{ "idel-timeout: 3s\n", ":1:1: ", "did you mean idle-timeout?" },
		{ "sort: true\nqqq: 1\n", ":2:1: ", "unknown option 'qqq'" },
		{ "count: 1\ncount: 2\n", ":2:1: ", "count is given twice" },
		{ "read: a\nread: b\n", ":2:1: ", "expected one list" },
		{ "count: [1, 2]\n", ":1:8: ", "found a list, expected NUMBER" },
		{ "count: {a: b}\n", ":1:8: ", "found a mapping" },
		{ "read: [a, [b]]\n", ":1:11: ", "found a list, expected FILE" },
		{ "read: [a, {b: c}]\n", ":1:11: ", "found a mapping" },
		{ "read: [a, '']\n", ":1:11: ", "empty" },
		{ "name:\n", ":1:", "found nothing, expected NAME" },
		{ "name: null\n", ":1:7: ", "found nothing" },
		{ "sort:\n", ":1:", "found nothing, expected true or false" },
		{ "sort: maybe\n", ":1:7: ", "sort: found 'maybe', expected true or false" },
		{ "promiscuous: x\n", ":1:14: ", "promiscuous: found 'x'" },
		{ "direction: frist\n", ":1:12: ", "did you mean first?" },
		{ "count: 99999\n", ":1:8: ", "1 to 10k" },
		{ "config: other.yaml\n", ":1:1: ", "command line only" },
		{ "name: \"a\\0b\"\n", ":1:7: ", "octet 0" },
		{ "just words\n", ":1:1: ", "a mapping" },
		{ "- a\n- b\n", ":1:1: ", "a mapping" },
		{ "[a]: b\n", ":1:1: ", "the name of an option" },
		{ "count: 1\n---\ncount: 2\n", ":3:1: ", "second document" },
		{ "count: 1\n sort: true\n", ":2:", "no YAML" },
		{ "\tcount: 1\n", ":1:1: ", "no YAML" },
		{ "name: 'open\n", ":", "no YAML" },
		{ "name: *nobody\n", ":1:7: ", "no YAML" },
		{ "name: \"\\q\"\n", ":1:", "no YAML" },
		{ "read: [a\n", ":", "no YAML" },
	};
	for (size_t i = 0; i < array_count(cases); i++) {
		struct bench b;
		char place[100];
		begin(&b);
		if (read_text(&b, cases[i].text) != -EINVAL)
			fail_msg("'%s' was taken", cases[i].text);
		snprintf(place, sizeof place, "%s%s", b.path, cases[i].place);
		if (strncmp(b.err.text, place, strlen(place)) != 0 || !strstr(b.err.text, cases[i].says))
			fail_msg("'%s' says: %s", cases[i].text, b.err.text);
		option_set_free(b.set);
	}
}

static void unreadable(void **state)
{
	static const char wrong_utf8[] = "name: \xff\xfe\x01\n", zero[] = "na\0me: x\n";
	struct bench b;
	begin(&b);
	assert_int_equal(option_read_yaml(b.set, "no/such/file.yaml", &b.err), -ENOENT);
	assert_non_null(strstr(b.err.text, "no/such/file.yaml: cannot open"));
	assert_int_equal(option_read_yaml(b.set, ".", &b.err), -EISDIR);
	assert_int_equal(read_octets(&b, wrong_utf8, sizeof wrong_utf8 - 1), -EINVAL);
	assert_non_null(strstr(b.err.text, "at octet 6"));
	assert_int_equal(read_octets(&b, zero, sizeof zero - 1), -EINVAL);
	option_set_free(b.set);
}

/* A piece again and again, up to the largest file that is read. */
static int read_repeated(struct bench *b, const char *piece)
{
	enum { BYTES = 1 << 20 };
	size_t length = strlen(piece), bytes = 0;
	char *text = malloc(BYTES);
	assert_non_null(text);
	for (; bytes + length <= BYTES; bytes += length)
		memcpy(text + bytes, piece, length);
	int r = read_octets(b, text, bytes);
	free(text);
	return r;
}

static void hostile(void **state)
{
	struct bench b;
	begin(&b);
	assert_int_equal(read_repeated(&b, "["), -E2BIG);
	assert_non_null(strstr(b.err.text, "nested too deeply"));
	assert_int_equal(read_repeated(&b, "{a: "), -E2BIG);
	assert_int_equal(read_repeated(&b, "- "), -E2BIG);
	assert_int_equal(read_repeated(&b, "? "), -E2BIG);
	assert_int_equal(read_repeated(&b, "- &a b\n"), -E2BIG);
	assert_non_null(strstr(b.err.text, ":65:3: too many anchors"));
	assert_int_equal(read_repeated(&b, "- b\n"), -EINVAL);
	assert_int_equal(read_repeated(&b, "count: 1\n"), -EINVAL);
	assert_int_equal(read_repeated(&b, "#"), 0);
	assert_int_equal(read_text(&b, "name: &a [x,x,x]\nread: [*a, *a]\n"), -EINVAL);
	assert_int_equal(read_text(&b, "read: &a [*a]\n"), -EINVAL);    /* an anchor inside itself */
	option_set_free(b.set);
}

static void too_large(void **state)
{
	struct bench b;
	char *text = malloc((1 << 20) + 1);
	assert_non_null(text);
	begin(&b);
	memset(text, '#', (1 << 20) + 1);
	assert_int_equal(read_octets(&b, text, (1 << 20) + 1), -E2BIG);
	assert_non_null(strstr(b.err.text, "larger than 1048576 octets"));
	option_set_free(b.set);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values), cmocka_unit_test(empty_files), cmocka_unit_test(other_forms),
		cmocka_unit_test(command_line_wins), cmocka_unit_test(wrong), cmocka_unit_test(unreadable),
		cmocka_unit_test(hostile), cmocka_unit_test(too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines (base/log.c) and messages (base/error.c): levels, escaping, one write, lengths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

struct seen {
	unsigned count;
	enum log_level level;
	char text[4096];
};

static void collect(void *context, enum log_level level, const char *text)
{
	struct seen *seen = context;
	seen->count++;
	seen->level = level;
	snprintf(seen->text, sizeof seen->text, "%s", text);
}

static void levels(void **state)
{
	struct seen seen = { 0 };
	const struct log log = { LOG_WARNING, collect, &seen };
	log_line(&log, LOG_NOTE, "unseen");
	log_line(&log, LOG_DETAIL, "unseen");
	log_line(NULL, LOG_ERROR, "nowhere");
	assert_int_equal(seen.count, 0);
	errno = ENOENT;
	log_line(&log, LOG_WARNING, "%s %d", "seen", 7);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.level, LOG_WARNING);
	assert_string_equal(seen.text, "seen 7");
}

static void escaped_and_cut(void **state)
{
	struct seen seen = { 0 };
	const struct log log = { LOG_DETAIL, collect, &seen };
	char huge[5000];
	log_line(&log, LOG_ERROR, "file '%s'", "a\nb\x1b[2J");
	assert_string_equal(seen.text, "file 'a\\x0ab\\x1b[2J'");
	memset(huge, 1, sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	log_line(&log, LOG_ERROR, "%s", huge);
	assert_int_equal(seen.count, 2);
	assert_true(strlen(seen.text) > 1000);
}

/* What a log without a function of its own puts on standard error. */
static void to_standard_error(void **state)
{
	static const char expected[] = "weir: error: one\nweir: warning: two\nweir: three\n";
	const struct log log = { .level = LOG_NOTE };
	char text[200] = "";
	int ends[2], saved = dup(STDERR_FILENO);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	log_line(&log, LOG_ERROR, "one");
	log_line(&log, LOG_WARNING, "two");
	log_line(&log, LOG_NOTE, "three");
	log_line(&log, LOG_DETAIL, "four");
	dup2(saved, STDERR_FILENO);
	close(ends[1]);
	assert_int_equal(read(ends[0], text, sizeof text - 1), sizeof expected - 1);
	assert_string_equal(text, expected);
	close(ends[0]);
	close(saved);
}

static void errors(void **state)
{
	struct error err = { "" };
	char huge[2000];
	memset(huge, 'x', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	assert_int_equal(error_set(NULL, -EINVAL, "unseen"), -EINVAL);
	assert_int_equal(error_prefix(NULL, -EINVAL, "unseen"), -EINVAL);
	assert_int_equal(error_set(&err, -ERANGE, "found %d", 3), -ERANGE);
	assert_int_equal(error_prefix(&err, -EINVAL, "%s:%d", "a.yaml", 4), -EINVAL);
	assert_string_equal(err.text, "a.yaml:4: found 3");
	error_set(&err, -EINVAL, "%s", huge);
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	error_prefix(&err, -EINVAL, "%s", "p");
	assert_int_equal(strlen(err.text), sizeof err.text - 1);
	assert_memory_equal(err.text, "p: xxx", 6);
	error_prefix(&err, -EINVAL, "%s", huge);
	assert_true(strlen(err.text) < sizeof err.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels), cmocka_unit_test(escaped_and_cut),
		cmocka_unit_test(to_standard_error), cmocka_unit_test(errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

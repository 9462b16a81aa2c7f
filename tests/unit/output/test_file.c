/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: names, rotation, atomic rename, collisions, compression (decoded back by zlib and zstd
 * themselves), a full disk, a closed pipe, and the account of records through all of it.
 * Each test works in a folder of its own and looks at what is on disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/compiler.h"
#include "output/file.h"
#include "output/part.h"

#define SECOND_NS UINT64_C(1000000000)

struct bench {
	char folder[64];
	struct address address;
	struct output_env env;
	struct file_writer *file;
	struct error err;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	strcpy(b->folder, "/tmp/weir-file-XXXXXX");
	setenv("TZ", "UTC", 1);
	*state = b;
	return mkdtemp(b->folder) && chdir(b->folder) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	char command[128];
	file_writer_close(b->file);
	address_fini(&b->address);
	snprintf(command, sizeof command, "rm -rf %s", b->folder);
	int rc = chdir("/") == 0 && system(command) == 0 ? 0 : -1;
	free(b);
	return rc;
}

static int try_open(struct bench *b, const char *text, const struct file_head *head)
{
	assert_int_equal(address_parse(text, &b->address, &b->err), 0);
	return file_writer_open(&b->address, &b->env, head, &b->file, &b->err);
}

static void open_file(struct bench *b, const char *text)
{
	assert_int_equal(try_open(b, text, NULL), 0);
}

static void put(struct bench *b, const char *text)
{
	assert_int_equal(file_writer_put(b->file, text, strlen(text), 1, &b->err), 0);
}

static void finish(struct bench *b)
{
	assert_int_equal(file_writer_finish(b->file, UINT64_MAX, &b->err), 0);
}

/* Names in the folder, sorted, each followed by a blank. */
static const char *listing(void)
{
	static char text[4096];
	struct dirent **entries;
	int count = scandir(".", &entries, NULL, alphasort);
	text[0] = '\0';
	for (int i = 0; i < count; i++) {
		if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0) {
			strcat(text, entries[i]->d_name);
			strcat(text, " ");
		}
		free(entries[i]);
	}
	free(entries);
	return text;
}

static const char *content(const char *name)
{
	static char text[1 << 16];
	FILE *f = fopen(name, "rb");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void assert_counts(struct bench *b, uint64_t accepted, uint64_t acknowledged, uint64_t lost)
{
	struct output_counters c;
	file_writer_counters(b->file, &c);
	assert_true(output_counters_balanced(&c));
	assert_int_equal(c.accepted, accepted);
	assert_int_equal(c.acknowledged, acknowledged);
	assert_int_equal(c.dropped[DROP_WRITE_FAILED], lost);
}

static void test_appears_when_complete(void **state)
{
	struct bench *b = *state;
	open_file(b, "json:flows.json");
	put(b, "one\n");
	assert_string_equal(listing(), ".flows.json.part ");
	assert_counts(b, 1, 0, 0);
	finish(b);
	assert_string_equal(listing(), "flows.json ");
	assert_string_equal(content("flows.json"), "one\n");
	assert_counts(b, 1, 1, 0);
}

static void test_replaces_only_at_the_end(void **state)
{
	struct bench *b = *state;
	FILE *old = fopen("flows.json", "w");
	fputs("old\n", old);
	fclose(old);
	open_file(b, "json:flows.json");
	put(b, "new\n");
	assert_int_equal(file_writer_flush(b->file, &b->err), 0);
	assert_string_equal(content("flows.json"), "old\n");
	finish(b);
	assert_string_equal(listing(), "flows.json ");
	assert_string_equal(content("flows.json"), "new\n");
}

static void test_close_without_finish_leaves_nothing(void **state)
{
	struct bench *b = *state;
	open_file(b, "json:flows.json");
	put(b, "one\n");
	file_writer_close(b->file);
	b->file = NULL;
	assert_string_equal(listing(), "");
}

static void test_failed_open_leaves_nothing(void **state)
{
	static const char *const wrong[] = {
		"json:nowhere/flows.json", "json:flows.json?rotate=abc", "json:flows.json?rotate=5ms",
		"json:flows.json?rotate-size=0", "json:flows.json?compress=lzma", "json:.",
		"json:flows.gz?compress=zstd", "json:/dev/null?rotate=1m",
	};
	struct bench *b = *state;
	for (unsigned i = 0; i < array_count(wrong); i++) {
		b->err.text[0] = '\0';
		assert_true(try_open(b, wrong[i], NULL) < 0);
		assert_true(strlen(b->err.text) > 10);
		assert_string_equal(listing(), "");
		address_fini(&b->address);
	}
}

static void test_leftover_of_a_killed_run_stays(void **state)
{
	struct bench *b = *state;
	FILE *old = fopen(".flows.json.part", "w");
	fputs("rest\n", old);
	fclose(old);
	open_file(b, "json:flows.json");
	put(b, "new\n");
	finish(b);
	assert_string_equal(listing(), ".flows.json.part flows.json ");
	assert_string_equal(content(".flows.json.part"), "rest\n");
}

/* 2021-01-01 00:00:00 UTC, a multiple of every period used here */
#define NEW_YEAR_NS (UINT64_C(1609459200) * SECOND_NS)

static void tick_at(struct bench *b, uint64_t now_ns)
{
	uint64_t next;
	assert_int_equal(file_writer_tick(b->file, now_ns, &next, &b->err), 0);
	assert_true(next > now_ns);
}

static void test_rotates_at_multiples_of_the_period(void **state)
{
	struct bench *b = *state;
	open_file(b, "json:f-%Y%m%d-%H%M%S.json?rotate=5m");
	/* to a time of our own: the first file has no records and leaves nothing */
	uint64_t far = UINT64_C(4102444800) * SECOND_NS;        /* 2100-01-01 */
	tick_at(b, far + 10 * SECOND_NS);
	assert_string_equal(listing(), "");
	put(b, "a\n");
	tick_at(b, far + 299 * SECOND_NS);
	put(b, "b\n");
	assert_string_equal(listing(), ".f-21000101-000000.json.part ");
	tick_at(b, far + 300 * SECOND_NS + 1);
	assert_string_equal(listing(), "f-21000101-000000.json ");
	tick_at(b, far + 700 * SECOND_NS);      /* a period without records: no file */
	put(b, "c\n");
	finish(b);
	assert_string_equal(listing(), "f-21000101-000000.json f-21000101-001000.json ");
	assert_string_equal(content("f-21000101-000000.json"), "a\nb\n");
	assert_string_equal(content("f-21000101-001000.json"), "c\n");
	assert_counts(b, 3, 3, 0);
}

static void test_folders_named_by_time(void **state)
{
	struct bench *b = *state;
	open_file(b, "json:%Y/%m/f-%d.json?rotate=1d");
	uint64_t far = UINT64_C(4102444800) * SECOND_NS;
	tick_at(b, far);
	put(b, "a\n");
	tick_at(b, far + 31 * 86400 * SECOND_NS);
	put(b, "b\n");
	finish(b);
	assert_string_equal(content("2100/01/f-01.json"), "a\n");
	assert_string_equal(content("2100/02/f-01.json"), "b\n");
	assert_counts(b, 2, 2, 0);
}

static void test_day_begins_at_local_midnight(void **state)
{
	struct bench *b = *state;
	setenv("TZ", "XYZ-05:30", 1);   /* 5 h 30 min east of Greenwich */
	tzset();
	open_file(b, "json:f-%F-%H%M.json?rotate=1d");
	uint64_t far = UINT64_C(4102444800) * SECOND_NS;
	tick_at(b, far);                /* 05:30 local */
	put(b, "a\n");
	tick_at(b, far + (18 * 3600 + 1800 - 1) * SECOND_NS);
	assert_string_equal(listing(), ".f-2100-01-01-0000.json.part ");
	tick_at(b, far + (18 * 3600 + 1800) * SECOND_NS);
	assert_string_equal(listing(), "f-2100-01-01-0000.json ");
	setenv("TZ", "UTC", 1);
	tzset();
}

static void test_rotates_by_size_with_numbered_names(void **state)
{
	struct bench *b = *state;
	open_file(b, "json:flows.json?rotate-size=100");
	for (unsigned i = 0; i < 11; i++)
		put(b, "0123456789012345678901234567890123456789012345678\n");
	finish(b);
	assert_string_equal(listing(),
	                    "flows-1.json flows-2.json flows-3.json flows-4.json flows-5.json "
	                    "flows.json ");
	assert_int_equal(strlen(content("flows.json")), 100);
	assert_int_equal(strlen(content("flows-4.json")), 100);
	assert_int_equal(strlen(content("flows-5.json")), 50);
	assert_counts(b, 11, 11, 0);
}

static void test_rotation_never_replaces(void **state)
{
	struct bench *b = *state;
	FILE *old = fopen("flows.json.gz", "w");
	fputs("precious\n", old);
	fclose(old);
	open_file(b, "json:flows.json.gz?rotate=1h");
	put(b, "new\n");
	finish(b);
	assert_string_equal(listing(), "flows-1.json.gz flows.json.gz ");
	assert_string_equal(content("flows.json.gz"), "precious\n");
}

static void test_numbered_names(void **state)
{
	static const struct { const char *name; unsigned number; const char *expected; } cases[] = {
		{ "a.json", 0, "a.json" }, { "a.json", 1, "a-1.json" }, { "a.json.gz", 12, "a-12.json.gz" },
		{ "a", 3, "a-3" }, { "dir.d/a", 1, "dir.d/a-1" }, { ".hidden", 1, ".hidden-1" },
		{ "d/.hidden", 1, "d/.hidden-1" }, { "a.b.csv.zst", 2, "a.b-2.csv.zst" },
		{ "flows.zst", 1, "flows-1.zst" },
	};
	for (unsigned i = 0; i < array_count(cases); i++) {
		char *name = part_numbered_name(cases[i].name, cases[i].number);
		assert_string_equal(name, cases[i].expected);
		free(name);
	}
}

static void test_reopen_after_a_move(void **state)
{
	struct bench *b = *state;
	open_file(b, "json:flows.json");
	put(b, "one\n");
	assert_int_equal(file_writer_reopen(b->file, &b->err), 0);
	assert_string_equal(listing(), ".flows.json.part flows.json ");
	assert_int_equal(rename("flows.json", "flows.json.old"), 0);
	put(b, "two\n");
	assert_int_equal(file_writer_reopen(b->file, &b->err), 0);
	put(b, "three\n");              /* nobody moved the second one: it is not replaced */
	finish(b);
	assert_string_equal(listing(), "flows-1.json flows.json flows.json.old ");
	assert_string_equal(content("flows.json.old"), "one\n");
	assert_string_equal(content("flows.json"), "two\n");
	assert_string_equal(content("flows-1.json"), "three\n");
	assert_counts(b, 3, 3, 0);
}

static int write_head(void *context, struct file_writer *f, struct error *err)
{
	++*(unsigned *)context;
	return file_writer_put(f, "head\n", 5, 0, err);
}

static void test_each_file_has_its_head(void **state)
{
	struct bench *b = *state;
	unsigned heads = 0;
	struct file_head head = { .write = write_head, .context = &heads };
	assert_int_equal(try_open(b, "csv:f.csv?rotate-size=10", &head), 0);
	put(b, "aaaaa\n");
	put(b, "bbbbb\n");
	finish(b);
	assert_int_equal(heads, 2);
	assert_string_equal(content("f.csv"), "head\naaaaa\n");
	assert_string_equal(content("f-1.csv"), "head\nbbbbb\n");
}

static void test_empty_file_has_a_head(void **state)
{
	struct bench *b = *state;
	unsigned heads = 0;
	struct file_head head = { .write = write_head, .context = &heads };
	assert_int_equal(try_open(b, "csv:f.csv", &head), 0);
	finish(b);
	assert_string_equal(content("f.csv"), "head\n");
}

static void put_numbers(struct bench *b, unsigned count)
{
	char line[32];
	for (unsigned i = 0; i < count; i++) {
		snprintf(line, sizeof line, "line %u\n", i);
		put(b, line);
	}
}

static void check_numbers(const char *text, size_t bytes, unsigned count)
{
	char line[32];
	size_t at = 0;
	for (unsigned i = 0; i < count; i++) {
		size_t length = (size_t)snprintf(line, sizeof line, "line %u\n", i);
		assert_true(at + length <= bytes);
		assert_memory_equal(text + at, line, length);
		at += length;
	}
	assert_int_equal(at, bytes);
}

enum { NUMBERS = 100000, DECODED_BYTES = 4 << 20 };

static void test_gzip_reads_back(void **state)
{
	struct bench *b = *state;
	open_file(b, "json:flows.json.gz");
	put_numbers(b, NUMBERS);
	finish(b);
	assert_string_equal(listing(), "flows.json.gz ");
	char *text = malloc(DECODED_BYTES);
	gzFile f = gzopen("flows.json.gz", "rb");
	int bytes = gzread(f, text, DECODED_BYTES);
	assert_int_equal(gzclose(f), Z_OK);
	check_numbers(text, (size_t)bytes, NUMBERS);
	free(text);
	assert_counts(b, NUMBERS, NUMBERS, 0);
}

static void test_zstd_reads_back(void **state)
{
	struct bench *b = *state;
	open_file(b, "json:flows.json?compress=zstd");
	put_numbers(b, NUMBERS);
	finish(b);
	assert_string_equal(listing(), "flows.json.zst ");
	struct stat status;
	assert_int_equal(stat("flows.json.zst", &status), 0);
	char *packed = malloc((size_t)status.st_size), *text = malloc(DECODED_BYTES);
	FILE *f = fopen("flows.json.zst", "rb");
	assert_int_equal(fread(packed, 1, (size_t)status.st_size, f), status.st_size);
	fclose(f);
	ZSTD_DCtx *decoder = ZSTD_createDCtx();
	ZSTD_inBuffer in = { packed, (size_t)status.st_size, 0 };
	ZSTD_outBuffer out = { text, DECODED_BYTES, 0 };
	assert_int_equal(ZSTD_decompressStream(decoder, &out, &in), 0);
	assert_int_equal(in.pos, in.size);
	check_numbers(text, out.pos, NUMBERS);
	ZSTD_freeDCtx(decoder);
	free(packed);
	free(text);
}

static void test_full_disk(void **state)
{
	struct bench *b = *state;
	open_file(b, "json:/dev/full");
	put(b, "one\n");
	put(b, "two\n");
	assert_int_equal(file_writer_flush(b->file, &b->err), -ENOSPC);
	assert_non_null(strstr(b->err.text, "/dev/full: cannot write: No space left"));
	assert_counts(b, 2, 0, 2);
	assert_true(file_writer_put(b->file, "three\n", 6, 1, &b->err) < 0);
	assert_counts(b, 3, 0, 3);
	assert_true(file_writer_finish(b->file, UINT64_MAX, &b->err) < 0);
}

/* The largest size of files of this process stands in for a disk that fills up in the middle. */
static void test_disk_full_in_the_middle(void **state)
{
	struct bench *b = *state;
	struct rlimit before, limit;
	signal(SIGXFSZ, SIG_IGN);
	open_file(b, "json:flows.json");
	put(b, "first\n");
	assert_int_equal(file_writer_flush(b->file, &b->err), 0);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 10;
	setrlimit(RLIMIT_FSIZE, &limit);
	put(b, "second\n");
	int rc = file_writer_flush(b->file, &b->err);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(rc, -EFBIG);
	assert_non_null(strstr(b->err.text, "what was written stays in"));
	assert_counts(b, 2, 1, 1);
	assert_true(file_writer_finish(b->file, UINT64_MAX, &b->err) < 0);
	/* whole records alone, not under the final name */
	assert_string_equal(listing(), ".flows.json.part ");
	assert_string_equal(content(".flows.json.part"), "first\n");
}

static void test_next_file_after_a_failure(void **state)
{
	struct bench *b = *state;
	struct rlimit before, limit;
	signal(SIGXFSZ, SIG_IGN);
	open_file(b, "json:f-%H%M.json?rotate=5m");
	uint64_t far = UINT64_C(4102444800) * SECOND_NS;
	tick_at(b, far);
	put(b, "lost\n");
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 2;
	setrlimit(RLIMIT_FSIZE, &limit);
	int rc = file_writer_flush(b->file, &b->err);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(rc, -EFBIG);
	uint64_t next;
	file_writer_tick(b->file, far + 300 * SECOND_NS, &next, &b->err);
	assert_string_equal(listing(), "");     /* it had no acknowledged records */
	put(b, "well\n");
	finish(b);
	assert_string_equal(listing(), "f-0005.json ");
	assert_counts(b, 2, 1, 1);
}

static void test_closed_pipe(void **state)
{
	struct bench *b = *state;
	char address[64];
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	int reader = open("pipe", O_RDONLY | O_NONBLOCK);
	snprintf(address, sizeof address, "json:pipe");
	open_file(b, address);
	put(b, "one\n");
	assert_int_equal(file_writer_flush(b->file, &b->err), 0);
	assert_counts(b, 1, 1, 0);
	close(reader);
	put(b, "two\n");
	assert_int_equal(file_writer_flush(b->file, &b->err), -EPIPE);
	assert_non_null(strstr(b->err.text, "the reader has closed it"));
	assert_counts(b, 2, 1, 1);
	assert_string_equal(listing(), "pipe ");
}

static void test_stalled_pipe_gives_up(void **state)
{
	struct bench *b = *state;
	atomic_bool give_up = false;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	int reader = open("pipe", O_RDONLY | O_NONBLOCK);
	b->env.give_up = &give_up;
	open_file(b, "json:pipe");
	char line[4096];
	memset(line, 'x', sizeof line);
	for (unsigned i = 0; i < 16; i++)       /* what a pipe holds */
		assert_int_equal(file_writer_put(b->file, line, sizeof line, 1, &b->err), 0);
	assert_int_equal(file_writer_flush(b->file, &b->err), 0);
	put(b, "one more\n");
	atomic_store(&give_up, true);
	assert_int_equal(file_writer_flush(b->file, &b->err), -ETIMEDOUT);
	assert_counts(b, 17, 16, 1);
	close(reader);
}

static void test_flushes_within_a_second(void **state)
{
	struct bench *b = *state;
	uint64_t next;
	open_file(b, "json:flows.json");
	tick_at(b, NEW_YEAR_NS);
	put(b, "one\n");
	assert_int_equal(file_writer_tick(b->file, NEW_YEAR_NS + SECOND_NS / 2, &next, &b->err), 0);
	assert_int_equal(next, NEW_YEAR_NS + SECOND_NS);
	assert_counts(b, 1, 0, 0);
	tick_at(b, next);
	assert_counts(b, 1, 1, 0);
	assert_string_equal(content(".flows.json.part"), "one\n");
}

static void test_large_record(void **state)
{
	struct bench *b = *state;
	size_t bytes = 3 << 20;
	open_file(b, "json:flows.json");
	put(b, "small\n");
	uint8_t *room = file_writer_room(b->file, bytes, &b->err);
	assert_non_null(room);
	memset(room, 'y', bytes);
	file_writer_commit(b->file, bytes, 1);
	assert_null(file_writer_room(b->file, (size_t)1 << 40, &b->err));
	put(b, "small\n");
	finish(b);
	struct stat status;
	assert_int_equal(stat("flows.json", &status), 0);
	assert_int_equal(status.st_size, bytes + 12);
	assert_counts(b, 3, 3, 0);
}

static void test_follows_a_symbolic_link(void **state)
{
	struct bench *b = *state;
	assert_int_equal(mkdir("store", 0700), 0);
	fclose(fopen("store/real.json", "w"));
	assert_int_equal(symlink("store/real.json", "link.json"), 0);
	open_file(b, "json:link.json");
	put(b, "one\n");
	finish(b);
	assert_string_equal(listing(), "link.json store ");
	assert_string_equal(content("store/real.json"), "one\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_appears_when_complete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaces_only_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_without_finish_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_open_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leftover_of_a_killed_run_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotates_at_multiples_of_the_period, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folders_named_by_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_day_begins_at_local_midnight, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotates_by_size_with_numbered_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotation_never_replaces, setup, teardown),
		cmocka_unit_test(test_numbered_names),
		cmocka_unit_test_setup_teardown(test_reopen_after_a_move, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_file_has_its_head, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_file_has_a_head, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gzip_reads_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_zstd_reads_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_next_file_after_a_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stalled_pipe_gives_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flushes_within_a_second, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_follows_a_symbolic_link, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

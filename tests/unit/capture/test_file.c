/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are read, in which order, compressed how, and what is told when they are not
 * captures. */
#include "craft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { US = 0xa1b2c3d4 };

static int teardown(void **state)
{
	remove_folder();
	return 0;
}

/* A capture of `count` frames whose first octet's seed and second tell file and frame. */
static struct octets capture_of(unsigned file, unsigned count)
{
	struct octets o = { 0 };
	put_pcap_header(&o, US, 65535, 1);
	for (unsigned i = 0; i < count; i++)
		put_pcap_record(&o, file, i, 60, 60, file);
	return o;
}

static const char *save_capture(const char *name, unsigned file, unsigned count)
{
	struct octets o = capture_of(file, count);
	const char *path = save(name, &o);
	octets_free(&o);
	return path;
}

static void assert_order(const struct collected *c, const char *files)
{
	assert_int_equal(c->count, strlen(files));
	for (unsigned i = 0; i < c->count; i++)
		assert_int_equal(c->frames[i].time_ns / 1000000000, files[i] - '0');
}

static struct octets gzip(const struct octets *from)
{
	z_stream z = { .next_in = from->at, .avail_in = (unsigned)from->count };
	struct octets o = { 0 };
	o.room = from->count * 2 + 100;
	o.at = malloc(o.room);
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = o.at;
	z.avail_out = (unsigned)o.room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	o.count = z.total_out;
	deflateEnd(&z);
	return o;
}

static struct octets zstd(const struct octets *from)
{
	struct octets o = { 0 };
	o.room = ZSTD_compressBound(from->count);
	o.at = malloc(o.room);
	o.count = ZSTD_compress(o.at, o.room, from->at, from->count, 3);
	assert_false(ZSTD_isError(o.count));
	return o;
}

static void several_names_in_the_order_given(void **state)
{
	const char *names[] = { save_capture("b", 2, 2), save_capture("a", 1, 3),
	                        save_capture("c", 3, 1) };
	struct collected c;
	collect(&(struct capture_settings){ .names = names, .name_count = 3 }, &c);
	assert_order(&c, "221113");
	assert_int_equal(c.interface_count, 1);
	assert_int_equal(c.counters.file_bytes_total, 3 * 24 + 6 * 76);
	assert_int_equal(c.counters.file_bytes_read, 3 * 24 + 6 * 76);
	collected_free(&c);
}

static void directory_is_one_capture_in_name_order(void **state)
{
	struct octets text = { 0 };
	put(&text, "not a capture, but some words", 29);
	assert_int_equal(mkdir(path_of("d"), 0700), 0);
	assert_int_equal(mkdir(path_of("d/inner"), 0700), 0);
	save_capture("d/inner/x", 9, 1);
	save_capture("d/03", 3, 1);
	save_capture("d/01", 1, 2);
	save_capture("d/.hidden", 8, 1);
	save("d/02", &text);
	const char *names[] = { save_capture("z", 7, 1), path_of("d"), save_capture("y", 6, 1) };
	struct collected c;
	collect(&(struct capture_settings){ .names = names, .name_count = 3 }, &c);
	assert_order(&c, "71136");
	assert_int_equal(c.error_count, 1);
	assert_int_equal(c.frames_before[0], 3);
	assert_non_null(strstr(c.errors[0], "d/02: is text; expected a pcap or pcapng capture"));
	collected_free(&c);
	octets_free(&text);
}

static void damage_in_one_file_leaves_the_others(void **state)
{
	struct octets cut = capture_of(2, 3);
	cut.count -= 10;
	const char *names[] = { save_capture("a", 1, 2), save("b", &cut), save_capture("c", 3, 1) };
	struct collected c;
	collect(&(struct capture_settings){ .names = names, .name_count = 3 }, &c);
	assert_order(&c, "11223");
	assert_int_equal(c.error_count, 1);
	assert_int_equal(c.frames_before[0], 4);
	assert_non_null(strstr(c.errors[0],
	                       "b: cut at byte 242, inside a packet record that needs 76 bytes "
	                                    "(66 are there)"));
	collected_free(&c);
	octets_free(&cut);
}

static void compressed_members_follow_one_another(void **state)
{
	struct octets plain = capture_of(1, 500), tail = capture_of(2, 400);
	memmove(tail.at, tail.at + 24, tail.count -= 24);       /* records only */
	struct octets first[2] = { gzip(&plain), zstd(&plain) };
	struct octets second[2] = { gzip(&tail), zstd(&tail) };
	put(&second[0], "\0\0\0\0\0", 5);                       /* padding */
	put(&second[1], "\x50\x2a\x4d\x18\3\0\0\0abc", 11);     /* a skippable frame */
	for (unsigned i = 0; i < 2; i++) {
		struct collected c;
		put(&first[i], second[i].at, second[i].count);
		collect_file(save("a", &first[i]), &c);
		assert_int_equal(c.error_count, 0);
		assert_int_equal(c.count, 900);
		assert_true(is_pattern(c.frames[499].data, 60, 1));
		assert_true(is_pattern(c.frames[899].data, 60, 2));
		assert_int_equal(c.counters.file_bytes_read, first[i].count);
		collected_free(&c);
		octets_free(&first[i]);
		octets_free(&second[i]);
	}
	octets_free(&plain);
	octets_free(&tail);
}

/* Whatever is cut off, frames that come are right and in order, and the cut is told. */
static void compressed_data_cut_anywhere(void **state)
{
	struct octets plain = capture_of(1, 40);
	struct octets packed[2] = { gzip(&plain), zstd(&plain) };
	for (unsigned i = 0; i < 2; i++) {
		size_t whole = packed[i].count;
		unsigned most = 0;
		for (size_t cut = 0; cut < whole; cut++) {
			struct octets part = { .at = packed[i].at, .count = cut };
			struct capture *capture;
			struct collected c;
			struct error err;
			const char *path = save("a", &part);
			struct capture_settings settings = { .names = &path, .name_count = 1 };
			if (capture_kind_files()->open(&settings, &capture, &err)) {
				assert_non_null(strstr(err.text, path));
				continue;
			}
			capture_kind_files()->close(capture);
			collect_file(path, &c);
			assert_true(c.count <= 40);
			assert_int_equal(c.error_count, 1);
			assert_non_null(strstr(c.errors[0], i ? "zstd data cut at byte"
			                       : "gzip data cut at byte"));
			for (unsigned j = 0; j < c.count; j++)
				assert_int_equal(c.frames[j].time_ns, 1000000000 + j * 1000);
			most = c.count > most ? c.count : most;
			collected_free(&c);
		}
		if (i == 0)
			assert_true(most > 30);                 /* gzip gives what it has */
		octets_free(&packed[i]);
	}
	octets_free(&plain);
}

static void damage_in_compressed_data_is_told(void **state)
{
	struct octets plain = capture_of(1, 3000);
	struct octets packed[2] = { gzip(&plain), zstd(&plain) };
	for (unsigned i = 0; i < 2; i++) {
		struct collected c;
		/* checksum, or the last block */
		memset(packed[i].at + packed[i].count - 6, 0x55, 6);
		collect_file(save("a", &packed[i]), &c);
		assert_int_equal(c.error_count, 1);
		assert_non_null(strstr(c.errors[0], i ? "a: zstd data damaged near byte"
		                                      : "a: gzip data damaged near byte"));
		assert_true(i || c.count == 3000);
		collected_free(&c);
		octets_free(&packed[i]);
	}
	plain.count -= 5; /* whole compressed data, a cut capture */
	struct octets cut = gzip(&plain);
	struct collected c;
	collect_file(save("a", &cut), &c);
	assert_int_equal(c.count, 2999);
	assert_non_null(strstr(c.errors[0],
	                       "a: cut at byte 228019 of the decompressed data, inside"));
	collected_free(&c);
	octets_free(&cut);
	octets_free(&plain);
}

static void assert_open_fails(const char *name, const char *message)
{
	const char *found =
		open_fails(&(struct capture_settings){ .names = &name, .name_count = 1 });
	if (!strstr(found, name) || !strstr(found, message))
		fail_msg("\"%s\" instead of \"%s\"", found, message);
}

static const char *save_text(const char *name, const char *text, size_t count)
{
	struct octets o = { 0 };
	put(&o, text, count);
	const char *path = save(name, &o);
	octets_free(&o);
	return path;
}

static void wrong_files_are_told_before_anything_runs(void **state)
{
	assert_open_fails(path_of("nothing-here"), "cannot open: No such file or directory");
	assert_open_fails(save_text("a", "", 0), "is empty; expected a pcap or pcapng capture");
	assert_open_fails(save_text("a", "hello\n", 6), "is text");
	assert_open_fails(save_text("a", "\x7f" "ELF\2\1\1\0\0\0\0\0\0", 13), "is an ELF program");
	assert_open_fails(save_text("a", "\xfd" "7zXZ\0\0\0\0\0\0\0", 12), "is xz-compressed data");
	assert_open_fails(save_text("a", "\x00\x0a\x00\x10" "0123456789", 14), "is an IPFIX file");
	assert_open_fails(save_text("a", "\1\2\3\4\5\6\7\x8\1\2\3\4\5", 13), "is unknown data");

	struct octets text = { 0 };
	put(&text, "some words in a compressed file", 31);
	struct octets packed = gzip(&text), twice = gzip(&packed);
	assert_open_fails(save("a", &packed), "is text");
	assert_open_fails(save("a", &twice), "is gzip data inside compressed data");
	octets_free(&text);
	octets_free(&packed);
	octets_free(&twice);

	assert_int_equal(mkdir(path_of("empty"), 0700), 0);
	assert_open_fails(path_of("empty"), "is a directory without files");

	const char *names[] = { save_capture("good", 1, 1), path_of("missing") };
	const char *found =
		open_fails(&(struct capture_settings){ .names = names, .name_count = 2 });
	assert_non_null(strstr(found, "missing: cannot open: "));
	const char *twice_standard[] = { "-", "-" };
	found = open_fails(&(struct capture_settings){ .names = twice_standard, .name_count = 2 });
	assert_non_null(strstr(found, "only once"));
}

/* A file that was a capture when it was checked and is empty when its turn comes. */
static void empty_files_in_directories_are_told(void **state)
{
	assert_int_equal(mkdir(path_of("e"), 0700), 0);
	save_text("e/1", "", 0);
	save_text("e/2", "ab", 2);
	save_capture("e/3", 3, 1);
	struct collected c;
	collect_file(path_of("e"), &c);
	assert_order(&c, "3");
	assert_int_equal(c.error_count, 2);
	assert_non_null(strstr(c.errors[0], "e/1: is empty; expected"));
	assert_non_null(strstr(c.errors[1], "e/2: is text and only a few bytes long; expected"));
	collected_free(&c);
}

/* Standard input as a pipe: frames are delivered as they come, without waiting for a full block. */
static void standard_input_is_delivered_as_it_comes(void **state)
{
	int ends[2], kept = dup(STDIN_FILENO);
	const char *name = "-";
	struct capture_settings settings = { .names = &name, .name_count = 1 };
	const struct capture_kind *kind = capture_kind_files();
	static struct frame_batch batch;
	struct capture *capture;
	struct error err;
	struct octets o = capture_of(5, 2);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(kind->open(&settings, &capture, &err), 0);
	assert_int_equal(kind->read(capture, 1000000, &batch, &err), 0);
	assert_int_equal(write(ends[1], o.at, 3), 3);           /* not even the magic */
	assert_int_equal(kind->read(capture, 1000000, &batch, &err), 0);
	assert_int_equal(write(ends[1], o.at + 3, 24 + 76 + 10 - 3), 24 + 76 + 10 - 3);
	assert_int_equal(kind->read(capture, 1000000, &batch, &err), 1);
	assert_true(is_pattern(batch.frame[0].data, 60, 5));
	kind->release(capture, batch.hold);
	assert_int_equal(kind->read(capture, 1000000, &batch, &err), 0);
	assert_int_equal(batch.count, 0);
	assert_int_equal(write(ends[1], o.at + 110, 66), 66);
	close(ends[1]);
	assert_int_equal(kind->read(capture, 1000000, &batch, &err), 1);
	kind->release(capture, batch.hold);
	assert_int_equal(kind->read(capture, 1000000, &batch, &err), -ENODATA);
	struct capture_counters counters;
	kind->counters(capture, &counters);
	assert_int_equal(counters.frames, 2);
	assert_int_equal(counters.file_bytes_total, 0);
	kind->close(capture);
	dup2(kept, STDIN_FILENO);
	close(kept);
	close(ends[0]);
	octets_free(&o);
}

static void the_clock_reaches_the_last_time(void **state)
{
	const char *names[] = { save_capture("a", 1, 3), save_capture("b", 4000, 3) };
	struct collected c;
	collect(&(struct capture_settings){ .names = names, .name_count = 2 }, &c);
	assert_int_equal(c.last_clock_ns, UINT64_C(4000000002000));
	collected_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_names_in_the_order_given),
		cmocka_unit_test(directory_is_one_capture_in_name_order),
		cmocka_unit_test(damage_in_one_file_leaves_the_others),
		cmocka_unit_test(compressed_members_follow_one_another),
		cmocka_unit_test(compressed_data_cut_anywhere),
		cmocka_unit_test(damage_in_compressed_data_is_told),
		cmocka_unit_test(wrong_files_are_told_before_anything_runs),
		cmocka_unit_test(empty_files_in_directories_are_told),
		cmocka_unit_test(standard_input_is_delivered_as_it_comes),
		cmocka_unit_test(the_clock_reaches_the_last_time),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}

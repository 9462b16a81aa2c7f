/* SPDX-License-Identifier: Apache-2.0 */
/* Files large enough to be mapped: the same frames as ever, also while others write to them. Where
 * the filesystem grants no lease they are read, and all of this holds as well. */
#include "craft.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/mapping.h"
#include "capture/source.h"

enum { US = 0xa1b2c3d4, FRAMES = 60000, FRAME_BYTES = 100, HEADER_BYTES = 24 + 16 };

static int teardown(void **state)
{
	(void)state;
	remove_folder();
	return 0;
}

static const char *save_large(const char *name)
{
	struct octets o = { 0 };
	put_pcap_header(&o, US, 65535, 1);
	for (unsigned i = 0; i < FRAMES; i++)
		put_pcap_record(&o, 1, i, FRAME_BYTES, FRAME_BYTES, i);
	const char *path = save(name, &o);
	octets_free(&o);
	return path;
}

static void assert_frames(const struct frame *frames, unsigned count, unsigned first)
{
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(frames[i].captured_bytes, FRAME_BYTES);
		assert_true(is_pattern(frames[i].data, FRAME_BYTES, first + i));
	}
}

static struct capture *open_file(const char *path)
{
	struct capture *c;
	const char *names[] = { path };
	assert_int_equal(capture_file.open(&(struct capture_settings){ .names = names,
	                                   .name_count = 1 }, &c, NULL), 0);
	return c;
}

/* Reads to the end; returns the number of frames. */
static unsigned read_rest(struct capture *c, unsigned first)
{
	struct frame_batch batch = { 0 };
	unsigned count = 0;
	while (capture_file.read(c, 1000000000, &batch, NULL) >= 0) {
		assert_frames(batch.frame, batch.count, first + count);
		count += batch.count;
		if (batch.hold)
			capture_file.release(c, batch.hold);
	}
	return count;
}

static void all_frames_come(void **state)
{
	(void)state;
	struct capture *c = open_file(save_large("large"));
	assert_int_equal(read_rest(c, 0), FRAMES);
	struct capture_counters counters;
	capture_file.counters(c, &counters);
	assert_int_equal(counters.file_bytes_read, counters.file_bytes_total);
	capture_file.close(c);
}

static void a_file_that_ends_inside_a_record(void **state)
{
	(void)state;
	const char *path = save_large("cut");
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(truncate(path, status.st_size - 1), 0);
	const char *names[] = { path, save_large("whole") };
	struct collected all;
	collect(&(struct capture_settings){ .names = names, .name_count = 2 }, &all);
	assert_int_equal(all.count, 2 * FRAMES - 1);
	assert_int_equal(all.error_count, 1);
	assert_int_equal(all.frames_before[0], FRAMES - 1);
	assert_non_null(strstr(all.errors[0], "cut"));
	collected_free(&all);
}

static void no_lease_while_it_is_written(void **state)
{
	(void)state;
	const char *path = save_large("written");
	int writer = open(path, O_WRONLY), fd = open(path, O_RDONLY);
	struct block *block = NULL;
	assert_true(mapping_new(fd, &block) < 0);
	struct capture *c = open_file(path);
	assert_int_equal(read_rest(c, 0), FRAMES);
	capture_file.close(c);
	close(fd);
	close(writer);
}

static void *overwrite(void *path)
{
	uint8_t other[FRAME_BYTES];
	memset(other, 0xff, sizeof other);
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, other, sizeof other, HEADER_BYTES), sizeof other);
	close(fd);
	return NULL;
}

/* The first batch is held while somebody changes its first frame; that one has to wait. */
static void a_writer_waits_for_what_is_held(void **state)
{
	(void)state;
	char *path = strdup(save_large("changed"));
	struct capture *c = open_file(path);
	struct frame_batch held = { 0 };
	pthread_t thread;
	assert_true(capture_file.read(c, 1000000000, &held, NULL) > 0);
	assert_int_equal(pthread_create(&thread, NULL, overwrite, path), 0);
	usleep(20000);
	assert_int_equal(read_rest(c, held.count), FRAMES - held.count);
	assert_frames(held.frame, held.count, 0);
	capture_file.release(c, held.hold);
	capture_file.close(c);
	assert_int_equal(pthread_join(thread, NULL), 0);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_frames_come),
		cmocka_unit_test(a_file_that_ends_inside_a_record),
		cmocka_unit_test(no_lease_while_it_is_written),
		cmocka_unit_test(a_writer_waits_for_what_is_held),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}

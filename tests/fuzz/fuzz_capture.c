/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: a capture or a file of export messages from a descriptor, so that telling its kind,
 * decompression and the window over blocks take part. Every octet of every frame is read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/capture.h"

static volatile uint8_t sink;

static void read_to_the_end(const struct capture_kind *kind, struct capture *capture)
{
	static struct frame_batch batch;
	struct error err;
	uint64_t frames = 0;
	unsigned failures = 0;
	for (int n; (n = kind->read(capture, 0, &batch, &err)) != -ENODATA;) {
		if (n == 0 || (n < 0 && ++failures > 1))
			abort();
		for (int i = 0; i < n; i++)
			for (uint32_t j = 0; j < batch.frame[i].captured_bytes; j++)
				sink ^= batch.frame[i].data[j];
		if (n > 0) {
			frames += (unsigned)n;
			kind->release(capture, batch.hold);
		}
	}
	struct capture_counters counters;
	kind->counters(capture, &counters);
	if (counters.frames != frames)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	const char *name = path;
	struct capture_settings settings = { .names = &name, .name_count = 1, .messages = true };
	const struct capture_kind *kind = capture_kind_files();
	struct capture *capture;
	struct error err;
	int fd = memfd_create("capture", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (!kind->open(&settings, &capture, &err)) {
		read_to_the_end(kind, capture);
		kind->close(capture);
	} else if (!err.text[0]) {
		abort();
	}
	close(fd);
	return 0;
}

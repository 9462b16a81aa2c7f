/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a file for the collector: messages, or a capture with datagrams, fragments and TCP
 * streams. Every packet and message must be accounted for, and every row readable.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collect/collector.h"
#include "decode_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t rows;

static void emit(void *context, const struct layout *layout, struct record_batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++)
		harness_read_row(batch, record_row(batch, i));
	rows += batch->count;
	record_batch_release(batch);
}

static void check_account(struct collector *c)
{
	struct collector_counters k;
	struct decode_counters all = { 0 };
	const struct exporters *e = collector_exporters(c);
	for (const struct exporter *x = e->oldest; x; x = x->newer) {
		struct decode_counters own;
		exporter_counters(x, &own);
		decode_counters_add(&all, &own);
	}
	collector_counters(c, &k);
	check(k.packets == k.datagrams + k.not_export + k.filtered + k.truncated + k.fragments
	      + k.segments);
	check(k.delivered == all.messages && k.delivered_octets == all.octets);
	check(all.waiting == 0 && all.records + all.options_records == rows);
}

static void collect(const char *path)
{
	struct collector *c;
	struct error err = { "" };
	struct collector_setup setup = {
		.files = &path, .file_count = 1, .exporters_max = 16,
		.decoder = { .session_bytes = HARNESS_SESSION_BYTES, .total_bytes = HARNESS_TOTAL_BYTES,
		             .layouts_max = 64, .elements_max = 64, .domains_max = 8, .options = true,
		             .emit = emit },
	};
	rows = 0;
	if (collector_open(&setup, &c, &err) < 0) {
		check(*err.text);
		return;
	}
	for (int r = 0, failures = 0; r != -ENODATA && failures < 2;) {
		r = collector_read(c, 0, &err);
		failures += r < 0;
	}
	collector_end(c);
	check_account(c);
	collector_close(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	int fd = memfd_create("messages", MFD_CLOEXEC);
	check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	collect(path);
	close(fd);
	return 0;
}

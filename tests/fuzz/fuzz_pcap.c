/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the walk over a pcap file that lies in memory whole. Each frame must lie inside the
 * file and contradict nothing; a walk that is stuck must ask for more than there is.
 */
#include <stdlib.h>

#include "capture/reader.h"

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_frame(const struct reader *r, const struct frame *f, const uint8_t *data,
                        size_t size)
{
	check(f->data >= data && f->captured_bytes <= size - (size_t)(f->data - data));
	check(f->captured_bytes <= f->wire_bytes && f->captured_bytes <= r->snaplen_bytes);
	check(f->interface < r->interfaces->count);
	check(f->link_type == r->interfaces->link_type[f->interface] ||
	      f->interface == INTERFACES_MAX - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct frame_batch batch;
	struct interface_list *interfaces = calloc(1, sizeof *interfaces);
	struct reader r = { .interfaces = interfaces, .snaplen_bytes = size % 2 ? 96 : UINT32_MAX };
	struct error err = { .text = "" };
	int n;
	check(interfaces != NULL);
	reader_start(&r, "fuzz");
	r.walk = pcap_walk;
	r.at = data;
	r.end = data + size;
	r.end_offset = size;
	while ((n = r.walk(&r, &batch, &err)) > 0) {
		check((uint32_t)n == batch.count && batch.count <= BATCH_MAX && r.at <= r.end);
		for (uint32_t i = 0; i < batch.count; i++)
			check_frame(&r, &batch.frame[i], data, size);
	}
	check(n < 0 ? err.text[0] != '\0' : r.need_bytes > (size_t)(r.end - r.at));
	reader_fini(&r);
	free(interfaces);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows the packets of a seed of fuzz_identify to libndpi as they are, as those of one flow. What
 * breaks it here is why weir takes care: tests/identify/test_hostile.py runs both. Ends with the
 * line held=N left=N: octets that libndpi has allocated for the flow, and that it has not freed
 * with it.
 */
#include <malloc.h>
#include <ndpi/ndpi_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_BYTES_MAX = 1 << 20 };

static uint8_t input[INPUT_BYTES_MAX];

static void show(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                 const uint8_t *packet, size_t bytes, uint64_t time_ms)
{
	uint8_t *exact = malloc(bytes ? bytes : 1);
	if (!exact)
		abort();
	memcpy(exact, packet, bytes);
	ndpi_detection_process_packet(module, flow, exact, (unsigned short)bytes, time_ms);
	free(exact);
}

static void show_all(struct ndpi_detection_module_struct *module, struct ndpi_flow_struct *flow,
                     size_t size)
{
	uint64_t time_ms = 1000;
	for (size_t at = 1; at + 2 < size;) {
		size_t bytes = (size_t)input[at] << 8 | input[at + 1];
		at += 2;
		bytes = bytes < size - at ? bytes : size - at;
		show(module, flow, input + at, bytes, time_ms++);
		at += bytes;
	}
}

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
	struct ndpi_flow_struct *flow = calloc(1, sizeof *flow);
	struct ndpi_detection_module_struct *module = ndpi_init_detection_module(ndpi_no_prefs);
	NDPI_PROTOCOL_BITMASK all;
	u_int8_t guessed;
	if (!file || !flow || !module)
		return 2;
	NDPI_BITMASK_SET_ALL(all);
	ndpi_set_protocol_detection_bitmask2(module, &all);
	ndpi_finalize_initialization(module);
	size_t size = fread(input, 1, sizeof input, file), before = mallinfo2().uordblks;
	show_all(module, flow, size);
	size_t held = mallinfo2().uordblks - before;
	ndpi_detection_giveup(module, flow, 1, &guessed);
	ndpi_free_flow_data(flow);
	size_t left = mallinfo2().uordblks - before;
	printf("held=%zu left=%zu\n", held, left);
	ndpi_exit_detection_module(module);
	free(flow);
	fclose(file);
	return 0;
}

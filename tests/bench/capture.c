/* SPDX-License-Identifier: Apache-2.0 */
/* Plain pcap files for the generators; see capture.h. */
#include "capture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_BYTES = 1 << 20 };

static void fail(const struct capture *capture)
{
	fprintf(stderr, "cannot write %s: %s\n", capture->path, strerror(errno));
	exit(1);
}

void capture_open(struct capture *capture, const char *path)
{
	static const uint32_t head[6] = { 0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1 };

	*capture = (struct capture){ .path = path, .file = fopen(path, "wb") };
	if (!capture->file)
		fail(capture);
	setvbuf(capture->file, NULL, _IOFBF, BUFFER_BYTES);
	fwrite(head, sizeof head, 1, capture->file);
}

void capture_write(struct capture *capture, const struct capture_frame *frame)
{
	uint32_t head[4] = {
		(uint32_t)(CAPTURE_FIRST_SECOND + frame->time_us / 1000000),
		(uint32_t)(frame->time_us % 1000000), frame->captured, frame->length,
	};
	fwrite(head, sizeof head, 1, capture->file);
	fwrite(frame->octets, frame->captured, 1, capture->file);
	capture->packets++;
	capture->ip_octets += frame->ip_octets;
}

void capture_close(struct capture *capture, uint64_t flows)
{
	if (ferror(capture->file) || fclose(capture->file) != 0)
		fail(capture);
	printf("packets=%" PRIu64 " octets=%" PRIu64 " flows=%" PRIu64 "\n", capture->packets,
	       capture->ip_octets, flows);
}

uint64_t number_argument(const char *name, const char *text, uint64_t most)
{
	char *end;

	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	if (errno || *end || end == text || value == 0 || value > most) {
		fprintf(stderr, "%s is \"%s\"; expected a number from 1 to %" PRIu64 "\n", name, text,
		        most);
		exit(2);
	}
	return value;
}

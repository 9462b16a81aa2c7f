/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of export messages, one behind the other: IPFIX as RFC 5655 has it, and NetFlow v5 and v9
 * as they were received. Each message becomes a frame of the link type LINK_EXPORT; only who asks
 * for messages (capture.h) gets them.
 *
 * NetFlow v9 does not say how long a message is. Its sets do, and no set has a number between 2 and
 * 255: where such a number stands the next message begins with its version.
 * Neighbours: reader.h (the window), file.c (who fills it), collect/ (who reads the frames).
 */
#include "capture/reader.h"

enum {
	VERSION_5 = 5, VERSION_9 = 9, VERSION_IPFIX = 10,
	HEADER_5 = 24, HEADER_9 = 20, HEADER_IPFIX = 16, RECORD_5 = 48,
	MESSAGE_MAX = 65535,
	SET_ID_LEAST = 256,
};

/* Lengths: > 0; 0: need_bytes says what is missing to tell; negative: no message begins here. */

static int64_t length_ipfix(const uint8_t *at)
{
	uint16_t length = load_be16(at + 2);
	return length < HEADER_IPFIX ? -1 : length;
}

static int64_t length_netflow5(const uint8_t *at)
{
	return HEADER_5 + (int64_t)load_be16(at + 2) * RECORD_5;
}

/* Zeros behind the last set are padding. */
static size_t set_bytes(const uint8_t *at)
{
	uint16_t id = load_be16(at), length = load_be16(at + 2);
	return id == 0 && length == 0 ? 4 : length;
}

static int64_t length_netflow9(struct reader *r)
{
	size_t have = (size_t)(r->end - r->at), length = HEADER_9;
	while (length + 4 <= have && length <= MESSAGE_MAX) {
		uint16_t id = load_be16(r->at + length);
		if (id > 1 && id < SET_ID_LEAST)
			return (int64_t)length;
		if (set_bytes(r->at + length) < 4)
			break;
		length += set_bytes(r->at + length);
	}
	if (length > MESSAGE_MAX)
		return -1;
	if (r->ended)                   /* what is there is all: the decoder judges it */
		return have > MESSAGE_MAX ? -1 : (int64_t)have;
	r->need_bytes = (length > have ? length : have) + 4;
	return 0;
}

/* 0: more octets are needed to know, or to have it all; negative: this is no message. */
static int64_t message_length(struct reader *r)
{
	if (r->end - r->at < HEADER_IPFIX) {
		r->need_bytes = HEADER_IPFIX;
		return 0;
	}
	int64_t length;
	switch (load_be16(r->at)) {
	case VERSION_IPFIX: length = length_ipfix(r->at); break;
	case VERSION_9: length = length_netflow9(r); break;
	case VERSION_5: length = length_netflow5(r->at); break;
	default: return -1;
	}
	if (length > r->end - r->at) {
		r->need_bytes = (size_t)length;
		return 0;
	}
	return length;
}

/* When it was exported: nobody knows when it came. */
static uint64_t message_time_ns(const uint8_t *at)
{
	if (load_be16(at) == VERSION_IPFIX)
		return (uint64_t)load_be32(at + 4) * 1000000000;
	uint64_t ns = (uint64_t)load_be32(at + 8) * 1000000000;
	return load_be16(at) == VERSION_5 ? ns + load_be32(at + 12) : ns;
}

static int stuck(struct reader *r, int64_t length, struct error *err)
{
	if (length == 0)
		return reader_needs(r, r->need_bytes, "an export message");
	return reader_damaged(r, err, "expected an IPFIX or NetFlow message, found version %u and "
	                              "length %u", load_be16(r->at), load_be16(r->at + 2));
}

/* A message is a frame of LINK_EXPORT: its export time is the time of the packet. */
int export_walk(struct reader *r, struct frame_batch *ret, struct error *err)
{
	uint32_t count = 0;
	int64_t length = 0;
	r->octets = r->latest_ns = 0;
	while (count < BATCH_MAX && (length = message_length(r)) > 0) {
		uint64_t time_ns = message_time_ns(r->at);
		ret->frame[count++] = (struct frame){
			.data = r->at, .time_ns = time_ns, .link_type = LINK_EXPORT,
			.captured_bytes = (uint32_t)length, .wire_bytes = (uint32_t)length,
			.cookie = r->file,
		};
		r->octets += (uint64_t)length;
		r->latest_ns = time_ns > r->latest_ns ? time_ns : r->latest_ns;
		r->at += length;
	}
	if (count == 0)
		return stuck(r, length, err);
	r->last_ns = ret->frame[count - 1].time_ns;
	ret->count = count;
	return (int)count;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: announcements in payload. The first octet says how the flow is addressed; every kind
 * of message is tried on the rest. What comes out must be ends that somebody can talk to, and go
 * into the table of expectations, where it is found.
 */
#include <stdlib.h>
#include <string.h>

#include "identify/expectations.h"

static void check(int holds)
{
	if (!holds)
		abort();
}

static void keep(struct expectations *e, const struct announced *end)
{
	struct identify_flow flow = { .family = end->family, .protocol = end->protocol,
	                              .port = { 1, end->port } };
	struct expected found;
	check(end->port && (end->family == 4 || end->family == 6));
	memcpy(flow.address[0], end->peer, 16);
	memcpy(flow.address[1], end->address, 16);
	expectations_add(e, end, (struct expected){ .parent = 1, .kind = ANNOUNCE_FTP }, 1);
	check(expectations_find(e, &flow, 2, 1, &found) && found.parent == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t sender[16] = { 192, 0, 2, 1 }, receiver[16] = { 192, 0, 2, 2 };
	struct announced ends[ANNOUNCED_MAX];
	struct expectations e;
	if (size < 1 || size > UINT16_MAX || expectations_init(&e))
		return 0;
	struct announce_message m = { .payload = data + 1, .bytes = (uint32_t)size - 1,
	                              .family = data[0] & 1 ? 6 : 4, .sender = sender,
	                              .receiver = receiver };
	announce_is_mail(m.payload, m.bytes);
	check(announce_kind(m.payload, m.bytes) <= ANNOUNCE_RTSP);
	for (enum announce_kind kind = ANNOUNCE_FTP; kind <= ANNOUNCE_RTSP; kind++) {
		unsigned count = announce_read(kind, &m, ends);
		check(count <= ANNOUNCED_MAX);
		for (unsigned i = 0; i < count; i++)
			keep(&e, &ends[i]);
	}
	expectations_fini(&e);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The fate list as an enum, with names, texts and counters. */
#ifndef PACKET_FATE_H
#define PACKET_FATE_H

#include <stdbool.h>
#include <stdint.h>

/* Every frame has exactly one: the sum over all of them is what the source has delivered. The list,
 * with texts, is fate.def. */
enum fate {
#define FATE(name, text) FATE_##name,
#include "packet/fate.def"
#undef FATE
	FATE_COUNT
};

/* One for each thread; the engine adds them up. */
struct fate_counters {
	uint64_t packets[FATE_COUNT];   /* wire packets: an offload super-frame counts as its
	                                 * segments */
	uint64_t octets[FATE_COUNT];    /* frame octets as the source gave them (frame.wire_bytes) */
	uint64_t offload_packets;       /* in packets[] beyond one a frame: frames = sum - this */
	uint64_t ignored_first_ns, ignored_last_ns;     /* of ignored packets; 0: none */
};

/* The packet should have been metered, had it been whole: RFC 7011's ignored packets. Not what is
 * no IP packet, nor what somebody chose to leave out. */
bool fate_is_ignored(enum fate fate);

const char *fate_name(enum fate fate);  /* "malformed_ipv4": key of --stats */
const char *fate_text(enum fate fate);  /* one line for people */

#endif

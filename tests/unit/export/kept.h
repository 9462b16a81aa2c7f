/* SPDX-License-Identifier: Apache-2.0 */
/* A sender that keeps the octets of messages, and a clock that stands still until it is moved: for
 * tests of export sessions. */
#ifndef TESTS_KEPT_H
#define TESTS_KEPT_H

#include "export/session.h"

#define SECOND_NS UINT64_C(1000000000)

enum { KEPT_MAX = 256, MESSAGE_BYTES = 4096 };

struct kept {
	uint8_t octets[KEPT_MAX][MESSAGE_BYTES];
	uint32_t bytes[KEPT_MAX];
	unsigned count;
	bool losing;                    /* what comes is kept, and counts as lost */
	uint64_t now_ns;
};

/* Sets the clock of a zeroed one and puts it into the session's configuration. */
struct export_sender kept_start(struct kept *kept, struct export_session_config *config);

#endif

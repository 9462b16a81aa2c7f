/* SPDX-License-Identifier: Apache-2.0 */
/* See kept.h. */
#include "kept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint64_t kept_clock(void *context)
{
	return ((struct kept *)context)->now_ns;
}

static int kept_send(void *context, struct export_message *messages, unsigned count,
                     struct error *err)
{
	struct kept *k = context;
	for (unsigned i = 0; i < count; i++) {
		assert_true(k->count < KEPT_MAX && messages[i].bytes <= MESSAGE_BYTES);
		memcpy(k->octets[k->count], messages[i].octets, messages[i].bytes);
		k->bytes[k->count++] = messages[i].bytes;
		messages[i].lost = k->losing;
	}
	return 0;
}

struct export_sender kept_start(struct kept *kept, struct export_session_config *config)
{
	kept->now_ns = 1700000000 * SECOND_NS;
	config->clock = kept_clock;
	config->clock_context = kept;
	return (struct export_sender){ .send = kept_send, .context = kept };
}

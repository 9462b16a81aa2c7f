/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports as evidence: see services.h. The kinds are ranked; where both ends have the same one,
 * ports say nothing.
 */
#include "flow/services.h"

#include <string.h>

#include "base/compiler.h"

enum { TCP_ONLY = 1, UDP_ONLY = 2, TCP_AND_UDP = 3 };

static const struct {
	uint16_t port;
	uint8_t transports;
} list[] = {
#define SERVICE(port, transports, name) { port, transports },
#include "flow/services.def"
#undef SERVICE
};

static void set_bit(uint64_t *bits, uint16_t port)
{
	bits[port / 64] |= UINT64_C(1) << port % 64;
}

void services_init(struct services *s)
{
	memset(s, 0, sizeof *s);
	for (unsigned i = 0; i < array_count(list); i++) {
		if (list[i].transports & TCP_ONLY)
			set_bit(s->tcp, list[i].port);
		if (list[i].transports & UDP_ONLY)
			set_bit(s->udp, list[i].port);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports as evidence: see services.h. The kinds are ranked; where both ends have the same one,
 * ports say nothing. Names are for those who want them (identify).
 */
#include "flow/services.h"

#include <string.h>

#include "base/compiler.h"

enum { TCP_ONLY = 1, UDP_ONLY = 2, TCP_AND_UDP = 3, NAME_ONLY = 4 };

static const struct service list[] = {
#define SERVICE(port, transports, name, category) { port, transports, name, category },
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
		if (list[i].transports & NAME_ONLY)
			continue;
		if (list[i].transports & TCP_ONLY)
			set_bit(s->tcp, list[i].port);
		if (list[i].transports & UDP_ONLY)
			set_bit(s->udp, list[i].port);
	}
}

unsigned services_find(uint8_t protocol, uint16_t port)
{
	unsigned low = 0, high = array_count(list);
	unsigned transport = protocol == 17 ? UDP_ONLY : protocol == 6 ? TCP_ONLY : 0;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (list[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low < array_count(list) && list[low].port == port && list[low].transports & transport
		? low + 1 : 0;
}

const struct service *services_get(unsigned number)
{
	return number && number <= array_count(list) ? &list[number - 1] : NULL;
}

unsigned services_count(void)
{
	return array_count(list);
}

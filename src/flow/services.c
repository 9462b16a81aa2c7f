/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/services.h"

#include <string.h>

#include "base/compiler.h"

enum { TCP_ONLY = 1, UDP_ONLY = 2, TCP_AND_UDP = 3 };
enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_UDPLITE = 136 };
enum { FTP_DATA = 20, PRIVILEGED_PORTS = 512, SYSTEM_PORTS = 1024, CLIENT_PORTS = 32768 };

enum kind { KIND_SYSTEM, KIND_REGISTERED, KIND_USER, KIND_CLIENT, KIND_DYNAMIC, KIND_NONE };

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

bool services_has(const struct services *s, uint8_t protocol, uint16_t port)
{
	bool udp = protocol == PROTOCOL_UDP || protocol == PROTOCOL_UDPLITE;
	return port < SERVICE_PORTS && ((udp ? s->udp : s->tcp)[port / 64] >> port % 64 & 1);
}

static enum kind kind_of(const struct services *s, uint8_t protocol, uint16_t port)
{
	if (port >= SERVICE_PORTS)
		return KIND_DYNAMIC;
	if (services_has(s, protocol, port))
		return port < SYSTEM_PORTS ? KIND_SYSTEM : KIND_REGISTERED;
	if (!port || port == FTP_DATA || (port >= PRIVILEGED_PORTS && port < SYSTEM_PORTS))
		return KIND_NONE;
	return port < CLIENT_PORTS ? KIND_USER : KIND_CLIENT;
}

/* Whether the lower of two kinds that differ is the server's. */
static bool is_server(uint8_t protocol, enum kind low, enum kind high)
{
	return protocol == PROTOCOL_TCP || (low <= KIND_REGISTERED && high >= KIND_CLIENT);
}

int services_weigh(const struct services *s, uint8_t protocol, const uint16_t port[2])
{
	enum kind kind[2] = { kind_of(s, protocol, port[0]), kind_of(s, protocol, port[1]) };
	unsigned low = kind[1] < kind[0];
	if (kind[0] == kind[1] || kind[low ^ 1] == KIND_NONE
	    || !is_server(protocol, kind[low], kind[low ^ 1]))
		return -1;
	return (int)low;
}

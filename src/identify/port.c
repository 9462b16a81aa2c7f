/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend of registered ports: what a flow is likely to be when nothing else is known. The
 * responder's port is asked first. An application is known by its place in services.def plus 1, and
 * outside by its port (RFC 6759: engine 3, IANA-L4).
 */
#include "identify/identify.h"

#include "base/compiler.h"
#include "flow/direction.h"
#include "identify/ends.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { TCP = 1, UDP = 2, BOTH = 3 };
enum { ENGINE_IANA_L4 = 3 };

static const struct service {
	uint16_t port;
	uint8_t  transports;
	const char *name, *category;
} services[] = {
#define SERVICE(port, transports, name, category) { port, transports, name, category },
#include "identify/services.def"
#undef SERVICE
};

/* Its place plus 1; 0: there is none. */
static unsigned find(unsigned port, unsigned transport)
{
	unsigned low = 0, high = array_count(services);
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (services[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low < array_count(services) && services[low].port == port
		&& services[low].transports & transport ? low + 1 : 0;
}

static void port_conclude(void *worker, void *state, const struct identify_flow *flow,
                          struct identity *ret)
{
	unsigned transport = flow->protocol == PROTOCOL_TCP ? TCP
		: flow->protocol == PROTOCOL_UDP ? UDP : 0;
	unsigned found = find(flow->port[1], transport);
	if (!found)
		found = find(flow->port[0], transport);
	ret->application = ret->category = (uint16_t)found;
	ret->confidence = found ? CONFIDENCE_PORT : CONFIDENCE_NONE;
}

static enum identify_progress port_packet(void *worker, void *state,
                                          const struct identify_packet *packet,
                                          struct identity *ret)
{
	struct identify_flow flow;
	identify_flow_of_touch(packet->touch, &flow);
	port_conclude(worker, state, &flow, ret);
	return IDENTIFY_ENOUGH;
}

static const char *port_text(void *worker, enum identify_name kind, unsigned number)
{
	if (number == 0 || number > array_count(services))
		return NULL;
	return kind == NAME_APPLICATION ? services[number - 1].name
		: kind == NAME_CATEGORY ? services[number - 1].category : NULL;
}

static unsigned port_application_id(unsigned application, uint8_t ret[APPLICATION_ID_MAX])
{
	ret[0] = ENGINE_IANA_L4;
	store_be16(ret + 1, services[application - 1].port);
	return 3;
}

const struct identify_backend identify_port = {
	.name = "port", .help = "the registered service of a port", .packet = port_packet,
	.conclude = port_conclude, .text = port_text, .application_id = port_application_id,
	.applications = array_count(services),
};

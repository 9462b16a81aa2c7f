/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend of registered ports: what a flow is likely to be when nothing else is known. The
 * responder's port is asked first. An application is known by its number among the services
 * (flow/services.h), and outside by its port (RFC 6759: engine 3, IANA-L4).
 */
#include "identify/identify.h"

#include "base/compiler.h"
#include "flow/services.h"
#include "identify/ends.h"

enum { ENGINE_IANA_L4 = 3 };

/* The responder's port, then the initiator's: servers speak first in some protocols, and captures
 * begin in the middle. */
static void port_conclude(void *worker, void *state, const struct identify_flow *flow,
                          struct identity *ret)
{
	unsigned found = services_find(flow->protocol, flow->port[1]);
	if (!found)
		found = services_find(flow->protocol, flow->port[0]);
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
	const struct service *service = services_get(number);
	if (!service)
		return NULL;
	return kind == NAME_APPLICATION ? service->name
		: kind == NAME_CATEGORY ? service->category : NULL;
}

static unsigned port_application_count(void *worker)
{
	return services_count();
}

static unsigned port_application_id(unsigned application, uint8_t ret[APPLICATION_ID_MAX])
{
	ret[0] = ENGINE_IANA_L4;
	store_be16(ret + 1, services_get(application)->port);
	return 3;
}

const struct identify_backend identify_port = {
	.name = "port", .help = "the registered service of a port", .packet = port_packet,
	.conclude = port_conclude, .text = port_text, .application_id = port_application_id,
	.application_count = port_application_count,
};

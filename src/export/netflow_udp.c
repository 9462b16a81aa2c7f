/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netflow9+udp://host[:2055] and netflow5+udp://host[:2055]: what IPFIX came from, for collectors
 * that know nothing else. Both have one direction a record. Sending, pacing and refusals are those
 * of ipfix_udp.c; the messages are session.c's and ipfix/'s.
 */
#include "export/ipfix_udp.h"

#include "export/ipfix_common.h"

extern const struct output_kind output_netflow9_udp, output_netflow5_udp;

static int netflow9_open(const struct address *address, const struct output_env *env,
                         struct output **ret, struct error *err)
{
	const struct ipfix_udp_flavour flavour = { &output_netflow9_udp, FORMAT_NETFLOW9,
	                                           NETFLOW9_PORT };
	return ipfix_udp_open_flavour(&flavour, address, env, ret, err);
}

static int netflow5_open(const struct address *address, const struct output_env *env,
                         struct output **ret, struct error *err)
{
	const struct ipfix_udp_flavour flavour = { &output_netflow5_udp, FORMAT_NETFLOW5,
	                                           NETFLOW9_PORT };
	return ipfix_udp_open_flavour(&flavour, address, env, ret, err);
}

static const char *const netflow9_fields[] = {
	"flowStartMilliseconds", "flowEndMilliseconds",
	"sourceIPv4Address", "sourceIPv6Address", "destinationIPv4Address", "destinationIPv6Address",
	"sourceTransportPort", "destinationTransportPort", "protocolIdentifier",
	"vlanId", "dot1qCustomerVlanId", "packetDeltaCount", "octetDeltaCount", "tcpControlBits",
	"ipClassOfService", "icmpTypeCodeIPv4", "icmpTypeCodeIPv6", "flowEndReason",
	"ingressInterface",
	NULL
};

/* What has a place in the record of v5; the addresses make two schemas of it, of which the one for
 * IPv6 is counted and not carried. */
static const char *const netflow5_fields[] = {
	"flowStartMilliseconds", "flowEndMilliseconds",
	"sourceIPv4Address", "sourceIPv6Address", "destinationIPv4Address", "destinationIPv6Address",
	"sourceTransportPort", "destinationTransportPort", "protocolIdentifier",
	"packetDeltaCount", "octetDeltaCount", "tcpControlBits", "ipClassOfService",
	"icmpTypeCodeIPv4", "ingressInterface",
	NULL
};

static const char *const netflow9_parameters[] = {
	IPFIX_UDP_MTU_PARAMETER,
	"domain", "NUMBER", "source id (default 1)",
	"times", "uptime|absolute", "times since boot, 21 and 22, or absolute, 152 and 153 "
	"(default uptime)",
	IPFIX_OPTIONS_PARAMETER,
	IPFIX_UDP_PARAMETERS,
	IPFIX_UDP_TEMPLATE_PARAMETERS,
	NULL
};

static const char *const netflow5_parameters[] = {
	IPFIX_UDP_MTU_PARAMETER,
	"domain", "NUMBER", "engine: 256 times its type and its id (default 1)",
	IPFIX_UDP_PARAMETERS,
	NULL
};

const struct output_kind output_netflow9_udp = {
	.scheme = "netflow9+udp",
	.help = "NetFlow v9 to a collector over UDP (RFC 3954)",
	.parameters = netflow9_parameters,
	.default_fields = netflow9_fields,
	.splits_families = true,
	.uniflow = true,
	.open = netflow9_open,
	.schema = ipfix_udp_schema,
	.write = ipfix_udp_write,
	.missed = ipfix_udp_missed,
	.tick = ipfix_udp_tick,
	.finish = ipfix_udp_finish,
	.counters = ipfix_udp_counters,
	.endpoints = ipfix_udp_endpoints,
	.template = ipfix_udp_template,
	.close = ipfix_udp_close,
};

const struct output_kind output_netflow5_udp = {
	.scheme = "netflow5+udp",
	.help = "NetFlow v5 to a collector over UDP: IPv4 only, fields of its own",
	.parameters = netflow5_parameters,
	.default_fields = netflow5_fields,
	.splits_families = true,
	.uniflow = true,
	.fixed_fields = true,
	.open = netflow5_open,
	.schema = ipfix_udp_schema,
	.write = ipfix_udp_write,
	.missed = ipfix_udp_missed,
	.tick = ipfix_udp_tick,
	.finish = ipfix_udp_finish,
	.counters = ipfix_udp_counters,
	.endpoints = ipfix_udp_endpoints,
	.close = ipfix_udp_close,
};

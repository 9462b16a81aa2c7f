/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by ipfix_file.c and ipfix_udp.c; see ipfix_common.h. */
#include "export/ipfix_common.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "net/endpoint.h"

/* 0 would say that the records are of no particular domain. */
enum { DOMAIN_DEFAULT = 1 };

/* Of reverse elements nfdump 1.7 knows the counters only and takes any other for the forward
 * one; the last that comes wins, so there the forward element stands behind its reverse. */
const char *const ipfix_default_fields[] = {
	"flowStartMilliseconds", "flowEndMilliseconds",
	"sourceIPv4Address", "sourceIPv6Address", "destinationIPv4Address", "destinationIPv6Address",
	"sourceTransportPort", "destinationTransportPort", "protocolIdentifier",
	"vlanId", "dot1qCustomerVlanId",
	"packetDeltaCount", "octetDeltaCount", "reversePacketDeltaCount", "reverseOctetDeltaCount",
	"reverseTcpControlBits", "tcpControlBits",
	"reverseIcmpTypeCodeIPv4", "icmpTypeCodeIPv4", "reverseIcmpTypeCodeIPv6", "icmpTypeCodeIPv6",
	"flowEndReason", "biflowDirection", "ingressInterface",
	NULL
};

int ipfix_parameter_count(const struct address *address, const char *name, const uint64_t bounds[2],
                          uint64_t *value, struct error *err)
{
	const char *text = address_parameter(address, name);
	uint64_t number;
	if (!text)
		return 0;
	if (text_parse_count(text, &number) < 0 || number < bounds[0] || number > bounds[1])
		return error_set(err, -EINVAL, "%s: %s is \"%s\", expected a number from %llu to %llu",
		                 address->text, name, text, (unsigned long long)bounds[0],
		                 (unsigned long long)bounds[1]);
	*value = number;
	return 0;
}

int ipfix_parameter_duration(const struct address *address, const char *name,
                             const uint64_t bounds[2],
                             uint64_t *value_ns, struct error *err)
{
	const char *text = address_parameter(address, name);
	uint64_t ns;
	if (!text)
		return 0;
	if (text_parse_duration(text, &ns) < 0 || ns < bounds[0] || ns > bounds[1]) {
		char low[32], high[32];
		text_human_duration(bounds[0], low, sizeof low);
		text_human_duration(bounds[1], high, sizeof high);
		return error_set(err, -EINVAL, "%s: %s is \"%s\", expected a duration from %s to %s",
		                 address->text, name, text, low, high);
	}
	*value_ns = ns;
	return 0;
}

static int read_domain(const struct address *address, uint32_t *domain, struct error *err)
{
	uint64_t value = DOMAIN_DEFAULT;
	int rc = ipfix_parameter_count(address, "domain", (uint64_t[]){ 0, UINT32_MAX }, &value, err);
	if (rc == 0)
		*domain = (uint32_t)value;
	return rc;
}

static int read_pen(const struct address *address, uint32_t *pen, struct error *err)
{
	uint64_t value = 0;
	int rc = ipfix_parameter_count(address, "pen", (uint64_t[]){ 1, UINT32_MAX }, &value, err);
	if (rc == 0 && value == PEN_REVERSE)
		return error_set(err, -EINVAL, "%s: pen %u marks reverse elements of IANA (RFC 5103), "
		                 "expected the number of an enterprise", address->text, PEN_REVERSE);
	if (rc == 0)
		*pen = (uint32_t)value;
	return rc;
}

static int read_options(const struct address *address, uint64_t *ret_ns, struct error *err)
{
	const uint64_t second_ns = 1000000000;
	const char *text = address_parameter(address, "options");
	*ret_ns = 60 * second_ns;
	if (!text || strcmp(text, "off") != 0)
		return ipfix_parameter_duration(address, "options",
		                                (uint64_t[]){ second_ns, 86400 * second_ns }, ret_ns, err);
	*ret_ns = 0;
	return 0;
}

static int read_reduce(const struct address *address, bool *ret_common, struct error *err)
{
	const char *text = address_parameter(address, "reduce");
	if (text && strcmp(text, "common") != 0)
		return error_set(err, -EINVAL, "%s: reduce is \"%s\", expected common",
		                 address->text, text);
	*ret_common = text != NULL;
	return 0;
}

static int read_pad(const struct address *address, bool *ret_pad, struct error *err)
{
	const char *text = address_parameter(address, "pad");
	if (text && strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
		return error_set(err, -EINVAL, "%s: pad is \"%s\", expected on or off",
		                 address->text, text);
	*ret_pad = text && strcmp(text, "on") == 0;
	return 0;
}

static int read_times(const struct address *address, bool *ret_uptime, struct error *err)
{
	const char *text = address_parameter(address, "times");
	if (text && strcmp(text, "uptime") != 0 && strcmp(text, "absolute") != 0)
		return error_set(err, -EINVAL, "%s: times is \"%s\", expected uptime or absolute",
		                 address->text, text);
	*ret_uptime = !text || strcmp(text, "uptime") == 0;
	return 0;
}

int ipfix_parameter_templates(const struct address *address, struct export_session_config *config,
                              struct error *err)
{
	const uint64_t second_ns = 1000000000;
	uint64_t messages = config->template_messages;
	int rc = ipfix_parameter_duration(address, "template-refresh",
	                                  (uint64_t[]){ second_ns, 86400 * second_ns },
	                                  &config->template_refresh_ns, err);
	if (rc == 0)
		rc = ipfix_parameter_count(address, "template-packets", (uint64_t[]){ 0, UINT32_MAX },
		                           &messages, err);
	config->template_messages = (uint32_t)messages;
	return rc;
}

/* A format has only the parameters that mean something in it; others are refused as unknown, later,
 * by output_check_parameters(). */
int ipfix_parameters_message(const struct address *address, struct export_session_config *config,
                             struct error *err)
{
	int rc = read_domain(address, &config->domain, err);
	if (rc == 0 && config->format == FORMAT_IPFIX)
		rc = read_pen(address, &config->pen, err);
	if (rc == 0 && config->format == FORMAT_IPFIX)
		rc = read_reduce(address, &config->common, err);
	if (rc == 0 && config->format == FORMAT_IPFIX)
		rc = read_pad(address, &config->pad, err);
	if (rc == 0 && config->format == FORMAT_NETFLOW9)
		rc = read_times(address, &config->uptime, err);
	if (rc == 0 && config->format != FORMAT_NETFLOW5)
		rc = read_options(address, &config->options_refresh_ns, err);
	return rc;
}

int ipfix_add_schema(struct export_session *s, const struct schema *schema,
                     const struct output_env *env,
                     const char *name, struct error *err)
{
	const char *note;
	int rc = export_session_schema(s, schema, &note, err);
	if (rc < 0)
		return error_prefix(err, rc, "%s", name);
	if (*note)
		ipfix_message_line(env, name, "not exported: %s", note);
	return 0;
}

int ipfix_check_host(const struct address *address, uint16_t port, struct error *err)
{
	if (address->host_count)
		return 0;
	return error_set(err, -EINVAL, "%s: found no host, expected one, as in %s://host:%u",
	                 address->text, address->scheme, port);
}

bool ipfix_endpoint(int fd, struct output_endpoint *ret)
{
	struct net_endpoint local, remote;
	if (!net_endpoint_local(fd, &local) || !net_endpoint_remote(fd, &remote))
		return false;
	*ret = (struct output_endpoint){ .family = remote.family, .protocol = IPPROTO_UDP,
	                                 .local_port = local.port, .remote_port = remote.port };
	memcpy(ret->local, local.octets, sizeof ret->local);
	memcpy(ret->remote, remote.octets, sizeof ret->remote);
	return true;
}

void ipfix_message_line(const struct output_env *env, const char *name, const char *format, ...)
{
	char text[512], line[1024];
	if (!env->message)
		return;
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	snprintf(line, sizeof line, "%s: %s", name, text);
	env->message(env->context, line);
}

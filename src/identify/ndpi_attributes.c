/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libndpi has learned of a flow. Its state holds a union that only the protocol found says how
 * to read, so each part is taken only where that protocol is there; texts may lack their end, and
 * are read up to the room they have.
 */
#include "identify/ndpi.h"

#include <arpa/inet.h>
#include <string.h>

enum { JA3_DIGITS = 32, DNS_TYPE_A = 1, DNS_TYPE_AAAA = 28 };

static void add_array(struct attribute_list *to, enum attribute tag, const char *text, size_t room)
{
	attribute_add_text(to, tag, text, strnlen(text, room));
}

static void add_string(struct attribute_list *to, enum attribute tag, const char *text)
{
	if (text)
		attribute_add_text(to, tag, text, strnlen(text, 4 * ATTRIBUTE_TEXT_MAX));
}

static unsigned digit(char c)
{
	return c >= '0' && c <= '9' ? (unsigned)(c - '0') : ((unsigned)c | 32) - 'a' + 10;
}

/* A digest that libndpi has written as digits. */
static void add_digest(struct attribute_list *to, enum attribute tag, const char *digits)
{
	uint8_t octets[JA3_DIGITS / 2];
	if (!digits || strnlen(digits, JA3_DIGITS + 1) != JA3_DIGITS)
		return;
	for (unsigned i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]));
	attribute_add_octets(to, tag, octets, sizeof octets);
}

static bool is(const struct ndpi_flow_struct *flow, unsigned protocol)
{
	return flow->detected_protocol_stack[0] == protocol
		|| flow->detected_protocol_stack[1] == protocol;
}

/* The union is that of TLS: the caller has looked. */
static void add_tls(struct attribute_list *to, const struct ndpi_flow_struct *flow)
{
	if (flow->protos.tls_quic.ssl_version)
		attribute_add_number(to, ATTRIBUTE_TLS_VERSION, flow->protos.tls_quic.ssl_version);
	if (flow->protos.tls_quic.server_cipher)
		attribute_add_number(to, ATTRIBUTE_TLS_CIPHER, flow->protos.tls_quic.server_cipher);
	add_digest(to, ATTRIBUTE_TLS_JA3, compat_ja3(flow));
	add_digest(to, ATTRIBUTE_TLS_JA3S, flow->protos.tls_quic.ja3_server);
	add_string(to, ATTRIBUTE_TLS_ALPN, compat_alpn(flow));
	if (compat_has_certificate(flow))
		attribute_add_octets(to, ATTRIBUTE_TLS_SHA1,
		                     flow->protos.tls_quic.sha1_certificate_fingerprint,
		                     sizeof flow->protos.tls_quic.sha1_certificate_fingerprint);
}

static void add_ssh(struct attribute_list *to, const struct ndpi_flow_struct *flow)
{
	add_digest(to, ATTRIBUTE_SSH_HASSH, flow->protos.ssh.hassh_client);
	add_digest(to, ATTRIBUTE_SSH_HASSH_SERVER, flow->protos.ssh.hassh_server);
	add_array(to, ATTRIBUTE_SSH_CLIENT, flow->protos.ssh.client_signature,
	          sizeof flow->protos.ssh.client_signature);
	add_array(to, ATTRIBUTE_SSH_SERVER, flow->protos.ssh.server_signature,
	          sizeof flow->protos.ssh.server_signature);
}

static void add_dns_answer(struct attribute_list *to, const struct ndpi_flow_struct *flow)
{
	char text[INET6_ADDRSTRLEN] = "";
	unsigned type = flow->protos.dns.rsp_type;
	attribute_add_number(to, ATTRIBUTE_DNS_ANSWER_TYPE, type);
	if (type == DNS_TYPE_A)
		inet_ntop(AF_INET, &compat_dns_answer(flow)->ipv4, text, sizeof text);
	else if (type == DNS_TYPE_AAAA)
		inet_ntop(AF_INET6, &compat_dns_answer(flow)->ipv6, text, sizeof text);
	add_array(to, ATTRIBUTE_DNS_ANSWER, text, sizeof text);
}

/* A query without an answer has a type and nothing else. */
static void add_dns(struct attribute_list *to, const struct ndpi_state *state)
{
	const struct ndpi_flow_struct *flow = &state->flow;
	if (flow->protos.dns.query_type)
		attribute_add_number(to, ATTRIBUTE_DNS_TYPE, flow->protos.dns.query_type);
	if (flow->protos.dns.is_query)          /* no answer was seen */
		return;
	attribute_add_number(to, ATTRIBUTE_DNS_CODE, flow->protos.dns.reply_code);
	attribute_add_number(to, ATTRIBUTE_DNS_ANSWERS, state->dns_answers);
	if (state->dns_answers && flow->protos.dns.rsp_type)
		add_dns_answer(to, flow);
}

/* libndpi puts the host before the target. */
static const char *target_of(const struct ndpi_flow_struct *flow)
{
	const char *url = flow->http.url;
	size_t host = strnlen(flow->host_server_name, sizeof flow->host_server_name);
	const char *path = url ? strchr(url, '/') : NULL;
	return path && host && !strncmp(url, flow->host_server_name, host) ? path : url;
}

static void add_http(struct attribute_list *to, const struct ndpi_flow_struct *flow)
{
	if (flow->http.method)
		attribute_add_number(to, ATTRIBUTE_HTTP_METHOD, flow->http.method);
	if (flow->http.response_status_code)
		attribute_add_number(to, ATTRIBUTE_HTTP_STATUS, flow->http.response_status_code);
	add_string(to, ATTRIBUTE_HTTP_TYPE, flow->http.content_type);
	add_string(to, ATTRIBUTE_USER_AGENT, flow->http.user_agent);
	add_string(to, ATTRIBUTE_HTTP_TARGET, target_of(flow));
}

/* libndpi cuts a Host at its first colon: what is left of [2001:db8::1] names nothing. */
static bool is_cut(const char *host, size_t size)
{
	return host[0] == '[' && !memchr(host, ']', strnlen(host, size));
}

/* HTTP lies outside of the union, so it can be there with anything. */
void ndpi_attributes(struct ndpi_detection_module_struct *module,
                     const struct ndpi_state *state, struct attribute_list *to)
{
	const struct ndpi_flow_struct *flow = &state->flow;
	if (!is_cut(flow->host_server_name, sizeof flow->host_server_name))
		add_array(to, ATTRIBUTE_HOST_NAME, flow->host_server_name,
		          sizeof flow->host_server_name);
	if (flow->risk) {
		u_int16_t client, server;
		attribute_add_number(to, ATTRIBUTE_RISK, flow->risk);
		attribute_add_number(to, ATTRIBUTE_RISK_SCORE,
		                     ndpi_risk2score(flow->risk, &client, &server));
	}
	if (ndpi_is_tls(flow))
		add_tls(to, flow);
	else if (is(flow, NDPI_PROTOCOL_SSH))
		add_ssh(to, flow);
	else if (is(flow, NDPI_PROTOCOL_DNS))
		add_dns(to, state);
	add_http(to, flow);
}

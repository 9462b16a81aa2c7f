/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function for each protocol, each with the section of the RFC that its test comes from: see
 * roles.h. They look at a few octets at fixed places, and say nothing rather than guess. To add
 * one: a rule in roles.h, its ports in role_rules[], and a function.
 */
#include "flow/roles.h"

#include <string.h>

#include "base/compiler.h"

/* One message. No function reads past its end; `bytes` is at least 1. */
struct message {
	const uint8_t *at;
	uint32_t bytes;
	bool from_port, to_port;        /* the protocol's port is the source, the destination */
};

/* A role counts only where the ports agree: requests go to the server's port, replies come from
 * it. */
static enum role client_if(const struct message *m, bool is_request)
{
	return is_request && m->to_port ? ROLE_CLIENT : ROLE_UNKNOWN;
}

static enum role server_if(const struct message *m, bool is_reply)
{
	return is_reply && m->from_port ? ROLE_SERVER : ROLE_UNKNOWN;
}

static enum role by_question(const struct message *m, bool is_reply)
{
	return is_reply ? server_if(m, true) : client_if(m, true);
}

static bool begins(const struct message *m, const char *text)
{
	size_t length = strlen(text);
	return m->bytes >= length && !memcmp(m->at, text, length);
}

/* DNS, LLMNR, mDNS, NetBIOS names: RFC 1035 4.1.1, RFC 1002 4.2.1. */
static enum role dns(const struct message *m)
{
	enum { HEADER_BYTES = 12, QUESTIONS_MAX = 32, OPERATIONS = 1 << 0 | 1 << 2 | 1 << 4 | 1 << 5
		| 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9 };
	if (m->bytes < HEADER_BYTES || !(OPERATIONS >> (m->at[2] >> 3 & 15) & 1) || (m->at[3] & 0x40))
		return ROLE_UNKNOWN;
	bool is_reply = m->at[2] & 0x80;
	uint16_t questions = load_be16(m->at + 4);
	if (questions > QUESTIONS_MAX || (!is_reply && !questions))
		return ROLE_UNKNOWN;
	return by_question(m, is_reply);
}

/* The header of BOOTP: RFC 2131 2. */
static enum role dhcp(const struct message *m)
{
	enum { LEAST_BYTES = 28, BOOTREQUEST = 1, BOOTREPLY = 2 };
	if (m->bytes < LEAST_BYTES || m->at[2] > 16 || m->at[3] > 16)
		return ROLE_UNKNOWN;
	if (m->at[0] == BOOTREPLY)
		return server_if(m, true);
	return client_if(m, m->at[0] == BOOTREQUEST);
}

/* RFC 8415 7.3; a server sends RECONFIGURE (10) of its own accord. */
static enum role dhcp6(const struct message *m)
{
	enum { REQUESTS = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 11
		| 1 << 12, REPLIES = 1 << 2 | 1 << 7 | 1 << 13 };
	unsigned type = m->at[0];
	if (m->bytes < 4 || type > 13)
		return ROLE_UNKNOWN;
	if (REPLIES >> type & 1)
		return server_if(m, true);
	return client_if(m, REQUESTS >> type & 1);
}

/* Modes of RFC 5905 7.3; of equals (1 and 2) only the passive one answers. */
static enum role ntp(const struct message *m)
{
	enum { SHORTEST_BYTES = 12, PACKET_BYTES = 48 };
	unsigned mode = m->at[0] & 7, version = m->at[0] >> 3 & 7;
	if (m->bytes < SHORTEST_BYTES || version < 1 || version > 4)
		return ROLE_UNKNOWN;
	if (mode == 6)
		return by_question(m, m->at[1] & 0x80);
	if (m->bytes < PACKET_BYTES)
		return ROLE_UNKNOWN;
	if (mode == 2 || mode == 4)
		return server_if(m, true);
	return client_if(m, mode == 3);
}

/* The tag of the PDU behind version and community, in BER; 0 if that is not what is there.
 * RFC 1157 4, RFC 3416 3; version 3 hides it. */
static uint8_t snmp_pdu(const struct message *m)
{
	uint32_t at = 2;
	if (m->bytes < 8 || m->at[0] != 0x30)
		return 0;
	if (m->at[1] & 0x80)
		at += m->at[1] & 0x7f;
	if (at + 5 > m->bytes || m->at[at] != 2 || m->at[at + 1] != 1 || m->at[at + 2] > 1
	    || m->at[at + 3] != 4 || (m->at[at + 4] & 0x80))
		return 0;
	at += 5u + m->at[at + 4];
	return at < m->bytes ? m->at[at] : 0;
}

/* By the PDU's tag: requests and their answers have different ones. */
static enum role snmp(const struct message *m)
{
	enum { RESPONSE = 0xa2, GET = 0xa0, REPORT = 0xa8 };
	uint8_t tag = snmp_pdu(m);
	if (tag == RESPONSE)
		return server_if(m, true);
	return client_if(m, tag >= GET && tag < REPORT);
}

/* RFC 2865 3, RFC 2866 3, RFC 5176 2.3. */
static enum role radius(const struct message *m)
{
	enum { HEADER_BYTES = 20, MOST_BYTES = 4096 };
	static const uint8_t roles[64] = {
		[1] = ROLE_CLIENT, [4] = ROLE_CLIENT, [12] = ROLE_CLIENT, [40] = ROLE_CLIENT,
		[43] = ROLE_CLIENT, [2] = ROLE_SERVER, [3] = ROLE_SERVER, [5] = ROLE_SERVER,
		[11] = ROLE_SERVER, [41] = ROLE_SERVER, [42] = ROLE_SERVER, [44] = ROLE_SERVER,
		[45] = ROLE_SERVER,
	};
	if (m->bytes < HEADER_BYTES || load_be16(m->at + 2) < HEADER_BYTES
	    || load_be16(m->at + 2) > MOST_BYTES || m->at[0] >= sizeof roles)
		return ROLE_UNKNOWN;
	if (roles[m->at[0]] == ROLE_SERVER)
		return server_if(m, true);
	return client_if(m, roles[m->at[0]] == ROLE_CLIENT);
}

/* Requests to read or write; all that follows comes from other ports. RFC 1350 4. */
static enum role tftp(const struct message *m)
{
	return client_if(m, m->bytes >= 4 && !m->at[0] && (m->at[1] == 1 || m->at[1] == 2));
}

/* Either party of a call may ask; only an answer is proof. RFC 3261 7.2. */
static enum role sip(const struct message *m)
{
	return begins(m, "SIP/2.0 ") ? ROLE_SERVER : ROLE_UNKNOWN;
}

/* RFC 8489 5; indications say nothing. */
static enum role stun(const struct message *m)
{
	enum { HEADER_BYTES = 20, COOKIE = 0x2112a442, CLASS = 0x0110, REQUEST = 0, REPLY = 0x0100 };
	if (m->bytes < HEADER_BYTES || m->at[0] >> 6 || load_be32(m->at + 4) != COOKIE)
		return ROLE_UNKNOWN;
	unsigned class = load_be16(m->at) & CLASS;
	if (class & REPLY)
		return server_if(m, true);
	return client_if(m, class == REQUEST);
}

/* RFC 7252 3. */
static enum role coap(const struct message *m)
{
	if (m->bytes < 4 || m->at[0] >> 6 != 1 || (m->at[0] & 15) > 8)
		return ROLE_UNKNOWN;
	unsigned class = m->at[1] >> 5;
	if (class == 2 || class == 4 || class == 5)
		return server_if(m, true);
	return client_if(m, class == 0 && m->at[1]);
}

/* Answers look like HTTP; announcements (NOTIFY) say nothing of roles. */
static enum role ssdp(const struct message *m)
{
	if (begins(m, "HTTP/1."))
		return server_if(m, true);
	return client_if(m, begins(m, "M-SEARCH "));
}

/* The exchange that opens: RFC 7296 3.1 (version 2), RFC 2408 3.1 (version 1). Later ones may be
 * opened by either. On port 4500 four octets of 0 come first (RFC 3948 2.2). */
static enum role ike(const struct message *m)
{
	enum { HEADER_BYTES = 28, SA_INIT = 34, RESPONSE = 0x20, MAIN = 2, AGGRESSIVE = 4 };
	const uint8_t *at = m->at;
	uint32_t bytes = m->bytes;
	if (bytes >= 4 && !load_32(at)) {
		at += 4;
		bytes -= 4;
	}
	if (bytes < HEADER_BYTES)
		return ROLE_UNKNOWN;
	if (at[17] == 0x20 && at[18] == SA_INIT)
		return by_question(m, at[19] & RESPONSE);
	return client_if(m, at[17] == 0x10 && (at[18] == MAIN || at[18] == AGGRESSIVE)
	                 && !load_64(at + 8));
}

/* The first packet each way says which side it is. */
static enum role openvpn(const struct message *m)
{
	enum { LEAST_BYTES = 14 };
	unsigned operation = m->at[0] >> 3;
	if (m->bytes < LEAST_BYTES || (m->at[0] & 7))
		return ROLE_UNKNOWN;
	if (operation == 2 || operation == 8)
		return server_if(m, true);
	return client_if(m, operation == 1 || operation == 7 || operation == 10);
}

/* A record of TLS with one of the two hellos: RFC 8446 5.1 and 4. */
static enum role tls(const struct message *m)
{
	enum { HANDSHAKE = 22, CLIENT_HELLO = 1, SERVER_HELLO = 2 };
	if (m->bytes < 9 || m->at[0] != HANDSHAKE || m->at[1] != 3 || m->at[2] > 4 || m->at[6])
		return ROLE_UNKNOWN;
	return m->at[5] == CLIENT_HELLO ? ROLE_CLIENT
		: m->at[5] == SERVER_HELLO ? ROLE_SERVER : ROLE_UNKNOWN;
}

/* Of TCP: the first octets of a connection's first message either way. Ports say nothing here, the
 * texts do. */
static enum role segment(const struct message *m)
{
	static const char *const requests[] = { "GET ", "POST ", "HEAD ", "PUT ", "CONNECT " };
	enum role role = tls(m);
	if (role != ROLE_UNKNOWN)
		return role;
	if (begins(m, "HTTP/1."))
		return ROLE_SERVER;
	for (unsigned i = 0; i < array_count(requests); i++)
		if (begins(m, requests[i]))
			return ROLE_CLIENT;
	return ROLE_UNKNOWN;
}

const uint8_t role_rules[ROLE_PORTS] = {
	[53] = RULE_DNS, [137] = RULE_DNS, [5353] = RULE_DNS, [5355] = RULE_DNS, [67] = RULE_DHCP,
	[69] = RULE_TFTP, [123] = RULE_NTP, [161] = RULE_SNMP, [162] = RULE_SNMP, [500] = RULE_IKE,
	[4500] = RULE_IKE, [547] = RULE_DHCP6, [1194] = RULE_OPENVPN, [1645] = RULE_RADIUS,
	[1646] = RULE_RADIUS, [1812] = RULE_RADIUS, [1813] = RULE_RADIUS, [3799] = RULE_RADIUS,
	[1900] = RULE_SSDP, [3478] = RULE_STUN, [5349] = RULE_STUN, [5060] = RULE_SIP,
	[5683] = RULE_COAP,
};

typedef enum role role_function(const struct message *m);

static role_function *const functions[RULE_COUNT] = {
	[RULE_DNS] = dns, [RULE_DHCP] = dhcp, [RULE_DHCP6] = dhcp6, [RULE_NTP] = ntp,
	[RULE_SNMP] = snmp, [RULE_RADIUS] = radius, [RULE_TFTP] = tftp, [RULE_SIP] = sip,
	[RULE_STUN] = stun, [RULE_COAP] = coap, [RULE_SSDP] = ssdp, [RULE_IKE] = ike,
	[RULE_OPENVPN] = openvpn, [RULE_SEGMENT] = segment,
};

static bool is_of(enum role_rule rule, uint16_t port)
{
	return port < ROLE_PORTS && role_rules[port] == rule;
}

enum role role_by_rule(enum role_rule rule, uint16_t from_port, uint16_t to_port,
                       const uint8_t *payload, uint32_t payload_bytes)
{
	struct message m = { payload, payload_bytes, is_of(rule, from_port), is_of(rule, to_port) };
	return functions[rule] && payload_bytes ? functions[rule](&m) : ROLE_UNKNOWN;
}

/* Echo, time stamp, information, address mask. Of routers, neighbours and listeners either may
 * speak first. */
enum role role_of_icmp(uint8_t protocol, uint8_t type)
{
	enum { ICMP4 = 1, REQUESTS4 = 1 << 8 | 1 << 13 | 1 << 15 | 1 << 17,
	       REPLIES4 = 1 << 0 | 1 << 14 | 1 << 16 | 1 << 18 };
	if (protocol != ICMP4)
		return type == 128 ? ROLE_CLIENT : type == 129 ? ROLE_SERVER : ROLE_UNKNOWN;
	if (type > 18)
		return ROLE_UNKNOWN;
	return REQUESTS4 >> type & 1 ? ROLE_CLIENT : REPLIES4 >> type & 1 ? ROLE_SERVER : ROLE_UNKNOWN;
}

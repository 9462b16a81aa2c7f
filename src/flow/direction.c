/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence about the initiator: see direction.h. Each piece has a rank, and only a higher rank
 * changes anything: so the order in which evidence comes does not matter where ranks differ. What
 * flows show of servers is remembered, and asked when a later flow begins with nothing better.
 */
#include "flow/direction.h"

#include <string.h>

#include "flow/key.h"
#include "flow/roles.h"

enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_ICMP6 = 58 };
enum { IPV4_KEY = 16 };

static const uint64_t SECOND_NS = 1000000000;

int direction_init(struct direction *d)
{
	services_init(&d->services);
	return servers_init(&d->servers);
}

void direction_fini(struct direction *d)
{
	servers_fini(&d->servers);
}

/* ---- weighing -------------------------------------------------------------------------------- */

/* Stronger evidence has the higher rank; equal evidence changes nothing. */
static unsigned rank(uint8_t basis)
{
	static const uint8_t ranks[] = {
		[BASIS_NONE] = 0, [BASIS_FIRST_PACKET] = 1, [BASIS_REGISTERED_PORT] = 2,
		[BASIS_REMEMBERED_SERVER] = 3, [BASIS_PROTOCOL] = 4, [BASIS_SYN_ACK] = 5, [BASIS_SYN] = 5,
	};
	return basis < sizeof ranks ? ranks[basis] : 0;
}

static void set_initiator(struct flow *flow, unsigned side)
{
	flow->state = (uint8_t)((flow->state & ~FLOW_INITIATOR_1) | (side ? FLOW_INITIATOR_1 : 0));
}

void direction_start(struct flow *flow, struct flow_cold *cold, unsigned sender)
{
	set_initiator(flow, sender);
	cold->basis = BASIS_FIRST_PACKET;
}

bool direction_weigh(struct flow *flow, struct flow_cold *cold, unsigned initiator,
                     enum flow_basis basis)
{
	if ((flow->state & FLOW_EXPORTED) || rank((uint8_t)basis) <= rank(cold->basis))
		return false;
	cold->basis = (uint8_t)basis;
	if (direction_initiator(flow) == initiator)
		return false;
	set_initiator(flow, initiator);
	cold->bits ^= COLD_TURNED;
	return true;
}

/* ---- ends of a flow -------------------------------------------------------------------------- */

static const struct key *key_of(const struct direction_case *c)
{
	return (const struct key *)(const void *)c->flow->key;
}

enum destination { TO_ONE, TO_GROUP, TO_ALL };

/* Who an address stands for: groups (224.0.0.0/4, ff00::/8) and everybody (255.255.255.255) begin
 * nothing. */
static enum destination destination_of(const struct direction_case *c, unsigned side)
{
	const uint8_t *address = key_address(key_of(c), c->table->key_bytes, side);
	if (c->packet->family == 6)
		return address[0] == 0xff ? TO_GROUP : TO_ONE;
	if (load_32(address) == UINT32_MAX)
		return TO_ALL;
	return address[0] >> 4 == 14 ? TO_GROUP : TO_ONE;
}

/* An end is hashed as a key that has nothing at its other end. */
static void ends_of(const struct direction_case *c, struct server_end ret[2])
{
	struct key_wide ends[2];
	const void *keys[2] = { &ends[0], &ends[1] };
	uint64_t hash[2];
	for (unsigned side = 0; side < 2; side++) {
		struct key *end = &ends[side].base;
		memcpy(end, c->flow->key, c->table->key_bytes);
		end->port[0] = key_of(c)->port[side];
		end->port[1] = 0;
		if (c->table->key_bytes == IPV4_KEY) {
			memcpy(end->address.v4[0], key_of(c)->address.v4[side], 4);
			memset(end->address.v4[1], 0, 4);
		} else {
			memcpy(end->address.v6[0], key_of(c)->address.v6[side], 16);
			memset(end->address.v6[1], 0, 16);
		}
		ret[side].port = key_of(c)->port[side];
	}
	c->table->hash_many(c->table->secret, keys, 2, hash);
	ret[0].hash = hash[0];
	ret[1].hash = hash[1];
}

/* Both have a port: servers and services say something. */
static bool has_ports(const struct key *key)
{
	return key_has_ports(key->protocol) && key->port[0] && key->port[1];
}

static uint32_t seconds_of(const struct packet *p)
{
	return (uint32_t)(p->time_ns / SECOND_NS);
}

/* ---- evidence -------------------------------------------------------------------------------- */

/* What to look at a packet as. No request nor response of TCP is as short as what acknowledges
 * alone. Without a branch: in a flood of new flows none of this can be foreseen. */
static inline enum role_rule rule_of(const struct direction_case *c)
{
	enum { HEADERS_BYTES = 40, MESSAGE_BYTES = 16 };
	bool tcp = key_of(c)->protocol == PROTOCOL_TCP, udp = key_of(c)->protocol == PROTOCOL_UDP;
	unsigned long_tcp = tcp & (c->packet->ip_bytes >= HEADERS_BYTES + MESSAGE_BYTES);
	return (role_rule_of(key_of(c)->port) & -(unsigned)udp) | (RULE_SEGMENT & -long_tcp);
}

/* Captures without payload have no role to tell. */
static enum role role_of_payload(const struct direction *d, const struct direction_case *c,
                                 enum role_rule rule)
{
	const uint16_t *port = key_of(c)->port;
	uint32_t bytes;
	const uint8_t *payload = packet_payload(c->packet, d->brief, &bytes);
	return payload ? role_by_rule(rule, port[c->sender], port[c->sender ^ 1], payload, bytes)
		: ROLE_UNKNOWN;
}

/* -1: a protocol of which nothing is known by this message. */
static int ask_protocol(const struct direction *d, const struct direction_case *c)
{
	uint8_t protocol = key_of(c)->protocol;
	enum role_rule rule = rule_of(c);
	enum role role = ROLE_UNKNOWN;

	if (rule != RULE_NONE)
		role = role_of_payload(d, c, rule);
	else if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMP6)
		role = role_of_icmp(protocol, (uint8_t)(c->packet->icmp_type_code >> 8));
	/* What is told to a group is no answer to it. A DHCP server answers all for want of one. */
	if (role == ROLE_UNKNOWN
	    || (role == ROLE_SERVER && destination_of(c, c->sender ^ 1) == TO_GROUP))
		return -1;
	return (int)(c->sender ^ (role == ROLE_SERVER));
}

/* -1: neither end is remembered, or both. */
static __attribute__((noinline))
int ask_servers(struct direction *d, const struct direction_case *c)
{
	struct server_end end[2];
	bool is_server[2];
	uint32_t now_s = seconds_of(c->packet);

	ends_of(c, end);
	for (unsigned i = 0; i < 2; i++) {
		enum server_trust trust = servers_recall(&d->servers, &end[i], &end[i ^ 1], now_s);
		/* Without its handshake nobody knows which packet of TCP is an answer. */
		is_server[i] = trust > SERVER_OF_PEER
			|| (trust == SERVER_OF_PEER && key_of(c)->protocol != PROTOCOL_TCP);
	}
	servers_doubt(&d->servers, &end[c->sender], &end[c->sender ^ 1], now_s);
	if (is_server[0] == is_server[1])
		return -1;
	return is_server[0];
}

/* Of a new flow: a remembered server, else the ports. */
static bool weigh_ends(struct direction *d, const struct direction_case *c)
{
	const struct key *key = key_of(c);
	if (!has_ports(key))
		return false;
	int initiator = d->servers.learned ? ask_servers(d, c) : -1;
	enum flow_basis basis = BASIS_REMEMBERED_SERVER;
	if (initiator < 0) {
		const uint64_t *ports = services_of(&d->services, key->protocol);
		const enum service_kind kind[2] = { service_kind_of(ports, key->port[0]),
		                                    service_kind_of(ports, key->port[1]) };
		int server = services_weigh(key->protocol, kind);
		if (server < 0)
			return false;
		initiator = server ^ 1;
		basis = BASIS_REGISTERED_PORT;
	}
	if (destination_of(c, (unsigned)initiator) != TO_ONE)
		return false;
	return direction_weigh(c->flow, c->cold, (unsigned)initiator, basis);
}

/* The first answer: whoever gives it is remembered, unless the protocol is always known by what it
 * says. A RST refuses. */
static __attribute__((noinline))
void learn_answer(struct direction *d, const struct direction_case *c)
{
	if (rank(c->cold->basis) >= rank(BASIS_PROTOCOL) || (c->packet->tcp_flags & TCP_RST)
	    || c->sender == direction_initiator(c->flow) || !has_ports(key_of(c)))
		return;
	struct server_end end[2];
	ends_of(c, end);
	servers_learn(&d->servers, &end[c->sender], &end[c->sender ^ 1], false,
	              seconds_of(c->packet));
}

/* Evidence is weighed while no record has left: a direction that was exported stays for the flow's
 * life. What the first packet of a side says is asked of the protocol first; ports and remembered
 * servers count only while the other side is silent. */
bool direction_first_of_side(struct direction *d, const struct direction_case *c)
{
	bool turned = false, answer = c->flow->state & (FLOW_SPOKE_0 << (c->sender ^ 1));
	if (c->flow->state & FLOW_EXPORTED)
		return false;
	if (rank(c->cold->basis) < rank(BASIS_PROTOCOL)) {
		int initiator = ask_protocol(d, c);
		if (initiator >= 0)
			turned = direction_weigh(c->flow, c->cold, (unsigned)initiator, BASIS_PROTOCOL);
		else if (!answer)
			turned = weigh_ends(d, c);
	}
	if (answer)
		learn_answer(d, c);
	return turned;
}

/* SYN and SYN-ACK from both sides: one is a server, the other has been a client. */
static void learn_handshake(struct direction *d, const struct direction_case *c)
{
	struct server_end end[2];
	ends_of(c, end);
	servers_learn(&d->servers, &end[c->sender], &end[c->sender ^ 1], true, seconds_of(c->packet));
	servers_forget(&d->servers, &end[c->sender ^ 1]);
}

bool direction_handshake(struct direction *d, const struct direction_case *c)
{
	bool is_answer = c->packet->tcp_flags & TCP_ACK;
	if (is_answer && c->cold->basis == BASIS_SYN && direction_initiator(c->flow) != c->sender)
		learn_handshake(d, c);
	return direction_weigh(c->flow, c->cold, c->sender ^ is_answer,
	                       is_answer ? BASIS_SYN_ACK : BASIS_SYN);
}

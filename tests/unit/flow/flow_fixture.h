/* SPDX-License-Identifier: Apache-2.0 */
/* Packets and a meter for tests of the flow room: what was emitted is kept in order. */
#ifndef TESTS_FLOW_FIXTURE_H
#define TESTS_FLOW_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/direction.h"
#include "flow/meter.h"

#define SECOND UINT64_C(1000000000)
#define START  (UINT64_C(1700000000) * SECOND)

struct emitted {
	uint64_t packets[2], octets[2];         /* initiator's side first */
	uint64_t start_ns, end_ns, flow_id;
	uint8_t reason, basis;
	uint16_t initiator_port;
};

struct fixture {
	struct meter *meter;
	struct emitted records[4096];
	unsigned count;
	struct frame frame;
};

static inline void fixture_emit(void *context, const struct flow_record *r)
{
	struct fixture *x = context;
	unsigned i = direction_initiator(r->flow);
	const struct key *key = (const struct key *)(const void *)r->flow->key;
	assert_true(x->count < 4096);
	x->records[x->count++] = (struct emitted){
		.packets = { r->flow->packets[i], r->flow->packets[i ^ 1] },
		.octets = { r->flow->octets[i], r->flow->octets[i ^ 1] },
		.start_ns = r->flow->first_ns, .end_ns = r->flow->last_ns, .flow_id = r->cold->flow_id,
		.reason = r->reason, .basis = r->cold->basis, .initiator_port = key->port[i],
	};
}

static inline struct meter_settings fixture_settings(struct fixture *x)
{
	struct meter_settings s = { .idle_ns = 30 * SECOND, .active_ns = 120 * SECOND,
	                            .linger_ns = 5 * SECOND, .max_flows = 1000,
	                            .evidence = true, .first_flow_id = 1,
	                            .emit = fixture_emit, .context = x };
	struct key_options options = { .vlan_key = true };
	assert_int_equal(key_plan_parse(&options, &s.plan, NULL), 0);
	return s;
}

static inline void fixture_start(struct fixture *x, const struct meter_settings *s)
{
	x->count = 0;
	assert_int_equal(meter_new(s, &x->meter, NULL), 0);
}

/* A TCP or UDP packet of 10.0.0.1:1000 (endpoint 0) and 10.0.0.2:80 (endpoint 1), 100 octets. */
static inline struct packet fixture_packet(struct fixture *x, unsigned sender, double at,
                                           uint16_t flags)
{
	struct packet p;
	memset(&p, 0, sizeof p);
	p.key.port[0] = 1000;
	p.key.port[1] = 80;
	p.key.protocol = flags ? 6 : 17;
	memcpy(p.key.address.v4[0], "\x0a\x00\x00\x01", 4);
	memcpy(p.key.address.v4[1], "\x0a\x00\x00\x02", 4);
	p.time_ns = START + (uint64_t)(int64_t)(at * 1e9);
	p.ip_bytes = 100;
	p.wire_packets = 1;
	p.tcp_flags = flags;
	p.sender = (uint8_t)sender;
	p.family = 4;
	p.frame = &x->frame;
	return p;
}

static inline void fixture_send(struct fixture *x, unsigned sender, double at, uint16_t flags)
{
	struct packet p = fixture_packet(x, sender, at, flags);
	const struct packet *one = &p;
	meter_update(x->meter, &one, 1);
}

static inline void fixture_finish(struct fixture *x, double at)
{
	meter_finish(x->meter, START + (uint64_t)(int64_t)(at * 1e9));
	meter_free(x->meter);
}

#endif

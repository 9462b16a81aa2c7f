/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend of ntop's nDPI: one detection module a worker, since libndpi is not thread-safe, and
 * its flow state in ours. Used as ndpiReader uses it: all protocols, times in milliseconds, packets
 * from the IP header on, more while there is more to learn, a guess when they are spent. A flow
 * that never had payload is guessed from a packet without any that is made of its key. libndpi
 * keeps memory of its own beside the state: caches of fixed size in the module, and of a flow what
 * it puts together of TLS and HTTP. ndpi_memory.c counts that; a flow for whose message there is no
 * room left is given up. ndpi_attributes.c has what else libndpi learns.
 */
#include "identify/ndpi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { IPV4_BYTES = 20, IPV6_BYTES = 40, TCP_BYTES = 20, UDP_BYTES = 8, OTHER_BYTES = 8,
       DNS_BYTES = 12 };
enum { ENGINE_PANA_L7_PEN = 20, PEN_NTOP = 35632 };     /* RFC 6759, section 4.1 */

struct ndpi_worker {
	struct ndpi_detection_module_struct *module;
	struct ndpi_flow_struct guess;  /* of a flow without state */
	uint64_t time_ms;
	uint64_t bytes, bytes_max;      /* that libndpi holds of flows beside their state */
	uint64_t refused;               /* flows for whose messages there was no room */
};

/* ---- opening --------------------------------------------------------------------------------- */

static int check_library(struct error *err)
{
	if (!compat_same_version())
		return error_set(err, -ENOTSUP, "libndpi here is %s, weir was built for another",
		                 ndpi_revision());
	return 0;
}

/* The padding has to be in force before libndpi allocates anything. */
static int backend_open(const struct identify_settings *settings, void **ret, struct error *err)
{
	struct ndpi_worker *w = calloc(1, sizeof *w);
	int r = check_library(err);
	if (r || !w) {
		free(w);
		return r ? r : error_set(err, -ENOMEM, "out of memory");
	}
	ndpi_pad_pieces();
	w->module = compat_init();
	if (!w->module) {
		free(w);
		return error_set(err, -ENOMEM, "libndpi cannot start: no memory");
	}
	compat_all_protocols(w->module);
	ndpi_finalize_initialization(w->module);
	w->bytes_max = settings->memory_bytes;
	*ret = w;
	return 0;
}

static void backend_close(void *worker)
{
	struct ndpi_worker *w = worker;
	ndpi_exit_detection_module(w->module);
	free(w);
}

/* ---- packets --------------------------------------------------------------------------------- */

/* libndpi tells more ways apart; they are those of its guesses. */
static uint8_t confidence_of(ndpi_confidence_t confidence)
{
	switch (confidence) {
	case NDPI_CONFIDENCE_MATCH_BY_PORT: return CONFIDENCE_PORT;
	case NDPI_CONFIDENCE_MATCH_BY_IP: return CONFIDENCE_ADDRESS;
	case NDPI_CONFIDENCE_DPI_CACHE: return CONFIDENCE_CACHE;
	case NDPI_CONFIDENCE_DPI: return CONFIDENCE_PAYLOAD;
	default: return CONFIDENCE_NONE;
	}
}

/* libndpi may know only what is below: that is the application then, and there is no master. */
static void answer(const struct ndpi_flow_struct *flow, const ndpi_protocol *found,
                   struct identity *ret)
{
	uint16_t application = compat_application(found), master = compat_master(found);
	ret->application = application ? application : master;
	ret->master = application && master != application ? master : 0;
	ret->category = (uint16_t)found->category;
	ret->confidence = ret->application ? confidence_of(flow->confidence) : CONFIDENCE_NONE;
}

static void count_answers(struct ndpi_state *state, const struct packet *p)
{
	uint32_t at = p->payload_offset + (p->key.protocol == PROTOCOL_TCP ? 2u : 0);
	const uint8_t *dns = p->frame->data + at;
	if (p->payload_offset && at + DNS_BYTES <= p->frame->captured_bytes && dns[2] & 0x80)
		state->dns_answers = load_be16(dns + 6);
}

/* Shows a packet, and counts what libndpi keeps of it: false when there was no room for that. */
static bool show(struct ndpi_worker *w, struct ndpi_flow_struct *flow,
                 const struct identify_packet *packet, ndpi_protocol *ret)
{
	size_t before = ndpi_flow_bytes(flow);
	*ret = compat_process(w->module, flow, packet->ip, packet->ip_bytes, packet->time_ms);
	size_t after = ndpi_flow_bytes(flow);
	w->bytes += after - before;
	return after <= before || w->bytes <= w->bytes_max;
}

/* A guess may name a protocol, and with it the pieces that are counted. */
static void give_up(struct ndpi_worker *w, struct ndpi_flow_struct *flow, struct identity *ret)
{
	w->bytes -= ndpi_flow_bytes(flow);
	ndpi_protocol found = compat_give_up(w->module, flow);
	w->bytes += ndpi_flow_bytes(flow);
	answer(flow, &found, ret);
}

/* When there is no room for the message that it puts together, the flow is given up with the best
 * answer so far. */
static enum identify_progress backend_packet(void *worker, void *state,
                                             const struct identify_packet *packet,
                                             struct identity *ret)
{
	struct ndpi_worker *w = worker;
	struct ndpi_state *s = state;
	struct ndpi_flow_struct *flow = &s->flow;
	w->time_ms = packet->time_ms;
	ndpi_protocol found;
	if (!show(w, flow, packet, &found)) {
		w->refused++;
		if (!compat_application(&found))
			give_up(w, flow, ret);
		else
			answer(flow, &found, ret);
		return IDENTIFY_ENOUGH;
	}
	answer(flow, &found, ret);
	if (compat_application(&found) == NDPI_PROTOCOL_DNS
	    || compat_master(&found) == NDPI_PROTOCOL_DNS)
		count_answers(s, packet->touch->packet);
	if (!compat_application(&found) || compat_is_more(w->module, flow, &found))
		return IDENTIFY_MORE;
	return IDENTIFY_ENOUGH;
}

/* ---- guesses --------------------------------------------------------------------------------- */

static unsigned transport_bytes(unsigned protocol)
{
	return protocol == PROTOCOL_TCP ? TCP_BYTES
		: protocol == PROTOCOL_UDP ? UDP_BYTES : OTHER_BYTES;
}

/* Just enough of a header for libndpi to see ports, and a SYN. */
static void make_transport(const struct identify_flow *flow, uint8_t *at)
{
	store_be16(at, flow->port[0]);
	store_be16(at + 2, flow->port[1]);
	if (flow->protocol == PROTOCOL_UDP)
		store_be16(at + 4, UDP_BYTES);
	if (flow->protocol == PROTOCOL_TCP) {
		at[12] = TCP_BYTES / 4 << 4;
		at[13] = 2;             /* SYN */
	}
}

/* A packet without payload from the initiator. Returns its length. */
static unsigned make_packet(const struct identify_flow *flow, uint8_t *at)
{
	unsigned ip = flow->family == 4 ? IPV4_BYTES : IPV6_BYTES;
	unsigned transport = transport_bytes(flow->protocol);
	memset(at, 0, ip + transport);
	if (flow->family == 4) {
		at[0] = 0x45;
		store_be16(at + 2, (uint16_t)(ip + transport));
		at[8] = 64;
		at[9] = flow->protocol;
		memcpy(at + 12, flow->address[0], 4);
		memcpy(at + 16, flow->address[1], 4);
	} else {
		at[0] = 0x60;
		store_be16(at + 4, (uint16_t)transport);
		at[6] = flow->protocol;
		at[7] = 64;
		memcpy(at + 8, flow->address[0], 16);
		memcpy(at + 24, flow->address[1], 16);
	}
	make_transport(flow, at + ip);
	return ip + transport;
}

static void release(struct ndpi_worker *w, struct ndpi_flow_struct *flow)
{
	w->bytes -= ndpi_flow_bytes(flow);
	ndpi_free_flow_data(flow);
}

/* Without state the flow never had payload: it is guessed from a packet that is made of its key. */
static void backend_conclude(void *worker, void *state, const struct identify_flow *flow,
                             struct identity *ret)
{
	struct ndpi_worker *w = worker;
	uint8_t packet[IPV6_BYTES + TCP_BYTES];
	if (state) {
		give_up(w, &((struct ndpi_state *)state)->flow, ret);
		return;
	}
	if (flow->family != 4 && flow->family != 6)
		return;
	unsigned bytes = make_packet(flow, packet);
	memset(&w->guess, 0, sizeof w->guess);
	ndpi_protocol found = compat_process(w->module, &w->guess, packet, (uint16_t)bytes,
	                                     w->time_ms);
	w->bytes += ndpi_flow_bytes(&w->guess);
	if (compat_application(&found))
		answer(&w->guess, &found, ret);
	else
		give_up(w, &w->guess, ret);
	release(w, &w->guess);
}

static void backend_attributes(void *worker, const void *state, const struct identity *identity,
                               struct attribute_list *to)
{
	const struct ndpi_worker *w = worker;
	ndpi_attributes(w->module, state, to);
}

static void backend_release(void *worker, void *state)
{
	release(worker, &((struct ndpi_state *)state)->flow);
}

/* ---- names ----------------------------------------------------------------------------------- */

static const char *backend_text(void *worker, enum identify_name kind, unsigned number)
{
	struct ndpi_worker *w = worker;
	if (kind == NAME_RISK)
		return number < NDPI_MAX_RISK ? ndpi_risk2str((ndpi_risk_enum)number) : NULL;
	if (kind == NAME_CATEGORY)
		return ndpi_category_get_name(w->module, (ndpi_protocol_category_t)number);
	if (number >= compat_protocol_count(w->module))
		return NULL;
	if (kind == NAME_APPLICATION)
		return ndpi_get_proto_name(w->module, (u_int16_t)number);
	return compat_breed(w->module, (uint16_t)number);
}

static void backend_count(const void *worker, struct identify_counts *to)
{
	to->memory_refused += ((const struct ndpi_worker *)worker)->refused;
}

/* Numbers go from 0 on. */
static unsigned backend_application_count(void *worker)
{
	const struct ndpi_worker *w = worker;
	return compat_protocol_count(w->module) - 1;
}

/* A registry that is not ours: its enterprise's number, then its own. The selector of this engine
 * has three octets behind the enterprise; leading zeros may be left out (RFC 6759, section 4.2). */
static unsigned backend_application_id(unsigned application, uint8_t ret[APPLICATION_ID_MAX])
{
	ret[0] = ENGINE_PANA_L7_PEN;
	store_be32(ret + 1, PEN_NTOP);
	store_be16(ret + 5, (uint16_t)application);
	return 7;
}

const struct identify_backend identify_ndpi = {
	.name = "ndpi", .help = "payload, by libndpi", .bare = true,
	.state_bytes = sizeof(struct ndpi_state),
	.open = backend_open, .close = backend_close, .packet = backend_packet,
	.conclude = backend_conclude, .attributes = backend_attributes, .release = backend_release,
	.text = backend_text, .count = backend_count,
	.application_count = backend_application_count, .application_id = backend_application_id,
};

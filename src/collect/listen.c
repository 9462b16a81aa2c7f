/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages from the network: a listener for each -l, its sessions as sessions of exporters. Over
 * UDP, DTLS and SCTP a malformed message is one that is discarded; behind one in a stream nothing
 * can be trusted, so the connection is closed. See net/listener.h and ../collector.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/text.h"
#include "collect/collector_inner.h"
#include "net/address.h"
#include "net/listener.h"

enum { LISTENERS_MAX = 64, PORT_CLEAR = 4739, PORT_SECURE = 4740, PORT_NETFLOW = 2055 };

/* The way in from the network. */
struct collect_listen {
	struct collector *collector;
	unsigned count;
	struct listener *listeners[LISTENERS_MAX];
};

/* ---- sessions -------------------------------------------------------------------------------- */

/* What decides about templates and sequences: whether messages can be lost or come twice. */
static enum decode_transport transport_of(enum net_transport transport)
{
	switch (transport) {
	case NET_TCP: case NET_TLS: return DECODE_STREAM;
	case NET_SCTP: return DECODE_SCTP;
	default: return DECODE_DATAGRAMS;
	}
}

/* Without memory `user` stays NULL, and message() counts what comes. */
static void opened(void *context, struct net_session *net)
{
	struct collect_listen *l = context;
	char name[NET_ENDPOINT_TEXT];
	struct exporter_address address = { .family = net->remote.family };
	memcpy(address.octets, net->remote.octets, sizeof address.octets);
	address.name = net_endpoint_host(&net->remote, name, sizeof name);
	net->user = collect_session_open(&l->collector->exporters, &address,
	                                 transport_of(net->transport));
}

/* A session without a user found no memory when it was opened: its messages are counted. */
static int message(void *context, struct net_session *net, const struct net_message *m)
{
	struct collect_listen *l = context;
	struct collect_session *session = net->user;
	if (!session) {
		l->collector->counters.refused++;
		return 0;
	}
	struct decode_message read = {
		.octets = m->octets, .bytes = m->bytes, .stream = m->stream,
		.time_ns = l->collector->now_ns, .time_is_collection = true,
	};
	if (collector_message(l->collector, session, &read) == FAULT_none)
		net->proven = net->proven || decode_session_counters(session->decode)->data_sets > 0;
	else if (net_transport_is_stream(net->transport))
		return -EBADMSG;
	return 0;
}

/* The account has what a stream left behind, with the reason why it is no message. */
static void remains(void *context, struct net_session *net, const struct net_message *rest)
{
	struct collect_listen *l = context;
	struct decode_message read = { .octets = rest->octets, .bytes = rest->bytes,
	                               .time_ns = l->collector->now_ns };
	if (net->user)
		collector_message(l->collector, net->user, &read);
}

static void closed(void *context, struct net_session *net, const char *reason)
{
	struct collect_listen *l = context;
	if (net->user)
		collect_session_close(&l->collector->exporters, net->user);
	net->user = NULL;
}

static void note(void *context, const char *text)
{
	struct collect_listen *l = context;
	if (l->collector->setup.note)
		l->collector->setup.note(l->collector->setup.note_context, text);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static const char *const parameters[] = {
	"cert", "key", "ca", "peers", "encapsulation", "idle", "sessions", NULL
};

static int wrong_address(const char *text, struct error *err)
{
	return error_set(err, -EINVAL, "-l %s: expected ipfix+udp://HOST:PORT, or tcp, tls, dtls or "
	                               "sctp for udp; netflow+udp:// listens at port 2055 without one",
	                 text);
}

static int number_read(const struct address *a, const char *name, uint64_t most, uint64_t *ret,
                       struct error *err)
{
	const char *text = address_parameter(a, name);
	if (!text)
		return 0;
	if (text_parse_count(text, ret) < 0 || *ret == 0 || *ret > most)
		return error_set(err, -EINVAL, "-l %s: %s is \"%s\", expected a number from 1 to %llu",
		                 a->text, name, text, (unsigned long long)most);
	return 0;
}

static int idle_read(const struct address *a, uint64_t *ret_ns, struct error *err)
{
	const char *text = address_parameter(a, "idle");
	if (text && (text_parse_duration(text, ret_ns) < 0 || *ret_ns == 0))
		return error_set(err, -EINVAL, "-l %s: idle is \"%s\", expected a duration such as 30m",
		                 a->text, text);
	return 0;
}

/* A session over datagrams lives as long as its templates, or half an hour if that is more. */
static uint64_t idle_default(const struct collector *c)
{
	const uint64_t least_ns = 1800000000000u, most_ns = 86400000000000u;
	uint64_t lifetime_ns = c->setup.decoder.template_lifetime_ns;
	return lifetime_ns == 0 || lifetime_ns > most_ns ? most_ns :
	       lifetime_ns > least_ns ? lifetime_ns : least_ns;
}

/* Ports are those of the registry for the transport when the address has none. */
static int setup_read(const struct collector *c, const struct address *a,
                      struct listener_setup *ret, struct error *err)
{
	bool netflow = strcmp(a->scheme, "netflow+udp") == 0;
	enum net_transport transport = NET_UDP;
	uint64_t sessions = c->setup.exporters_max, encapsulation = 0;
	bool ipfix = strncmp(a->scheme, "ipfix+", 6) == 0 &&
	             net_transport_of_scheme(a->scheme, &transport);
	if ((!netflow && !ipfix) || a->host_count != 1)
		return wrong_address(a->text, err);
	bool datagrams = transport == NET_UDP || transport == NET_DTLS;
	*ret = (struct listener_setup){
		.transport = transport, .host = *a->hosts[0].host ? a->hosts[0].host : NULL,
		.port = a->hosts[0].port ? a->hosts[0].port : netflow ? PORT_NETFLOW :
		        net_transport_is_secure(transport) ? PORT_SECURE : PORT_CLEAR,
		.tls = { .cert = address_parameter(a, "cert"), .key = address_parameter(a, "key"),
		         .ca = address_parameter(a, "ca"), .peers = address_parameter(a, "peers") },
		.idle_ns = datagrams ? idle_default(c) : 0, .buffer_bytes = c->setup.buffer_bytes,
	};
	int r = number_read(a, "sessions", 1000000, &sessions, err);
	if (!r)
		r = number_read(a, "encapsulation", 65535, &encapsulation, err);
	if (!r)
		r = idle_read(a, &ret->idle_ns, err);
	ret->sessions_max = (unsigned)sessions;
	ret->encapsulation = (uint16_t)encapsulation;
	return r ? r : address_check_used(a, parameters, err);
}

static int open_one(struct collect_listen *l, const char *text, struct error *err)
{
	struct address address;
	struct listener_setup setup;
	const struct listener_events events = { opened, message, closed, note, l, remains };
	if (l->count == LISTENERS_MAX)
		return error_set(err, -E2BIG, "more than %d addresses to listen at", LISTENERS_MAX);
	if (!strstr(text, "://"))
		return wrong_address(text, err);
	int r = address_parse(text, &address, err);
	if (r)
		return error_prefix(err, r, "-l");
	r = setup_read(l->collector, &address, &setup, err);
	if (!r && (r = listener_open(&setup, &events, &l->listeners[l->count], err)))
		error_prefix(err, r, "-l %s", text);
	l->count += r == 0;
	address_fini(&address);
	return r;
}

/* ---- all of them ----------------------------------------------------------------------------- */

int collect_listen_open(struct collector *c, struct collect_listen **ret, struct error *err)
{
	struct collect_listen *l = calloc(1, sizeof *l);
	if (!l)
		return error_set(err, -ENOMEM, "out of memory");
	l->collector = c;
	int r = 0;
	for (unsigned i = 0; i < c->setup.listen_count && !r; i++)
		r = open_one(l, c->setup.listen[i], err);
	if (r) {
		collect_listen_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

int collect_listen_read(struct collect_listen *l, uint64_t deadline_ns, struct error *err)
{
	int n = listener_poll(l->listeners, l->count, deadline_ns);
	if (n < 0 && n != -EINTR)
		return error_set(err, n, "cannot receive: %s", strerror(-n));
	return n > 0;
}

void collect_listen_counters(const struct collect_listen *l, struct collector_counters *ret)
{
	for (unsigned i = 0; i < l->count; i++) {
		struct listener_counters k;
		listener_counters(l->listeners[i], &k);
		ret->received += k.messages;
		ret->kernel_drops += k.kernel_drops;
		ret->sessions_refused += k.refused + k.evicted;
		ret->handshakes_failed += k.handshakes_failed;
	}
}

void collect_listen_close(struct collect_listen *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->count; i++)
		listener_close(l->listeners[i]);
	free(l);
}

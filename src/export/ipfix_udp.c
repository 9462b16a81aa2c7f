/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipfix+udp://host[:4739]: IPFIX messages as datagrams (RFC 7011, section 10.3). Nothing is
 * confirmed, so templates are repeated, messages fit the path, and what goes out can be held to a
 * rate.
 *
 * What is lost, as far as the sender can know: a datagram that the kernel refuses, and what was
 * sent last before a "connection refused", since that is the answer to it. Both are counted
 * (send_failed) and were given sequence numbers, so the collector sees the gap. A refusing
 * collector is tried all the same; after each refusal templates go first, since whoever answers
 * next is new. Neighbours: udp.c (the socket), session.c (messages, templates, sequence),
 * netflow_udp.c (other formats by the same way).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "export/distribute.h"
#include "export/ipfix_common.h"
#include "export/ipfix_udp.h"
#include "export/pace.h"
#include "ipfix/format.h"
#include "net/udp.h"
#include "output/output.h"

extern const struct output_kind output_ipfix_udp;

#define SECOND_NS UINT64_C(1000000000)
#define HOLD_NS (SECOND_NS / 2)         /* with a tick every second: out within one second */
#define RECOVERY_NS SECOND_NS           /* so long without a failure: it is well again */

enum {
	MTU_BOUND = 1500,               /* of the automatic choice */
	MTU_UNKNOWN = 512,              /* RFC 7011, section 10.3.3 */
	MTU_MIN = 128, MTU_MAX = 65535,
	PACED_BURST_MESSAGES = 8,       /* a default receive buffer holds some 90 datagrams */
	WAIT_MS_LIVE = 50, WAIT_MS_FILE = 5000, /* for room in the socket */
};

/* The output: a session over a connected socket. */
struct ipfix_udp {
	struct output output;
	const struct output_env *env;
	struct udp_peer peer;
	enum ipfix_format format;
	struct export_session session;
	char *name;                     /* the address as written */
	struct pace pace;
	struct record_amount last;      /* in the datagrams of the last send */
	bool mtu_is_set;                /* by the user */
	bool failing;                   /* told, and not well since */
	uint64_t failure_ns;            /* CLOCK_MONOTONIC, the last one */
};

static struct ipfix_udp *self_of(struct output *o)
{
	return container_of(o, struct ipfix_udp, output);
}

/* --- the path --- */

/* What the kernel knows of the path so far, within bounds: a path that claims less than any does is
 * not believed. */
static uint32_t message_bytes_of_path(const struct ipfix_udp *o)
{
	uint32_t mtu = udp_path_mtu(&o->peer);
	if (mtu > MTU_BOUND)
		mtu = MTU_BOUND;
	if (mtu < MTU_MIN)
		mtu = MTU_UNKNOWN;
	return mtu - udp_header_bytes(&o->peer);
}

static void follow_path(struct ipfix_udp *o)
{
	if (!o->mtu_is_set)
		export_session_limit(&o->session, message_bytes_of_path(o));
}

/* --- failures --- */

/* Told once, until it has worked again for a while. Templates go first when it does: whoever
 * answers then may be new. */
static void failed(struct ipfix_udp *o, int code)
{
	if (!o->failing)
		ipfix_message_line(o->env, o->name, "cannot send: %s; records are counted as lost until it "
		                   "works", strerror(-code));
	o->failing = true;
	o->failure_ns = pace_now_ns();
	export_session_forget(&o->session);
	if (code == -EMSGSIZE)
		follow_path(o);
}

/* The refusal answers what was sent last. */
static void refused(struct ipfix_udp *o)
{
	export_session_revoke(&o->session, &o->last);
	o->last = (struct record_amount){ 0 };
	failed(o, -ECONNREFUSED);
}

/* Only after some time without a failure: where every other datagram is refused, the log would be
 * full. */
static void succeeded(struct ipfix_udp *o)
{
	if (!o->failing || pace_now_ns() - o->failure_ns < RECOVERY_NS)
		return;
	o->failing = false;
	ipfix_message_line(o->env, o->name, "works again; %llu records were lost so far",
	                   (unsigned long long)o->session.counters.lost);
}

/* --- the session's sender --- */

static bool is_refusal_of_segments(int code)
{
	return code == -EIO || code == -EINVAL || code == -EMSGSIZE || code == -EOPNOTSUPP ||
	       code == -ENOPROTOOPT;
}

/* An error may have been waiting at the socket, from an ICMP answer to something earlier; it is
 * gone once told, so the datagrams get a second try. */
static int send_run(struct ipfix_udp *o, const struct udp_datagram *datagrams, unsigned count)
{
	int rc = udp_send(&o->peer, datagrams, count);
	if (rc == 0 || rc == -EAGAIN)
		return rc;
	if (rc == -ECONNREFUSED)
		refused(o);
	return udp_send(&o->peer, datagrams, count);
}

/* One by one, where the kernel or the interface cannot cut segments. */
static int send_singly(struct ipfix_udp *o, const struct udp_datagram *datagrams,
                       struct export_message *messages, unsigned count)
{
	int rc = 0;
	for (unsigned i = 0; i < count; i++) {
		int r = send_run(o, &datagrams[i], 1);
		messages[i].lost = r < 0;
		o->last = r < 0 ? o->last : messages[i].amount;
		rc = r < 0 ? r : rc;
	}
	return rc;
}

/* Many datagrams of one length go in one call where the kernel can cut them apart (UDP_SEGMENT); an
 * interface that cannot says so once, and from then on they go singly. */
static int send_burst(struct ipfix_udp *o, const struct udp_datagram *datagrams,
                      struct export_message *messages, unsigned count)
{
	struct record_amount amount = { 0 };
	uint64_t octets = 0;
	for (unsigned i = 0; i < count; i++) {
		record_amount_add(&amount, &messages[i].amount);
		octets += messages[i].bytes;
	}
	pace_wait(&o->pace, amount.records, octets);
	if (count == 1)
		return send_singly(o, datagrams, messages, count);
	int rc = send_run(o, datagrams, count);
	if (rc < 0 && is_refusal_of_segments(rc)) {
		o->peer.segments = false;
		return send_singly(o, datagrams, messages, count);
	}
	for (unsigned i = 0; i < count; i++)
		messages[i].lost = rc < 0;
	o->last = rc < 0 ? o->last : amount;
	return rc;
}

/* Never a failure of the output: datagrams that were refused are marked and counted. */
static int udp_send_messages(void *context, struct export_message *messages, unsigned count,
                             struct error *err)
{
	struct ipfix_udp *o = context;
	struct udp_datagram datagrams[UDP_BURST_MAX];
	for (unsigned i = 0; i < count; i++)
		datagrams[i] = (struct udp_datagram){ messages[i].octets, messages[i].bytes };
	for (unsigned i = 0, n; i < count; i += n) {
		n = udp_run(&o->peer, datagrams + i, count - i);
		int rc = send_burst(o, datagrams + i, messages + i, n);
		if (rc < 0)
			failed(o, rc);
		else
			succeeded(o);
	}
	return 0;
}

/* --- open --- */

/* A width that the user set stays; else the path's is followed as it changes. */
static int read_mtu(struct ipfix_udp *o, const struct address *address, uint32_t *ret_bytes,
                    struct error *err)
{
	uint64_t mtu = 0;
	int rc = ipfix_parameter_count(address, "mtu", (uint64_t[]){ MTU_MIN, MTU_MAX }, &mtu, err);
	if (rc < 0)
		return rc;
	o->mtu_is_set = mtu != 0;
	*ret_bytes = mtu ? (uint32_t)mtu - udp_header_bytes(&o->peer) : message_bytes_of_path(o);
	uint32_t most = NETFLOW5_HEADER_BYTES + NETFLOW5_RECORDS_MAX * NETFLOW5_RECORD_BYTES;
	if (o->format == FORMAT_NETFLOW5 && *ret_bytes > most)
		*ret_bytes = most;
	return 0;
}

static int read_parameters(struct ipfix_udp *o, const struct address *address,
                           struct export_session_config *config, struct error *err)
{
	int rc = read_mtu(o, address, &config->message_bytes, err);
	if (rc == 0)
		rc = pace_init(&o->pace, address, o->env, true, err);
	if (rc == 0)
		rc = ipfix_parameters_message(address, config, err);
	if (rc == 0 && o->format != FORMAT_NETFLOW5)
		rc = ipfix_parameter_templates(address, config, err);
	return rc;
}

/* What leaves together: as much as one call takes, or less where bursts would overrun the
 * collector. */
static uint32_t burst_messages(const struct ipfix_udp *o, uint32_t message_bytes)
{
	uint32_t most = o->pace.rate ? PACED_BURST_MESSAGES : UDP_BURST_MAX;
	uint32_t fit = UDP_BURST_BYTES_MAX / message_bytes;
	return fit < most ? fit : most;
}

/* NetFlow v5 says it in each header: one of N, in 14 bits; by its kind in the two above. */
static uint16_t netflow5_sampling(const struct output_env *env)
{
	enum { DETERMINISTIC = 1, RANDOM = 2, MOST = 0x3fff };
	if (env->sample <= 1)
		return 0;
	unsigned kind = env->sample_random ? RANDOM : DETERMINISTIC;
	return (uint16_t)(kind << 14 | (env->sample < MOST ? env->sample : MOST));
}

/* NetFlow v9 pads its sets, which RFC 3954 asks for; in IPFIX it is a choice. */
static int session_open(struct ipfix_udp *o, const struct address *address, struct error *err)
{
	struct export_session_config config = {
		.format = o->format, .hold_ns = HOLD_NS, .pad = o->format == FORMAT_NETFLOW9,
		.env = o->env, .sampling = netflow5_sampling(o->env),
		.template_refresh_ns = IPFIX_TEMPLATE_REFRESH_S * SECOND_NS,
		.template_messages = IPFIX_TEMPLATE_MESSAGES,
	};
	struct export_sender sender = { .send = udp_send_messages, .context = o };
	int rc = read_parameters(o, address, &config, err);
	if (rc == 0)
		rc = output_check_parameters(o->output.kind, address, err);
	if (rc < 0)
		return rc;
	config.burst_messages = burst_messages(o, config.message_bytes);
	return export_session_init(&o->session, &config, &sender, err);
}

static int peer_open(struct ipfix_udp *o, const struct address *address, uint16_t default_port,
                     struct error *err)
{
	uint16_t port = address->hosts[0].port ? address->hosts[0].port : default_port;
	struct udp_setup setup = {
		.host = address->hosts[0].host, .port = port,
		.source = address_parameter(address, "source"),
		.wait_ms = o->env->live ? WAIT_MS_LIVE : WAIT_MS_FILE,
	};
	int rc = udp_open(&setup, &o->peer, err);
	return rc < 0 ? error_prefix(err, rc, "%s", address->text) : 0;
}

void ipfix_udp_close(struct output *output)
{
	struct ipfix_udp *o = self_of(output);
	udp_close(&o->peer);
	export_session_fini(&o->session);
	free(o->name);
	free(o);
}

int ipfix_udp_open_flavour(const struct ipfix_udp_flavour *flavour, const struct address *address,
                           const struct output_env *env, struct output **ret, struct error *err)
{
	int rc = ipfix_check_host(address, flavour->port, err);
	if (rc < 0)
		return rc;
	if (address->host_count > 1)
		return distribute_open(flavour->kind, address, env, ret, err);
	struct ipfix_udp *o = calloc(1, sizeof *o);
	if (!o || !(o->name = strdup(address->text))) {
		free(o);
		return error_set(err, -ENOMEM, "%s: out of memory", address->text);
	}
	o->output.kind = flavour->kind;
	o->format = flavour->format;
	o->env = env;
	o->peer.fd = -1;
	rc = peer_open(o, address, flavour->port, err);
	if (rc == 0)
		rc = session_open(o, address, err);
	if (rc < 0) {
		ipfix_udp_close(&o->output);
		return rc;
	}
	*ret = &o->output;
	return 0;
}

/* --- the rest of output_kind --- */

static int ipfix_udp_open(const struct address *address, const struct output_env *env,
                          struct output **ret, struct error *err)
{
	const struct ipfix_udp_flavour flavour = { &output_ipfix_udp, FORMAT_IPFIX, IPFIX_PORT };
	return ipfix_udp_open_flavour(&flavour, address, env, ret, err);
}

int ipfix_udp_schema(struct output *output, const struct schema *schema, struct error *err)
{
	struct ipfix_udp *o = self_of(output);
	return ipfix_add_schema(&o->session, schema, o->env, o->name, err);
}

bool ipfix_udp_template(const struct output *output, const struct schema *schema,
                               struct output_template *ret)
{
	return export_session_template(&((const struct ipfix_udp *)output)->session, schema, ret);
}

int ipfix_udp_write(struct output *output, const struct record_batch *batch,
                           struct error *err)
{
	return export_session_write(&self_of(output)->session, batch, err);
}

void ipfix_udp_missed(struct output *output, const struct output_missed *missed)
{
	export_session_missed(&self_of(output)->session, missed);
}

/* An answer to the last datagrams is looked for when nothing else is sent that would bring it
 * up. */
static void look_for_refusal(struct ipfix_udp *o)
{
	if (udp_pending_error(&o->peer) == -ECONNREFUSED)
		refused(o);
}

int ipfix_udp_tick(struct output *output, uint64_t now_ns, uint64_t *ret_next_ns,
                          struct error *err)
{
	struct ipfix_udp *o = self_of(output);
	look_for_refusal(o);
	follow_path(o);
	return export_session_tick(&o->session, now_ns, ret_next_ns, err);
}

int ipfix_udp_finish(struct output *output, uint64_t deadline_ns, struct error *err)
{
	struct ipfix_udp *o = self_of(output);
	o->pace.deadline_ns = deadline_ns;
	int rc = export_session_finish(&o->session, err);
	look_for_refusal(o);
	return rc;
}

void ipfix_udp_counters(const struct output *output, struct output_counters *ret)
{
	const struct export_session_counters *c = &((const struct ipfix_udp *)output)->session.counters;
	*ret = (struct output_counters){
		.accepted = c->taken, .sent = c->sent, .queued = c->waiting,
		.octets = c->octets, .messages = c->messages,
		.saved_octets = export_session_saved(&((const struct ipfix_udp *)output)->session),
	};
	ret->dropped[DROP_SEND_FAILED] = c->lost;
	ret->dropped[DROP_TOO_LARGE] = c->too_large;
	ret->dropped[DROP_UNENCODABLE] = c->unencodable;
}

static const char *const udp_parameters[] = {
	IPFIX_UDP_MTU_PARAMETER,
	IPFIX_MESSAGE_PARAMETERS,
	IPFIX_UDP_PARAMETERS,
	IPFIX_UDP_TEMPLATE_PARAMETERS,
	NULL
};

unsigned ipfix_udp_endpoints(const struct output *output, struct output_endpoint *ret,
                             unsigned room)
{
	return room && ipfix_endpoint(((const struct ipfix_udp *)output)->peer.fd, ret);
}

const struct output_kind output_ipfix_udp = {
	.scheme = "ipfix+udp",
	.help = "IPFIX messages to a collector over UDP (RFC 7011)",
	.parameters = udp_parameters,
	.default_fields = ipfix_default_fields,
	.splits_families = true,
	.open = ipfix_udp_open,
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

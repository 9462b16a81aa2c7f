/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipfix+tcp://, ipfix+tls://, ipfix+dtls:// and ipfix+sctp://host[:port]: IPFIX to one collector
 * over a connection (RFC 7011, sections 10.2, 10.4 and 11). Each connection is a transport session:
 * templates first, sequence numbers from 0.
 *
 * Without a connection nothing is sent and nothing is thrown away here: this thread waits, the
 * queue in front of it (output/queue.c) fills up, and what no longer fits there is dropped and
 * counted, the oldest first. So the collector gets what is newest when it is back. A file waits as
 * well, but not for ever: after a few attempts in a row records are lost until the collector is
 * there again. Attempts are at least "reconnect" apart (by default a minute, which section 10.4.4
 * wants).
 *
 * What is lost with a connection is what the collector's system had not acknowledged
 * (connection.h), and the messages that were ready to go. Neighbours: session.c, net/connection.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/text.h"
#include "export/distribute.h"
#include "export/ipfix_common.h"
#include "export/ipfix_udp.h"
#include "export/pace.h"
#include "ipfix/format.h"
#include "net/connection.h"

extern const struct output_kind output_ipfix_tcp, output_ipfix_tls, output_ipfix_dtls,
	output_ipfix_sctp;

#define SECOND_NS UINT64_C(1000000000)
#define HOLD_NS (SECOND_NS / 2)         /* with a tick every second: out within one second */
#define SLICE_NS (SECOND_NS / 10)
#define ATTEMPT_NS SECOND_NS            /* at a time; an attempt may take several */
#define FIRST_NS (SECOND_NS / 4)        /* that the start of a live meter waits */
#define FILE_FIRST_NS (60 * SECOND_NS)  /* more than all addresses of a host need */
#define RECONNECT_NS (60 * SECOND_NS)   /* RFC 7011, section 10.4.4 */
#define RENEW_NS (300 * SECOND_NS)      /* DTLS: a new handshake */

enum {
	STREAM_BYTES = 16000,           /* messages of TCP and TLS: one record of TLS */
	PACKET_BYTES = 1500,            /* at most, of messages that fit a packet */
	MTU_MIN = 256, MTU_MAX = 65535,
	BURST_MESSAGES = 4,
	FILE_ATTEMPTS = 3,              /* that fail in a row, until a file no longer waits */
};

/* The output: a session over a connection that comes and goes. */
struct ipfix_connection {
	struct output output;
	const struct output_env *env;
	enum net_transport transport;
	struct connection *connection;
	struct export_session session;
	struct pace pace;
	char *name;                     /* the address as written */
	uint64_t sessions;              /* of the connection, that ours has followed */
	uint64_t reconnect_ns;
	uint64_t attempt_ns;            /* CLOCK_MONOTONIC: when the next one may be made */
	bool opening;                   /* an attempt is being made */
	unsigned failures;              /* attempts in a row */
	bool down;                      /* told that there is no connection */
	uint32_t lifetime_ms;           /* SCTP: of messages with flow records; 0: reliable */
	struct connection_account account;      /* as of the last call */
};

static struct ipfix_connection *self_of(struct output *o)
{
	return container_of(o, struct ipfix_connection, output);
}

static uint64_t sooner(uint64_t a, uint64_t b) { return a < b ? a : b; }

static bool is_up(const struct ipfix_connection *o)
{
	return connection_is_open(o->connection);
}

/* --- the state of the connection --- */

/* Takes over what the connection has learnt to be lost. */
static void settle(struct ipfix_connection *o)
{
	struct connection_account now;
	connection_account(o->connection, &now);
	struct record_amount lost = {
		.records = now.lost.records - o->account.lost.records,
		.packets = now.lost.packets - o->account.lost.packets,
		.octets = now.lost.octets - o->account.lost.octets,
	};
	if (lost.records)
		export_session_revoke(&o->session, &lost);
	o->account = now;
}

/* One line when it goes down, and none for attempts that fail after that. */
static void tell_down(struct ipfix_connection *o, const char *what, const char *reason)
{
	char again[32];
	if (o->down)
		return;
	o->down = true;
	text_human_duration(o->reconnect_ns, again, sizeof again);
	ipfix_message_line(o->env, o->name, "%s: %s; it is tried again every %s, %s", what, reason,
	                   again, o->env->live ? "and records wait in the queue" : "waiting");
}

static void broken(struct ipfix_connection *o, const struct error *err)
{
	settle(o);
	tell_down(o, "connection lost", err->text);
}

/* A new transport session stands. */
static void begin_session(struct ipfix_connection *o)
{
	o->sessions = connection_sessions(o->connection);
	o->failures = 0;
	export_session_restart(&o->session);
	export_session_limit(&o->session, connection_message_bytes(o->connection));
	o->session.config.data_stream = connection_streams(o->connection) > 1;
	if (o->down)
		ipfix_message_line(o->env, o->name, "connected again; %llu records were lost so far",
		                   (unsigned long long)o->session.counters.lost);
	o->down = false;
}

/* Serves the connection; true when it is up. */
static bool serve(struct ipfix_connection *o)
{
	struct error err = { "" };
	if (!is_up(o))
		return false;
	if (connection_poll(o->connection, 0, &err) < 0)
		broken(o, &err);
	else if (connection_sessions(o->connection) != o->sessions)
		begin_session(o);
	settle(o);
	return is_up(o);
}

/* Begins an attempt, or goes on with one; -EINPROGRESS when it takes longer than that. */
static int attempt(struct ipfix_connection *o, uint64_t wait_ns, struct error *err)
{
	int rc = 0;
	if (!o->opening) {
		o->attempt_ns = pace_now_ns() + o->reconnect_ns;
		rc = connection_begin(o->connection, err);
	}
	o->opening = rc == 0;
	uint64_t until_ns = pace_now_ns() + wait_ns;
	while (rc == 0 && !is_up(o)) {
		rc = connection_poll(o->connection, sooner(until_ns, pace_now_ns() + SLICE_NS), err);
		if (rc == -EINPROGRESS && (pace_must_hurry(&o->pace) || pace_now_ns() >= until_ns))
			return rc;
		rc = rc == -EINPROGRESS ? 0 : rc;
	}
	o->opening = false;
	if (rc == 0)
		begin_session(o);
	else
		o->failures++;
	return rc;
}

/* Up now, or after an attempt if it is time for one. */
static bool come_up(struct ipfix_connection *o)
{
	struct error err = { "" };
	if (serve(o))
		return true;
	if (!o->opening && pace_now_ns() < o->attempt_ns)
		return false;
	int rc = attempt(o, ATTEMPT_NS, &err);
	if (rc < 0 && rc != -EINPROGRESS)
		tell_down(o, "no connection", err.text);
	return rc == 0;
}

/* Deadlines come by the wall clock, and waiting goes by the one that nobody sets. */
static uint64_t monotonic_of(uint64_t deadline_ns)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	uint64_t now_ns = (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
	if (deadline_ns == UINT64_MAX)
		return UINT64_MAX;
	return pace_now_ns() + (deadline_ns > now_ns ? deadline_ns - now_ns : 0);
}

/* Live: always, since the queue in front drops what is oldest. From a file: for some attempts, and
 * not beyond the end that was set. */
static bool waits(const struct ipfix_connection *o)
{
	if (pace_must_hurry(&o->pace))
		return false;
	if (o->pace.deadline_ns && !o->opening
	    && monotonic_of(o->pace.deadline_ns) <= o->attempt_ns)
		return false;           /* finishing, and no attempt will be made before the end */
	return o->env->live || o->failures < FILE_ATTEMPTS;
}

/* --- the session's sender --- */

static void connection_ready(void *context, uint32_t bytes)
{
	struct ipfix_connection *o = context;
	while (!come_up(o) && waits(o))
		pace_sleep(&o->pace, pace_now_ns() + SLICE_NS);
}

/* Only flow records may be given up by SCTP: without templates nothing could be read. */
static struct connection_message message_of(const struct ipfix_connection *o,
                                            const struct export_message *m)
{
	bool is_data = m->stream == EXPORT_STREAM_DATA;
	return (struct connection_message){
		.octets = m->octets, .bytes = m->bytes, .stream = is_data,
		.amount = { m->amount.records, m->amount.packets, m->amount.octets },
		.lifetime_ms = is_data ? o->lifetime_ms : 0,
	};
}

/* All of the batch, however long it takes, unless waiting is over. */
static unsigned send_batch(struct ipfix_connection *o, struct connection_batch *batch)
{
	struct error err = { "" };
	unsigned sent = 0;
	int rc = -EAGAIN;
	while (rc == -EAGAIN && is_up(o)) {
		rc = connection_send(o->connection, batch, pace_now_ns() + SLICE_NS, &err);
		sent += batch->taken;
		batch->messages += batch->taken;
		batch->count -= batch->taken;
		if (rc == -EAGAIN && pace_must_hurry(&o->pace))
			break;
	}
	if (rc < 0 && rc != -EAGAIN)
		broken(o, &err);
	return sent;
}

/* Templates arrive before the flow records that go by another stream. */
static void await_templates(struct ipfix_connection *o)
{
	struct error err = { "" };
	int rc = connection_drain(o->connection, pace_now_ns() + SECOND_NS, &err);
	if (rc < 0 && rc != -EAGAIN)
		broken(o, &err);
}

/* Always 0: a connection that broke is no failure of the output but a state, which ready() and
 * tick() deal with. What did not go is marked. */
static int connection_send_messages(void *context, struct export_message *messages, unsigned count,
                                    struct error *err)
{
	struct ipfix_connection *o = context;
	struct connection_message given[BURST_MESSAGES];
	struct record_amount amount = { 0 };
	uint64_t octets = 0;
	for (unsigned i = 0; i < count; i++) {
		given[i] = message_of(o, &messages[i]);
		record_amount_add(&amount, &messages[i].amount);
		octets += messages[i].bytes;
	}
	pace_wait(&o->pace, amount.records, octets);
	unsigned sent = send_batch(o, &(struct connection_batch){ .messages = given, .count = count });
	for (unsigned i = sent; i < count; i++)
		messages[i].lost = true;
	if (sent && o->session.config.data_stream && messages[0].stream == EXPORT_STREAM_CONTROL)
		await_templates(o);
	return 0;
}

/* --- open --- */

static int read_reliability(struct ipfix_connection *o, const struct address *address,
                            struct error *err)
{
	const char *text = address_parameter(address, "reliability");
	uint64_t ns = 0;
	if (!text || strcmp(text, "full") == 0)
		return 0;
	if (text_parse_duration(text, &ns) < 0 || ns < SECOND_NS / 1000 || ns > 3600 * SECOND_NS)
		return error_set(err, -EINVAL, "%s: reliability is \"%s\", expected full or a duration "
		                 "from 1ms to 1h, after which records are given up", address->text, text);
	o->lifetime_ms = (uint32_t)(ns / 1000000);
	return 0;
}

static int read_renew(const struct address *address, struct connection_setup *setup,
                      struct error *err)
{
	const char *text = address_parameter(address, "renew");
	setup->renew_ns = RENEW_NS;
	if (text && strcmp(text, "off") == 0) {
		setup->renew_ns = 0;
		return 0;
	}
	return ipfix_parameter_duration(address, "renew",
	                                (uint64_t[]){ SECOND_NS, 86400 * SECOND_NS }, &setup->renew_ns,
	                                err);
}

static int read_port(const struct address *address, const char *name, uint16_t *ret,
                     struct error *err)
{
	uint64_t port = 0;
	int rc = ipfix_parameter_count(address, name, (uint64_t[]){ 1, UINT16_MAX }, &port, err);
	*ret = (uint16_t)port;
	return rc;
}

/* What only this transport has. */
static int read_transport(struct ipfix_connection *o, const struct address *address,
                          struct connection_setup *setup, struct error *err)
{
	int rc = 0;
	if (net_transport_is_secure(o->transport))
		setup->tls = (struct net_certificates){
			.cert = address_parameter(address, "cert"),
			.key = address_parameter(address, "key"),
			.ca = address_parameter(address, "ca"),
			.peers = address_parameter(address, "peers"),
		};
	if (o->transport == NET_DTLS)
		rc = read_renew(address, setup, err);
	if (o->transport == NET_SCTP)
		rc = read_reliability(o, address, err);
	if (rc == 0 && o->transport == NET_SCTP)
		rc = read_port(address, "encapsulation", &setup->encapsulation, err);
	return rc;
}

/* For streams "mtu" is the longest message, else the largest IP packet. */
static int read_mtu(struct ipfix_connection *o, const struct address *address,
                    struct connection_setup *setup, uint32_t *ret_bytes, struct error *err)
{
	uint64_t mtu = 0;
	int rc = ipfix_parameter_count(address, "mtu", (uint64_t[]){ MTU_MIN, MTU_MAX }, &mtu, err);
	bool is_stream = net_transport_is_stream(o->transport);
	if (!is_stream)
		setup->mtu = (uint32_t)mtu;
	*ret_bytes = mtu ? (uint32_t)mtu : is_stream ? STREAM_BYTES : PACKET_BYTES;
	return rc;
}

static int read_parameters(struct ipfix_connection *o, const struct address *address,
                           struct export_session_config *config, struct connection_setup *setup,
                           struct error *err)
{
	o->reconnect_ns = RECONNECT_NS;
	int rc = read_mtu(o, address, setup, &config->message_bytes, err);
	if (rc == 0)
		rc = ipfix_parameters_message(address, config, err);
	if (rc == 0)
		rc = ipfix_parameter_templates(address, config, err);
	if (rc == 0)
		rc = pace_init(&o->pace, address, o->env, o->transport == NET_DTLS, err);
	if (rc == 0)
		rc = ipfix_parameter_duration(address, "reconnect",
		                              (uint64_t[]){ SECOND_NS / 10, 86400 * SECOND_NS },
		                              &o->reconnect_ns, err);
	if (rc == 0)
		rc = read_transport(o, address, setup, err);
	return rc;
}

/* Only DTLS loses messages and so repeats templates; the others can withdraw them. */
static int parts_open(struct ipfix_connection *o, const struct address *address, struct error *err)
{
	struct export_session_config config = {
		.format = FORMAT_IPFIX, .env = o->env, .hold_ns = HOLD_NS,
		.burst_messages = BURST_MESSAGES,
		.withdraws = o->transport != NET_DTLS,
	};
	if (o->transport == NET_DTLS) {
		config.template_refresh_ns = IPFIX_TEMPLATE_REFRESH_S * SECOND_NS;
		config.template_messages = IPFIX_TEMPLATE_MESSAGES;
	}
	uint16_t port = net_transport_is_secure(o->transport) ? IPFIX_SECURE_PORT : IPFIX_PORT;
	struct connection_setup setup = {
		.transport = o->transport, .host = address->hosts[0].host,
		.port = address->hosts[0].port ? address->hosts[0].port : port,
		.source = address_parameter(address, "source"), .give_up = o->env->give_up,
	};
	int rc = read_parameters(o, address, &config, &setup, err);
	if (rc < 0)
		return rc;
	rc = output_check_parameters(o->output.kind, address, err);
	if (rc < 0)
		return rc;
	rc = connection_new(&setup, &o->connection, err);
	if (rc < 0)
		return error_prefix(err, rc, "%s", address->text);
	struct export_sender sender = { .ready = connection_ready, .send = connection_send_messages,
	                                .context = o };
	return export_session_init(&o->session, &config, &sender, err);
}

static void ipfix_connection_close(struct output *output)
{
	struct ipfix_connection *o = self_of(output);
	connection_free(o->connection);
	export_session_fini(&o->session);
	free(o->name);
	free(o);
}

/* A live meter begins without its collector; whoever has a file hears at once that it is not
 * there. */
static int first_attempt(struct ipfix_connection *o, struct error *err)
{
	struct error reason = { "" };
	if (o->env->check)
		return 0;
	int rc = attempt(o, o->env->live ? FIRST_NS : FILE_FIRST_NS, &reason);
	if (rc < 0 && !o->env->live)
		return error_set(err, rc, "%s: no connection: %s", o->name, reason.text);
	if (rc < 0 && rc != -EINPROGRESS)
		tell_down(o, "no connection", reason.text);
	return 0;
}

/* What open() is called with, and for which transport. */
struct opening {
	const struct output_kind *kind;
	enum net_transport transport;
	const struct address *address;
	const struct output_env *env;
};

/* The first attempt is made at once, so that a wrong name or certificate is told before anything is
 * metered. To a live meter a collector that is merely away is no error. */
static int open_over(const struct opening *opening, struct output **ret, struct error *err)
{
	const struct address *address = opening->address;
	int rc = ipfix_check_host(address, IPFIX_PORT, err);
	if (rc < 0)
		return rc;
	if (address->host_count > 1)
		return distribute_open(opening->kind, address, opening->env, ret, err);
	struct ipfix_connection *o = calloc(1, sizeof *o);
	if (!o || !(o->name = strdup(address->text))) {
		free(o);
		return error_set(err, -ENOMEM, "%s: out of memory", address->text);
	}
	o->output.kind = opening->kind;
	o->env = opening->env;
	o->transport = opening->transport;
	rc = parts_open(o, address, err);
	if (rc == 0)
		rc = first_attempt(o, err);
	if (rc < 0) {
		ipfix_connection_close(&o->output);
		return rc;
	}
	*ret = &o->output;
	return 0;
}

static int ipfix_tcp_open(const struct address *address, const struct output_env *env,
                          struct output **ret, struct error *err)
{
	return open_over(&(struct opening){ &output_ipfix_tcp, NET_TCP, address, env }, ret, err);
}

static int ipfix_tls_open(const struct address *address, const struct output_env *env,
                          struct output **ret, struct error *err)
{
	return open_over(&(struct opening){ &output_ipfix_tls, NET_TLS, address, env }, ret, err);
}

static int ipfix_dtls_open(const struct address *address, const struct output_env *env,
                           struct output **ret, struct error *err)
{
	return open_over(&(struct opening){ &output_ipfix_dtls, NET_DTLS, address, env }, ret, err);
}

static int ipfix_sctp_open(const struct address *address, const struct output_env *env,
                           struct output **ret, struct error *err)
{
	return open_over(&(struct opening){ &output_ipfix_sctp, NET_SCTP, address, env }, ret, err);
}

/* --- the rest of output_kind --- */

static int ipfix_connection_schema(struct output *output, const struct schema *schema,
                                   struct error *err)
{
	struct ipfix_connection *o = self_of(output);
	return ipfix_add_schema(&o->session, schema, o->env, o->name, err);
}

static int ipfix_connection_write(struct output *output, const struct record_batch *batch,
                                  struct error *err)
{
	struct ipfix_connection *o = self_of(output);
	int rc = export_session_write(&o->session, batch, err);
	settle(o);
	return rc;
}

static void ipfix_connection_missed(struct output *output, const struct output_missed *missed)
{
	export_session_missed(&self_of(output)->session, missed);
}

/* Without a connection records stay where they are: nothing is gained by waiting here. */
static int ipfix_connection_tick(struct output *output, uint64_t now_ns, uint64_t *ret_next_ns,
                                 struct error *err)
{
	struct ipfix_connection *o = self_of(output);
	*ret_next_ns = now_ns + SECOND_NS;
	if (!come_up(o))
		return 0;
	uint64_t next_ns = UINT64_MAX, served_ns = connection_next_ns(o->connection);
	int rc = export_session_tick(&o->session, now_ns, &next_ns, err);
	settle(o);
	uint64_t here_ns = pace_now_ns();
	*ret_next_ns = sooner(next_ns, now_ns + (served_ns > here_ns ? served_ns - here_ns : 0));
	return rc;
}

static int ipfix_connection_finish(struct output *output, uint64_t deadline_ns, struct error *err)
{
	struct ipfix_connection *o = self_of(output);
	o->pace.deadline_ns = deadline_ns;
	/* A collector that is not there is not waited for with nothing but templates. */
	bool worth_it = serve(o) || o->session.counters.waiting;
	int rc = worth_it ? export_session_finish(&o->session, err) : 0;
	connection_close(o->connection, monotonic_of(deadline_ns));
	settle(o);
	uint64_t lost = o->session.counters.lost;
	if (rc == 0 && lost && !o->env->live)
		rc = error_set(err, -EIO, "%s: %llu records were lost", o->name, (unsigned long long)lost);
	return rc;
}

/* What is sent and not confirmed counts as sent, until it is confirmed or known to be lost. */
static void ipfix_connection_counters(const struct output *output, struct output_counters *ret)
{
	const struct ipfix_connection *o = (const struct ipfix_connection *)output;
	const struct export_session_counters *c = &o->session.counters;
	uint64_t confirmed = o->transport == NET_DTLS ? 0 : o->account.confirmed.records;
	*ret = (struct output_counters){
		.accepted = c->taken, .acknowledged = confirmed, .sent = c->sent - confirmed,
		.queued = c->waiting, .octets = c->octets, .messages = c->messages,
		.saved_octets = export_session_saved(&o->session),
	};
	ret->dropped[DROP_SEND_FAILED] = c->lost;
	ret->dropped[DROP_TOO_LARGE] = c->too_large;
	ret->dropped[DROP_UNENCODABLE] = c->unencodable;
}

/* The address that packets to the collector come from, whether it answers or not. */
static void local_of(const struct net_endpoint *remote, struct net_endpoint *local)
{
	struct sockaddr_storage address;
	int family = remote->family == 6 ? AF_INET6 : AF_INET;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = net_endpoint_sockaddr(remote, family, &address);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, size) == 0)
		net_endpoint_local(fd, local);
	if (fd >= 0)
		close(fd);
}

/* Ports of ours change with each connection: any will do. */
static unsigned ipfix_connection_endpoints(const struct output *output,
                                           struct output_endpoint *ret, unsigned room)
{
	const struct ipfix_connection *o = (const struct ipfix_connection *)output;
	struct net_endpoint local, remote;
	uint16_t udp_port = connection_udp_port(o->connection);
	connection_ends(o->connection, &local, &remote);
	if (remote.family == 0 || room == 0)
		return 0;
	if (local.family == 0)
		local_of(&remote, &local);
	*ret = (struct output_endpoint){
		.family = remote.family,
		.protocol = udp_port ? IPPROTO_UDP : net_transport_protocol(o->transport),
		.remote_port = udp_port ? udp_port : remote.port,
	};
	memcpy(ret->local, local.octets, sizeof ret->local);
	memcpy(ret->remote, remote.octets, sizeof ret->remote);
	return 1;
}

static bool ipfix_connection_template(const struct output *output, const struct schema *schema,
                                      struct output_template *ret)
{
	return export_session_template(&((const struct ipfix_connection *)output)->session, schema,
	                               ret);
}

#define CONNECTION_PARAMETERS \
	"reconnect", "DURATION", "between attempts to connect (default 1m, as RFC 7011 has it)", \
	"source", "ADDRESS", "local address to send from", \
	IPFIX_MESSAGE_PARAMETERS, \
	DISTRIBUTE_PARAMETER
#define STREAM_MTU_PARAMETER \
	"mtu", "OCTETS", "longest message, 256 to 65535 (default 16000)"
#define PACKET_MTU_PARAMETER \
	"mtu", "OCTETS", "largest IP packet (default: of the path, at most 1500)"
#define ONCE_TEMPLATE_PARAMETERS \
	"template-refresh", "DURATION", "templates again after this time (default: never)", \
	"template-packets", "NUMBER", "templates again after so many messages (default: never)"
#define TLS_PARAMETERS \
	"cert", "FILE", "our certificate and its chain, PEM", \
	"key", "FILE", "its private key (default: in the same file)", \
	"ca", "FILE", "authorities that we believe (default: the system's)", \
	"peers", "NAMES", "names that the collector's certificate may have (default: the host's)"

static const char *const tcp_parameters[] = {
	STREAM_MTU_PARAMETER, CONNECTION_PARAMETERS, PACE_PARAMETER_RELIABLE,
	ONCE_TEMPLATE_PARAMETERS,
	NULL
};

static const char *const tls_parameters[] = {
	TLS_PARAMETERS, STREAM_MTU_PARAMETER, CONNECTION_PARAMETERS, PACE_PARAMETER_RELIABLE,
	ONCE_TEMPLATE_PARAMETERS,
	NULL
};

static const char *const dtls_parameters[] = {
	TLS_PARAMETERS,
	"renew", "DURATION|off", "a new handshake after this time, to notice a collector that was "
	"restarted (default 5m)",
	PACKET_MTU_PARAMETER, CONNECTION_PARAMETERS, PACE_PARAMETER,
	IPFIX_UDP_TEMPLATE_PARAMETERS,
	NULL
};

static const char *const sctp_parameters[] = {
	"encapsulation", "PORT", "within UDP to this port, RFC 6951 (default: IP protocol 132)",
	"reliability", "full|DURATION", "flow records are given up after this time, RFC 3758 "
	"(default full)",
	PACKET_MTU_PARAMETER, CONNECTION_PARAMETERS, PACE_PARAMETER_RELIABLE,
	ONCE_TEMPLATE_PARAMETERS,
	NULL
};

#define KIND_FUNCTIONS \
	.default_fields = ipfix_default_fields, \
	.splits_families = true, \
	.keeps_newest = true, \
	.schema = ipfix_connection_schema, \
	.write = ipfix_connection_write, \
	.missed = ipfix_connection_missed, \
	.tick = ipfix_connection_tick, \
	.finish = ipfix_connection_finish, \
	.counters = ipfix_connection_counters, \
	.endpoints = ipfix_connection_endpoints, \
	.template = ipfix_connection_template, \
	.close = ipfix_connection_close

const struct output_kind output_ipfix_tcp = {
	.scheme = "ipfix+tcp",
	.help = "IPFIX messages to a collector over TCP",
	.parameters = tcp_parameters,
	.open = ipfix_tcp_open,
	KIND_FUNCTIONS,
};

const struct output_kind output_ipfix_tls = {
	.scheme = "ipfix+tls",
	.help = "IPFIX messages to a collector over TLS, port 4740",
	.parameters = tls_parameters,
	.open = ipfix_tls_open,
	KIND_FUNCTIONS,
};

const struct output_kind output_ipfix_dtls = {
	.scheme = "ipfix+dtls",
	.help = "IPFIX messages to a collector over DTLS, port 4740",
	.parameters = dtls_parameters,
	.open = ipfix_dtls_open,
	KIND_FUNCTIONS,
};

const struct output_kind output_ipfix_sctp = {
	.scheme = "ipfix+sctp",
	.help = "IPFIX messages to a collector over SCTP",
	.parameters = sctp_parameters,
	.open = ipfix_sctp_open,
	KIND_FUNCTIONS,
};

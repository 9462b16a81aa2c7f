/* SPDX-License-Identifier: Apache-2.0 */
/* usrsctp's one instance and what both sides need of it; see sctp.h. */
#include "net/sctp.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/compiler.h"

enum {
	RECEIVE_BYTES = 1 << 20, SEND_BYTES = 1 << 20,
	DELAYED_SACK_MS = 20,           /* an exporter hears soon what has arrived */
	HEARTBEAT_MS = 15000,
	RTO_INITIAL_MS = 500, RTO_MIN_MS = 200, RTO_MAX_MS = 5000,
	RETRANSMISSIONS = 6,            /* a dead peer is noticed within half a minute */
};

/* The library is one for the process: so is this. */
static struct {
	pthread_once_t once;
	pthread_mutex_t lock;
	uint64_t ticked_ms;             /* CLOCK_MONOTONIC, under the lock */
} stack = { .once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t monotonic_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int packet_out(void *address, void *octets, size_t bytes, uint8_t tos, uint8_t dont_fragment)
{
	struct sctp_link *link = address;
	return -link->send(link, octets, bytes);
}

/* The library keeps a thread all the same, for changes of our addresses, which there are none of;
 * signals are not for it. */
static void stack_begin(void)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	usrsctp_init_nothreads(0, packet_out, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	usrsctp_sysctl_set_sctp_ecn_enable(0);
	usrsctp_sysctl_set_sctp_asconf_enable(0);
	usrsctp_sysctl_set_sctp_auth_enable(0);
	usrsctp_sysctl_set_sctp_reconfig_enable(0);
	usrsctp_sysctl_set_sctp_recvspace(RECEIVE_BYTES);
	usrsctp_sysctl_set_sctp_sendspace(SEND_BYTES);
	stack.ticked_ms = monotonic_ms();
}

void sctp_begin(void)
{
	pthread_once(&stack.once, stack_begin);
}

void sctp_tick(void)
{
	pthread_mutex_lock(&stack.lock);
	uint64_t now_ms = monotonic_ms(), elapsed_ms = now_ms - stack.ticked_ms;
	stack.ticked_ms = now_ms;
	pthread_mutex_unlock(&stack.lock);
	if (elapsed_ms)
		usrsctp_handle_timers((uint32_t)elapsed_ms);
}

void sctp_link_add(struct sctp_link *link) { usrsctp_register_address(link); }
void sctp_link_remove(struct sctp_link *link) { usrsctp_deregister_address(link); }

void sctp_input(struct sctp_link *link, const uint8_t *octets, uint32_t bytes)
{
	usrsctp_conninput(link, octets, bytes, 0);
}

bool sctp_look(bool behind_ipv4, const uint8_t **octets, uint32_t *bytes, struct sctp_ports *ret)
{
	if (behind_ipv4) {
		uint32_t header = *bytes ? (uint32_t)(**octets & 15) * 4 : 0;
		if (header < 20 || header > *bytes)
			return false;
		*octets += header;
		*bytes -= header;
	}
	if (*bytes < SCTP_HEADER_BYTES + 4)
		return false;
	*ret = (struct sctp_ports){ load_be16(*octets), load_be16(*octets + 2) };
	return ret->source != 0;
}

struct sctp_packet sctp_packet_of(const uint8_t *octets, uint32_t bytes)
{
	return (struct sctp_packet){ .tag = __builtin_bswap32(load_32(octets + 4)),
	                             .at = octets + SCTP_HEADER_BYTES,
	                             .left = bytes - SCTP_HEADER_BYTES };
}

/* Chunks are padded to four octets; the last one's padding may be missing. */
bool sctp_chunk_next(struct sctp_packet *packet, struct sctp_chunk *ret)
{
	enum { HEADER_BYTES = 4 };
	if (packet->left < HEADER_BYTES)
		return false;
	uint32_t length = load_be16(packet->at + 2), padded = (length + 3) & ~3u;
	if (length < HEADER_BYTES || length > packet->left)
		return false;
	*ret = (struct sctp_chunk){ packet->at[0], packet->at[1], packet->at + HEADER_BYTES,
	                            length - HEADER_BYTES };
	padded = padded < packet->left ? padded : packet->left;
	packet->at += padded;
	packet->left -= padded;
	return true;
}

struct sockaddr_conn sctp_address(struct sctp_link *link, uint16_t port)
{
	return (struct sockaddr_conn){ .sconn_family = AF_CONN, .sconn_port = htons(port),
	                               .sconn_addr = link };
}

uint16_t sctp_any_port(void)
{
	uint16_t random = 0;
	enum { FIRST = 49152, COUNT = 16384 };
	if (getrandom(&random, sizeof random, 0) < 0)
		random = (uint16_t)monotonic_ms();
	return (uint16_t)(FIRST + random % COUNT);
}

/* --- sockets --- */

static void subscribe(struct socket *so)
{
	static const uint16_t types[] = { SCTP_ASSOC_CHANGE, SCTP_SEND_FAILED_EVENT,
	                                  SCTP_SHUTDOWN_EVENT };
	for (unsigned i = 0; i < array_count(types); i++) {
		struct sctp_event event = { .se_assoc_id = SCTP_FUTURE_ASSOC, .se_type = types[i],
		                            .se_on = 1 };
		usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event);
	}
}

void sctp_socket_options(struct socket *so)
{
	int yes = 1;
	uint32_t whole = 65536;
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	usrsctp_set_non_blocking(so, 1);
	usrsctp_setsockopt(so, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_RECVRCVINFO, &yes, sizeof yes);
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_NODELAY, &yes, sizeof yes);
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, &whole, sizeof whole);
	subscribe(so);
}

/* Much quicker than SCTP's defaults: a collector that is gone shall be noticed within half a
 * minute. */
static void timing(struct socket *so)
{
	struct sctp_sack_info sack = { .sack_delay = DELAYED_SACK_MS, .sack_freq = 2 };
	struct sctp_rtoinfo rto = { .srto_initial = RTO_INITIAL_MS, .srto_min = RTO_MIN_MS,
	                            .srto_max = RTO_MAX_MS };
	struct sctp_assocparams association = { .sasoc_asocmaxrxt = RETRANSMISSIONS };
	struct sctp_paddrparams path = { .spp_hbinterval = HEARTBEAT_MS, .spp_flags = SPP_HB_ENABLE,
	                                 .spp_pathmaxrxt = RETRANSMISSIONS };
	struct sctp_initmsg streams = { .sinit_num_ostreams = 2,
	                                .sinit_max_instreams = SCTP_STREAMS_MAX };
	path.spp_address.ss_family = AF_CONN;
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_DELAYED_SACK, &sack, sizeof sack);
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof rto);
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_ASSOCINFO, &association, sizeof association);
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
	usrsctp_setsockopt(so, IPPROTO_SCTP, SCTP_INITMSG, &streams, sizeof streams);
}

int sctp_socket(uint16_t port, struct socket **ret, struct error *err)
{
	struct sockaddr_conn any = sctp_address(NULL, port);
	struct socket *so = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
	if (!so)
		return error_set(err, -errno, "SCTP gives no socket: %s", strerror(errno));
	sctp_socket_options(so);
	timing(so);
	if (usrsctp_bind(so, (struct sockaddr *)&any, sizeof any) < 0) {
		int code = errno;
		usrsctp_close(so);
		return error_set(err, -code, "SCTP port %u: %s", port, strerror(code));
	}
	*ret = so;
	return 0;
}

void sctp_socket_abort(struct socket *so)
{
	if (so)
		usrsctp_close(so);
}

/* --- what a socket tells --- */

static void association_changed(const struct sctp_assoc_change *change,
                                struct sctp_event_told *ret)
{
	switch (change->sac_state) {
	case SCTP_COMM_UP:
		ret->what = SCTP_TOLD_UP;
		ret->streams_out = change->sac_outbound_streams;
		break;
	case SCTP_RESTART:
		ret->what = SCTP_TOLD_RESTART;
		ret->streams_out = change->sac_outbound_streams;
		break;
	case SCTP_SHUTDOWN_COMP:
		ret->what = SCTP_TOLD_CLOSED;
		snprintf(ret->reason, sizeof ret->reason, "closed by the peer");
		break;
	case SCTP_CANT_STR_ASSOC:
		ret->what = SCTP_TOLD_LOST;
		snprintf(ret->reason, sizeof ret->reason, "the peer refused, or did not answer");
		break;
	default:
		ret->what = SCTP_TOLD_LOST;
		snprintf(ret->reason, sizeof ret->reason, "the association is lost: aborted, or the peer "
		         "does not answer");
	}
}

static void told(const union sctp_notification *n, struct sctp_event_told *ret)
{
	ret->what = SCTP_TOLD_OTHER;
	switch (n->sn_header.sn_type) {
	case SCTP_ASSOC_CHANGE:
		association_changed(&n->sn_assoc_change, ret);
		break;
	case SCTP_SHUTDOWN_EVENT:
		ret->what = SCTP_TOLD_CLOSING;
		break;
	case SCTP_SEND_FAILED_EVENT:
		ret->what = SCTP_TOLD_SEND_FAILED;
		ret->context = n->sn_send_failed_event.ssfe_info.snd_context;
		break;
	}
}

void sctp_next(struct socket *so, uint8_t *buffer, size_t size, struct sctp_event_told *ret)
{
	struct sockaddr_conn from;
	struct sctp_rcvinfo info = { 0 };
	socklen_t from_size = sizeof from, info_size = sizeof info;
	unsigned type = SCTP_RECVV_NOINFO;
	int flags = 0;
	memset(ret, 0, sizeof *ret);
	ssize_t n = usrsctp_recvv(so, buffer, size, (struct sockaddr *)&from, &from_size, &info,
	                          &info_size, &type, &flags);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		ret->what = n < 0 ? SCTP_TOLD_ERROR : SCTP_TOLD_EOF;
		snprintf(ret->reason, sizeof ret->reason, "%s",
		         n < 0 ? strerror(errno) : "closed by the peer");
	} else if (flags & MSG_NOTIFICATION) {
		told((const union sctp_notification *)(const void *)buffer, ret);
	} else if (!(flags & MSG_EOR)) {
		ret->what = SCTP_TOLD_LOST;
		snprintf(ret->reason, sizeof ret->reason, "a message of more than %zu octets", size - 1);
	} else {
		ret->what = SCTP_TOLD_MESSAGE;
		ret->bytes = (uint32_t)n;
		ret->stream = type == SCTP_RECVV_RCVINFO ? info.rcv_sid : 0;
	}
}

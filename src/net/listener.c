/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets, sessions and turns of listener.h; the transports stand behind listener_inner.h. */
#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/text.h"
#include "net/listener_inner.h"

#define REST_NS UINT64_C(4000000)
#define BUFFER_NS_PER_BYTE 4            /* left alone, it may fill at a quarter of a GB/s */
#define SECOND_NS UINT64_C(1000000000)
#define PART_NS (SECOND_NS / 2)         /* for peers to end streams that the collector ends */

enum {
	SESSIONS_DEFAULT = 1024, SESSIONS_MOST = 1 << 20,
	BUFFER_DEFAULT = 32 << 20,
	TURN_EVENTS = 64,
	LISTENERS_MAX = 64,
	BACKLOG = 256,
};

static const struct listener_transport *const transports[NET_TRANSPORT_COUNT] = {
	[NET_UDP] = &listener_udp, [NET_TCP] = &listener_tcp,
	[NET_TLS] = &listener_tls, [NET_DTLS] = &listener_dtls,
	[NET_SCTP] = &listener_sctp,
};

static int sockets_open(struct listener *l, struct error *err);
static void sweep(struct listener *l);

static uint64_t monotonic_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

int64_t net_frame_ipfix(const uint8_t *octets, uint32_t bytes)
{
	enum { VERSION = 10, HEADER_BYTES = 16 };
	if (bytes < 4)
		return bytes >= 2 && load_be16(octets) != VERSION ? -EBADMSG : 0;
	uint16_t length = load_be16(octets + 2);
	return load_be16(octets) != VERSION || length < HEADER_BYTES ? -EBADMSG : length;
}

/* --- open and close --- */

static int copy_text(const char **text)
{
	if (!*text)
		return 0;
	*text = strdup(*text);
	return *text ? 0 : -ENOMEM;
}

/* After a failure the rest is NULL, so that all of them can be freed. */
static int setup_copy(struct listener_setup *s)
{
	const char **texts[] = { &s->host, &s->tls.cert, &s->tls.key, &s->tls.ca, &s->tls.peers };
	int rc = 0;
	for (unsigned i = 0; i < array_count(texts); i++) {
		if (rc < 0)
			*texts[i] = NULL;
		else
			rc = copy_text(texts[i]);
	}
	return rc;
}

/* Where 0 stands for a default, see the header. */
static void setup_defaults(struct listener_setup *s)
{
	bool datagrams = s->transport == NET_UDP || s->transport == NET_DTLS;
	if (s->sessions_max == 0)
		s->sessions_max = SESSIONS_DEFAULT;
	if (s->sessions_max > SESSIONS_MOST)
		s->sessions_max = SESSIONS_MOST;
	if (s->idle_ns == 0)
		s->idle_ns = datagrams ? 1800 * SECOND_NS : 0;
	if (s->patience_ns == 0)
		s->patience_ns = 20 * SECOND_NS;
	if (s->buffer_bytes == 0)
		s->buffer_bytes = BUFFER_DEFAULT;
	if (!s->frame)
		s->frame = net_frame_ipfix;
}

/* How long the sockets' buffers can be left alone. */
static uint64_t rest_of(const struct listener *l)
{
	uint64_t least = REST_NS;
	for (unsigned i = 0; i < l->socket_count; i++) {
		int bytes = 0;
		socklen_t size = sizeof bytes;
		getsockopt(l->sockets[i], SOL_SOCKET, SO_RCVBUF, &bytes, &size);
		uint64_t ns = bytes > 0 ? (uint64_t)bytes * BUFFER_NS_PER_BYTE : 0;
		least = ns < least ? ns : least;
	}
	return least;
}

/* At least twice as many buckets as sessions: chains stay short without growing. */
static int listener_init(struct listener *l, struct error *err)
{
	l->bucket_count = 64;
	while (l->bucket_count < 2 * l->setup.sessions_max)
		l->bucket_count *= 2;
	l->buckets = calloc(l->bucket_count, sizeof(*l->buckets));
	l->ready = calloc(TURN_EVENTS, sizeof(*l->ready));
	if (!l->buckets || !l->ready)
		return error_set(err, -ENOMEM, "out of memory for a listener");
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		return error_set(err, -errno, "cannot listen: %s", strerror(errno));
	hash_secret_init(&l->secret);
	l->transport = transports[l->setup.transport];
	if (!l->transport)
		return error_set(err, -ENOSYS, "cannot listen over %s",
		                 net_transport_name(l->setup.transport));
	int rc = l->transport->socket_type ? sockets_open(l, err) : 0;
	if (rc == 0 && l->transport->open)
		rc = l->transport->open(l, err);
	l->rest_ns = rest_of(l);
	return rc;
}

int listener_open(const struct listener_setup *setup, const struct listener_events *events,
                  struct listener **ret, struct error *err)
{
	struct listener *l = calloc(1, sizeof *l);
	if (!l)
		return error_set(err, -ENOMEM, "out of memory for a listener");
	l->epoll = -1;
	l->setup = *setup;
	l->events = *events;
	l->now_ns = monotonic_ns();
	l->next_id = 1;
	int rc = setup_copy(&l->setup);
	setup_defaults(&l->setup);
	if (rc == 0)
		rc = listener_init(l, err);
	if (rc < 0) {
		listener_close(l);
		return rc;
	}
	*ret = l;
	return 0;
}

/* What waits in the sockets has come, and is read. Streams that are closed unread would be reset,
 * and their exporters could not tell what had been read; so they are told, and read to the end. */
static void part(struct listener *l)
{
	struct listener *const own[] = { l };
	uint64_t until_ns = monotonic_ns() + PART_NS;
	if (!l->transport || l->socket_count == 0 || l->epoll < 0)
		return;
	while (listener_poll(own, 1, 0) > 0 && monotonic_ns() < until_ns)
		continue;
	if (!l->transport->farewell)
		return;
	/* No new ones; packets of SCTP go on coming by its sockets. */
	for (unsigned i = 0; i < l->socket_count && l->transport->socket_type == SOCK_STREAM; i++)
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, l->sockets[i], NULL);
	for (unsigned i = 0; i < array_count(l->rows); i++)
		for (struct session *s = l->rows[i].oldest; s; s = s->newer)
			l->transport->farewell(l, s);
	while (l->session_count && monotonic_ns() < until_ns)
		listener_poll(own, 1, until_ns);
}

/* Sessions that are proven go last, after those that never spoke. */
void listener_close(struct listener *l)
{
	if (!l)
		return;
	part(l);
	for (unsigned i = 0; i < array_count(l->rows); i++)
		while (l->rows[i].oldest)
			session_close(l, l->rows[i].oldest, "the collector stops");
	if (l->transport && l->transport->close)
		l->transport->close(l);
	for (unsigned i = 0; i < l->socket_count; i++)
		close(l->sockets[i]);
	if (l->epoll >= 0)
		close(l->epoll);
	const struct net_certificates *t = &l->setup.tls;
	const char *texts[] = { l->setup.host, t->cert, t->key, t->ca, t->peers };
	for (unsigned i = 0; i < array_count(texts); i++)
		free((void *)(uintptr_t)texts[i]);
	free(l->buckets);
	free(l->ready);
	free(l);
}

/* --- sockets --- */

static void socket_options(int fd, int type, int family)
{
	int yes = 1, no = 0;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	/* "::" takes IPv4 too, whatever the system's default. */
	if (family == AF_INET6 && type != SOCK_RAW)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
}

/* The event carries the socket's index; sessions are told from it by being pointers, which are
 * larger. */
static int socket_bound(const struct listener *l, const struct net_endpoint *at, int type,
                        int protocol)
{
	struct sockaddr_storage address;
	int family = at->family == 6 ? AF_INET6 : AF_INET, rc = 0;
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0)
		return -errno;
	socket_options(fd, type, family);
	if (bind(fd, (struct sockaddr *)&address, net_endpoint_sockaddr(at, family, &address)) < 0)
		rc = -errno;
	if (rc == 0 && type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		rc = -errno;
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = l->socket_count };
	if (rc == 0 && epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		rc = -errno;
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

int listener_bind(struct listener *l, struct net_endpoint *at, int type, int protocol,
                  struct error *err)
{
	static const struct net_endpoint any_v6 = { .family = 6 };
	char text[NET_ENDPOINT_TEXT];
	int fd = socket_bound(l, at, type, protocol);
	bool any = memcmp(at->octets, any_v6.octets, sizeof at->octets) == 0;
	/* A system without IPv6: every address is every IPv4 address. */
	if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && any && at->family == 6) {
		at->family = 4;
		fd = socket_bound(l, at, type, protocol);
	}
	if (fd < 0)
		return error_set(err, fd, "cannot listen at %s (%s): %s",
		                 net_endpoint_text(at, text, sizeof text),
		                 net_transport_name(l->setup.transport), strerror(-fd));
	l->families[l->socket_count] = at->family == 6 ? AF_INET6 : AF_INET;
	l->sockets[l->socket_count++] = fd;
	return 0;
}

/* A name may have several addresses; all of them are listened at. */
static int sockets_open(struct listener *l, struct error *err)
{
	struct net_endpoint_list list = { 0 };
	int rc = net_resolve(l->setup.host, l->setup.port, true, &list, err);
	for (unsigned i = 0; i < list.count && rc == 0; i++) {
		/* A free port is the same at all addresses. */
		if (i > 0 && l->setup.port == 0)
			list.at[i].port = listener_local(l).port;
		rc = listener_bind(l, &list.at[i], l->transport->socket_type, 0, err);
	}
	l->port = listener_local(l).port;
	return rc;
}

struct net_endpoint listener_local(const struct listener *l)
{
	struct net_endpoint e = { 0 };
	if (l->socket_count)
		net_endpoint_local(l->sockets[0], &e);
	if (l->port)
		e.port = l->port;
	return e;
}

int listener_watch(struct listener *l, int fd, struct session *s, uint32_t epoll_events)
{
	struct epoll_event event = { .events = epoll_events, .data.ptr = s };
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int listener_rewatch(struct listener *l, int fd, struct session *s, uint32_t epoll_events)
{
	struct epoll_event event = { .events = epoll_events, .data.ptr = s };
	return epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &event) < 0 ? -errno : 0;
}

/* --- sessions --- */

static struct session **bucket_of(struct listener *l, const struct net_endpoint *remote,
                                  uint32_t way)
{
	struct { struct net_endpoint remote; uint64_t way; } key = { *remote, way };
	return &l->buckets[hash_siphash13(&l->secret, &key, sizeof key) & (l->bucket_count - 1)];
}

struct session *session_find(struct listener *l, const struct net_endpoint *remote, uint32_t way)
{
	struct session *s = *bucket_of(l, remote, way);
	while (s && (s->way != way || !net_endpoint_equal(&s->open.remote, remote)))
		s = s->chain;
	return s;
}

static void row_remove(struct listener *l, struct session *s)
{
	struct session_row *row = &l->rows[s->proven];
	*(s->older ? &s->older->newer : &row->oldest) = s->newer;
	*(s->newer ? &s->newer->older : &row->newest) = s->older;
	s->older = s->newer = NULL;
}

/* Into the row that its callbacks' word (proven) puts it in now. */
static void row_append(struct listener *l, struct session *s)
{
	s->proven = s->open.proven;
	struct session_row *row = &l->rows[s->proven];
	s->older = row->newest;
	*(row->newest ? &row->newest->newer : &row->oldest) = s;
	row->newest = s;
}

/* The longest unheard makes room: of those that never proved themselves, if there are any. Proven
 * sessions over connections stay: for them the newcomer is refused. */
static bool make_room(struct listener *l)
{
	struct session *s = l->rows[0].oldest;
	if (!s && (l->setup.transport == NET_UDP || l->setup.transport == NET_DTLS))
		s = l->rows[1].oldest;
	if (!s)
		return false;
	l->counters.evicted++;
	listener_note(l, "%u sessions are the bound: the longest unheard made room",
	              l->setup.sessions_max);
	session_close(l, s, "made room for another");
	return true;
}

/* When there is no room another one goes: the longest unheard that is not proven, see
 * make_room(). */
struct session *session_new(struct listener *l, const struct net_endpoint *remote, uint32_t way)
{
	if (l->session_count >= l->setup.sessions_max && !make_room(l)) {
		l->counters.refused++;
		listener_note(l, "a connection was refused: %u sessions are the bound",
		              l->setup.sessions_max);
		return NULL;
	}
	struct session *s = calloc(1, l->transport->session_bytes);
	if (!s)
		return NULL;
	s->open = (struct net_session){ .id = l->next_id++, .transport = l->setup.transport,
	                                .remote = *remote, .peer = "" };
	s->way = way;
	s->heard_ns = l->now_ns;
	struct session **bucket = bucket_of(l, remote, way);
	s->chain = *bucket;
	*bucket = s;
	row_append(l, s);
	l->session_count++;
	if (l->transport->told_at_once)
		session_opened(l, s);
	return s;
}

void session_opened(struct listener *l, struct session *s)
{
	if (s->told)
		return;
	s->told = true;
	if (s->open.local.family == 0)
		net_endpoint_local(l->sockets[s->way & UINT16_MAX], &s->open.local);
	l->counters.sessions_opened++;
	l->events.opened(l->events.context, &s->open);
}

/* A session that is the newest already stays where it is: on a busy one the rows are not touched at
 * all. */
bool session_message(struct listener *l, struct session *s, const struct net_message *message)
{
	l->counters.messages++;
	l->counters.octets += message->bytes;
	int rc = l->events.message(l->events.context, &s->open, message);
	if (rc < 0) {
		session_close(l, s, "closed by the collector");
		return false;
	}
	s->heard_ns = l->now_ns;
	bool is_newest = l->rows[s->proven].newest == s && s->proven == s->open.proven;
	if (!is_newest) {
		row_remove(l, s);
		row_append(l, s);
	}
	return true;
}

void session_owes(struct listener *l, struct session *s, bool owes)
{
	s->late_ns = owes ? l->now_ns + l->setup.patience_ns : 0;
}

/* Out of the lists first: a callback that looks finds no session that is about to go. One that this
 * turn has yet to serve is taken out of its list as well. */
void session_close(struct listener *l, struct session *s, const char *reason)
{
	for (unsigned i = 0; i < l->ready_count; i++)
		if (l->ready[i] == s)
			l->ready[i] = NULL;
	struct session **at = bucket_of(l, &s->open.remote, s->way);
	while (*at != s)
		at = &(*at)->chain;
	*at = s->chain;
	row_remove(l, s);
	l->session_count--;
	if (s->told) {
		l->counters.sessions_closed++;
		if (l->transport->session_remains)
			l->transport->session_remains(l, s);
		l->events.closed(l->events.context, &s->open, reason);
	}
	if (l->transport->session_end)
		l->transport->session_end(l, s);
	free(s);
}

unsigned listener_sessions(const struct listener *l)
{
	return l->session_count;
}

/* Once a second: who is late, who was not heard of. */
static void sweep(struct listener *l)
{
	char reason[64], idle[32];
	if (l->now_ns < l->sweep_ns)
		return;
	l->sweep_ns = l->now_ns + SECOND_NS;
	text_human_duration(l->setup.idle_ns, idle, sizeof idle);
	snprintf(reason, sizeof reason, "not heard of for %s", idle);
	for (unsigned i = 0; i < array_count(l->rows); i++) {
		for (struct session *s = l->rows[i].oldest, *next; s; s = next) {
			next = s->newer;
			if (s->late_ns && l->now_ns >= s->late_ns) {
				*(s->told ? &l->counters.late : &l->counters.handshakes_failed) += 1;
				session_close(l, s, "too slow with a message");
			} else if (l->setup.idle_ns && l->now_ns - s->heard_ns >= l->setup.idle_ns) {
				session_close(l, s, reason);
			}
		}
	}
}

/* --- turns --- */

/* Events are taken all at once, and a session that is closed meanwhile is struck out of `ready`:
 * its pointer must not be followed. */
static void serve(struct listener *l)
{
	struct epoll_event events[TURN_EVENTS];
	int count = epoll_wait(l->epoll, events, TURN_EVENTS, 0);
	l->now_ns = monotonic_ns();
	l->ready_count = 0;
	for (int i = 0; i < count; i++) {
		bool is_socket = events[i].data.u64 < LISTENER_SOCKETS_MAX;
		l->ready[l->ready_count++] = is_socket ? NULL : events[i].data.ptr;
	}
	for (int i = 0; i < count; i++) {
		if (events[i].data.u64 < LISTENER_SOCKETS_MAX)
			l->transport->readable(l, (unsigned)events[i].data.u64);
		else if (l->ready[i])
			l->transport->session_ready(l, l->ready[i]);
	}
	l->ready_count = 0;
	sweep(l);
}

/* How long the wait may be: to the deadline, a sweep or a transport's timer. */
static uint64_t next_turn_ns(struct listener *l, uint64_t now_ns)
{
	uint64_t next_ns = now_ns + SECOND_NS;
	if (l->transport->timers) {
		l->now_ns = now_ns;
		uint64_t timer_ns = l->transport->timers(l, now_ns);
		next_ns = timer_ns < next_ns ? timer_ns : next_ns;
	}
	return next_ns;
}

/* Where messages came a moment ago more will come in a moment: to take them together costs a
 * fraction of a wake-up each. */
static void rest(struct listener *const *listeners, unsigned count, uint64_t wait_ns)
{
	uint64_t ns = wait_ns;
	bool busy = false;
	for (unsigned i = 0; i < count; i++) {
		busy |= listeners[i]->busy;
		ns = listeners[i]->rest_ns < ns ? listeners[i]->rest_ns : ns;
	}
	struct timespec moment = { 0, (long)ns };
	if (busy && ns)
		nanosleep(&moment, NULL);
}

/* Each listener is one descriptor (its epoll): so several are waited for together. */
int listener_poll(struct listener *const *listeners, unsigned count, uint64_t deadline_ns)
{
	struct pollfd fds[LISTENERS_MAX];
	uint64_t now_ns = monotonic_ns(), until_ns = deadline_ns, before = 0, after = 0;
	if (count > LISTENERS_MAX)
		return -E2BIG;
	for (unsigned i = 0; i < count; i++) {
		fds[i] = (struct pollfd){ .fd = listeners[i]->epoll, .events = POLLIN };
		uint64_t next_ns = next_turn_ns(listeners[i], now_ns);
		until_ns = next_ns < until_ns ? next_ns : until_ns;
		before += listeners[i]->counters.messages;
	}
	uint64_t wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	struct timespec wait = { (time_t)(wait_ns / SECOND_NS), (long)(wait_ns % SECOND_NS) };
	rest(listeners, count, wait_ns);
	int rc = ppoll(fds, count, &wait, NULL);
	if (rc < 0)
		return -errno;
	for (unsigned i = 0; i < count; i++) {
		uint64_t messages = listeners[i]->counters.messages;
		serve(listeners[i]);
		listeners[i]->busy = listeners[i]->counters.messages != messages;
		after += listeners[i]->counters.messages;
	}
	return (int)(after - before);
}

void listener_note(struct listener *l, const char *format, ...)
{
	char text[512];
	if (!l->events.note || l->now_ns < l->note_ns)
		return;
	l->note_ns = l->now_ns + SECOND_NS;
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	l->events.note(l->events.context, text);
}

void listener_counters(struct listener *l, struct listener_counters *ret)
{
	*ret = l->counters;
	ret->kernel_drops = datagram_drops(l);
}

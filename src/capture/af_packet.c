/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live interfaces on Linux: the kernel's rings of all interfaces named, as one source.
 *
 * The reading thread takes batches from the rings in turn, each batch from one block of one ring,
 * and sleeps in poll() when all are empty. No filter is set in the kernel, so that everything is
 * counted.
 * The clock is the least over all rings of: the oldest packet not yet read, or the wall
 * time less QUIET_LAG where the ring is empty (a block that is being filled is handed over before
 * that). An interface that goes away is reported once, after its last packets; the others go on.
 * Neighbours: af_packet_ring.c (one ring), link.c (facts about interfaces).
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/compiler.h"
#include "capture/af_packet_ring.h"
#include "capture/link.h"
#include "capture/source.h"

#define QUIET_LAG_NS    ((2 * RING_RETIRE_MS + 10) * UINT64_C(1000000))
#define LEAVING_NS      UINT64_C(150000000)     /* wait for the last packets of a lost interface */
#define SPIN_NS         1000000L                /* poll() returns at once while we hold blocks */

enum lane_state { LANE_UP, LANE_DOWN, LANE_LEAVING, LANE_GONE };

struct lane {                           /* one interface */
	struct ring ring;
	struct link_drops drops;
	enum lane_state state;
	uint64_t leave_ns;              /* wall time until which a lost interface is still read */
};

/* The source: its lanes, and where the reader is. */
struct af_packet {
	struct capture capture;
	unsigned count, turn;           /* lanes; the one to read next */
	struct lane *lanes;             /* one an interface, owned */
	struct capture_interface *interfaces;   /* by lane, owned */
	struct pollfd *pollfds;         /* by lane, for sleeping */
	uint64_t clock_ns;              /* that the whole source has reached */
	atomic_uint_fast64_t frames, octets;    /* written by the reading thread only */
};

static struct af_packet *source_of(struct capture *c)
{
	return container_of(c, struct af_packet, capture);
}

static void af_packet_close(struct capture *c)
{
	if (!c)
		return;
	struct af_packet *s = source_of(c);
	for (unsigned i = 0; i < s->count; i++) {
		ring_close(&s->lanes[i].ring);
		link_drops_close(&s->lanes[i].drops);
	}
	free(s->lanes);
	free(s->interfaces);
	free(s->pollfds);
	free(s);
}

/* s->count is the number of lanes that are open, so that close() knows what to undo. */
static int open_lane(struct af_packet *s, const char *name, const struct capture_settings *settings,
                     struct error *err)
{
	for (unsigned i = 0; i < s->count; i++)
		if (strcmp(s->interfaces[i].name, name) == 0)
			return error_set(err, -EINVAL, "%s: named twice", name);
	struct lane *lane = &s->lanes[s->count];
	int r = ring_open(&lane->ring, name, settings, &s->interfaces[s->count], err);
	if (r)
		return r;
	link_drops_open(&lane->drops, name);
	lane->ring.interface = (uint16_t)s->count;
	s->pollfds[s->count] = (struct pollfd){ .fd = lane->ring.fd, .events = POLLIN };
	s->count++;
	return 0;
}

static int af_packet_open(const struct capture_settings *settings, struct capture **ret,
                          struct error *err)
{
	unsigned count = settings->name_count;
	if (!count || count > UINT16_MAX)
		return error_set(err, -EINVAL, "%u interfaces named; expected 1 to %d", count,
		                 UINT16_MAX);
	struct af_packet *s = calloc(1, sizeof *s);
	if (!s)
		return error_set(err, -ENOMEM, "out of memory");
	s->capture.kind = &capture_af_packet;
	s->lanes = calloc(count, sizeof *s->lanes);
	s->interfaces = calloc(count, sizeof *s->interfaces);
	s->pollfds = calloc(count, sizeof *s->pollfds);
	int r = 0;
	if (!s->lanes || !s->interfaces || !s->pollfds)
		r = error_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; !r && i < count; i++)
		r = open_lane(s, settings->names[i], settings, err);
	if (r) {
		af_packet_close(&s->capture);
		return r;
	}
	*ret = &s->capture;
	return 0;
}

static uint64_t wall_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Never goes back, even where a block that came late has older packets than what was said
 * already. */
static void advance_clock(struct af_packet *s)
{
	uint64_t least = wall_ns() - QUIET_LAG_NS;
	for (unsigned i = 0; i < s->count; i++) {
		struct lane *lane = &s->lanes[i];
		uint64_t oldest = lane->state == LANE_GONE ? 0 : ring_oldest_ns(&lane->ring);
		if (oldest && oldest < least)
			least = oldest;
	}
	if (least > s->clock_ns)
		s->clock_ns = least;
}

/* A ring's socket has an error: the interface went down, or away. */
static int lane_failed(struct af_packet *s, unsigned i, struct error *err)
{
	struct lane *lane = &s->lanes[i];
	int code = 0;
	socklen_t size = sizeof code;
	getsockopt(lane->ring.fd, SOL_SOCKET, SO_ERROR, &code, &size);
	if (!code || lane->state != LANE_UP)
		return 0;
	if (!ring_interface_exists(&lane->ring))
		return 0;               /* lane_left() waits for its last packets and tells */
	if (code != ENETDOWN)
		return error_set(err, -code, "%s: %s", s->interfaces[i].name, strerror(code));
	lane->state = LANE_DOWN;
	return error_set(err, -ENETDOWN,
	                 "%s: the interface is down; nothing comes from it until it is up",
	                 s->interfaces[i].name);
}

/* Looks whether an interface has gone for good; it is told once its last block has been handed
 * over. */
static int lane_left(struct af_packet *s, unsigned i, struct error *err)
{
	struct lane *lane = &s->lanes[i];
	if (lane->state == LANE_GONE || ring_interface_exists(&lane->ring))
		return 0;
	if (lane->state != LANE_LEAVING) {
		lane->state = LANE_LEAVING;
		lane->leave_ns = wall_ns() + LEAVING_NS;
		return 0;
	}
	if (wall_ns() < lane->leave_ns || ring_ready(&lane->ring))
		return 0;
	lane->state = LANE_GONE;
	s->pollfds[i].fd = -1;
	return error_set(err, -ENODEV, "%s: the interface is gone", s->interfaces[i].name);
}

/* Called when all rings are empty: errors of sockets, and interfaces that went. 0, or the first
 * found. */
static int check_lanes(struct af_packet *s, struct error *err)
{
	unsigned gone = 0;
	for (unsigned i = 0; i < s->count; i++) {
		int r = s->pollfds[i].revents & POLLERR ? lane_failed(s, i, err) : 0;
		if (!r)
			r = lane_left(s, i, err);
		if (r)
			return r;
		gone += s->lanes[i].state == LANE_GONE;
	}
	return gone == s->count ? -ENODATA : 0;
}

/* The next ring in turn goes first, so that a busy interface does not keep the others waiting. A
 * walk may find nothing but frames to be skipped: then the same ring is asked again. */
static int read_ready(struct af_packet *s, struct frame_batch *ret)
{
	for (unsigned tried = 0; tried < s->count; tried++) {
		struct lane *lane = &s->lanes[s->turn];
		s->turn = s->turn + 1 == s->count ? 0 : s->turn + 1;
		uint64_t octets = 0;
		while (lane->state != LANE_GONE && ring_ready(&lane->ring)) {
			if (!ring_walk(&lane->ring, ret, &octets))
				continue;
			if (lane->state == LANE_DOWN)
				lane->state = LANE_UP;
			counter_add(&s->frames, ret->count);
			counter_add(&s->octets, octets);
			return (int)ret->count;
		}
	}
	return 0;
}

/* Sleeps until a ring has something, or wait_ns is over. */
static void wait_for_frames(struct af_packet *s, uint64_t wait_ns)
{
	uint64_t seconds = wait_ns / 1000000000;
	struct timespec wait = { .tv_sec = seconds > 86400 ? 86400 : (time_t)seconds,
	                         .tv_nsec = (long)(wait_ns % 1000000000) };
	for (unsigned i = 0; i < s->count; i++)
		s->pollfds[i].revents = 0;
	int r = ppoll(s->pollfds, s->count, &wait, NULL);
	if (r <= 0 || !wait_ns)
		return;
	for (unsigned i = 0; i < s->count; i++)
		if (s->lanes[i].state != LANE_GONE && ring_ready(&s->lanes[i].ring))
			return;
	/* The kernel calls a ring readable as long as its last block is held by a batch. */
	nanosleep(&(struct timespec){ .tv_nsec = wait_ns < SPIN_NS ? (long)wait_ns : SPIN_NS },
	          NULL);
}

/* Rings first, then sleep, then once more: what came during the sleep is delivered by the call that
 * waited for it. Lanes are checked only when nothing is there, which keeps its system calls away
 * from busy links. */
static int af_packet_read(struct capture *c, uint64_t wait_ns, struct frame_batch *ret,
                          struct error *err)
{
	struct af_packet *s = source_of(c);
	int r = read_ready(s, ret);
	if (r == 0) {
		wait_for_frames(s, wait_ns);
		r = read_ready(s, ret);
	}
	if (r == 0) {
		r = check_lanes(s, err);
		ret->count = 0;
		ret->hold = NULL;
	}
	advance_clock(s);
	ret->clock_ns = s->clock_ns;
	return r;
}

static void af_packet_release(struct capture *c, void *hold)
{
	ring_block_release(hold);
}

static void af_packet_counters(struct capture *c, struct capture_counters *ret)
{
	struct af_packet *s = source_of(c);
	struct capture_counters n = {
		.frames = atomic_load_explicit(&s->frames, memory_order_relaxed),
		.octets = atomic_load_explicit(&s->octets, memory_order_relaxed),
		.drops_known = true,
	};
	for (unsigned i = 0; i < s->count; i++) {
		n.kernel_drops += ring_drops(&s->lanes[i].ring);
		n.interface_drops += link_drops_read(&s->lanes[i].drops);
	}
	*ret = n;
}

static unsigned af_packet_interfaces(struct capture *c, const struct capture_interface **ret)
{
	struct af_packet *s = source_of(c);
	*ret = s->interfaces;
	return s->count;
}

const struct capture_kind capture_af_packet = {
	.name = "af_packet",
	.help = "interfaces of this host through the kernel's packet ring (Linux)",
	.live = true,
	.open = af_packet_open,
	.read = af_packet_read,
	.release = af_packet_release,
	.counters = af_packet_counters,
	.interfaces = af_packet_interfaces,
	.close = af_packet_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns of reading, and how their parcels reach the workers.
 *
 * One worker at a time reads: it takes the turn, fills a parcel of its own with batches of frames,
 * numbers it and lets go. All else it does while others read: parsing, dealing, and putting the
 * parcel where every lane finds it, by its number. What needs the order of packets (fragments,
 * sampling) waits until all parcels before are out. A lane takes parcels by number, so each flow
 * sees its packets in order, whoever has read them. A parcel is free again when every lane is done
 * with it.
 *
 * No deadlock: a worker waits for others only while it has nothing in hand, or for the order, and
 * the worker with the lowest number among those parcels waits for nobody.
 */
#include "engine/pump.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "capture/clock.h"
#include "engine/gate.h"
#include "engine/parcel.h"

enum { PARCELS_A_WORKER = 4, SPINS = 2000 };
enum { AHEAD_FRAME_BYTES = 192 };       /* mean of frames in memory, with what lies between them */

static const uint64_t read_wait_ns = 100000000;

struct place {                          /* of a parcel that is out */
	_Atomic uint64_t after;         /* its number + 1; 0: none yet */
	struct parcel *parcel;
} __attribute__((aligned(64)));

struct lane {                           /* all of it its worker's own */
	uint64_t next;                  /* number of the parcel that it takes next */
	struct parcel *parcel;          /* that it is at; NULL: none */
	unsigned piece, stop;           /* the next in that parcel, and in that piece */
	struct piece_stop done;         /* of that piece */
	unsigned mine_at;               /* parcel to read into next */
	struct parcel *mine[PARCELS_A_WORKER];
	struct fate_counters fates;     /* of what it parsed; a visitor may look: see pump_counters */
	struct packet_batch packets;    /* that it has just parsed */
	const struct packet *pointer[BATCH_MAX];        /* to all of them */
} __attribute__((aligned(64)));

/* Shared by all workers. Who may touch what is said by groups. */
struct pump {
	struct pump_setup setup;
	struct packet_parser *parser;   /* of all: its memory of fragments is used in order */
	struct hash_secret secret;      /* of the address pairs */
	struct lane *lanes;             /* one a worker */
	struct place *places;           /* where parcels are found by their number */
	unsigned lane_parcels;          /* each lane's own */
	uint64_t place_mask;            /* places are a power of two, at least one a parcel */
	bool brief;                     /* lanes get line 0 of packets */
	struct gate gate;               /* for all who wait */
	atomic_bool reading;            /* somebody has the turn */
	atomic_bool ended;              /* nothing more will be read */
	atomic_bool quiet;              /* the turn before this found nothing more for now */
	atomic_uint visitors;           /* wait to look at the counters: nobody starts to read before */
	atomic_bool stop;
	/* of whoever has the turn */
	uint64_t read_count;            /* parcels numbered */
	uint64_t frames_left;           /* until the limit */
	uint64_t unread_frames, unread_octets, clock_ns, last_ns, limit_ns;
	bool damaged;
	/* of whoever has its place in the order */
	uint64_t sample_count, random;
};

/* ---- opening and closing --------------------------------------------------------------------- */

/* With one worker nobody else waits, so a parcel is one batch: less is in the cache at a time. */
static int make_lane(struct pump *p, struct lane *lane)
{
	const struct parcel_shape shape = {
		.batches = p->setup.workers == 1 ? 1 : PARCEL_BATCHES, .lanes = p->setup.workers,
		.brief = p->brief,
	};
	for (unsigned i = 0; i < p->lane_parcels; i++)
		if (!(lane->mine[i] = parcel_new(&shape)))
			return -ENOMEM;
	for (unsigned i = 0; i < BATCH_MAX; i++)
		lane->pointer[i] = &lane->packets.packet[i];
	return 0;
}

/* With one worker a batch comes and goes before the next: all of it stays in the nearest cache. */
static int make_lanes(struct pump *p)
{
	unsigned workers = p->setup.workers;
	uint64_t places = 1;
	p->lane_parcels = workers == 1 ? 1 : PARCELS_A_WORKER;
	while (places < (uint64_t)workers * p->lane_parcels)
		places *= 2;
	p->place_mask = places - 1;
	p->lanes = lines_new(workers, sizeof *p->lanes);
	p->places = lines_new(places, sizeof *p->places);
	if (!p->lanes || !p->places)
		return -ENOMEM;
	for (unsigned i = 0; i < workers; i++)
		if (make_lane(p, &p->lanes[i]))
			return -ENOMEM;
	return 0;
}

static int copy_own_export(struct pump *p, const struct pump_setup *setup)
{
	size_t bytes = setup->own_export_count * sizeof *setup->own_export;
	if (!bytes)
		return 0;
	struct pump_endpoint *copy = malloc(bytes);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, setup->own_export, bytes);
	p->setup.own_export = copy;
	return 0;
}

/* A turn takes less time than a sleep and a wake-up, but only if the others can run meanwhile. */
static unsigned spins_of(const struct pump_setup *setup)
{
	cpu_set_t usable;
	if (setup->kind->live || sched_getaffinity(0, sizeof usable, &usable))
		return 0;
	return setup->workers <= (unsigned)CPU_COUNT(&usable) ? SPINS : 0;
}

int pump_new(const struct pump_setup *setup, struct pump **ret, struct error *err)
{
	struct pump *p = lines_new(1, sizeof *p);
	if (!p)
		return error_set(err, -ENOMEM, "out of memory");
	p->setup = *setup;
	p->setup.own_export = NULL;
	p->frames_left = setup->packet_limit ? setup->packet_limit : UINT64_MAX;
	p->brief = setup->workers > 1 && setup->packet.brief && !setup->frames;
	gate_init(&p->gate, spins_of(setup));
	hash_secret_init(&p->secret);
	p->random = load_64(p->secret.octets + 80) | 1;
	int r = make_lanes(p);
	if (!r)
		r = packet_parser_new(&setup->packet, &p->parser);
	if (!r)
		r = copy_own_export(p, setup);
	if (r) {
		p->setup.capture = NULL;        /* still the caller's */
		pump_free(p);
		return error_set(err, r, "out of memory");
	}
	*ret = p;
	return 0;
}

void pump_free(struct pump *p)
{
	if (!p)
		return;
	union { const struct pump_endpoint *borrowed; void *owned; } own = { p->setup.own_export };
	for (unsigned i = 0; i < p->setup.workers && p->lanes; i++)
		for (unsigned k = 0; k < p->lane_parcels; k++)
			parcel_free(p->lanes[i].mine[k]);
	free(p->lanes);
	free(p->places);
	free(own.owned);
	packet_parser_free(p->parser);
	if (p->setup.capture)
		p->setup.kind->close(p->setup.capture);
	gate_fini(&p->gate);
	free(p);
}

/* ---- the turn -------------------------------------------------------------------------------- */

static bool take_turn(struct pump *p)
{
	return !atomic_exchange_explicit(&p->reading, true, memory_order_acquire);
}

static void leave_turn(struct pump *p)
{
	atomic_store_explicit(&p->reading, false, memory_order_release);
	gate_tell(&p->gate);
}

static bool is_stopped(struct pump *p)
{
	return atomic_load_explicit(&p->stop, memory_order_relaxed);
}

/* ---- choosing packets ------------------------------------------------------------------------ */

static void count_fate(struct fate_counters *fates, const struct packet *packet, enum fate fate)
{
	fates->packets[fate] += packet->wire_packets;
	fates->octets[fate] += frame_octets(packet->frame);
	fates->offload_packets += packet->wire_packets - 1;
}

/* RFC 5476: systematic count-based takes the first of every N; uniform
 * probabilistic each with 1/N. */
static bool is_sampled(struct pump *p)
{
	uint32_t n = p->setup.sample;
	if (p->setup.sample_random) {
		p->random ^= p->random << 13;
		p->random ^= p->random >> 7;
		p->random ^= p->random << 17;
		return (uint64_t)(((unsigned __int128)p->random * n) >> 64) == 0;
	}
	bool taken = p->sample_count == 0;
	if (++p->sample_count == n)
		p->sample_count = 0;
	return taken;
}

/* Whether side s of the packet is our end of the socket, and the other side the collector's. */
static bool is_our_side(const struct pump_endpoint *e, const struct packet *packet, unsigned s)
{
	unsigned bytes = packet->family == 4 ? 4 : 16;
	const uint8_t *ours = bytes == 4 ? packet->key.address.v4[s] : packet->key.address.v6[s];
	const uint8_t *theirs = bytes == 4 ? packet->key.address.v4[s ^ 1]
	                                   : packet->key.address.v6[s ^ 1];
	return e->remote_port == packet->key.port[s ^ 1]
	       && (e->local_port == packet->key.port[s] || !e->local_port)
	       && !memcmp(e->local, ours, bytes) && !memcmp(e->remote, theirs, bytes);
}

/* What collectors answer (acknowledgements) is of our making too. */
static bool is_own_export(const struct pump *p, const struct packet *packet)
{
	for (unsigned i = 0; i < p->setup.own_export_count; i++) {
		const struct pump_endpoint *e = &p->setup.own_export[i];
		if (e->family == packet->family && e->protocol == packet->key.protocol
		    && (is_our_side(e, packet, 0) || is_our_side(e, packet, 1)))
			return true;
	}
	return false;
}

/* Our own export first: it is no traffic, so it does not count for sampling. */
static bool is_chosen(struct pump *p, const struct packet *packet, struct fate_counters *fates)
{
	if (p->setup.own_export_count && is_own_export(p, packet)) {
		count_fate(fates, packet, FATE_own_export);
		return false;
	}
	if (p->setup.sample > 1 && !is_sampled(p)) {
		count_fate(fates, packet, FATE_sampled_out);
		return false;
	}
	return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Frames behind the limit were delivered, but nobody looks at them; time ends
 * with the last one before. */
static void apply_limit(struct pump *p, struct frame_batch *frames)
{
	for (uint32_t i = 0; p->frames_left < frames->count && i < p->frames_left; i++)
		if (frames->frame[i].time_ns > p->limit_ns)
			p->limit_ns = frames->frame[i].time_ns;
	if (p->frames_left < frames->count)
		frames->clock_ns = p->clock_ns;
	for (uint32_t i = (uint32_t)p->frames_left;
	     p->frames_left < frames->count && i < frames->count; i++) {
		p->unread_frames++;
		p->unread_octets += frame_octets(&frames->frame[i]);
	}
	if (frames->count > p->frames_left)
		frames->count = (uint32_t)p->frames_left;
	p->frames_left -= frames->count;
}

/* 0: a batch, which may be empty. */
static int fill(struct pump *p, struct frame_batch *frames)
{
	struct error err = { "" };
	if (is_stopped(p) || !p->frames_left)
		return -ECANCELED;
	frames->hold = NULL;
	frames->count = 0;
	int r = p->setup.kind->read(p->setup.capture, read_wait_ns, frames, &err);
	if (r == -ENODATA) {
		p->last_ns = frames->clock_ns;
		return r;
	}
	if (r < 0) {
		p->damaged = true;
		log_line(p->setup.log, LOG_ERROR, "%s", *err.text ? err.text : strerror(-r));
		frames->count = 0;
	}
	apply_limit(p, frames);
	p->clock_ns = frames->clock_ns;
	return 0;
}

/* Where timers run to when reading stopped early. */
static uint64_t end_of_time(const struct pump *p)
{
	if (p->setup.kind->live)
		return p->clock_ns;
	return p->limit_ns ? p->limit_ns : p->clock_ns + CAPTURE_CLOCK_WINDOW_NS;
}

/* With the turn: nothing more will be read, and why. */
static void end_reading(struct pump *p, int why)
{
	if (why == -ECANCELED)
		p->last_ns = end_of_time(p);
	atomic_store_explicit(&p->ended, true, memory_order_release);
}

/* Where frames follow each other in memory, a worker comes next to what lies behind its parcel and
 * those that the others read meanwhile. Of frames that are long nothing can be guessed. */
static void guess_ahead(const struct pump *p, struct parcel *parcel)
{
	uintptr_t first = 0, end = 0;
	size_t count = 0;
	for (unsigned i = 0; i < parcel->count; i++) {
		const struct frame_batch *frames = &parcel->frames[i];
		if (!frames->count)
			continue;
		const struct frame *last = &frames->frame[frames->count - 1];
		if (!count)
			first = (uintptr_t)frames->frame[0].data;
		end = (uintptr_t)last->data + last->captured_bytes;
		count += frames->count;
	}
	bool near = end - first <= count * AHEAD_FRAME_BYTES;   /* one buffer, and in its order */
	for (unsigned i = 0; i < parcel->count; i++)
		parcel->frames[i].ahead_bytes = near ? (uint32_t)(end - first) * p->setup.workers : 0;
}

/* With the turn. A batch that is not full ends the parcel: what there is should not wait for more,
 * and the octets of a file that come next should be read by whoever walks over them. */
static void fill_parcel(struct pump *p, struct parcel *parcel)
{
	int r = 0;
	parcel->count = 0;
	while (!r && parcel->count < parcel->shape.batches) {
		struct frame_batch *frames = &parcel->frames[parcel->count];
		r = fill(p, frames);
		parcel->count += !r;
		if (frames->count < BATCH_MAX)
			break;
	}
	if (parcel->count)
		parcel->number = p->read_count++;
	atomic_store_explicit(&p->quiet, parcel->count && !parcel->frames[parcel->count - 1].count,
	                      memory_order_relaxed);
	if (r)
		end_reading(p, r);
}

/* ---- behind the turn ------------------------------------------------------------------------- */

/* Whether all parcels before this number are out. */
static bool is_next(struct pump *p, uint64_t number)
{
	uint64_t places = p->place_mask + 1, n = number > places ? number - places : 0;
	for (; n < number; n++)
		if (atomic_load_explicit(&p->places[n & p->place_mask].after, memory_order_acquire) <= n)
			return false;
	return true;
}

static void wait_for_place(struct pump *p, uint64_t number)
{
	for (;;) {
		unsigned seen = gate_look(&p->gate);
		if (is_next(p, number))
			return;
		gate_wait(&p->gate, seen);
	}
}

/* Parses a batch of a parcel into the lane's packets. Returns whether the parcel has its place. */
static bool parse(struct pump *p, struct lane *lane, const struct parcel *parcel, unsigned batch,
                  bool ordered)
{
	const struct frame_batch *frames = &parcel->frames[batch];
	unsigned done = packet_parse_ahead(p->parser, frames, &lane->packets, &lane->fates);
	if (likely(done == frames->count))
		return ordered;
	if (!ordered)
		wait_for_place(p, parcel->number);
	packet_parse_rest(p->parser, frames, done, &lane->packets, &lane->fates);
	return true;
}

static bool chooses(const struct pump *p)
{
	return p->setup.own_export_count || p->setup.sample > 1;
}

static unsigned choose(struct pump *p, const struct packet_batch *packets,
                       struct fate_counters *fates, const struct packet **ret)
{
	unsigned count = 0;
	for (unsigned i = 0; i < packets->count; i++)
		if (is_chosen(p, &packets->packet[i], fates))
			ret[count++] = &packets->packet[i];
	return count;
}

static void release(struct pump *p, struct parcel *parcel)
{
	for (unsigned i = 0; i < parcel->count; i++)
		p->setup.kind->release(p->setup.capture, parcel->frames[i].hold);
	parcel->count = 0;
}

/* Sampling counts packets in order, so with it a parcel is parsed in its turn; without it only from
 * the first fragment on. */
static void parse_and_deal(struct pump *p, struct lane *lane, struct parcel *parcel)
{
	bool ordered = p->setup.sample > 1;
	if (ordered)
		wait_for_place(p, parcel->number);
	parcel_start(parcel);
	for (unsigned i = 0; i < parcel->count; i++) {
		const struct packet *chosen[BATCH_MAX];
		const struct packet *const *packets = lane->pointer;
		ordered = parse(p, lane, parcel, i, ordered);
		unsigned count = lane->packets.count;
		if (unlikely(chooses(p))) {
			count = choose(p, &lane->packets, &lane->fates, chosen);
			packets = chosen;
		}
		parcel_deal(parcel, &p->secret, packets, count, parcel->frames[i].clock_ns);
	}
	parcel_end(parcel);
	if (p->brief)
		release(p, parcel);
}

static struct piece_stop sum_up(const struct packet *const *packets, unsigned count)
{
	struct piece_stop sum = { .count = count };
	for (unsigned i = 0; i < count; i++)
		packet_sums_add(&sum.sums, packets[i]);
	return sum;
}

/* For the only worker: packets stay where they are parsed. */
static void parse_alone(struct pump *p, struct lane *lane, struct parcel *parcel)
{
	parcel_start(parcel);
	struct piece *piece = parcel_piece(parcel, 0, 0);
	unsigned count = packet_parse(p->parser, &parcel->frames[0], &piece->packets, &lane->fates);
	piece->stop[0] = (struct piece_stop){ .count = count, .sums = piece->packets.sums };
	if (unlikely(chooses(p))) {
		count = choose(p, &piece->packets, &lane->fates, piece->pointer);
		piece->stop[0] = sum_up(piece->pointer, count);
	}
	piece->stop[0].clock_ns = parcel->frames[0].clock_ns;
	piece->stop_count = 1;
}

static void put_out(struct pump *p, struct parcel *parcel)
{
	struct place *place = &p->places[parcel->number & p->place_mask];
	atomic_store_explicit(&parcel->holders, p->setup.workers, memory_order_relaxed);
	place->parcel = parcel;
	atomic_store_explicit(&place->after, parcel->number + 1, memory_order_release);
	gate_tell(&p->gate);
}

/* Reads, if it may. False: somebody else reads, or all parcels of this lane are out. */
static bool read_parcel(struct pump *p, struct lane *lane)
{
	struct parcel *parcel = lane->mine[lane->mine_at];
	bool is_free = !atomic_load_explicit(&parcel->busy, memory_order_acquire);
	if (!(is_free || is_stopped(p)) || atomic_load(&p->visitors) || !take_turn(p))
		return false;
	bool ended = atomic_load_explicit(&p->ended, memory_order_relaxed);
	if (!ended && is_free)
		fill_parcel(p, parcel);
	else if (!ended)                        /* stopped */
		end_reading(p, -ECANCELED);
	leave_turn(p);
	if (ended || !is_free || !parcel->count)
		return !ended;
	atomic_store_explicit(&parcel->busy, true, memory_order_relaxed);
	lane->mine_at = (lane->mine_at + 1) % p->lane_parcels;
	guess_ahead(p, parcel);
	if (p->setup.workers > 1)
		parse_and_deal(p, lane, parcel);
	else
		parse_alone(p, lane, parcel);
	put_out(p, parcel);
	return true;
}

/* ---- lanes ----------------------------------------------------------------------------------- */

/* A place is taken for the parcel of this number when its `after` says so: it is written last by
 * whoever put the parcel there. */
static bool find_parcel(struct pump *p, struct lane *lane)
{
	struct place *place = &p->places[lane->next & p->place_mask];
	if (atomic_load_explicit(&place->after, memory_order_acquire) != lane->next + 1)
		return false;
	lane->parcel = place->parcel;
	lane->piece = lane->stop = 0;
	lane->done = (struct piece_stop){ 0 };
	lane->next++;
	return true;
}

/* Once nothing more is read, read_count stays as it is. */
static bool is_over(struct pump *p, const struct lane *lane)
{
	return atomic_load_explicit(&p->ended, memory_order_acquire)
	       && lane->next == p->read_count;
}

/* Packets up to the next stop. */
static struct lane_batch next_batch(struct lane *lane, unsigned worker)
{
	struct parcel *parcel = lane->parcel;
	const struct piece *piece = parcel_piece(parcel, worker, lane->piece);
	const struct piece_stop *stop = &piece->stop[lane->stop++], done = lane->done;
	struct lane_batch batch = {
		.packets = piece->pointer + done.count, .count = stop->count - done.count,
		.sums = { stop->sums.wire_packets - done.sums.wire_packets,
		          stop->sums.octets - done.sums.octets,
		          stop->sums.ip_octets - done.sums.ip_octets },
		.clock_ns = stop->clock_ns,
	};
	lane->done = *stop;
	if (lane->stop < piece->stop_count)
		return batch;
	lane->done = (struct piece_stop){ 0 };
	lane->stop = 0;
	if (++lane->piece == parcel->list_count[worker]) {
		batch.parcel = parcel;
		lane->parcel = NULL;
	}
	return batch;
}

/* Whoever comes by reads if nobody else does, even with packets at hand: so there is always
 * something to do for all. Not where reading may have to wait. */
static bool reads_ahead(struct pump *p)
{
	return !p->setup.kind->live && !atomic_load_explicit(&p->quiet, memory_order_relaxed);
}

/* The gate is looked at first: whatever changes after that look ends the wait. */
bool pump_next(struct pump *p, unsigned worker, struct lane_batch *ret)
{
	struct lane *lane = &p->lanes[worker];
	while (!lane->parcel) {
		unsigned seen = gate_look(&p->gate);
		if (reads_ahead(p) && read_parcel(p, lane))
			continue;
		if (find_parcel(p, lane))
			break;
		if (is_over(p, lane))
			return false;
		if (!read_parcel(p, lane))
			gate_wait(&p->gate, seen);
	}
	*ret = next_batch(lane, worker);
	return true;
}

void pump_done(struct pump *p, struct lane_batch *batch)
{
	struct parcel *parcel = batch->parcel;
	if (!parcel || atomic_fetch_sub_explicit(&parcel->holders, 1, memory_order_acq_rel) != 1)
		return;
	release(p, parcel);
	atomic_store_explicit(&parcel->busy, false, memory_order_release);
	gate_tell(&p->gate);
}

/* ---- control --------------------------------------------------------------------------------- */

void pump_stop(struct pump *p) { atomic_store_explicit(&p->stop, true, memory_order_relaxed); }

void pump_wake(struct pump *p) { gate_tell(&p->gate); }

uint64_t pump_last_time(const struct pump *p) { return p->last_ns; }

void pump_progress(struct pump *p, struct capture_counters *ret)
{
	p->setup.kind->counters(p->setup.capture, ret);
}

/* Takes the turn, and waits until all that was read is out: then nobody parses or counts. */
static void visit(struct pump *p)
{
	atomic_fetch_add(&p->visitors, 1);
	for (;;) {
		unsigned seen = gate_look(&p->gate);
		if (take_turn(p))
			break;
		gate_wait(&p->gate, seen);
	}
	atomic_fetch_sub(&p->visitors, 1);
	wait_for_place(p, p->read_count);
}

void pump_counters(struct pump *p, struct pump_counters *ret)
{
	visit(p);
	memset(ret, 0, sizeof *ret);
	p->setup.kind->counters(p->setup.capture, &ret->source);
	for (unsigned i = 0; i < p->setup.workers; i++)
		accounts_add_fates(&ret->fates, &p->lanes[i].fates);
	ret->unread_frames = p->unread_frames;
	ret->unread_octets = p->unread_octets;
	ret->damaged = p->damaged;
	leave_turn(p);
}

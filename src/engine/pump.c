/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parcel is one batch of frames with its packets, dealt into lanes. Whoever finds its own lane
 * empty and nobody reading takes the reader's part: it fills a few free parcels without holding
 * the lock, then deals them into all lanes at once. A parcel is free again when every lane has
 * given its share back.
 * No deadlock: a reader's own lane is empty, so every parcel that is out is in another worker's
 * hands.
 */
#include "engine/pump.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "capture/clock.h"

enum { PARCELS_A_WORKER = 64, TURN_PARCELS = 16, SPINS = 2000 };

static const uint64_t read_wait_ns = 100000000;

struct share {                          /* a lane's packets of a parcel */
	unsigned count;
	struct packet_sums sums;
};

struct parcel {
	struct frame_batch frames;
	struct packet_batch packets;
	struct parcel *next;            /* in the list of free ones */
	atomic_uint holders;            /* lanes that have it */
	bool whole;                     /* one lane gets all packets: lane_packets never changes */
	struct share *share;            /* of each lane */
	const struct packet **lane_packets;     /* BATCH_MAX for each lane */
};

struct lane {                           /* a ring of parcels; room for all there are */
	struct parcel **ring;
	unsigned head, count;
};

struct pump {
	struct pump_setup setup;
	struct packet_parser *parser;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool reading, ended;
	atomic_uint turns;              /* that have been read */
	unsigned visitors;              /* wait to look at the counters: nobody starts to read before */
	atomic_bool stop;
	unsigned parcel_count, free_count;
	struct parcel **parcels, *free;
	struct lane *lanes;
	struct hash_secret secret;
	/* the reader's own */
	struct fate_counters fates;
	uint64_t frames_left;           /* until the limit */
	uint64_t unread_frames, unread_octets, clock_ns, last_ns, limit_ns, sample_count, random;
	bool damaged;
};

/* ---- opening and closing --------------------------------------------------------------------- */

static struct parcel *parcel_new(unsigned lanes)
{
	struct parcel *p = aligned_alloc(64, (sizeof *p + 63) / 64 * 64);
	if (!p)
		return NULL;
	memset(p, 0, sizeof *p);
	p->share = calloc(lanes, sizeof *p->share);
	p->lane_packets = calloc((size_t)lanes * BATCH_MAX, sizeof *p->lane_packets);
	return p;
}

static void parcel_free(struct parcel *p)
{
	if (!p)
		return;
	free(p->share);
	free(p->lane_packets);
	free(p);
}

static bool deals_whole(const struct pump_setup *setup)
{
	return setup->workers == 1 && setup->sample <= 1 && !setup->own_export_count;
}

static int make_parcels(struct pump *p)
{
	unsigned workers = p->setup.workers;
	p->parcel_count = workers == 1 ? 1 : workers * PARCELS_A_WORKER;
	p->parcels = calloc(p->parcel_count, sizeof *p->parcels);
	p->lanes = calloc(workers, sizeof *p->lanes);
	if (!p->parcels || !p->lanes)
		return -ENOMEM;
	for (unsigned i = 0; i < p->parcel_count; i++) {
		struct parcel *one = p->parcels[i] = parcel_new(workers);
		if (!one || !one->share || !one->lane_packets)
			return -ENOMEM;
		one->whole = deals_whole(&p->setup);
		for (unsigned k = 0; k < BATCH_MAX; k++)
			one->lane_packets[k] = &one->packets.packet[k];
		one->next = p->free;
		p->free = one;
	}
	for (unsigned i = 0; i < workers; i++)
		if (!(p->lanes[i].ring = calloc(p->parcel_count, sizeof *p->lanes[i].ring)))
			return -ENOMEM;
	return 0;
}

int pump_new(const struct pump_setup *setup, struct pump **ret, struct error *err)
{
	struct pump *p = calloc(1, sizeof *p);
	if (!p)
		return error_set(err, -ENOMEM, "out of memory");
	p->setup = *setup;
	p->setup.own_export = NULL;
	p->frames_left = setup->packet_limit ? setup->packet_limit : UINT64_MAX;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	hash_secret_init(&p->secret);
	p->random = load_64(p->secret.octets + 80) | 1;
	int r = make_parcels(p);
	if (!r)
		r = packet_parser_new(&setup->packet, &p->parser);
	if (!r && setup->own_export_count) {
		size_t bytes = setup->own_export_count * sizeof *setup->own_export;
		struct pump_endpoint *copy = malloc(bytes);
		if (copy)
			memcpy(copy, setup->own_export, bytes);
		p->setup.own_export = copy;
		r = copy ? 0 : -ENOMEM;
	}
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
	for (unsigned i = 0; i < p->parcel_count && p->parcels; i++)
		parcel_free(p->parcels[i]);
	for (unsigned i = 0; i < p->setup.workers && p->lanes; i++)
		free(p->lanes[i].ring);
	free(p->parcels);
	free(p->lanes);
	free(own.owned);
	packet_parser_free(p->parser);
	if (p->setup.capture)
		p->setup.kind->close(p->setup.capture);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- choosing packets ------------------------------------------------------------------------ */

static void count_fate(struct pump *p, const struct packet *packet, enum fate fate)
{
	p->fates.packets[fate] += packet->wire_packets;
	p->fates.octets[fate] += frame_octets(packet->frame);
	p->fates.offload_packets += packet->wire_packets - 1;
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

static bool is_chosen(struct pump *p, const struct packet *packet)
{
	if (p->setup.own_export_count && is_own_export(p, packet)) {
		count_fate(p, packet, FATE_own_export);
		return false;
	}
	if (p->setup.sample > 1 && !is_sampled(p)) {
		count_fate(p, packet, FATE_sampled_out);
		return false;
	}
	return true;
}

/* ---- dealing out ----------------------------------------------------------------------------- */

static void add_to_lane(struct parcel *parcel, unsigned lane, const struct packet *packet)
{
	struct share *share = &parcel->share[lane];
	parcel->lane_packets[lane * BATCH_MAX + share->count++] = packet;
	share->sums.wire_packets += packet->wire_packets;
	share->sums.octets += frame_octets(packet->frame);
	share->sums.ip_octets += packet->ip_bytes;
}

static uint64_t hash_of_pair6(const struct pump *p, const struct packet *packet)
{
	uint8_t pair[40] = { 0 };
	const void *key = pair;
	uint64_t hash;
	memcpy(pair, &packet->key.address, 32);
	p->secret.many_40(&p->secret, &key, 1, &hash);
	return hash;
}

/* Lanes by a keyed hash of the address pair, which the key has in one order for both directions. */
static void deal_out(struct pump *p, struct parcel *parcel, const struct packet *const *packets,
                     unsigned count)
{
	uint64_t pairs[BATCH_MAX][2], hashes[BATCH_MAX];
	const void *keys[BATCH_MAX] = { NULL };
	for (unsigned i = 0; i < count; i++) {
		pairs[i][0] = load_64(&packets[i]->key.address);
		pairs[i][1] = 0;
		keys[i] = pairs[i];
	}
	if (count)
		p->secret.many_16(&p->secret, keys, count, hashes);
	for (unsigned i = 0; i < count; i++) {
		if (packets[i]->family == 6)
			hashes[i] = hash_of_pair6(p, packets[i]);
		add_to_lane(parcel, (unsigned)(((hashes[i] >> 32) * p->setup.workers) >> 32), packets[i]);
	}
}

static void deal(struct pump *p, struct parcel *parcel)
{
	const struct packet *chosen[BATCH_MAX];
	unsigned count = 0;
	if (parcel->whole) {
		parcel->share[0] = (struct share){ parcel->packets.count, parcel->packets.sums };
		return;
	}
	memset(parcel->share, 0, p->setup.workers * sizeof *parcel->share);
	for (unsigned i = 0; i < parcel->packets.count; i++)
		if (is_chosen(p, &parcel->packets.packet[i]))
			chosen[count++] = &parcel->packets.packet[i];
	if (p->setup.workers > 1)
		deal_out(p, parcel, chosen, count);
	else
		for (unsigned i = 0; i < count; i++)
			add_to_lane(parcel, 0, chosen[i]);
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

static int fill(struct pump *p, struct parcel *parcel)
{
	struct error err = { "" };
	if (atomic_load_explicit(&p->stop, memory_order_relaxed) || !p->frames_left)
		return -ECANCELED;
	parcel->frames.hold = NULL;
	parcel->frames.count = 0;
	int r = p->setup.kind->read(p->setup.capture, read_wait_ns, &parcel->frames, &err);
	if (r == -ENODATA) {
		p->last_ns = parcel->frames.clock_ns;
		return r;
	}
	if (r < 0) {
		p->damaged = true;
		log_line(p->setup.log, LOG_ERROR, "%s", *err.text ? err.text : strerror(-r));
		parcel->frames.count = 0;
	}
	apply_limit(p, &parcel->frames);
	p->clock_ns = parcel->frames.clock_ns;
	packet_parse(p->parser, &parcel->frames, &parcel->packets, &p->fates);
	deal(p, parcel);
	return 0;
}

/* Where timers run to when reading stopped early. */
static uint64_t end_of_time(const struct pump *p)
{
	if (p->setup.kind->live)
		return p->clock_ns;
	return p->limit_ns ? p->limit_ns : p->clock_ns + CAPTURE_CLOCK_WINDOW_NS;
}

/* Fills up to `most` parcels of the list; *ret_filled of them. True at the end of the input. */
static bool fill_turn(struct pump *p, struct parcel **parcels, unsigned most, unsigned *ret_filled)
{
	unsigned filled = 0;
	int r = atomic_load_explicit(&p->stop, memory_order_relaxed) ? -ECANCELED : 0;
	while (!r && filled < most) {
		r = fill(p, parcels[filled]);
		if (r)
			break;
		bool quiet = parcels[filled++]->frames.count == 0;
		if (quiet)
			break;                  /* what there is should not wait for more */
	}
	if (r == -ECANCELED)
		p->last_ns = end_of_time(p);
	*ret_filled = filled;
	return r != 0;
}

static void push(struct pump *p, struct parcel *parcel)
{
	atomic_store_explicit(&parcel->holders, p->setup.workers, memory_order_relaxed);
	for (unsigned i = 0; i < p->setup.workers; i++) {
		struct lane *lane = &p->lanes[i];
		lane->ring[(lane->head + lane->count++) % p->parcel_count] = parcel;
	}
}

/* Under the lock, which it gives up while it reads. */
static void read_turn(struct pump *p)
{
	struct parcel *mine[TURN_PARCELS];
	unsigned most = 0, filled = 0;
	for (; p->free && most < TURN_PARCELS; most++) {
		mine[most] = p->free;
		p->free = p->free->next;
	}
	p->reading = true;
	pthread_mutex_unlock(&p->lock);
	bool ended = fill_turn(p, mine, most, &filled);
	pthread_mutex_lock(&p->lock);
	p->reading = false;
	atomic_fetch_add_explicit(&p->turns, 1, memory_order_relaxed);
	p->ended = ended;
	for (unsigned i = 0; i < filled; i++)
		push(p, mine[i]);
	for (unsigned i = filled; i < most; i++) {
		mine[i]->next = p->free;
		p->free = mine[i];
	}
	pthread_cond_broadcast(&p->changed);
}

/* Gives the reader of a file a moment: it needs less time for a turn than a sleep and a wake-up
 * take. Without the lock; a hint only. */
static void spin(const struct pump *p, unsigned turn)
{
	for (unsigned i = 0; i < SPINS; i++) {
		if (atomic_load_explicit(&p->turns, memory_order_relaxed) != turn)
			return;
		pause_briefly();
	}
}

/* Under the lock: until another worker's turn is over. */
static void wait_for_turn(struct pump *p, bool *spun)
{
	if (p->setup.kind->live || *spun) {
		pthread_cond_wait(&p->changed, &p->lock);
		return;
	}
	unsigned turn = atomic_load_explicit(&p->turns, memory_order_relaxed);
	pthread_mutex_unlock(&p->lock);
	spin(p, turn);
	*spun = true;
	pthread_mutex_lock(&p->lock);
}

bool pump_next(struct pump *p, unsigned worker, struct lane_batch *ret)
{
	struct lane *lane = &p->lanes[worker];
	bool spun = false;
	pthread_mutex_lock(&p->lock);
	while (!lane->count && !(p->ended && !p->reading)) {
		bool stopped = atomic_load_explicit(&p->stop, memory_order_relaxed);
		if (!p->reading && (p->free || stopped) && !p->visitors)
			read_turn(p);
		else
			wait_for_turn(p, &spun);
	}
	struct parcel *parcel = NULL;
	if (lane->count) {
		parcel = lane->ring[lane->head];
		lane->head = (lane->head + 1) % p->parcel_count;
		lane->count--;
	}
	pthread_mutex_unlock(&p->lock);
	if (!parcel)
		return false;
	*ret = (struct lane_batch){
		.packets = parcel->lane_packets + (size_t)worker * BATCH_MAX,
		.count = parcel->share[worker].count, .sums = &parcel->share[worker].sums,
		.clock_ns = parcel->frames.clock_ns, .remote = p->setup.workers > 1, .parcel = parcel,
	};
	return true;
}

void pump_done(struct pump *p, struct lane_batch *batch)
{
	struct parcel *parcel = batch->parcel;
	if (atomic_fetch_sub_explicit(&parcel->holders, 1, memory_order_acq_rel) != 1)
		return;
	p->setup.kind->release(p->setup.capture, parcel->frames.hold);
	pthread_mutex_lock(&p->lock);
	parcel->next = p->free;
	p->free = parcel;
	if (!parcel->next)
		pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

void pump_stop(struct pump *p) { atomic_store_explicit(&p->stop, true, memory_order_relaxed); }

void pump_wake(struct pump *p)
{
	pthread_mutex_lock(&p->lock);
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

uint64_t pump_last_time(const struct pump *p) { return p->last_ns; }

void pump_progress(struct pump *p, struct capture_counters *ret)
{
	p->setup.kind->counters(p->setup.capture, ret);
}

void pump_counters(struct pump *p, struct pump_counters *ret)
{
	pthread_mutex_lock(&p->lock);
	p->visitors++;
	while (p->reading)
		pthread_cond_wait(&p->changed, &p->lock);
	p->visitors--;
	p->reading = true;              /* nobody else touches the source or the fates meanwhile */
	pthread_mutex_unlock(&p->lock);
	memset(ret, 0, sizeof *ret);
	p->setup.kind->counters(p->setup.capture, &ret->source);
	ret->fates = p->fates;
	ret->unread_frames = p->unread_frames;
	ret->unread_octets = p->unread_octets;
	ret->damaged = p->damaged;
	pthread_mutex_lock(&p->lock);
	p->reading = false;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parcels and how they are dealt out: see parcel.h. Packets are copied, 64 octets each as a rule:
 * what a lane reads is dense, so that its processor sees what comes next, and what the parser
 * writes stays in its own cache. About 6 ns a packet.
 *
 * A piece goes on over several batches, for meters like theirs full. That leaves out the clock
 * between two batches, which makes no difference as long as no packet lies before it: deadlines
 * that it has reached are found by the packet just as well. Where one does, all pieces get a stop.
 */
#include "engine/parcel.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

enum { PROTOCOL_ICMP = 1, PROTOCOL_ICMP6 = 58 };

void *lines_new(size_t count, size_t bytes)
{
	size_t all = (count * bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	void *p = aligned_alloc(LINE_BYTES, all);
	if (p)
		memset(p, 0, all);
	return p;
}

/* A brief packet has its first line only; nobody reads on. */
static void point(struct piece *piece, bool brief)
{
	for (unsigned i = 0; i < BATCH_MAX; i++)
		piece->pointer[i] = brief ? (const struct packet *)(const void *)piece->line[i]
		                          : &piece->packets.packet[i];
	piece->mixed = false;
}

/* Sized for the worst case at once, since nothing is allocated while packets flow. */
struct parcel *parcel_new(const struct parcel_shape *shape)
{
	struct parcel *p = lines_new(1, sizeof *p);
	if (!p)
		return NULL;
	size_t batches = shape->batches, lanes = shape->lanes;
	size_t pieces = batches + lanes;        /* a lane's last one is not full */
	p->shape = *shape;
	p->frames = lines_new(batches, sizeof *p->frames);
	p->pieces = lines_new(pieces, sizeof *p->pieces);
	p->list = lines_new(lanes * (batches + 1), sizeof *p->list);
	p->list_count = lines_new(lanes, sizeof *p->list_count);
	p->cursor = lines_new(lanes, sizeof *p->cursor);
	if (!p->frames || !p->pieces || !p->list || !p->list_count || !p->cursor) {
		parcel_free(p);
		return NULL;
	}
	for (size_t i = 0; i < pieces; i++)
		point(&p->pieces[i], shape->brief);
	return p;
}

void parcel_free(struct parcel *p)
{
	if (!p)
		return;
	free(p->frames);
	free(p->pieces);
	free(p->list);
	free(p->list_count);
	free(p->cursor);
	free(p);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static void open_piece(struct parcel *p, unsigned lane)
{
	unsigned number = p->piece_count++;
	struct piece *piece = &p->pieces[number];
	p->list[lane * (p->shape.batches + 1) + p->list_count[lane]++] = (uint16_t)number;
	p->cursor[lane] = (struct parcel_cursor){ .piece = piece };
	piece->stop_count = 0;
	if (unlikely(piece->mixed))
		point(piece, p->shape.brief);
}

static void add_stop(const struct parcel *p, struct parcel_cursor *cursor)
{
	cursor->so_far.clock_ns = p->clock_ns;
	cursor->piece->stop[cursor->piece->stop_count++] = cursor->so_far;
}

static void add_stops(struct parcel *p)
{
	for (unsigned lane = 0; lane < p->shape.lanes; lane++)
		add_stop(p, &p->cursor[lane]);
}

void parcel_start(struct parcel *p)
{
	p->piece_count = 0;
	p->clock_ns = 0;
	for (unsigned lane = 0; lane < p->shape.lanes; lane++) {
		p->list_count[lane] = 0;
		open_piece(p, lane);
	}
}

void parcel_end(struct parcel *p) { add_stops(p); }

static inline bool is_icmp(const struct packet *packet)
{
	return packet->key.protocol == PROTOCOL_ICMP || packet->key.protocol == PROTOCOL_ICMP6;
}

static void put_whole(struct piece *piece, unsigned i, const struct packet *packet)
{
	piece->packets.packet[i] = *packet;
	piece->pointer[i] = &piece->packets.packet[i];
	piece->mixed = true;
}

static inline __attribute__((always_inline))
void add_packet(struct parcel *p, unsigned lane, const struct packet *packet, bool brief)
{
	struct parcel_cursor *c = &p->cursor[lane];
	if (unlikely(c->so_far.count == BATCH_MAX)) {
		add_stop(p, c);
		open_piece(p, lane);
	}
	unsigned i = c->so_far.count++;
	if (!brief)
		c->piece->packets.packet[i] = *packet;
	else if (likely(!is_icmp(packet)))
		memcpy(c->piece->line[i], packet, LINE_BYTES);
	else
		put_whole(c->piece, i, packet);
	packet_sums_add(&c->so_far.sums, packet);
}

/* ---- dealing --------------------------------------------------------------------------------- */

static uint64_t hash_of_pair6(const struct hash_secret *secret, const struct packet *packet)
{
	uint8_t pair[40] = { 0 };
	const void *key = pair;
	uint64_t hash;
	memcpy(pair, &packet->key.address, 32);
	secret->many_40(secret, &key, 1, &hash);
	return hash;
}

/* IPv4 pairs are one word each and hashed as a batch; IPv6 is one by one, being rarer. */
static void hash_pairs(const struct hash_secret *secret, const struct packet *const *packets,
                       unsigned count, uint64_t *ret)
{
	uint64_t pairs[BATCH_MAX][2];
	const void *keys[BATCH_MAX];
	for (unsigned i = 0; i < count; i++) {
		pairs[i][0] = load_64(&packets[i]->key.address);
		pairs[i][1] = 0;
		keys[i] = pairs[i];
	}
	if (count)
		secret->many_16(secret, keys, count, ret);
	for (unsigned i = 0; i < count; i++)
		if (unlikely(packets[i]->family == 6))
			ret[i] = hash_of_pair6(secret, packets[i]);
}

static bool any_before(const struct packet *const *packets, unsigned count, uint64_t clock_ns)
{
	unsigned before = 0;
	for (unsigned i = 0; i < count; i++)
		before |= packets[i]->time_ns < clock_ns;
	return before;
}

static inline __attribute__((always_inline))
void deal_all(struct parcel *p, const uint64_t *hashes, const struct packet *const *packets,
              unsigned count, bool brief)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned lane = (unsigned)(((hashes[i] >> 32) * p->shape.lanes) >> 32);
		add_packet(p, lane, packets[i], brief);
	}
}

void parcel_deal(struct parcel *p, const struct hash_secret *secret,
                 const struct packet *const *packets, unsigned count, uint64_t clock_ns)
{
	uint64_t hashes[BATCH_MAX];
	hash_pairs(secret, packets, count, hashes);
	if (unlikely(any_before(packets, count, p->clock_ns)))
		add_stops(p);
	if (p->shape.brief)
		deal_all(p, hashes, packets, count, true);
	else
		deal_all(p, hashes, packets, count, false);
	p->clock_ns = clock_ns;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parcel is what one turn of reading gives: some batches of frames, and their packets dealt into
 * pieces, each of one lane. It belongs to the worker that reads into it, in whose cache it is
 * written; a worker reads the pieces of its own lane only, from end to end, and of their packets
 * no more than somebody needs. Neighbours: pump.c (turns, order, who gets what).
 */
#ifndef ENGINE_PARCEL_H
#define ENGINE_PARCEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "capture/frame.h"
#include "packet/packet.h"

enum { PARCEL_BATCHES = 16, LINE_BYTES = 64 };

/* What a parcel has room for; the same for all of a pump. */
struct parcel_shape {
	unsigned batches;               /* of frames; at most PARCEL_BATCHES */
	unsigned lanes;
	bool brief;                     /* lanes get line 0 of packets, and line 1 of ICMP: there is no
	                                 * frame behind them */
};

struct piece_stop {                     /* packets up to here, then the clock */
	unsigned count;
	struct packet_sums sums;
	uint64_t clock_ns;              /* that is sure to be reached behind them */
};

/* Packets of one lane, from one batch or several: stops are in order, the last is behind all. */
struct piece {
	const struct packet *pointer[BATCH_MAX];        /* to `line` or `packets`, in order */
	unsigned stop_count;            /* at least 1 in a piece that is done */
	bool mixed;                     /* when brief: some pointers go to `packets` */
	struct piece_stop stop[PARCEL_BATCHES];
	uint8_t line[BATCH_MAX][LINE_BYTES] __attribute__((aligned(64)));       /* when brief */
	struct packet_batch packets;
};

struct parcel_cursor {                  /* where the next packet of a lane goes */
	struct piece *piece;
	struct piece_stop so_far;
} __attribute__((aligned(64)));

/* One turn's frames and packets. Who may touch what, and when, is said in pump.c. */
struct parcel {
	struct parcel_shape shape;
	unsigned count;                 /* batches of frames that are held */
	struct frame_batch *frames;
	struct piece *pieces;           /* enough for every lane's packets and its last, short piece */
	unsigned piece_count;           /* in use */
	uint16_t *list;                 /* numbers of pieces, for each lane batches + 1 of them */
	uint16_t *list_count;           /* of each lane */
	struct parcel_cursor *cursor;   /* of each lane */
	uint64_t clock_ns;              /* of the batches dealt so far; 0: none */
	uint64_t number;                /* in the order of reading */
	atomic_uint holders;            /* lanes that have it */
	atomic_bool busy;               /* from its reading until the last holder is done */
};

/* Zeroed memory of whole cache lines; for free(). */
void *lines_new(size_t count, size_t bytes);

/* NULL: no memory. Some hundred KB, touched as it is used. */
struct parcel *parcel_new(const struct parcel_shape *shape);
void parcel_free(struct parcel *parcel);        /* NULL is fine */

/* The i-th piece of a lane, in the order of its packets. */
static inline struct piece *parcel_piece(const struct parcel *p, unsigned lane, unsigned i)
{
	return &p->pieces[p->list[lane * (p->shape.batches + 1) + i]];
}

/* Starts with an empty piece for each lane. */
void parcel_start(struct parcel *parcel);

/* Deals packets of one batch to lanes, copying them, by a keyed hash of the address pair, which
 * the key has in one order for both directions. The source's time behind them is clock_ns. */
void parcel_deal(struct parcel *parcel, const struct hash_secret *secret,
                 const struct packet *const *packets, unsigned count, uint64_t clock_ns);
/* All batches are dealt. */
void parcel_end(struct parcel *parcel);

#endif

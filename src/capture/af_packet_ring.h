/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's ring of one interface (TPACKET_V3 with PACKET_VNET_HDR): open it, walk its blocks,
 * give blocks back. The kernel fills blocks in turn and hands over those that are full or 20 ms
 * old; a block is ours until the reader and all batches that point into it have let go of it.
 * Neighbours: af_packet.c (several rings as one source), link.h.
 */
#ifndef CAPTURE_AF_PACKET_RING_H
#define CAPTURE_AF_PACKET_RING_H

#include <linux/if_packet.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"

enum { RING_RETIRE_MS = 20 };           /* a block that is not full is handed over after this */

struct ring;

struct ring_block {                     /* our side of a block; the hold of batches */
	struct ring *ring;
	unsigned index;                 /* of the block in the ring */
	atomic_uint references;         /* the reader's and one for each batch */
	atomic_bool held;               /* ours; false: the kernel's, or filled and not yet taken */
};

/* One interface's ring: mapped memory, and where the reader is in it. */
struct ring {
	int fd;                         /* the packet socket; -1: not open */
	uint8_t *map;                   /* block_count blocks, one behind the other; NULL: none */
	size_t block_bytes;             /* a multiple of the page */
	unsigned block_count;
	struct ring_block *blocks;      /* our side of each; owned */

	unsigned next;                  /* block that the kernel hands over next */
	struct ring_block *current;     /* block being walked; NULL: none */
	const uint8_t *at;              /* its next packet header */
	unsigned left;                  /* packets left in it */

	uint16_t interface;             /* index in the source's list */
	bool ethernet, loopback;
	uint32_t snaplen_bytes;         /* UINT32_MAX: no cut */
	atomic_uint_fast64_t drops;     /* summed: the kernel's figure restarts when read */
};

/* Opens the ring of the interface named and fills ret_interface. On an error nothing is left
 * open. */
int ring_open(struct ring *ring, const char *name, const struct capture_settings *settings,
              struct capture_interface *ret_interface, struct error *err);
void ring_close(struct ring *ring);

/* True when there is a packet to read. */
bool ring_ready(struct ring *ring);

/* Time of the oldest packet not yet read; 0: there is none. */
uint64_t ring_oldest_ns(struct ring *ring);

/* Fills ret from one block, with its hold; returns the count, which may be 0 when all that is
 * left of the block is skipped. Adds wire octets to ret_octets. Only after ring_ready(). */
uint32_t ring_walk(struct ring *ring, struct frame_batch *ret, uint64_t *ret_octets);

/* Drops one reference; the last gives the block to the kernel. Any thread; NULL is fine. */
void ring_block_release(struct ring_block *block);

uint64_t ring_drops(struct ring *ring); /* since open; any thread */

/* False when the interface that the ring was opened on does not exist any more. */
bool ring_interface_exists(const struct ring *ring);

#endif

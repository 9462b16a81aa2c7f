/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Datagrams put together from fragments, for captures of export traffic: many exporters fill
 * messages beyond the path's MTU. A few at a time, each for 30 seconds of the capture; fragments
 * that overlap end their datagram (RFC 5722 asks that of IPv6).
 */
#ifndef COLLECT_FRAGMENTS_H
#define COLLECT_FRAGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "packet/packet.h"

struct fragments;

struct fragments *fragments_new(void);                  /* NULL: no memory */
void fragments_free(struct fragments *fragments);       /* NULL is fine */

/* A datagram put together. */
struct whole_datagram {
	const uint8_t *octets;          /* from the transport header on; valid until the next call */
	uint32_t bytes;
};

/* Takes a fragment (PACKET_FRAGMENT). True when its datagram is whole. */
bool fragments_add(struct fragments *fragments, const struct packet *packet,
                   struct whole_datagram *ret);

#endif

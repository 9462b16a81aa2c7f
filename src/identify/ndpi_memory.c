/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libndpi holds of a flow beside its state. It puts messages together that come in several
 * packets and trusts the length a message says: a TLS record of 64 kB that never ends, Kerberos of
 * 12 kB. Whoever opens many such flows would have gigabytes of a pool of 64k states, so the backend
 * counts and lets go of flows (ndpi.c). Allocations must not fail instead: not every dissector
 * looks.
 *
 * It also reads a few octets behind what it has allocated: of a QUIC frame that ends where the
 * packet ends, the length that would follow. Every piece gets some zeros behind it.
 */
#include <malloc.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "identify/ndpi.h"

enum { PIECE_PADDING = 32 };

static void *allocate(size_t bytes)
{
	return bytes <= SIZE_MAX - PIECE_PADDING ? calloc(1, bytes + PIECE_PADDING) : NULL;
}

/* libndpi has one allocator for the process: every worker sets the same, before any starts. */
void ndpi_pad_pieces(void)
{
	compat_set_allocator(allocate);
}

bool ndpi_is_tls(const struct ndpi_flow_struct *flow)
{
	for (unsigned i = 0; i < array_count(flow->detected_protocol_stack); i++)
		switch (flow->detected_protocol_stack[i]) {
		case NDPI_PROTOCOL_TLS: case NDPI_PROTOCOL_DTLS: case NDPI_PROTOCOL_QUIC:
		case NDPI_PROTOCOL_MAIL_SMTPS: case NDPI_PROTOCOL_MAIL_POPS: case NDPI_PROTOCOL_MAIL_IMAPS:
			return true;
		default:
			break;
		}
	return false;
}

static size_t held_by(void *const *pieces, unsigned count)
{
	size_t bytes = 0;
	for (unsigned i = 0; i < count; i++)
		bytes += pieces[i] ? malloc_usable_size(pieces[i]) : 0;
	return bytes;
}

/* Of a union, the pieces that it holds to be there. */
size_t ndpi_flow_bytes(const struct ndpi_flow_struct *flow)
{
	void *pieces[COMPAT_PIECES_MAX];
	size_t bytes = held_by(pieces, compat_pieces(flow, pieces));
	if (ndpi_is_tls(flow))
		bytes += held_by(pieces, compat_pieces_of_tls(flow, pieces));
	return bytes;
}

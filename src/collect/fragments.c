/* SPDX-License-Identifier: Apache-2.0 */
/* See fragments.h. Octets are counted in units of eight, as fragments are cut. */
#include "collect/fragments.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

enum {
	DATAGRAMS = 64, OCTETS_MAX = 65536, UNITS_MAX = OCTETS_MAX / 8,
	IPV4_BYTES = 20, IPV6_BYTES = 40, FRAGMENT_HEADER = 44, EXTENSIONS_MAX = 8,
};
static const uint64_t patience_ns = 30000000000u;

struct datagram_id {                    /* no padding: compared as octets */
	uint8_t addresses[32];          /* sender's first */
	uint32_t id;
	uint8_t family, protocol, zero[2];
};

/* A datagram that is being put together. */
struct datagram {
	struct datagram_id id;
	uint64_t since_ns;              /* when its first piece came, by the capture */
	uint8_t *octets;                /* OCTETS_MAX; NULL while the entry is free */
	uint32_t total;                 /* octets; 0: the last fragment has not come */
	uint32_t units;                 /* that have come */
	uint8_t have[UNITS_MAX / 8];    /* a bit a unit */
};

/* A few datagrams at a time, searched from the front. */
struct fragments {
	struct datagram datagrams[DATAGRAMS];
	uint8_t *given;                 /* of the datagram that was given out last */
};

/* One fragment, as it was found in its packet; borrowed. */
struct piece {
	struct datagram_id id;
	const uint8_t *octets;
	uint32_t offset, bytes;
	bool more;                      /* another one follows */
};

/* ---- where the fragment lies ----------------------------------------------------------------- */

/* Only pieces that were captured whole are of use: a datagram with a hole in it is no message. */
static bool piece_ipv4(const uint8_t *ip, uint32_t captured, struct piece *ret)
{
	if (captured < IPV4_BYTES)
		return false;
	uint32_t head = (ip[0] & 15u) * 4, total = load_be16(ip + 2);
	uint16_t word = load_be16(ip + 6);
	if (head < IPV4_BYTES || total < head || total > captured)
		return false;
	ret->id.id = load_be16(ip + 4);
	ret->id.protocol = ip[9];
	ret->octets = ip + head;
	ret->bytes = total - head;
	ret->offset = (word & 0x1fffu) * 8;
	ret->more = word & 0x2000;
	return true;
}

/* The fragment header may stand behind other extension headers; the walk is bounded. */
static bool piece_ipv6(const uint8_t *ip, uint32_t captured, struct piece *ret)
{
	if (captured < IPV6_BYTES || load_be16(ip + 4) + (uint32_t)IPV6_BYTES > captured)
		return false;
	const uint8_t *at = ip + IPV6_BYTES, *end = at + load_be16(ip + 4);
	uint8_t next = ip[6];
	for (unsigned i = 0; i < EXTENSIONS_MAX && end - at >= 8; i++) {
		if (next == FRAGMENT_HEADER) {
			uint16_t word = load_be16(at + 2);
			ret->id.id = load_be32(at + 4);
			ret->id.protocol = at[0];
			ret->octets = at + 8;
			ret->bytes = (uint32_t)(end - at - 8);
			ret->offset = word & 0xfff8u;
			ret->more = word & 1;
			return true;
		}
		next = at[0];
		size_t bytes = (at[1] + 1u) * 8;
		if ((size_t)(end - at) < bytes)
			return false;
		at += bytes;
	}
	return false;
}

/* Offsets have units of eight octets, so only the last piece may have another length. What would
 * end beyond 65,535 octets is refused. */
static bool piece_of(const struct packet *p, struct piece *ret)
{
	unsigned from = p->sender, to = !p->sender;
	uint32_t captured = p->frame->captured_bytes;
	memset(ret, 0, sizeof *ret);
	if (p->l3_offset >= captured)
		return false;
	ret->id.family = p->family;
	if (p->family == 4) {
		memcpy(ret->id.addresses, p->key.address.v4[from], 4);
		memcpy(ret->id.addresses + 16, p->key.address.v4[to], 4);
	} else {
		memcpy(ret->id.addresses, p->key.address.v6[from], 16);
		memcpy(ret->id.addresses + 16, p->key.address.v6[to], 16);
	}
	const uint8_t *ip = p->frame->data + p->l3_offset;
	bool found = p->family == 4 ? piece_ipv4(ip, captured - p->l3_offset, ret)
	                            : piece_ipv6(ip, captured - p->l3_offset, ret);
	return found && ret->offset + ret->bytes <= OCTETS_MAX &&
	       (!ret->more || ret->bytes % 8 == 0);
}

/* ---- datagrams ------------------------------------------------------------------------------- */

static void datagram_drop(struct datagram *d)
{
	free(d->octets);
	d->octets = NULL;
}

/* The datagram of this fragment, or an entry for it: a free one, an expired one, or the oldest. */
static struct datagram *datagram_find(struct fragments *f, const struct piece *piece,
                                      uint64_t now_ns)
{
	struct datagram *place = &f->datagrams[0];
	for (struct datagram *d = f->datagrams; d < f->datagrams + DATAGRAMS; d++) {
		if (d->octets && now_ns > d->since_ns + patience_ns)
			datagram_drop(d);
		if (d->octets && !memcmp(&d->id, &piece->id, sizeof d->id))
			return d;
		if (place->octets && (!d->octets || d->since_ns < place->since_ns))
			place = d;
	}
	datagram_drop(place);
	memset(place, 0, sizeof *place);
	place->id = piece->id;
	place->since_ns = now_ns;
	place->octets = malloc(OCTETS_MAX);
	return place->octets ? place : NULL;
}

/* False when it overlaps what is there, or contradicts it. */
static bool datagram_put(struct datagram *d, const struct piece *piece)
{
	uint32_t end = piece->offset + piece->bytes;
	if (!piece->more && d->total && d->total != end)
		return false;
	if (d->total && end > d->total)
		return false;
	for (uint32_t unit = piece->offset / 8; unit < (end + 7) / 8; unit++) {
		if (d->have[unit / 8] >> unit % 8 & 1)
			return false;
		d->have[unit / 8] |= (uint8_t)(1u << unit % 8);
		d->units++;
	}
	if (!piece->more)
		d->total = end;
	memcpy(d->octets + piece->offset, piece->octets, piece->bytes);
	return true;
}

struct fragments *fragments_new(void)
{
	return calloc(1, sizeof(struct fragments));
}

void fragments_free(struct fragments *f)
{
	for (unsigned i = 0; f && i < DATAGRAMS; i++)
		free(f->datagrams[i].octets);
	if (f)
		free(f->given);
	free(f);
}

/* What was given stays until the next call: whoever asked reads it in place. */
bool fragments_add(struct fragments *f, const struct packet *packet, struct whole_datagram *ret)
{
	struct piece piece;
	if (!piece_of(packet, &piece) || piece.bytes == 0)
		return false;
	struct datagram *d = datagram_find(f, &piece, packet->time_ns);
	if (!d)
		return false;
	if (!datagram_put(d, &piece)) {
		datagram_drop(d);
		return false;
	}
	if (!d->total || d->units != (d->total + 7) / 8)
		return false;
	free(f->given);
	f->given = d->octets;
	d->octets = NULL;
	*ret = (struct whole_datagram){ f->given, d->total };
	return true;
}

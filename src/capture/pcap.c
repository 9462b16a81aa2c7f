/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pcap format: microseconds and nanoseconds, both byte orders, and the "modified" variant with
 * longer record headers. Source of the layout: draft-ietf-opsawg-pcap.
 *
 * The walk exists once, in walk_records(), and is compiled twice: for files in this machine's byte
 * order with nothing to cut, where it costs a few ns a frame, and for all others.
 * Neighbours: reader.h (the window), file.c (who fills it).
 */
#include <errno.h>

#include "capture/reader.h"

enum { FILE_HEADER_BYTES = 24, RECORD_HEADER_BYTES = 16, MODIFIED_HEADER_BYTES = 24 };

enum { AHEAD_BYTES = 2048 };            /* how far ahead the walk asks for octets */

enum pcap_magic {
	MAGIC_MICROSECONDS = 0xa1b2c3d4,
	MAGIC_NANOSECONDS = 0xa1b23c4d,
	MAGIC_MODIFIED = 0xa1b2cd34,            /* microseconds, and 8 more octets a record */
};

enum { LINK_FCS_PRESENT = 0x04000000, LINK_FCS_SHIFT = 28, PACKET_TYPE_OUTGOING = 4 };

static inline uint32_t field(const uint8_t *p, bool swapped)
{
	return swapped ? load_be32(p) : load_32(p);
}

static bool is_magic(uint32_t magic)
{
	return magic == MAGIC_MICROSECONDS || magic == MAGIC_NANOSECONDS || magic == MAGIC_MODIFIED;
}

/* The link type's upper bits are flags in newer files: one says that frames end in a checksum, four
 * say how long it is in units of 16 bits. */
static int start(struct reader *r, struct error *err)
{
	const uint8_t *header = r->at;
	struct pcap *p = &r->pcap;
	p->swapped = !is_magic(load_32(header));
	uint32_t magic = field(header, p->swapped);
	uint32_t version = field(header + 4, p->swapped);       /* two 16-bit fields */
	uint16_t major = (uint16_t)(p->swapped ? version >> 16 : version & 0xffff);
	if (major != 2)
		return reader_damaged(r, err, "pcap version %u, expected 2", major);

	uint32_t snaplen = field(header + 16, p->swapped), link = field(header + 20, p->swapped);
	p->captured_max = snaplen > FRAME_LARGEST ? FRAME_LARGEST :
	                  snaplen > FRAME_USUAL_MAX ? snaplen : FRAME_USUAL_MAX;
	p->header_bytes = magic == MAGIC_MODIFIED ? MODIFIED_HEADER_BYTES : RECORD_HEADER_BYTES;
	p->fraction_ns = magic == MAGIC_NANOSECONDS ? 1 : 1000;
	p->link_type = (uint16_t)link;
	p->fcs_bytes = link & LINK_FCS_PRESENT ? (uint8_t)((link >> LINK_FCS_SHIFT) * 2) : 0;
	p->general = p->swapped || p->fcs_bytes || magic == MAGIC_MODIFIED ||
	             r->snaplen_bytes != UINT32_MAX;
	p->interface = interface_list_add(r->interfaces, "", 0, p->link_type);
	p->started = true;
	r->at += FILE_HEADER_BYTES;
	return 0;
}

/* What only the general walk does to a frame. */
static inline void finish_general(const struct reader *r, const uint8_t *record, struct frame *f)
{
	if (r->pcap.header_bytes == MODIFIED_HEADER_BYTES && record[22] == PACKET_TYPE_OUTGOING)
		f->bits = FRAME_OUTGOING;
	frame_cut_fcs(f, r->pcap.fcs_bytes);
	if (f->captured_bytes > r->snaplen_bytes)
		f->captured_bytes = r->snaplen_bytes;
}

static inline __attribute__((always_inline))
uint32_t walk_records(struct reader *r, struct frame_batch *ret, bool swapped, bool general)
{
	const uint8_t *at = r->at, *const end = r->end;
	const size_t header_bytes = general ? r->pcap.header_bytes : RECORD_HEADER_BYTES;
	const uint32_t captured_max = r->pcap.captured_max, fraction_ns = r->pcap.fraction_ns;
	const uint16_t link_type = r->pcap.link_type, interface = r->pcap.interface;
	uint64_t octets = 0, latest_ns = 0;
	uint32_t count = 0;

	while (count < BATCH_MAX && (size_t)(end - at) >= header_bytes) {
		/* Of a mapped file nothing is in the cache yet. */
		prefetch_read(at + AHEAD_BYTES);
		prefetch_read(at + AHEAD_BYTES + 64);
		uint32_t captured = field(at + 8, swapped), wire = field(at + 12, swapped);
		if (unlikely(captured > (size_t)(end - at) - header_bytes ||
		             captured > captured_max))
			break;
		uint64_t time_ns = (uint64_t)field(at, swapped) * 1000000000 +
		                   (uint64_t)field(at + 4, swapped) * fraction_ns;
		struct frame *f = &ret->frame[count++];
		*f = (struct frame){
			.data = at + header_bytes,
			.time_ns = time_ns,
			.captured_bytes = captured,
			.wire_bytes = wire > captured ? wire : captured,
			.link_type = link_type,
			.interface = interface,
		};
		if (general)
			finish_general(r, at, f);
		octets += f->wire_bytes;
		latest_ns = time_ns > latest_ns ? time_ns : latest_ns;
		at += header_bytes + captured;
	}
	r->at = at;
	r->octets = octets;
	r->latest_ns = latest_ns;
	return count;
}

/* Why no record could be taken: it is not all there, or it is damaged. */
static int stuck(struct reader *r, struct error *err)
{
	size_t have = (size_t)(r->end - r->at), header_bytes = r->pcap.header_bytes;
	if (have < header_bytes)
		return reader_needs(r, header_bytes, "a packet record's header");
	uint32_t captured = field(r->at + 8, r->pcap.swapped);
	if (captured > r->pcap.captured_max)
		return reader_damaged(r, err,
		                      "a packet record says %u captured bytes, at most %u are "
		                      "expected", captured, r->pcap.captured_max);
	return reader_needs(r, header_bytes + captured, "a packet record");
}

/* Both variants are the same source, with constants folded in: see the head of this file. */
int pcap_walk(struct reader *r, struct frame_batch *ret, struct error *err)
{
	if (unlikely(!r->pcap.started)) {
		if (r->end - r->at < FILE_HEADER_BYTES)
			return reader_needs(r, FILE_HEADER_BYTES, "the pcap file header");
		int e = start(r, err);
		if (e)
			return e;
	}
	uint32_t count = likely(!r->pcap.general) ? walk_records(r, ret, false, false) :
	                 r->pcap.swapped ? walk_records(r, ret, true, true) :
	                                   walk_records(r, ret, false, true);
	if (unlikely(!count))
		return stuck(r, err);
	r->last_ns = ret->frame[count - 1].time_ns;
	ret->count = count;
	return (int)count;
}

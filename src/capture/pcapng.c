/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pcapng format (draft-ietf-opsawg-pcapng): sections of either byte order, interfaces with
 * their own link type and time unit; enhanced, simple and obsolete packet blocks. Other blocks are
 * stepped over. Every block's length stands at both ends, and both must agree.
 * Neighbours: pcapng_options.c (options and times), reader.h (the window).
 */
#include "capture/pcapng.h"

#include <string.h>
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>

enum block_type {
	BLOCK_SECTION = 0x0a0d0d0a,             /* reads the same in both byte orders */
	BLOCK_INTERFACE = 1, BLOCK_OBSOLETE_PACKET = 2, BLOCK_SIMPLE_PACKET = 3, BLOCK_PACKET = 6,
};

enum {
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	FRAMING_BYTES = 12,                     /* type, length, length again */
	BODY_OFFSET = 8,
	BLOCK_MAX_BYTES = FRAME_LARGEST + FRAME_USUAL_MAX,
	SECTION_BODY_BYTES = 16, INTERFACE_BODY_BYTES = 8,
	INTERFACES_IN_SECTION_MAX = 65536,
	EPB_FLAGS = 2, FLAGS_DIRECTION = 3, FLAGS_OUTBOUND = 2,
	FLAGS_FCS_SHIFT = 5, FLAGS_FCS_MASK = 15,
};

struct block_view {                     /* a whole block in the window */
	uint32_t type, bytes;
	const uint8_t *body;
	size_t body_bytes;
	bool swapped;
};

void pcapng_free(struct pcapng *p)
{
	if (!p)
		return;
	free(p->interfaces);
	free(p);
}

/* The byte order of the section whose header is at `at`. */
static int section_order(const struct reader *r, bool *ret_swapped, struct error *err)
{
	uint32_t magic = load_32(r->at + 8);
	if (magic != BYTE_ORDER_MAGIC && __builtin_bswap32(magic) != BYTE_ORDER_MAGIC)
		return reader_damaged(r, err,
		                      "a section's byte-order mark is %08x, expected 1a2b3c4d",
		                      magic);
	*ret_swapped = magic != BYTE_ORDER_MAGIC;
	return 0;
}

/* > 0: a whole block; 0: more is needed; negative: damaged. */
static int next_block(struct reader *r, struct block_view *ret, struct error *err)
{
	size_t have = (size_t)(r->end - r->at);
	if (have < FRAMING_BYTES)
		return reader_needs(r, FRAMING_BYTES, "a block");
	bool swapped = r->pcapng->swapped;
	int e = load_32(r->at) == BLOCK_SECTION ? section_order(r, &swapped, err) : 0;
	if (e)
		return e;
	uint32_t bytes = pcapng_u32(r->at + 4, swapped);
	if (bytes < FRAMING_BYTES || bytes % 4 || bytes > BLOCK_MAX_BYTES)
		return reader_damaged(r, err,
		                      "a block's length is %u, expected a multiple of 4 from %d "
		                      "to %d", bytes, FRAMING_BYTES, BLOCK_MAX_BYTES);
	if (have < bytes)
		return reader_needs(r, bytes, "a block");
	uint32_t again = pcapng_u32(r->at + bytes - 4, swapped);
	if (again != bytes)
		return reader_damaged(r, err,
		                      "a block's length is %u at its start and %u at its end",
		                      bytes, again);
	*ret = (struct block_view){ pcapng_u32(r->at, swapped), bytes, r->at + BODY_OFFSET,
	                            bytes - FRAMING_BYTES, swapped };
	return 1;
}

/* A new section forgets all interfaces: their numbers begin anew. */
static int take_section(struct reader *r, const struct block_view *b, struct error *err)
{
	if (b->body_bytes < SECTION_BODY_BYTES)
		return reader_damaged(r, err, "a section header of %u bytes, expected at least %d",
		                      b->bytes, SECTION_BODY_BYTES + FRAMING_BYTES);
	uint16_t major = pcapng_u16(b->body + 4, b->swapped);
	if (major != 1)
		return reader_damaged(r, err, "pcapng version %u, expected 1", major);
	r->pcapng->swapped = b->swapped;
	r->pcapng->interface_count = 0;
	return 0;
}

static int take_interface(struct reader *r, const struct block_view *b, struct error *err)
{
	struct pcapng *p = r->pcapng;
	if (b->body_bytes < INTERFACE_BODY_BYTES)
		return reader_damaged(r, err,
		                      "an interface description of %u bytes, expected at least %d",
		                      b->bytes, INTERFACE_BODY_BYTES + FRAMING_BYTES);
	if (p->interface_count == INTERFACES_IN_SECTION_MAX)
		return reader_damaged(r, err, "more than %d interfaces in a section",
		                      INTERFACES_IN_SECTION_MAX);
	if (p->interface_count == p->interface_room) {
		uint32_t room = p->interface_room ? p->interface_room * 2 : 4;
		struct pcapng_interface *more = realloc(p->interfaces, room * sizeof *more);
		if (!more)
			return error_set(err, -ENOMEM, "%s: out of memory", r->name);
		p->interfaces = more;
		p->interface_room = room;
	}
	/* Nameless ones of a section are told apart by their number, in all sections alike. */
	uint32_t number = p->interface_count++;
	struct pcapng_interface *i = &p->interfaces[number];
	pcapng_interface_init(i, b->body, b->body_bytes, b->swapped);
	if (!*i->name && number)
		snprintf(i->name, sizeof i->name, "#%u", number);
	i->interface = interface_list_add(r->interfaces, i->name, strlen(i->name), i->link_type);
	return 0;
}

/* Only two facts of epb_flags are of use: whether the host has sent the frame, and how many octets
 * at its end are a checksum (which stands above what the interface says). */
static void take_flags(struct frame *f, struct pcapng_options options, uint32_t *fcs_bytes)
{
	for (struct pcapng_option option; pcapng_option_next(&options, &option);) {
		if (option.code != EPB_FLAGS || option.bytes != 4)
			continue;
		uint32_t flags = pcapng_u32(option.value, options.swapped);
		if ((flags & FLAGS_DIRECTION) == FLAGS_OUTBOUND)
			f->bits |= FRAME_OUTGOING;
		if (flags >> FLAGS_FCS_SHIFT & FLAGS_FCS_MASK)
			*fcs_bytes = flags >> FLAGS_FCS_SHIFT & FLAGS_FCS_MASK;
		return;
	}
}

struct packet_view {                    /* what the three kinds of packet block have in common */
	const char *what;
	uint32_t interface;             /* of the section */
	uint32_t captured_bytes, wire_bytes;
	uint64_t ticks;
	bool timed;
	const uint8_t *data, *end;      /* end of the block's body: options lie between */
};

/* Checks a packet against its block and interface, and makes the frame. */
static int take_packet(struct reader *r, const struct packet_view *v, struct frame *f,
                       struct error *err)
{
	const struct pcapng *p = r->pcapng;
	if (unlikely(v->interface >= p->interface_count))
		return reader_damaged(r, err,
		                      "%s names interface %u, the section has described %u so far",
		                      v->what, v->interface, p->interface_count);
	const struct pcapng_interface *i = &p->interfaces[v->interface];
	size_t room = (size_t)(v->end - v->data);
	if (unlikely(v->captured_bytes > room || v->captured_bytes > i->captured_max))
		return reader_damaged(r, err, "%s says %u captured bytes, at most %zu are expected",
		                      v->what, v->captured_bytes,
		                      room < i->captured_max ? room : (size_t)i->captured_max);
	*f = (struct frame){
		.data = v->data,
		.time_ns = r->last_ns,
		.captured_bytes = v->captured_bytes,
		.wire_bytes = v->wire_bytes > v->captured_bytes ? v->wire_bytes : v->captured_bytes,
		.link_type = i->link_type,
		.interface = i->interface,
	};
	if (unlikely(!v->timed || !pcapng_time(i, v->ticks, &f->time_ns)))
		f->bits |= FRAME_DAMAGED_TIME;
	else
		r->last_ns = f->time_ns;
	uint32_t fcs_bytes = i->fcs_bytes;
	size_t padded = ((size_t)v->captured_bytes + 3) & ~(size_t)3;
	if (padded < room)
		take_flags(f, (struct pcapng_options){ v->data + padded, v->end, p->swapped },
		           &fcs_bytes);
	if (fcs_bytes)
		frame_cut_fcs(f, fcs_bytes);
	if (f->captured_bytes > r->snaplen_bytes)
		f->captured_bytes = r->snaplen_bytes;
	return 0;
}

/* An enhanced packet block, or an obsolete one: they differ in the first four octets. */
static int take_timed(struct reader *r, const struct block_view *b, struct frame *f,
                      struct error *err)
{
	enum { HEADER_BYTES = 20 };
	bool obsolete = b->type == BLOCK_OBSOLETE_PACKET, swapped = b->swapped;
	if (unlikely(b->body_bytes < HEADER_BYTES))
		return reader_damaged(r, err, "a packet block of %u bytes, expected at least %d",
		                      b->bytes, HEADER_BYTES + FRAMING_BYTES);
	struct packet_view v = {
		.what = "a packet block",
		.interface = obsolete ? pcapng_u16(b->body, swapped) : pcapng_u32(b->body, swapped),
		.ticks = (uint64_t)pcapng_u32(b->body + 4, swapped) << 32 |
		         pcapng_u32(b->body + 8, swapped),
		.timed = true,
		.captured_bytes = pcapng_u32(b->body + 12, swapped),
		.wire_bytes = pcapng_u32(b->body + 16, swapped),
		.data = b->body + HEADER_BYTES,
		.end = b->body + b->body_bytes,
	};
	return take_packet(r, &v, f, err);
}

/* A simple packet block has no time, no options and no captured length: the snaplen tells it. */
static int take_simple(struct reader *r, const struct block_view *b, struct frame *f,
                       struct error *err)
{
	if (unlikely(b->body_bytes < 4))
		return reader_damaged(r, err,
		                      "a simple packet block of %u bytes, expected at least %d",
		                      b->bytes, 4 + FRAMING_BYTES);
	struct packet_view v = {
		.what = "a simple packet block",
		.wire_bytes = pcapng_u32(b->body, b->swapped),
		.data = b->body + 4,
	};
	uint32_t snaplen = r->pcapng->interface_count ? r->pcapng->interfaces[0].snaplen_bytes : 0;
	v.captured_bytes = snaplen && snaplen < v.wire_bytes ? snaplen : v.wire_bytes;
	if (v.captured_bytes > b->body_bytes - 4)
		v.captured_bytes = (uint32_t)b->body_bytes - 4;
	v.end = v.data + v.captured_bytes;
	return take_packet(r, &v, f, err);
}

/* > 0: a frame; 0: a block without one; negative: damaged. */
static int take_block(struct reader *r, const struct block_view *b, struct frame *f,
                      struct error *err)
{
	int e;
	switch (b->type) {
	case BLOCK_PACKET:
	case BLOCK_OBSOLETE_PACKET:
		e = take_timed(r, b, f, err);
		return e ? e : 1;
	case BLOCK_SIMPLE_PACKET:
		e = take_simple(r, b, f, err);
		return e ? e : 1;
	case BLOCK_SECTION:
		return take_section(r, b, err);
	case BLOCK_INTERFACE:
		return take_interface(r, b, err);
	default:
		return 0;
	}
}

/* Frames that stand before a damaged place are delivered first: the error comes with the next call,
 * which finds it at once. */
int pcapng_walk(struct reader *r, struct frame_batch *ret, struct error *err)
{
	if (unlikely(!r->pcapng)) {
		r->pcapng = calloc(1, sizeof *r->pcapng);
		if (!r->pcapng)
			return error_set(err, -ENOMEM, "%s: out of memory", r->name);
	}
	uint64_t octets = 0, latest_ns = 0;
	uint32_t count = 0;
	int e = 1;
	struct block_view block = { 0 };
	while (count < BATCH_MAX) {
		e = next_block(r, &block, err);
		if (e <= 0)
			break;
		struct frame *f = &ret->frame[count];
		e = take_block(r, &block, f, err);
		if (e < 0)
			break;
		r->at += block.bytes;
		if (!e)
			continue;
		count++;
		octets += f->wire_bytes;
		if (!(f->bits & FRAME_DAMAGED_TIME) && f->time_ns > latest_ns)
			latest_ns = f->time_ns;
	}
	if (!count)
		return e;
	r->octets = octets;
	r->latest_ns = latest_ns;
	ret->count = count;
	return (int)count;
}

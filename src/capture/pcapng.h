/* SPDX-License-Identifier: Apache-2.0 */
/* State of a pcapng file being walked; private to pcapng.c and pcapng_options.c but for
 * pcapng_free(). */
#ifndef CAPTURE_PCAPNG_H
#define CAPTURE_PCAPNG_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/reader.h"

enum pcapng_unit { UNIT_MULTIPLY, UNIT_DIVIDE, UNIT_SHIFT };

struct pcapng_interface {               /* one Interface Description Block of the current section */
	uint64_t factor;                /* ns a tick, ticks a ns, or log2 ticks a second */
	int64_t offset_ns;              /* if_tsoffset; added to every time */
	uint32_t snaplen_bytes;         /* 0: none */
	uint32_t captured_max;
	uint16_t link_type, interface;
	uint8_t unit;                   /* enum pcapng_unit */
	uint8_t fcs_bytes;
	char name[48];                  /* if_name, cut; "" if it has none */
};

/* What the section that is being read has said so far. */
struct pcapng {
	bool swapped;                   /* byte order of the current section */
	uint32_t interface_count, interface_room;
	struct pcapng_interface *interfaces;    /* by their number in the section; owned */
};

void pcapng_free(struct pcapng *p);     /* NULL is fine */

/* Numbers of a section, which has the byte order of whoever wrote it. */
static inline uint16_t pcapng_u16(const uint8_t *p, bool swapped)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
	return swapped ? __builtin_bswap16(v) : v;
}
static inline uint32_t pcapng_u32(const uint8_t *p, bool swapped)
{
	return swapped ? load_be32(p) : load_32(p);
}
static inline uint64_t pcapng_u64(const uint8_t *p, bool swapped)
{
	return swapped ? load_be64(p) : load_64(p);
}

/* A walk over a block's options: start with the octets between which they lie. Borrowed. */
struct pcapng_options {                 /* a walk over a block's options */
	const uint8_t *at, *end;
	bool swapped;                   /* as in struct pcapng */
};
/* One option; its value is borrowed and padded to 4 octets in the file, which `bytes` does not
 * count. */
struct pcapng_option {
	uint16_t code, bytes;
	const uint8_t *value;           /* `bytes` octets */
};
/* The next option that fits; false at the end of the options or where they do not fit. */
bool pcapng_option_next(struct pcapng_options *o, struct pcapng_option *ret);

/* Reads the body of an Interface Description Block (link type, snaplen, options). */
void pcapng_interface_init(struct pcapng_interface *i, const uint8_t *body, size_t bytes,
                           bool swapped);

/* Ticks of an interface to ns since 1970. False when they do not fit 64 bits. */
bool pcapng_time(const struct pcapng_interface *i, uint64_t ticks, uint64_t *ret_ns);

#endif

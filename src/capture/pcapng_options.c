/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng: options, interface descriptions and their time units. See pcapng.h,
 * draft-ietf-opsawg-pcapng. */
#include "capture/pcapng.h"

#include <stdio.h>
#include <string.h>

enum { OPTION_END = 0, IF_NAME = 2, IF_TSRESOL = 9, IF_FCSLEN = 13, IF_TSOFFSET = 14 };
enum { RESOL_BINARY = 0x80, RESOL_DEFAULT = 6, RESOL_NS = 9, RESOL_DECIMAL_MAX = 19 };

bool pcapng_option_next(struct pcapng_options *o, struct pcapng_option *ret)
{
	if (o->end - o->at < 4)
		return false;
	uint16_t code = pcapng_u16(o->at, o->swapped), bytes = pcapng_u16(o->at + 2, o->swapped);
	if (code == OPTION_END || bytes > o->end - o->at - 4)
		return false;
	*ret = (struct pcapng_option){ code, bytes, o->at + 4 };
	size_t padded = 4 + (((size_t)bytes + 3) & ~(size_t)3);
	o->at = padded > (size_t)(o->end - o->at) ? o->end : o->at + padded;
	return true;
}

static uint64_t power_of_10(unsigned exponent)
{
	uint64_t power = 1;
	while (exponent--)
		power *= 10;
	return power;
}

/* Times become ns by one operation: a multiplication, a division, or a shift where the unit is a
 * power of two. Finer than what 64 bits can divide by, every time is 0. */
static void set_resolution(struct pcapng_interface *i, uint8_t resolution)
{
	unsigned exponent = resolution & 0x7f;
	if (resolution & RESOL_BINARY) {
		i->unit = UNIT_SHIFT;
		i->factor = exponent;
	} else if (exponent <= RESOL_NS) {
		i->unit = UNIT_MULTIPLY;
		i->factor = power_of_10(RESOL_NS - exponent);
	} else {
		exponent -= RESOL_NS;
		i->unit = UNIT_DIVIDE;
		i->factor = exponent > RESOL_DECIMAL_MAX ? UINT64_MAX : power_of_10(exponent);
	}
}

/* The unit of if_fcslen is told in bits by the text and in octets by writers: 2, 4 and 16, 32
 * agree. */
static uint8_t fcs_bytes_of(uint8_t value)
{
	return value == 2 || value == 4 ? value : value == 16 || value == 32 ? value / 8 : 0;
}

/* An offset that does not fit nanoseconds makes all of the interface's times unusable; frames are
 * delivered all the same. */
static void take_option(struct pcapng_interface *i, const struct pcapng_option *option,
                        bool swapped)
{
	if (option->code == IF_TSRESOL && option->bytes >= 1)
		set_resolution(i, option->value[0]);
	else if (option->code == IF_FCSLEN && option->bytes >= 1)
		i->fcs_bytes = fcs_bytes_of(option->value[0]);
	else if (option->code == IF_TSOFFSET && option->bytes >= 8 &&
	         __builtin_mul_overflow((int64_t)pcapng_u64(option->value, swapped),
	                                INT64_C(1000000000), &i->offset_ns))
		i->offset_ns = INT64_MIN;       /* makes every time unusable, which it is */
}

/* A snaplen bounds what a packet may claim to have captured; files that give none, or a wild one,
 * get the usual bounds. */
void pcapng_interface_init(struct pcapng_interface *i, const uint8_t *body, size_t bytes,
                           bool swapped)
{
	*i = (struct pcapng_interface){
		.link_type = pcapng_u16(body, swapped),
		.snaplen_bytes = pcapng_u32(body + 4, swapped),
	};
	uint32_t snaplen = i->snaplen_bytes;
	i->captured_max = snaplen > FRAME_LARGEST ? FRAME_LARGEST :
	                  snaplen > FRAME_USUAL_MAX ? snaplen : FRAME_USUAL_MAX;
	set_resolution(i, RESOL_DEFAULT);
	struct pcapng_options options = { body + 8, body + bytes, swapped };
	for (struct pcapng_option option; pcapng_option_next(&options, &option);) {
		take_option(i, &option, swapped);
		if (option.code == IF_NAME)
			snprintf(i->name, sizeof i->name, "%.*s", (int)option.bytes,
			         (const char *)option.value);
	}
}

/* The division serves units finer than a ns, which no common writer uses. */
bool pcapng_time(const struct pcapng_interface *i, uint64_t ticks, uint64_t *ret_ns)
{
	uint64_t ns;
	if (likely(i->unit == UNIT_MULTIPLY)) {
		if (unlikely(__builtin_mul_overflow(ticks, i->factor, &ns)))
			return false;
	} else if (i->unit == UNIT_DIVIDE) {
		ns = ticks / i->factor;
	} else {
		unsigned __int128 wide = (unsigned __int128)ticks * 1000000000 >> i->factor;
		if (wide > UINT64_MAX)
			return false;
		ns = (uint64_t)wide;
	}
	if (unlikely(__builtin_add_overflow(ns, i->offset_ns, &ns)))
		return false;
	*ret_ns = ns;
	return true;
}

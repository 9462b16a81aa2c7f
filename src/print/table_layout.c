/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which columns of a table are shown, and how wide.
 *
 * Everything that is wanted is shown at the width it needs, if it fits. If not: first the
 * columns that one can do without go (lowest `keep` first, of equals the rightmost), then those
 * that may be shortened (addresses) share what is left, then the others go too. Pure: see
 * table.h for the neighbours.
 */
#include "print/table.h"

#include <string.h>

enum { KEEP_ALWAYS = 100 /* from here on: shorten others before this goes */ };

static unsigned total_width(const struct table_column *columns, unsigned count)
{
	unsigned total = 0;
	for (unsigned i = 0; i < count; i++)
		if (columns[i].shown)
			total += columns[i].width + 1u;
	return total ? total - 1 : 0;
}

/* Hides the column that is missed least, if any has a `keep` below the bound
 * and another one stays. */
static bool hide_one(struct table_column *columns, unsigned count, unsigned keep_bound)
{
	int worst = -1;
	unsigned shown = 0;
	for (unsigned i = 0; i < count; i++) {
		if (!columns[i].shown)
			continue;
		shown++;
		if (columns[i].keep < keep_bound && (worst < 0 || columns[i].keep <= columns[worst].keep))
			worst = (int)i;
	}
	if (worst < 0 || shown < 2)
		return false;
	columns[worst].shown = false;
	return true;
}

/* Takes one character from the widest column that may be shortened. */
static bool narrow_one(struct table_column *columns, unsigned count)
{
	int widest = -1;
	for (unsigned i = 0; i < count; i++) {
		const struct table_column *c = &columns[i];
		if (c->shown && c->least && c->width > c->least &&
		    (widest < 0 || c->width >= columns[widest].width))
			widest = (int)i;
	}
	if (widest < 0)
		return false;
	columns[widest].width--;
	return true;
}

void table_layout(struct table_column *columns, unsigned count, unsigned limit)
{
	for (unsigned i = 0; i < count; i++) {
		columns[i].shown = columns[i].wanted;
		columns[i].width = columns[i].needed;
	}
	if (limit == TABLE_UNLIMITED)
		return;
	while (total_width(columns, count) > limit)
		if (!hide_one(columns, count, KEEP_ALWAYS))
			break;
	while (total_width(columns, count) > limit)
		if (!narrow_one(columns, count))
			break;
	while (total_width(columns, count) > limit)
		if (!hide_one(columns, count, UINT8_MAX + 1))
			break;
}

/* A column that nobody has had a value for is left out until one comes. */
bool table_grow(struct table_column *columns, unsigned count)
{
	bool grown = false;
	for (unsigned i = 0; i < count; i++) {
		struct table_column *c = &columns[i];
		bool empty = c->bytes == 1 && c->text[0] == '-';
		if (!c->wanted && !empty)
			c->wanted = grown = true;
		unsigned wide = c->wide < c->most ? c->wide : c->most;
		if (wide > c->needed) {
			c->needed = (uint8_t)wide;
			grown = true;
		}
	}
	return grown;
}

/* The octets of the first `wide` characters of a UTF-8 text. */
static size_t octets_of(const char *text, size_t bytes, unsigned wide)
{
	size_t i = 0;
	while (i < bytes && (wide > 0 || ((unsigned char)text[i] & 0xc0) == 0x80)) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			wide--;
		i++;
	}
	return i;
}

size_t table_shorten(const struct table_column *c, char *at)
{
	if (c->wide <= c->width || c->width < 4) {
		memcpy(at, c->text, c->bytes);
		return c->bytes;
	}
	unsigned tail_wide = (c->width - 2u) / 2, head_wide = c->width - 2u - tail_wide;
	size_t head = octets_of(c->text, c->bytes, head_wide);
	size_t tail = octets_of(c->text, c->bytes, c->wide - tail_wide);
	memcpy(at, c->text, head);
	memcpy(at + head, "..", 2);
	memcpy(at + head + 2, c->text + tail, c->bytes - tail);
	return head + 2 + c->bytes - tail;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the attributes of flows are kept: a chain of pieces of a cache line each, from a pool, so
 * that what comes and goes with flows leaves no holes behind. Records ask for one field after the
 * other: the chain is put together once for each flow.
 */
#include <string.h>

#include "identify/inner.h"

enum { PIECE_OCTETS = 56 };

struct text_piece {
	struct text_piece *next;
	uint8_t octets[PIECE_OCTETS];
};
static_assert(sizeof(struct text_piece) == 64, "a cache line");

int text_open(struct identify_worker *w)
{
	uint64_t most = w->settings.text_bytes / sizeof(struct text_piece);
	return pool_init(&w->pieces, sizeof(struct text_piece), most ? most : 1);
}

/* All of it or nothing: half of a list would be read as a list. */
void text_keep(struct identify_worker *w, struct identified *s, const struct attribute_list *list)
{
	struct text_piece **end = &s->text;
	for (unsigned at = 0; at < list->bytes; at += PIECE_OCTETS) {
		struct text_piece *piece = pool_take(&w->pieces);
		if (!piece) {
			text_drop(w, s);
			return;
		}
		unsigned bytes = list->bytes - at < PIECE_OCTETS ? list->bytes - at : PIECE_OCTETS;
		memcpy(piece->octets, list->octets + at, bytes);
		*end = piece;
		end = &piece->next;
	}
	s->text_bytes = list->bytes;
}

const struct attribute_list *text_of(struct identify_worker *w, const struct identified *s)
{
	if (w->whole_of == s)
		return &w->whole;
	unsigned at = 0;
	for (const struct text_piece *piece = s->text; piece; piece = piece->next) {
		unsigned left = s->text_bytes - at;
		memcpy(w->whole.octets + at, piece->octets, left < PIECE_OCTETS ? left : PIECE_OCTETS);
		at += PIECE_OCTETS;
	}
	w->whole.bytes = s->text_bytes;
	w->whole_of = s;
	return &w->whole;
}

void text_drop(struct identify_worker *w, struct identified *s)
{
	while (s->text) {
		struct text_piece *piece = s->text;
		s->text = piece->next;
		pool_give(&w->pieces, piece);
	}
	s->text_bytes = 0;
	w->whole_of = NULL;
}

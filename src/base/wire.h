/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cursors over octets in network order with a sticky error: after the first read or write
 * that does not fit, every later call is a no-op (reads give 0), so an encoder reads as a
 * flat list and checks once.
 */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* Borrows its octets. A copy is a second cursor at the same place: how something is looked at
 * before it is taken. */
struct wire_reader {
	const uint8_t *at, *end;        /* next octet, and behind the last; at <= end */
	bool failed;
};

/* A cursor at the first of `bytes` octets. */
static inline struct wire_reader wire_reader_of(const void *octets, size_t bytes)
{
	const uint8_t *p = octets;
	return (struct wire_reader){ .at = p, .end = p + bytes };
}
static inline size_t wire_left(const struct wire_reader *r)
{
	return r->failed ? 0 : (size_t)(r->end - r->at);
}

/* Takes `bytes` octets, which stay where they are (borrowed); NULL (and failed) when fewer are
 * left. None at all is fine: not NULL. */
static inline const uint8_t *wire_take(struct wire_reader *r, size_t bytes)
{
	if (unlikely(r->failed || (size_t)(r->end - r->at) < bytes)) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = r->at;
	r->at += bytes;
	return p;
}
/* The next number, in native order; 0 when it does not fit, and from then on. */
static inline uint8_t wire_u8(struct wire_reader *r)
{
	const uint8_t *p = wire_take(r, 1);
	return p ? *p : 0;
}
static inline uint16_t wire_u16(struct wire_reader *r)
{
	const uint8_t *p = wire_take(r, 2);
	return p ? load_be16(p) : 0;
}
static inline uint32_t wire_u32(struct wire_reader *r)
{
	const uint8_t *p = wire_take(r, 4);
	return p ? load_be32(p) : 0;
}
static inline uint64_t wire_u64(struct wire_reader *r)
{
	const uint8_t *p = wire_take(r, 8);
	return p ? load_be64(p) : 0;
}

/* Writes into the caller's memory. What was written before the first that did not fit stays there;
 * `failed` says that it is not all. */
struct wire_writer {
	uint8_t *start, *at, *end;      /* first octet, next one, behind the last */
	bool failed;
};

/* A cursor at the start of room for `size` octets. */
static inline struct wire_writer wire_writer_of(void *octets, size_t size)
{
	uint8_t *p = octets;
	return (struct wire_writer){ .start = p, .at = p, .end = p + size };
}
/* Octets that fit so far: all of the message only while nothing failed. */
static inline size_t wire_written(const struct wire_writer *w)
{
	return (size_t)(w->at - w->start);
}

/* Room for `bytes` octets, to be filled by the caller (lengths that are known later); NULL (and
 * failed) when they do not fit. */
static inline uint8_t *wire_make(struct wire_writer *w, size_t bytes)
{
	if (unlikely(w->failed || (size_t)(w->end - w->at) < bytes)) {
		w->failed = true;
		return NULL;
	}
	uint8_t *p = w->at;
	w->at += bytes;
	return p;
}
/* Copies octets, or writes a number in network order; all of it or nothing. */
static inline void wire_put(struct wire_writer *w, const void *octets, size_t bytes)
{
	uint8_t *p = wire_make(w, bytes);
	if (p)
		memcpy(p, octets, bytes);
}
static inline void wire_put_u8(struct wire_writer *w, uint8_t v) { wire_put(w, &v, 1); }
static inline void wire_put_u16(struct wire_writer *w, uint16_t v)
{
	v = __builtin_bswap16(v);
	wire_put(w, &v, 2);
}
static inline void wire_put_u32(struct wire_writer *w, uint32_t v)
{
	v = __builtin_bswap32(v);
	wire_put(w, &v, 4);
}
static inline void wire_put_u64(struct wire_writer *w, uint64_t v)
{
	v = __builtin_bswap64(v);
	wire_put(w, &v, 8);
}

#endif

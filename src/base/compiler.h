/* SPDX-License-Identifier: Apache-2.0 */
/* What every room uses of the compiler: branch hints for bounds checks, prefetch, array length. */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* For branches that all but always go one way, such as bounds checks. */
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define array_count(a) (sizeof(a) / sizeof((a)[0]))
/* The struct that has this member, from a pointer to the member: how a kind gets from the shared
 * head (struct output, struct net_connection) to what is its own. */
#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer) - offsetof(type, member)))

/* Brings the line of an address into all caches, to be changed or to be read. Any address will do,
 * NULL too: a prefetch does not fault. */
static inline void prefetch_write(const void *p) { __builtin_prefetch(p, 1, 3); }
static inline void prefetch_read(const void *p) { __builtin_prefetch(p, 0, 3); }

/* In a loop that waits for another processor. */
static inline void pause_briefly(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* Unaligned loads, of wire order (be) or native order. memcpy() is how C says so; it costs one
 * load. */
static inline uint16_t load_be16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
	return __builtin_bswap16(v);
}
static inline uint32_t load_be32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return __builtin_bswap32(v);
}
static inline uint64_t load_be64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return __builtin_bswap64(v);
}
static inline uint32_t load_32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}
static inline uint64_t load_64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

/* Unaligned stores in wire order. */
static inline void store_be16(void *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof v);
}
static inline void store_be32(void *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof v);
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weir is written for little-endian machines; " \
	"load_be* and the wire cursor need twins elsewhere"
#endif

#endif

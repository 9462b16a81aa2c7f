/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip (RFC 1952) by zlib, for stream.c. Members follow one another as one stream; zero octets
 * after a member are padding, as tapes and some tools leave it.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "capture/decoder.h"

enum { GZIP_ONLY = 16 }; /* added to zlib's window bits: gzip framing, nothing else */

/* A decoder of this kind. */
struct gzip {
	z_stream z;
	bool between_members;           /* the input may end here */
};

static bool gzip_recognise(const uint8_t *octets, size_t count)
{
	return count >= 3 && octets[0] == 0x1f && octets[1] == 0x8b && octets[2] == 8;
}

static int gzip_open(void **ret)
{
	struct gzip *g = calloc(1, sizeof *g);
	if (!g)
		return -ENOMEM;
	if (inflateInit2(&g->z, MAX_WBITS + GZIP_ONLY) != Z_OK) {
		free(g);
		return -ENOMEM;
	}
	*ret = g;
	return 0;
}

static unsigned zlib_count(size_t count)
{
	return count > INT_MAX ? INT_MAX : (unsigned)count;
}

/* zlib counts by 32 bits and takes input that is not const; neither reaches its callers.
 * Z_BUF_ERROR only says that it could not go on without more input or room. */
static int inflate_some(struct gzip *g, struct decoder_span *span, const char **ret_why)
{
	g->z.next_in = (Bytef *)(uintptr_t)span->in;
	g->z.avail_in = zlib_count((size_t)(span->in_end - span->in));
	g->z.next_out = span->out;
	g->z.avail_out = zlib_count((size_t)(span->out_end - span->out));
	int r = inflate(&g->z, Z_NO_FLUSH);
	span->in = g->z.next_in;
	span->out = g->z.next_out;
	if (r == Z_STREAM_END) {
		g->between_members = true;
		return inflateReset(&g->z) == Z_OK ? 0 : -EBADMSG;
	}
	if (r == Z_OK || r == Z_BUF_ERROR)
		return 0;
	*ret_why = g->z.msg ? g->z.msg : "it cannot be decoded";
	return -EBADMSG;
}

static int gzip_decode(void *decoder, struct decoder_span *span, const char **ret_why)
{
	struct gzip *g = decoder;
	while (span->in < span->in_end && span->out < span->out_end) {
		if (g->between_members && *span->in == 0) {
			span->in++;
			continue;
		}
		g->between_members = false;
		int r = inflate_some(g, span, ret_why);
		if (r)
			return r;
	}
	/* The window may still hold output for which there was no room at the last call. */
	if (span->out < span->out_end && !g->between_members)
		return inflate_some(g, span, ret_why);
	return 0;
}

static bool gzip_at_boundary(const void *decoder)
{
	const struct gzip *g = decoder;
	return g->between_members;
}

static void gzip_close(void *decoder)
{
	struct gzip *g = decoder;
	if (!g)
		return;
	inflateEnd(&g->z);
	free(g);
}

const struct decoder_kind decoder_gzip = {
	.name = "gzip",
	.recognise = gzip_recognise,
	.open = gzip_open,
	.decode = gzip_decode,
	.at_boundary = gzip_at_boundary,
	.close = gzip_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* gzip (zlib) and zstd behind one face: see compress.h. Neighbour: file.c. */
#include "output/compress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/compiler.h"

enum { GZIP_WINDOW_BITS = 15 + 16 /* 16: a gzip header */, GZIP_LEVEL = 6, ZSTD_LEVEL = 3 };

/* One of the two is in use, by `compression`. */
struct compressor {
	enum compression compression;
	z_stream gzip;
	ZSTD_CCtx *zstd;
	uint8_t *out;                   /* the last result; grows to the largest */
	size_t used, size;
};

static const char *const names[] = { "none", "gzip", "zstd" };
static const char *const suffixes[] = { "", ".gz", ".zst" };

int compressor_new(enum compression compression, struct compressor **ret)
{
	struct compressor *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->compression = compression;
	if (compression == COMPRESSION_GZIP) {
		if (deflateInit2(&c->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, 8,
		                 Z_DEFAULT_STRATEGY) != Z_OK)
			goto failed;
	} else {
		c->zstd = ZSTD_createCCtx();
		if (!c->zstd)
			goto failed;
		ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
		ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_checksumFlag, 1);
	}
	*ret = c;
	return 0;
failed:
	free(c);
	return -ENOMEM;
}

void compressor_free(struct compressor *c)
{
	if (!c)
		return;
	if (c->compression == COMPRESSION_GZIP)
		deflateEnd(&c->gzip);
	ZSTD_freeCCtx(c->zstd);
	free(c->out);
	free(c);
}

/* At least `bytes` free octets behind what was written. */
static int compressor_make_room(struct compressor *c, size_t bytes)
{
	if (c->size - c->used >= bytes)
		return 0;
	uint8_t *grown = realloc(c->out, c->used + bytes);
	if (!grown)
		return -ENOMEM;
	c->out = grown;
	c->size = c->used + bytes;
	return 0;
}

/* A sync flush ends on an octet boundary with nothing kept back; when it fills the room exactly
 * there may be more, so it is called again. */
static int gzip_block(struct compressor *c, const void *octets, size_t bytes, bool last)
{
	/* zlib's member is not const by default, and it does not write there */
	c->gzip.next_in = (Bytef *)(uintptr_t)octets;
	c->gzip.avail_in = (uInt)bytes;
	for (;;) {
		int rc = compressor_make_room(c, bytes / 2 + 4096);
		if (rc < 0)
			return rc;
		size_t room = c->size - c->used;
		c->gzip.next_out = c->out + c->used;
		c->gzip.avail_out = (uInt)room;
		rc = deflate(&c->gzip, last ? Z_FINISH : Z_SYNC_FLUSH);
		c->used += room - c->gzip.avail_out;
		if (rc == Z_STREAM_ERROR)
			return -EIO;
		if (last ? rc == Z_STREAM_END : c->gzip.avail_out > 0)
			return 0;
	}
}

/* Until the library says that nothing is left inside. */
static int zstd_block(struct compressor *c, const void *octets, size_t bytes, bool last)
{
	ZSTD_inBuffer in = { .src = octets, .size = bytes };
	size_t left;
	do {
		int rc = compressor_make_room(c, ZSTD_CStreamOutSize());
		if (rc < 0)
			return rc;
		ZSTD_outBuffer out = { .dst = c->out + c->used, .size = c->size - c->used };
		left = ZSTD_compressStream2(c->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_flush);
		c->used += out.pos;
		if (ZSTD_isError(left))
			return -EIO;
	} while (left);
	return 0;
}

int compressor_block(struct compressor *c, const void *octets, size_t bytes, bool last,
                     struct compressed *ret)
{
	c->used = 0;
	int rc = c->compression == COMPRESSION_GZIP ? gzip_block(c, octets, bytes, last)
	                                            : zstd_block(c, octets, bytes, last);
	if (rc < 0)
		return rc;
	*ret = (struct compressed){ .octets = c->out, .bytes = c->used };
	return 0;
}

int compression_parse(const char *name, enum compression *ret)
{
	for (unsigned i = 0; i < array_count(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

enum compression compression_of_name(const char *name)
{
	size_t length = strlen(name);
	for (unsigned i = 1; i < array_count(suffixes); i++) {
		size_t n = strlen(suffixes[i]);
		if (length > n && strcmp(name + length - n, suffixes[i]) == 0)
			return i;
	}
	return COMPRESSION_NONE;
}

const char *compression_suffix(enum compression compression)
{
	return suffixes[compression];
}

/* SPDX-License-Identifier: Apache-2.0 */
/* zstd (RFC 8878) by libzstd, for stream.c. Frames, skippable ones too, follow one another. */
#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/compiler.h"
#include "capture/decoder.h"

/* A decoder of this kind. */
struct zstd {
	ZSTD_DCtx *context;
	bool between_frames;            /* the input may end here */
};

static bool zstd_recognise(const uint8_t *octets, size_t count)
{
	if (count < 4)
		return false;
	uint32_t magic = load_32(octets);
	return magic == ZSTD_MAGICNUMBER ||
	       (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static int zstd_open(void **ret)
{
	struct zstd *z = calloc(1, sizeof *z);
	if (!z)
		return -ENOMEM;
	z->context = ZSTD_createDCtx();
	if (!z->context) {
		free(z);
		return -ENOMEM;
	}
	*ret = z;
	return 0;
}

/* Goes on until it neither takes nor gives anything: a call may use all input and keep output back,
 * or the other way about. */
static int zstd_decode(void *decoder, struct decoder_span *span, const char **ret_why)
{
	struct zstd *z = decoder;
	for (;;) {
		ZSTD_inBuffer in = { span->in, (size_t)(span->in_end - span->in), 0 };
		ZSTD_outBuffer out = { span->out, (size_t)(span->out_end - span->out), 0 };
		if (!out.size || (z->between_frames && !in.size))
			return 0;
		size_t r = ZSTD_decompressStream(z->context, &out, &in);
		if (ZSTD_isError(r)) {
			*ret_why = ZSTD_getErrorName(r);
			return -EBADMSG;
		}
		z->between_frames = r == 0;
		span->in += in.pos;
		span->out += out.pos;
		if (!in.pos && !out.pos)
			return 0;
	}
}

static bool zstd_at_boundary(const void *decoder)
{
	const struct zstd *z = decoder;
	return z->between_frames;
}

static void zstd_close(void *decoder)
{
	struct zstd *z = decoder;
	if (!z)
		return;
	ZSTD_freeDCtx(z->context);
	free(z);
}

const struct decoder_kind decoder_zstd = {
	.name = "zstd",
	.recognise = zstd_recognise,
	.open = zstd_open,
	.decode = zstd_decode,
	.at_boundary = zstd_at_boundary,
	.close = zstd_close,
};

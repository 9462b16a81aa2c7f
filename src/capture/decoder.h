/* SPDX-License-Identifier: Apache-2.0 */
/* What stream.c asks of a decompressor. One file per kind; decoders[] in stream.c lists them. */
#ifndef CAPTURE_DECODER_H
#define CAPTURE_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decoder_span {                   /* moved forward by what was used */
	const uint8_t *in, *in_end;
	uint8_t *out, *out_end;         /* room for what it becomes */
};

/* A decoder keeps its window and state between calls; its input and output are the caller's. Octets
 * that follow the end of one member begin another. */
struct decoder_kind {
	const char *name;                               /* "gzip", for messages */
	bool (*recognise)(const uint8_t *octets, size_t count); /* of the file's first 4 octets */
	int (*open)(void **ret);                        /* 0 or -ENOMEM */
	/* Decodes until the input is used up or the output is full. 0, or -EBADMSG with ret_why. */
	int (*decode)(void *decoder, struct decoder_span *span, const char **ret_why);
	bool (*at_boundary)(const void *decoder);       /* the input may end here */
	void (*close)(void *decoder);                   /* NULL is fine */
};

extern const struct decoder_kind decoder_gzip, decoder_zstd;

#endif

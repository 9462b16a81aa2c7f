/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block-wise compression of a file that is being written. Each block is flushed, so that what went
 * in is wholly in the octets that came out: the account of records stays exact, and a file cut
 * short can be read up to there. Blocks are large (file.c), so this costs little in size.
 */
#ifndef OUTPUT_COMPRESS_H
#define OUTPUT_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

struct compressor;

/* What a block became; may be empty while the compressor gathers. */
struct compressed {
	const uint8_t *octets;
	size_t bytes;
};

/* Not for COMPRESSION_NONE. One stream: one file. -ENOMEM. */
int compressor_new(enum compression compression, struct compressor **ret);
void compressor_free(struct compressor *c);

/* Compresses a block and flushes; with `last` ends the stream (bytes may be 0). *ret is the result,
 * inside the compressor, until the next call. 0, -ENOMEM or -EIO. */
int compressor_block(struct compressor *c, const void *octets, size_t bytes, bool last,
                     struct compressed *ret);

/* "gzip", "zstd", "none"; -EINVAL. */
int compression_parse(const char *name, enum compression *ret);
/* By the end of a name: ".gz", ".zst"; else none. */
enum compression compression_of_name(const char *name);
/* ".gz", ".zst", "". */
const char *compression_suffix(enum compression compression);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets of a file or pipe, decompressed on the way where the content is gzip or zstd.
 * Told by content, never by name; concatenated gzip members and zstd frames are one stream.
 * Neighbours: file.c (its only user), stream_gzip.c and stream_zstd.c (the decoders).
 */
#ifndef CAPTURE_STREAM_H
#define CAPTURE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "capture/block.h"

struct stream;

/* "-" is standard input. The path is borrowed. Nothing is read yet. */
int stream_open(const char *path, struct stream **ret, struct error *err);
void stream_close(struct stream *s);            /* NULL is fine */

/* Up to `size` decoded octets, as many as come without waiting for more. > 0: so many; 0: the end;
 * -EAGAIN: nothing came within wait_ns (pipes), or a signal did; other negatives: cannot be read or
 * decoded, with a message. What could be decoded before a damaged place is given first. */
ssize_t stream_read(struct stream *s, void *octets, size_t size, uint64_t wait_ns,
                    struct error *err);

/* Maps a plain regular file (mapping.h) of which nothing has been given yet. 0, or negative: it has
 * to be read, as if this had not been asked. */
int stream_map(struct stream *s, struct block **ret);
/* Of a mapped file: octets before `offset` are taken; reading goes on there. */
void stream_seek(struct stream *s, uint64_t offset);

bool stream_is_compressed(const struct stream *s);              /* known after the first read */
uint64_t stream_file_offset(const struct stream *s); /* octets taken from the file itself */
const char *stream_name(const struct stream *s);                /* the path, or "standard input" */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files out, shared by json, csv, table and ipfix: buffering, rotation, compression, atomic rename,
 * and the account of the records that went in (a record counts as acknowledged once its octets were
 * taken by the kernel, as queued while they wait in the buffer).
 *
 * The path is "-" (standard output) or a strftime pattern; folders named by times are made. A
 * regular file is written under a temporary name in the same folder (".NAME.part") and gets its
 * name when it is complete: at a rotation, a reopen or the end. Devices, pipes and sockets are
 * written in place. Without rotation a file of that name is replaced; a rotating writer replaces
 * nothing: a name that is taken gets -1, -2, ... before its suffix. A rotating writer leaves no
 * files without records. After a failed write the file keeps what was acknowledged under its
 * temporary name; records are counted as lost until the next file begins.
 * Not thread-safe: the thread of the output owns it.
 */
#ifndef OUTPUT_FILE_H
#define OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output/output.h"

struct file_writer;

/* Writes what a file starts with (CSV header, IPFIX templates) by file_writer_put(..., 0 records).
 * Called before the first record of each file, and for a file that ends without records. */
struct file_head {
	int (*write)(void *context, struct file_writer *f, struct error *err);  /* NULL: nothing */
	void *context;
};

/* For output_kind.parameters; read by file_writer_open. */
#define FILE_PARAMETERS \
	"rotate", "DURATION", "a new file at each multiple of this time (5m, 1h)", \
	"rotate-size", "BYTES", "a new file once one has this size (100M)", \
	"compress", "gzip|zstd|none", "compress; else told by the name's .gz or .zst"

/* Opens address->path; env and address are borrowed (env until close).
 * Leaves nothing on an error. */
int file_writer_open(const struct address *address, const struct output_env *env,
                     const struct file_head *head, struct file_writer **ret, struct error *err);

/* Room for `bytes` octets at once, in the buffer, to be filled and then committed; the pointer
 * holds until the next call. May write, rotate and call the head. NULL with a message when the file
 * failed: then the caller counts its records with file_writer_lost(). */
uint8_t *file_writer_room(struct file_writer *f, size_t bytes, struct error *err);
/* The first `bytes` octets of the room are written and hold `records` whole records. */
void file_writer_commit(struct file_writer *f, size_t bytes, uint32_t records);
/* Records that were taken and cannot be written. */
void file_writer_lost(struct file_writer *f, uint64_t records, enum output_drop reason);

/* Room, copy and commit; on an error the records are counted as lost (DROP_WRITE_FAILED). */
int file_writer_put(struct file_writer *f, const void *octets, size_t bytes, uint32_t records,
                    struct error *err);

/* After each batch: shows what is there when a person watches (a terminal); else
 * it may wait a second. */
int file_writer_batch_done(struct file_writer *f, struct error *err);
/* Hands the buffer to the kernel. */
int file_writer_flush(struct file_writer *f, struct error *err);

/* As in output_kind. */
int file_writer_tick(struct file_writer *f, uint64_t now_ns, uint64_t *ret_next_ns,
                     struct error *err);
int file_writer_reopen(struct file_writer *f, struct error *err);
int file_writer_finish(struct file_writer *f, uint64_t deadline_ns, struct error *err);
void file_writer_counters(const struct file_writer *f, struct output_counters *ret);
/* Without finish before: a file without acknowledged records leaves nothing. NULL is fine. */
void file_writer_close(struct file_writer *f);

/* The descriptor that is written now (for its terminal size); -1 between files. */
int file_writer_descriptor(const struct file_writer *f);

#endif

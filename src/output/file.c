/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files out: see file.h for the promises.
 *
 * Records are put together in one buffer. A flush compresses it (compress.c), hands it to the
 * kernel and turns the records in it from queued to acknowledged; a flush that fails cuts a
 * regular file back to the last good flush, so that the file holds exactly the acknowledged
 * records, and counts the others as lost. Time for rotation is the time that tick was told, so
 * the caller's clock decides.
 * Neighbours: part.c (names on disk), queue.c (the thread that runs all this), print, export
 * (users).
 */
#include "output/file.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/option.h"
#include "base/text.h"
#include "output/compress.h"
#include "output/part.h"

enum {
	BUFFER_BYTES = 128 << 10,
	ROOM_BYTES_MAX = 64 << 20,      /* one record may be this large */
	PIPE_PIECE_BYTES = 4096,        /* PIPE_BUF: fits into what poll calls writable */
	POLL_MS = 200,                  /* how soon give_up is noticed */
	NAME_BYTES_MAX = 4096,
};
#define SECOND_NS UINT64_C(1000000000)

/* In three parts: what was asked for, the buffer and the times, the file at hand and its
 * account. */
struct file_writer {
	const struct output_env *env;
	struct file_head head;
	char *pattern;                  /* with the suffix of the compression */
	char *text;                     /* the address as written */
	enum compression compression;
	uint64_t rotate_ns, rotate_bytes;       /* 0: not */

	uint8_t *buffer;
	size_t used, size;
	uint64_t now_ns;                /* CLOCK_REALTIME as of open or the last tick */
	uint64_t flush_due_ns;          /* for what lies in the buffer */
	uint64_t rotate_due_ns;         /* the next boundary; UINT64_MAX: none */

	struct part part;               /* the file being written; fd -1: the next record opens one */
	struct compressor *compressor;
	uint64_t file_octets;           /* flushed to this file, whole */
	uint64_t file_records;          /* put into this file */
	uint64_t file_acknowledged;
	bool regular;                   /* can be cut back; never blocks */
	bool head_done;
	bool any_complete;              /* this writer has completed a file: replace none from now on */
	bool is_terminal;
	int failed;                     /* negative errno: this file takes no more */

	uint64_t pending;               /* whole records in the buffer */
	struct output_counters counters;
};

static int read_parameters(struct file_writer *f, const struct address *address, struct error *err);
static int file_begin(struct file_writer *f, bool first, struct error *err);
static int file_end(struct file_writer *f, struct error *err);
static int file_fail(struct file_writer *f, int code, struct error *err);
static int file_ready(struct file_writer *f, struct error *err);
static int make_room(struct file_writer *f, size_t bytes, struct error *err);
static int write_all(struct file_writer *f, const uint8_t *octets, size_t bytes);

static uint64_t realtime_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static bool is_rotating(const struct file_writer *f)
{
	return f->rotate_ns || f->rotate_bytes;
}

/* The first file is opened at once, so that a wrong name fails before anything is metered. What
 * cannot be renamed cannot be rotated either. */
int file_writer_open(const struct address *address, const struct output_env *env,
                     const struct file_head *head, struct file_writer **ret, struct error *err)
{
	struct file_writer *f = calloc(1, sizeof *f);
	if (!f)
		return error_set(err, -ENOMEM, "%s: out of memory", address->text);
	f->env = env;
	f->part.fd = -1;
	f->now_ns = realtime_ns();
	if (head)
		f->head = *head;
	int rc = read_parameters(f, address, err);
	if (rc == 0)
		rc = file_begin(f, true, err);
	if (rc == 0 && f->part.in_place && is_rotating(f))
		rc = error_set(err, -EINVAL,
		               "%s: %s cannot be rotated, expected the name of a regular file",
		               address->text, f->part.name);
	if (rc < 0) {
		file_writer_close(f);
		return rc;
	}
	*ret = f;
	return 0;
}

/* --- what the address asks for --- */

static int read_rotation(struct file_writer *f, const struct address *address, struct error *err)
{
	const char *period = address_parameter(address, "rotate");
	if (period && (text_parse_duration(period, &f->rotate_ns) < 0 || f->rotate_ns < SECOND_NS))
		return error_set(err, -EINVAL, "%s: rotate is \"%s\", expected a duration of a second or "
		                 "more, such as 5m or 1h", address->text, period);
	if (f->rotate_ns == DURATION_OFF)
		f->rotate_ns = 0;
	const char *size = address_parameter(address, "rotate-size");
	if (size && (text_parse_bytes(size, &f->rotate_bytes) < 0 || f->rotate_bytes == 0))
		return error_set(err, -EINVAL, "%s: rotate-size is \"%s\", expected a size such as 100M",
		                 address->text, size);
	return 0;
}

/* A name that ends in one compression while another is asked for is refused: readers go by the
 * name. */
static int read_compression(struct file_writer *f, const struct address *address, const char *path,
                            struct error *err)
{
	enum compression by_name = compression_of_name(path);
	f->compression = by_name;
	const char *word = address_parameter(address, "compress");
	if (!word)
		return 0;
	if (compression_parse(word, &f->compression) < 0)
		return error_set(err, -EINVAL, "%s: compress is \"%s\", expected gzip, zstd or none",
		                 address->text, word);
	if (by_name != COMPRESSION_NONE && by_name != f->compression)
		return error_set(err, -EINVAL, "%s: compress is \"%s\", but the name ends in %s",
		                 address->text, word, compression_suffix(by_name));
	return 0;
}

static int read_parameters(struct file_writer *f, const struct address *address, struct error *err)
{
	const char *path = address->path && *address->path ? address->path : "-";
	int rc = read_rotation(f, address, err);
	if (rc == 0)
		rc = read_compression(f, address, path, err);
	if (rc < 0)
		return rc;
	const char *suffix = compression_suffix(f->compression);
	if (strcmp(path, "-") == 0 || compression_of_name(path) == f->compression)
		suffix = "";
	size_t length = strlen(path);
	f->pattern = malloc(length + strlen(suffix) + 1);
	f->text = strdup(address->text);
	f->buffer = malloc(BUFFER_BYTES);
	f->size = BUFFER_BYTES;
	if (!f->pattern || !f->text || !f->buffer)
		return error_set(err, -ENOMEM, "%s: out of memory", address->text);
	memcpy(f->pattern, path, length);
	strcpy(f->pattern + length, suffix);
	return 0;
}

/* --- records in --- */

uint8_t *file_writer_room(struct file_writer *f, size_t bytes, struct error *err)
{
	bool full = f->rotate_bytes && f->file_octets + f->used >= f->rotate_bytes;
	if (unlikely(f->failed || !f->head_done || full) && file_ready(f, err) < 0)
		return NULL;
	if (unlikely(f->size - f->used < bytes) && make_room(f, bytes, err) < 0)
		return NULL;
	return f->buffer + f->used;
}

void file_writer_commit(struct file_writer *f, size_t bytes, uint32_t records)
{
	if (f->used == 0)
		f->flush_due_ns = f->now_ns + (f->compressor ? 10 * SECOND_NS : SECOND_NS);
	f->used += bytes;
	f->pending += records;
	f->file_records += records;
	f->counters.accepted += records;
}

void file_writer_lost(struct file_writer *f, uint64_t records, enum output_drop reason)
{
	f->counters.accepted += records;
	f->counters.dropped[reason] += records;
}

int file_writer_put(struct file_writer *f, const void *octets, size_t bytes, uint32_t records,
                    struct error *err)
{
	uint8_t *room = file_writer_room(f, bytes, err);
	if (!room) {
		file_writer_lost(f, records, DROP_WRITE_FAILED);
		return f->failed ? f->failed : -EIO;
	}
	memcpy(room, octets, bytes);
	file_writer_commit(f, bytes, records);
	return 0;
}

/* Slow side of room: a file that is open, below its size, with its head written. */
static int file_ready(struct file_writer *f, struct error *err)
{
	if (f->failed)
		return error_set(err, f->failed, "%s: an earlier write failed: %s", f->text,
		                 strerror(-f->failed));
	int rc = 0;
	if (f->rotate_bytes && f->file_records && f->file_octets + f->used >= f->rotate_bytes)
		rc = file_end(f, err);
	if (rc == 0 && f->part.fd < 0)
		rc = file_begin(f, false, err);
	if (rc < 0 || f->head_done)
		return rc;
	f->head_done = true;            /* before the call: the head is put through here as well */
	return f->head.write ? f->head.write(f->head.context, f, err) : 0;
}

/* A record larger than the buffer makes it grow, up to a bound that no sane record meets. */
static int make_room(struct file_writer *f, size_t bytes, struct error *err)
{
	int rc = file_writer_flush(f, err);
	if (rc < 0 || f->size >= bytes)
		return rc;
	uint8_t *grown = bytes <= ROOM_BYTES_MAX ? realloc(f->buffer, bytes) : NULL;
	if (!grown)
		return error_set(err, -E2BIG, "%s: a record of up to %zu octets is too large", f->text,
		                 bytes);
	f->buffer = grown;
	f->size = bytes;
	return 0;
}

/* --- octets out --- */

/* Only here do records become acknowledged: all octets of the block are with the kernel. */
static int flush_block(struct file_writer *f, bool last)
{
	struct compressed block = { .octets = f->buffer, .bytes = f->used };
	int rc = 0;
	if (f->compressor)
		rc = compressor_block(f->compressor, f->buffer, f->used, last, &block);
	if (rc == 0)
		rc = write_all(f, block.octets, block.bytes);
	if (rc < 0)
		return rc;
	f->file_octets += block.bytes;
	f->file_acknowledged += f->pending;
	f->counters.octets += block.bytes;
	f->counters.acknowledged += f->pending;
	f->pending = 0;
	f->used = 0;
	return 0;
}

int file_writer_flush(struct file_writer *f, struct error *err)
{
	if (f->used == 0)
		return 0;
	int rc = flush_block(f, false);
	return rc < 0 ? file_fail(f, rc, err) : 0;
}

/* Until the descriptor takes a piece, or the queue has lost its patience. */
static int wait_writable(struct file_writer *f)
{
	struct pollfd poller = { .fd = f->part.fd, .events = POLLOUT };
	for (;;) {
		int n = poll(&poller, 1, POLL_MS);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (f->env->give_up && atomic_load(f->env->give_up))
			return -ETIMEDOUT;
	}
}

/* Pipes and terminals are waited for in small pieces, so that a reader who stops does not keep the
 * thread beyond give_up. */
static int write_all(struct file_writer *f, const uint8_t *octets, size_t bytes)
{
	while (bytes) {
		size_t piece = f->regular || bytes < PIPE_PIECE_BYTES ? bytes : PIPE_PIECE_BYTES;
		int rc = f->regular ? 0 : wait_writable(f);
		if (rc < 0)
			return rc;
		ssize_t n = write(f->part.fd, octets, piece);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0) {
			octets += n;
			bytes -= (size_t)n;
		}
	}
	return 0;
}

/* The file takes no more; a regular one is cut back to what was acknowledged. */
static int file_fail(struct file_writer *f, int code, struct error *err)
{
	if (f->part.temporary && ftruncate(f->part.fd, (off_t)f->file_octets) < 0)
		f->file_octets = 0;     /* nothing better can be done: the numbers of records still hold */
	f->counters.dropped[DROP_WRITE_FAILED] += f->pending;
	f->pending = 0;
	f->used = 0;
	f->failed = code;
	const char *reason = code == -EPIPE ? "the reader has closed it" : strerror(-code);
	if (f->part.temporary && f->file_acknowledged)
		return error_set(err, code, "%s: cannot write: %s; what was written stays in %s",
		                 f->part.name, reason, f->part.temporary);
	return error_set(err, code, "%s: cannot write: %s", f->part.name, reason);
}

/* --- one file after the other --- */

/* Boundaries are multiples of the period in local time, so that a day begins at midnight. */
static uint64_t rotation_start_ns(const struct file_writer *f)
{
	time_t seconds = (time_t)(f->now_ns / SECOND_NS);
	struct tm local;
	localtime_r(&seconds, &local);
	/* 86400: never negative */
	uint64_t shift_ns = (uint64_t)(local.tm_gmtoff + 86400) * SECOND_NS;
	uint64_t local_ns = f->now_ns + shift_ns;
	return local_ns - local_ns % f->rotate_ns - shift_ns;
}

/* The first file of a run is named by its opening, later ones by the boundary
 * that began their period. */
static int file_name(struct file_writer *f, bool first, char name[NAME_BYTES_MAX],
                     struct error *err)
{
	if (!strchr(f->pattern, '%')) {
		if (strlen(f->pattern) >= NAME_BYTES_MAX)
			return error_set(err, -ENAMETOOLONG, "%s: the name is too long", f->text);
		strcpy(name, f->pattern);
		return 0;
	}
	uint64_t time_ns = f->rotate_ns && !first ? rotation_start_ns(f) : f->now_ns;
	time_t seconds = (time_t)(time_ns / SECOND_NS);
	struct tm local;
	localtime_r(&seconds, &local);
	if (strftime(name, NAME_BYTES_MAX, f->pattern, &local) == 0)
		return error_set(err, -ENAMETOOLONG, "%s: the name is too long", f->text);
	int rc = part_make_folders(name, (size_t)(strchr(f->pattern, '%') - f->pattern));
	return rc < 0 ? error_set(err, rc, "%s: cannot make its folder: %s", name, strerror(-rc)) : 0;
}

/* On a failure the writer stays usable: the records until the next try are counted as lost. */
static int file_begin(struct file_writer *f, bool first, struct error *err)
{
	char name[NAME_BYTES_MAX];
	struct stat status;
	int rc = file_name(f, first, name, err);
	if (rc == 0)
		rc = part_open(name, &f->part, err);
	if (rc < 0)
		return f->failed = rc;
	if (f->compression != COMPRESSION_NONE && compressor_new(f->compression, &f->compressor) < 0) {
		part_discard(&f->part);
		return f->failed = error_set(err, -ENOMEM, "%s: out of memory", name);
	}
	f->regular = fstat(f->part.fd, &status) == 0 && S_ISREG(status.st_mode);
	f->is_terminal = f->part.in_place && isatty(f->part.fd);
	f->head_done = false;
	f->file_octets = f->file_records = f->file_acknowledged = 0;
	f->rotate_due_ns = f->rotate_ns ? rotation_start_ns(f) + f->rotate_ns : UINT64_MAX;
	return 0;
}

/* Writes what is left of this file: its head if it has no records, the buffer,
 * the compressor's end. */
static int file_write_end(struct file_writer *f, struct error *err)
{
	int rc = f->failed;
	if (rc == 0 && !f->head_done && !is_rotating(f))
		rc = file_ready(f, err);
	if (rc == 0 && (f->used || f->compressor)) {
		rc = flush_block(f, true);
		if (rc < 0)
			file_fail(f, rc, err);
	}
	return rc;
}

/* A file without a record leaves nothing where it is one of many; alone it is written, head and
 * all, since somebody waits for it. */
static int file_end(struct file_writer *f, struct error *err)
{
	if (f->part.fd < 0)
		return 0;
	int rc = file_write_end(f, err);
	if (f->file_acknowledged == 0 && (rc < 0 || is_rotating(f))) {
		part_discard(&f->part);
	} else if (rc < 0) {
		part_leave(&f->part);
	} else {
		bool replace = !is_rotating(f) && !f->any_complete;
		rc = part_complete(&f->part, replace, f->env->live || is_rotating(f), err);
		f->any_complete = true;
		f->counters.messages++;
	}
	compressor_free(f->compressor);
	f->compressor = NULL;
	f->head_done = false;
	return rc;
}

/* A rotation that is due comes first, also when no record comes: a file of five minutes ends after
 * five minutes. */
int file_writer_tick(struct file_writer *f, uint64_t now_ns, uint64_t *ret_next_ns,
                     struct error *err)
{
	int rc = 0;
	f->now_ns = now_ns;
	if (f->part.fd < 0) {
		f->failed = 0;          /* the next record tries to open a file again */
	} else if (now_ns >= f->rotate_due_ns) {
		rc = file_end(f, err);
		f->failed = 0;
	} else if (f->used && now_ns >= f->flush_due_ns) {
		rc = file_writer_flush(f, err);
	}
	uint64_t next_ns = f->part.fd >= 0 ? f->rotate_due_ns : UINT64_MAX;
	*ret_next_ns = f->used && f->flush_due_ns < next_ns ? f->flush_due_ns : next_ns;
	return rc;
}

int file_writer_batch_done(struct file_writer *f, struct error *err)
{
	return f->is_terminal ? file_writer_flush(f, err) : 0;
}

int file_writer_reopen(struct file_writer *f, struct error *err)
{
	if (f->part.in_place)
		return 0;
	f->now_ns = realtime_ns();
	int rc = file_end(f, err);
	f->failed = 0;
	int begun = file_begin(f, true, rc < 0 ? NULL : err);
	return rc < 0 ? rc : begun;
}

int file_writer_finish(struct file_writer *f, uint64_t deadline_ns, struct error *err)
{
	int rc = file_end(f, err);
	if (f->failed == 0)
		f->failed = -ESHUTDOWN;
	return rc;
}

void file_writer_counters(const struct file_writer *f, struct output_counters *ret)
{
	*ret = f->counters;
	ret->queued = f->pending;
}

void file_writer_close(struct file_writer *f)
{
	if (!f)
		return;
	if (f->file_acknowledged)
		part_leave(&f->part);
	else
		part_discard(&f->part);
	compressor_free(f->compressor);
	free(f->buffer);
	free(f->pattern);
	free(f->text);
	free(f);
}

int file_writer_descriptor(const struct file_writer *f)
{
	return f->part.fd;
}

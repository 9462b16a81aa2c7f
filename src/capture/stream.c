/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets of a file or pipe, decoded: see stream.h.
 * The first four octets of the file are read alone, to tell the kind. A plain file is then read
 * straight into the caller's memory; a compressed one goes through an input buffer and its decoder.
 * A plain file that allows it is mapped instead (mapping.h): no copy at all.
 */
#include "capture/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "capture/decoder.h"
#include "capture/mapping.h"

enum { MAGIC_BYTES = 4, INPUT_BYTES = 128 * 1024 };

/* An open file and how its octets are brought. */
struct stream {
	const char *name;               /* borrowed */
	int fd;
	bool standard;                  /* standard input: stays open */
	bool pollable;                  /* a pipe, socket or terminal: data may not have come yet */
	bool input_ended, told;         /* end of file; kind known */
	bool mapped;                    /* was: read() does not know how far it is */
	const struct decoder_kind *decoder_kind;        /* NULL: plain */
	void *decoder;                  /* of that kind; NULL while plain */
	const char *failure;            /* why decoding stopped for good; NULL while it goes on */
	uint8_t magic[MAGIC_BYTES];     /* the file's first octets */
	unsigned magic_count, magic_given;
	uint8_t *input;                 /* compressed octets, INPUT_BYTES; NULL while plain */
	size_t input_at, input_end;
	uint64_t file_offset, decoded_bytes;
};

static const struct decoder_kind *const decoders[] = { &decoder_gzip, &decoder_zstd };

/* A named pipe is opened without waiting for its writer: nothing could end that wait. Linux does
 * not report the end of one that has had no writer yet, so poll() waits in its place. */
static int open_path(const char *path)
{
	struct stat status;
	bool pipe = stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
	return open(path, O_RDONLY | O_CLOEXEC | (pipe ? O_NONBLOCK : 0));
}

int stream_open(const char *path, struct stream **ret, struct error *err)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open_path(path);
	if (fd < 0)
		return error_set(err, -errno, "%s: cannot open: %s", path, strerror(errno));
	struct stream *s = calloc(1, sizeof *s);
	if (!s) {
		if (!standard)
			close(fd);
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	}
	struct stat status;
	s->fd = fd;
	s->standard = standard;
	s->name = standard ? "standard input" : path;
	s->pollable = fstat(fd, &status) == 0 && !S_ISREG(status.st_mode);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	*ret = s;
	return 0;
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	if (s->decoder_kind)
		s->decoder_kind->close(s->decoder);
	if (!s->standard)
		close(s->fd);
	free(s->input);
	free(s);
}

/* One read() of the file itself, after waiting for a pipe. */
static ssize_t read_file(struct stream *s, void *octets, size_t size, uint64_t wait_ns,
                         struct error *err)
{
	if (s->pollable) {
		struct pollfd pollfd = { .fd = s->fd, .events = POLLIN };
		uint64_t seconds = wait_ns / 1000000000;
		struct timespec wait = { .tv_sec = seconds > 86400 ? 86400 : (time_t)seconds,
		                         .tv_nsec = (long)(wait_ns % 1000000000) };
		if (ppoll(&pollfd, 1, &wait, NULL) <= 0)
			return -EAGAIN;
	}
	ssize_t n = s->mapped ? pread(s->fd, octets, size, (off_t)s->file_offset)
		: read(s->fd, octets, size);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return -EAGAIN;
	if (n < 0)
		return error_set(err, -errno, "%s: cannot read at byte %llu: %s", s->name,
		                 (unsigned long long)s->file_offset, strerror(errno));
	s->input_ended = n == 0;
	s->file_offset += (uint64_t)n;
	return n;
}

/* Reads the first octets until the kind is known. */
static int tell_kind(struct stream *s, uint64_t wait_ns, struct error *err)
{
	while (s->magic_count < MAGIC_BYTES && !s->input_ended) {
		ssize_t n = read_file(s, s->magic + s->magic_count, MAGIC_BYTES - s->magic_count,
		                      wait_ns, err);
		if (n < 0)
			return (int)n;
		s->magic_count += (unsigned)n;
	}
	for (size_t i = 0; i < array_count(decoders); i++) {
		if (!decoders[i]->recognise(s->magic, s->magic_count))
			continue;
		s->input = malloc(INPUT_BYTES);
		if (!s->input || decoders[i]->open(&s->decoder))
			return error_set(err, -ENOMEM, "%s: out of memory", s->name);
		s->decoder_kind = decoders[i];
		memcpy(s->input, s->magic, s->magic_count);
		s->input_end = s->magic_count;
	}
	s->told = true;
	return 0;
}

/* The octets that told the kind come first: a pipe cannot be read twice. */
static ssize_t read_plain(struct stream *s, uint8_t *octets, size_t size, uint64_t wait_ns,
                          struct error *err)
{
	if (s->magic_given < s->magic_count) {
		size_t n = s->magic_count - s->magic_given;
		n = n < size ? n : size;
		memcpy(octets, s->magic + s->magic_given, n);
		s->magic_given += (unsigned)n;
		return (ssize_t)n;
	}
	return s->input_ended ? 0 : read_file(s, octets, size, wait_ns, err);
}

static int decode_failed(struct stream *s, struct error *err)
{
	return error_set(err, -EBADMSG,
	                 "%s: %s data damaged near byte %llu of the file, after %llu "
	                 "decompressed bytes: %s", s->name, s->decoder_kind->name,
	                 (unsigned long long)(s->file_offset - (s->input_end - s->input_at)),
	                 (unsigned long long)s->decoded_bytes, s->failure);
}

/* Decodes what is in the input buffer. Returns the octets made; a failure waits until they are
 * used. */
static ssize_t decode(struct stream *s, uint8_t *octets, size_t size, struct error *err)
{
	if (s->failure)
		return decode_failed(s, err);
	struct decoder_span span = { s->input + s->input_at, s->input + s->input_end,
	                             octets, octets + size };
	const char *why = "it cannot be decoded";
	if (s->decoder_kind->decode(s->decoder, &span, &why))
		s->failure = why;
	s->input_at = (size_t)(span.in - s->input);
	s->decoded_bytes += (uint64_t)(span.out - octets);
	return s->failure && span.out == octets ? decode_failed(s, err) : span.out - octets;
}

/* The decoder is asked before the file, since it may hold output for which there was no room. */
static ssize_t read_decoded(struct stream *s, uint8_t *octets, size_t size, uint64_t wait_ns,
                            struct error *err)
{
	for (;;) {
		ssize_t n = decode(s, octets, size, err);
		if (n)
			return n;
		if (s->input_ended)
			return s->decoder_kind->at_boundary(s->decoder) ? 0 :
			       error_set(err, -EBADMSG,
			                 "%s: %s data cut at byte %llu of the file, after "
			                 "%llu decompressed bytes", s->name, s->decoder_kind->name,
			                 (unsigned long long)s->file_offset,
			                 (unsigned long long)s->decoded_bytes);
		n = read_file(s, s->input, INPUT_BYTES, wait_ns, err);
		if (n < 0)
			return n;
		s->input_at = 0;
		s->input_end = (size_t)n;
	}
}

int stream_map(struct stream *s, struct block **ret)
{
	struct error ignored;
	if (s->pollable || s->standard || s->told || tell_kind(s, 0, &ignored) || s->decoder_kind)
		return -ENOTSUP;
	return mapping_new(s->fd, ret);
}

void stream_seek(struct stream *s, uint64_t offset)
{
	s->magic_given = s->magic_count;
	s->file_offset = offset;
	s->mapped = true;
}

ssize_t stream_read(struct stream *s, void *octets, size_t size, uint64_t wait_ns,
                    struct error *err)
{
	if (!s->told) {
		int r = tell_kind(s, wait_ns, err);
		if (r)
			return r;
	}
	return s->decoder_kind ? read_decoded(s, octets, size, wait_ns, err) :
	                         read_plain(s, octets, size, wait_ns, err);
}

bool stream_is_compressed(const struct stream *s)
{
	return s->decoder_kind != NULL;
}

uint64_t stream_file_offset(const struct stream *s)
{
	return s->file_offset;
}

const char *stream_name(const struct stream *s)
{
	return s->name;
}

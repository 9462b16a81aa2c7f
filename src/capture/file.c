/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files as a source: brings octets into blocks and lets the format walk over them.
 *
 * A block is filled by one read(); frames point into it. What is left of a record at its end is
 * moved to the front when nobody holds the block any more, else copied to the front of another.
 * A file that can be mapped is one block as it is (mapping.h): the window only grows along it.
 * Blocks grow beyond the usual only as octets of a giant record really arrive.
 * Neighbours: file_list.c (which files), stream.c (octets), reader.h (formats), block.h, clock.h.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "capture/block.h"
#include "capture/capture.h"
#include "capture/clock.h"
#include "capture/file_list.h"
#include "capture/mapping.h"
#include "capture/reader.h"
#include "capture/source.h"
#include "capture/stream.h"

enum {
	BLOCK_BYTES = 64 * 1024,
	POOL_BYTES = 96 * 1024 * 1024,          /* in batches not yet released */
	ALIGN_BYTES = 64,                       /* of the place that read() writes to */
	MAPPED_BYTES = 1024 * 1024,             /* that a window over a mapped file grows by */
};

/* The source. Files come one after the other, through one reader. */
struct file_source {
	struct capture capture;
	struct file_list list;          /* owned */
	unsigned next_file;             /* in the list */
	struct stream *stream;          /* of the file being read; NULL between files */
	struct block *block;            /* that the window lies in; NULL before the first */
	bool mapped;                    /* that block is the file itself */
	struct block_pool *pool;        /* of blocks that are filled by reading */
	struct reader reader;           /* the window and the format */
	struct capture_clock clock;
	struct interface_list interfaces;       /* of all files together */
	uint64_t done_bytes;            /* of the files before this one */
	atomic_uint_fast64_t frames, octets, file_bytes;        /* written by the reader only */
};

static struct file_source *source_of(struct capture *c)
{
	return container_of(c, struct file_source, capture);
}

static void file_close(struct capture *c)
{
	if (!c)
		return;
	struct file_source *s = source_of(c);
	stream_close(s->stream);
	reader_fini(&s->reader);
	block_release(s->block);
	block_pool_free(s->pool);
	file_list_fini(&s->list);
	free(s);
}

static int file_open(const struct capture_settings *settings, struct capture **ret,
                     struct error *err)
{
	struct file_source *s = calloc(1, sizeof *s);
	if (!s)
		return error_set(err, -ENOMEM, "out of memory");
	s->capture.kind = &capture_file;
	s->reader.interfaces = &s->interfaces;
	s->reader.messages = settings->messages;
	s->reader.file = UINT32_MAX;    /* the first is 0 */
	s->reader.snaplen_bytes = settings->snaplen_bytes ? settings->snaplen_bytes : UINT32_MAX;
	int r = file_list_init(&s->list, settings, err);
	if (!r && block_pool_new(BLOCK_BYTES, POOL_BYTES, &s->pool))
		r = error_set(err, -ENOMEM, "out of memory");
	if (r) {
		file_close(&s->capture);
		return r;
	}
	*ret = &s->capture;
	return 0;
}

/* What could not be mapped is read; nobody further up notices. */
static void map_file(struct file_source *s)
{
	struct block *block;
	if (stream_map(s->stream, &block))
		return;
	s->mapped = true;
	block_release(s->block);
	s->block = block;
	s->reader.at = s->reader.end = block->data;
}

/* The number of the next file moves on before it is opened: one that fails is told once and passed
 * over. */
static int start_next_file(struct file_source *s, struct error *err)
{
	if (s->next_file == s->list.count)
		return -ENODATA;
	const char *path = s->list.paths[s->next_file++];
	int r = stream_open(path, &s->stream, err);
	if (r)
		return r;
	/* The window goes on behind the last file's octets, which batches may still hold. */
	const uint8_t *end = s->reader.end;
	reader_start(&s->reader, stream_name(s->stream));
	s->reader.at = s->reader.end = end;
	map_file(s);
	return 0;
}

/* What batches still hold stays: only the reader's own hold is given up. */
static void end_file(struct file_source *s)
{
	if (s->mapped) {                /* another file's octets cannot go behind these */
		block_release(s->block);
		s->block = NULL;
		s->reader.at = s->reader.end = NULL;
		s->mapped = false;
	}
	s->done_bytes += stream_file_offset(s->stream);
	atomic_store_explicit(&s->file_bytes, s->done_bytes, memory_order_relaxed);
	stream_close(s->stream);
	s->stream = NULL;
}

/* Makes the rest of the window the start of `to`, leaving the end of it aligned. */
static void move_window(struct file_source *s, struct block *to)
{
	struct reader *r = &s->reader;
	size_t bytes = (size_t)(r->end - r->at);
	uint8_t *start = to->data + (-bytes & (ALIGN_BYTES - 1));
	if (bytes)
		memmove(start, r->at, bytes);
	r->at = start;
	r->end = start + bytes;
}

/* The size that the next block needs: the usual, or as much more as has proven necessary. */
static size_t wanted_bytes(const struct file_source *s)
{
	size_t have = (size_t)(s->reader.end - s->reader.at), need = s->reader.need_bytes;
	size_t usual = BLOCK_BYTES - ALIGN_BYTES;
	if (need <= usual)
		return BLOCK_BYTES;
	return ALIGN_BYTES + (need < 2 * have || have < usual / 2 ? need : 2 * have);
}

/* Room behind the window for what is needed next. 0, -EAGAIN, -ENOMEM. */
static int make_room(struct file_source *s, uint64_t wait_ns, struct error *err)
{
	struct reader *r = &s->reader;
	size_t have = (size_t)(r->end - r->at);
	if (s->block && !s->mapped) {
		size_t room = (size_t)(s->block->data + s->block->size - r->end);
		if (room >= s->block->size / 4 && room + have >= r->need_bytes)
			return 0;
	}
	size_t wanted = wanted_bytes(s);
	if (s->block && !s->mapped && wanted <= s->block->size && s->block->size <= 2 * wanted &&
	    block_is_sole(s->block)) {
		move_window(s, s->block);
		return 0;
	}
	struct block *block;
	int e = block_take(s->pool, wanted, wait_ns, &block);
	if (e == -ENOMEM)
		return error_set(err, e, "%s: out of memory", r->name);
	if (e)
		return e;
	move_window(s, block);
	block_release(s->block);
	s->block = block;
	s->mapped = false;
	return 0;
}

/* Lets the window grow along a mapped file. > 0: so many octets; 0: the end; negative: the rest has
 * to be read. */
static ssize_t bring_mapped(struct file_source *s)
{
	struct reader *r = &s->reader;
	uint64_t have = (uint64_t)(r->end - s->block->data), left = s->block->size - have;
	uint64_t bytes = r->need_bytes > MAPPED_BYTES ? r->need_bytes : MAPPED_BYTES;
	bytes = bytes < left ? bytes : left;
	int e = bytes ? mapping_extend(s->block, have, have + bytes) : 0;
	stream_seek(s->stream, r->end_offset + (e ? 0 : bytes));
	return e ? e : (ssize_t)bytes;
}

/* Behind what has not been walked over yet: a record may go on there. */
static ssize_t bring_read(struct file_source *s, uint64_t wait_ns, struct error *err)
{
	struct reader *r = &s->reader;
	int e = make_room(s, wait_ns, err);
	if (e)
		return e;
	uint8_t *to = s->block->data + (r->end - s->block->data);
	size_t room = (size_t)(s->block->data + s->block->size - to);
	return stream_read(s->stream, to, room, wait_ns, err);
}

/* > 0: octets came; 0: the file ended between records; -EAGAIN: none yet; other negatives:
 * damaged. */
static int bring_octets(struct file_source *s, uint64_t wait_ns, struct error *err)
{
	struct reader *r = &s->reader;
	ssize_t n = s->mapped ? bring_mapped(s) : -ENOTSUP;
	if (n < 0)
		n = bring_read(s, wait_ns, err);
	atomic_store_explicit(&s->file_bytes, s->done_bytes + stream_file_offset(s->stream),
	                      memory_order_relaxed);
	r->compressed = stream_is_compressed(s->stream);
	if (n > 0) {
		r->end += n;
		r->end_offset += (uint64_t)n;
		return 1;
	}
	if (n < 0)
		return (int)n;
	if (r->walk == export_walk && !r->ended && r->at < r->end) {
		r->ended = true;
		return 1;               /* NetFlow v9: the end tells how long the last message is */
	}
	return r->at == r->end && r->walk != detect_walk ? 0 : reader_cut(r, err);
}

/* Every batch holds the block that its frames point into. */
static int deliver(struct file_source *s, struct frame_batch *ret)
{
	block_hold(s->block);
	ret->hold = s->block;
	counter_add(&s->frames, ret->count);
	counter_add(&s->octets, s->reader.octets);
	capture_clock_see_batch(&s->clock, ret, s->reader.latest_ns);
	ret->clock_ns = capture_clock_now(&s->clock);
	return (int)ret->count;
}

/* No frames: the clock only, or the end of all input, where the clock has reached the last time. */
static int deliver_clock(struct file_source *s, struct frame_batch *ret, int code)
{
	ret->count = 0;
	ret->hold = NULL;
	ret->clock_ns = code == -ENODATA ? capture_clock_end(&s->clock) :
	                                   capture_clock_now(&s->clock);
	return code;
}

/* Walk, bring octets when the walk is stuck, go to the next file when there are none. Each error
 * ends the file that it came from, so the next call goes on behind it. */
static int file_read(struct capture *c, uint64_t wait_ns, struct frame_batch *ret,
                     struct error *err)
{
	struct file_source *s = source_of(c);
	for (;;) {
		int r = s->stream ? 0 : start_next_file(s, err);
		if (r)
			return deliver_clock(s, ret, r);
		r = s->reader.walk(&s->reader, ret, err);
		if (likely(r > 0))
			return deliver(s, ret);
		if (r == 0)
			r = bring_octets(s, wait_ns, err);
		if (r == -EAGAIN)
			return deliver_clock(s, ret, 0);
		if (r > 0)
			continue;
		end_file(s);
		if (r < 0)
			return deliver_clock(s, ret, r);
	}
}

static void file_release(struct capture *c, void *hold)
{
	block_release(hold);
}

static void file_counters(struct capture *c, struct capture_counters *ret)
{
	struct file_source *s = source_of(c);
	*ret = (struct capture_counters){
		.frames = atomic_load_explicit(&s->frames, memory_order_relaxed),
		.octets = atomic_load_explicit(&s->octets, memory_order_relaxed),
		.file_bytes_read = atomic_load_explicit(&s->file_bytes, memory_order_relaxed),
		.file_bytes_total = s->list.total_known ? s->list.total_bytes : 0,
	};
}

static unsigned file_interfaces(struct capture *c, const struct capture_interface **ret)
{
	struct file_source *s = source_of(c);
	*ret = s->interfaces.items;
	return s->interfaces.count;
}

const struct capture_kind capture_file = {
	.name = "file",
	.help = "pcap and pcapng files, plain, gzip or zstd; directories; - for standard input",
	.live = false,
	.open = file_open,
	.read = file_read,
	.release = file_release,
	.counters = file_counters,
	.interfaces = file_interfaces,
	.close = file_close,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over the octets of one capture file: what file.c (who brings octets) and the formats
 * (pcap.c, pcapng.c, detect.c) share. A format never reads and never waits: it walks over the
 * window [at, end), fills frames that point into it, and says how many octets it needs when it is
 * stuck.
 */
#ifndef CAPTURE_READER_H
#define CAPTURE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "capture/frame.h"
#include "capture/interfaces.h"

enum {
	FRAME_USUAL_MAX = 1024 * 1024,          /* unless the file's snaplen says more */
	FRAME_LARGEST = 64 * 1024 * 1024,       /* whatever the file says */
};

struct reader;
struct pcapng;

/* > 0: so many frames in ret; 0: stuck, reader->need_bytes octets are needed from `at` on;
 * negative: damaged at `at`, with a message. Frames before the place have been returned by
 * earlier calls. */
typedef int reader_walk(struct reader *r, struct frame_batch *ret, struct error *err);

struct pcap {                           /* what the file header said */
	bool started;
	bool swapped;                   /* the other byte order */
	bool general;                   /* needs the general walk: swapped, long headers, cuts */
	uint8_t header_bytes;           /* of a record: 16, or 24 in the modified format */
	uint8_t fcs_bytes;              /* frame check sequence at the end of each frame */
	uint32_t fraction_ns;           /* unit of the second time field: 1000 or 1 */
	uint32_t captured_max;          /* larger is damage */
	uint16_t link_type, interface;
};

/* One file at a time, used again for the next one. */
struct reader {
	const uint8_t *at, *end;        /* octets not yet walked over */
	uint64_t end_offset;            /* of `end` in the (decompressed) file */
	size_t need_bytes;              /* see reader_walk; at least 1 */
	const char *inside;             /* "a packet record": what an end here would cut */
	reader_walk *walk;

	const char *name;               /* of the file, for messages */
	bool compressed;                /* offsets are those of the decompressed octets */
	uint32_t snaplen_bytes;         /* frames are cut to this; UINT32_MAX: no cut */
	struct interface_list *interfaces;
	bool messages;                  /* export messages are wanted, too */
	bool ended;                     /* nothing comes behind `end` */
	uint32_t file;                  /* number of the file, from 0 on */

	uint64_t last_ns;               /* time of the frame before; for records without one */
	uint64_t octets, latest_ns;     /* of the frames returned last: wire octets, largest time */
	struct pcap pcap;
	struct pcapng *pcapng;          /* owned; NULL until a pcapng file starts */
};

reader_walk detect_walk, pcap_walk, pcapng_walk, export_walk;

/* Starts on the next file: forgets everything but snaplen_bytes, interfaces and messages. */
void reader_start(struct reader *r, const char *name);
void reader_fini(struct reader *r);

/* What the first octets are: the walk that reads them, or NULL with ret_what naming what they are
 * ("an ELF program", "text"). Needs 12 octets, or all that there are. With `messages` export
 * messages are read, too. */
enum { DETECT_BYTES = 12 };
reader_walk *detect_format(const uint8_t *octets, size_t count, bool messages,
                           const char **ret_what);
/* "a pcap or pcapng capture": what could have been read. */
const char *detect_expected(bool messages);

static inline uint64_t reader_offset(const struct reader *r)    /* of `at` */
{
	return r->end_offset - (uint64_t)(r->end - r->at);
}

/* What a stuck walk returns: how many octets it needs from `at` on, and inside of what it is
 * stuck. */
static inline int reader_needs(struct reader *r, size_t bytes, const char *inside)
{
	r->need_bytes = bytes;
	r->inside = inside;
	return 0;
}

/* -EBADMSG with "NAME: damaged at byte OFFSET: ...", the offset being that of `at`. */
int reader_damaged(const struct reader *r, struct error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The file ends inside something: -EBADMSG with the message. */
int reader_cut(const struct reader *r, struct error *err);

/* Octets of frame check sequence at the end of a frame are no part of it, where they were
 * captured. */
static inline void frame_cut_fcs(struct frame *f, uint32_t fcs_bytes)
{
	if (f->wire_bytes < fcs_bytes)
		return;
	f->wire_bytes -= fcs_bytes;
	if (f->captured_bytes > f->wire_bytes)
		f->captured_bytes = f->wire_bytes;
}

#endif

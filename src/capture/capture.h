/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames in: one file per kind of source behind `struct capture_kind`.
 *
 * A capture is read by one thread at a time. A batch stays valid until it is released; several
 * batches may be outstanding, and release may be called from any thread, in any order.
 * Neighbours: frame.h (what comes out), packet/ (who reads frames), engine/ (who pumps them).
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/frame.h"

struct capture;

/* What a source is opened with; names are looked at by open() alone, which copies what it needs. */
struct capture_settings {
	const char *const *names;       /* files, directories, "-" (standard input); or interfaces */
	unsigned name_count;
	uint32_t snaplen_bytes;         /* captured_bytes are cut to this; 0: no cut */
	uint64_t buffer_bytes;          /* live: the kernel's ring, per interface; 0: default */
	bool promiscuous;               /* live */
	bool messages;                  /* files of export messages, too: frames of LINK_EXPORT */
};

struct capture_counters {               /* since open; kernel figures are cumulative, never reset */
	uint64_t frames, octets;        /* delivered, by the source's own count; wire octets */
	uint64_t kernel_drops;          /* live: lost for want of ring space */
	uint64_t interface_drops;       /* live: lost by the interface, as far as it tells */
	bool drops_known;               /* false where the source cannot tell (files, some links) */
	uint64_t file_bytes_read, file_bytes_total;     /* progress; total 0 when unknown (pipes) */
};

/* What is known of an interface that frames refer to by its place in the list. */
struct capture_interface {
	char name[64];                  /* "eth0"; from pcapng when it says so; "" if unknown */
	uint32_t index;                 /* ifIndex live; 0 in files */
	uint8_t mac[6];                 /* live; zeros if unknown */
};

struct capture_kind {                   /* one const per source; capture_kinds[] lists them */
	const char *name, *help;
	bool live;                      /* frames come as they happen, and the kernel may drop some */

	/* Opens all names, or fails with a message and leaves nothing behind. Live sources have
	 * their privileges taken here, so that the caller may drop its own afterwards. */
	int (*open)(const struct capture_settings *settings, struct capture **ret,
	            struct error *err);

	/* > 0: that many frames; 0: none within wait_ns, clock only; -ENODATA: end of all input,
	 * where clock_ns is the last time of all. Other negatives: damaged input or a lost
	 * interface, with a message that names file and byte offset; whole frames before the
	 * place have been delivered by earlier calls. After such an error the next call goes on
	 * with the next file, if there is one, or with the other interfaces. */
	int (*read)(struct capture *c, uint64_t wait_ns, struct frame_batch *ret,
	            struct error *err);

	void (*release)(struct capture *c, void *hold);         /* hold of a batch; NULL is fine */
	void (*counters)(struct capture *c, struct capture_counters *ret);      /* one thread, any */
	/* Count so far; more may come while files are read. The array stays where it is until close. */
	unsigned (*interfaces)(struct capture *c, const struct capture_interface **ret);
	void (*close)(struct capture *c);       /* after all batches were released; NULL is fine */
};

extern const struct capture_kind *const capture_kinds[];       /* NULL-terminated */

/* The kind that serves files, and the best that serves live interfaces on this system. */
const struct capture_kind *capture_kind_files(void);
const struct capture_kind *capture_kind_live(void);

#endif

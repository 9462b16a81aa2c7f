/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the source to the workers. Frames are read in turns, by whichever worker finds nobody else
 * reading; there is no thread for it. Who has read parses and deals out, while others read. A
 * packet goes to the worker that its address pair hashes to, fragments where their first fragment
 * went, so workers never share a flow; each gets its packets in order, with the source's clock.
 * What depends on the order of all packets, the memory of fragments and sampling, sits before the
 * split. With one worker nothing is copied or queued. Neighbours: parcel.h, gate.h.
 */
#ifndef ENGINE_PUMP_H
#define ENGINE_PUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "capture/capture.h"
#include "engine/accounts.h"
#include "packet/packet.h"

enum { WORKERS_MAX = 64 };

struct pump;
struct parcel;

struct pump_endpoint {                  /* one of our own export sockets */
	uint8_t family, protocol;
	uint8_t local[16], remote[16];
	uint16_t local_port, remote_port;       /* local 0: any */
};

/* What it is made with; copied. On an error the capture is still the caller's. */
struct pump_setup {
	const struct capture_kind *kind;        /* of `capture` */
	struct capture *capture;        /* owned by the pump from here on */
	struct packet_settings packet;
	unsigned workers;
	bool frames;                    /* workers look at frames even if packets are brief */
	uint64_t packet_limit;          /* stop after so many frames; 0: none */
	uint32_t sample;                /* 1:N; 0 or 1: all */
	bool sample_random;
	const struct pump_endpoint *own_export; /* copied */
	unsigned own_export_count;
	const struct log *log;          /* damaged input is told there; borrowed */
};

struct lane_batch {                     /* what one worker gets of one parcel */
	const struct packet *const *packets;
	unsigned count;
	uint64_t clock_ns;              /* time that the whole source has reached */
	struct packet_sums sums;        /* of these packets */
	struct parcel *parcel;          /* that the batch ends; NULL: it goes on */
};

/* What happened before the workers. Sums over all who have read. */
struct pump_counters {
	struct capture_counters source;
	struct fate_counters fates;     /* all but metered and filtered */
	uint64_t unread_frames, unread_octets;
	bool damaged;                   /* some input was damaged: exit status 1 */
};

/* Makes lanes and parcels for so many workers. -ENOMEM with a message. */
int pump_new(const struct pump_setup *setup, struct pump **ret, struct error *err);
void pump_free(struct pump *pump);      /* closes the capture */

/* The next batch for a worker; waits for it. May be empty (clock only). False at the end. */
bool pump_next(struct pump *pump, unsigned worker, struct lane_batch *ret);
/* Gives a batch back; its packets and frames are gone then. */
void pump_done(struct pump *pump, struct lane_batch *batch);

/* After pump_stop: nobody waits for a lane that has no worker. */
void pump_wake(struct pump *pump);
void pump_stop(struct pump *pump);      /* no more reading; async-signal-safe */
uint64_t pump_last_time(const struct pump *pump);       /* at the end: where timers run to */
/* How far a file has been read; any time, any thread. */
void pump_progress(struct pump *pump, struct capture_counters *ret);
void pump_counters(struct pump *pump, struct pump_counters *ret);

#endif

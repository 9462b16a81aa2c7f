/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages from files: those of export messages themselves (each file is a session, RFC 5655), and
 * captures of export traffic (traffic.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/capture.h"
#include "collect/collector_inner.h"
#include "collect/traffic.h"
#include "packet/filter.h"
#include "packet/packet.h"

/* The way in from files. Large, since a packet and a batch lie in it. */
struct collect_files {
	struct collector *collector;
	const struct capture_kind *kind;
	struct capture *capture;        /* owned */
	struct packet_filter *filter;   /* NULL: all */
	struct packet_parser *parser;   /* of captured packets */
	struct collect_session *file;   /* of the file of messages being read */
	uint32_t file_number;           /* of `file` */
	bool file_open;
	struct traffic *traffic;        /* of captures */
	struct frame_batch frames;      /* being read */
	struct packet packet;           /* the one at hand */
};

/* ---- opening --------------------------------------------------------------------------------- */

/* Aligned, since struct packet inside asks for cache lines. */
int collect_files_open(struct collector *c, struct collect_files **ret, struct error *err)
{
	struct collect_files *f = aligned_alloc(64, (sizeof *f + 63) / 64 * 64);
	if (!f)
		return error_set(err, -ENOMEM, "out of memory");
	memset(f, 0, sizeof *f);
	f->collector = c;
	f->kind = capture_kind_files();
	struct capture_settings settings = { .names = c->setup.files,
	                                     .name_count = c->setup.file_count, .messages = true };
	struct packet_settings packet = { 0 };
	int r = f->kind->open(&settings, &f->capture, err);
	if (!r && (packet_parser_new(&packet, &f->parser) || traffic_new(c, &f->traffic)))
		r = error_set(err, -ENOMEM, "out of memory");
	if (!r && c->setup.filter)
		r = packet_filter_new(c->setup.filter, &f->filter, err);
	if (r) {
		collect_files_close(f);
		return r;
	}
	*ret = f;
	return 0;
}

void collect_files_end(struct collect_files *f)
{
	traffic_free(f->traffic);
	f->traffic = NULL;
	if (f->file)
		collect_session_close(&f->collector->exporters, f->file);
	f->file = NULL;
}

void collect_files_close(struct collect_files *f)
{
	if (!f)
		return;
	collect_files_end(f);
	f->kind->close(f->capture);
	packet_parser_free(f->parser);
	packet_filter_free(f->filter);
	free(f);
}

/* ---- files of messages ----------------------------------------------------------------------- */

/* A new file is a new session. */
static struct collect_session *file_session(struct collect_files *f, uint32_t number)
{
	struct exporters *e = &f->collector->exporters;
	if (f->file_open && f->file_number == number)
		return f->file;
	if (f->file)
		collect_session_close(e, f->file);
	struct exporter_address address = { .name = "files" };
	f->file = collect_session_open(e, &address, DECODE_FILE);
	f->file_open = true;
	f->file_number = number;
	return f->file;
}

static void message_frame(struct collect_files *f, const struct frame *frame)
{
	struct collect_session *session = file_session(f, frame->cookie);
	struct decode_message message = { .octets = frame->data, .bytes = frame->captured_bytes,
	                                  .time_ns = frame->time_ns };
	if (session)
		collector_message(f->collector, session, &message);
	else
		f->collector->counters.refused++;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static void frame_read(struct collect_files *f, struct frame *frame)
{
	struct collector_counters *k = &f->collector->counters;
	if (frame->link_type == LINK_EXPORT) {
		message_frame(f, frame);
		return;
	}
	k->packets++;
	k->octets += frame_octets(frame);
	if (f->filter && !packet_filter_match(f->filter, frame)) {
		k->filtered++;
		return;
	}
	struct packet *p = &f->packet;
	packet_parse_one(f->parser, frame, p);
	if (p->fate == FATE_metered)
		traffic_packet(f->traffic, p);
	else
		k->not_export++;
}

int collect_files_read(struct collect_files *f, struct error *err)
{
	const uint64_t wait_ns = 100000000;
	int n = f->kind->read(f->capture, wait_ns, &f->frames, err);
	if (n == -ENODATA)
		collect_files_end(f);
	if (n < 0 && n != -ENODATA)
		f->collector->counters.damaged = true;
	for (int i = 0; i < n; i++)
		frame_read(f, &f->frames.frame[i]);
	f->kind->release(f->capture, f->frames.hold);
	return n > 0 ? 1 : n;
}

void collect_files_counters(struct collect_files *f, struct collector_counters *ret)
{
	struct capture_counters c;
	f->kind->counters(f->capture, &c);
	ret->file_bytes_read = c.file_bytes_read;
	ret->file_bytes_total = c.file_bytes_total;
}

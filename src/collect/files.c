/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages from files: those of export messages themselves (each file is a session, RFC 5655), and
 * captures of export traffic, where the sender's address and port make the session. In captures a
 * datagram to one of the usual ports is taken for a message whatever it holds; others are when they
 * look like one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "capture/capture.h"
#include "collect/collector_inner.h"
#include "packet/filter.h"
#include "packet/packet.h"
#include "record/value_text.h"

enum { PROTOCOL_UDP = 17, SESSIONS_MAX = 4096 };

struct capture_session {                /* who sent, from which port to which */
	struct collect_session *session;
	uint64_t key;
	struct capture_session *older, *newer;
};

struct collect_files {
	struct collector *collector;
	const struct capture_kind *kind;
	struct capture *capture;
	struct packet_filter *filter;   /* NULL: all */
	struct packet_parser *parser;
	struct fate_counters fates;
	struct collect_session *file;   /* of the file of messages being read */
	uint32_t file_number;
	bool file_open;
	struct map sessions;            /* struct capture_session by its key */
	struct capture_session *oldest, *newest;
	struct frame_batch frames;
	struct packet_batch packets;
};

/* ---- opening --------------------------------------------------------------------------------- */

int collect_files_open(struct collector *c, struct collect_files **ret, struct error *err)
{
	struct collect_files *f = aligned_alloc(64, (sizeof *f + 63) / 64 * 64);
	if (!f)
		return error_set(err, -ENOMEM, "out of memory");
	memset(f, 0, sizeof *f);
	f->collector = c;
	f->kind = capture_kind_files();
	map_init(&f->sessions, c->exporters.by_address.secret);
	struct capture_settings settings = { .names = c->setup.files,
	                                     .name_count = c->setup.file_count, .messages = true };
	struct packet_settings packet = { 0 };
	int r = f->kind->open(&settings, &f->capture, err);
	if (!r && packet_parser_new(&packet, &f->parser))
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

static void capture_session_end(struct collect_files *f, struct capture_session *s)
{
	if (s->older)
		s->older->newer = s->newer;
	else
		f->oldest = s->newer;
	if (s->newer)
		s->newer->older = s->older;
	else
		f->newest = s->older;
	map_remove(&f->sessions, s->key);
	collect_session_close(&f->collector->exporters, s->session);
	free(s);
}

void collect_files_end(struct collect_files *f)
{
	while (f->oldest)
		capture_session_end(f, f->oldest);
	if (f->file)
		collect_session_close(&f->collector->exporters, f->file);
	f->file = NULL;
}

void collect_files_close(struct collect_files *f)
{
	if (!f)
		return;
	collect_files_end(f);
	map_fini(&f->sessions);
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

/* ---- captures -------------------------------------------------------------------------------- */

struct datagram {
	const uint8_t *octets;
	uint32_t bytes;
	uint64_t time_ns;
	uint8_t family;
	const uint8_t *source, *destination;    /* addresses */
	uint16_t ports[2];              /* source, destination */
};

static const uint16_t usual_ports[] = { 4739, 2055, 9995, 9996 };

static bool is_usual_port(uint16_t port)
{
	for (unsigned i = 0; i < array_count(usual_ports); i++)
		if (usual_ports[i] == port)
			return true;
	return false;
}

static bool looks_like_export(const struct datagram *d)
{
	if (d->bytes < 20)
		return false;
	uint16_t version = load_be16(d->octets), second = load_be16(d->octets + 2);
	if (version == 10)
		return second == d->bytes;
	if (version == 5)
		return second > 0 && second <= 30 && d->bytes == 24u + 48u * second;
	if (version != 9 || d->bytes < 24)
		return false;
	uint16_t id = load_be16(d->octets + 20), length = load_be16(d->octets + 22);
	return (id < 2 || id > 255) && length >= 4 && length <= d->bytes - 20 && second > 0;
}

static uint64_t datagram_key(const struct collect_files *f, const struct datagram *d)
{
	uint64_t secret = f->sessions.secret | 1;
	uint64_t h = (uint64_t)d->family << 32 | (uint32_t)d->ports[0] << 16 | d->ports[1];
	unsigned bytes = d->family == 4 ? 4 : 16;
	for (unsigned i = 0; i < bytes; i += 4) {
		h = (h ^ load_32(d->source + i) ^ secret >> 11) * secret;
		h ^= h >> 29;
		h = (h ^ load_32(d->destination + i)) * secret;
		h ^= h >> 31;
	}
	return h;
}

static void address_text(uint8_t family, const uint8_t *octets, char *ret, size_t size)
{
	if (family == 4)
		ret[value_format_ipv4(octets, ret)] = '\0';
	else
		ret[value_format_ipv6(octets, ret)] = '\0';
}

static struct capture_session *session_make(struct collect_files *f, uint64_t key,
                                            const struct datagram *d)
{
	char name[48];
	struct exporter_address address = { .family = d->family, .name = name };
	memcpy(address.octets, d->source, d->family == 4 ? 4 : 16);
	address_text(d->family, d->source, name, sizeof name);
	if (f->sessions.count >= SESSIONS_MAX)
		capture_session_end(f, f->oldest);
	struct capture_session *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->key = key;
	s->session = collect_session_open(&f->collector->exporters, &address, DECODE_DATAGRAMS);
	if (s->session && !map_put(&f->sessions, key, s))
		return s;
	if (s->session)
		collect_session_close(&f->collector->exporters, s->session);
	free(s);
	return NULL;
}

static void session_use(struct collect_files *f, struct capture_session *s)
{
	if (f->newest == s)
		return;
	if (s->newer) {                 /* it is in the list, and not its end */
		s->newer->older = s->older;
		if (s->older)
			s->older->newer = s->newer;
		else
			f->oldest = s->newer;
	}
	s->older = f->newest;
	s->newer = NULL;
	if (f->newest)
		f->newest->newer = s;
	else
		f->oldest = s;
	f->newest = s;
}

static void datagram_read(struct collect_files *f, const struct datagram *d)
{
	uint64_t key = datagram_key(f, d);
	struct capture_session *s = map_get(&f->sessions, key);
	if (!s)
		s = session_make(f, key, d);
	if (!s) {
		f->collector->counters.refused++;
		return;
	}
	session_use(f, s);
	struct decode_message message = { .octets = d->octets, .bytes = d->bytes,
	                                  .time_ns = d->time_ns, .time_is_collection = true };
	collector_message(f->collector, s->session, &message);
}

static void packet_read(struct collect_files *f, const struct packet *p)
{
	struct collector_counters *k = &f->collector->counters;
	unsigned from = p->sender, to = !p->sender;
	struct datagram d = {
		.bytes = p->payload_bytes, .time_ns = p->time_ns, .family = p->family,
		.source = p->family == 4 ? p->key.address.v4[from] : p->key.address.v6[from],
		.destination = p->family == 4 ? p->key.address.v4[to] : p->key.address.v6[to],
		.ports = { p->key.port[from], p->key.port[to] },
	};
	if (p->key.protocol != PROTOCOL_UDP || d.bytes == 0) {
		k->not_export++;
		return;
	}
	if (p->bits & PACKET_FRAGMENT) {
		k->fragments++;
		return;
	}
	uint32_t captured = p->frame->captured_bytes;
	d.octets = p->frame->data + p->payload_offset;
	bool whole = p->payload_offset && (uint64_t)p->payload_offset + d.bytes <= captured;
	if (!whole && is_usual_port(d.ports[1]))
		k->truncated++;
	else if (whole && (is_usual_port(d.ports[1]) || looks_like_export(&d)))
		datagram_read(f, &d);
	else
		k->not_export++;
}

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
	struct packet *p = &f->packets.packet[0];
	packet_parse_one(f->parser, frame, p);
	if (p->fate == FATE_metered)
		packet_read(f, p);
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

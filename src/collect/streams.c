/* SPDX-License-Identifier: Apache-2.0 */
/* See streams.h. The lists are short: exporters over TCP are few, and captures of them small. */
#include "collect/streams.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "ipfix/format.h"

enum {
	STREAMS_MAX = 256, WAITING_MAX = 512 * 1024, MESSAGE_MAX = IPFIX_MESSAGE_BYTES_MAX,
	AHEAD_MAX = 16 * 1024 * 1024,
};

struct waiting {                        /* a segment ahead of its turn */
	struct waiting *next;           /* by sequence number */
	uint32_t sequence, bytes;
	uint8_t octets[];
};

/* One direction of a connection, and the message that it is in. */
struct ipfix_stream {
	struct ipfix_stream *older, *newer;
	uint64_t key;
	struct collect_session *session;        /* the stream's own */
	bool in_step;                   /* `next` is known */
	bool broken;                    /* no message began where one should: nothing more is read */
	uint32_t next;                  /* sequence number of the octet that is expected */
	uint64_t time_ns;               /* of the last segment */
	uint32_t bytes;                 /* of the message being put together */
	uint8_t octets[MESSAGE_MAX];    /* its beginning */
	struct waiting *waiting;        /* segments that came too early, in order */
	uint32_t waiting_bytes;
};

/* All that are followed, by key and by use. */
struct stream_table {
	struct collector *collector;
	struct map by_key;
	struct ipfix_stream *oldest, *newest;
};

/* ---- the table ------------------------------------------------------------------------------- */

struct stream_table *stream_table_new(struct collector *collector)
{
	struct stream_table *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->collector = collector;
	map_init(&t->by_key, collector->exporters.by_address.secret);
	return t;
}

static void unlink_stream(struct stream_table *t, struct ipfix_stream *s)
{
	if (s->older)
		s->older->newer = s->newer;
	else
		t->oldest = s->newer;
	if (s->newer)
		s->newer->older = s->older;
	else
		t->newest = s->older;
}

static void link_newest(struct stream_table *t, struct ipfix_stream *s)
{
	s->older = t->newest;
	s->newer = NULL;
	if (t->newest)
		t->newest->newer = s;
	else
		t->oldest = s;
	t->newest = s;
}

static void waiting_drop(struct ipfix_stream *s)
{
	while (s->waiting) {
		struct waiting *w = s->waiting;
		s->waiting = w->next;
		free(w);
	}
	s->waiting_bytes = 0;
}

static void give(struct stream_table *t, struct ipfix_stream *s, uint32_t bytes)
{
	struct decode_message message = { .octets = s->octets, .bytes = bytes,
	                                  .time_ns = s->time_ns, .time_is_collection = true };
	if (collector_message(t->collector, s->session, &message) != FAULT_none)
		s->broken = true;
}

static void stream_close(struct stream_table *t, struct ipfix_stream *s);

void stream_table_free(struct stream_table *t)
{
	if (!t)
		return;
	while (t->oldest)
		stream_close(t, t->oldest);
	map_fini(&t->by_key);
	free(t);
}

/* The oldest stream makes room: captures begin and end in the middle of streams, so many never
 * end. */
static struct ipfix_stream *stream_open(struct stream_table *t, const struct segment *g)
{
	if (t->by_key.count >= STREAMS_MAX)
		stream_close(t, t->oldest);
	struct ipfix_stream *s = malloc(sizeof *s);
	if (!s)
		return NULL;
	memset(s, 0, offsetof(struct ipfix_stream, octets));
	s->waiting = NULL;
	s->waiting_bytes = 0;
	s->key = g->key;
	s->session = collect_session_open(&t->collector->exporters, &g->from, DECODE_STREAM);
	if (!s->session || map_put(&t->by_key, g->key, s)) {
		if (s->session)
			collect_session_close(&t->collector->exporters, s->session);
		free(s);
		return NULL;
	}
	link_newest(t, s);
	return s;
}

/* ---- octets in order ------------------------------------------------------------------------- */

static bool looks_like_message(const uint8_t *octets, uint32_t bytes)
{
	return bytes >= IPFIX_HEADER_BYTES && load_be16(octets) == IPFIX_VERSION &&
	       load_be16(octets + 2) >= IPFIX_HEADER_BYTES;
}

/* How many octets the message at the front has; what is needed to tell while it is not known. */
static uint32_t message_bytes(const struct ipfix_stream *s)
{
	if (s->bytes < 4)
		return 4;
	uint16_t length = load_be16(s->octets + 2);
	return load_be16(s->octets) != IPFIX_VERSION || length < IPFIX_HEADER_BYTES ? s->bytes : length;
}

/* Appends octets that are in order, and gives messages that become whole. */
static void take(struct stream_table *t, struct ipfix_stream *s, const uint8_t *octets,
                 uint32_t bytes)
{
	s->next += bytes;
	while (bytes > 0 && !s->broken) {
		uint32_t wanted = message_bytes(s) - s->bytes;
		uint32_t now = wanted < bytes ? wanted : bytes;
		memcpy(s->octets + s->bytes, octets, now);
		s->bytes += now;
		octets += now;
		bytes -= now;
		if (s->bytes < 4 || s->bytes != message_bytes(s))
			continue;
		give(t, s, s->bytes);
		s->bytes = 0;
	}
}

/* In order of their sequence; without memory the segment is as good as lost. */
static void keep(struct ipfix_stream *s, const struct segment *g)
{
	struct waiting **at = &s->waiting;
	while (*at && (int32_t)((*at)->sequence - g->sequence) < 0)
		at = &(*at)->next;
	struct waiting *w = malloc(sizeof *w + g->bytes);
	if (!w)
		return;
	*w = (struct waiting){ .next = *at, .sequence = g->sequence, .bytes = g->bytes };
	memcpy(w->octets, g->octets, g->bytes);
	*at = w;
	s->waiting_bytes += g->bytes;
}

/* Those whose turn has come. */
static void take_waiting(struct stream_table *t, struct ipfix_stream *s)
{
	while (s->waiting && (int32_t)(s->waiting->sequence - s->next) <= 0) {
		struct waiting *w = s->waiting;
		uint32_t old = s->next - w->sequence;
		s->waiting = w->next;
		s->waiting_bytes -= w->bytes;
		if (old < w->bytes)
			take(t, s, w->octets + old, w->bytes - old);
		free(w);
	}
}

/* A segment is missing for good: on with the first that begins with a message. */
static void skip_what_is_missing(struct stream_table *t, struct ipfix_stream *s)
{
	s->bytes = 0;
	while (s->waiting && !looks_like_message(s->waiting->octets, s->waiting->bytes)) {
		struct waiting *w = s->waiting;
		s->waiting = w->next;
		s->waiting_bytes -= w->bytes;
		free(w);
	}
	s->in_step = s->waiting;
	if (!s->waiting)
		return;
	s->next = s->waiting->sequence;
	take_waiting(t, s);
}

/* Nothing that is missing will come now, and what is left of a message is one that was cut. */
static void stream_close(struct stream_table *t, struct ipfix_stream *s)
{
	while (s->waiting)
		skip_what_is_missing(t, s);
	if (s->bytes && !s->broken)
		give(t, s, s->bytes);
	unlink_stream(t, s);
	map_remove(&t->by_key, s->key);
	collect_session_close(&t->collector->exporters, s->session);
	waiting_drop(s);
	free(s);
}

/* Sequence numbers are compared modulo 2^32. What was seen before is cut off, what lies ahead
 * waits, what lies too far ahead is taken for damage. */
static void segment_take(struct stream_table *t, struct ipfix_stream *s, const struct segment *g)
{
	if (!s->in_step && looks_like_message(g->octets, g->bytes)) {
		s->in_step = true;
		s->next = g->sequence;
	}
	if (!s->in_step || g->bytes == 0 || s->broken)
		return;
	int32_t ahead = (int32_t)(g->sequence - s->next);
	if (ahead > AHEAD_MAX)
		return;
	if (ahead > 0) {
		keep(s, g);
		if (s->waiting_bytes > WAITING_MAX)
			skip_what_is_missing(t, s);
		return;
	}
	uint32_t old = (uint32_t)-ahead;
	if (old < g->bytes)
		take(t, s, g->octets + old, g->bytes - old);
	take_waiting(t, s);
}

/* A SYN under a key in use is a new stream: the end of the old one was not captured. */
bool stream_table_add(struct stream_table *t, const struct segment *g)
{
	struct ipfix_stream *s = map_get(&t->by_key, g->key);
	if (s && g->begins) {           /* the port is used again */
		stream_close(t, s);
		s = NULL;
	}
	bool follow = g->usual_port ? g->begins || g->bytes > 0 :
	              looks_like_message(g->octets, g->bytes);
	if (!s && follow)
		s = stream_open(t, g);
	if (!s)
		return false;
	if (g->begins) {
		s->in_step = true;
		s->next = g->sequence + 1;
	}
	s->time_ns = g->time_ns;
	unlink_stream(t, s);
	link_newest(t, s);
	segment_take(t, s, g);
	if (g->ends && (!s->in_step || !s->waiting))
		stream_close(t, s);
	return true;
}

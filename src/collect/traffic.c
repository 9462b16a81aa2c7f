/* SPDX-License-Identifier: Apache-2.0 */
/* See traffic.h. */
#include "collect/traffic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "collect/fragments.h"
#include "collect/streams.h"
#include "record/value_text.h"

enum { TCP = 6, UDP = 17, UDP_HEADER_BYTES = 8, TCP_HEADER_BYTES = 20 };
enum { FLAG_FIN = 1, FLAG_SYN = 2, FLAG_RST = 4 };

struct udp_session {                    /* who sent, from which port to which */
	struct collect_session *session;
	uint64_t key;
	bool proven;                    /* data of it were decoded */
	struct udp_session *older, *newer;
};

/* A list of sessions, the one used last at its end. */
struct by_use {
	struct udp_session *oldest, *newest;
};

/* When there are too many those that never gave anything make room first: invented senders do not
 * push out who is real. */
struct traffic {
	struct collector *collector;
	struct map sessions;            /* struct udp_session by its key */
	struct by_use proven, unproven;
	struct fragments *fragments;
	struct stream_table *streams;
};

struct payload {                        /* what a packet, or a whole datagram, carries */
	const uint8_t *octets;
	uint32_t bytes;
	uint64_t time_ns;
	uint8_t family;
	const uint8_t *source, *destination;    /* addresses */
	uint16_t ports[2];              /* source, destination */
};

int traffic_new(struct collector *collector, struct traffic **ret)
{
	struct traffic *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	t->collector = collector;
	map_init(&t->sessions, collector->exporters.by_address.secret);
	t->fragments = fragments_new();
	t->streams = stream_table_new(collector);
	if (!t->fragments || !t->streams) {
		traffic_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

/* ---- sessions of datagrams ------------------------------------------------------------------- */

static struct by_use *list_of(struct traffic *t, const struct udp_session *s)
{
	return s->proven ? &t->proven : &t->unproven;
}

static void unlink_session(struct by_use *list, struct udp_session *s)
{
	if (s->older)
		s->older->newer = s->newer;
	else
		list->oldest = s->newer;
	if (s->newer)
		s->newer->older = s->older;
	else
		list->newest = s->older;
}

static void link_newest(struct by_use *list, struct udp_session *s)
{
	s->older = list->newest;
	s->newer = NULL;
	if (list->newest)
		list->newest->newer = s;
	else
		list->oldest = s;
	list->newest = s;
}

static void session_end(struct traffic *t, struct udp_session *s)
{
	unlink_session(list_of(t, s), s);
	map_remove(&t->sessions, s->key);
	collect_session_close(&t->collector->exporters, s->session);
	free(s);
}

void traffic_free(struct traffic *t)
{
	if (!t)
		return;
	while (t->unproven.oldest)
		session_end(t, t->unproven.oldest);
	while (t->proven.oldest)
		session_end(t, t->proven.oldest);
	map_fini(&t->sessions);
	fragments_free(t->fragments);
	stream_table_free(t->streams);
	free(t);
}

/* Both ends and ports, in the direction of the packet: a session is one way. */
static uint64_t key_of(const struct traffic *t, const struct payload *p)
{
	uint64_t secret = t->sessions.secret | 1;
	uint64_t h = (uint64_t)p->family << 32 | (uint32_t)p->ports[0] << 16 | p->ports[1];
	unsigned bytes = p->family == 4 ? 4 : 16;
	for (unsigned i = 0; i < bytes; i += 4) {
		h = (h ^ load_32(p->source + i) ^ secret >> 11) * secret;
		h ^= h >> 29;
		h = (h ^ load_32(p->destination + i)) * secret;
		h ^= h >> 31;
	}
	return h;
}

enum { NAME_BYTES = 46 };

/* The name is written into the caller's buffer, which the result points at. */
static struct exporter_address sender_of(const struct payload *p, char name[NAME_BYTES])
{
	struct exporter_address a = { .family = p->family, .name = name };
	memcpy(a.octets, p->source, p->family == 4 ? 4 : 16);
	size_t length = p->family == 4 ? value_format_ipv4(p->source, name)
	                               : value_format_ipv6(p->source, name);
	name[length] = '\0';
	return a;
}

/* Sessions that never gave data make room first, so that invented senders do not push out real
 * ones. */
static struct udp_session *session_make(struct traffic *t, uint64_t key, const struct payload *p)
{
	char name[NAME_BYTES];
	struct exporter_address address = sender_of(p, name);
	if (t->sessions.count >= t->collector->setup.exporters_max)
		session_end(t, t->unproven.oldest ? t->unproven.oldest : t->proven.oldest);
	struct udp_session *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->key = key;
	s->session = collect_session_open(&t->collector->exporters, &address, DECODE_DATAGRAMS);
	if (s->session && !map_put(&t->sessions, key, s)) {
		link_newest(&t->unproven, s);
		return s;
	}
	if (s->session)
		collect_session_close(&t->collector->exporters, s->session);
	free(s);
	return NULL;
}

static void datagram_read(struct traffic *t, const struct payload *p)
{
	uint64_t key = key_of(t, p);
	struct udp_session *s = map_get(&t->sessions, key);
	if (!s)
		s = session_make(t, key, p);
	if (!s) {
		t->collector->counters.refused++;
		return;
	}
	struct decode_message message = { .octets = p->octets, .bytes = p->bytes,
	                                  .time_ns = p->time_ns, .time_is_collection = true };
	collector_message(t->collector, s->session, &message);
	unlink_session(list_of(t, s), s);
	s->proven = s->proven || decode_session_counters(s->session->decode)->data_sets > 0;
	link_newest(list_of(t, s), s);
}

/* ---- what is export -------------------------------------------------------------------------- */

static const uint16_t usual_ports[] = { 4739, 2055, 9995, 9996 };

static bool is_usual_port(uint16_t port)
{
	for (unsigned i = 0; i < array_count(usual_ports); i++)
		if (usual_ports[i] == port)
			return true;
	return false;
}

/* At unusual ports a datagram has to fit: a length that agrees, or a first set that is possible. */
static bool looks_like_export(const struct payload *p)
{
	if (p->bytes < 20)
		return false;
	uint16_t version = load_be16(p->octets), second = load_be16(p->octets + 2);
	if (version == 10)
		return second == p->bytes;
	if (version == 5)
		return second > 0 && second <= 30 && p->bytes == 24u + 48u * second;
	if (version != 9 || p->bytes < 24)
		return false;
	uint16_t id = load_be16(p->octets + 20), length = load_be16(p->octets + 22);
	return (id < 2 || id > 255) && length >= 4 && length <= p->bytes - 20 && second > 0;
}

/* At usual ports everything counts, cut messages as well; elsewhere only what looks like export,
 * whole. */
static void udp_read(struct traffic *t, const struct payload *p, bool whole)
{
	struct collector_counters *k = &t->collector->counters;
	bool usual = is_usual_port(p->ports[1]);
	if (p->bytes == 0 || (!usual && !(whole && looks_like_export(p)))) {
		k->not_export++;
	} else if (!whole) {
		k->truncated++;
	} else {
		k->datagrams++;
		datagram_read(t, p);
	}
}

/* Datagrams put together begin with their UDP header; its length stands above the fragments' where
 * it is smaller. */
static void fragment_read(struct traffic *t, const struct packet *packet, struct payload *p)
{
	struct whole_datagram whole;
	if (!fragments_add(t->fragments, packet, &whole) || whole.bytes <= UDP_HEADER_BYTES) {
		t->collector->counters.fragments++;
		return;
	}
	t->collector->counters.reassembled++;
	p->ports[0] = load_be16(whole.octets);
	p->ports[1] = load_be16(whole.octets + 2);
	uint16_t length = load_be16(whole.octets + 4);
	p->octets = whole.octets + UDP_HEADER_BYTES;
	p->bytes = (length > UDP_HEADER_BYTES && length <= whole.bytes ? length : whole.bytes)
		- UDP_HEADER_BYTES;
	udp_read(t, p, true);
}

/* A segment that was not captured whole takes part without its octets: the stream notices the hole.
 * Keys of TCP are the complement, so no port is mistaken for one of UDP. */
static void tcp_read(struct traffic *t, const struct packet *packet, const struct payload *p,
                     bool whole)
{
	char name[NAME_BYTES];
	const struct frame *frame = packet->frame;
	bool header = packet->l4_offset &&
	              packet->l4_offset + (uint32_t)TCP_HEADER_BYTES <= frame->captured_bytes;
	if (!header || (packet->bits & PACKET_FRAGMENT)) {
		t->collector->counters.not_export++;
		return;
	}
	struct segment segment = {
		.key = ~key_of(t, p), .from = sender_of(p, name), .octets = p->octets,
		.bytes = whole ? p->bytes : 0, .time_ns = p->time_ns,
		.sequence = load_be32(frame->data + packet->l4_offset + 4),
		.usual_port = p->ports[1] == usual_ports[0], .begins = packet->tcp_flags & FLAG_SYN,
		.ends = packet->tcp_flags & (FLAG_FIN | FLAG_RST),
	};
	if (stream_table_add(t->streams, &segment))
		t->collector->counters.segments++;
	else
		t->collector->counters.not_export++;
}

void traffic_packet(struct traffic *t, const struct packet *packet)
{
	unsigned from = packet->sender, to = !packet->sender;
	const struct key *key = &packet->key;
	struct payload p = {
		.octets = packet->frame->data + packet->payload_offset, .bytes = packet->payload_bytes,
		.time_ns = packet->time_ns, .family = packet->family,
		.source = packet->family == 4 ? key->address.v4[from] : key->address.v6[from],
		.destination = packet->family == 4 ? key->address.v4[to] : key->address.v6[to],
		.ports = { key->port[from], key->port[to] },
	};
	bool whole = packet->payload_offset && (uint64_t)packet->payload_offset + p.bytes <=
	             packet->frame->captured_bytes;
	if (key->protocol == UDP && packet->bits & PACKET_FRAGMENT)
		fragment_read(t, packet, &p);
	else if (key->protocol == UDP)
		udp_read(t, &p, whole);
	else if (key->protocol == TCP)
		tcp_read(t, packet, &p, whole);
	else
		t->collector->counters.not_export++;
}

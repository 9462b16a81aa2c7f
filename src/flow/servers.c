/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of servers: see servers.h. A set is one cache line, so learning and asking touch one
 * each. Ends are known by a tag from a keyed hash: two that share set and tag are taken for one,
 * which nobody can bring about on purpose.
 */
#include "flow/servers.h"

#include <assert.h>

enum { EPHEMERAL_PORTS = 32768 };       /* and above */

/* Where an end can stand. */
struct server_set {
	struct server way[SERVER_WAYS];
};
static_assert(sizeof(struct server_set) == 64, "a set is one cache line");

int servers_init(struct servers *s)
{
	s->learned = 0;
	return region_init(&s->region, SERVER_SETS * sizeof(struct server_set));
}

void servers_fini(struct servers *s)
{
	region_fini(&s->region);
}

/* 0 is the tag of a free place. */
static uint32_t tag_of(const struct server_end *end)
{
	return (uint32_t)(end->hash >> 32) | 1;
}

static uint16_t short_tag_of(const struct server_end *end)
{
	return (uint16_t)(end->hash >> 48 | 1);
}

static bool is_peer(const struct server *server, const struct server_end *end)
{
	for (unsigned i = 0; i < SERVER_PEERS; i++)
		if (server->peer[i] == short_tag_of(end))
			return true;
	return false;
}

static struct server_set *set_of(const struct servers *s, const struct server_end *end)
{
	struct server_set *sets = (struct server_set *)(void *)s->region.start;
	return &sets[end->hash % SERVER_SETS];
}

/* Times of a capture may go back: then nothing is out of date. */
static bool is_current(const struct server *server, uint32_t now_s)
{
	int32_t age_s = (int32_t)(now_s - server->seen_s);
	bool several = server->clients >= SERVER_SEVERAL;
	return server->tag && age_s <= (several ? SERVER_AGE_SEVERAL_S : SERVER_AGE_S);
}

/* One that is out of date is as good as unknown, but keeps its place until somebody wants it. */
static struct server *find(const struct servers *s, const struct server_end *end, uint32_t now_s)
{
	struct server_set *set = set_of(s, end);
	for (unsigned i = 0; i < SERVER_WAYS; i++)
		if (set->way[i].tag == tag_of(end))
			return is_current(&set->way[i], now_s) ? &set->way[i] : NULL;
	return NULL;
}

/* True if `a` is the better one to give up. */
static bool is_lesser(const struct server *a, const struct server *b, uint32_t now_s)
{
	bool current_a = is_current(a, now_s), current_b = is_current(b, now_s);
	if (current_a != current_b)
		return !current_a;
	if (a->clients != b->clients)
		return a->clients < b->clients;
	return (int32_t)(a->seen_s - b->seen_s) < 0;
}

/* The end's own old place, or that of the one to give up. */
static struct server *claim(const struct servers *s, const struct server_end *end, uint32_t now_s)
{
	struct server_set *set = set_of(s, end);
	struct server *least = &set->way[0];
	for (unsigned i = 0; i < SERVER_WAYS; i++) {
		if (set->way[i].tag == tag_of(end))
			return &set->way[i];
		if (is_lesser(&set->way[i], least, now_s))
			least = &set->way[i];
	}
	return least;
}

/* A client counts once in a row, and one port again and again is one client behind whatever
 * address: several are several only when they differ. */
static void add_client(struct server *server, const struct server_end *client)
{
	bool differs = client->port != server->port || client->port >= EPHEMERAL_PORTS;
	if (!is_peer(server, client) && differs && server->clients < SERVER_CLIENTS_MAX)
		server->clients++;
	if (server->peer[0] != short_tag_of(client))
		server->peer[1] = server->peer[0];
	server->peer[0] = short_tag_of(client);
	server->port = client->port;
}

/* A place that is claimed is written whole: what stood there is forgotten. */
void servers_learn(struct servers *s, const struct server_end *server,
                   const struct server_end *client, bool handshake, uint32_t now_s)
{
	if (!s->region.start)
		return;
	struct server *known = find(s, server, now_s);
	s->learned++;
	if (!known) {
		known = claim(s, server, now_s);
		*known = (struct server){ .tag = tag_of(server) };
	}
	add_client(known, client);
	known->seen_s = now_s;
	known->handshake |= handshake;
}

void servers_forget(struct servers *s, const struct server_end *end)
{
	if (!s->learned)
		return;
	struct server_set *set = set_of(s, end);
	for (unsigned i = 0; i < SERVER_WAYS; i++)
		if (set->way[i].tag == tag_of(end))
			set->way[i] = (struct server){ .tag = 0 };
}

/* An end that begins a flow with a stranger behaves like a client: it loses a client's worth of
 * trust. A handshake is never doubted. */
void servers_doubt(struct servers *s, const struct server_end *end, const struct server_end *peer,
                   uint32_t now_s)
{
	struct server *known = s->learned ? find(s, end, now_s) : NULL;
	if (known && !known->handshake && known->clients && !is_peer(known, peer))
		known->clients--;
}

enum server_trust servers_recall(const struct servers *s, const struct server_end *end,
                                 const struct server_end *peer, uint32_t now_s)
{
	const struct server *known = s->learned ? find(s, end, now_s) : NULL;
	if (!known)
		return SERVER_UNKNOWN;
	if (known->handshake)
		return SERVER_BY_HANDSHAKE;
	if (known->clients >= SERVER_SEVERAL)
		return SERVER_OF_SEVERAL;
	return is_peer(known, peer) ? SERVER_OF_PEER : SERVER_UNKNOWN;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which session a flow is of (sessions.h), decided once, as soon as it can be told: that of the
 * flow which has announced it; else by the site of its host; without a host, where something was
 * said at all, by the server's end. Flows that announce are decided before they do, so that those
 * that follow find their session.
 */
#include <string.h>

#include "flow/direction.h"
#include "flow/key.h"
#include "identify/inner.h"
#include "identify/site.h"

struct session_key {                    /* without gaps: it is hashed */
	uint8_t  client[16];
	uint8_t  vlan[3];               /* as in the flow's key, like the tunnel: who has the same
	                                 * address elsewhere is another client */
	uint8_t  family;
	uint32_t tunnel_id;
	uint64_t site;                  /* hash; 0: the server's end stands for it */
	uint8_t  server[16];
	uint16_t port;
	uint8_t  protocol;
	uint8_t  zeros[5];
};
static_assert(sizeof(struct session_key) == 56, "no gaps");

/* Asking libpsl takes about a microsecond, and hosts come again and again. */
static uint64_t site_of(struct identify_worker *w, const uint8_t *host, unsigned bytes)
{
	char site[SITE_HOST_MAX + 1];
	uint64_t hash = sessions_key(w->settings.sessions, host, bytes);
	struct site_known *known = &w->sites[hash % SITES_KNOWN];
	if (known->host != hash) {
		unsigned length = site_of_host(host, bytes, site);
		known->host = hash;
		known->site = length ? sessions_key(w->settings.sessions, site, length) : 0;
	}
	return known->site;
}

static uint64_t site_of_flow(struct identify_worker *w, const struct identified *s)
{
	unsigned bytes = 0;
	const uint8_t *host = s->text ? attribute_find(text_of(w, s), ATTRIBUTE_HOST_NAME, &bytes)
		: NULL;
	return host ? site_of(w, host, bytes) : 0;
}

/* By site: client and site. Without one: client and the server's end. VLANs and tunnels keep equal
 * addresses apart. All by the flow's key: a packet may say more, but a flow that is known only when
 * it has ended has none to ask. */
static uint64_t key_of(const struct identify_worker *w, const struct session_moment *at,
                       uint64_t site)
{
	const struct key_wide *key = (const struct key_wide *)(const void *)at->flow->key;
	struct identify_flow ends;
	identify_flow_of_key(key, at->key_bytes, direction_initiator(at->flow), &ends);
	struct session_key k = { .family = ends.family, .site = site };
	memcpy(k.client, ends.address[0], sizeof k.client);
	memcpy(k.vlan, key->base.vlan, sizeof k.vlan);
	if (at->key_bytes == sizeof *key)
		k.tunnel_id = key->tunnel_id;
	if (!site) {
		memcpy(k.server, ends.address[1], sizeof k.server);
		k.port = ends.port[1];
		k.protocol = ends.protocol;
	}
	return sessions_key(w->settings.sessions, &k, sizeof k);
}

static void join(struct identify_worker *w, const struct session_moment *at, uint64_t site,
                 struct session_ref *ret)
{
	const struct session_flow flow = { .key = key_of(w, at, site), .flow_id = at->flow_id,
	                                   .first_ns = at->first_ns, .last_ns = at->last_ns };
	sessions_join(w->settings.sessions, &flow, ret);
}

/* A parent that is not remembered has begun its own session, as far as one can tell. */
static void follow(struct identify_worker *w, uint64_t parent, uint64_t now_ns,
                   struct session_ref *ret)
{
	if (!sessions_of_parent(w->settings.sessions, parent, ret))
		*ret = (struct session_ref){ .id = parent, .place = SESSION_NOWHERE };
	sessions_extend(w->settings.sessions, ret, now_ns);
}

/* Once for a flow; what it had before it was known is told to the session as its first time. */
void session_decide(struct identify_worker *w, struct identified *s,
                    const struct session_moment *at)
{
	struct session_ref ref = { .id = 0 };
	if (!w->settings.sessions || s->session)
		return;
	uint64_t site = s->parent ? 0 : site_of_flow(w, s);
	if (s->parent)
		follow(w, s->parent, at->last_ns, &ref);
	else if (site || s->packets)
		join(w, at, site, &ref);
	w->counts.sessions_replaced += ref.replaced;
	s->session = ref.id;
	s->place = ref.place;
	s->noted_ns = at->last_ns;
	if (ref.id && s->watching)
		sessions_put_parent(w->settings.sessions, at->flow_id, &ref);
}

void session_note(struct identify_worker *w, struct identified *s, uint64_t time_ns)
{
	const struct session_ref ref = { .id = s->session, .place = s->place };
	sessions_extend(w->settings.sessions, &ref, time_ns);
	s->noted_ns = time_ns;
}

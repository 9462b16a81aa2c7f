/* SPDX-License-Identifier: Apache-2.0 */
/* See exporters.h. */
#include "collect/exporters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

/* ---- the list by use ------------------------------------------------------------------------- */

static void unlink_exporter(struct exporters *e, struct exporter *x)
{
	if (x->older)
		x->older->newer = x->newer;
	else
		e->oldest = x->newer;
	if (x->newer)
		x->newer->older = x->older;
	else
		e->newest = x->older;
	x->older = x->newer = NULL;
}

static void link_newest(struct exporters *e, struct exporter *x)
{
	x->older = e->newest;
	if (e->newest)
		e->newest->newer = x;
	else
		e->oldest = x;
	e->newest = x;
}

static void use(struct exporters *e, struct exporter *x)
{
	if (e->newest == x)
		return;
	unlink_exporter(e, x);
	link_newest(e, x);
}

/* ---- exporters ------------------------------------------------------------------------------- */

void exporters_init(struct exporters *e, struct decoder *decoder, unsigned bound, uint64_t secret)
{
	memset(e, 0, sizeof *e);
	e->decoder = decoder;
	e->bound = bound ? bound : 1;
	map_init(&e->by_address, secret);
}

/* Addresses are hashed under the map's secret, names of files without: those are the user's own. */
static uint64_t key_of(const struct exporters *e, const struct exporter_address *a)
{
	uint64_t h = a->family + 1u, word;
	for (unsigned i = 0; a->family && i < sizeof a->octets; i += sizeof word) {
		memcpy(&word, a->octets + i, sizeof word);
		h = (h ^ word ^ e->by_address.secret >> 9) * (e->by_address.secret | 1);
		h ^= h >> 31;
	}
	for (const char *p = a->name; !a->family && *p; p++)
		h = (h ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	return h;
}

/* Two addresses of one key are as good as never, since the key is secret; then they share an
 * account. */
static struct exporter *exporter_find(struct exporters *e, uint64_t key)
{
	return map_get(&e->by_address, key);
}

/* Only those without open sessions: who brings messages closes those. */
static void give_up_one(struct exporters *e)
{
	struct exporter *x = e->oldest;
	while (x && x->sessions)
		x = x->newer;
	if (!x)
		return;
	decode_counters_add(&e->gone, &x->ended);
	e->given_up++;
	unlink_exporter(e, x);
	map_remove(&e->by_address, x->key);
	free(x);
}

static struct exporter *exporter_make(struct exporters *e, uint64_t key,
                                      const struct exporter_address *a)
{
	struct exporter *x = calloc(1, sizeof *x);
	if (!x)
		return NULL;
	x->key = key;
	x->family = a->family;
	memcpy(x->address, a->octets, sizeof x->address);
	snprintf(x->name, sizeof x->name, "%s", a->name);
	if (map_put(&e->by_address, key, x)) {
		free(x);
		return NULL;
	}
	link_newest(e, x);
	return x;
}

/* An exporter that is given up makes room for one at a time. */
static struct exporter *exporter_of(struct exporters *e, const struct exporter_address *a)
{
	uint64_t key = key_of(e, a);
	struct exporter *x = exporter_find(e, key);
	if (x)
		return x;
	if (e->by_address.count >= e->bound)
		give_up_one(e);
	return exporter_make(e, key, a);
}

void exporters_fini(struct exporters *e)
{
	while (e->oldest) {
		struct exporter *x = e->oldest;
		unlink_exporter(e, x);
		free(x);
	}
	map_fini(&e->by_address);
}

/* ---- sessions -------------------------------------------------------------------------------- */

struct collect_session *collect_session_open(struct exporters *e,
                                             const struct exporter_address *address,
                                             enum decode_transport transport)
{
	struct exporter *x = exporter_of(e, address);
	struct collect_session *s = x ? calloc(1, sizeof *s) : NULL;
	if (!s)
		return NULL;
	struct decode_session_setup setup = { .transport = transport,
	                                      .exporter_family = address->family };
	memcpy(setup.exporter, address->octets, sizeof setup.exporter);
	s->exporter = x;
	s->setup = setup;
	s->decode = decode_session_new(e->decoder, &setup);
	if (!s->decode) {
		free(s);
		return NULL;
	}
	s->next = x->first;
	x->first = s;
	x->sessions++;
	x->sessions_ever++;
	return s;
}

void collect_session_close(struct exporters *e, struct collect_session *s)
{
	struct exporter *x = s->exporter;
	struct collect_session **at = &x->first;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	x->sessions--;
	decode_session_end(s->decode);
	decode_counters_add(&x->ended, decode_session_counters(s->decode));
	decode_session_free(s->decode);
	free(s);
}

/* The session goes on as if it were new: templates will come again. */
static bool session_forget(struct exporters *e, struct collect_session *s)
{
	struct decode_session *fresh = decode_session_new(e->decoder, &s->setup);
	if (!fresh)
		return false;
	decode_session_end(s->decode);
	decode_counters_add(&s->exporter->ended, decode_session_counters(s->decode));
	decode_session_free(s->decode);
	s->decode = fresh;
	e->forgotten++;
	return true;
}

/* Streams keep their templates: they would not be told again. */
static void make_room(struct exporters *e, const struct exporter *other)
{
	bool done = false;
	for (struct exporter *x = e->oldest; x && !done; x = x->newer)
		for (struct collect_session *s = x->first; s && x != other; s = s->next)
			if (s->setup.transport == DECODE_DATAGRAMS && decode_session_bytes(s->decode))
				done |= session_forget(e, s);
}

enum decode_fault collect_session_message(struct exporters *e, struct collect_session *s,
                                  const struct decode_message *message)
{
	use(e, s->exporter);
	s->exporter->last_ns = message->time_ns;
	enum decode_fault fault = decode_message(s->decode, message);
	if (unlikely(decode_session_starved(s->decode)))
		make_room(e, s->exporter);
	return fault;
}

void exporter_counters(const struct exporter *x, struct decode_counters *ret)
{
	*ret = x->ended;
	for (const struct collect_session *s = x->first; s; s = s->next)
		decode_counters_add(ret, decode_session_counters(s->decode));
}

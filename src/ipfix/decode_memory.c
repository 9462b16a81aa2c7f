/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's domains and templates, and the rules of RFC 7011, section 8, about them. Everything
 * is charged to the session's budget; what finds no room is refused and counted. See decode.h.
 */
#include <stdlib.h>

#include "base/compiler.h"
#include "ipfix/decode_session.h"
#include "ipfix/format.h"

/* ---- domains --------------------------------------------------------------------------------- */

static uint64_t domain_key(enum decode_protocol protocol, uint32_t id)
{
	return (uint64_t)protocol << 32 | id;
}

/* The session has room of its own: it is the others who have taken all that there is. */
static void note_starving(struct decode_session *s)
{
	s->starved |= s->budget.used < s->budget.bound / 2;
}

/* The charge comes before the memory, and is given back if that fails. */
static struct decode_domain *domain_make(struct decode_session *s, uint64_t key)
{
	const struct decoder *decoder = s->decoder;
	struct decode_domain *d = NULL;
	if (s->domains.count >= decoder->setup.domains_max)
		return NULL;
	if (!budget_take(&s->budget, sizeof *d)) {
		note_starving(s);
		return NULL;
	}
	d = calloc(1, sizeof *d);
	if (d)
		d->key = key;
	if (d && !map_put(&s->domains, key, d)) {
		map_init(&d->slots, decoder->secret);
		map_init(&d->streams, decoder->secret);
		return d;
	}
	free(d);
	budget_give(&s->budget, sizeof *d);
	return NULL;
}

struct decode_domain *decode_domain_of(struct decode_session *s, enum decode_protocol protocol,
                                       uint32_t id)
{
	uint64_t key = domain_key(protocol, id);
	if (likely(s->last && s->last->key == key))
		return s->last;
	struct decode_domain *d = map_get(&s->domains, key);
	if (!d)
		d = domain_make(s, key);
	if (d)
		s->last = d;
	return d;
}

/* ---- slots ----------------------------------------------------------------------------------- */

struct decode_slot *decode_slot_find(struct decode_domain *d, uint16_t id)
{
	if (likely(d->last && d->last->id == id))
		return d->last;
	struct decode_slot *slot = map_get(&d->slots, id);
	if (slot)
		d->last = slot;
	return slot;
}

/* A slot is made for data ahead of its template, too: then it has no template yet. Its share of the
 * map is charged with it. */
struct decode_slot *decode_slot_make(struct decode_session *s, struct decode_domain *d,
                                     uint16_t id)
{
	struct decode_slot *slot = decode_slot_find(d, id);
	uint64_t bytes = sizeof *slot + 2 * sizeof(struct map_slot);
	if (slot || !budget_take(&s->budget, bytes))
		return slot;
	slot = calloc(1, sizeof *slot);
	if (slot && !map_put(&d->slots, id, slot)) {
		slot->id = id;
		slot->early_end = &slot->early;
		return slot;
	}
	free(slot);
	budget_give(&s->budget, bytes);
	return NULL;
}

void decode_plan_drop(struct decode_slot *slot)
{
	decode_plan_free(slot->plan);
	learned_options_free(slot->options);
	slot->plan = NULL;
	slot->options = NULL;
	slot->unusable = false;
}

/* With it the plan that will be made of it. */
static uint64_t template_cost(const struct decode_template *t)
{
	return decode_template_bytes(t) + decode_plan_bytes(t);
}

static void template_drop(struct decode_session *s, struct decode_slot *slot)
{
	decode_plan_drop(slot);
	if (slot->template)
		budget_give(&s->budget, template_cost(slot->template));
	free(slot->template);
	slot->template = NULL;
}

/* ---- templates ------------------------------------------------------------------------------- */

/* Only noted: data that wait are decoded when the message that brought the template is through. */
void decode_slot_announce(struct decoder *d, struct decode_slot *slot)
{
	if (!slot->early || !slot->template || slot->queued)
		return;
	if (d->defined_count == d->defined_room) {
		unsigned room = d->defined_room ? d->defined_room * 2 : 16;
		struct decode_slot **more = realloc(d->defined, room * sizeof *more);
		if (!more)
			return;         /* they wait for the template's next coming */
		d->defined = more;
		d->defined_room = room;
	}
	d->defined[d->defined_count++] = slot;
	slot->queued = true;
}

/* The charge covers the plan as well: a template that is remembered can be used. */
static bool template_store(struct decode_session *s, struct decode_slot *slot,
                           const struct decode_template *t)
{
	uint64_t bytes = template_cost(t);
	if (!budget_take(&s->budget, bytes))
		return false;
	slot->template = decode_template_copy(t);
	if (!slot->template)
		budget_give(&s->budget, bytes);
	return slot->template;
}

static void refuse(struct decode_reading *r)
{
	r->counters.templates_refused++;
	note_starving(r->session);
}

/* A template that is sent again unchanged only lives longer: its plan stays. Over streams a change
 * without a withdrawal is against the rules (RFC 7011, section 8.1), is counted and obeyed. */
void decode_template_define(struct decode_reading *r, const struct decode_template *t)
{
	struct decode_session *s = r->session;
	struct decode_slot *slot = decode_slot_make(s, r->domain, t->id);
	if (!slot) {
		refuse(r);
		return;
	}
	bool same = slot->template && decode_template_equal(slot->template, t);
	bool stream = s->setup.transport == DECODE_STREAM || s->setup.transport == DECODE_SCTP;
	if (slot->template && !same && stream)
		r->counters.conflicts++;
	slot->refreshed_ns = r->message->time_ns;
	if (!same) {
		template_drop(s, slot);
		if (!template_store(s, slot, t)) {
			refuse(r);
			return;
		}
		r->counters.templates++;
	}
	decode_slot_announce(s->decoder, slot);
}

static bool withdraw_one(struct decode_session *s, struct decode_slot *slot, bool options)
{
	if (!slot || !slot->template || slot->template->options != options)
		return false;
	template_drop(s, slot);
	return true;
}

/* Ids 2 and 3 withdraw all templates of their kind. */
void decode_template_withdraw(struct decode_reading *r, const struct decode_template *t)
{
	uint64_t withdrawn = 0;
	if (r->session->setup.transport == DECODE_DATAGRAMS) {
		r->counters.withdrawals_ignored++;      /* RFC 7011, section 8.4 */
		return;
	}
	if (t->id >= IPFIX_TEMPLATE_ID_MIN) {
		struct decode_slot *slot = decode_slot_find(r->domain, t->id);
		withdrawn = withdraw_one(r->session, slot, t->options);
	} else {
		uint32_t position = 0;
		struct decode_slot *slot;
		while ((slot = map_next(&r->domain->slots, &position)))
			withdrawn += withdraw_one(r->session, slot, t->options);
	}
	r->counters.withdrawals += withdrawn;
	r->counters.withdrawals_ignored += !withdrawn;
}

bool decode_slot_is_alive(struct decode_reading *r, struct decode_slot *slot)
{
	uint64_t lifetime_ns = r->session->decoder->setup.template_lifetime_ns;
	uint64_t now_ns = r->message->time_ns;
	if (!slot->template)
		return false;
	if (likely(r->session->setup.transport != DECODE_DATAGRAMS || !lifetime_ns ||
	           r->protocol == DECODE_NETFLOW_5 || now_ns < slot->refreshed_ns ||
	           now_ns - slot->refreshed_ns <= lifetime_ns))
		return true;
	template_drop(r->session, slot);
	r->counters.templates_expired++;
	return false;
}

/* ---- the end --------------------------------------------------------------------------------- */

void decode_domain_forget(struct decode_session *s, struct decode_domain *d)
{
	uint32_t position = 0;
	struct decode_slot *slot;
	while ((slot = map_next(&d->slots, &position)))
		template_drop(s, slot);
}

static void domain_free(struct decode_session *s, struct decode_domain *d)
{
	uint32_t position = 0;
	struct decode_slot *slot;
	struct decode_sequence *sequence;
	while ((slot = map_next(&d->slots, &position))) {
		decode_early_drop(s, slot, DECODE_DROP_unknown_template);
		template_drop(s, slot);
		free(slot);
	}
	position = 0;
	while ((sequence = map_next(&d->streams, &position)))
		free(sequence);
	map_fini(&d->slots);
	map_fini(&d->streams);
	free(d);
}

void decode_memory_free(struct decode_session *s)
{
	uint32_t position = 0;
	struct decode_domain *d;
	while ((d = map_next(&s->domains, &position)))
		domain_free(s, d);
	map_fini(&s->domains);
}

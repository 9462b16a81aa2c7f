/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data ahead of their template (RFC 7011, section 8, and RFC 3954, section 9, ask for it): sets
 * wait with the header they came under, by template id, and are decoded when the template comes.
 * They may take half of a session's budget; beyond it new ones are dropped and counted.
 */
#include <stdlib.h>
#include <string.h>

#include "ipfix/decode_session.h"

static uint64_t early_bytes(const struct early_set *e)
{
	return sizeof *e + e->bytes;
}

static void early_free(struct decode_session *s, struct early_set *e)
{
	budget_give(&s->early_budget, early_bytes(e));
	free(e);
}

/* Kept in the reading, not yet in the session: a message that turns out malformed leaves nothing
 * behind. Its records cannot be counted before they are decoded, so the sequence is open until
 * then. */
void decode_early_keep(struct decode_reading *r, uint16_t id, const struct decode_set *set)
{
	struct decode_session *s = r->session;
	uint64_t bytes = sizeof(struct early_set) + set->bytes;
	struct early_set *e = NULL;
	r->uncounted = true;
	if (budget_take(&s->early_budget, bytes)) {
		e = malloc(bytes);
		if (!e)
			budget_give(&s->early_budget, bytes);
	}
	if (!e) {
		r->counters.dropped[DECODE_DROP_no_room]++;
		return;
	}
	*e = (struct early_set){ .next = r->early, .id = id, .context = r->context,
	                         .bytes = set->bytes };
	memcpy(e->octets, set->octets, set->bytes);
	r->early = e;
}

/* Data make no more than so many slots, or templates would find no room. */
static struct decode_slot *slot_for(struct decode_reading *r, uint16_t id)
{
	const struct budget *b = &r->session->budget;
	if (b->used > b->bound / 4 * 3)
		return decode_slot_find(r->domain, id);
	return decode_slot_make(r->session, r->domain, id);
}

/* From here on the set waits in the session, behind those that came before it. */
static void early_append(struct decode_reading *r, struct early_set *e)
{
	struct decode_slot *slot = slot_for(r, e->id);
	if (!slot) {
		early_free(r->session, e);
		r->counters.dropped[DECODE_DROP_no_room]++;
		return;
	}
	e->next = NULL;
	*slot->early_end = e;
	slot->early_end = &e->next;
	r->counters.waiting++;
	r->counters.early++;
	decode_slot_announce(r->session->decoder, slot);
}

/* The list was built last first; it is turned round, since records of a template keep their
 * order. */
void decode_early_commit(struct decode_reading *r)
{
	struct early_set *in_order = NULL;
	while (r->early) {
		struct early_set *e = r->early;
		r->early = e->next;
		e->next = in_order;
		in_order = e;
	}
	while (in_order) {
		struct early_set *e = in_order;
		in_order = e->next;
		early_append(r, e);
	}
}

void decode_early_rollback(struct decode_reading *r)
{
	while (r->early) {
		struct early_set *e = r->early;
		r->early = e->next;
		early_free(r->session, e);
	}
}

/* A set on its own, as if it were a message: its rows are kept or taken back. */
static void early_decode(struct decode_reading *r, struct decode_slot *slot,
                         const struct early_set *e)
{
	struct layouts *layouts = r->session->decoder->layouts;
	const struct decode_set set = { e->octets, e->bytes };
	enum decode_drop drop;
	uint64_t records = r->counters.records, options = r->counters.options_records;
	r->context = e->context;
	layouts_begin(layouts);
	enum decode_fault fault = decode_slot_records(r, slot, &set, &drop);
	if (fault == FAULT_none) {
		layouts_commit(layouts);
	} else {
		layouts_rollback(layouts);
		r->counters.records = records;
		r->counters.options_records = options;
		drop = DECODE_DROP_malformed;
	}
	if (drop == DECODE_DROP_COUNT)
		r->counters.data_sets++;
	else
		r->counters.dropped[drop]++;
	r->session->counters.waiting--;
}

/* In order, for as long as the template is there. */
static void slot_release(struct decode_reading *r, struct decode_slot *slot)
{
	slot->queued = false;
	while (slot->early && slot->template) {
		struct early_set *e = slot->early;
		early_decode(r, slot, e);
		slot->early = e->next;
		early_free(r->session, e);
	}
	if (!slot->early)
		slot->early_end = &slot->early;
}

void decode_early_release(struct decode_reading *r)
{
	struct decoder *d = r->session->decoder;
	for (unsigned i = 0; i < d->defined_count; i++)
		slot_release(r, d->defined[i]);
	d->defined_count = 0;
}

void decode_early_drop(struct decode_session *s, struct decode_slot *slot, enum decode_drop why)
{
	while (slot->early) {
		struct early_set *e = slot->early;
		slot->early = e->next;
		early_free(s, e);
		s->counters.waiting--;
		s->counters.dropped[why]++;
	}
	slot->early_end = &slot->early;
}

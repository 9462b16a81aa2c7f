/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data sets: finds the template, compiles its plan when it is first needed (and again when options
 * data have told more), decodes. See decode_session.h.
 */
#include <errno.h>

#include "ipfix/decode_session.h"

/* Of what all sessions share: one of them cannot take all of it. */
static unsigned share_of(unsigned bound)
{
	return bound / 2;
}

/* A session that has used its share of layouts or names gets no new ones: one exporter cannot use
 * up what others need. */
static int plan_make(struct decode_reading *r, struct decode_slot *slot)
{
	struct decode_session *s = r->session;
	struct decoder *d = s->decoder;
	struct decode_plan_setup setup = {
		.template = slot->template, .layouts = d->layouts, .elements = d->elements,
		.learned = s->learned, .domain = r->context.domain,
		.exporter_family = s->setup.exporter_family,
		.collection_time = r->message->time_is_collection, .sampling = d->setup.sampling,
		.only_known_layouts = s->layouts_made >= share_of(d->setup.layouts_max),
		.only_known_elements = s->elements_made >= share_of(d->setup.elements_max),
	};
	bool new;
	unsigned elements = elements_count(d->elements);
	int code = decode_plan_new(&setup, &slot->plan, &new);
	s->layouts_made += new;
	s->elements_made += elements_count(d->elements) - elements;
	if (code)
		return code;
	slot->generation = s->learned ? learned_generation(s->learned) : 0;
	r->counters.elements_left_out += slot->plan->left_out;
	if (slot->template->options)
		slot->options = learned_options_new(slot->plan->layout->schema, slot->plan->told,
		                                    &code);
	return code;
}

/* True when the slot has a plan that is up to date; else `slot->drop` says why not. */
static bool plan_ready(struct decode_reading *r, struct decode_slot *slot)
{
	uint32_t generation = r->session->learned ? learned_generation(r->session->learned) : 0;
	if (generation != slot->generation)
		decode_plan_drop(slot);
	if (slot->plan || slot->unusable)
		return slot->plan;
	int code = plan_make(r, slot);
	if (!code && slot->plan->illegal_reverse) {
		decode_plan_drop(slot);
		code = -EPROTO;
	}
	slot->unusable = code != 0;
	slot->drop = code == -EINVAL ? DECODE_DROP_unusable_template :
	             code == -EPROTO ? DECODE_DROP_no_key : DECODE_DROP_layouts;
	return code == 0;
}

/* What learn() needs of whoever is read. */
struct lesson {
	struct decode_reading *reading;
	const struct learned_options *options;
};

static void learn(void *user, const struct record_batch *batch, uint32_t first)
{
	struct lesson *lesson = user;
	struct decode_reading *r = lesson->reading;
	learned_take(r->session->learned, lesson->options, r->context.domain, batch, first);
}

static bool has_memory_to_learn(struct decode_session *s)
{
	if (!s->learned)
		s->learned = learned_new(&s->budget, s->decoder->elements, s->decoder->secret);
	return s->learned;
}

/* Options data are shown to learned.h as they are decoded; without memory they are emitted and
 * nothing is learned. */
enum decode_fault decode_slot_records(struct decode_reading *r, struct decode_slot *slot,
                                      const struct decode_set *set, enum decode_drop *ret_drop)
{
	uint32_t records = 0;
	*ret_drop = DECODE_DROP_COUNT;
	if (!plan_ready(r, slot)) {
		*ret_drop = slot->drop;
		return FAULT_none;
	}
	struct lesson lesson = { r, slot->options };
	struct decode_run run = { .plan = slot->plan, .context = &r->context,
	                          .layouts = r->session->decoder->layouts,
	                          .learned = r->session->learned, .user = &lesson };
	if (slot->options && has_memory_to_learn(r->session))
		run.rows = learn;
	int code = decode_plan_run(&run, set, &records);
	if (code)
		return code == -ENOMEM ? FAULT_memory : FAULT_record;
	if (records == 0)
		*ret_drop = DECODE_DROP_empty;
	r->records += records;
	if (slot->template->options)
		r->counters.options_records += records;
	else
		r->counters.records += records;
	return FAULT_none;
}

/* Data whose template has expired wait like those whose template never came: it may be repeated
 * soon. */
enum decode_fault decode_data_set(struct decode_reading *r, uint16_t id,
                                  const struct decode_set *set)
{
	struct decode_slot *slot = decode_slot_find(r->domain, id);
	if (!slot || !decode_slot_is_alive(r, slot)) {
		decode_early_keep(r, id, set);
		return FAULT_none;
	}
	enum decode_drop drop;
	enum decode_fault fault = decode_slot_records(r, slot, set, &drop);
	if (fault != FAULT_none)
		return fault;
	if (drop == DECODE_DROP_COUNT) {
		r->counters.data_sets++;
	} else {
		r->counters.dropped[drop]++;
		r->uncounted |= drop != DECODE_DROP_empty;
	}
	return FAULT_none;
}

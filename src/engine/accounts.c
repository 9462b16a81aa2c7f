/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums and comparisons of accounts.h. Each same() is one equation between figures that were counted
 * in different places; the first that does not hold is told, with both.
 */
#include "engine/accounts.h"

#include <errno.h>
#include <string.h>

void accounts_add_fates(struct fate_counters *to, const struct fate_counters *from)
{
	for (unsigned i = 0; i < FATE_COUNT; i++) {
		to->packets[i] += from->packets[i];
		to->octets[i] += from->octets[i];
	}
	to->offload_packets += from->offload_packets;
	if (from->ignored_first_ns
	    && (!to->ignored_first_ns || from->ignored_first_ns < to->ignored_first_ns))
		to->ignored_first_ns = from->ignored_first_ns;
	if (from->ignored_last_ns > to->ignored_last_ns)
		to->ignored_last_ns = from->ignored_last_ns;
}

void accounts_add_meter(struct meter_counters *to, const struct meter_counters *from)
{
	to->created += from->created;
	to->active += from->active;
	to->active_max += from->active_max;
	for (unsigned i = 0; i < array_count(to->ended); i++) {
		to->ended[i] += from->ended[i];
		to->records[i] += from->records[i];
	}
	to->packets += from->packets;
	to->octets += from->octets;
	to->record_packets += from->record_packets;
	to->record_octets += from->record_octets;
	to->merged_flows += from->merged_flows;
	to->merged_records += from->merged_records;
}

void accounts_add_hooks(struct meter_hook_counts *to, const struct meter_hook_counts *from)
{
	if (from->count > to->count)
		to->count = from->count;
	for (unsigned i = 0; i < from->count; i++) {
		to->hook[i].hook = from->hook[i].hook;
		for (unsigned n = 0; n < HOOK_COUNTERS_MAX; n++)
			to->hook[i].value[n] += from->hook[i].value[n];
	}
}

static bool same(uint64_t a, uint64_t b, const char *what, struct error *err)
{
	if (a == b)
		return true;
	error_set(err, -EPROTO, "accounts do not balance: %s (%llu against %llu)", what,
	          (unsigned long long)a, (unsigned long long)b);
	return false;
}

void accounts_sum_meters(const struct accounts *a, struct meter_counters *ret)
{
	memset(ret, 0, sizeof *ret);
	for (unsigned i = 0; i < a->meter_count; i++)
		accounts_add_meter(ret, &a->meters[i].counters);
}

/* Frames and octets of the source against fates; metered ones against what meters took, where a
 * packet that several meters took counts for each. */
static bool packets_balanced(const struct accounts *a, struct error *err)
{
	uint64_t packets = 0, octets = 0, taken = 0, taken_octets = 0;
	for (unsigned i = 0; i < FATE_COUNT; i++) {
		packets += a->fates.packets[i];
		octets += a->fates.octets[i];
	}
	for (unsigned i = 0; i < a->meter_count; i++) {
		taken += a->meters[i].packets;
		taken_octets += a->meters[i].ip_octets;
	}
	return same(a->source.frames - a->unread_frames, packets - a->fates.offload_packets,
	            "frames of the source and fates", err)
		&& same(a->source.octets - a->unread_octets, octets, "octets of the source and of fates",
		        err)
		&& same(a->fates.packets[FATE_metered] + a->shared_packets, taken,
		        "metered packets and what meters took", err)
		&& same(a->metered_ip_octets + a->shared_octets, taken_octets,
		        "metered IP octets and what meters took", err);
}

/* While flows are alive their packets are in no record yet: the records are compared at the end
 * alone. */
static bool meter_balanced(const struct meter_account *m, bool finished, struct error *err)
{
	const struct meter_counters *c = &m->counters;
	uint64_t records = 0;
	for (unsigned i = 0; i < array_count(c->records); i++)
		records += c->records[i];
	if (!same(m->packets, c->packets, "metered packets and flows' packets", err)
	    || !same(m->ip_octets, c->octets, "metered IP octets and flows' octets", err))
		return false;
	if (!finished)
		return true;
	return same(c->packets, c->record_packets, "flows' packets and records' packets", err)
		&& same(c->octets, c->record_octets, "flows' octets and records' octets", err)
		&& same(records * m->whole_outputs, m->whole_rows, "records and their rows", err);
}

bool accounts_balanced(const struct accounts *a, struct error *err)
{
	uint64_t rows = 0;
	if (!packets_balanced(a, err))
		return false;
	for (unsigned i = 0; i < a->meter_count; i++) {
		if (!meter_balanced(&a->meters[i], a->finished, err))
			return false;
		rows += a->meters[i].rows;
	}
	if (a->finished && !a->outputs_balanced) {
		error_set(err, -EPROTO,
		          "accounts do not balance: an output lost records without counting them");
		return false;
	}
	return !a->finished
		|| same(rows, a->accepted, "records written and records that outputs accepted", err);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/accounts.h"

#include <errno.h>

void accounts_add_fates(struct fate_counters *to, const struct fate_counters *from)
{
	for (unsigned i = 0; i < FATE_COUNT; i++) {
		to->packets[i] += from->packets[i];
		to->octets[i] += from->octets[i];
	}
	to->offload_packets += from->offload_packets;
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

static bool same(uint64_t a, uint64_t b, const char *what, struct error *err)
{
	if (a == b)
		return true;
	error_set(err, -EPROTO, "accounts do not balance: %s (%llu against %llu)", what,
	          (unsigned long long)a, (unsigned long long)b);
	return false;
}

bool accounts_balanced(const struct accounts *a, struct error *err)
{
	uint64_t packets = 0, octets = 0;
	for (unsigned i = 0; i < FATE_COUNT; i++) {
		packets += a->fates.packets[i];
		octets += a->fates.octets[i];
	}
	bool fine = same(a->source.frames - a->unread_frames, packets - a->fates.offload_packets,
	                 "frames of the source and fates", err)
		&& same(a->source.octets - a->unread_octets, octets, "octets of the source and of fates",
		        err)
		&& same(a->fates.packets[FATE_metered], a->meter.packets,
		        "metered packets and flows' packets", err)
		&& same(a->metered_ip_octets, a->meter.octets, "metered IP octets and flows' octets", err);
	if (!fine || !a->finished)
		return fine;
	if (!a->outputs_balanced) {
		error_set(err, -EPROTO,
		          "accounts do not balance: an output lost records without counting them");
		return false;
	}
	return same(a->meter.packets, a->meter.record_packets, "flows' packets and records' packets",
	            err)
		&& same(a->meter.octets, a->meter.record_octets, "flows' octets and records' octets", err)
		&& same(a->rows, a->accepted, "records written and records that outputs accepted", err);
}

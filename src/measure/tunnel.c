/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnel ids that differ by direction, as the record's first packet each way
 * has them (--tunnels). */
#include "measure/measure.h"

struct tunnel {
	uint32_t id[2];                 /* by key endpoint */
	bool seen[2];
};

static void tunnel_update(const struct hook_call *call)
{
	for (unsigned i = 0; i < call->count; i++) {
		const struct flow_touch *touch = call->touch[i];
		struct tunnel *space = touch_space(call, i);
		unsigned side = touch->sender;
		if (!space->seen[side] && (touch->packet->layers & LAYER_GTP)) {
			space->id[side] = touch->packet->tunnel_peer_id;
			space->seen[side] = true;
		}
	}
}

static void tunnel_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct tunnel *space = view->space;
	if (space->seen[view->side])
		value_write_unsigned(w, space->id[view->side]);
}

static const char *const tunnel_fields[] = { "gtpuTEid", NULL };

const struct flow_hook measure_tunnel = {
	.name = "tunnel", .help = "tunnel ids that differ by direction", .fields = tunnel_fields,
	.space_bytes = sizeof(struct tunnel), .wants = HOOK_PACKET, .scope = HOOK_SCOPE_RECORD,
	.update = tunnel_update, .write = tunnel_write,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Frame octets: the whole frame as on the wire, with its link-layer header
 * and padding, each way. */
#include "measure/measure.h"

struct layer2 {
	uint64_t octets[2];             /* by key endpoint */
};

static void layer2_update(const struct hook_call *call)
{
	for (unsigned i = 0; i < call->count; i++) {
		const struct flow_touch *touch = call->touch[i];
		struct layer2 *space = touch_space(call, i);
		space->octets[touch->sender] += frame_octets(touch->packet->frame);
	}
}

static void layer2_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct layer2 *space = view->space;
	value_write_unsigned(w, space->octets[view->side]);
}

static void layer2_merge(void *into, const struct flow_view *from)
{
	struct layer2 *sum = into;
	const struct layer2 *space = from->space;
	for (unsigned i = 0; i < 2; i++)
		sum->octets[i] += space->octets[from->side ^ i];
}

static const char *const layer2_fields[] = { "layer2OctetDeltaCount", NULL };

const struct flow_hook measure_layer2 = {
	.name = "layer2", .help = "octets of whole frames", .fields = layer2_fields,
	.space_bytes = sizeof(struct layer2), .hot_bytes = sizeof(struct layer2), .wants = HOOK_PACKET,
	.scope = HOOK_SCOPE_RECORD, .update = layer2_update, .write = layer2_write,
	.merge = layer2_merge,
};

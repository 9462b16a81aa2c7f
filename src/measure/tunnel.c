/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is around the packets that --tunnels meters: kinds of tunnels, the outer addresses and ids
 * that differ by direction, as the record's first tunnelled packet each way has them. (Ids that
 * both directions share are part of the key.) Packets without a tunnel touch nothing here.
 */
#include "measure/measure.h"

#include <string.h>

enum tunnel_kind {                      /* tunnelTypes */
	KIND_GRE = 1, KIND_IP = 2, KIND_VXLAN = 4, KIND_GENEVE = 8, KIND_GTP = 16, KIND_ERSPAN = 32,
	KIND_TEREDO = 64, KIND_MPLS = 128
};

struct around {
	uint8_t address[2][16];         /* of the outermost IP header: source, destination */
	uint32_t gtp_id;
	uint8_t kinds;                  /* enum tunnel_kind */
	uint8_t family;                 /* 4 or 6; 0: no tunnel seen */
};

struct tunnel {
	struct around side[2];          /* by key endpoint */
};

enum { KINDS_SHIFT = 8, KINDS_MASK = 0x7f };
static_assert(LAYER_GRE == KIND_GRE << KINDS_SHIFT && LAYER_IPIP == KIND_IP << KINDS_SHIFT
              && LAYER_VXLAN == KIND_VXLAN << KINDS_SHIFT
              && LAYER_GENEVE == KIND_GENEVE << KINDS_SHIFT
              && LAYER_GTP == KIND_GTP << KINDS_SHIFT
              && LAYER_ERSPAN == KIND_ERSPAN << KINDS_SHIFT
              && LAYER_TEREDO == KIND_TEREDO << KINDS_SHIFT, "kinds are layers");

/* MPLS is a kind where nothing else says what was entered: it stands in IP or UDP itself. */
static void see_tunnel(struct around *a, const struct packet *p)
{
	const uint8_t *ip = p->frame->data + p->outer_offset;
	unsigned bytes = ip[0] >> 4 == 4 ? 4 : 16;
	a->family = ip[0] >> 4;
	a->kinds = p->layers >> KINDS_SHIFT & KINDS_MASK;
	if (p->mpls_depth && p->mpls_offset > p->outer_offset)
		a->kinds |= KIND_MPLS;
	a->gtp_id = p->tunnel_peer_id;
	for (unsigned i = 0; i < 2; i++)
		memcpy(a->address[i], ip + (bytes == 4 ? 12 : 8) + i * bytes, bytes);
}

static void tunnel_update(const struct hook_call *call)
{
	for (unsigned i = 0; i < call->count; i++) {
		const struct flow_touch *touch = call->touch[i];
		struct tunnel *space = touch_space(call, i);
		if (touch->packet->tunnels && !space->side[touch->sender].family)
			see_tunnel(&space->side[touch->sender], touch->packet);
	}
}

enum tunnel_field { GTP_ID, KINDS, SOURCE4, DESTINATION4, SOURCE6, DESTINATION6 };

static const char *const tunnel_fields[] = {
	[GTP_ID] = "gtpuTEid", [KINDS] = "tunnelTypes", [SOURCE4] = "tunnelSourceIPv4Address",
	[DESTINATION4] = "tunnelDestinationIPv4Address", [SOURCE6] = "tunnelSourceIPv6Address",
	[DESTINATION6] = "tunnelDestinationIPv6Address", NULL
};

static void write_address(const struct around *a, uint8_t family, unsigned end,
                          struct value_writer *w)
{
	if (a->family == family)
		value_write_octets(w, a->address[end], family == 4 ? 4 : 16);
}

/* Absent where no packet of this direction came through a tunnel. */
static void tunnel_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct tunnel *space = view->space;
	const struct around *a = &space->side[view->side];
	switch ((enum tunnel_field)field) {
	case GTP_ID:
		if (a->kinds & KIND_GTP)
			value_write_unsigned(w, a->gtp_id);
		break;
	case KINDS:
		if (a->family)
			value_write_unsigned(w, a->kinds);
		break;
	case SOURCE4:
	case DESTINATION4:
		write_address(a, 4, field == DESTINATION4, w);
		break;
	case SOURCE6:
	case DESTINATION6:
		write_address(a, 6, field == DESTINATION6, w);
		break;
	}
}

const struct flow_hook measure_tunnel = {
	.name = "tunnel", .help = "kinds, outer addresses and ids of tunnels (--tunnels)",
	.fields = tunnel_fields, .space_bytes = sizeof(struct tunnel), .wants = HOOK_PACKET,
	.scope = HOOK_SCOPE_RECORD, .update = tunnel_update, .write = tunnel_write,
};

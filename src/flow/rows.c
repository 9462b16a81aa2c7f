/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as rows: see rows.h for the way. The table `sources` has a line for each element that
 * a flow itself can give: where it lies in the image, and under which conditions it is there. To
 * add one is a member of the image, a line there, and what fills it.
 */
#include "flow/rows.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Everything that a record can say, initiator's side first, in the widths of the fields. */
struct flow_image {
	uint64_t octets[2], packets[2];
	uint64_t start_ms, end_ms, start_us, end_us, start_ns, end_ns;
	uint64_t flow_id, tunnel_id, flow_count;
	double probability;
	uint32_t start_s, end_s, duration_ms, duration_us, flow_label, gre_key, interface[2];
	uint32_t sample, sample_space;
	uint32_t sample_run, meter;
	uint16_t port[2], tcp_flags[2], icmp[2], vlan_outer, vlan_inner;
	uint8_t  v4[2][4], v6[2][16];
	uint8_t  bits4[2], bits6[2];    /* prefix lengths */
	uint8_t  icmp_type[2], icmp_code[2];
	uint8_t  protocol, reason, direction, basis, turned, version, tos;
	uint32_t conditions;
};

/* What has to hold for a column to be present. */
enum condition {
	IS_ANY = 1, IS_IP = 2, IS_ONE_FLOW = 4, IS_TCP = 8, IS_ICMP4 = 16, IS_ICMP6 = 32,
	IS_ICMP4_BACK = 64, IS_ICMP6_BACK = 128, IS_STACKED = 256, HAS_INTERFACE = 512,
	HAS_INTERFACE_BACK = 1024, IS_BIFLOW = 2048, HAS_SOURCE4 = 4096, HAS_SOURCE6 = 8192,
	HAS_DESTINATION4 = 16384, HAS_DESTINATION6 = 32768, HAS_SOURCE_PORT = 65536,
	HAS_PROTOCOL = 131072, HAS_SEGMENT = 262144, HAS_LABEL = 524288,
	HAS_DESTINATION_PORT = 1048576, IS_SAMPLED = 2097152, PREFIX4_SOURCE = 4194304,
	PREFIX6_SOURCE = 8388608, PREFIX4_DESTINATION = 16777216, PREFIX6_DESTINATION = 33554432,
	IS_TCP_BIFLOW = 67108864, HAS_BASIS = 134217728, HAS_GRE_KEY = 268435456,
	IS_RANDOM = 536870912, HAS_VLAN = 1073741824,
};

/* One element that a flow can give, and where it is found. */
struct source {
	const char *name;               /* element */
	uint16_t offset;                /* into the image */
	uint16_t back_offset;           /* of the reverse; NO_BACK: none */
	uint32_t condition, back_condition;
	uint16_t bytes;                 /* of the member: the width of the field's type */
};

enum { NO_BACK = 0xffff };

#define AT(member) (uint16_t)offsetof(struct flow_image, member)
#define BYTES(member) sizeof(((struct flow_image *)0)->member)
#define ONE(name, member, condition) { name, AT(member), NO_BACK, condition, 0, BYTES(member) }
#define BOTH(name, member, condition, back) \
	{ name, AT(member[0]), AT(member[1]), condition, back, BYTES(member[0]) }

static const struct source sources[] = {
	ONE("flowStartSeconds", start_s, IS_ANY), ONE("flowEndSeconds", end_s, IS_ANY),
	ONE("flowStartMilliseconds", start_ms, IS_ANY), ONE("flowEndMilliseconds", end_ms, IS_ANY),
	ONE("flowStartMicroseconds", start_us, IS_ANY), ONE("flowEndMicroseconds", end_us, IS_ANY),
	ONE("flowStartNanoseconds", start_ns, IS_ANY), ONE("flowEndNanoseconds", end_ns, IS_ANY),
	ONE("flowDurationMilliseconds", duration_ms, IS_ANY),
	ONE("flowDurationMicroseconds", duration_us, IS_ANY),
	ONE("sourceIPv4Address", v4[0], HAS_SOURCE4),
	ONE("destinationIPv4Address", v4[1], HAS_DESTINATION4),
	ONE("sourceIPv6Address", v6[0], HAS_SOURCE6),
	ONE("destinationIPv6Address", v6[1], HAS_DESTINATION6),
	ONE("sourceIPv4Prefix", v4[0], PREFIX4_SOURCE),
	ONE("sourceIPv4PrefixLength", bits4[0], PREFIX4_SOURCE),
	ONE("destinationIPv4Prefix", v4[1], PREFIX4_DESTINATION),
	ONE("destinationIPv4PrefixLength", bits4[1], PREFIX4_DESTINATION),
	ONE("sourceIPv6Prefix", v6[0], PREFIX6_SOURCE),
	ONE("sourceIPv6PrefixLength", bits6[0], PREFIX6_SOURCE),
	ONE("destinationIPv6Prefix", v6[1], PREFIX6_DESTINATION),
	ONE("destinationIPv6PrefixLength", bits6[1], PREFIX6_DESTINATION),
	ONE("protocolIdentifier", protocol, HAS_PROTOCOL), ONE("ipVersion", version, IS_IP),
	ONE("sourceTransportPort", port[0], HAS_SOURCE_PORT),
	ONE("destinationTransportPort", port[1], HAS_DESTINATION_PORT),
	ONE("vlanId", vlan_outer, HAS_VLAN), ONE("dot1qVlanId", vlan_outer, HAS_VLAN),
	ONE("dot1qCustomerVlanId", vlan_inner, IS_STACKED),
	BOTH("packetDeltaCount", packets, IS_ANY, IS_BIFLOW),
	BOTH("octetDeltaCount", octets, IS_ANY, IS_BIFLOW),
	ONE("initiatorPackets", packets[0], IS_BIFLOW), ONE("responderPackets", packets[1], IS_BIFLOW),
	ONE("initiatorOctets", octets[0], IS_BIFLOW), ONE("responderOctets", octets[1], IS_BIFLOW),
	BOTH("tcpControlBits", tcp_flags, IS_TCP, IS_TCP_BIFLOW),
	BOTH("icmpTypeCodeIPv4", icmp, IS_ICMP4, IS_ICMP4_BACK),
	BOTH("icmpTypeCodeIPv6", icmp, IS_ICMP6, IS_ICMP6_BACK),
	BOTH("icmpTypeIPv4", icmp_type, IS_ICMP4, IS_ICMP4_BACK),
	BOTH("icmpCodeIPv4", icmp_code, IS_ICMP4, IS_ICMP4_BACK),
	BOTH("icmpTypeIPv6", icmp_type, IS_ICMP6, IS_ICMP6_BACK),
	BOTH("icmpCodeIPv6", icmp_code, IS_ICMP6, IS_ICMP6_BACK),
	ONE("flowEndReason", reason, IS_ANY), ONE("biflowDirection", direction, IS_BIFLOW),
	ONE("flowDirectionBasis", basis, HAS_BASIS), ONE("flowDirectionTurned", turned, IS_ONE_FLOW),
	ONE("flowId", flow_id, IS_ONE_FLOW),
	BOTH("ingressInterface", interface, HAS_INTERFACE, HAS_INTERFACE_BACK),
	ONE("layer2SegmentId", tunnel_id, HAS_SEGMENT), ONE("greKey", gre_key, HAS_GRE_KEY),
	ONE("flowLabelIPv6", flow_label, HAS_LABEL),
	ONE("ipClassOfService", tos, IS_ONE_FLOW), ONE("deltaFlowCount", flow_count, IS_ANY),
	ONE("meteringProcessId", meter, IS_ANY),
	ONE("samplingInterval", sample, IS_SAMPLED | IS_RANDOM),
	ONE("samplingProbability", probability, IS_RANDOM),
	ONE("samplingPacketInterval", sample_run, IS_SAMPLED),
	ONE("samplingPacketSpace", sample_space, IS_SAMPLED),
};

/* One copy from the image into the row, if its condition holds. */
struct row_op {
	uint16_t from, to;              /* image offset, row offset */
	uint16_t column;
	uint32_t condition;
};

static const uint8_t widths[] = { 16, 8, 4, 2, 1 };     /* of values, in octets */
enum { WIDTHS = sizeof widths, PRESENCES = 8 };

struct presence {                       /* presence bits of all columns that the flow gives */
	uint32_t conditions;            /* under which; 0: none yet */
	uint8_t bits[(COLUMNS_MAX + 7) / 8];
};

/* One column that a hook writes. */
struct hook_op {
	const struct meter_hook_slot *slot;
	uint16_t column, field;
	bool reverse;
};

/* A schema compiled for the records of one meter, in one worker. */
struct row_plan {
	const struct schema *schema;
	struct row_settings settings;
	uint32_t constant;              /* conditions that the key plan and settings allow at all */
	struct flow_image blank;        /* what is the same in every record */
	bool needs_micro, needs_seconds;
	struct presence presence[PRESENCES];    /* by conditions, of which few sets occur */
	unsigned op_count, hook_count;
	unsigned op_end[WIDTHS];        /* ops stand in the order of widths[] */
	struct hook_op *hooks;
	struct row_op ops[];
};

/* ---- compiling ------------------------------------------------------------------------------- */

/* When a plan is made, not when records are written. */
static const struct source *source_find(const struct field *field)
{
	for (unsigned i = 0; i < array_count(sources); i++)
		if (!strcmp(sources[i].name, field->name))
			return &sources[i];
	return NULL;
}

/* A whole address and a cut one are different elements: only one of the two can be present. */
static uint32_t address_conditions(const struct key_plan *p)
{
	uint32_t c = 0;
	if (p->source_bits[0])
		c |= p->source_bits[0] == 32 ? HAS_SOURCE4 : PREFIX4_SOURCE;
	if (p->source_bits[1])
		c |= p->source_bits[1] == 128 ? HAS_SOURCE6 : PREFIX6_SOURCE;
	if (p->destination_bits[0])
		c |= p->destination_bits[0] == 32 ? HAS_DESTINATION4 : PREFIX4_DESTINATION;
	if (p->destination_bits[1])
		c |= p->destination_bits[1] == 128 ? HAS_DESTINATION6 : PREFIX6_DESTINATION;
	return c;
}

/* The conditions that can hold for any record of this meter at all, by its key and settings; what a
 * record adds is in record_conditions(). */
static uint32_t constant_conditions(const struct row_settings *s)
{
	const struct key_plan *p = &s->meter->settings.plan;
	uint32_t c = IS_ANY | IS_IP | IS_ONE_FLOW | HAS_VLAN | IS_STACKED | address_conditions(p);
	if (p->fields & KEY_PROTOCOL)
		c |= HAS_PROTOCOL | IS_TCP | IS_ICMP4 | IS_ICMP6;
	if (p->fields & (KEY_SOURCE_PORT | KEY_DESTINATION_PORT))
		c |= HAS_SOURCE_PORT | HAS_DESTINATION_PORT;
	if (p->fields & KEY_TUNNEL)
		c |= HAS_SEGMENT | HAS_GRE_KEY;
	if (p->fields & KEY_FLOW_LABEL)
		c |= HAS_LABEL;
	if (s->interfaces_known || (p->fields & KEY_INTERFACE))
		c |= HAS_INTERFACE;
	if (s->sample > 1)
		c |= s->sample_random ? IS_RANDOM : IS_SAMPLED;
	if (p->full_tuple[0] || p->full_tuple[1])
		c |= HAS_BASIS;
	if (p->mirrored && !s->uniflow)
		c |= IS_BIFLOW | IS_TCP_BIFLOW | IS_ICMP4_BACK | IS_ICMP6_BACK
			| (c & HAS_INTERFACE ? HAS_INTERFACE_BACK : 0);
	return c;
}

/* The hook that gives a field, and which of its fields it is; NULL if none does. */
static const struct meter_hook_slot *hook_of(const struct meter *m, const struct field *field,
                                             unsigned *ret_field)
{
	for (unsigned h = 0; h < m->hook_count; h++) {
		const char *const *names = m->hook[h].hook->fields;
		for (unsigned f = 0; names && names[f]; f++)
			if (!strcmp(names[f], field->name)) {
				*ret_field = f;
				return &m->hook[h];
			}
	}
	return NULL;
}

/* False if no hook gives the column. */
static bool add_hook_column(struct row_plan *plan, unsigned column)
{
	const struct column *c = &plan->schema->column[column];
	unsigned field;
	const struct meter_hook_slot *slot = hook_of(plan->settings.meter, c->field, &field);
	if (!slot)
		return false;
	plan->hooks[plan->hook_count++] = (struct hook_op){ .slot = slot,
		.column = (uint16_t)column, .field = (uint16_t)field, .reverse = c->reverse };
	return true;
}

/* Whether records can have this from the flow itself, under these conditions. */
static bool flow_may_give(const struct field *field, bool reverse, uint32_t constant)
{
	const struct source *s = source_find(field);
	if (!s || (reverse && s->back_offset == NO_BACK))
		return false;
	return constant & (reverse ? s->back_condition : s->condition);
}

/* True when the flow gives this column; its op is added only in its width's turn. */
static bool add_flow_column(struct row_plan *plan, unsigned column, unsigned bytes)
{
	const struct column *c = &plan->schema->column[column];
	const struct source *s = source_find(c->field);
	if (!s || (c->reverse && s->back_offset == NO_BACK))
		return false;
	assert(s->bytes == c->bytes);
	uint32_t condition = c->reverse ? s->back_condition : s->condition;
	if ((condition & plan->constant) && c->bytes == bytes)  /* else it can never be present */
		plan->ops[plan->op_count++] = (struct row_op){
			.from = c->reverse ? s->back_offset : s->offset, .to = c->offset,
			.column = (uint16_t)column, .condition = condition };
	return true;
}

/* The flow's own value goes before a hook's (flowLabelIPv6, where it is in the key). */
static bool add_column(struct row_plan *plan, unsigned column)
{
	const struct column *c = &plan->schema->column[column];
	bool by_flow = flow_may_give(c->field, c->reverse, plan->constant);
	return (!by_flow && add_hook_column(plan, column)) || add_flow_column(plan, column, 0);
}

/* Operations are sorted by width, so that each loop over them copies one size only. */
static void add_flow_columns(struct row_plan *plan)
{
	for (unsigned w = 0; w < WIDTHS; w++) {
		for (unsigned i = 0; i < plan->schema->column_count; i++)
			add_flow_column(plan, i, widths[w]);
		plan->op_end[w] = plan->op_count;
	}
	for (unsigned i = 0; i < plan->op_count; i++) {
		unsigned from = plan->ops[i].from;
		plan->needs_micro |= from == AT(start_us) || from == AT(end_us) || from == AT(duration_us);
		plan->needs_seconds |= from == AT(start_s) || from == AT(end_s);
	}
}

/* What is the same in all records is filled in once. */
static void blank_fill(struct flow_image *blank, const struct row_settings *s)
{
	const struct key_plan *p = &s->meter->settings.plan;
	blank->sample_run = 1;
	blank->sample = s->sample;
	blank->sample_space = s->sample - 1;
	blank->probability = s->sample ? 1.0 / s->sample : 1.0;
	blank->meter = s->number;
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *bits = i == 0 ? p->source_bits : p->destination_bits;
		blank->bits4[i] = bits[0];
		blank->bits6[i] = bits[1];
	}
}

/* Columns of hooks are looked for first, where the flow itself has nothing to say in this meter; a
 * column that neither has is the user's mistake. */
int row_plan_new(const struct schema *schema, const struct row_settings *settings,
                 struct row_plan **ret, struct error *err)
{
	struct row_plan *plan = calloc(1, sizeof *plan + schema->column_count * sizeof plan->ops[0]);
	struct hook_op *hooks = calloc(schema->column_count + 1u, sizeof *hooks);
	if (!plan || !hooks) {
		free(plan);
		free(hooks);
		return error_set(err, -ENOMEM, "out of memory");
	}
	plan->schema = schema;
	plan->settings = *settings;
	plan->hooks = hooks;
	plan->constant = constant_conditions(settings);
	for (unsigned i = 0; i < schema->column_count; i++)
		if (!add_column(plan, i)) {
			char name[128];
			field_column_name(schema->column[i].field, schema->column[i].reverse, name,
			                  sizeof name);
			row_plan_free(plan);
			return error_set(err, -ENOTSUP, "--fields: %s is a known element, but nothing in weir"
			                 " measures it yet", name);
		}
	add_flow_columns(plan);
	blank_fill(&plan->blank, settings);
	*ret = plan;
	return 0;
}

void row_plan_free(struct row_plan *plan)
{
	if (plan)
		free(plan->hooks);
	free(plan);
}

unsigned row_hook_fields(const struct flow_hook *hook, struct column_choice *ret, unsigned room)
{
	unsigned count = 0;
	for (const char *const *name = hook->fields; name && *name && count + 1 < room; name++) {
		const struct field *field = field_find(*name, strlen(*name), NULL);
		if (!field)
			continue;
		ret[count++] = (struct column_choice){ .field = field };
		if (!hook->biflow && field_is_reversible(field))
			ret[count++] = (struct column_choice){ .field = field, .reverse = true };
	}
	return count;
}

/* Costly hooks come last, so that "all" is a prefix of the list. */
unsigned row_fields(const struct flow_hook *const *hooks, struct column_choice *ret, unsigned room,
                    unsigned *ret_all)
{
	unsigned count = 0;
	for (unsigned i = 0; i < array_count(sources) && count + 1 < room; i++) {
		const struct field *field = field_find(sources[i].name, strlen(sources[i].name), NULL);
		if (!field)
			continue;
		ret[count++] = (struct column_choice){ .field = field };
		if (sources[i].back_offset != NO_BACK)
			ret[count++] = (struct column_choice){ .field = field, .reverse = true };
	}
	for (unsigned i = 0; hooks && hooks[i]; i++)
		if (!hooks[i]->costly)
			count += row_hook_fields(hooks[i], ret + count, room - count);
	*ret_all = count;
	for (unsigned i = 0; hooks && hooks[i]; i++)
		if (hooks[i]->costly)
			count += row_hook_fields(hooks[i], ret + count, room - count);
	return count;
}

/* What hooks say of headers that one family alone has. */
static uint8_t hook_field_family(const struct field *field)
{
	static const struct { const char *name; uint8_t family; } fields[] = {
		{ "ipv4Options", 4 }, { "ipv6ExtensionHeaders", 6 }, { "ipv6ExtensionHeadersFull", 6 },
	};
	for (unsigned i = 0; i < array_count(fields); i++)
		if (!strcmp(fields[i].name, field->name))
			return fields[i].family;
	return 0;
}

uint8_t row_field_family(const struct field *field)
{
	const uint32_t four = HAS_SOURCE4 | HAS_DESTINATION4 | PREFIX4_SOURCE | PREFIX4_DESTINATION
		| IS_ICMP4;
	const uint32_t six = HAS_SOURCE6 | HAS_DESTINATION6 | PREFIX6_SOURCE | PREFIX6_DESTINATION
		| IS_ICMP6 | HAS_LABEL;
	const struct source *s = source_find(field);
	if (!s)
		return hook_field_family(field);
	return s->condition & four ? 4 : s->condition & six ? 6 : 0;
}

bool row_choice_is_possible(const struct row_settings *settings, const struct column_choice *choice)
{
	uint32_t constant = constant_conditions(settings);
	unsigned field;
	if (flow_may_give(choice->field, choice->reverse, constant))
		return true;
	return hook_of(settings->meter, choice->field, &field)
		&& (!choice->reverse || (constant & IS_BIFLOW));
}

uint8_t row_record_family(const struct flow_record *record)
{
	return key_family(record->flow->key, record->key_bytes);
}

/* ---- writing --------------------------------------------------------------------------------- */

static inline uint32_t saturated(uint64_t value)
{
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

/* Divisions by constants, and those of units that no column asks for are left out. */
static inline void image_times(struct flow_image *image, const struct row_plan *plan,
                               const struct flow *f)
{
	uint64_t first = f->first_ns, last = f->last_ns;
	image->start_ns = first;
	image->end_ns = last;
	image->start_ms = first / 1000000;
	image->end_ms = last / 1000000;
	image->duration_ms = saturated(image->end_ms - image->start_ms);
	if (plan->needs_micro) {
		image->start_us = first / 1000;
		image->end_us = last / 1000;
		image->duration_us = saturated(image->end_us - image->start_us);
	}
	if (plan->needs_seconds) {
		image->start_s = (uint32_t)(first / 1000000000);
		image->end_s = (uint32_t)(last / 1000000000);
	}
}

/* `from` is the initiator's key endpoint: from here on index 0 is the source. */
static void image_key(struct flow_image *image, const struct flow_record *r,
                      const struct row_plan *plan, unsigned from)
{
	const struct key_plan *p = &plan->settings.meter->settings.plan;
	const struct key *key = (const struct key *)(const void *)r->flow->key;
	unsigned to = from ^ 1;
	image->version = key_family(key, r->key_bytes);
	if (r->key_bytes == 56) {
		const struct key_wide *wide = (const struct key_wide *)(const void *)r->flow->key;
		image->tunnel_id = image->gre_key = wide->tunnel_id;
		if (wide->tunnel_layers & (LAYER_VXLAN | LAYER_GENEVE | LAYER_ERSPAN))
			image->conditions |= HAS_SEGMENT;
		else if (wide->tunnel_layers)
			image->conditions |= HAS_GRE_KEY;
		image->flow_label = wide->flow_label;
	}
	if (r->key_bytes == 16) {
		memcpy(image->v4[0], key->address.v4[from], 4);
		memcpy(image->v4[1], key->address.v4[to], 4);
	} else {
		memcpy(image->v4[0], key->address.v6[from], 4);
		memcpy(image->v4[1], key->address.v6[to], 4);
		memcpy(image->v6[0], key->address.v6[from], 16);
		memcpy(image->v6[1], key->address.v6[to], 16);
	}
	image->protocol = key->protocol;
	if (key_has_ports(key->protocol) || !(p->fields & KEY_PROTOCOL)) {
		image->port[0] = key->port[from];
		image->port[1] = key->port[to];
	}
}

/* What this record has, by its family, protocol and what was seen; anded with what its meter can
 * have. */
static uint32_t record_conditions(const struct flow_image *image, const struct flow_cold *c,
                                  unsigned from)
{
	const uint32_t only4 = IS_IP | HAS_SOURCE4 | HAS_DESTINATION4 | PREFIX4_SOURCE
		| PREFIX4_DESTINATION;
	const uint32_t only6 = IS_IP | HAS_SOURCE6 | HAS_DESTINATION6 | PREFIX6_SOURCE
		| PREFIX6_DESTINATION | HAS_LABEL;
	uint32_t cond = IS_ANY | IS_ONE_FLOW | HAS_VLAN | IS_BIFLOW | HAS_SOURCE_PORT
		| HAS_DESTINATION_PORT | HAS_PROTOCOL | IS_SAMPLED | IS_RANDOM | HAS_BASIS;
	cond |= image->version == 4 ? only4 : image->version == 6 ? only6 : 0;
	if (image->protocol == 6)
		cond |= IS_TCP | IS_TCP_BIFLOW;
	uint32_t forward = image->protocol == 1 ? IS_ICMP4 : image->protocol == 58 ? IS_ICMP6 : 0;
	uint32_t back = image->protocol == 1 ? IS_ICMP4_BACK
		: image->protocol == 58 ? IS_ICMP6_BACK : 0;
	if (c->bits & COLD_ICMP_0 << from)
		cond |= forward;
	if (c->bits & COLD_ICMP_0 << (from ^ 1))
		cond |= back;
	if (c->bits & COLD_INNER_VLAN)
		cond |= IS_STACKED;
	if (c->bits & COLD_INTERFACE_0 << from)
		cond |= HAS_INTERFACE;
	if (c->bits & COLD_INTERFACE_0 << (from ^ 1))
		cond |= HAS_INTERFACE_BACK;
	return cond;
}

/* What a merged record has no value of. */
static uint32_t varying_conditions(const struct flow_record *r, unsigned from)
{
	static const uint32_t conditions[] = {          /* by the bits of enum record_varies */
		HAS_SOURCE4 | HAS_SOURCE6 | PREFIX4_SOURCE | PREFIX6_SOURCE,
		HAS_DESTINATION4 | HAS_DESTINATION6 | PREFIX4_DESTINATION | PREFIX6_DESTINATION,
		HAS_SOURCE_PORT, HAS_DESTINATION_PORT,
		HAS_PROTOCOL | IS_TCP | IS_TCP_BIFLOW | IS_ICMP4 | IS_ICMP6 | IS_ICMP4_BACK | IS_ICMP6_BACK,
		HAS_VLAN, HAS_SEGMENT | HAS_GRE_KEY, HAS_LABEL, HAS_BASIS,
	};
	uint32_t varies = r->varies, absent = r->merged > 1 ? IS_ONE_FLOW : 0;
	if (from)                       /* the row is of the way back: its source is endpoint 1 */
		varies = (varies & ~15u) | (varies & 5) << 1 | (varies & 10) >> 1;
	for (unsigned i = 0; i < array_count(conditions); i++)
		if (varies >> i & 1)
			absent |= conditions[i];
	return absent;
}

static uint32_t interface_of(const struct row_settings *s, uint16_t number)
{
	return number < s->interface_count && s->interface_index ? s->interface_index[number] : number;
}

/* One direction's counters, joined from their parts. */
static void image_side(struct flow_image *image, const struct flow_record *r,
                       const struct row_settings *s, unsigned side, unsigned i)
{
	const struct flow *f = r->flow;
	const struct flow_cold *c = r->cold;
	image->octets[i] = f->octets[side];
	image->packets[i] = (uint64_t)c->packets_high[side] << 32 | f->packets[side];
	image->tcp_flags[i] = (uint16_t)(f->tcp_flags[side]
	                                 | (f->tcp_flags_high >> (4 * side) & 15) << 8);
	image->icmp[i] = c->icmp[side];
	image->icmp_type[i] = (uint8_t)(c->icmp[side] >> 8);
	image->icmp_code[i] = (uint8_t)c->icmp[side];
	image->interface[i] = interface_of(s, c->interface[side]);
}

/* The image is filled whole, whatever columns there are: some forty plain stores cost less than
 * asking. */
static void image_fill(struct flow_image *image, const struct row_plan *plan,
                       const struct flow_record *r, unsigned from)
{
	*image = plan->blank;
	image_times(image, plan, r->flow);
	image_key(image, r, plan, from);
	image_side(image, r, &plan->settings, from, 0);
	image_side(image, r, &plan->settings, from ^ 1, 1);
	image->vlan_outer = r->cold->vlan_outer;
	image->vlan_inner = r->cold->vlan_inner;
	image->tos = r->cold->tos;
	image->flow_id = r->cold->flow_id;
	image->reason = r->reason;
	image->basis = r->cold->basis;
	image->turned = (r->cold->bits & COLD_TURNED) != 0;
	image->direction = r->cold->basis > BASIS_FIRST_PACKET && !(r->varies & VARIES_BASIS);
	image->flow_count = r->merged ? r->merged : 1;
	image->conditions = plan->constant
		& (image->conditions | record_conditions(image, r->cold, from));
	if (unlikely(r->merged))
		image->conditions &= ~varying_conditions(r, from);
}

/* Few combinations occur, so presence bits are worked out once for each and remembered in a small
 * direct-mapped table. */
static const struct presence *presence_of(struct row_plan *plan, uint32_t conditions)
{
	struct presence *p = &plan->presence[conditions * 0x9e3779b1u >> 29];
	if (likely(p->conditions == conditions))
		return p;
	memset(p->bits, 0, sizeof p->bits);
	p->conditions = conditions;
	for (unsigned i = 0; i < plan->op_count; i++) {
		const struct row_op *op = &plan->ops[i];
		p->bits[op->column / 8] |= (uint8_t)(!!(conditions & op->condition) << op->column % 8);
	}
	return p;
}
static_assert(PRESENCES == 1 << (32 - 29), "presence_of() takes the top three bits");

/* Zeros where a value is absent, without a branch: protocols come in random order. */
static inline __attribute__((always_inline))
void put_values(const struct row_plan *plan, const struct flow_image *image, uint8_t *row,
                unsigned width)
{
	unsigned bytes = widths[width], step = bytes < 8 ? bytes : 8;
	for (unsigned i = width ? plan->op_end[width - 1] : 0; i < plan->op_end[width]; i++) {
		const struct row_op *op = &plan->ops[i];
		const uint8_t *from = (const uint8_t *)image + op->from;
		uint64_t mask = -(uint64_t)((image->conditions & op->condition) != 0);
		for (unsigned at = 0; at < bytes; at += step) {
			uint64_t value = 0;
			memcpy(&value, from + at, step);
			value &= mask;
			memcpy(row + op->to + at, &value, step);
		}
	}
}

/* One loop for each width, 1 to 16 octets, so that every copy has a size that the compiler
 * knows. */
static void put_flow_columns(struct row_plan *plan, const struct flow_image *image, uint8_t *row)
{
	const struct presence *presence = presence_of(plan, image->conditions);
	memcpy(row + plan->schema->presence_offset, presence->bits,
	       (plan->schema->column_count + 7u) / 8);
	put_values(plan, image, row, 0);
	put_values(plan, image, row, 1);
	put_values(plan, image, row, 2);
	put_values(plan, image, row, 3);
	put_values(plan, image, row, 4);
}
static_assert(WIDTHS == 5, "put_flow_columns() has one line for each");

/* A merged record has values of those hooks alone that know how to merge theirs. */
static void write_row(struct row_plan *plan, const struct flow_record *r, unsigned from,
                      struct record_batch *batch)
{
	struct flow_image image;
	uint8_t *row = record_batch_append(batch);
	if (!row)
		return;
	image_fill(&image, plan, r, from);
	put_flow_columns(plan, &image, row);
	const struct meter_hook_slot *viewed = NULL;
	struct flow_view view = { 0 };
	for (unsigned i = 0; i < plan->hook_count; i++) {
		const struct hook_op *op = &plan->hooks[i];
		if (r->merged && !op->slot->hook->merge)
			continue;
		struct value_writer w = { batch, row, op->column };
		if (op->slot != viewed)
			view = meter_hook_view(plan->settings.meter, op->slot, r);
		viewed = op->slot;
		view.side = op->reverse ? from ^ 1 : from;
		op->slot->hook->write(&view, op->field, &w);
	}
}

/* As uniflows: a direction without packets has no record. */
void row_plan_write(struct row_plan *plan, const struct flow_record *r,
                    struct record_batch *batch)
{
	unsigned initiator = direction_initiator(r->flow);
	const struct flow *f = r->flow;
	if (!plan->settings.uniflow || !plan->settings.meter->settings.plan.mirrored) {
		write_row(plan, r, initiator, batch);
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		unsigned side = initiator ^ i;
		if (f->packets[side] | r->cold->packets_high[side])
			write_row(plan, r, side, batch);
	}
}

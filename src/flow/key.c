/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key plans: from the list that a user gives to fields and masks, and from a packet to a wide key.
 * The standard plan needs nothing of the latter: the parser has made that key already. Neighbours:
 * key.h, table.h, engine/columns.c (which shows the key in records).
 */
#include "flow/key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* A word that --key knows, and what it takes into the key. */
struct key_word {
	const char *name;
	uint32_t fields;                /* enum key_field */
	uint8_t address;                /* 1 source, 2 destination */
	uint8_t family;                 /* 4 or 6 with an address */
};

static const struct key_word key_words[] = {
	{ "sourceIPv4Address", 0, 1, 4 },       { "destinationIPv4Address", 0, 2, 4 },
	{ "sourceIPv6Address", 0, 1, 6 },       { "destinationIPv6Address", 0, 2, 6 },
	{ "sourceIPv4Prefix", 0, 1, 4 },        { "destinationIPv4Prefix", 0, 2, 4 },
	{ "sourceIPv6Prefix", 0, 1, 6 },        { "destinationIPv6Prefix", 0, 2, 6 },
	{ "protocolIdentifier", KEY_PROTOCOL, 0, 0 },
	{ "sourceTransportPort", KEY_SOURCE_PORT, 0, 0 },
	{ "destinationTransportPort", KEY_DESTINATION_PORT, 0, 0 },
	{ "icmpTypeCodeIPv4", KEY_ICMP, 0, 0 }, { "icmpTypeCodeIPv6", KEY_ICMP, 0, 0 },
	{ "vlanId", KEY_VLAN_OUTER, 0, 0 },     { "dot1qVlanId", KEY_VLAN_OUTER, 0, 0 },
	{ "dot1qCustomerVlanId", KEY_VLAN_INNER, 0, 0 },
	{ "ingressInterface", KEY_INTERFACE, 0, 0 },
	{ "ipClassOfService", KEY_TOS, 0, 0 },  { "ipVersion", KEY_FAMILY, 0, 0 },
	{ "flowLabelIPv6", KEY_FLOW_LABEL, 0, 0 },
	{ "layer2SegmentId", KEY_TUNNEL, 0, 0 }, { "greKey", KEY_TUNNEL, 0, 0 },
};

/* False when it is set already. */
static bool set_address(struct key_plan *plan, const struct key_word *word, unsigned bits)
{
	bool source = word->address == 1;
	uint8_t *set = source ? plan->source_bits : plan->destination_bits;
	if (set[word->family == 6])
		return false;
	set[word->family == 6] = (uint8_t)bits;
	*(source ? &plan->source : &plan->destination) = true;
	plan->fields |= KEY_FAMILY;
	return true;
}

static int unknown_word(const char *word, size_t length, struct error *err)
{
	char name[64];
	snprintf(name, sizeof name, "%.*s", (int)length, word);
	struct text_nearest near = { .word = name };
	for (unsigned i = 0; i < array_count(key_words); i++)
		text_nearest_offer(&near, key_words[i].name);
	return error_set(err, -EINVAL,
		"\"%s\" cannot be part of a flow key%s%s%s; possible are addresses"
		" (sourceIPv4Address/24), ports, protocolIdentifier, vlanId, dot1qCustomerVlanId,"
		" icmpTypeCodeIPv4, ingressInterface, ipClassOfService, ipVersion, flowLabelIPv6",
		name, near.best ? " (did you mean " : "", near.best ? near.best : "",
		near.best ? "?)" : "");
}

static const struct key_word *find_word(const char *word, size_t length)
{
	for (unsigned i = 0; i < array_count(key_words); i++)
		if (!strncmp(key_words[i].name, word, length) && !key_words[i].name[length])
			return &key_words[i];
	return NULL;
}

/* NAME or NAME/BITS. *ret_bits is 0 for what is no address. */
static int read_word(const char *word, const struct key_word **ret, unsigned *ret_bits,
                     struct error *err)
{
	size_t length = strcspn(word, "/");
	const struct key_word *found = find_word(word, length);
	if (!found)
		return unknown_word(word, length, err);
	unsigned width = !found->address ? 0 : found->family == 6 ? 128 : 32, bits = width;
	if (word[length] == '/') {
		char *end;
		unsigned long value = strtoul(word + length + 1, &end, 10);
		if (!found->address || *end || end == word + length + 1 || value < 1 || value > width)
			return error_set(err, -EINVAL, "\"%s\": expected %s", word, found->address
				? "a prefix length from 1 to 32 (IPv4) or 128 (IPv6)"
				: "no \"/\" after this field");
		bits = (unsigned)value;
	}
	*ret = found;
	*ret_bits = bits;
	return 0;
}

/* Words add up; only an address may not come twice, since its second length would undo the
 * first. */
static int parse_word(struct key_plan *plan, const char *word, struct error *err)
{
	const struct key_word *found;
	unsigned bits;
	int r = read_word(word, &found, &bits, err);
	if (r)
		return r;
	plan->fields |= found->fields;
	if (found->address && !set_address(plan, found, bits))
		return error_set(err, -EINVAL, "\"%s\": this address is in the key already", word);
	return 0;
}

/* A plan that names one family's address alone leaves the other family's packets
 * without that address. */
static void finish_plan(struct key_plan *plan)
{
	bool ports = (plan->fields & KEY_SOURCE_PORT) && (plan->fields & KEY_DESTINATION_PORT);
	bool no_ports = !(plan->fields & (KEY_SOURCE_PORT | KEY_DESTINATION_PORT));
	plan->mirrored = plan->source == plan->destination && (ports || no_ports)
		&& !memcmp(plan->source_bits, plan->destination_bits, sizeof plan->source_bits)
		&& !(plan->fields & KEY_FLOW_LABEL);
	plan->prefixes = (plan->source_bits[0] % 32 | plan->destination_bits[0] % 32
		| plan->source_bits[1] % 128 | plan->destination_bits[1] % 128) != 0;
	bool tuple = ports && (plan->fields & KEY_PROTOCOL);
	plan->full_tuple[0] = tuple && key_plan_has_addresses(plan, false);
	plan->full_tuple[1] = tuple && key_plan_has_addresses(plan, true);
}

/* Standard means that the parser's own key can be used as it stands; leaving out VLANs or adding
 * anything needs the wide one. */
static void standard_plan(struct key_plan *plan, const struct key_options *options)
{
	*plan = (struct key_plan){
		.fields = KEY_PROTOCOL | KEY_SOURCE_PORT | KEY_DESTINATION_PORT | KEY_ICMP | KEY_FAMILY
			| (options->vlan_key ? KEY_VLAN_OUTER | KEY_VLAN_INNER : 0)
			| (options->per_interface ? KEY_INTERFACE : 0) | (options->tunnels ? KEY_TUNNEL : 0),
		.source_bits = { 32, 128 }, .destination_bits = { 32, 128 },
		.source = true, .destination = true,
		.standard = options->vlan_key && !options->per_interface && !options->tunnels,
	};
	finish_plan(plan);
}

/* A list given by the user stands for itself: VLANs are in the key if they are named. */
int key_plan_parse(const struct key_options *options, struct key_plan *ret, struct error *err)
{
	struct key_plan plan;
	if (!options->key) {
		standard_plan(ret, options);
		return 0;
	}
	memset(&plan, 0, sizeof plan);
	char *copy = strdup(options->key), *save = NULL;
	if (!copy)
		return error_set(err, -ENOMEM, "out of memory");
	int r = 0;
	for (char *w = strtok_r(copy, ", ", &save); w && !r; w = strtok_r(NULL, ", ", &save))
		r = parse_word(&plan, w, err);
	free(copy);
	if (r)
		return r;
	if (!plan.fields)
		return error_set(err, -EINVAL, "the list is empty; expected element names,"
			" e.g. sourceIPv4Address/24,protocolIdentifier");
	if (options->per_interface)
		plan.fields |= KEY_INTERFACE;
	if (options->tunnels)
		plan.fields |= KEY_TUNNEL;
	finish_plan(&plan);
	*ret = plan;
	return 0;
}

/* Whole or cut, as it is asked: they are different elements. */
static bool has_address(const struct key_plan *plan, const struct key_word *word, bool prefix)
{
	const uint8_t *bits = word->address == 1 ? plan->source_bits : plan->destination_bits;
	unsigned width = word->family == 6 ? 128 : 32, own = bits[word->family == 6];
	return own && (own == width) == !prefix;
}

bool key_plan_has(const struct key_plan *plan, const struct field *field)
{
	size_t length = strlen(field->name);
	bool prefix = strstr(field->name, "Prefix") != NULL;
	if (length > 12 && !strcmp(field->name + length - 6, "Length"))
		length -= 6;                    /* sourceIPv4PrefixLength belongs to its prefix */
	for (unsigned i = 0; i < array_count(key_words); i++) {
		const struct key_word *word = &key_words[i];
		if (strncmp(word->name, field->name, length) || word->name[length])
			continue;
		return word->address ? has_address(plan, word, prefix) : (plan->fields & word->fields) != 0;
	}
	return false;
}

/* ---- columns --------------------------------------------------------------------------------- */

/* A list that is being made. */
struct columns {
	struct column_choice *choices;
	unsigned count;
};

/* Words may say the same: each column once. */
static void add_column(struct columns *c, const char *name)
{
	const struct field *field = field_find(name, strlen(name), NULL);
	for (unsigned i = 0; i < c->count && field; i++)
		if (c->choices[i].field == field)
			return;
	if (field && c->count < KEY_COLUMNS_MAX)
		c->choices[c->count++] = (struct column_choice){ .field = field };
}

/* An address that is cut is exported as a prefix and its length, never as a host's. */
static void add_address(struct columns *c, const struct key_word *word, unsigned bits)
{
	char name[64];
	bool whole = bits == (word->family == 6 ? 128 : 32);
	snprintf(name, sizeof name, "%sIPv%u%s", word->address == 1 ? "source" : "destination",
	         word->family, whole ? "Address" : "Prefix");
	add_column(c, name);
	if (whole)
		return;
	strncat(name, "Length", sizeof name - strlen(name) - 1);
	add_column(c, name);
}

static const char standard_words[] =
	"sourceIPv4Address,sourceIPv6Address,destinationIPv4Address,destinationIPv6Address,"
	"protocolIdentifier,sourceTransportPort,destinationTransportPort,"
	"icmpTypeCodeIPv4,icmpTypeCodeIPv6";

/* The same words as key_plan_parse() read, in the order of the user: a record shows its key as it
 * was asked for. */
unsigned key_columns(const struct key_options *options, struct column_choice *ret)
{
	struct columns c = { .choices = ret };
	const struct key_word *word;
	unsigned bits;
	char *copy = strdup(options->key ? options->key : standard_words), *save = NULL;
	if (!options->key && options->vlan_key) {
		add_column(&c, "vlanId");
		add_column(&c, "dot1qCustomerVlanId");
	}
	for (char *w = copy ? strtok_r(copy, ", ", &save) : NULL; w; w = strtok_r(NULL, ", ", &save))
		if (read_word(w, &word, &bits, NULL) == 0) {
			if (bits)
				add_address(&c, word, bits);
			else
				add_column(&c, word->name);
		}
	free(copy);
	if (options->per_interface)
		add_column(&c, "ingressInterface");
	if (options->tunnels) {
		add_column(&c, "layer2SegmentId");
		add_column(&c, "greKey");
	}
	return c.count;
}

/* ---- keys of packets ------------------------------------------------------------------------- */

/* What lies behind the prefix stays zero. */
static void copy_prefix(uint8_t *to, const uint8_t *from, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	memcpy(to, from, whole);
	if (rest)
		to[whole] = (uint8_t)(from[whole] & (0xff << (8 - rest)));
}

struct ends {                           /* source first */
	uint8_t address[2][16];
	uint16_t port[2];
};

/* Source and destination as the packet has them, masked by the plan, zeros for what is not in the
 * key. */
static struct ends packet_ends(const struct key_plan *plan, const struct packet *p)
{
	struct ends e = { 0 };
	unsigned source = p->sender, destination = source ^ 1, six = p->family == 6;
	const uint8_t *from = six ? p->key.address.v6[source] : p->key.address.v4[source];
	const uint8_t *to = six ? p->key.address.v6[destination] : p->key.address.v4[destination];
	if (plan->source)
		copy_prefix(e.address[0], from, plan->source_bits[six]);
	if (plan->destination)
		copy_prefix(e.address[1], to, plan->destination_bits[six]);
	if (!key_has_ports(p->key.protocol)) {
		/* ICMP: type and code are one thing, whatever the sides. */
		if (plan->fields & KEY_ICMP) {
			e.port[0] = p->key.port[source];
			e.port[1] = p->key.port[destination];
		}
		return e;
	}
	if (plan->fields & KEY_SOURCE_PORT)
		e.port[0] = p->key.port[source];
	if (plan->fields & KEY_DESTINATION_PORT)
		e.port[1] = p->key.port[destination];
	return e;
}

/* Both ids share the middle octet: 12 bits each. */
static void set_vlans(const struct key_plan *plan, const struct packet *p, struct key *base)
{
	if (plan->fields & KEY_VLAN_OUTER) {
		base->vlan[0] = p->key.vlan[0];
		base->vlan[1] = p->key.vlan[1] & 0xf0;
	}
	if (plan->fields & KEY_VLAN_INNER) {
		base->vlan[1] |= p->key.vlan[1] & 0x0f;
		base->vlan[2] = p->key.vlan[2];
	}
}

/* Ends are ordered after masking, so that packets whose addresses differ only behind the prefix
 * still meet in one flow. */
unsigned key_wide_build(const struct key_plan *plan, const struct packet *p, struct key_wide *ret)
{
	struct key_wide k;
	memset(&k, 0, sizeof k);
	struct ends e = packet_ends(plan, p);
	unsigned sender = 0;
	if (plan->mirrored) {
		int order = memcmp(e.address[0], e.address[1], 16);
		sender = order > 0 || (order == 0 && e.port[0] > e.port[1]);
	}
	memcpy(k.base.address.v6[sender], e.address[0], 16);
	memcpy(k.base.address.v6[sender ^ 1], e.address[1], 16);
	k.base.port[sender] = e.port[0];
	k.base.port[sender ^ 1] = e.port[1];
	set_vlans(plan, p, &k.base);
	if (plan->fields & KEY_PROTOCOL)
		k.base.protocol = p->key.protocol;
	if (plan->fields & KEY_TUNNEL && p->tunnel_id) {
		k.tunnel_id = p->tunnel_id;
		k.tunnel_layers = p->layers & (LAYER_GRE | LAYER_ERSPAN | LAYER_VXLAN | LAYER_GENEVE);
	}
	/* RFC 6437: a label identifies a flow where ports cannot. */
	if ((plan->fields & KEY_FLOW_LABEL) && !key_has_ports(p->key.protocol))
		k.flow_label = p->flow_label;
	if (plan->fields & KEY_INTERFACE)
		k.interface = (uint16_t)(p->interface + 1);
	if (plan->fields & KEY_FAMILY)
		k.family = p->family;
	if (plan->fields & KEY_TOS)
		k.tos = p->tos;
	*ret = k;
	return sender;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field specifiers (RFC 7011, section 3.2) of columns. The reverse of an IANA element has the
 * element's own id under the reverse PEN 29305 (RFC 5103, section 6.1); that PEN says nothing about
 * elements of enterprises, so ours spend one bit of their ids on it (section 6.2). See template.h.
 */
#include "ipfix/template.h"

#include "base/compiler.h"
#include "ipfix/format.h"

/* IANA elements that belong to one endpoint of a flow. */
static const uint16_t directional_keys[] = {
	7, 11, 180, 181, 182, 183,      /* ports */
	8, 12, 27, 28, 44, 45, 169, 170,        /* addresses and prefixes */
	10, 14, 252, 253,               /* interfaces */
	56, 80,                         /* MAC addresses */
	16, 17,                         /* AS numbers */
	225, 226, 227, 228, 281, 282,   /* translated addresses and ports */
};

bool ipfix_has_directional_key(const struct schema *schema)
{
	for (unsigned i = 0; i < schema->column_count; i++) {
		const struct field *field = schema->column[i].field;
		if (field->pen != PEN_IANA)
			continue;
		for (unsigned k = 0; k < array_count(directional_keys); k++)
			if (field->id == directional_keys[k])
				return true;
	}
	return false;
}

static bool refers_to_templates(const struct field *field)
{
	return field->type == TYPE_SUB_TEMPLATE_LIST || field->type == TYPE_SUB_TEMPLATE_MULTI_LIST;
}

/* NULL, or why there is no reverse. */
static const char *reverse_specify(const struct field *field,
                                   struct ipfix_field_specifier *specifier)
{
	if (!field_is_reversible(field))
		return field->pen == PEN_IANA || field->pen == PEN_WEIR_DEFAULT ?
		       "not reversible" : "no reverse is defined by its enterprise";
	if (field->pen == PEN_IANA) {
		specifier->pen = PEN_REVERSE;
		return NULL;
	}
	if (!field_reverses_by_bit(field->pen) || field->id >= FIELD_REVERSE_BIT)
		return "no reverse is defined by its enterprise";
	specifier->id |= FIELD_REVERSE_BIT;
	return NULL;
}

/* NULL, or why not. */
static const char *ipfix_form(const struct column *column,
                              const struct ipfix_encoder_settings *settings,
                              struct ipfix_field_specifier *specifier)
{
	const char *reason = NULL;
	if (refers_to_templates(column->field))
		reason = "lists of sub-templates are not encoded";
	else if (column->reverse)
		reason = reverse_specify(column->field, specifier);
	if (specifier->pen == PEN_WEIR_DEFAULT && settings->pen)
		specifier->pen = settings->pen;
	return reason;
}

enum {
	TCP_CONTROL_BITS = 6, INGRESS_INTERFACE = 10,
	FLOW_START_MILLISECONDS = 152, FLOW_END_MILLISECONDS = 153,
};

bool ipfix_is_interface_scope(const struct schema *schema)
{
	const struct field *field = schema->column[0].field;
	return field->pen == PEN_IANA && field->id == INGRESS_INTERFACE;
}

/* Times since boot are what NetFlow v9 began with, and all that some collectors read. */
static void netflow9_times(struct ipfix_field_specifier *specifier)
{
	if (specifier->id != FLOW_START_MILLISECONDS && specifier->id != FLOW_END_MILLISECONDS)
		return;
	specifier->uptime = true;
	specifier->id = specifier->id == FLOW_START_MILLISECONDS ? NETFLOW9_FIRST_SWITCHED
	                                                         : NETFLOW9_LAST_SWITCHED;
	specifier->length = 4;
}

/* Texts with a cap have a fixed length in options data: names are what those are about. */
static const char *netflow9_form(const struct schema *schema, unsigned i,
                                 const struct ipfix_encoder_settings *settings,
                                 struct ipfix_field_specifier *specifier)
{
	const struct column *column = &schema->column[i];
	bool text = column->field->type == TYPE_STRING && schema->scope_count && column->cap_bytes;
	if (column->reverse)
		return "NetFlow v9 has one direction";
	if (specifier->pen)
		return "NetFlow v9 has no elements of enterprises";
	if (column->variable && !text)
		return "NetFlow v9 has no variable length";
	if (column->variable)
		specifier->length = column->cap_bytes;
	if (specifier->id == TCP_CONTROL_BITS)
		specifier->length = 1;          /* RFC 3954, section 8 */
	if (settings->uptime)
		netflow9_times(specifier);
	if (i == 0 && schema->scope_count && ipfix_is_interface_scope(schema))
		specifier->id = NETFLOW9_SCOPE_INTERFACE;
	return NULL;
}

/* Which process and which domain options speak of: in NetFlow v9 that is the scope "system". */
static bool names_the_system(const struct field *field)
{
	return field->pen == PEN_IANA && (field->id == 143 || field->id == 144 || field->id == 149);
}

bool ipfix_specify(const struct schema *schema, unsigned i,
                   const struct ipfix_encoder_settings *settings,
                   struct ipfix_field_specifier *ret, const char **ret_reason)
{
	const struct column *column = &schema->column[i];
	const struct field *field = column->field;
	struct ipfix_field_specifier specifier = {
		.pen = field->pen, .id = field->id,
		.length = column->variable ? IPFIX_LENGTH_VARIABLE :
		          column->cap_bytes ? column->cap_bytes : column->bytes,
	};
	const char *reason;
	if (settings->format == FORMAT_NETFLOW9 && i < schema->scope_count && names_the_system(field)) {
		*ret_reason = NULL;
		return false;
	}
	if (field->id == 0 || field->id >= IPFIX_ENTERPRISE_BIT)
		reason = "its number is no element id";
	else if (settings->format == FORMAT_NETFLOW9)
		reason = netflow9_form(schema, i, settings, &specifier);
	else
		reason = ipfix_form(column, settings, &specifier);
	if (reason) {
		*ret_reason = reason;
		return false;
	}
	*ret = specifier;
	return true;
}

uint8_t *ipfix_specifier_write(const struct ipfix_field_specifier *specifier, uint8_t *to)
{
	uint16_t id = specifier->id | (specifier->pen ? IPFIX_ENTERPRISE_BIT : 0);
	uint16_t words[2] = { __builtin_bswap16(id), __builtin_bswap16(specifier->length) };
	memcpy(to, words, sizeof words);
	if (!specifier->pen)
		return to + sizeof words;
	uint32_t pen = __builtin_bswap32(specifier->pen);
	memcpy(to + sizeof words, &pen, sizeof pen);
	return to + sizeof words + sizeof pen;
}

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
	if (field->pen != PEN_WEIR_DEFAULT || field->id >= IPFIX_OWN_REVERSE_BIT)
		return "no reverse is defined by its enterprise";
	specifier->id |= IPFIX_OWN_REVERSE_BIT;
	return NULL;
}

bool ipfix_specify(const struct column *column, struct ipfix_field_specifier *ret,
                   const char **ret_reason)
{
	const struct field *field = column->field;
	struct ipfix_field_specifier specifier = {
		.pen = field->pen, .id = field->id,
		.length = column->variable ? IPFIX_LENGTH_VARIABLE : column->bytes,
	};
	const char *reason = NULL;
	if (refers_to_templates(field))
		reason = "lists of sub-templates are not encoded";
	else if (field->id == 0 || field->id >= IPFIX_ENTERPRISE_BIT)
		reason = "its number is no element id";
	else if (column->reverse)
		reason = reverse_specify(field, &specifier);
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

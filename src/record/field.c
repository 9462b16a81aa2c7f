/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled field table and its two indexes: by name and by (enterprise, number). fields.def is
 * the source; adding a field is one line there and nothing here.
 *
 * The indexes are open-addressing hash tables of positions, filled once at the first look-up under
 * pthread_once, so look-ups from any thread are safe and cost one hash and about one comparison.
 * They are the only writable data of this room, and after that first call they are never written
 * again.
 */
#include "record/field.h"

#include <assert.h>
#include <ctype.h>
#include <pthread.h>
#include <string.h>

#include "base/compiler.h"

const struct field field_table[] = {
#define FIELD(name, short_name, pen, id, type, semantics, unit, text) \
	{ name, short_name, pen, id, TYPE_##type, SEMANTICS_##semantics, unit, text },
#include "record/fields.def"
#undef FIELD
};
const unsigned field_count = array_count(field_table);

enum { INDEX_SLOTS = 4096, INDEX_MASK = INDEX_SLOTS - 1 };
static_assert(array_count(field_table) * 2 <= INDEX_SLOTS, "at most half full: double INDEX_SLOTS");

static uint16_t index_by_name[INDEX_SLOTS];     /* position in field_table + 1; 0: free */
static uint16_t index_by_id[INDEX_SLOTS];
static pthread_once_t index_once = PTHREAD_ONCE_INIT;

/* FNV-1a: the names are ours and fixed, so nobody can choose collisions that matter. */
static uint32_t hash_name(const char *name, size_t length)
{
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static uint32_t hash_id(uint32_t pen, uint16_t id)
{
	uint32_t hash = (pen * 0x9e3779b1u + id) * 0x85ebca6bu;
	return hash ^ hash >> 16;
}

static void index_put(uint16_t *slots, uint32_t hash, unsigned position)
{
	while (slots[hash & INDEX_MASK])
		hash++;
	slots[hash & INDEX_MASK] = (uint16_t)(position + 1);
}

static void index_fill(void)
{
	for (unsigned i = 0; i < field_count; i++) {
		const struct field *f = &field_table[i];
		index_put(index_by_name, hash_name(f->name, strlen(f->name)), i);
		index_put(index_by_id, hash_id(f->pen, f->id), i);
	}
}

/* Positions are kept plus one: 0 ends a search. */
static const struct field *find_exact(const char *name, size_t length)
{
	pthread_once(&index_once, index_fill);
	for (uint32_t hash = hash_name(name, length); index_by_name[hash & INDEX_MASK]; hash++) {
		const struct field *f = &field_table[index_by_name[hash & INDEX_MASK] - 1];
		if (strncmp(f->name, name, length) == 0 && f->name[length] == '\0')
			return f;
	}
	return NULL;
}

/* The first letter after "reverse" is a capital in either case: VRFname and vlanId both. */
static const struct field *find_reverse(const char *name, size_t length)
{
	static const char prefix[] = "reverse";
	enum { PREFIX = sizeof prefix - 1, NAME_MAX_BYTES = 128 };
	if (length <= PREFIX || length - PREFIX >= NAME_MAX_BYTES ||
	    memcmp(name, prefix, PREFIX) != 0 || islower((unsigned char)name[PREFIX]))
		return NULL;
	char forward[NAME_MAX_BYTES];
	length -= PREFIX;
	memcpy(forward, name + PREFIX, length);
	const struct field *f = find_exact(forward, length);
	if (!f) {
		forward[0] = (char)tolower((unsigned char)forward[0]);
		f = find_exact(forward, length);
	}
	return f && field_is_reversible(f) ? f : NULL;
}

const struct field *field_find(const char *name, size_t length, bool *ret_reverse)
{
	if (length == 0 || memchr(name, '\0', length))
		return NULL;
	const struct field *f = find_exact(name, length);
	bool reverse = false;
	if (!f && ret_reverse) {
		f = find_reverse(name, length);
		reverse = f != NULL;
	}
	if (f && ret_reverse)
		*ret_reverse = reverse;
	return f;
}

const struct field *field_by_id(uint32_t pen, uint16_t id)
{
	pthread_once(&index_once, index_fill);
	for (uint32_t hash = hash_id(pen, id); index_by_id[hash & INDEX_MASK]; hash++) {
		const struct field *f = &field_table[index_by_id[hash & INDEX_MASK] - 1];
		if (f->id == id && f->pen == pen)
			return f;
	}
	return NULL;
}

/*
 * IANA elements that have no reverse. RFC 5103, section 6.1 names flowId, templateId,
 * observationDomainId and commonPropertiesId, what configures processes and what counts their work
 * (RFC 5102, sections 5.2 and 5.3), padding and biflowDirection; what was registered since and
 * speaks of a record as a whole or of the export itself is of the same kind by its rule. The flow
 * key is our own addition: the RFC would let it be reversed, but in a biflow the reverse of a key
 * is the other half of the same key and would say nothing.
 */
static const struct { uint16_t first, last; } not_reversible[] = {
	/* protocol, ports, addresses, prefixes, IP version */
	{ 4, 4 }, { 7, 9 }, { 11, 13 }, { 27, 30 }, { 44, 45 }, { 60, 60 }, { 169, 170 },
	{ 180, 183 },
	/* timeouts, sampling, engines and what NetFlow v9 said of the exporter */
	{ 34, 43 }, { 48, 51 }, { 82, 84 }, { 87, 87 }, { 100, 101 },
	/* exporter, collector, process, template, flow, end reason, statistics of processes */
	{ 130, 131 }, { 136, 137 }, { 145, 145 }, { 148, 149 }, { 160, 160 }, { 163, 168 },
	{ 173, 173 }, { 210, 217 }, { 239, 239 }, { 426, 427 }, { 433, 433 },
	/* messages and sessions (RFC 5655), anonymization, lists, sampling, hashes, descriptions */
	{ 258, 277 }, { 285, 287 }, { 291, 293 }, { 300, 311 }, { 318, 321 }, { 326, 346 },
	{ 384, 384 }, { 390, 390 }, { 394, 400 }, { 403, 407 },
	/* port ranges, MIB objects, limits of NAT devices */
	{ 361, 364 }, { 434, 454 }, { 463, 463 }, { 466, 467 }, { 471, 481 },
};

/* What YAF says of each direction. */
static bool is_reversible_of_cert(uint16_t id)
{
	return id == 14 || id == 15 || id == 18 || id == 35 || (id >= 500 && id <= 510 && id != 507);
}

bool field_is_reversible(const struct field *field)
{
	if (field->pen == PEN_WEIR_DEFAULT)
		return field->id != 1 && field->id < OWN_BIFLOW_IDS;    /* 1: flowDirectionBasis */
	if (field->pen == PEN_CERT)
		return is_reversible_of_cert(field->id);
	if (field->pen != PEN_IANA)
		return false;                   /* RFC 5103, section 6.2: their owners' business */
	for (unsigned i = 0; i < array_count(not_reversible); i++)
		if (field->id >= not_reversible[i].first && field->id <= not_reversible[i].last)
			return false;
	return true;
}

size_t field_column_name(const struct field *field, bool reverse, char *buffer, size_t size)
{
	const char *prefix = reverse ? "reverse" : "";
	size_t skip = strlen(prefix), length = skip + strlen(field->name);
	for (size_t i = 0; i < length && i + 1 < size; i++)
		buffer[i] = i < skip ? prefix[i] : field->name[i - skip];
	if (reverse && skip + 1 < size)
		buffer[skip] = (char)toupper((unsigned char)buffer[skip]);
	if (size > 0)
		buffer[length < size ? length : size - 1] = '\0';
	return length;
}

static const struct { const char *name; uint8_t bytes; } types[TYPE_COUNT] = {
	[TYPE_OCTET_ARRAY] = { "octetArray", 0 },
	[TYPE_U8] = { "unsigned8", 1 },
	[TYPE_U16] = { "unsigned16", 2 },
	[TYPE_U32] = { "unsigned32", 4 },
	[TYPE_U64] = { "unsigned64", 8 },
	[TYPE_S8] = { "signed8", 1 },
	[TYPE_S16] = { "signed16", 2 },
	[TYPE_S32] = { "signed32", 4 },
	[TYPE_S64] = { "signed64", 8 },
	[TYPE_FLOAT32] = { "float32", 4 },
	[TYPE_FLOAT64] = { "float64", 8 },
	[TYPE_BOOLEAN] = { "boolean", 1 },
	[TYPE_MAC] = { "macAddress", 6 },
	[TYPE_STRING] = { "string", 0 },
	[TYPE_SECONDS] = { "dateTimeSeconds", 4 },
	[TYPE_MILLISECONDS] = { "dateTimeMilliseconds", 8 },
	[TYPE_MICROSECONDS] = { "dateTimeMicroseconds", 8 },
	[TYPE_NANOSECONDS] = { "dateTimeNanoseconds", 8 },
	[TYPE_IPV4] = { "ipv4Address", 4 },
	[TYPE_IPV6] = { "ipv6Address", 16 },
	[TYPE_BASIC_LIST] = { "basicList", 0 },
	[TYPE_SUB_TEMPLATE_LIST] = { "subTemplateList", 0 },
	[TYPE_SUB_TEMPLATE_MULTI_LIST] = { "subTemplateMultiList", 0 },
	[TYPE_U256] = { "unsigned256", 32 },
};

const char *field_type_name(enum field_type type)
{
	return (unsigned)type < TYPE_COUNT ? types[type].name : "unknown";
}

unsigned field_type_bytes(enum field_type type)
{
	return (unsigned)type < TYPE_COUNT ? types[type].bytes : 0;
}

bool field_type_reduces(enum field_type type, unsigned bytes)
{
	bool integer = (type >= TYPE_U16 && type <= TYPE_U64) || (type >= TYPE_S16 && type <= TYPE_S64);
	return bytes >= 1 && bytes < field_type_bytes(type) &&
	       (integer || (type == TYPE_FLOAT64 && bytes == field_type_bytes(TYPE_FLOAT32)));
}

const char *field_semantics_name(enum field_semantics semantics)
{
	static const char *const names[] = {
		"default", "quantity", "totalCounter", "deltaCounter", "identifier", "flags",
		"list", "snmpCounter", "snmpGauge"
	};
	return (unsigned)semantics < array_count(names) ? names[semantics] : "unknown";
}

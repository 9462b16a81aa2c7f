/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See learned.h. Everything is found by number; application ids are octets of any length up to
 * eight, the engine and its selector, which a number holds as well.
 *
 * Which options say what is told by the fields that stand in them, not by template ids:
 *   applicationId and applicationName
 *   ingressInterface (or egressInterface) and interfaceName
 *   privateEnterpriseNumber, informationElementId and informationElementDataType (RFC 5610)
 *   commonPropertiesId as scope, and any others
 *   sampling elements of RFC 5477, NetFlow v9 (34, 35, 48 to 50)
 */
#include "ipfix/learned.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/map.h"

enum {
	INGRESS = 10, EGRESS = 14, SAMPLING_INTERVAL = 34, SAMPLING_ALGORITHM = 35, SAMPLER_ID = 48,
	SAMPLER_RANDOM = 50, INTERFACE_NAME = 82, APPLICATION_ID = 95, APPLICATION_NAME = 96,
	PROPERTIES_ID = 137, SEQUENCE_ID = 301, SELECTOR_ID = 302, ELEMENT_ID = 303,
	PACKET_INTERVAL = 305, PACKET_SPACE = 306, PROBABILITY = 311, ELEMENT_TYPE = 339,
	ELEMENT_NAME = 341, ELEMENT_SEMANTICS = 344, ELEMENT_UNITS = 345, ENTERPRISE = 346,
};
enum {
	APPLICATION_BYTES_MAX = 7, TEXT_BYTES_MAX = 1024, FIELDS_MAX = 1024, PROPERTY_FIELDS_MAX = 128
};

struct properties {                     /* a commonPropertiesId in a domain */
	struct record_batch *batch;     /* one row */
	uint64_t bytes;                 /* charged */
};

struct domain_options {                 /* what belongs to a domain */
	struct map properties;          /* struct properties by id */
	struct map samplings;           /* struct learned_sampling by sampler or selector */
	struct learned_sampling sampling;       /* of the domain itself */
	bool has_sampling;
	unsigned field_count;
	struct column_choice fields[PROPERTY_FIELDS_MAX];       /* that properties have */
};

/* What one session was told. */
struct learned {
	struct budget *budget;
	struct elements *elements;
	uint64_t secret;
	uint32_t generation;            /* see learned_generation() */
	struct map applications;        /* struct learned_text by id */
	struct map interfaces;          /* the same by number */
	struct map fields;              /* const struct field by pen << 16 | id */
	struct map domains;             /* struct domain_options by domain */
};

struct learned_options {                /* columns of a layout; -1: not there */
	unsigned told;                  /* behind them stand columns that the collector knows itself */
	int application, application_name;
	int interface, interface_name;
	int enterprise, element, type, semantics, name, units;
	int properties;
	int sampler, interval, space, simple_interval, probability, algorithm;
};

/* ---- the memory ------------------------------------------------------------------------------ */

struct learned *learned_new(struct budget *budget, struct elements *elements, uint64_t secret)
{
	struct learned *l = budget_take(budget, sizeof *l) ? calloc(1, sizeof *l) : NULL;
	if (!l)
		return NULL;
	l->budget = budget;
	l->elements = elements;
	l->secret = secret;
	map_init(&l->applications, secret);
	map_init(&l->interfaces, secret);
	map_init(&l->fields, secret);
	map_init(&l->domains, secret);
	return l;
}

static void map_free(struct map *map)
{
	uint32_t position = 0;
	void *value;
	while ((value = map_next(map, &position)))
		free(value);
	map_fini(map);
}

static void properties_free(struct properties *p)
{
	record_batch_release(p->batch);
	free(p);
}

static void domain_free(struct domain_options *d)
{
	uint32_t position = 0;
	struct properties *p;
	while ((p = map_next(&d->properties, &position)))
		properties_free(p);
	map_fini(&d->properties);
	map_free(&d->samplings);
	free(d);
}

/* What was charged goes back with the session's budget as a whole. */
void learned_free(struct learned *l)
{
	uint32_t position = 0;
	struct domain_options *d;
	if (!l)
		return;
	while ((d = map_next(&l->domains, &position)))
		domain_free(d);
	map_fini(&l->domains);
	map_free(&l->applications);
	map_free(&l->interfaces);
	map_fini(&l->fields);
	free(l);
}

/* Charges an entry of a map with what it holds; gives NULL when there is no room for it. */
static void *entry_new(struct learned *l, uint64_t bytes)
{
	uint64_t charged = bytes + 2 * sizeof(struct map_slot);
	void *entry = budget_take(l->budget, charged) ? calloc(1, bytes) : NULL;
	return entry;
}

static void entry_free(struct learned *l, void *entry, uint64_t bytes)
{
	if (entry)
		budget_give(l->budget, bytes + 2 * sizeof(struct map_slot));
	free(entry);
}

static struct domain_options *domain_get(const struct learned *l, uint32_t domain)
{
	return map_get(&l->domains, domain);
}

static struct domain_options *domain_make(struct learned *l, uint32_t domain)
{
	struct domain_options *d = domain_get(l, domain);
	if (d || !(d = entry_new(l, sizeof *d)))
		return d;
	map_init(&d->properties, l->secret);
	map_init(&d->samplings, l->secret);
	if (!map_put(&l->domains, domain, d))
		return d;
	entry_free(l, d, sizeof *d);
	return NULL;
}

/* ---- which columns say what ------------------------------------------------------------------ */

static int find(const struct schema *s, uint16_t id)
{
	return schema_find(s, field_by_id(PEN_IANA, id), false);
}

static int find_either(const struct schema *s, uint16_t a, uint16_t b)
{
	int found = find(s, a);
	return found >= 0 ? found : find(s, b);
}

static bool teaches(const struct learned_options *o)
{
	return (o->application >= 0 && o->application_name >= 0) ||
	       (o->interface >= 0 && o->interface_name >= 0) ||
	       (o->enterprise >= 0 && o->element >= 0 && o->type >= 0) || o->properties >= 0 ||
	       o->interval >= 0 || o->simple_interval >= 0 || o->probability >= 0;
}

/* commonPropertiesId gives values only as a scope; elsewhere it refers to them. */
static int find_properties(const struct schema *s)
{
	int found = find(s, PROPERTIES_ID);
	return found < s->scope_count ? found : -1;
}

struct learned_options *learned_options_new(const struct schema *s, unsigned told, int *ret_code)
{
	struct learned_options o = {
		.told = told,
		.application = find(s, APPLICATION_ID), .application_name = find(s, APPLICATION_NAME),
		.interface = find_either(s, INGRESS, EGRESS), .interface_name = find(s, INTERFACE_NAME),
		.enterprise = find(s, ENTERPRISE), .element = find(s, ELEMENT_ID),
		.type = find(s, ELEMENT_TYPE), .semantics = find(s, ELEMENT_SEMANTICS),
		.name = find(s, ELEMENT_NAME), .units = find(s, ELEMENT_UNITS),
		.properties = find_properties(s),
		.sampler = find_either(s, SAMPLER_ID, SELECTOR_ID), .interval = find(s, PACKET_INTERVAL),
		.space = find(s, PACKET_SPACE),
		.simple_interval = find_either(s, SAMPLING_INTERVAL, SAMPLER_RANDOM),
		.probability = find(s, PROBABILITY), .algorithm = find(s, SAMPLING_ALGORITHM),
	};
	if (o.sampler < 0)
		o.sampler = find(s, SEQUENCE_ID);
	*ret_code = 0;
	if (!teaches(&o))
		return NULL;
	struct learned_options *ret = malloc(sizeof *ret);
	if (ret)
		*ret = o;
	else
		*ret_code = -ENOMEM;
	return ret;
}

void learned_options_free(struct learned_options *o)
{
	free(o);
}

/* ---- taking ---------------------------------------------------------------------------------- */

struct lesson {                         /* one row of options data */
	const struct record_batch *batch;
	const uint8_t *row;
	const struct learned_options *columns;
	uint32_t domain;
};

static uint64_t number(const struct lesson *n, int column)
{
	return column < 0 ? 0 : value_read_unsigned(n->batch->schema, n->row, (unsigned)column);
}

static const uint8_t *octets(const struct lesson *n, int column, uint32_t *ret_bytes)
{
	*ret_bytes = 0;
	if (column < 0 || !record_is_present(n->batch->schema, n->row, (unsigned)column))
		return NULL;
	return value_read_octets(n->batch, n->row, (unsigned)column, ret_bytes);
}

/* Remembers a text; true when it is the first of its map. */
static bool text_put(struct learned *l, struct map *map, uint64_t key, const struct lesson *n,
                     int column)
{
	uint32_t bytes;
	const uint8_t *text = octets(n, column, &bytes);
	struct learned_text *old = map_get(map, key);
	if (!text || bytes == 0 || bytes > TEXT_BYTES_MAX)
		return false;
	if (old && old->bytes == bytes && memcmp(old->octets, text, bytes) == 0)
		return false;
	struct learned_text *new = entry_new(l, sizeof *new + bytes);
	if (!new)
		return false;
	new->bytes = bytes;
	memcpy(new->octets, text, bytes);
	if (map_put(map, key, new)) {
		entry_free(l, new, sizeof *new + bytes);
		return false;
	}
	if (old)
		entry_free(l, old, sizeof *old + old->bytes);
	return map->count == 1 && !old;
}

/* The length counts as well: 1 and 0001 are two ids. */
static bool application_key(const uint8_t *id, uint32_t bytes, uint64_t *ret)
{
	if (!id || bytes == 0 || bytes > APPLICATION_BYTES_MAX)
		return false;
	uint64_t key = bytes;
	for (uint32_t i = 0; i < bytes; i++)
		key = key << 8 | id[i];
	*ret = key;
	return true;
}

/* The generation grows when plans would have a column more for it. */
static void application_take(struct learned *l, const struct lesson *n)
{
	uint32_t bytes;
	uint64_t key;
	const uint8_t *id = octets(n, n->columns->application, &bytes);
	if (n->columns->application_name >= 0 && application_key(id, bytes, &key))
		l->generation += text_put(l, &l->applications, key, n, n->columns->application_name);
}

static void interface_take(struct learned *l, const struct lesson *n)
{
	if (n->columns->interface < 0 || n->columns->interface_name < 0)
		return;
	uint64_t key = number(n, n->columns->interface);
	l->generation += text_put(l, &l->interfaces, key, n, n->columns->interface_name);
}

static const char *unit_of(uint64_t number_of_unit)
{
	static const char *const units[] = {
		"", "bits", "octets", "packets", "flows", "seconds", "milliseconds", "microseconds",
		"nanoseconds", "4-octet words", "messages", "hops", "entries", "frames", "ports",
	};
	return number_of_unit < array_count(units) ? units[number_of_unit] : "";
}

/* A name that cannot be one is left, and the element has its number for a name. */
static const struct field *element_intern(struct learned *l, const struct lesson *n,
                                          struct field *f)
{
	char name[ELEMENT_NAME_MAX + 1];
	uint32_t bytes;
	const uint8_t *told = octets(n, n->columns->name, &bytes);
	if (told && bytes > 0 && bytes <= ELEMENT_NAME_MAX && !memchr(told, 0, bytes)) {
		memcpy(name, told, bytes);
		name[bytes] = '\0';
		f->name = name;
		if (elements_name_is_usable(l->elements, f))
			return elements_intern(l->elements, f);
	}
	snprintf(name, sizeof name, "e%uid%u", f->pen, f->id);
	f->name = name;
	return elements_intern(l->elements, f);
}

/* RFC 5610: what an element of an enterprise is. The table knows better where it knows. */
static void element_take(struct learned *l, const struct lesson *n)
{
	const struct learned_options *o = n->columns;
	uint64_t type = number(n, o->type), semantics = number(n, o->semantics);
	struct field f = {
		.pen = (uint32_t)number(n, o->enterprise), .id = number(n, o->element) & 0x7fff,
		.type = (uint8_t)type, .semantics = semantics <= SEMANTICS_SNMP_GAUGE ?
		                                    (uint8_t)semantics : SEMANTICS_DEFAULT,
		.short_name = "", .unit = unit_of(number(n, o->units)), .text = "",
	};
	if (o->enterprise < 0 || o->element < 0 || o->type < 0 || type >= TYPE_COUNT)
		return;
	if (f.pen == PEN_IANA || f.pen == PEN_REVERSE || field_by_id(f.pen, f.id))
		return;
	uint64_t key = (uint64_t)f.pen << 16 | f.id;
	const struct field *old = map_get(&l->fields, key);
	if (!old && l->fields.count >= FIELDS_MAX)
		return;
	const struct field *new = element_intern(l, n, &f);
	if (!new || new == old || map_put(&l->fields, key, (void *)(uintptr_t)new))
		return;
	l->generation++;
}

/* "One in N" is an interval of 1 and a space of N - 1: all ways to say it are kept in one form. */
static void sampling_take(struct learned *l, const struct lesson *n)
{
	const struct learned_options *o = n->columns;
	uint64_t simple = number(n, o->simple_interval);
	struct learned_sampling s = {
		.interval = (uint32_t)number(n, o->interval), .space = (uint32_t)number(n, o->space),
		.probability = o->probability < 0 ? 0 :
		               value_read_double(n->batch->schema, n->row, (unsigned)o->probability),
		.algorithm = (uint8_t)number(n, o->algorithm),
	};
	if (simple > 0 && s.interval == 0) {
		s.interval = 1;
		s.space = simple > UINT32_MAX ? UINT32_MAX : (uint32_t)simple - 1;
	}
	if (s.interval == 0 && !(s.probability > 0))
		return;
	struct domain_options *d = domain_make(l, n->domain);
	if (!d)
		return;
	if (o->sampler < 0) {
		d->sampling = s;
		d->has_sampling = true;
		return;
	}
	uint64_t key = number(n, o->sampler);
	struct learned_sampling *entry = map_get(&d->samplings, key);
	if (!entry && (entry = entry_new(l, sizeof *entry)) && map_put(&d->samplings, key, entry)) {
		entry_free(l, entry, sizeof *entry);
		entry = NULL;
	}
	if (entry)
		*entry = s;
}

/* ---- common properties ----------------------------------------------------------------------- */

/* A batch of its own, so that what was told outlives the batch that it came in. */
static struct record_batch *row_keep(const struct lesson *n)
{
	struct record_batch *batch = record_batch_new(n->batch->schema, 1);
	if (batch && !record_batch_copy_row(batch, n->batch, n->row)) {
		record_batch_release(batch);
		return NULL;
	}
	return batch;
}

/* New fields are new columns of every record that refers to properties. */
static bool fields_add(struct domain_options *d, const struct schema *s, unsigned told)
{
	bool more = false;
	for (unsigned i = s->scope_count; i < told; i++) {
		const struct column *c = &s->column[i];
		unsigned k = 0;
		while (k < d->field_count &&
		       (d->fields[k].field != c->field || d->fields[k].reverse != c->reverse))
			k++;
		if (k < d->field_count || d->field_count == PROPERTY_FIELDS_MAX)
			continue;
		d->fields[d->field_count++] = (struct column_choice){ c->field, c->reverse, 0 };
		more = true;
	}
	return more;
}

/* The new batch is complete before the old one goes: without memory the old properties stay in
 * force. */
static void properties_take(struct learned *l, const struct lesson *n)
{
	if (n->columns->properties < 0)
		return;
	struct domain_options *d = domain_make(l, n->domain);
	struct properties *p = d ? entry_new(l, sizeof *p) : NULL;
	if (!p)
		return;
	p->batch = row_keep(n);
	p->bytes = p->batch ? n->batch->schema->row_bytes + p->batch->arena_capacity : 0;
	uint64_t key = number(n, n->columns->properties);
	struct properties *old = map_get(&d->properties, key);
	if (!p->batch || !budget_take(l->budget, p->bytes) || map_put(&d->properties, key, p)) {
		record_batch_release(p->batch);
		entry_free(l, p, sizeof *p);
		return;
	}
	if (old) {
		budget_give(l->budget, old->bytes);
		record_batch_release(old->batch);
		entry_free(l, old, sizeof *old);
	}
	l->generation += fields_add(d, n->batch->schema, n->columns->told);
}

void learned_take(struct learned *l, const struct learned_options *options, uint32_t domain,
                  const struct record_batch *batch, uint32_t first)
{
	for (uint32_t i = first; i < batch->count; i++) {
		struct lesson n = { batch, record_row(batch, i), options, domain };
		application_take(l, &n);
		interface_take(l, &n);
		element_take(l, &n);
		sampling_take(l, &n);
		properties_take(l, &n);
	}
}

/* ---- asking ---------------------------------------------------------------------------------- */

uint32_t learned_generation(const struct learned *l)
{
	return l->generation;
}

const struct field *learned_element(const struct learned *l, uint32_t pen, uint16_t id)
{
	return map_get(&l->fields, (uint64_t)pen << 16 | id);
}

bool learned_has_applications(const struct learned *l)
{
	return l->applications.count > 0;
}

bool learned_has_interfaces(const struct learned *l)
{
	return l->interfaces.count > 0;
}

const struct learned_text *learned_application(const struct learned *l, const uint8_t *id,
                                               uint32_t bytes)
{
	uint64_t key;
	return application_key(id, bytes, &key) ? map_get(&l->applications, key) : NULL;
}

const struct learned_text *learned_interface(const struct learned *l, uint32_t number_of)
{
	return map_get(&l->interfaces, number_of);
}

const struct learned_sampling *learned_sampling(const struct learned *l, uint32_t domain,
                                                uint64_t sampler)
{
	const struct domain_options *d = domain_get(l, domain);
	if (!d)
		return NULL;
	const struct learned_sampling *own = map_get(&d->samplings, sampler);
	return own ? own : d->has_sampling ? &d->sampling : NULL;
}

unsigned learned_property_fields(const struct learned *l, uint32_t domain,
                                 struct column_choice *ret, unsigned room)
{
	const struct domain_options *d = domain_get(l, domain);
	unsigned count = d ? d->field_count : 0;
	if (count > room)
		count = room;
	for (unsigned i = 0; i < count; i++)
		ret[i] = d->fields[i];
	return count;
}

const struct record_batch *learned_properties(const struct learned *l, uint32_t domain, uint64_t id)
{
	const struct domain_options *d = domain_get(l, domain);
	const struct properties *p = d ? map_get(&d->properties, id) : NULL;
	return p ? p->batch : NULL;
}

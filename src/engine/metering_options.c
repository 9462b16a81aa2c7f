/* SPDX-License-Identifier: Apache-2.0 */
/* See metering_options.h. */
#include "engine/metering_options.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum table {
	TABLE_RELIABILITY, TABLE_SEQUENCE, TABLE_COUNT_SELECTOR, TABLE_RANDOM_SELECTOR,
	TABLE_SELECTION, TABLE_SAMPLING, TABLE_INTERFACES, TABLE_APPLICATIONS, TABLE_COUNT
};

enum { FIELDS_MAX = 8, NAME_CAP = 64, ALIAS_MAX = 256 };
enum { SYSTEMATIC_COUNT_BASED = 1, UNIFORM_PROBABILISTIC = 4 };         /* selectorAlgorithm */
enum { DETERMINISTIC = 1, RANDOM = 2 };         /* samplingAlgorithm */

/* The columns of one options template, scopes first. */
struct layout {
	unsigned scopes;
	const char *fields[FIELDS_MAX]; /* up to the first NULL */
};

static const struct layout layouts[TABLE_COUNT] = {
	[TABLE_RELIABILITY] = { 2, { "observationDomainId", "meteringProcessId",
	                             "ignoredPacketTotalCount", "ignoredOctetTotalCount",
	                             "observationTimeMilliseconds", "observationTimeMilliseconds" } },
	[TABLE_SEQUENCE] = { 1, { "selectionSequenceId", "observationPointId", "selectorId" } },
	[TABLE_COUNT_SELECTOR] = { 1, { "selectorId", "selectorAlgorithm", "samplingPacketInterval",
	                                "samplingPacketSpace" } },
	[TABLE_RANDOM_SELECTOR] = { 1, { "selectorId", "selectorAlgorithm", "samplingProbability" } },
	[TABLE_SELECTION] = { 1, { "selectionSequenceId", "selectorIdTotalPktsObserved",
	                           "selectorIdTotalPktsSelected" } },
	/* How NetFlow v9 says it, and all that many collectors know. */
	[TABLE_SAMPLING] = { 1, { "observationDomainId", "samplingInterval", "samplingAlgorithm" } },
	[TABLE_INTERFACES] = { 1, { "ingressInterface", "interfaceName", "interfaceDescription" } },
	[TABLE_APPLICATIONS] = { 1, { "applicationId", "applicationName" } },
};

/* A name behind a number, as options data tell it. */
struct interface {
	uint32_t index;
	char name[NAME_CAP], alias[ALIAS_MAX];
};

/* Schemas stand still; what is counted is read when an output asks. */
struct metering_options {
	struct metering_options_setup setup;
	struct schema *schema[TABLE_COUNT];     /* one a table, owned */
	struct interface *interfaces;
	pthread_mutex_t lock;           /* the rest */
	struct pump *pump;              /* whose counts are told; NULL before there is one */
	uint64_t drops;                 /* of kernel and interface, when they were last looked at */
	uint64_t first_drop_ns, last_drop_ns;   /* when they were seen */
};

struct ignored {                        /* packets that no flow has, though nobody chose so */
	uint64_t packets, octets, first_ns, last_ns;
};

/* --- opening --- */

static int schema_of(const struct layout *layout, struct schema **ret)
{
	struct column_choice choices[FIELDS_MAX] = { { 0 } };
	unsigned count = 0;
	for (; count < FIELDS_MAX && layout->fields[count]; count++) {
		const char *name = layout->fields[count];
		choices[count].field = field_find(name, strlen(name), NULL);
		if (choices[count].field->type == TYPE_STRING)
			choices[count].cap_bytes = NAME_CAP;
	}
	return schema_new(choices, count, layout->scopes, 0, ret);
}

/* What the administrator called the interface; "" when nothing. */
static void read_alias(const char *name, char *ret, size_t size)
{
	char path[NAME_CAP + 32];
	*ret = '\0';
	snprintf(path, sizeof path, "/sys/class/net/%s/ifalias", name);
	FILE *f = strchr(name, '/') ? NULL : fopen(path, "re");
	if (!f)
		return;
	if (!fgets(ret, (int)size, f))
		*ret = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	fclose(f);
}

static int copy_interfaces(struct metering_options *o)
{
	unsigned count = o->setup.interface_count;
	o->interfaces = calloc(count + 1u, sizeof *o->interfaces);
	if (!o->interfaces)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		struct interface *to = &o->interfaces[i];
		to->index = o->setup.interfaces[i].index;
		snprintf(to->name, sizeof to->name, "%s", o->setup.interfaces[i].name);
		read_alias(to->name, to->alias, sizeof to->alias);
	}
	return 0;
}

int metering_options_new(const struct metering_options_setup *setup, struct metering_options **ret,
                         struct error *err)
{
	struct metering_options *o = calloc(1, sizeof *o);
	if (!o)
		return error_set(err, -ENOMEM, "out of memory");
	o->setup = *setup;
	pthread_mutex_init(&o->lock, NULL);
	int r = copy_interfaces(o);
	for (unsigned i = 0; i < TABLE_COUNT && !r; i++)
		r = schema_of(&layouts[i], &o->schema[i]);
	if (r) {
		metering_options_free(o);
		return error_set(err, r, "out of memory");
	}
	*ret = o;
	return 0;
}

void metering_options_free(struct metering_options *o)
{
	if (!o)
		return;
	for (unsigned i = 0; i < TABLE_COUNT; i++)
		schema_free(o->schema[i]);
	free(o->interfaces);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

void metering_options_set_pump(struct metering_options *o, struct pump *pump)
{
	pthread_mutex_lock(&o->lock);
	o->pump = pump;
	pthread_mutex_unlock(&o->lock);
}

/* --- counters --- */

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* With the lock. A kernel does not say when it dropped something: when that was seen is near. */
static void see_drops(struct metering_options *o, uint64_t drops)
{
	if (drops == o->drops)
		return;
	o->last_drop_ns = now_ns();
	if (!o->first_drop_ns)
		o->first_drop_ns = o->last_drop_ns;
	o->drops = drops;
}

/* What was lost before weir (by kernel and interface) has no times of its own: those of the calls
 * that noticed it stand in. */
static void count_ignored(struct metering_options *o, const struct pump_counters *p,
                          struct ignored *ret)
{
	const struct fate_counters *f = &p->fates;
	*ret = (struct ignored){ .first_ns = f->ignored_first_ns, .last_ns = f->ignored_last_ns };
	for (unsigned i = 0; i < FATE_COUNT; i++)
		if (fate_is_ignored((enum fate)i)) {
			ret->packets += f->packets[i];
			ret->octets += f->octets[i];
		}
	see_drops(o, p->source.kernel_drops + p->source.interface_drops);
	ret->packets += o->drops;
	if (o->first_drop_ns && (!ret->first_ns || o->first_drop_ns < ret->first_ns))
		ret->first_ns = o->first_drop_ns;
	if (o->last_drop_ns > ret->last_ns)
		ret->last_ns = o->last_drop_ns;
}

/* What came to the sampling: all but what was sorted out before. */
static uint64_t count_observed(const struct pump_counters *p)
{
	uint64_t packets = p->source.frames - p->unread_frames + p->fates.offload_packets;
	for (unsigned i = 0; i < FATE_COUNT; i++)
		packets -= i == FATE_sampled_out ? 0 : p->fates.packets[i];
	return packets;
}

/* --- tables --- */

struct making {                         /* the batches on their way */
	struct metering_options *o;
	struct record_batch **list;
	unsigned count, room;
	struct value_writer at;         /* the next value of the row being written */
};

/* False when there is no memory, or no room. */
static bool begin_row(struct making *m, enum table table)
{
	const struct schema *schema = m->o->schema[table];
	struct record_batch *batch = m->count ? m->list[m->count - 1] : NULL;
	if (!batch || batch->schema != schema) {
		batch = m->count < m->room ? record_batch_new(schema, 256) : NULL;
		if (!batch)
			return false;
		m->list[m->count++] = batch;
	}
	m->at = (struct value_writer){ batch, record_batch_append(batch), 0 };
	return m->at.row != NULL;
}

static void put_number(struct making *m, uint64_t value)
{
	value_write_unsigned(&m->at, value);
	m->at.column++;
}

static void put_time(struct making *m, uint64_t time_ns)
{
	if (time_ns)
		value_write_time(&m->at, time_ns);
	m->at.column++;
}

static void put_text(struct making *m, const char *text)
{
	if (text && *text)
		value_write_octets(&m->at, text, (uint32_t)strlen(text));
	m->at.column++;
}

static void make_reliability(struct making *m, const struct pump_counters *p)
{
	struct ignored ignored;
	count_ignored(m->o, p, &ignored);
	for (unsigned i = 0; i < m->o->setup.meters && begin_row(m, TABLE_RELIABILITY); i++) {
		m->at.column++;                 /* the domain is the output's */
		put_number(m, i + 1);
		put_number(m, ignored.packets);
		put_number(m, ignored.octets);
		put_time(m, ignored.first_ns);
		put_time(m, ignored.last_ns);
	}
}

static void make_selector(struct making *m)
{
	const struct metering_options_setup *s = &m->o->setup;
	if (!begin_row(m, s->sample_random ? TABLE_RANDOM_SELECTOR : TABLE_COUNT_SELECTOR))
		return;
	put_number(m, 1);
	put_number(m, s->sample_random ? UNIFORM_PROBABILISTIC : SYSTEMATIC_COUNT_BASED);
	if (s->sample_random) {
		value_write_double(&m->at, 1.0 / s->sample);
	} else {
		put_number(m, 1);
		put_number(m, s->sample - 1);
	}
}

static void make_sampling(struct making *m, const struct pump_counters *p)
{
	const struct metering_options_setup *s = &m->o->setup;
	if (s->sample <= 1)
		return;
	if (begin_row(m, TABLE_SEQUENCE))
		for (unsigned i = 0; i < 3; i++)
			put_number(m, 1);       /* the one sequence, from the one point, by the one selector */
	make_selector(m);
	if (p && begin_row(m, TABLE_SELECTION)) {
		uint64_t observed = count_observed(p);
		put_number(m, 1);
		put_number(m, observed);
		put_number(m, observed - p->fates.packets[FATE_sampled_out]);
	}
	if (begin_row(m, TABLE_SAMPLING)) {
		m->at.column++;
		put_number(m, s->sample);
		put_number(m, s->sample_random ? RANDOM : DETERMINISTIC);
	}
}

static void make_interfaces(struct making *m)
{
	const struct metering_options *o = m->o;
	for (unsigned i = 0; i < o->setup.interface_count && begin_row(m, TABLE_INTERFACES); i++) {
		put_number(m, o->interfaces[i].index);
		put_text(m, o->interfaces[i].name);
		put_text(m, o->interfaces[i].alias);
	}
}

static void make_applications(struct making *m)
{
	const struct metering_options_setup *s = &m->o->setup;
	for (unsigned i = 0; i < s->application_count && begin_row(m, TABLE_APPLICATIONS); i++) {
		value_write_octets(&m->at, s->applications[i].id, s->applications[i].id_bytes);
		m->at.column++;
		put_text(m, s->applications[i].name);
	}
}

unsigned metering_options_read(void *context, struct record_batch *ret[], unsigned room)
{
	struct making m = { .o = context, .list = ret, .room = room };
	struct pump_counters counters;
	pthread_mutex_lock(&m.o->lock);
	if (m.o->pump) {
		pump_counters(m.o->pump, &counters);
		make_reliability(&m, &counters);
	}
	make_sampling(&m, m.o->pump ? &counters : NULL);
	make_interfaces(&m);
	make_applications(&m);
	pthread_mutex_unlock(&m.o->lock);
	return m.count;
}

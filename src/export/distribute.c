/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets a record: a hash of its key fields (of the addresses, ports and so on where no field is
 * marked as the key), the same in every run, so that several meters agree and a restart changes
 * nothing. Source and destination count alike: both directions of a flow come to one collector also
 * where a record has only one. See distribute.h.
 */
#include "export/distribute.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "output/queue.h"

enum { KEYS_MAX = 32, HASH_SEED = 7011 };

struct plan {                           /* of a schema */
	const struct schema *schema;
	unsigned key_count;
	struct { uint16_t offset, bytes; uint32_t class; } keys[KEYS_MAX];
};

/* An output that is several. */
struct distribute {
	struct output output;
	struct output_kind kind;        /* the collectors' kind, with our functions */
	const struct output_env *env;
	struct hash_secret secret;
	unsigned count, next_missed;
	struct queue *queues[ADDRESS_HOSTS_MAX];        /* one a collector, owned */
	struct record_batch *parts[ADDRESS_HOSTS_MAX];  /* of the batch at hand */
	struct plan *plans;             /* one a schema: which columns are hashed */
	unsigned plan_count;
	uint64_t lost;                  /* without memory */
	bool started;                   /* the queues' threads run */
};

static struct distribute *self_of(struct output *o)
{
	return container_of(o, struct distribute, output);
}

/* --- who gets a record --- */

/* A number for the name without "source" and "destination": both ends have the same. */
static uint32_t class_of(const struct distribute *d, const char *name)
{
	static const char *const ends[] = { "source", "destination" };
	for (unsigned i = 0; i < array_count(ends); i++)
		if (strncmp(name, ends[i], strlen(ends[i])) == 0)
			name += strlen(ends[i]);
	return (uint32_t)hash_siphash13(&d->secret, name, strlen(name));
}

/* For records whose key nobody has marked: collected ones. */
static bool is_usual_key(const struct column *column)
{
	static const char *const names[] = {
		"sourceIPv4Address", "destinationIPv4Address", "sourceIPv6Address",
		"destinationIPv6Address", "sourceTransportPort", "destinationTransportPort",
		"protocolIdentifier", "vlanId",
	};
	for (unsigned i = 0; i < array_count(names); i++)
		if (strcmp(column->field->name, names[i]) == 0)
			return !column->reverse;
	return false;
}

static void plan_add(struct distribute *d, struct plan *p, const struct column *column)
{
	if (column->variable || p->key_count == KEYS_MAX)
		return;
	unsigned i = p->key_count++;
	p->keys[i].offset = column->offset;
	p->keys[i].bytes = column->bytes;
	p->keys[i].class = class_of(d, column->field->name);
}

/* Marked key columns if there are any, else those that usually are. */
static void plan_make(struct distribute *d, const struct schema *schema, struct plan *ret)
{
	*ret = (struct plan){ .schema = schema };
	for (unsigned i = 0; i < schema->column_count; i++)
		if (schema->column[i].key)
			plan_add(d, ret, &schema->column[i]);
	bool marked = ret->key_count > 0;
	for (unsigned i = 0; i < schema->column_count && !marked; i++)
		if (is_usual_key(&schema->column[i]))
			plan_add(d, ret, &schema->column[i]);
}

static const struct plan *plan_of(struct distribute *d, const struct schema *schema)
{
	for (unsigned i = 0; i < d->plan_count; i++)
		if (d->plans[i].schema->id == schema->id)
			return &d->plans[i];
	struct plan *grown = realloc(d->plans, (d->plan_count + 1) * sizeof *grown);
	if (!grown)
		return NULL;
	d->plans = grown;
	plan_make(d, schema, &d->plans[d->plan_count]);
	return &d->plans[d->plan_count++];
}

/* Hashes of single values are added up, so that their order, and which of two ends is the source,
 * makes no difference; the sum is hashed again. The share is taken from the upper bits by a
 * multiplication. */
static unsigned share_of(const struct distribute *d, const struct plan *plan, const uint8_t *row)
{
	struct { uint32_t class; uint8_t octets[32]; } what;
	uint64_t sum = 0;
	for (unsigned i = 0; i < plan->key_count; i++) {
		unsigned bytes = plan->keys[i].bytes;
		bytes = bytes < sizeof what.octets ? bytes : sizeof what.octets;
		what.class = plan->keys[i].class;
		memcpy(what.octets, row + plan->keys[i].offset, bytes);
		sum += hash_siphash13(&d->secret, &what, sizeof what.class + bytes);
	}
	uint64_t hash = hash_siphash13(&d->secret, &sum, sizeof sum);
	return (unsigned)((hash >> 32) * d->count >> 32);
}

/* --- sharing out --- */

static bool give_up(const struct distribute *d)
{
	return d->env->give_up && atomic_load(d->env->give_up);
}

static void start(struct distribute *d)
{
	for (unsigned i = 0; i < d->count && !d->started; i++)
		queue_start(d->queues[i], NULL);        /* without a thread it works at the end */
	d->started = true;
}

/* A file waits, unless the run is being stopped; then the queue no longer makes us wait. */
static void put(struct distribute *d, unsigned share)
{
	struct record_batch *part = d->parts[share];
	d->parts[share] = NULL;
	while (!d->env->live && !give_up(d) && !queue_has_room_for(d->queues[share], part))
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	queue_put(d->queues[share], part, QUEUE_NOW);
	record_batch_release(part);
}

/* Variable values lie in the batch's arena, and come along. */
static bool copy_row(struct record_batch *to, const struct record_batch *from, const uint8_t *row)
{
	const struct schema *schema = from->schema;
	uint8_t *copy = record_batch_append(to);
	if (!copy)
		return false;
	memcpy(copy, row, schema->row_bytes);
	for (unsigned i = 0; i < schema->column_count; i++) {
		struct arena_slice slice;
		if (!schema->column[i].variable || !record_is_present(schema, row, i))
			continue;
		memcpy(&slice, row + schema->column[i].offset, sizeof slice);
		slice = record_batch_store(to, from->arena + slice.offset, slice.bytes);
		memcpy(copy + schema->column[i].offset, &slice, sizeof slice);
	}
	return true;
}

/* A row that finds no memory is lost, and counted as the queue's own losses are. */
static void add_row(struct distribute *d, const struct plan *plan,
                    const struct record_batch *batch, uint32_t index)
{
	const uint8_t *row = record_row(batch, index);
	unsigned share = share_of(d, plan, row);
	if (!d->parts[share])
		d->parts[share] = record_batch_new(batch->schema, batch->count);
	if (!d->parts[share] || !copy_row(d->parts[share], batch, row))
		d->lost++;
}

/* Rows are gathered for each collector first: one batch each, however their rows lie in this
 * one. */
static int distribute_write(struct output *output, const struct record_batch *batch,
                            struct error *err)
{
	struct distribute *d = self_of(output);
	const struct plan *plan = plan_of(d, batch->schema);
	start(d);
	if (!plan) {
		d->lost += batch->count;
		return error_set(err, -ENOMEM, "out of memory");
	}
	for (uint32_t i = 0; i < batch->count; i++)
		add_row(d, plan, batch, i);
	for (unsigned i = 0; i < d->count; i++)
		if (d->parts[i])
			put(d, i);
	return 0;
}

static uint64_t share(uint64_t total, unsigned count, unsigned index)
{
	return total / count + (index < total % count);
}

/* Whose they would have been is not known: each sees its even share as missing. */
static void distribute_missed(struct output *output, const struct output_missed *missed)
{
	struct distribute *d = self_of(output);
	for (unsigned i = 0; i < d->count; i++) {
		struct output_missed part = *missed;
		part.amount.records = share(missed->amount.records, d->count, i);
		part.amount.packets = share(missed->amount.packets, d->count, i);
		part.amount.octets = share(missed->amount.octets, d->count, i);
		queue_missed(d->queues[(d->next_missed + i) % d->count], &part);
	}
	d->next_missed = (d->next_missed + 1) % d->count;
}

/* --- the rest of output_kind --- */

static int distribute_schema(struct output *output, const struct schema *schema, struct error *err)
{
	struct distribute *d = self_of(output);
	const struct plan *plan = plan_of(d, schema);
	int rc = plan ? 0 : error_set(err, -ENOMEM, "out of memory");
	if (rc == 0 && plan->key_count == 0 && schema->scope_count == 0)
		rc = error_set(err, -EINVAL, "distribute=flow needs fields that tell flows apart, such as "
		               "sourceIPv4Address, and these records have none");
	for (unsigned i = 0; i < d->count && rc == 0; i++)
		rc = queue_schema(d->queues[i], schema, err);
	return rc;
}

static int distribute_tick(struct output *output, uint64_t now_ns, uint64_t *ret_next_ns,
                           struct error *err)
{
	start(self_of(output));
	*ret_next_ns = UINT64_MAX;
	return 0;
}

/* Each queue gets the same deadline; all are finished even when one has failed. */
static int distribute_finish(struct output *output, uint64_t deadline_ns, struct error *err)
{
	struct distribute *d = self_of(output);
	int rc = 0;
	for (unsigned i = 0; i < d->count; i++) {
		queue_finish(d->queues[i], deadline_ns);
		if (queue_failed(d->queues[i]) && rc == 0)
			rc = error_set(err, -EIO, "%s failed", queue_name(d->queues[i]));
	}
	return rc;
}

/* What the queues of all collectors say, and what was lost before it had a queue: the sum balances
 * as each of them does. */
static void distribute_counters(const struct output *output, struct output_counters *ret)
{
	const struct distribute *d = (const struct distribute *)output;
	*ret = (struct output_counters){ .accepted = d->lost };
	ret->dropped[DROP_QUEUE_FULL] = d->lost;
	for (unsigned i = 0; i < d->count; i++) {
		struct output_counters c;
		queue_counters(d->queues[i], &c);
		ret->accepted += c.accepted;
		ret->acknowledged += c.acknowledged;
		ret->sent += c.sent;
		ret->queued += c.queued;
		ret->spilled += c.spilled;
		ret->octets += c.octets;
		ret->messages += c.messages;
		for (unsigned k = 0; k < DROP_COUNT; k++)
			ret->dropped[k] += c.dropped[k];
	}
}

static unsigned distribute_endpoints(const struct output *output, struct output_endpoint *ret,
                                     unsigned room)
{
	const struct distribute *d = (const struct distribute *)output;
	unsigned count = 0;
	for (unsigned i = 0; i < d->count; i++)
		count += queue_endpoints(d->queues[i], ret + count, room - count);
	return count;
}

static bool distribute_template(const struct output *output, const struct schema *schema,
                                struct output_template *ret)
{
	return queue_template(((const struct distribute *)output)->queues[0], schema, ret);
}

static void distribute_close(struct output *output)
{
	struct distribute *d = self_of(output);
	for (unsigned i = 0; i < d->count; i++)
		queue_close(d->queues[i]);
	free(d->plans);
	free(d);
}

/* --- open --- */

static int check_wish(const struct address *address, struct error *err)
{
	const char *how = address_parameter(address, "distribute");
	if (!how)
		return error_set(err, -EINVAL, "%s: found %u hosts: distribute=flow shares flows out among "
		                 "them; give -o once for each that is to get everything", address->text,
		                 address->host_count);
	if (strcmp(how, "flow") != 0)
		return error_set(err, -EINVAL, "%s: distribute is \"%s\", expected flow", address->text,
		                 how);
	return 0;
}

static int collector_open(struct distribute *d, const struct output_kind *kind,
                          const struct address *address, struct error *err)
{
	struct address one;
	int rc = address_of_host(address, d->count, "distribute", &one, err);
	if (rc < 0)
		return rc;
	struct queue_setup setup = { .kind = kind, .address = &one, .env = d->env };
	rc = queue_open(&setup, &d->queues[d->count], err);
	address_fini(&one);
	d->count += rc == 0;
	return rc;
}

/* The collectors' kind says what it wants of records; what is done with them is ours. */
static void take_functions(struct distribute *d, const struct output_kind *kind)
{
	d->kind = *kind;
	d->kind.keeps_newest = false;
	d->kind.schema = distribute_schema;
	d->kind.write = distribute_write;
	d->kind.missed = distribute_missed;
	d->kind.tick = distribute_tick;
	d->kind.reopen = NULL;
	d->kind.finish = distribute_finish;
	d->kind.counters = distribute_counters;
	d->kind.endpoints = distribute_endpoints;
	d->kind.template = kind->template ? distribute_template : NULL;
	d->kind.close = distribute_close;
	d->output.kind = &d->kind;
}

/* The hash is not secret: meters that share collectors must agree on it. */
int distribute_open(const struct output_kind *kind, const struct address *address,
                    const struct output_env *env, struct output **ret, struct error *err)
{
	int rc = check_wish(address, err);
	if (rc < 0)
		return rc;
	struct distribute *d = calloc(1, sizeof *d);
	if (!d)
		return error_set(err, -ENOMEM, "%s: out of memory", address->text);
	d->env = env;
	hash_secret_init_fixed(&d->secret, HASH_SEED, true);
	take_functions(d, kind);
	while (rc == 0 && d->count < address->host_count)
		rc = collector_open(d, kind, address, err);
	if (rc < 0) {
		distribute_close(&d->output);
		return rc;
	}
	*ret = &d->output;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of templates against a model: definitions, withdrawals, data and time in any order, in
 * well-formed IPFIX messages. How many records come out is known beforehand: those whose template
 * is there, and those that waited when one came.
 *
 * Input: one octet for the transport, then operations of two octets: what and which template (of
 * four), and a number.
 */
#include <string.h>

#include "decode_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IDS = 4, LIFETIME_MINUTES = 10, OPERATIONS_MAX = 400 };
enum operation { DEFINE, WITHDRAW, WITHDRAW_ALL, DATA, DATA_AGAIN, LATER };

struct model {
	bool datagrams;
	uint8_t octets[IDS];            /* of a record by the template in force; 0: none */
	uint64_t refreshed[IDS];        /* minute */
	unsigned sets[IDS];             /* that wait, and the octets in each */
	uint8_t waiting_octets[IDS][OPERATIONS_MAX];
	uint64_t minute, records;
};

struct message {
	uint8_t octets[1024];
	uint32_t bytes;
};

static void put(struct message *m, unsigned value)
{
	m->octets[m->bytes++] = (uint8_t)(value >> 8);
	m->octets[m->bytes++] = (uint8_t)value;
}

static void begin(struct message *m)
{
	memset(m, 0, sizeof *m);
	m->octets[1] = 10;
	m->bytes = 16;
}

static void end(struct message *m)
{
	m->octets[2] = (uint8_t)(m->bytes >> 8);
	m->octets[3] = (uint8_t)m->bytes;
}

/* A template with so many fields of one octet. */
static void define(struct message *m, unsigned id, unsigned fields)
{
	put(m, 2);
	put(m, 8 + 4 * fields);
	put(m, 256 + id);
	put(m, fields);
	for (unsigned i = 0; i < fields; i++) {
		put(m, 4);
		put(m, 1);
	}
}

static void withdraw(struct message *m, unsigned id)
{
	put(m, 2);
	put(m, 8);
	put(m, id);
	put(m, 0);
}

static void data_set(struct message *m, unsigned id, unsigned bytes)
{
	put(m, 256 + id);
	put(m, 4 + bytes);
	for (unsigned i = 0; i < bytes; i++)
		m->octets[m->bytes++] = (uint8_t)(i + 1);
}

static void model_define(struct model *k, unsigned id, uint8_t octets)
{
	k->octets[id] = octets;
	k->refreshed[id] = k->minute;
	for (unsigned i = 0; i < k->sets[id]; i++)
		k->records += k->waiting_octets[id][i] / octets;
	k->sets[id] = 0;
}

static void model_data(struct model *k, unsigned id, uint8_t bytes)
{
	if (k->datagrams && k->minute - k->refreshed[id] > LIFETIME_MINUTES)
		k->octets[id] = 0;
	if (k->octets[id])
		k->records += bytes / k->octets[id];
	else
		k->waiting_octets[id][k->sets[id]++] = bytes;
}

static void step(struct model *k, struct message *m, const uint8_t *code)
{
	unsigned id = code[0] / 8 % IDS;
	uint8_t amount = (uint8_t)(code[1] % 40 + 1);
	switch ((enum operation)(code[0] % 8 % 6)) {
	case DEFINE:
		define(m, id, amount % 5 + 1);
		model_define(k, id, amount % 5 + 1);
		break;
	case WITHDRAW:
		withdraw(m, 256 + id);
		if (!k->datagrams)
			k->octets[id] = 0;
		break;
	case WITHDRAW_ALL:
		withdraw(m, 2);
		if (!k->datagrams)
			memset(k->octets, 0, sizeof k->octets);
		break;
	case DATA:
	case DATA_AGAIN:
		data_set(m, id, amount);
		model_data(k, id, amount);
		break;
	case LATER:
		k->minute += amount % 8;
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model k;
	struct harness h;
	if (size == 0)
		return 0;
	enum decode_transport transport = (enum decode_transport)(data[0] & 3);
	memset(&k, 0, sizeof k);
	k.datagrams = transport == DECODE_DATAGRAMS;
	k.minute = 100;
	harness_init(&h, transport, false);
	for (size_t at = 1; at + 2 <= size && at < 2 * OPERATIONS_MAX; at += 2) {
		struct message m;
		begin(&m);
		step(&k, &m, data + at);
		end(&m);
		check(harness_message(&h, &(struct decode_message){
			.octets = m.octets, .bytes = m.bytes, .time_ns = k.minute * UINT64_C(60000000000),
		}) == FAULT_none);
		check(decode_session_counters(h.session)->records == k.records);
	}
	harness_fini(&h);
	return 0;
}

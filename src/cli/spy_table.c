/* SPDX-License-Identifier: Apache-2.0 */
/* See spy_table.h. */
#include "cli/spy_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "base/text.h"
#include "record/value_text.h"

/* FIELD(name in the enumeration, name in records) */
#define FIELDS \
	FIELD(SOURCE4, "sourceIPv4Address") FIELD(SOURCE6, "sourceIPv6Address") \
	FIELD(DESTINATION4, "destinationIPv4Address") FIELD(DESTINATION6, "destinationIPv6Address") \
	FIELD(SOURCE_PORT, "sourceTransportPort") FIELD(DESTINATION_PORT, "destinationTransportPort") \
	FIELD(PROTOCOL, "protocolIdentifier") \
	FIELD(PACKETS, "packetDeltaCount") FIELD(REVERSE_PACKETS, "reversePacketDeltaCount") \
	FIELD(OCTETS, "octetDeltaCount") FIELD(REVERSE_OCTETS, "reverseOctetDeltaCount") \
	FIELD(APPLICATION, "applicationName") FIELD(MASTER, "applicationMasterName") \
	FIELD(HOST, "applicationHostName")

enum {
#define FIELD(symbol, name) symbol,
	FIELDS
#undef FIELD
	FIELD_COUNT
};

static const char *const names[FIELD_COUNT] = {
#define FIELD(symbol, name) [symbol] = name,
	FIELDS
#undef FIELD
};

const char spy_fields[] = ""
#define FIELD(symbol, name) name ","
	FIELDS
#undef FIELD
	"flowStartNanoseconds";

struct reader {                         /* the columns of a batch's schema, and a row of it */
	const struct record_batch *batch;
	const uint8_t *row;
	int column[FIELD_COUNT];        /* -1: not there */
};

struct flow {                           /* of a record */
	struct spy_counts counts;
	char application[SPY_NAME_BYTES], master[SPY_NAME_BYTES], host[SPY_HOST_BYTES];
	uint8_t family, protocol;
	const uint8_t *address[2];      /* [0] the initiator's */
	uint16_t port[2];
};

/* ---- reading --------------------------------------------------------------------------------- */

static void reader_init(struct reader *r, const struct record_batch *batch)
{
	r->batch = batch;
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		bool reverse = false;
		const struct field *field = field_find(names[i], strlen(names[i]), &reverse);
		r->column[i] = schema_find(batch->schema, field, reverse);
	}
}

static uint64_t number(const struct reader *r, unsigned field)
{
	return r->column[field] < 0 ? 0
		: value_read_unsigned(r->batch->schema, r->row, (unsigned)r->column[field]);
}

static void text(const struct reader *r, unsigned field, char *out, size_t size)
{
	*out = '\0';
	if (r->column[field] >= 0)
		value_to_text(r->batch, r->row, (unsigned)r->column[field], out, size);
}

static const uint8_t *octets(const struct reader *r, unsigned field)
{
	uint32_t bytes = 0;
	int column = r->column[field];
	if (column < 0 || !record_is_present(r->batch->schema, r->row, (unsigned)column))
		return NULL;
	return value_read_octets(r->batch, r->row, (unsigned)column, &bytes);
}

static void read_ends(const struct reader *r, struct flow *f)
{
	static const uint8_t none[16];
	f->family = octets(r, SOURCE6) || octets(r, DESTINATION6) ? 6 : 4;
	f->address[0] = octets(r, f->family == 6 ? SOURCE6 : SOURCE4);
	f->address[1] = octets(r, f->family == 6 ? DESTINATION6 : DESTINATION4);
	for (unsigned i = 0; i < 2; i++)
		if (!f->address[i])
			f->address[i] = none;
	f->port[0] = (uint16_t)number(r, SOURCE_PORT);
	f->port[1] = (uint16_t)number(r, DESTINATION_PORT);
	f->protocol = (uint8_t)number(r, PROTOCOL);
}

static void read_flow(struct reader *r, unsigned row, struct flow *f)
{
	r->row = record_row(r->batch, row);
	f->counts = (struct spy_counts){
		.flows = 1, .packets = { number(r, PACKETS), number(r, REVERSE_PACKETS) },
		.octets = { number(r, OCTETS), number(r, REVERSE_OCTETS) }
	};
	text(r, APPLICATION, f->application, sizeof f->application);
	text(r, MASTER, f->master, sizeof f->master);
	text(r, HOST, f->host, sizeof f->host);
	if (!*f->application)
		strcpy(f->application, "Unknown");
	read_ends(r, f);
}

/* ---- the table ------------------------------------------------------------------------------- */

void spy_table_fini(struct spy_table *table)
{
	free(table->rows);
}

/* A search from the front: applications are some hundreds at most. */
static struct spy_row *row_of(struct spy_table *t, const char *name)
{
	for (unsigned i = 0; i < t->count; i++)
		if (!strcmp(t->rows[i].name, name))
			return &t->rows[i];
	if (t->count == t->room) {
		unsigned room = t->room * 2 + 32;
		struct spy_row *more = realloc(t->rows, room * sizeof *more);
		if (!more) {
			t->out_of_memory = true;
			return NULL;
		}
		t->rows = more;
		t->room = room;
	}
	struct spy_row *row = &t->rows[t->count++];
	memset(row, 0, sizeof *row);
	strcpy(row->name, name);
	return row;
}

static void add_host(struct spy_row *row, const char *host)
{
	if (!*host || row->host_count == SPY_HOSTS)
		return;
	for (unsigned i = 0; i < row->host_count; i++)
		if (!strcmp(row->hosts[i], host))
			return;
	strcpy(row->hosts[row->host_count++], host);
}

static void add_counts(struct spy_counts *to, const struct spy_counts *from)
{
	to->flows += from->flows;
	for (unsigned i = 0; i < 2; i++) {
		to->packets[i] += from->packets[i];
		to->octets[i] += from->octets[i];
	}
}

void spy_table_add(struct spy_table *table, const struct record_batch *batch)
{
	struct reader r;
	struct flow f;
	reader_init(&r, batch);
	for (unsigned i = 0; i < batch->count; i++) {
		read_flow(&r, i, &f);
		struct spy_row *row = row_of(table, f.application);
		if (!row)
			return;
		add_counts(&row->counts, &f.counts);
		add_host(row, f.host);
	}
}

static uint64_t all_octets(const struct spy_row *row)
{
	return row->counts.octets[0] + row->counts.octets[1];
}

static int by_octets(const void *a, const void *b)
{
	const struct spy_row *x = a, *y = b;
	uint64_t of_x = all_octets(x), of_y = all_octets(y);
	return of_x != of_y ? (of_x < of_y ? 1 : -1) : strcmp(x->name, y->name);
}

static double share_of(const struct spy_row *row, uint64_t total)
{
	return total ? 100.0 * (double)all_octets(row) / (double)total : 0.0;
}

static void print_hosts(const struct spy_row *row, FILE *out)
{
	for (unsigned i = 0; i < row->host_count; i++)
		fprintf(out, "%s%s", i ? " " : "", row->hosts[i]);
	putc('\n', out);
}

static void print_aligned(const struct spy_row *row, uint64_t total, int width, FILE *out)
{
	const struct spy_counts *c = &row->counts;
	fprintf(out, "%-*s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %12" PRIu64 " %12" PRIu64
	        " %6.2f%%  ", width, row->name, c->flows, c->packets[0], c->packets[1], c->octets[0],
	        c->octets[1], share_of(row, total));
	print_hosts(row, out);
}

static void print_tabs(const struct spy_row *row, uint64_t total, FILE *out)
{
	const struct spy_counts *c = &row->counts;
	fprintf(out, "%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%.2f\t",
	        row->name, c->flows, c->packets[0], c->packets[1], c->octets[0], c->octets[1],
	        share_of(row, total));
	print_hosts(row, out);
}

static void print_json_text(const char *value, FILE *out)
{
	char quoted[SPY_HOST_BYTES * 6 + 3];
	value_escape_json(value, strlen(value), quoted, sizeof quoted);
	fputs(quoted, out);
}

static void print_json_counts(const struct spy_counts *c, FILE *out)
{
	fprintf(out, ",\"packets\":%" PRIu64 ",\"reversePackets\":%" PRIu64 ",\"octets\":%" PRIu64
	        ",\"reverseOctets\":%" PRIu64, c->packets[0], c->packets[1], c->octets[0],
	        c->octets[1]);
}

static void print_json(const struct spy_row *row, uint64_t total, FILE *out)
{
	fputs("{\"application\":", out);
	print_json_text(row->name, out);
	fprintf(out, ",\"flows\":%" PRIu64, row->counts.flows);
	print_json_counts(&row->counts, out);
	fprintf(out, ",\"share\":%.4f,\"hosts\":[", share_of(row, total) / 100.0);
	for (unsigned i = 0; i < row->host_count; i++) {
		fputs(i ? "," : "", out);
		print_json_text(row->hosts[i], out);
	}
	fputs("]}\n", out);
}

static void print_head(enum spy_form form, int width, FILE *out)
{
	if (form == SPY_ALIGNED)
		fprintf(out, "%-*s %10s %10s %10s %12s %12s %7s  %s\n", width, "APPLICATION", "FLOWS",
		        "PACKETS", "BACK", "OCTETS", "BACK", "SHARE", "HOSTS");
	else if (form == SPY_TABS)
		fputs("APPLICATION\tFLOWS\tPACKETS\tREVERSE_PACKETS\tOCTETS\tREVERSE_OCTETS\tSHARE\t"
		      "HOSTS\n", out);
}

/* The widest name makes the column. */
void spy_table_print(struct spy_table *t, enum spy_form form, FILE *out)
{
	uint64_t total = 0;
	int width = 11;
	if (t->count)
		qsort(t->rows, t->count, sizeof *t->rows, by_octets);
	for (unsigned i = 0; i < t->count; i++) {
		int length = (int)strlen(t->rows[i].name);
		total += all_octets(&t->rows[i]);
		width = length > width ? length : width;
	}
	print_head(form, width, out);
	for (unsigned i = 0; i < t->count; i++)
		if (form == SPY_ALIGNED)
			print_aligned(&t->rows[i], total, width, out);
		else if (form == SPY_TABS)
			print_tabs(&t->rows[i], total, out);
		else
			print_json(&t->rows[i], total, out);
}

/* ---- flows ----------------------------------------------------------------------------------- */

/* The initiator is the higher end, as keys order ends: by address, then by port. */
static bool is_turned(const struct flow *f)
{
	int order = memcmp(f->address[0], f->address[1], f->family == 6 ? 16 : 4);
	return order ? order > 0 : f->port[0] > f->port[1];
}

/* The same in every run, and for both directions: under a secret that is known. */
static uint64_t hash_of(const struct flow *f, unsigned low)
{
	struct hash_secret secret;
	uint8_t octets[38] = { f->family, f->protocol };
	hash_secret_init_fixed(&secret, 0, true);
	for (unsigned i = 0; i < 2; i++) {
		store_be16(octets + 2 + 2 * i, f->port[low ^ i]);
		memcpy(octets + 6 + 16 * i, f->address[low ^ i], f->family == 6 ? 16 : 4);
	}
	return hash_siphash13(&secret, octets, sizeof octets);
}

void spy_end_text(const uint8_t *address, unsigned family, unsigned port, char *out)
{
	char number[SPY_END_BYTES];
	size_t length = family == 6 ? value_format_ipv6(address, number)
		: value_format_ipv4(address, number);
	snprintf(out, SPY_END_BYTES, family == 6 ? "[%.*s]:%u" : "%.*s:%u", (int)length, number, port);
}

static void print_flow(const struct flow *f, bool json, FILE *out)
{
	char ends[2][SPY_END_BYTES];
	unsigned low = is_turned(f);
	uint64_t packets = f->counts.packets[0] + f->counts.packets[1];
	for (unsigned i = 0; i < 2; i++)
		spy_end_text(f->address[low ^ i], f->family, f->port[low ^ i], ends[i]);
	if (!json) {
		fprintf(out, "0x%016" PRIx64 " %" PRIu64 "p %s - %s  %s%s%s\n", hash_of(f, low), packets,
		        ends[0], ends[1], f->application, *f->master ? ":" : "", f->master);
		return;
	}
	fprintf(out, "{\"hash\":\"0x%016" PRIx64 "\",\"low\":\"%s\",\"high\":\"%s\",\"initiator\":"
	        "\"%s\",\"protocol\":%u", hash_of(f, low), ends[0], ends[1], low ? "high" : "low",
	        f->protocol);
	print_json_counts(&f->counts, out);
	fputs(",\"application\":", out);
	print_json_text(f->application, out);
	if (*f->master) {
		fputs(",\"master\":", out);
		print_json_text(f->master, out);
	}
	if (*f->host) {
		fputs(",\"host\":", out);
		print_json_text(f->host, out);
	}
	fputs("}\n", out);
}

void spy_print_flows(const struct record_batch *batch, bool json, FILE *out)
{
	struct reader r;
	struct flow f;
	reader_init(&r, batch);
	for (unsigned i = 0; i < batch->count; i++) {
		read_flow(&r, i, &f);
		print_flow(&f, json, out);
	}
}

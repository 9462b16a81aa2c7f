/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record's values as the cells of a table for people: two ends with an arrow, a protocol by its
 * name, counts in human units, the time of day, flags as letters. See table.h.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/compiler.h"
#include "base/text.h"
#include "print/table.h"
#include "record/value_text.h"

struct cell_input {                     /* one record */
	const struct flow_columns *flow;
	struct table_clock *clock;
	const struct record_batch *batch;
	const uint8_t *row;
};

static const struct {
	uint8_t number;
	bool ports;                     /* has ports: shown even when they are 0 */
	const char *name;
} protocols[] = {
	{ 1, false, "icmp" }, { 2, false, "igmp" }, { 4, false, "ipip" }, { 6, true, "tcp" },
	{ 17, true, "udp" }, { 33, true, "dccp" }, { 41, false, "ipv6" }, { 46, false, "rsvp" },
	{ 47, false, "gre" }, { 50, false, "esp" }, { 51, false, "ah" }, { 58, false, "icmp6" },
	{ 88, false, "eigrp" }, { 89, false, "ospf" }, { 103, false, "pim" }, { 112, false, "vrrp" },
	{ 115, false, "l2tp" }, { 132, true, "sctp" }, { 136, true, "udplt" }, { 137, false, "mpls" },
};

/* --- which columns there are --- */

static int column_of(const struct schema *schema, const char *name)
{
	bool reverse = false;
	const struct field *field = field_find(name, strlen(name), &reverse);
	return field ? schema_find(schema, field, reverse) : -1;
}

bool flow_columns_find(const struct schema *schema, struct flow_columns *ret)
{
	struct flow_columns f = {
		.start = column_of(schema, "flowStartMicroseconds"),
		.end = column_of(schema, "flowEndMicroseconds"),
		.protocol = column_of(schema, "protocolIdentifier"),
		.source4 = column_of(schema, "sourceIPv4Address"),
		.source6 = column_of(schema, "sourceIPv6Address"),
		.destination4 = column_of(schema, "destinationIPv4Address"),
		.destination6 = column_of(schema, "destinationIPv6Address"),
		.source_port = column_of(schema, "sourceTransportPort"),
		.destination_port = column_of(schema, "destinationTransportPort"),
		.vlan = column_of(schema, "vlanId"),
		.inner_vlan = column_of(schema, "dot1qCustomerVlanId"),
		.interface = column_of(schema, "ingressInterface"),
		.packets = column_of(schema, "packetDeltaCount"),
		.octets = column_of(schema, "octetDeltaCount"),
		.reverse_packets = column_of(schema, "reversePacketDeltaCount"),
		.reverse_octets = column_of(schema, "reverseOctetDeltaCount"),
		.flags = column_of(schema, "tcpControlBits"),
		.reverse_flags = column_of(schema, "reverseTcpControlBits"),
		.icmp4 = column_of(schema, "icmpTypeCodeIPv4"),
		.reverse_icmp4 = column_of(schema, "reverseIcmpTypeCodeIPv4"),
		.icmp6 = column_of(schema, "icmpTypeCodeIPv6"),
		.reverse_icmp6 = column_of(schema, "reverseIcmpTypeCodeIPv6"),
		.reason = column_of(schema, "flowEndReason"),
		.direction = column_of(schema, "biflowDirection"),
	};
	*ret = f;
	return (f.source4 >= 0 || f.source6 >= 0) && (f.destination4 >= 0 || f.destination6 >= 0) &&
	       f.protocol >= 0 && f.source_port >= 0 && f.destination_port >= 0 && f.packets >= 0 &&
	       f.octets >= 0;
}

bool flow_columns_cover(const struct flow_columns *flow, int column)
{
	const int *columns = &flow->start;
	_Static_assert(sizeof *flow % sizeof *columns == 0, "flow_columns is made of int alone");
	for (unsigned i = 0; i < sizeof *flow / sizeof *columns; i++)
		if (columns[i] == column)
			return true;
	return false;
}

/* --- values --- */

static bool is_there(const struct cell_input *in, int column)
{
	return column >= 0 && record_is_present(in->batch->schema, in->row, (unsigned)column);
}

static uint64_t number_of(const struct cell_input *in, int column)
{
	return is_there(in, column)
		? value_read_unsigned(in->batch->schema, in->row, (unsigned)column) : 0;
}

static int protocol_index(uint64_t number)
{
	for (unsigned i = 0; i < array_count(protocols); i++)
		if (protocols[i].number == number)
			return (int)i;
	return -1;
}

/* --- cells --- */

/* localtime() and strftime() once a second, not once a record. */
static size_t put_clock(struct table_clock *clock, uint64_t time_us, char *at)
{
	int64_t second = (int64_t)(time_us / 1000000);
	if (clock->second != second || !clock->text[0]) {
		time_t time = (time_t)second;
		struct tm local;
		if (!localtime_r(&time, &local) ||
		    strftime(clock->text, sizeof clock->text, "%H:%M:%S", &local) == 0)
			return 0;
		clock->second = second;
	}
	unsigned ms = (unsigned)(time_us / 1000 % 1000);
	return (size_t)snprintf(at, CELL_BYTES, "%s.%03u", clock->text, ms);
}

static size_t put_start(const struct cell_input *in, char *at)
{
	return is_there(in, in->flow->start)
		? put_clock(in->clock, number_of(in, in->flow->start), at) : 0;
}

static size_t put_duration(const struct cell_input *in, char *at)
{
	if (!is_there(in, in->flow->start) || !is_there(in, in->flow->end))
		return 0;
	uint64_t start = number_of(in, in->flow->start), end = number_of(in, in->flow->end);
	return text_human_duration(end > start ? (end - start) * 1000 : 0, at, CELL_BYTES);
}

static size_t put_protocol(const struct cell_input *in, char *at)
{
	uint64_t number = number_of(in, in->flow->protocol);
	int index = protocol_index(number);
	if (index < 0)
		return value_format_unsigned(number, at);
	return (size_t)snprintf(at, CELL_BYTES, "%s", protocols[index].name);
}

/* A record of many flows that differ in this. */
static size_t put_any(char *at)
{
	*at = '*';
	return 1;
}

/* A field that a merged record has no single value of is shown as any. */
static size_t put_address(const struct cell_input *in, int column4, int column6, bool brackets,
                          char *at)
{
	const struct column *columns = in->batch->schema->column;
	if (is_there(in, column4))
		return value_format_ipv4(in->row + columns[column4].offset, at);
	if (!is_there(in, column6))
		return column4 >= 0 || column6 >= 0 ? put_any(at) : 0;
	const uint8_t *octets = in->row + columns[column6].offset;
	if (!brackets)
		return value_format_ipv6(octets, at);
	at[0] = '[';
	size_t length = 1 + value_format_ipv6(octets, at + 1);
	at[length] = ']';
	return length + 1;
}

/* A port is shown where the protocol has ports, 0 as well. */
static size_t put_end(const struct cell_input *in, bool source, char *at)
{
	const struct flow_columns *f = in->flow;
	int column = source ? f->source_port : f->destination_port;
	uint64_t port = number_of(in, column);
	int index = protocol_index(number_of(in, f->protocol));
	bool ports = port || (index >= 0 && protocols[index].ports);
	size_t length = source ? put_address(in, f->source4, f->source6, ports, at)
	                       : put_address(in, f->destination4, f->destination6, ports, at);
	if (!ports)
		return length;
	at[length++] = ':';
	if (column >= 0 && !is_there(in, column))
		return length + put_any(at + length);
	return length + value_format_unsigned(port, at + length);
}

static size_t put_vlan(const struct cell_input *in, char *at)
{
	uint64_t outer = number_of(in, in->flow->vlan);
	bool inner = is_there(in, in->flow->inner_vlan);
	if (outer == 0 && !inner)
		return 0;
	size_t length = value_format_unsigned(outer, at);
	if (!inner)
		return length;
	at[length++] = '.';
	return length + value_format_unsigned(number_of(in, in->flow->inner_vlan), at + length);
}

static size_t put_count(const struct cell_input *in, int column, char *at)
{
	uint64_t count = number_of(in, column);
	return count ? text_human_count(count, at, CELL_BYTES) : 0;
}

static size_t put_flag_letters(uint64_t bits, char *at)
{
	static const struct { uint16_t bit; char letter; } letters[] = {
		{ 0x02, 'S' }, { 0x10, 'A' }, { 0x08, 'P' }, { 0x04, 'R' }, { 0x01, 'F' }, { 0x20, 'U' },
		{ 0x40, 'E' }, { 0x80, 'C' },
	};
	size_t length = 0;
	for (unsigned i = 0; i < array_count(letters); i++)
		if (bits & letters[i].bit)
			at[length++] = letters[i].letter;
	if (length == 0)
		at[length++] = '-';
	return length;
}

static size_t put_type_code(uint64_t value, char *at)
{
	size_t length = value_format_unsigned(value >> 8, at);
	at[length++] = '/';
	return length + value_format_unsigned(value & 255, at + length);
}

/* Flags or ICMP type/code of one direction; 0 when there are none. */
static size_t put_signs(const struct cell_input *in, bool reverse, char *at)
{
	const struct flow_columns *f = in->flow;
	int icmp4 = reverse ? f->reverse_icmp4 : f->icmp4;
	int icmp6 = reverse ? f->reverse_icmp6 : f->icmp6;
	int flags = reverse ? f->reverse_flags : f->flags;
	if (is_there(in, icmp4))
		return put_type_code(number_of(in, icmp4), at);
	if (is_there(in, icmp6))
		return put_type_code(number_of(in, icmp6), at);
	if (!is_there(in, flags) || number_of(in, f->protocol) != 6)
		return 0;
	return put_flag_letters(number_of(in, flags), at);
}

static size_t put_both_signs(const struct cell_input *in, char *at)
{
	size_t length = put_signs(in, false, at);
	if (length == 0 || number_of(in, in->flow->reverse_packets) == 0)
		return length;
	at[length] = ' ';
	size_t more = put_signs(in, true, at + length + 1);
	return more ? length + 1 + more : length;
}

/* RFC 5102's reasons (flowEndReason, 136). */
static size_t put_reason(const struct cell_input *in, char *at)
{
	static const char *const reasons[] = { "", "idle", "active", "end", "forced", "evict" };
	uint64_t reason = number_of(in, in->flow->reason);
	if (reason >= array_count(reasons))
		return value_format_unsigned(reason, at);
	return (size_t)snprintf(at, CELL_BYTES, "%s", reasons[reason]);
}

static size_t put_field(const struct cell_input *in, unsigned column, char *at)
{
	const struct schema *schema = in->batch->schema;
	if (!record_is_present(schema, in->row, column))
		return 0;
	uint64_t scale = 0;             /* microseconds of the field's unit */
	switch ((enum field_type)schema->column[column].field->type) {
	case TYPE_STRING: {
		uint32_t bytes;
		const uint8_t *octets = value_read_octets(in->batch, in->row, column, &bytes);
		size_t length = text_escape(octets, bytes, at, CELL_BYTES);
		return length < CELL_BYTES ? length : strlen(at);
	}
	case TYPE_SECONDS: scale = 1000000; break;
	case TYPE_MILLISECONDS: scale = 1000; break;
	case TYPE_MICROSECONDS: scale = 1; break;
	case TYPE_NANOSECONDS:
		return put_clock(in->clock, value_read_unsigned(schema, in->row, column) / 1000, at);
	default: {
		size_t length = value_to_text(in->batch, in->row, column, at, CELL_BYTES);
		return length < CELL_BYTES ? length : strlen(at);
	}
	}
	uint64_t time;
	if (__builtin_mul_overflow(value_read_unsigned(schema, in->row, column), scale, &time))
		return value_format_unsigned(value_read_unsigned(schema, in->row, column), at);
	return put_clock(in->clock, time, at);
}

static size_t put_arrow(const struct cell_input *in, char *at)
{
	bool both = number_of(in, in->flow->reverse_packets) != 0;
	memcpy(at, both ? "<->" : " ->", 3);
	return 3;
}

static size_t put_cell(const struct table_column *c, const struct cell_input *in, char *at)
{
	const struct flow_columns *f = in->flow;
	switch ((enum cell_kind)c->kind) {
	case CELL_START: return put_start(in, at);
	case CELL_DURATION: return put_duration(in, at);
	case CELL_PROTOCOL: return put_protocol(in, at);
	case CELL_SOURCE: return put_end(in, true, at);
	case CELL_ARROW: return put_arrow(in, at);
	case CELL_DESTINATION: return put_end(in, false, at);
	case CELL_VLAN: return put_vlan(in, at);
	case CELL_INTERFACE:
		return is_there(in, f->interface)
			? value_format_unsigned(number_of(in, f->interface), at) : 0;
	case CELL_PACKETS: return put_count(in, f->packets, at);
	case CELL_REVERSE_PACKETS: return put_count(in, f->reverse_packets, at);
	case CELL_OCTETS: return put_count(in, f->octets, at);
	case CELL_REVERSE_OCTETS: return put_count(in, f->reverse_octets, at);
	case CELL_END: return put_reason(in, at);
	case CELL_FLAGS: return put_both_signs(in, at);
	case CELL_FIELD: return put_field(in, c->field, at);
	}
	return 0;
}

void table_cell_fill(struct table_column *c, const struct flow_columns *flow,
                     struct table_clock *clock, const struct record_batch *batch,
                     const uint8_t *row)
{
	struct cell_input in = { .flow = flow, .clock = clock, .batch = batch, .row = row };
	size_t length = put_cell(c, &in, c->text);
	if (length == 0)
		c->text[length++] = '-';
	c->bytes = (uint16_t)length;
	c->wide = 0;
	for (size_t i = 0; i < length; i++)
		c->wide += ((unsigned char)c->text[i] & 0xc0) != 0x80;
}

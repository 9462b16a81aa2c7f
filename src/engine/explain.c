/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hook writes what the meter decides. The meter tells it of a record's end before it
 * tells of the packet that brought the end about, so the lines of a packet are kept until
 * its own line has been written.
 */
#include "engine/explain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "capture/capture.h"
#include "engine/meters.h"
#include "flow/direction.h"
#include "flow/meter.h"
#include "packet/filter.h"

enum { MAX_FLOWS = 1 << 20 };

/* A run, and the hook's worker at once. */
struct explain {
	const struct settings *settings;
	struct meter_entry entry;       /* of the meter that is followed */
	const struct log *log;
	FILE *out;                      /* borrowed */
	struct meter *meter;
	struct packet_parser *parser;
	struct packet_filter *filter;
	char *ends;                     /* lines about records that ended while
	                                 * the packet was taken in */
	size_t ends_length, ends_room;
	uint64_t frame, start_ns;
	bool damaged;                   /* some input was */
};

/* ---- texts ----------------------------------------------------------------------------------- */

static const char *const basis_texts[] = {
	[BASIS_NONE] = "by packet order alone", [BASIS_FIRST_PACKET] = "sent the first packet",
	[BASIS_SYN] = "sent SYN", [BASIS_SYN_ACK] = "was answered with SYN-ACK",
	[BASIS_REMEMBERED_SERVER] = "talks to a known server", [BASIS_PROTOCOL] = "by its protocol",
	[BASIS_REGISTERED_PORT] = "talks to a registered port",
};

static const char *reason_text(uint8_t reason)
{
	static const char *const texts[] = {
		[END_IDLE] = "idle timeout", [END_ACTIVE] = "active timeout",
		[END_DETECTED] = "end of TCP connection",
		[END_FORCED] = "end of the capture", [END_RESOURCES] = "made room for another flow",
	};
	return reason < array_count(texts) && texts[reason] ? texts[reason] : "unknown";
}

static void endpoint_text(const struct key *key, unsigned side, uint8_t family, char *buffer,
                          size_t size)
{
	char address[INET6_ADDRSTRLEN] = "";
	bool ports = key_has_ports(key->protocol);
	if (family == 6)
		inet_ntop(AF_INET6, key->address.v6[side], address, sizeof address);
	else
		inet_ntop(AF_INET, key->address.v4[side], address, sizeof address);
	if (ports)
		snprintf(buffer, size, family == 6 ? "[%s]:%u" : "%s:%u", address, key->port[side]);
	else
		snprintf(buffer, size, "%s", address);
}

static double seconds(const struct explain *x, uint64_t time_ns)
{
	return ((double)time_ns - (double)x->start_ns) / 1e9;
}

static const char *protocol_text(uint8_t protocol, char buffer[8])
{
	static const struct { uint8_t number; const char *name; } names[] = {
		{ 1, "icmp" }, { 6, "tcp" }, { 17, "udp" }, { 33, "dccp" }, { 47, "gre" }, { 50, "esp" },
		{ 58, "icmp6" }, { 132, "sctp" }, { 136, "udplite" },
	};
	for (unsigned i = 0; i < array_count(names); i++)
		if (names[i].number == protocol)
			return names[i].name;
	snprintf(buffer, 8, "ip/%u", protocol);
	return buffer;
}

static void print_flags(FILE *out, uint16_t flags)
{
	static const char letters[] = "FSRPAUEC";
	if (!flags)
		return;
	fputs(" [", out);
	for (unsigned i = 0; i < 8; i++)
		if (flags >> i & 1)
			fputc(letters[i], out);
	fputc(']', out);
}

/* Why line `bits` of a packet matters to how it was counted. */
static void print_bits(FILE *out, const struct packet *p)
{
	static const struct { uint16_t bit; const char *text; } texts[] = {
		{ PACKET_FRAGMENT_JOINED, "later fragment, ports of its first one" },
		{ PACKET_NO_PORTS, "no ports to read" }, { PACKET_OFFLOAD, "offload super-frame" },
		{ PACKET_LENGTH_FROM_WIRE, "IP length 0: taken from the wire" },
	};
	for (unsigned i = 0; i < array_count(texts); i++)
		if (p->bits & texts[i].bit)
			fprintf(out, ", %s", texts[i].text);
	if ((p->bits & (PACKET_LATER_FRAGMENT | PACKET_FRAGMENT_JOINED)) == PACKET_LATER_FRAGMENT)
		fputs(", later fragment whose first was not seen: ports 0", out);
	if (p->vlan_outer || (p->bits & PACKET_INNER_VLAN))
		fprintf(out, ", vlan %u", p->vlan_outer);
	if (p->bits & PACKET_INNER_VLAN)
		fprintf(out, ".%u", p->vlan_inner);
	if (p->tunnel_id)
		fprintf(out, ", tunnel id %" PRIu32, p->tunnel_id);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Without memory the line is left out: explain goes on. */
static void add_end(struct explain *x, const char *line)
{
	size_t length = strlen(line);
	if (x->ends_length + length + 1 > x->ends_room) {
		size_t room = (x->ends_room + length + 1) * 2;
		char *more = realloc(x->ends, room);
		if (!more)
			return;
		x->ends = more;
		x->ends_room = room;
	}
	memcpy(x->ends + x->ends_length, line, length + 1);
	x->ends_length += length;
}

static void print_ends(struct explain *x)
{
	if (x->ends_length)
		fputs(x->ends, x->out);
	x->ends_length = 0;
}

static void print_packet(struct explain *x, const struct packet *p)
{
	char from[80], to[80], number[8];
	unsigned s = p->sender;
	endpoint_text(&p->key, s, p->family, from, sizeof from);
	endpoint_text(&p->key, s ^ 1, p->family, to, sizeof to);
	fprintf(x->out, "%" PRIu64 "  %.6f  %s %s > %s", x->frame, seconds(x, p->time_ns),
	        protocol_text(p->key.protocol, number), from, to);
	if (p->key.protocol == 1 || p->key.protocol == 58)
		fprintf(x->out, " type %u code %u", p->icmp_type_code >> 8, p->icmp_type_code & 255);
	print_flags(x->out, p->tcp_flags);
	fprintf(x->out, "  %" PRIu32 " octets", p->ip_bytes);
	print_bits(x->out, p);
	fputc('\n', x->out);
}

static void print_key(struct explain *x, const struct packet *p)
{
	char low[80], high[80];
	endpoint_text(&p->key, 0, p->family, low, sizeof low);
	endpoint_text(&p->key, 1, p->family, high, sizeof high);
	fprintf(x->out, "     key: %s | %s, protocol %u, vlan %u.%u\n", low, high, p->key.protocol,
	        key_vlan_outer(&p->key), key_vlan_inner(&p->key));
}

static void explain_update(const struct hook_call *call)
{
	struct explain *x = call->worker;
	for (unsigned i = 0; i < call->count; i++) {
		const struct flow_touch *t = call->touch[i];
		bool forward = direction_initiator(t->flow) == t->sender;
		const char *basis = basis_texts[t->cold->basis];
		fprintf(x->out, "     flow %" PRIu64 ", %s", t->cold->flow_id,
		        forward ? "forward" : "reverse");
		if (t->events & FLOW_CREATED)
			fprintf(x->out, "; a new flow: the initiator is the %s (%s)",
			        forward ? "sender" : "receiver", basis);
		else if (t->events & FLOW_RECORD_OPENED)
			fputs("; opens the flow's next record", x->out);
		if ((t->events & FLOW_TURNED) && !(t->events & FLOW_CREATED))
			fprintf(x->out, "; the flow turns: the initiator %s", basis);
		fputc('\n', x->out);
		if (t->events & FLOW_CREATED)
			print_key(x, t->packet);
	}
}

/* What the timer that ended it was set to. */
static void timer_text(const struct meter_entry *s, const struct flow_view *v, uint8_t reason,
                       char *out, size_t size)
{
	char value[32] = "";
	uint64_t timer = reason == END_IDLE ? s->idle_timeout_ns
		: reason == END_ACTIVE ? s->active_timeout_ns
		: reason == END_DETECTED ? s->tcp_linger_ns
		: DURATION_OFF;
	if (timer == DURATION_OFF) {
		*out = '\0';
		return;
	}
	text_human_duration(timer, value, sizeof value);
	if (reason == END_DETECTED)
		snprintf(out, size, " (%s%s, linger %s)", v->flow->state & FLOW_RST ? "RST" : "FIN",
		         v->flow->state & FLOW_RST ? "" : " from both sides", value);
	else
		snprintf(out, size, " (%s since the %s packet)", value,
		         reason == END_IDLE ? "last" : "first");
}

/* Kept, and printed behind the packet's own line: see the head of this file. */
static void explain_ended(const struct flow_view *v, uint8_t reason, bool gone)
{
	struct explain *x = v->worker;
	const struct flow *f = v->flow;
	char line[320], timer[96];
	uint64_t packets = (uint64_t)f->packets[0] + f->packets[1];
	const char *what = !gone ? "record ends, the flow goes on"
		: packets ? "ends" : "is over (nothing to export)";
	timer_text(&x->entry, v, reason, timer, sizeof timer);
	snprintf(line, sizeof line,
	         "   > flow %" PRIu64 " %s: %s%s, %" PRIu64 " packets from %.6f to %.6f\n",
	         v->cold->flow_id, what, reason_text(reason), timer, packets,
	         f->first_ns ? seconds(x, f->first_ns) : 0.0, seconds(x, f->last_ns));
	add_end(x, line);
}

struct explain_link {                   /* what open() gets: settings of hooks are constant */
	struct explain *explain;
};

static int explain_open(const void *argument, void **ret_worker, struct error *err)
{
	const struct explain_link *link = argument;
	*ret_worker = link->explain;
	return 0;
}

static const struct flow_hook explain_hook = {
	.name = "explain", .help = "says what the meter decides", .wants = HOOK_PACKET | HOOK_END,
	.scope = HOOK_SCOPE_FLOW, .open = explain_open, .update = explain_update,
	.ended = explain_ended,
};

/* ---- running --------------------------------------------------------------------------------- */

/* clock_ns is that of the batch before: the time that a source has reached holds behind all packets
 * of its batch, not before them. */
static void explain_frame(struct explain *x, const struct frame *frame, uint64_t clock_ns)
{
	struct packet packet;
	const struct packet *one = &packet;
	if (!x->frame++)
		x->start_ns = frame->time_ns;
	packet_parse_one(x->parser, frame, &packet);
	if (packet.fate == FATE_metered && x->filter && !packet_filter_match(x->filter, frame))
		packet.fate = FATE_filtered;
	if (packet.fate != FATE_metered) {
		fprintf(x->out, "%" PRIu64 "  %.6f  %s: %s\n", x->frame, seconds(x, frame->time_ns),
		        fate_name(packet.fate), fate_text(packet.fate));
		return;
	}
	/* What this packet brings to an end stands behind it, what the clock ends stands alone. */
	print_packet(x, &packet);
	meter_update(x->meter, &one, 1);
	print_ends(x);
	meter_advance(x->meter, clock_ns);
	print_ends(x);
}

static void explain_all(struct explain *x, const struct capture_kind *kind, struct capture *capture)
{
	struct frame_batch *batch = calloc(1, sizeof *batch);
	uint64_t clock_ns = 0;
	while (batch) {
		struct error err = { "" };
		int r = kind->read(capture, 1000000000, batch, &err);
		if (r == -ENODATA)
			break;
		if (r < 0) {
			log_line(x->log, LOG_ERROR, "%s", *err.text ? err.text : strerror(-r));
			x->damaged = true;
			continue;
		}
		for (uint32_t i = 0; i < batch->count; i++)
			explain_frame(x, &batch->frame[i], clock_ns);
		clock_ns = batch->clock_ns;
		kind->release(capture, batch->hold);
	}
	if (batch)
		meter_finish(x->meter, batch->clock_ns);
	print_ends(x);
	free(batch);
}

/* The meter is made as the engine makes it, with one hook more and room for far fewer flows. */
static int prepare(struct explain *x, struct error *err)
{
	const struct settings *s = x->settings;
	struct explain_link link = { x };
	const struct hook_choice hooks[] = { { &explain_hook, &link }, { .hook = NULL } };
	const struct meter_entry *e = &x->entry;
	struct key_options options = { .key = e->key, .vlan_key = e->vlan_key,
	                               .per_interface = e->per_interface, .tunnels = s->tunnels };
	struct packet_settings packet = { .tunnels = s->tunnels,
	                                  .icmp_key_none = s->icmp_key == ICMP_KEY_NONE };
	struct meter_settings m = {
		.idle_ns = e->idle_timeout_ns, .active_ns = e->active_timeout_ns,
		.linger_ns = e->tcp_linger_ns,
		.max_flows = e->max_flows ? e->max_flows : MAX_FLOWS, .first_flow_id = 1,
		.evidence = e->direction == DIRECTION_EVIDENCE, .hooks = hooks,
	};
	int r = key_plan_parse(&options, &m.plan, err);
	if (!r)
		r = meter_new(&m, &x->meter, err);
	if (!r && packet_parser_new(&packet, &x->parser))
		r = error_set(err, -ENOMEM, "out of memory");
	if (!r)
		r = meter_filter_new(s, e, &x->filter, err);
	return r;
}

int explain_run(const struct settings *settings, const struct log *log, FILE *out,
                struct error *err)
{
	struct explain x = { .settings = settings, .log = log, .out = out };
	struct meter_entry meters[METERS_MAX];
	settings_meters(settings, meters);
	x.entry = meters[0];
	const struct capture_kind *kind = capture_kind_files();
	struct capture_settings c = { .names = settings->files.items,
	                              .name_count = settings->files.count };
	struct capture *capture = NULL;
	int r = prepare(&x, err);
	if (!r)
		r = kind->open(&c, &capture, err);
	if (!r)
		explain_all(&x, kind, capture);
	kind->close(capture);
	packet_filter_free(x.filter);
	packet_parser_free(x.parser);
	meter_free(x.meter);
	free(x.ends);
	if (r)
		return r;
	if (fflush(out) || ferror(out))
		return error_set(err, -EIO, "standard output: cannot write there");
	return x.damaged ? 1 : 0;
}

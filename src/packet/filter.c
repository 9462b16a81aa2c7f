/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BPF filter on frames. libpcap compiles for a file's link type, where tags are octets in the
 * frame; so the frame is shown to the program in one form: all tags out, or all tags in. Only
 * frames whose form differs are copied, into one buffer of the filter's own. Neighbour:
 * filter_text.c, which compiles and explains. Cost: the BPF program (20 to 60 ns), and for such
 * frames a copy of them.
 */
#include "packet/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "packet/filter_text.h"

enum {
	PROGRAMS_MAX = 16,              /* link types in one run */
	TAG_BYTES = 4, ETHERNET_BYTES = 14, MAC_BYTES = 12,
	LINK_ETHERNET = 1, LINK_SLL = 113, LINK_SLL2 = 276,
};

/* The expression compiled for one link type. */
struct program {
	uint16_t link_type;
	bool compiled;
	struct bpf_program code;        /* if compiled */
};

/* One thread's: the view is filled for each frame that needs it. */
struct packet_filter {
	char *text;
	bool names_vlan;
	uint8_t *view;                  /* pages are touched as they are needed */
	unsigned program_count;
	struct program programs[PROGRAMS_MAX];
	struct packet_filter_refusal refused;
	char refusal_text[PCAP_ERRBUF_SIZE];
	struct packet_filter *also;     /* must match, too; NULL: none */
};

static const struct program *find_program(struct packet_filter *filter, uint16_t link_type);
static struct frame make_view(struct packet_filter *filter, const struct frame *frame);

/* The text is checked now, though programs are compiled as link types come: a wrong one is told
 * before anything runs. */
int packet_filter_new(const char *text, struct packet_filter **ret, struct error *err)
{
	int r = packet_filter_check(text, err);

	if (r < 0)
		return r;
	struct packet_filter *filter = calloc(1, sizeof *filter);
	if (filter) {
		filter->text = strdup(text);
		filter->view = malloc(FILTER_VIEW_BYTES);
	}
	if (!filter || !filter->text || !filter->view) {
		packet_filter_free(filter);
		return error_set(err, -ENOMEM, "no memory for a filter");
	}
	filter->names_vlan = packet_filter_names(text, "vlan");
	*ret = filter;
	return 0;
}

void packet_filter_free(struct packet_filter *filter)
{
	if (!filter)
		return;
	for (unsigned i = 0; i < filter->program_count; i++)
		if (filter->programs[i].compiled)
			pcap_freecode(&filter->programs[i].code);
	packet_filter_free(filter->also);
	free(filter->view);
	free(filter->text);
	free(filter);
}

void packet_filter_narrow(struct packet_filter *filter, struct packet_filter *also)
{
	while (filter->also)
		filter = filter->also;
	filter->also = also;
}

bool packet_filter_match(struct packet_filter *filter, const struct frame *frame)
{
	const struct program *program = find_program(filter, frame->link_type);

	if (!program || !program->compiled)
		return false;
	struct frame view = make_view(filter, frame);
	struct pcap_pkthdr header = { .caplen = view.captured_bytes, .len = view.wire_bytes };
	return pcap_offline_filter(&program->code, &header, view.data) != 0
		&& (!filter->also || packet_filter_match(filter->also, frame));
}

struct packet_filter_refusal packet_filter_refused(const struct packet_filter *filter)
{
	return filter->refused;
}

/* One program a link type, up to a bound: a file may claim any number of them. Frames of those
 * beyond it do not match. */
static const struct program *add_program(struct packet_filter *filter, uint16_t link_type)
{
	if (filter->program_count == PROGRAMS_MAX)
		return NULL;
	struct program *program = filter->programs + filter->program_count++;
	program->link_type = link_type;
	program->compiled = packet_filter_compile(filter->text, link_type, &program->code,
	                                          filter->refusal_text) == 0;
	if (!program->compiled) {
		filter->refused.link_types++;
		filter->refused.last = link_type;
		filter->refused.text = filter->refusal_text;
	}
	return program;
}

/* Few link types occur in a run: a search from the front. */
static const struct program *find_program(struct packet_filter *filter, uint16_t link_type)
{
	for (unsigned i = 0; i < filter->program_count; i++)
		if (filter->programs[i].link_type == link_type)
			return filter->programs + i;
	return add_program(filter, link_type);
}

/* Where a link header keeps its ethertype and where it ends; false for links without tags. */
static bool tag_places(uint16_t link_type, uint32_t *ret_type_at, uint32_t *ret_header_bytes)
{
	switch (link_type) {
	case LINK_ETHERNET:
		*ret_type_at = MAC_BYTES;
		*ret_header_bytes = ETHERNET_BYTES;
		return true;
	case LINK_SLL:
		*ret_type_at = 14;
		*ret_header_bytes = 16;
		return true;
	case LINK_SLL2:
		*ret_type_at = 0;
		*ret_header_bytes = 20;
		return true;
	default:
		return false;
	}
}

static bool is_tag(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;
}

/* The frame as it would be had nobody tagged it. */
static struct frame without_tags(struct packet_filter *filter, const struct frame *frame)
{
	struct frame view = *frame;
	uint32_t type_at, header_bytes, end;

	if (!tag_places(frame->link_type, &type_at, &header_bytes)
	    || frame->captured_bytes < header_bytes)
		return view;
	uint16_t type = load_be16(frame->data + type_at);
	for (end = header_bytes; is_tag(type) && end + TAG_BYTES <= frame->captured_bytes;
	     end += TAG_BYTES)
		type = load_be16(frame->data + end + 2);
	if (end == header_bytes)
		return view;
	uint32_t rest = frame->captured_bytes - end;
	if (rest > FILTER_VIEW_BYTES - header_bytes)
		rest = FILTER_VIEW_BYTES - header_bytes;
	memcpy(filter->view, frame->data, header_bytes);
	memcpy(filter->view + type_at, frame->data + end - 2, 2);
	memcpy(filter->view + header_bytes, frame->data + end, rest);
	view.data = filter->view;
	view.captured_bytes = header_bytes + rest;
	view.wire_bytes = frame->wire_bytes - (end - header_bytes);
	return view;
}

/* The frame as it was on the wire, before the interface took its outer tag off. */
static struct frame with_tag(struct packet_filter *filter, const struct frame *frame)
{
	struct frame view = *frame;

	if (!frame->vlan_tpid || frame->link_type != LINK_ETHERNET || frame->captured_bytes < MAC_BYTES)
		return view;
	uint32_t rest = frame->captured_bytes - MAC_BYTES;
	uint16_t tag[2] = { __builtin_bswap16(frame->vlan_tpid), __builtin_bswap16(frame->vlan_tci) };
	if (rest > FILTER_VIEW_BYTES - MAC_BYTES - TAG_BYTES)
		rest = FILTER_VIEW_BYTES - MAC_BYTES - TAG_BYTES;
	memcpy(filter->view, frame->data, MAC_BYTES);
	memcpy(filter->view + MAC_BYTES, tag, TAG_BYTES);
	memcpy(filter->view + MAC_BYTES + TAG_BYTES, frame->data + MAC_BYTES, rest);
	view.data = filter->view;
	view.captured_bytes = MAC_BYTES + TAG_BYTES + rest;
	view.wire_bytes = frame->wire_bytes + TAG_BYTES;
	return view;
}

static struct frame make_view(struct packet_filter *filter, const struct frame *frame)
{
	return filter->names_vlan ? with_tag(filter, frame) : without_tags(filter, frame);
}

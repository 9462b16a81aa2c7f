/* SPDX-License-Identifier: Apache-2.0 */
/* A small table with an option of every type, for the tests of option_*.c. */
#ifndef UNIT_BASE_OPTIONS_H
#define UNIT_BASE_OPTIONS_H

#include <errno.h>
#include <string.h>

#include "base/option.h"

struct room {                           /* an entry of `rooms` */
	const char *name, *colours, *place;
	uint64_t count, idle, sample;
	bool sort, promiscuous;
	struct text_list files;
};

struct things {
	bool sort, promiscuous;
	const char *name, *config;
	struct text_list files;
	uint64_t count, size, idle, sample;
	int mode;
	const char *colours;
	struct option_entries rooms;
};

/* Text that a check refuses. */
static inline int check_colour(const char *text, struct error *err)
{
	return strstr(text, "grey") ? error_set(err, -EINVAL, "'%s' is no colour", text) : 0;
}

#define AT(member) (uint16_t)offsetof(struct things, member)
static const char *const modes[] = { "first", "evidence", NULL };
#define IN(member) (uint16_t)offsetof(struct room, member)
static const struct option room_table[] = {
	{ .name = "name", .type = OPTION_TEXT, .offset = IN(name), .argument = "NAME",
	  .help = "what it is called" },
	{ .name = "colours", .type = OPTION_TEXT, .offset = IN(colours), .argument = "LIST",
	  .help = "its colours", .joined = true, .check = check_colour },
	{ .name = "count", .type = OPTION_COUNT, .offset = IN(count), .argument = "NUMBER",
	  .help = "counts", .minimum = "1", .maximum = "10k" },
	{ .name = "idle-timeout", .type = OPTION_DURATION, .offset = IN(idle), .argument = "DURATION",
	  .help = "ends" },
	{ .name = "sample", .type = OPTION_RATIO, .offset = IN(sample), .argument = "1:N",
	  .help = "samples", .own = true },
	{ .name = "sort", .type = OPTION_FLAG, .offset = IN(sort), .help = "sorts" },
	{ .name = "no-promiscuous", .type = OPTION_INVERSE, .offset = IN(promiscuous),
	  .help = "as it is" },
	{ .name = "read", .type = OPTION_LIST, .offset = IN(files), .argument = "FILE",
	  .help = "reads" },
	{ 0 },
};
static const struct option_entry_kind rooms = {
	.table = room_table, .bytes = sizeof(struct room), .most = 3,
	.place_offset = offsetof(struct room, place),
};
static const struct option table[] = {
	{ .name = "sort", .letter = 'S', .type = OPTION_FLAG, .offset = AT(sort), .help = "sorts",
	  .group = "One" },
	{ .name = "no-promiscuous", .letter = 'p', .type = OPTION_INVERSE, .offset = AT(promiscuous),
	  .help = "as it is" },
	{ .name = "name", .letter = 'n', .type = OPTION_TEXT, .offset = AT(name), .argument = "NAME",
	  .help = "a name" },
	{ .name = "config", .type = OPTION_TEXT, .offset = AT(config), .argument = "FILE",
	  .help = "a file", .command_line_only = true },
	{ .name = "read", .letter = 'r', .type = OPTION_LIST, .offset = AT(files), .argument = "FILE",
	  .help = "reads", .group = "Two" },
	{ .name = "count", .letter = 'c', .type = OPTION_COUNT, .offset = AT(count),
	  .argument = "NUMBER", .help = "counts", .minimum = "1", .maximum = "10k",
	  .default_text = "5" },
	{ .name = "buffer", .letter = 'B', .type = OPTION_BYTES, .offset = AT(size), .argument = "SIZE",
	  .help = "holds", .minimum = "1K", .default_text = "2M" },
	{ .name = "idle-timeout", .letter = 'd', .type = OPTION_DURATION, .offset = AT(idle),
	  .argument = "DURATION", .help = "ends", .minimum = "1ms", .default_text = "30s" },
	{ .name = "sample", .type = OPTION_RATIO, .offset = AT(sample), .argument = "1:N",
	  .help = "samples", .default_text = "1:1" },
	{ .name = "direction", .type = OPTION_CHOICE, .offset = AT(mode), .choices = modes,
	  .help = "directs", .default_text = "evidence" },
	{ .name = "colours", .type = OPTION_TEXT, .offset = AT(colours), .argument = "LIST",
	  .help = "colours", .joined = true, .check = check_colour },
	{ .name = "rooms", .type = OPTION_ENTRIES, .offset = AT(rooms), .help = "rooms of a house",
	  .entry = &rooms },
	{ 0 },
};

#endif

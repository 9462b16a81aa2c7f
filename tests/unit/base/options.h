/* SPDX-License-Identifier: Apache-2.0 */
/* A small table with an option of every type, for the tests of option_*.c. */
#ifndef UNIT_BASE_OPTIONS_H
#define UNIT_BASE_OPTIONS_H

#include "base/option.h"

struct things {
	bool sort, promiscuous;
	const char *name, *config;
	struct text_list files;
	uint64_t count, size, idle, sample;
	int mode;
};

#define AT(member) (uint16_t)offsetof(struct things, member)
static const char *const modes[] = { "first", "evidence", NULL };
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
	{ 0 },
};

#endif

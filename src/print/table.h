/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of table:, inside print only. A table has columns; for each record every column gets
 * the text of its cell (table_cells.c); the layout says which columns fit the terminal and how wide
 * each is (table_layout.c); table.c puts lines together and repeats the header.
 */
#ifndef PRINT_TABLE_H
#define PRINT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/record.h"

enum { CELL_BYTES = 128, TABLE_UNLIMITED = 0 };

enum cell_kind {
	CELL_START, CELL_DURATION, CELL_PROTOCOL, CELL_SOURCE, CELL_ARROW, CELL_DESTINATION, CELL_VLAN,
	CELL_INTERFACE, CELL_PACKETS, CELL_REVERSE_PACKETS, CELL_OCTETS, CELL_REVERSE_OCTETS, CELL_END,
	CELL_FLAGS,
	CELL_FIELD                      /* any one column of the schema */
};

/* A column of one table, with the cell of the record at hand: cells are made first and laid out
 * then. */
struct table_column {
	char head[40];
	uint8_t kind;                   /* enum cell_kind */
	uint8_t keep;                   /* the lowest goes first when the terminal is narrow */
	bool right;                     /* numbers stand to the right */
	bool wanted;                    /* false: left out until a record has something for it */
	uint8_t least;                  /* may be shortened to this width; 0: not at all */
	uint8_t most;                   /* grows to this width when a cell needs it */
	uint8_t needed;                 /* width that shows all so far in full */
	uint16_t field;                 /* CELL_FIELD: the column of the schema */

	bool shown;                     /* set by the layout */
	uint8_t width;

	char text[CELL_BYTES];          /* of the record at hand; UTF-8, no control characters */
	uint16_t bytes;
	uint16_t wide;                  /* characters */
};

/* Columns of the schema that a flow's cells are made of; -1 where it has none. */
struct flow_columns {
	int start, end, protocol, source4, source6, destination4, destination6, source_port,
	    destination_port, vlan, inner_vlan, interface, packets, octets, reverse_packets,
	    reverse_octets, flags, reverse_flags, icmp4, reverse_icmp4, icmp6, reverse_icmp6, reason,
	    direction;
};

/* The time of day changes once a second: its text is kept. */
struct table_clock {
	int64_t second;
	char text[16];                  /* "12:34:56" */
};

/* Finds the columns; true when the schema has what the flow view needs
 * (ends, protocol, counters). */
bool flow_columns_find(const struct schema *schema, struct flow_columns *ret);

/* True for a column of the schema that the flow view shows in one of its own cells. */
bool flow_columns_cover(const struct flow_columns *flow, int column);

/* Puts the text of one cell into c. An empty one becomes "-". */
void table_cell_fill(struct table_column *c, const struct flow_columns *flow,
                     struct table_clock *clock, const struct record_batch *batch,
                     const uint8_t *row);

/* Decides what is shown and how wide, for `limit` characters a line (TABLE_UNLIMITED: all). */
void table_layout(struct table_column *columns, unsigned count, unsigned limit);

/* The cells of a record at hand need more than there is: grows `needed` and says
 * that a new layout is due. */
bool table_grow(struct table_column *columns, unsigned count);

/* "[2001:db8::1]:443" to at most `width` characters, the middle as "..". Writes at `at`, which has
 * room for CELL_BYTES; returns the octets. */
size_t table_shorten(const struct table_column *c, char *at);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line asks of a terminal: whether there is one, and how wide. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* Colours, widths and progress are for people: only where this is true. */
bool terminal_is(FILE *stream);

/* Columns: of the terminal, else of $COLUMNS, else 80; between 40 and `most`. */
unsigned terminal_width(FILE *stream, unsigned most);

#endif

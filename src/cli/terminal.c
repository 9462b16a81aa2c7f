/* SPDX-License-Identifier: Apache-2.0 */
/* See terminal.h. A width is a wish: whatever the system says, it stays within reason. */
#include "cli/terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool terminal_is(FILE *stream)
{
	return isatty(fileno(stream)) == 1;
}

unsigned terminal_width(FILE *stream, unsigned most)
{
	struct winsize size = { 0 };
	const char *columns = getenv("COLUMNS");
	unsigned long width = 80;
	if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		width = size.ws_col;
	else if (columns && *columns >= '1' && *columns <= '9')
		width = strtoul(columns, NULL, 10);
	return width < 40 ? 40 : width > most ? most : (unsigned)width;
}

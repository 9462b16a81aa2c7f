/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for people. What is logged may quote file names and values of users, so a line is escaped
 * before it goes out, and goes out in one write. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* A line is one write() as a rule; the loop is for pipes that took part of it. */
static void write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, text, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;         /* nobody is left to be told */
		text += n;
		length -= (size_t)n;
	}
}

static const char *level_prefix(enum log_level level)
{
	return level == LOG_ERROR ? "error: " : level == LOG_WARNING ? "warning: " : "";
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
	if (!log || level > log->level)
		return;
	char raw[1024], text[2048], line[2100];
	va_list ap;
	va_start(ap, format);
	int saved = errno, n = vsnprintf(raw, sizeof raw, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	text_escape(raw, strlen(raw), text, sizeof text);
	if (log->write) {
		log->write(log->context, level, text);
	} else {
		n = snprintf(line, sizeof line, "weir: %s%s\n", level_prefix(level), text);
		write_all(STDERR_FILENO, line, (size_t)n);
	}
	errno = saved;
}

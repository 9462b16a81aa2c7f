/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for people on standard error. Libraries return errors; only engine and cli log. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTE /* -q hides */, LOG_DETAIL /* -v shows */ };

/* Whoever fails says so through its return value; this is for what goes on in spite of it. Any
 * thread may write a line. */
struct log {
	enum log_level level;           /* highest that is shown */
	/* Takes a line, escaped and without its end; NULL: standard error. */
	void (*write)(void *context, enum log_level level, const char *text);
	void *context;                  /* of write */
};

/* "weir: warning: text\n"; one write a line, so that threads do not mix. */
void log_line(const struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif

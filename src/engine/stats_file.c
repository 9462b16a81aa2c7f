/* SPDX-License-Identifier: Apache-2.0 */
/* See stats_file.h. */
#include "engine/stats_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output/part.h"

/* A pipe that nobody reads would hold up the run when it is opened; the descriptor that says
 * whether somebody does makes the next opening pass at once. -1 where there is no pipe. */
static int look_at_pipe(const char *path, int *ret_fd, struct error *err)
{
	struct stat status;
	*ret_fd = -1;
	if (stat(path, &status) || !S_ISFIFO(status.st_mode))
		return 0;
	*ret_fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (*ret_fd >= 0)
		return 0;
	return error_set(err, -errno, "%s: cannot open for writing: %s", path,
	                 errno == ENXIO ? "nobody reads this pipe" : strerror(errno));
}

/* A device or pipe is not opened before there is something to write: a reader would notice. */
int stats_check(const char *path, struct error *err)
{
	struct stat status;
	if (!stat(path, &status) && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
		return access(path, W_OK) ? error_set(err, -errno, "--stats: %s: cannot open for writing: "
		                                      "%s", path, strerror(errno)) : 0;
	struct part part;
	int r = part_open(path, &part, err);
	if (r)
		return error_prefix(err, r, "--stats");
	part_discard(&part);
	return 0;
}

/* Line ends and the indentation behind them go. Names hold no line ends, since they are escaped. */
static void put_one_line(const char *text, FILE *out)
{
	bool indent = false;
	for (; *text; text++) {
		indent = *text == '\n' || (indent && *text == ' ');
		if (!indent)
			fputc(*text, out);
	}
	fputc('\n', out);
}

/* The stream has a descriptor of its own, so that closing it leaves the part's for the rename. */
static int fill_part(const struct part *part, const char *text, bool one_line, struct error *err)
{
	int fd = fcntl(part->fd, F_DUPFD_CLOEXEC, 0);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		int r = -errno;
		if (fd >= 0)
			close(fd);
		return error_set(err, r, "%s: cannot write: %s", part->name, strerror(-r));
	}
	if (one_line)
		put_one_line(text, f);
	else
		fputs(text, f);
	bool failed = fflush(f) != 0 || ferror(f);
	int code = failed ? errno : 0;
	if (fclose(f) && !failed)
		code = errno;
	return code ? error_set(err, -code, "%s: cannot write: %s", part->name, strerror(code)) : 0;
}

/* The descriptor that found a reader is kept until the pipe has been opened again, which then does
 * not wait. */
int stats_file_write(const char *path, const char *text, bool one_line, struct error *err)
{
	struct part part;
	int pipe_fd;
	int r = look_at_pipe(path, &pipe_fd, err);
	if (r)
		return error_prefix(err, r, "--stats");
	r = part_open(path, &part, err);
	if (!r && (r = fill_part(&part, text, one_line, err)))
		part_discard(&part);
	else if (!r)
		r = part_complete(&part, true, false, err);
	if (pipe_fd >= 0)
		close(pipe_fd);
	return r ? error_prefix(err, r, "--stats") : 0;
}

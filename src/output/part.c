/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Temporary names and renames: see part.h. A temporary file that an earlier, killed run has left
 * is never touched: its records may be all that is left of that time. The new one is numbered
 * instead.
 * Neighbour: file.c.
 */
#include "output/part.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output/compress.h"

enum { NUMBERS_MAX = 10000, FILE_MODE = 0644, FOLDER_MODE = 0755 };

static int part_open_in_place(struct part *part, struct error *err);
static int part_open_temporary(struct part *part, struct error *err);

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool is_standard_output(const char *name)
{
	return strcmp(name, "-") == 0 || strcmp(name, "/dev/stdout") == 0;
}

static int out_of_memory(const char *name, struct error *err)
{
	return error_set(err, -ENOMEM, "%s: out of memory", name);
}

/* The real path is taken of a file that is there, so that a rename replaces what a link points to
 * and not the link. */
int part_open(const char *name, struct part *ret, struct error *err)
{
	struct part part = { .fd = -1 };
	struct stat status;
	if (is_standard_output(name)) {
		part = (struct part){ .fd = STDOUT_FILENO, .in_place = true, .keep_open = true };
		part.name = strdup("standard output");
		*ret = part;
		return part.name ? 0 : out_of_memory(name, err);
	}
	bool exists = stat(name, &status) == 0;
	if (exists && S_ISDIR(status.st_mode))
		return error_set(err, -EISDIR, "%s: is a folder, expected the name of a file", name);
	part.in_place = exists && !S_ISREG(status.st_mode);
	part.name = exists && !part.in_place ? realpath(name, NULL) : strdup(name);
	if (!part.name)
		return out_of_memory(name, err);
	int rc = part.in_place ? part_open_in_place(&part, err) : part_open_temporary(&part, err);
	if (rc < 0) {
		free(part.name);
		return rc;
	}
	*ret = part;
	return 0;
}

static int part_open_in_place(struct part *part, struct error *err)
{
	part->fd = open(part->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (part->fd < 0)
		return error_set(err, -errno, "%s: cannot open for writing: %s", part->name,
		                 strerror(errno));
	return 0;
}

/* ".NAME.part", ".NAME.part-1", ... in the folder of `name`. */
static char *temporary_name(const char *name, unsigned number)
{
	const char *base = base_of(name);
	char *text;
	int n = number ? asprintf(&text, "%.*s.%s.part-%u", (int)(base - name), name, base, number)
	               : asprintf(&text, "%.*s.%s.part", (int)(base - name), name, base);
	return n < 0 ? NULL : text;
}

/* O_EXCL: a name that is taken belongs to another process, or to a run that was killed. */
static int part_open_temporary(struct part *part, struct error *err)
{
	for (unsigned number = 0; number < NUMBERS_MAX; number++) {
		part->temporary = temporary_name(part->name, number);
		if (!part->temporary)
			return out_of_memory(part->name, err);
		part->fd = open(part->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
		if (part->fd >= 0)
			return 0;
		int code = errno;
		free(part->temporary);
		part->temporary = NULL;
		if (code != EEXIST)
			return error_set(err, -code, "%s: cannot open for writing: %s", part->name,
			                 strerror(code));
	}
	return error_set(err, -EEXIST, "%s: too many unfinished files of this name (.%s.part-*)",
	                 part->name, base_of(part->name));
}

/* Folders before `from` are the user's to make: a misspelt one shall be told, not made. */
int part_make_folders(const char *name, size_t from)
{
	int rc = 0;
	char *path = strdup(name);
	if (!path)
		return -ENOMEM;
	for (char *slash = strchr(path + from, '/'); slash && rc == 0; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (slash != path && mkdir(path, FOLDER_MODE) < 0 && errno != EEXIST)
			rc = -errno;
		*slash = '/';
	}
	free(path);
	return rc;
}

char *part_numbered_name(const char *name, unsigned number)
{
	if (number == 0)
		return strdup(name);
	size_t stem = strlen(name) - strlen(compression_suffix(compression_of_name(name)));
	for (size_t i = stem; i > 0 && name[i - 1] != '/'; i--) {
		if (name[i - 1] == '.' && i > 1 && name[i - 2] != '/') {
			stem = i - 1;
			break;
		}
	}
	char *text;
	return asprintf(&text, "%.*s-%u%s", (int)stem, name, number, name + stem) < 0 ? NULL : text;
}

/* Where the file system knows no such rename, look first: two processes may then collide. */
static int rename_to_free(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (access(to, F_OK) == 0)
		return -EEXIST;
	return rename(from, to) == 0 ? 0 : -errno;
}

/* Trying and failing is the only check that two processes cannot pass at once. */
static int part_rename_numbered(struct part *part)
{
	for (unsigned number = 0; number < NUMBERS_MAX; number++) {
		char *name = part_numbered_name(part->name, number);
		if (!name)
			return -ENOMEM;
		int rc = rename_to_free(part->temporary, name);
		free(name);
		if (rc != -EEXIST)
			return rc;
	}
	return -EEXIST;
}

/* To the disk first: a name never stands for octets that a crash can still take away. On an error
 * the temporary file stays. */
int part_complete(struct part *part, bool replace, bool sync, struct error *err)
{
	int rc = 0;
	if (part->temporary) {
		if (sync && fdatasync(part->fd) < 0)
			rc = -errno;
		if (rc == 0 && replace)
			rc = rename(part->temporary, part->name) == 0 ? 0 : -errno;
		else if (rc == 0)
			rc = part_rename_numbered(part);
		if (rc < 0)
			error_set(err, rc, "%s: cannot be completed, it stays as %s: %s", part->name,
			          part->temporary, strerror(-rc));
	}
	part_leave(part);
	return rc;
}

void part_leave(struct part *part)
{
	if (part->fd >= 0 && !part->keep_open)
		close(part->fd);
	free(part->name);
	free(part->temporary);
	*part = (struct part){ .fd = -1 };
}

void part_discard(struct part *part)
{
	if (part->temporary)
		unlink(part->temporary);
	part_leave(part);
}

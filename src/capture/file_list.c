/* SPDX-License-Identifier: Apache-2.0 */
/* The files to read: see file_list.h. Pipes are not looked into here: what is read would be
 * lost. */
#include "capture/file_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/reader.h"
#include "capture/stream.h"

/* Takes ownership of path, which may be NULL (out of memory). */
static int append(struct file_list *list, char *path)
{
	if (path && list->count == list->room) {
		unsigned room = list->room ? list->room * 2 : 8;
		char **more = realloc(list->paths, room * sizeof *more);
		if (more) {
			list->paths = more;
			list->room = room;
		}
	}
	if (!path || list->count == list->room) {
		free(path);
		return -ENOMEM;
	}
	list->paths[list->count++] = path;
	return 0;
}

/* Reads the first octets, decompressed, and tells whether they begin a capture. */
static int check_content(const char *path, bool messages, struct error *err)
{
	struct stream *stream;
	int r = stream_open(path, &stream, err);
	if (r)
		return r;
	uint8_t octets[DETECT_BYTES];
	size_t count = 0;
	ssize_t n = 1;
	while (n > 0 && count < sizeof octets) {
		n = stream_read(stream, octets + count, sizeof octets - count, 0, err);
		count += n > 0 ? (size_t)n : 0;
	}
	stream_close(stream);
	if (n < 0 && n != -EAGAIN)
		return (int)n;
	const char *what;
	if (n < 0 || detect_format(octets, count, messages, &what))
		return 0;
	return error_set(err, -EINVAL,
	                 "%s: is %s; expected %s, plain or compressed by gzip or zstd", path, what,
	                 detect_expected(messages));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* What is no regular file in a directory is passed over without a word: nobody named it. */
static int append_if_regular(struct file_list *list, const char *directory, const char *name)
{
	char *path;
	struct stat status;
	size_t length = strlen(directory);
	const char *slash = length && directory[length - 1] == '/' ? "" : "/";
	if (asprintf(&path, "%s%s%s", directory, slash, name) < 0)
		return -ENOMEM;
	if (stat(path, &status) || !S_ISREG(status.st_mode)) {
		free(path);
		return 0;
	}
	list->total_bytes += (uint64_t)status.st_size;
	return append(list, path);
}

static int add_directory(struct file_list *list, const char *path, struct error *err)
{
	struct dirent **entries;
	int count = scandir(path, &entries, not_hidden, by_name);
	if (count < 0)
		return error_set(err, -errno, "%s: cannot list: %s", path, strerror(errno));
	unsigned before = list->count;
	int r = 0;
	for (int i = 0; i < count; i++) {
		if (!r)
			r = append_if_regular(list, path, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (r)
		return error_set(err, r, "%s: out of memory", path);
	if (list->count == before)
		return error_set(err, -ENOENT,
		                 "%s: is a directory without files; expected captures in it", path);
	return 0;
}

/* The named file's first octets are looked at now; files of a directory are not, since one odd file
 * among thousands must not keep the others from being read. */
static int add_name(struct file_list *list, const char *name, struct error *err)
{
	struct stat status;
	bool standard = strcmp(name, "-") == 0;
	if (standard ? fstat(STDIN_FILENO, &status) : stat(name, &status))
		return error_set(err, -errno,
		                 "%s: cannot open: %s; expected a capture file, a "
		                 "directory of them, or - for standard input", name,
		                 strerror(errno));
	if (S_ISDIR(status.st_mode))
		return add_directory(list, name, err);
	if (!S_ISREG(status.st_mode))
		list->total_known = false;
	else
		list->total_bytes += (uint64_t)status.st_size;
	if (!standard && access(name, R_OK))
		return error_set(err, -errno, "%s: cannot read: %s", name, strerror(errno));
	if (!standard && S_ISREG(status.st_mode)) {
		int r = check_content(name, list->messages, err);
		if (r)
			return r;
	}
	for (unsigned i = 0; standard && i < list->count; i++)
		if (strcmp(list->paths[i], "-") == 0)
			return error_set(err, -EINVAL, "-: standard input can be read only once");
	return append(list, strdup(name)) ? error_set(err, -ENOMEM, "%s: out of memory", name) : 0;
}

int file_list_init(struct file_list *list, const struct capture_settings *settings,
                   struct error *err)
{
	*list = (struct file_list){ .total_known = true, .messages = settings->messages };
	for (unsigned i = 0; i < settings->name_count; i++) {
		int r = add_name(list, settings->names[i], err);
		if (r) {
			file_list_fini(list);
			return r;
		}
	}
	return 0;
}

void file_list_fini(struct file_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		free(list->paths[i]);
	free(list->paths);
	*list = (struct file_list){ 0 };
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files, once each, without libFuzzer: the ordinary test run replays the
 * seeds. Arguments are files and folders (one level deep). A target that crashes ends the program,
 * and the name of the file it was at stands on standard error.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long replayed;

static void replay_file(const char *path, size_t size)
{
	/* Exactly as large as the file: a sanitizer then sees every read behind its end. */
	uint8_t *data = malloc(size ? size : 1);
	FILE *file = fopen(path, "rb");

	fprintf(stderr, "%s\n", path);
	if (!data || !file || fread(data, 1, size, file) != size) {
		fprintf(stderr, "replay: cannot read %s: %s\n", path, strerror(errno));
		exit(1);
	}
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	replayed++;
}

static void replay_path(const char *path, int depth);

static void replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	char inner[4096];

	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		replay_path(inner, 1);
	}
	if (folder)
		closedir(folder);
}

static void replay_path(const char *path, int depth)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return;
	if (S_ISREG(status.st_mode))
		replay_file(path, (size_t)status.st_size);
	else if (S_ISDIR(status.st_mode) && depth == 0)
		replay_folder(path);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay_path(argv[i], 0);
	printf("%lu inputs replayed\n", replayed);
	return replayed ? 0 : 1;
}

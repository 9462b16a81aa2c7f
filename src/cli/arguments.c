/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands share in reading their words: the filter behind the options, the configuration
 * file, and checks of what belongs together. Neighbours: base/option.h (the tables), the commands.
 */
#include "cli/arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/address.h"

/* A lone word that is the name of a file was meant for -r. */
static bool is_file_name(const struct text_list *words)
{
	return words->count == 1 && strpbrk(words->items[0], "./") &&
	       access(words->items[0], F_OK) == 0;
}

/* The words behind the options, joined by blanks, as --filter. */
static int take_filter(struct option_set *set, const struct text_list *words, struct error *err)
{
	size_t size = 1;
	if (words->count == 0)
		return 0;
	if (option_is_set(set, "filter"))
		return error_set(err, -EINVAL, "a filter stands in --filter and behind the options "
		                               "('%.100s'): expected one", words->items[0]);
	if (is_file_name(words))
		return error_set(err, -EINVAL, "'%.100s' stands where a filter is expected; to read the "
		                               "file: -r %.100s", words->items[0], words->items[0]);
	for (unsigned i = 0; i < words->count; i++)
		size += strlen(words->items[i]) + 1;
	char *joined = malloc(size), *at = joined;
	if (!joined)
		return error_set(err, -ENOMEM, "out of memory");
	*at = '\0';
	for (unsigned i = 0; i < words->count; i++)
		at = stpcpy(stpcpy(at, i ? " " : ""), words->items[i]);
	int r = option_set_value(set, "filter", joined, "filter", err);
	free(joined);
	return r;
}

int arguments_read(struct option_set *set, int argc, char **argv, const char *const *config,
                   struct error *err)
{
	struct text_list words;
	int r = option_parse_arguments(set, argc, argv, &words, err);
	if (r == 0)
		r = take_filter(set, &words, err);
	if (r == 0 && *config)
		r = option_read_yaml(set, *config, err);
	return r;
}

int arguments_check_meter(const struct settings *s, struct error *err)
{
	if (s->files.count > 0 && s->interfaces.count > 0)
		return error_set(err, -EINVAL, "-r %.100s and -i %.100s: expected files or interfaces, not "
		                               "both",
		                 s->files.items[0], s->interfaces.items[0]);
	if (s->verbose && s->quiet)
		return error_set(err, -EINVAL, "-v and -q contradict each other");
	return 0;
}

static bool is_standard_output(const char *path)
{
	return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0;
}

/* A format without a path (table:) writes there, too. A wrong address is the engine's to refuse. */
static bool goes_to_standard_output(const char *output)
{
	struct address a;
	struct error ignored = { "" };
	if (address_parse(output, &a, &ignored) < 0)
		return false;
	bool path = a.path && *a.path;
	bool goes = a.host_count == 0 && strcmp(a.scheme, "null") != 0 &&
	            (!path || is_standard_output(a.path));
	address_fini(&a);
	return goes;
}

int arguments_check_twice(const struct text_list *outputs, struct error *err)
{
	for (unsigned i = 0; i < outputs->count; i++)
		for (unsigned k = 0; k < i; k++)
			if (strcmp(outputs->items[i], outputs->items[k]) == 0)
				return error_set(err, -EINVAL, "-o %.200s: the output is given twice",
				                 outputs->items[i]);
	return 0;
}

int arguments_check_standard_output(const char *const *outputs, unsigned count, const char *stats,
                                    struct error *err)
{
	const char *first = NULL;       /* that goes to standard output */
	for (unsigned i = 0; i < count; i++) {
		if (!goes_to_standard_output(outputs[i]))
			continue;
		if (first)
			return error_set(err, -EINVAL, "-o %.100s and -o %.100s would be mixed on standard "
			                               "output: expected a file for one of them",
			                 first, outputs[i]);
		first = outputs[i];
	}
	bool lines = first && (!strncmp(first, "json:", 5) || !strncmp(first, "table:", 6));
	if (first && !lines && stats && is_standard_output(stats))
		return error_set(err, -EINVAL, "--stats %s and -o %.100s would be mixed on standard "
		                               "output: expected a file for one of them, or -o null:",
		                 stats, first);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

int arguments_read(struct option_set *set, int argc, char **argv, const struct settings *settings,
                   struct error *err)
{
	struct text_list words;
	int r = option_parse_arguments(set, argc, argv, &words, err);
	if (r == 0)
		r = take_filter(set, &words, err);
	if (r == 0 && settings->config)
		r = option_read_yaml(set, settings->config, err);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Reading settings from the command line and YAML: shared by meter, spy, collect and
 * explain. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "base/error.h"
#include "base/option.h"
#include "engine/settings.h"

/* Options, then the words behind them as a filter, then the file of -f, which the settings hold at
 * *config. */
int arguments_read(struct option_set *set, int argc, char **argv, const char *const *config,
                   struct error *err);

/* Of a meter: files beside interfaces, -v beside -q. */
int arguments_check_meter(const struct settings *s, struct error *err);

/* Two writers of one file or one collector would undo each other: an output given twice. */
int arguments_check_twice(const struct text_list *outputs, struct error *err);
/* Nor can standard output be shared, by outputs or with --stats (NULL: not given). */
int arguments_check_standard_output(const char *const *outputs, unsigned count, const char *stats,
                                    struct error *err);

#endif

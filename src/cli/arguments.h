/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the settings of a meter from the command line and YAML: shared by meter and explain. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "base/error.h"
#include "base/option.h"
#include "engine/settings.h"

/* Options, then the words behind them as a filter, then the file of -f. `settings` is
 * what the set is bound to. */
int arguments_read(struct option_set *set, int argc, char **argv, const struct settings *settings,
                   struct error *err);

#endif

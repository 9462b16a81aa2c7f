/* SPDX-License-Identifier: Apache-2.0 */
/* The file of --stats, whoever renders the object: the meter (stats.h), the collector. */
#ifndef ENGINE_STATS_FILE_H
#define ENGINE_STATS_FILE_H

#include <stdbool.h>

#include "base/error.h"

/* Finds out early whether stats_file_write() will be able to write there; leaves nothing behind. */
int stats_check(const char *path, struct error *err);

/* Writes to a file by an atomic rename; a device, a pipe with a reader or "-" (standard output) in
 * place, as outputs do. With one_line the text, a JSON object in indented lines, becomes one. */
int stats_file_write(const char *path, const char *text, bool one_line, struct error *err);

#endif

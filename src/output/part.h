/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file under its temporary name: made, completed by an atomic rename, or thrown away.
 * What cannot be renamed (standard output, devices, pipes) is opened in place. Used by file.c.
 */
#ifndef OUTPUT_PART_H
#define OUTPUT_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct part {
	int fd;                         /* -1: none */
	bool in_place;                  /* no temporary name: standard output, a device, a pipe */
	bool keep_open;                 /* standard output belongs to the process */
	char *name, *temporary;         /* owned; temporary NULL when in place */
};

/* Opens `name` ("-": standard output), or a temporary name beside it. A name that is a symbolic
 * link is followed. On an error the message names the file and nothing is left. */
int part_open(const char *name, struct part *ret, struct error *err);

/* Gives the file its name: a file that has it is replaced, or, with `replace` false, the
 * first free one of name, name-1, name-2 (before the suffix). Closes. `sync`: to the
 * disk before the rename. */
int part_complete(struct part *part, bool replace, bool sync, struct error *err);

/* Closes; the temporary file stays (what a failed one has) or goes. Fine when nothing is open. */
void part_leave(struct part *part);
void part_discard(struct part *part);

/* Makes the folders that `name` lies in and that are not there yet, from octet `from` of it on:
 * those that a pattern of times names (%Y/%m/flows-%d.json). 0 or -errno. */
int part_make_folders(const char *name, size_t from);

/* "flows.json.gz" and 2 to "flows-2.json.gz"; 0 is the name itself. The caller
 * frees; NULL: no memory. */
char *part_numbered_name(const char *name, unsigned number);

#endif

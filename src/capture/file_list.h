/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that the user named, in the order in which they are read: directories stand for their
 * regular files in name order. All named files are checked before any is read, so that a wrong name
 * is told before anything runs; files found in directories are checked when their turn comes.
 * Neighbours: file.c.
 */
#ifndef CAPTURE_FILE_LIST_H
#define CAPTURE_FILE_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"

/* The files in order. Paths are owned. */
struct file_list {
	char **paths;                   /* "-": standard input */
	unsigned count, room;
	uint64_t total_bytes;           /* of all, as they are on disk */
	bool messages;                  /* files of export messages are wanted, too */
	bool total_known;               /* false with pipes */
};

/* Checks and expands settings->names, which are copied. On an error the message names the file, and
 * nothing is left to free. */
int file_list_init(struct file_list *list, const struct capture_settings *settings,
                   struct error *err);
void file_list_fini(struct file_list *list);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file in memory without a copy: a plain file's octets as one block that frames point into. Half
 * of what reading a capture costs is the copy.
 *
 * What is mapped could change or vanish under the reader: who writes to the file changes its
 * octets, and who cuts it makes them a fault. So it is mapped only under a lease (fcntl(2),
 * F_SETLEASE): the kernel grants none while anybody has the file open for writing, and makes a
 * writer who comes later wait until the lease is given up. mapping_extend() notices such a one;
 * the caller then reads on with read(), and the lease ends with the last batch that points here.
 * Where there is no lease (files of other users, network filesystems) there is no mapping.
 * Neighbours: stream.c (opens it), file.c (its only user), block.h.
 */
#ifndef CAPTURE_MAPPING_H
#define CAPTURE_MAPPING_H

#include <stdint.h>

#include "capture/block.h"

enum { MAPPING_LEAST_BYTES = 1 << 20 };         /* smaller files are read: this has its price */

/* Maps the whole of a regular file; its descriptor is borrowed. The block's size is the file's; its
 * one reference is the caller's. 0, or negative: it has to be read. */
int mapping_new(int fd, struct block **ret);

/* Brings octets [from, to) of the file into memory and lets go of what lies well before `from`,
 * which stays readable. 0, or negative: the rest has to be read. */
int mapping_extend(struct block *block, uint64_t from, uint64_t to);

#endif

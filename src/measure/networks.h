/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels of networks: what --networks says of prefixes. A file is read once into a table that is
 * only read from then on, by all workers. Its format is in docs/measures.md; the look-up is that of
 * base/prefix.h, the hook that writes the labels is networks.c.
 */
#ifndef MEASURE_NETWORKS_H
#define MEASURE_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

struct networks;

/* What the file says of one prefix. */
struct network {
	uint32_t as_number;             /* 0: not said */
	uint8_t bits;                   /* of the prefix */
	const char *name, *site;        /* "": not said; live as long as the table */
};

/* From an open file, or by its name. Messages name the file, the line, what was found and what was
 * expected: -EINVAL, -E2BIG, -ENOMEM, -EIO, or what opening gave. *ret has one holder. */
int networks_read(FILE *in, const char *path, struct networks **ret, struct error *err);
int networks_load(const char *path, struct networks **ret, struct error *err);
/* One more holder, and one less; NULL is fine. */
struct networks *networks_hold(struct networks *networks);
void networks_release(struct networks *networks);

/* The longest prefix around an address (4 or 16 octets in network order); false: there is none. */
bool networks_find(const struct networks *networks, unsigned family, const uint8_t *address,
                   struct network *ret);

size_t networks_bytes(const struct networks *networks);         /* memory that it holds */

#endif

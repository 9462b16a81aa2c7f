/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interfaces that a capture has met so far. Equal ones (name and link type) are one entry, so
 * that thousands of files do not make thousands of interfaces; beyond the bound all share the last
 * entry. The array never moves: what interfaces() gave out stays valid until close.
 */
#ifndef CAPTURE_INTERFACES_H
#define CAPTURE_INTERFACES_H

#include <stddef.h>
#include <stdint.h>

#include "capture/capture.h"

enum { INTERFACES_MAX = 1024 };

/* Fixed arrays side by side, so that a search runs over hashes alone. */
struct interface_list {
	unsigned count;
	uint32_t hash[INTERFACES_MAX];          /* of name and link type; quick to compare */
	uint16_t link_type[INTERFACES_MAX];
	struct capture_interface items[INTERFACES_MAX]; /* what interfaces() gives out */
};

/* Index of the entry with that name (name_bytes octets, made printable and cut to fit) and link
 * type, which is made when it is not there. */
uint16_t interface_list_add(struct interface_list *list, const char *name, size_t name_bytes,
                            uint16_t link_type);

#endif

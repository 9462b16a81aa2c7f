/* SPDX-License-Identifier: Apache-2.0 */
/* What the kinds of capture source share: the head of their handles, and the list of kinds. */
#ifndef CAPTURE_SOURCE_H
#define CAPTURE_SOURCE_H

#include "capture/capture.h"

struct capture {                        /* first member of every kind's own struct */
	const struct capture_kind *kind;
};

extern const struct capture_kind capture_file;

#endif

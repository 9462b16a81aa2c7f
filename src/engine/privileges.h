/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up root after sources and outputs are open (-u). */
#ifndef ENGINE_PRIVILEGES_H
#define ENGINE_PRIVILEGES_H

#include "base/error.h"

/* Becomes this user, with its groups, for good. Fails with a message if there is no such user. */
int privileges_drop(const char *user, struct error *err);

#endif

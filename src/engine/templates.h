/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the meters make, for `weir meter --check`: of each meter its filter, key and timers, and how
 * its records leave: the templates octet for octet as outputs would send them, or the columns where
 * an output has none. Printed as YAML, so people and programs read the same. Neighbours: meters.h,
 * sinks.h.
 */
#ifndef ENGINE_TEMPLATES_H
#define ENGINE_TEMPLATES_H

#include <stdio.h>

#include "engine/meters.h"
#include "engine/sinks.h"

/* After sinks_add_meter() for all meters: templates are those that outputs have made. */
void templates_print(const struct meters *meters, const struct sinks *sinks, FILE *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures: features of flows, each a hook (flow/hook.h) in a file of its own. A measure that no
 * output asks for is not opened and costs nothing.
 */
#ifndef MEASURE_MEASURE_H
#define MEASURE_MEASURE_H

#include "flow/hook.h"

extern const struct flow_hook *const measures[];        /* NULL-terminated, in the order they run */

/* The measure that gives a field; NULL if none does. */
const struct flow_hook *measure_of_field(const struct field *field);

#endif

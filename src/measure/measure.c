/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/measure.h"

#include <string.h>

extern const struct flow_hook measure_layer2, measure_tunnel;

const struct flow_hook *const measures[] = {
	&measure_layer2,
	&measure_tunnel,
	NULL
};

const struct flow_hook *measure_of_field(const struct field *field)
{
	for (unsigned i = 0; measures[i]; i++)
		for (const char *const *name = measures[i]->fields; *name; name++)
			if (!strcmp(*name, field->name))
				return measures[i];
	return NULL;
}

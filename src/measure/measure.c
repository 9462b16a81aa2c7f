/* SPDX-License-Identifier: Apache-2.0 */
#include "measure/measure.h"

extern const struct flow_hook measure_layer2;
extern const struct flow_hook measure_sizes, measure_data;
extern const struct flow_hook measure_timing, measure_gaps, measure_activity;
extern const struct flow_hook measure_histogram, measure_sequence;
extern const struct flow_hook measure_tcp;
extern const struct flow_hook measure_path, measure_tunnel;
extern const struct flow_hook measure_payload;
extern const struct flow_hook measure_community;
extern const struct flow_hook measure_networks;

const char *const measure_counters[] = { "no_room", NULL };

const struct flow_hook *const measures[] = {
	&measure_layer2,
	&measure_sizes,
	&measure_data,
	&measure_timing,
	&measure_gaps,
	&measure_activity,
	&measure_histogram,
	&measure_sequence,
	&measure_tcp,
	&measure_path,
	&measure_tunnel,
	&measure_payload,
	&measure_community,
	&measure_networks,
	NULL
};

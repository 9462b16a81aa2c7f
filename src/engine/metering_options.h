/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the metering process says of itself, as options data: records with scope columns, which
 * outputs repeat as they repeat templates (output.h, `options`). Interfaces and sampling stand
 * still; what was ignored and selected is counted by the pump and read when somebody asks.
 *   reliability   RFC 7011, section 4.2: packets that no flow has
 *   selectors     RFC 5476, section 6.5: the sampling in force, and what it has chosen
 *   interfaces    names behind the numbers of ingressInterface
 *   applications  RFC 6759: names behind applicationId
 */
#ifndef ENGINE_METERING_OPTIONS_H
#define ENGINE_METERING_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"
#include "engine/pump.h"
#include "identify/identify.h"
#include "record/record.h"

/* What stands still for the whole run; copied where not said otherwise. */
struct metering_options_setup {
	unsigned meters;                /* metering processes, numbered from 1 */
	uint32_t sample;                /* 1:N; 0 or 1: every packet */
	bool sample_random;
	const struct capture_interface *interfaces;     /* live ones; copied */
	unsigned interface_count;
	const struct identify_application *applications;        /* borrowed until close */
	unsigned application_count;
};

struct metering_options;

/* The schemas are made now. -ENOMEM. */
int metering_options_new(const struct metering_options_setup *setup, struct metering_options **ret,
                         struct error *err);
/* After all outputs have been closed: their templates use its schemas. NULL is fine. */
void metering_options_free(struct metering_options *o);

/* From now on there is something to count. */
void metering_options_set_pump(struct metering_options *o, struct pump *pump);

/* output_env.options; the context is a struct metering_options. */
unsigned metering_options_read(void *context, struct record_batch *ret[], unsigned room);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Names and sums. See decode_counters.h. */
#include "ipfix/decode_counters.h"

#include <stddef.h>

#include "base/compiler.h"

static const struct { const char *name, *text; } faults[] = {
#define F(name, text) { #name, text },
	DECODE_FAULTS(F)
#undef F
};

static const char *const drops[] = {
#define D(name, text) #name,
	DECODE_DROPS(D)
#undef D
};

const char *decode_fault_name(enum decode_fault fault)
{
	return fault == FAULT_none ? "decoded" : faults[fault].name;
}

const char *decode_fault_text(enum decode_fault fault)
{
	return faults[fault].text;
}

const char *decode_drop_name(enum decode_drop drop)
{
	return drops[drop];
}

/* All members are counters of one kind. */
void decode_counters_add(struct decode_counters *to, const struct decode_counters *from)
{
	uint64_t *sum = (uint64_t *)to;
	const uint64_t *more = (const uint64_t *)from;
	for (size_t i = 0; i < sizeof *to / sizeof *sum; i++)
		sum[i] += more[i];
}

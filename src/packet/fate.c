/* SPDX-License-Identifier: Apache-2.0 */
/* Names and texts of fates, from the one list in fate.def. */
#include "packet/fate.h"

#include <stddef.h>

static const struct {
	const char *name, *text;
} fates[FATE_COUNT] = {
#define FATE(name, text) { #name, text },
#include "packet/fate.def"
#undef FATE
};

const char *fate_name(enum fate fate)
{
	return (unsigned)fate < FATE_COUNT ? fates[fate].name : NULL;
}

bool fate_is_ignored(enum fate fate)
{
	return fate >= FATE_truncated && fate <= FATE_malformed_tunnel;
}

const char *fate_text(enum fate fate)
{
	return (unsigned)fate < FATE_COUNT ? fates[fate].text : NULL;
}

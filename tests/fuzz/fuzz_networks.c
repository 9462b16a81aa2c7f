/* SPDX-License-Identifier: Apache-2.0 */
/* A file of networks: whatever it says, it is read or refused with a message, and what was read can
 * be asked for any address. */
#include <stdlib.h>
#include <string.h>

#include "measure/networks.h"

static void look_up(const struct networks *networks, const uint8_t *data, size_t size)
{
	uint8_t address[16] = { 0 };
	struct network found;
	memcpy(address, data, size < sizeof address ? size : sizeof address);
	for (unsigned i = 0; i < 2; i++) {
		unsigned family = i ? 6 : 4;
		if (networks_find(networks, family, address, &found)
		    && (found.bits > (i ? 128 : 32) || strlen(found.name) > 255
		        || strlen(found.site) > 255))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct networks *networks = NULL;
	struct error err = { "" };
	FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	if (!in)
		return 0;
	if (networks_read(in, "networks", &networks, &err)) {
		if (!err.text[0] || networks)
			abort();
	} else {
		look_up(networks, data, size);
		networks_release(networks);
	}
	fclose(in);
	return 0;
}

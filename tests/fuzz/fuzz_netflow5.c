/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as NetFlow v5 messages in a session; see decode_harness.h for the input. */
#include "decode_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return harness_fuzz(5, data, size);
}

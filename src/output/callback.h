/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output that hands each batch to a C function: records by callback for users of libweir.
 * It has no address: give the opened output to a queue (queue_setup.opened).
 */
#ifndef OUTPUT_CALLBACK_H
#define OUTPUT_CALLBACK_H

#include "output/output.h"

/* `records` is called from the thread of the queue; the batch is borrowed for the call. */
int callback_output_new(void (*records)(void *context, const struct record_batch *batch),
                        void *context, struct output **ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of a flow, initiator first (packet.c): by its key, which may lack some of them, or whole
 * by one of its packets. */
#ifndef IDENTIFY_ENDS_H
#define IDENTIFY_ENDS_H

#include "identify/identify.h"

/* `initiator` is the key's endpoint. */
void identify_flow_of_key(const void *key, uint32_t key_bytes, unsigned initiator,
                          struct identify_flow *ret);
void identify_flow_of_view(const struct flow_view *view, struct identify_flow *ret);
void identify_flow_of_touch(const struct flow_touch *touch, struct identify_flow *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of a flow, initiator first: by its key, or by one of its packets (packet.c). */
#ifndef IDENTIFY_ENDS_H
#define IDENTIFY_ENDS_H

#include "identify/identify.h"

void identify_flow_of_view(const struct flow_view *view, struct identify_flow *ret);
void identify_flow_of_touch(const struct flow_touch *touch, struct identify_flow *ret);

#endif

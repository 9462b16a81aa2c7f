/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Export messages in captured packets. Over UDP the sender's address and port make a session, as
 * they do live; fragments are put together first (fragments.h), TCP is followed (streams.h). A
 * datagram to one of the usual ports is taken for a message whatever it holds; others are when they
 * look like one.
 */
#ifndef COLLECT_TRAFFIC_H
#define COLLECT_TRAFFIC_H

#include "collect/collector_inner.h"
#include "packet/packet.h"

struct traffic;

/* The collector is borrowed: its counters and exporters are used. 0 or -ENOMEM. */
int traffic_new(struct collector *collector, struct traffic **ret);
/* Closes all sessions. NULL is fine. */
void traffic_free(struct traffic *traffic);

/* Reads what a packet carries, and counts it in the collector's counters. */
void traffic_packet(struct traffic *traffic, const struct packet *packet);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's BPF expression with one meaning: live or from a file, with VLAN tags in the frame,
 * beside it (taken off by the interface) or none. Unless the expression speaks of `vlan`, it
 * sees frames without their tags; if it does, it sees all tags, those beside the frame put back
 * in. The expression is libpcap's. It is compiled for a link type when the first frame of that
 * type comes.
 */
#ifndef PACKET_FILTER_H
#define PACKET_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/frame.h"

struct packet_filter;                   /* one thread at a time */

/* Checks the text at once; the message quotes it, says where it goes wrong and what libpcap
 * says. The text is copied. 0, -EINVAL with a message, -ENOMEM. */
int packet_filter_new(const char *text, struct packet_filter **ret, struct error *err);
void packet_filter_free(struct packet_filter *filter);

/* From now on `also` must match, too; it becomes the first one's. */
void packet_filter_narrow(struct packet_filter *filter, struct packet_filter *also);

/* True if the frame is wanted. Frames whose link type the expression has no meaning for are not. */
bool packet_filter_match(struct packet_filter *filter, const struct frame *frame);

/* Link types met so far for which libpcap could not compile the expression: how many of them,
 * the last one's number and what libpcap said (borrowed; NULL if none). */
struct packet_filter_refusal {
	unsigned link_types;            /* that could not be compiled for; 0: none */
	uint16_t last;                  /* LINKTYPE_ number of the last of them */
	const char *text;               /* what libpcap said of it */
};
struct packet_filter_refusal packet_filter_refused(const struct packet_filter *filter);

#endif

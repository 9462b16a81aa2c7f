/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends frames through the kernel's XDP test run (BPF_PROG_TEST_RUN with live frames): the kernel
 * makes the frames, and a small program of ours decides when each is due, gives it a flow and sends
 * it. Needs CAP_NET_ADMIN and CAP_BPF, and at the far end of a virtual cable GRO or an XDP program.
 * Neighbour: send.c.
 */
#ifndef BENCH_XDP_H
#define BENCH_XDP_H

#include <stdint.h>

enum { XDP_FLOWS_MAX = 1 << 16 };

struct xdp_plan {
	uint32_t ifindex;
	uint32_t flows;         /* drawn evenly, at most XDP_FLOWS_MAX */
	uint64_t per_second;
	uint64_t packets;       /* to send in all */
};

/* Sends at an even pace; *ret_sent are the frames that left the program. 0 or a negative errno. */
int xdp_send(const struct xdp_plan *plan, uint64_t *ret_sent);

#endif

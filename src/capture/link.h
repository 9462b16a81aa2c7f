/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about network interfaces that live sources on Linux share: do they exist, what are they,
 * what did they drop. Neighbours: af_packet.c, af_packet_ring.c, libpcap.c.
 */
#ifndef CAPTURE_LINK_H
#define CAPTURE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "capture/capture.h"

/* -ENODEV: "NAME: no such interface; there are lo, eth0 (did you mean eth0?)". */
int link_not_found(const char *name, struct error *err);

/* -EPERM: "NAME: capturing needs ...". */
int link_not_permitted(const char *name, struct error *err);

struct link_drops {                     /* the interface's own count of frames that it lost */
	int fd[2];                      /* rx_dropped, rx_missed_errors in sysfs; -1: none */
	uint64_t base[2], last[2];      /* at open; when last read */
};

/* Opens what there is and takes its figures as the zero to count from. Files that are missing count
 * nothing. */
void link_drops_open(struct link_drops *d, const char *name);
void link_drops_close(struct link_drops *d);
uint64_t link_drops_read(struct link_drops *d); /* since open; stays when the interface goes */

#endif

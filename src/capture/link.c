/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about network interfaces: see link.h. */
#include "capture/link.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

enum { NAMES_SHOWN = 12, NEAR = 3 };

/* Not rx_dropped: it holds what the stack had no use for after the capture has seen it. */
static const char *const drop_files[2] = { "rx_missed_errors", "rx_fifo_errors" };

int link_not_found(const char *name, struct error *err)
{
	char list[256] = "", near[IF_NAMESIZE] = "";
	unsigned best = NEAR, shown = 0;
	size_t at = 0;
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *i = all; i && i->if_index; i++) {
		unsigned distance = text_distance(name, i->if_name, NEAR);
		if (distance < best) {
			best = distance;
			snprintf(near, sizeof near, "%s", i->if_name);
		}
		if (shown++ < NAMES_SHOWN && at < sizeof list)
			at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "",
			                       i->if_name);
	}
	if (all)
		if_freenameindex(all);
	return error_set(err, -ENODEV, "%s: no such interface; there %s %s%s%s%s%s", name,
	                 shown == 1 ? "is" : "are", shown ? list : "none",
	                 shown > NAMES_SHOWN ? ", ..." : "", *near ? " (did you mean " : "", near,
	                 *near ? "?)" : "");
}

int link_not_permitted(const char *name, struct error *err)
{
#ifdef __linux__
	const char *needed = "the capability CAP_NET_RAW (setcap cap_net_raw+ep on the program)";
#else
	const char *needed = "read access to /dev/bpf*";
#endif
	return error_set(err, -EPERM, "%s: no permission to capture; it needs root or %s", name,
	                 needed);
}

/* pread() from the start: such files are made anew for each read. */
static bool read_number(int fd, uint64_t *ret)
{
	char text[32];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
	if (n <= 0)
		return false;
	text[n] = '\0';
	*ret = strtoull(text, NULL, 10);
	return true;
}

void link_drops_open(struct link_drops *d, const char *name)
{
	*d = (struct link_drops){ .fd = { -1, -1 } };
	for (int i = 0; i < 2; i++) {
		char path[128];
		snprintf(path, sizeof path, "/sys/class/net/%s/statistics/%s", name, drop_files[i]);
		d->fd[i] = open(path, O_RDONLY | O_CLOEXEC);
		read_number(d->fd[i], &d->base[i]);
		d->last[i] = d->base[i];
	}
}

void link_drops_close(struct link_drops *d)
{
	for (int i = 0; i < 2; i++)
		if (d->fd[i] >= 0)
			close(d->fd[i]);
}

uint64_t link_drops_read(struct link_drops *d)
{
	uint64_t sum = 0;
	for (int i = 0; i < 2; i++) {
		read_number(d->fd[i], &d->last[i]);
		if (d->last[i] > d->base[i])
			sum += d->last[i] - d->base[i];
	}
	return sum;
}

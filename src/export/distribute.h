/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address with several hosts and distribute=flow: records are shared out among collectors, those
 * of a flow always to the same one. Each collector has an output of the same kind, a queue and
 * a thread of its own, so one that is slow or gone holds up no other; its share waits in its queue
 * and is dropped there, it does not move to others.
 */
#ifndef EXPORT_DISTRIBUTE_H
#define EXPORT_DISTRIBUTE_H

#include "output/output.h"

/* For a kind's open(), when the address has more than one host: opens the kind once for each. */
int distribute_open(const struct output_kind *kind, const struct address *address,
                    const struct output_env *env, struct output **ret, struct error *err);

#define DISTRIBUTE_PARAMETER \
	"distribute", "flow", "of several hosts (a,b,c) each gets a share, a flow always the same one"

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of an output over UDP, for all kinds of that family: ipfix+udp:// and, in
 * netflow_udp.c, netflow9+udp:// and netflow5+udp://. */
#ifndef EXPORT_IPFIX_UDP_H
#define EXPORT_IPFIX_UDP_H

#include "export/distribute.h"
#include "export/pace.h"
#include "ipfix/format.h"
#include "output/output.h"

/* What tells the kinds of this family apart; constant. */
struct ipfix_udp_flavour {
	const struct output_kind *kind; /* whose outputs are opened */
	enum ipfix_format format;
	uint16_t port;                  /* when the address has none */
};

/* What a kind's open() does. With several hosts in the address it opens a distribution
 * (distribute.h). */
int ipfix_udp_open_flavour(const struct ipfix_udp_flavour *flavour, const struct address *address,
                           const struct output_env *env, struct output **ret, struct error *err);

/* Members of output_kind. */
int ipfix_udp_schema(struct output *output, const struct schema *schema, struct error *err);
int ipfix_udp_write(struct output *output, const struct record_batch *batch, struct error *err);
void ipfix_udp_missed(struct output *output, const struct output_missed *missed);
int ipfix_udp_tick(struct output *output, uint64_t now_ns, uint64_t *ret_next_ns,
                   struct error *err);
int ipfix_udp_finish(struct output *output, uint64_t deadline_ns, struct error *err);
void ipfix_udp_counters(const struct output *output, struct output_counters *ret);
unsigned ipfix_udp_endpoints(const struct output *output, struct output_endpoint *ret,
                             unsigned room);
bool ipfix_udp_template(const struct output *output, const struct schema *schema,
                        struct output_template *ret);
void ipfix_udp_close(struct output *output);

#define IPFIX_UDP_PARAMETERS \
	"source", "ADDRESS", "local address to send from", \
	PACE_PARAMETER, \
	DISTRIBUTE_PARAMETER
#define IPFIX_UDP_TEMPLATE_PARAMETERS \
	"template-refresh", "DURATION", "templates again after this time (default 10m)", \
	"template-packets", "NUMBER", "templates again after so many messages, 0 never (default 256)"
#define IPFIX_UDP_MTU_PARAMETER \
	"mtu", "OCTETS", "largest IP packet (default: of the path, at most 1500)"

#endif

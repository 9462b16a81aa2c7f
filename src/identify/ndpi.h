/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the nDPI backend share: ndpi.c (detection), ndpi_attributes.c, ndpi_memory.c,
 * and ndpi_compat.[ch] with what differs between versions of libndpi. */
#ifndef IDENTIFY_NDPI_H
#define IDENTIFY_NDPI_H

#include "identify/identify.h"
#include "identify/ndpi_compat.h"

struct ndpi_state {                     /* of a flow */
	struct ndpi_flow_struct flow;
	uint16_t dns_answers;           /* of the last response: libndpi adds other records to it */
};

/* Adds what libndpi has learned of a flow beside its application. */
void ndpi_attributes(struct ndpi_detection_module_struct *module,
                     const struct ndpi_state *state, struct attribute_list *to);

/* From now on libndpi allocates a little more than it asks for; before anything else of it. */
void ndpi_pad_pieces(void);

/* Whether the union in the state is that of TLS: of TLS itself, or of what is built on it. */
bool ndpi_is_tls(const struct ndpi_flow_struct *flow);

/* Octets that libndpi has allocated for a flow. */
size_t ndpi_flow_bytes(const struct ndpi_flow_struct *flow);

#endif

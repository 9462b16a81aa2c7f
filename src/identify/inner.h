/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the hook share: identify.c (packets and ends), packet.c (what a backend is
 * shown), fields.c (records). Nobody else includes it. */
#ifndef IDENTIFY_INNER_H
#define IDENTIFY_INNER_H

#include "base/pool.h"
#include "identify/ends.h"
#include "identify/identify.h"

struct identify_text {                  /* attributes of a flow, of just the size they need */
	uint16_t bytes;
	uint8_t octets[];
};

enum identify_stage { STAGE_NEW, STAGE_LOOKING, STAGE_OVER };

struct identified {                     /* a flow's space */
	uint8_t *state;                 /* of all backends, while they look; from the pool */
	struct identify_text *text;     /* NULL: none */
	struct identity identity;
	uint16_t packets;               /* shown to backends */
	uint8_t  stage;                 /* enum identify_stage */
	uint8_t  protocol;              /* of the packets shown: others are not */
	uint8_t  enough;                /* bit i: backend i has seen enough */
	uint8_t  reserved[3];
};
static_assert(sizeof(struct identified) == 32, "half a cache line");

enum { IP_BYTES_MAX = 65535, PACKET_PADDING = 64 };

struct identify_worker {
	struct identify_settings settings;
	struct identify_choice choice;
	void *backend[IDENTIFY_BACKENDS_MAX];           /* what their open() gave */
	uint32_t state_offset[IDENTIFY_BACKENDS_MAX];
	uint64_t text_bytes;                            /* in use */
	uint64_t time_ms;
	struct pool pool;
	struct identify_counters counters;
	uint8_t copy[IP_BYTES_MAX + PACKET_PADDING];    /* last: a sanitizer sees what lies behind */
};

/* ---- packet.c ---- */

/* What backends may be shown of a packet; false when it must not be shown. */
bool identify_packet_make(struct identify_worker *w, const struct flow_touch *touch,
                          struct identify_packet *ret);

/* ---- fields.c ---- */

extern const char *const identify_field_names[];
void identify_write(const struct flow_view *view, unsigned field, struct value_writer *w);

#endif

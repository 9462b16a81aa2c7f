/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libndpi's API as weir uses it, in one form: calls and members that have changed between its
 * versions (4.2 to 5.0) are here and nowhere else. Which form the installed one has is found out at
 * configure time (libndpi/meson.build); forms are numbered in its order. The first of each is that
 * of 4.2, which is tested; docs/applications.md says what is not.
 */
#ifndef IDENTIFY_NDPI_COMPAT_H
#define IDENTIFY_NDPI_COMPAT_H

#include <ndpi/ndpi_api.h>
#include <stdbool.h>
#include <stddef.h>

/* ---- calls ----------------------------------------------------------------------------------- */

struct ndpi_detection_module_struct *compat_init(void);

/* Later versions look for all protocols unless told otherwise. */
void compat_all_protocols(struct ndpi_detection_module_struct *module);

/* Whether header and library are of one version, as far as they say. */
bool compat_same_version(void);

ndpi_protocol compat_process(struct ndpi_detection_module_struct *module,
                             struct ndpi_flow_struct *flow, const uint8_t *packet,
                             uint16_t bytes, uint64_t time_ms);

/* The best answer there is, a guess if need be. */
ndpi_protocol compat_give_up(struct ndpi_detection_module_struct *module,
                             struct ndpi_flow_struct *flow);

uint16_t compat_application(const ndpi_protocol *found);

uint16_t compat_master(const ndpi_protocol *found);

/* Whether something is to be learned yet of a flow whose application is known. */
bool compat_is_more(struct ndpi_detection_module_struct *module,
                    struct ndpi_flow_struct *flow, const ndpi_protocol *found);

unsigned compat_protocol_count(struct ndpi_detection_module_struct *module);

const char *compat_breed(struct ndpi_detection_module_struct *module, uint16_t number);

/* ---- what a flow has ------------------------------------------------------------------------- */

const char *compat_alpn(const struct ndpi_flow_struct *flow);

/* Digits; NULL: this version gives none. */
const char *compat_ja3(const struct ndpi_flow_struct *flow);

bool compat_has_certificate(const struct ndpi_flow_struct *flow);

const ndpi_ip_addr_t *compat_dns_answer(const struct ndpi_flow_struct *flow);

/* ---- memory ---------------------------------------------------------------------------------- */

enum { COMPAT_PIECES_MAX = 40 };

/* From now on libndpi takes its memory from `allocate`, which gives zeros. */
void compat_set_allocator(void *(*allocate)(size_t bytes));

/* The pieces that ndpi_free_flow_data() frees, but for those of the union `protos`; some may be
 * NULL. Returns how many. */
unsigned compat_pieces(const struct ndpi_flow_struct *flow, void *ret[COMPAT_PIECES_MAX]);

/* The same of the union, where it is that of TLS. */
unsigned compat_pieces_of_tls(const struct ndpi_flow_struct *flow, void *ret[COMPAT_PIECES_MAX]);

#endif

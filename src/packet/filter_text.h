/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a filter, for filter.c and for checking one before anything is opened. */
#ifndef PACKET_FILTER_TEXT_H
#define PACKET_FILTER_TEXT_H

#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { FILTER_VIEW_BYTES = 262144 };    /* longest frame that a filter sees; libpcap's own limit */

/* 0, or -EINVAL with a message that quotes the text and says where and why. */
int packet_filter_check(const char *text, struct error *err);

/* Compiles for a link type (a LINKTYPE_ number); ret_message has PCAP_ERRBUF_SIZE octets. 0 or
 * negative. */
int packet_filter_compile(const char *text, uint16_t link_type, struct bpf_program *ret,
                          char *ret_message);

/* Whether `word` stands in the text as a word of its own. */
bool packet_filter_names(const char *text, const char *word);

#endif

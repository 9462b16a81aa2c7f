/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings for the wire: IPFIX forbids ill-formed UTF-8 (RFC 7011, section 6.1.6), and what was read
 * from packets may be anything. The length is known before the octets are copied, so a record can
 * be measured first and written after.
 */
#ifndef IPFIX_UTF8_H
#define IPFIX_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the text cut to at most `cap` octets without cutting a character in two. */
size_t utf8_cut(const uint8_t *text, size_t bytes, size_t cap);

/* Copies `bytes` octets; each octet that belongs to no well-formed character becomes '?'. */
void utf8_copy(uint8_t *to, const uint8_t *text, size_t bytes);

#endif

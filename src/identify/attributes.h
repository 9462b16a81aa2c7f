/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a flow beside its application: names, texts and numbers, each under a tag,
 * packed one behind another so that a flow keeps what it has and no more. Texts are made safe when
 * they are added (text_escape()) and cut; what does not fit into the whole is left out. The name
 * that DNS was asked for and the Host of HTTP are the host name; ATTRIBUTE_DNS_TYPE and
 * ATTRIBUTE_HTTP_METHOD tell that it is one.
 */
#ifndef IDENTIFY_ATTRIBUTES_H
#define IDENTIFY_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum attribute {                        /* in the order of importance */
	ATTRIBUTE_HOST_NAME = 1, ATTRIBUTE_RISK, ATTRIBUTE_RISK_SCORE,
	ATTRIBUTE_TLS_VERSION, ATTRIBUTE_TLS_CIPHER, ATTRIBUTE_TLS_JA3, ATTRIBUTE_TLS_JA3S,
	ATTRIBUTE_TLS_ALPN, ATTRIBUTE_TLS_SHA1,
	ATTRIBUTE_SSH_HASSH, ATTRIBUTE_SSH_HASSH_SERVER, ATTRIBUTE_SSH_CLIENT, ATTRIBUTE_SSH_SERVER,
	ATTRIBUTE_DNS_TYPE, ATTRIBUTE_DNS_CODE, ATTRIBUTE_DNS_ANSWERS,
	ATTRIBUTE_DNS_ANSWER_TYPE, ATTRIBUTE_DNS_ANSWER,
	ATTRIBUTE_HTTP_METHOD, ATTRIBUTE_HTTP_STATUS, ATTRIBUTE_HTTP_TYPE,
	ATTRIBUTE_USER_AGENT, ATTRIBUTE_HTTP_TARGET,
};

enum { ATTRIBUTE_TEXT_MAX = 120, ATTRIBUTES_MAX = 480 };        /* octets of one and of all */

/* Packed; on the stack or in a worker, never in a flow's own space. */
struct attribute_list {
	uint16_t bytes;
	uint8_t octets[ATTRIBUTES_MAX]; /* tag, length, value; tag, length, value */
};

/* Each leaves out an empty value and what no longer fits. Texts are octets as they were found. */
void attribute_add_text(struct attribute_list *list, enum attribute tag, const char *text,
                        size_t bytes);
void attribute_add_number(struct attribute_list *list, enum attribute tag, uint64_t value);
void attribute_add_octets(struct attribute_list *list, enum attribute tag, const void *octets,
                          size_t bytes);

/* The value, and its length; NULL when there is none. */
const uint8_t *attribute_find(const struct attribute_list *list, enum attribute tag,
                              unsigned *ret_bytes);
/* A number as attribute_add_number() has packed it. */
uint64_t attribute_number(const uint8_t *value, unsigned bytes);

#endif

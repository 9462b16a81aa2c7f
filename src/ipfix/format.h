/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the IPFIX message format (RFC 7011, sections 3 and 7; RFC 5103, section 6). */
#ifndef IPFIX_FORMAT_H
#define IPFIX_FORMAT_H

enum {
	IPFIX_VERSION = 10,
	IPFIX_PORT = 4739,
	IPFIX_HEADER_BYTES = 16,
	IPFIX_SET_HEADER_BYTES = 4,
	IPFIX_MESSAGE_BYTES_MAX = 65535,

	IPFIX_SET_TEMPLATE = 2,
	IPFIX_SET_OPTIONS_TEMPLATE = 3,
	IPFIX_TEMPLATE_ID_MIN = 256,
	IPFIX_TEMPLATE_ID_MAX = 65535,

	IPFIX_ENTERPRISE_BIT = 0x8000,  /* of the element id in a template: a PEN follows */
	IPFIX_OWN_REVERSE_BIT = 0x4000, /* of our own elements' ids: the reverse direction */
	IPFIX_LENGTH_VARIABLE = 65535,  /* element length in a template */
	IPFIX_LENGTH_LONG = 255,        /* first length octet: two more follow */
};

#endif
